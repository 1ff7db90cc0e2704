//! The messages of the health service, in their frames: `HealthCheckRequest { string service = 1 }` and
//! `HealthCheckResponse { ServingStatus status = 1 }`.

/// The state of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServingStatus {
    /// Nobody knows.
    Unknown,
    /// It serves.
    Serving,
    /// It does not.
    NotServing,
    /// There is no such service.
    ServiceUnknown,
}

impl ServingStatus {
    /// In order of their numbers.
    pub const ALL: [ServingStatus; 4] = [
        ServingStatus::Unknown,
        ServingStatus::Serving,
        ServingStatus::NotServing,
        ServingStatus::ServiceUnknown,
    ];

    /// As protocol buffers name it.
    pub fn name(self) -> &'static str {
        match self {
            ServingStatus::Unknown => "UNKNOWN",
            ServingStatus::Serving => "SERVING",
            ServingStatus::NotServing => "NOT_SERVING",
            ServingStatus::ServiceUnknown => "SERVICE_UNKNOWN",
        }
    }
}

/// A frame with the question for a service.
pub fn request(service: &str) -> Vec<u8> {
    let mut message = Vec::new();
    if !service.is_empty() {
        message.push(0x0a);
        let mut length = service.len();
        while length >= 0x80 {
            message.push(length as u8 | 0x80);
            length >>= 7;
        }
        message.push(length as u8);
        message.extend_from_slice(service.as_bytes());
    }
    let mut frame = vec![0];
    frame.extend_from_slice(&(message.len() as u32).to_be_bytes());
    frame.extend_from_slice(&message);
    frame
}

/// The status in a frame; `None` if it holds none that is known.
pub fn response(frame: &[u8]) -> Option<ServingStatus> {
    let (head, rest) = frame.split_at_checked(5)?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    // A compressed message was not asked for.
    if head[0] != 0 {
        return None;
    }
    let mut message = rest.get(..length)?;
    let mut status = 0;
    while !message.is_empty() {
        let (key, after) = varint(message)?;
        let (value, after) = match key & 7 {
            0 => varint(after)?,
            1 => (0, after.get(8..)?),
            2 => {
                let (length, after) = varint(after)?;
                (0, after.get(usize::try_from(length).ok()?..)?)
            }
            5 => (0, after.get(4..)?),
            _ => return None,
        };
        if key == 0x08 {
            status = value;
        }
        message = after;
    }
    ServingStatus::ALL.get(usize::try_from(status).ok()?).copied()
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (i, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(7 * i as u32)?;
        if byte & 0x80 == 0 {
            return Some((value, &bytes[i + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read() {
        for (frame, want) in [
            (&[0, 0, 0, 0, 0][..], Some(ServingStatus::Unknown)),
            (&[0, 0, 0, 0, 2, 8, 1], Some(ServingStatus::Serving)),
            (&[0, 0, 0, 0, 2, 8, 2], Some(ServingStatus::NotServing)),
            (&[0, 0, 0, 0, 2, 8, 9], None),
            (&[1, 0, 0, 0, 2, 8, 1], None),
            (&[0, 0, 0, 0, 3, 8, 1], None),
            (&[0, 0, 0, 0, 5, 0x12, 1, 0, 8, 1], Some(ServingStatus::Serving)),
            (&[0, 0, 0, 0, 2, 0x12, 0xff], None),
            (&[], None),
        ] {
            assert_eq!(response(frame), want, "{frame:?}");
        }
        assert_eq!(request(""), [0, 0, 0, 0, 0]);
        assert_eq!(request("ab"), [0, 0, 0, 0, 4, 0x0a, 2, b'a', b'b']);
        assert_eq!(request(&"x".repeat(200))[..8], [0, 0, 0, 0, 203, 0x0a, 0xc8, 1]);
    }
}
