//! Sets of addresses, and addresses in text.

use std::net::IpAddr;

/// `10.0.0.1`, `10.0.0.1-10.0.0.9` or `10.0.0.0/8`, the same for IPv6. Both ends are included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IpSet {
    first: IpAddr,
    last: IpAddr,
}

impl IpSet {
    pub fn parse(text: &str) -> Option<IpSet> {
        if let Ok(one) = text.parse() {
            return Some(IpSet { first: one, last: one });
        }
        if let Some((address, bits)) = text.split_once('/') {
            return network(address.parse().ok()?, bits.parse().ok()?);
        }
        let (first, last) = text.split_once('-')?;
        let (first, last): (IpAddr, IpAddr) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(IpSet { first, last })
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.first.is_ipv4() && self.first <= address && address <= self.last
    }

    /// Whether any address in a text is of this set.
    pub fn occurs_in(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let here = &bytes[at..];
            let v4 = looks_like_v4(here);
            if !v4 && !looks_like_v6(here) {
                at += 1;
                continue;
            }
            let of_address = |b: &u8| match v4 {
                true => b.is_ascii_digit() || *b == b'.',
                false => b.is_ascii_hexdigit() || matches!(b, b':' | b'.'),
            };
            let length = here.iter().take_while(|b| of_address(b)).count();
            // Only ASCII was taken, so this is a whole text.
            let candidate = std::str::from_utf8(&here[..length]).unwrap_or_default();
            if candidate.parse().is_ok_and(|address| self.contains(address)) {
                return true;
            }
            at += length.max(1);
        }
        false
    }
}

fn network(address: IpAddr, bits: u32) -> Option<IpSet> {
    match address {
        IpAddr::V4(a) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            let first = a.to_bits() & mask;
            Some(IpSet { first: IpAddr::V4(first.into()), last: IpAddr::V4((first | !mask).into()) })
        }
        IpAddr::V6(a) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            let first = a.to_bits() & mask;
            Some(IpSet { first: IpAddr::V6(first.into()), last: IpAddr::V6((first | !mask).into()) })
        }
        _ => None,
    }
}

/// One to three digits and a dot.
fn looks_like_v4(bytes: &[u8]) -> bool {
    let digits = bytes.iter().take(4).take_while(|b| b.is_ascii_digit()).count();
    (1..=3).contains(&digits) && bytes.get(digits) == Some(&b'.')
}

/// Up to four hexadecimal digits and a colon, or two colons and a digit.
fn looks_like_v6(bytes: &[u8]) -> bool {
    let digits = bytes.iter().take(5).take_while(|b| b.is_ascii_hexdigit()).count();
    match digits {
        0 => bytes.starts_with(b"::") && bytes.get(2).is_some_and(u8::is_ascii_hexdigit),
        1..=4 => bytes.get(digits) == Some(&b':'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_text() {
        for (set, text, found) in [
            ("3.180.71.3", "3.180.71.3 - - GET", true),
            ("3.180.71.3", "93.180.71.3 - - GET", false),
            ("192.168.4.5/16", "from 192.168.200.1:80", true),
            ("192.168.4.5-192.168.4.20", "x=192.168.4.21", false),
            ("192.168.4.5-192.168.4.20", "x=192.168.4.20,", true),
            ("::1", "at ::1 now", true),
            ("2001:db8::/32", "[2001:db8:0:1::7]:80", true),
            ("2001:db8::1-2001:db8::8", "2001:db8::9", false),
            ("0.0.0.0/0", "::1", false),
            ("10.0.0.1", "at 09:14:29 from 10.0.0.1", true),
            ("10.0.0.1", "é 10.0.0.1é", true),
        ] {
            assert_eq!(IpSet::parse(set).unwrap().occurs_in(text), found, "{set} in {text}");
        }
        for wrong in ["", "x", "1.2.3", "1.2.3.4/33", "1.2.3.4-::1", "1.2.3.9-1.2.3.4"] {
            assert_eq!(IpSet::parse(wrong), None, "{wrong}");
        }
    }
}
