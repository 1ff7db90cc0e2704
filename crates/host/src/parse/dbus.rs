//! Messages of D-Bus as systemd sends them, in the byte order of this machine's programs: little-endian.

/// What every message begins with, up to and with the length of its header fields.
pub const FIXED_BYTES: usize = 16;
/// No answer we ask for is larger.
pub const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    /// 1 is a call, 2 an answer, 3 an error, 4 a signal.
    pub kind: u8,
    /// The call this answers.
    pub answers: Option<u32>,
    /// The name of an error.
    pub error: Option<&'a str>,
    /// The types of the body.
    pub signature: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// A unit, as `ListUnits` of systemd lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit<'a> {
    /// `ssh.service`
    pub name: &'a str,
    /// `loaded` where there is a file for it.
    pub load_state: &'a str,
    /// `active`, `failed` and so on.
    pub active_state: &'a str,
    /// Its object.
    pub path: &'a str,
}

/// The value of a property, of the types that are asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Property<'a> {
    /// A string.
    Text(&'a str),
    /// A number, or a truth as 0 or 1.
    Number(u64),
}

/// The length of a whole message, from its first 16 bytes; `None` if these are not a message we could read.
pub fn message_len(fixed: &[u8; FIXED_BYTES]) -> Option<usize> {
    if fixed[0] != b'l' || fixed[3] != 1 {
        return None;
    }
    let mut r = Reader { bytes: fixed, at: 4 };
    let (body, _serial, fields) = (r.u32()? as usize, r.u32()?, r.u32()? as usize);
    let len = FIXED_BYTES.checked_add(fields.checked_next_multiple_of(8)?)?.checked_add(body)?;
    (len <= MESSAGE_BYTES_MAX).then_some(len)
}

/// A whole message.
pub fn message(bytes: &[u8]) -> Option<Message<'_>> {
    let fixed = bytes.first_chunk::<FIXED_BYTES>()?;
    if message_len(fixed)? != bytes.len() {
        return None;
    }
    let mut r = Reader { bytes, at: 12 };
    let end = FIXED_BYTES + r.u32()? as usize;
    let body = bytes.get(end.next_multiple_of(8)..)?;
    let mut m = Message { kind: fixed[1], answers: None, error: None, signature: "", body };
    r.bytes = bytes.get(..end)?;
    while r.at < end {
        r.align(8)?;
        let field = r.byte()?;
        match (field, r.signature()?) {
            (5, "u") => m.answers = Some(r.u32()?),
            (8, "g") => m.signature = r.signature()?,
            (4, "s") => m.error = Some(r.string()?),
            (_, "s" | "o") => drop(r.string()?),
            (_, "g") => drop(r.signature()?),
            (_, "u") => drop(r.u32()?),
            _ => return None,
        }
    }
    Some(m)
}

/// The units in the answer to `ListUnits`.
pub fn units<'a>(m: &Message<'a>) -> Option<Vec<Unit<'a>>> {
    if m.signature != "a(ssssssouso)" {
        return None;
    }
    let mut r = Reader { bytes: m.body, at: 0 };
    let len = r.u32()? as usize;
    r.align(8)?;
    r.bytes = r.bytes.get(..r.at.checked_add(len)?)?;
    let mut units = Vec::new();
    while r.at < r.bytes.len() {
        r.align(8)?;
        let (name, _description) = (r.string()?, r.string()?);
        let (load_state, active_state) = (r.string()?, r.string()?);
        let (_sub, _following, path) = (r.string()?, r.string()?, r.string()?);
        let (_job, _kind, _object) = (r.u32()?, r.string()?, r.string()?);
        units.push(Unit { name, load_state, active_state, path });
    }
    Some(units)
}

/// The value in the answer to `Get` of a property.
pub fn property<'a>(m: &Message<'a>) -> Option<Property<'a>> {
    if m.signature != "v" {
        return None;
    }
    let mut r = Reader { bytes: m.body, at: 0 };
    Some(match r.signature()? {
        "s" | "o" => Property::Text(r.string()?),
        "u" | "b" => Property::Number(u64::from(r.u32()?)),
        "t" => Property::Number(r.u64()?),
        _ => return None,
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn align(&mut self, to: usize) -> Option<()> {
        self.at = self.at.checked_next_multiple_of(to)?;
        (self.at <= self.bytes.len()).then_some(())
    }

    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(n)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|b| b[0])
    }

    fn u32(&mut self) -> Option<u32> {
        self.align(4)?;
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.align(8)?;
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    /// A string or the path of an object, with a NUL behind it.
    fn string(&mut self) -> Option<&'a str> {
        let len = self.u32()? as usize;
        let text = std::str::from_utf8(self.take(len)?).ok()?;
        (self.byte()? == 0).then_some(text)
    }

    fn signature(&mut self) -> Option<&'a str> {
        let len = usize::from(self.byte()?);
        let text = std::str::from_utf8(self.take(len)?).ok()?;
        (self.byte()? == 0).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let read = |bytes: &[u8]| {
                if let Some(m) = message(bytes) {
                    let _ = (units(&m), property(&m));
                }
            };
            read(&bytes);
            // The same as a message of its length.
            if bytes.len() >= FIXED_BYTES {
                let fields = bytes[12] as usize % (bytes.len() - FIXED_BYTES + 1) / 8 * 8;
                let body = bytes.len() - FIXED_BYTES - fields;
                (bytes[0], bytes[3]) = (b'l', 1);
                bytes[4..8].copy_from_slice(&(body as u32).to_le_bytes());
                bytes[12..16].copy_from_slice(&(fields as u32).to_le_bytes());
                read(&bytes);
                for signature in ["a(ssssssouso)", "v"] {
                    let m = Message { kind: 2, answers: None, error: None, signature, body: &bytes };
                    let _ = (units(&m), property(&m));
                }
            }
        }
    }

    #[test]
    fn lengths_are_bounded() {
        let mut fixed = *b"l\x02\x01\x01\x00\x00\x00\x00\x01\x00\x00\x00\x09\x00\x00\x00";
        assert_eq!(message_len(&fixed), Some(32));
        fixed[7] = 0xff;
        assert_eq!(message_len(&fixed), None);
        fixed = [0xff; 16];
        (fixed[0], fixed[3]) = (b'l', 1);
        assert_eq!(message_len(&fixed), None);
    }
}
