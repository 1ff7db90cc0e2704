//! As much of DER (X.690) as certificates (RFC 5280) need: what they are of, and until when.

/// Tags.
const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;
const TELETEX: u8 = 0x14;
const IA5: u8 = 0x16;
const UTC_TIME: u8 = 0x17;
const TIME: u8 = 0x18;
const BMP: u8 = 0x1e;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const DNS_NAME: u8 = 0x82;
/// 2.5.29.17
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// A value: its tag and what is in it. There is no more nesting than the shape of a certificate has, so nothing recurses.
#[derive(Debug, Clone, Copy)]
pub struct Value<'a> {
    tag: u8,
    bytes: &'a [u8],
}

/// Values one after the other.
#[derive(Debug, Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<Value<'a>> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            // The indefinite length is not DER's; more than four bytes of length are no certificate's.
            0x80 | 0x85.. => return None,
            0..0x80 => (usize::from(*first), rest),
            _ => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (digits.iter().fold(0usize, |n, b| n << 8 | usize::from(*b)), rest)
            }
        };
        let (bytes, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Value { tag: *tag, bytes })
    }

    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|v| v.tag == tag).map(|v| v.bytes)
    }

    /// The next value if it has this tag; else nothing is read.
    fn optional(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let found = ahead.next().filter(|v| v.tag == tag)?;
        *self = ahead;
        Some(found.bytes)
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        Reader::next(self)
    }
}

/// What is read of a certificate.
#[derive(Debug, Clone, Copy)]
pub struct Certificate<'a> {
    /// Its number, as an integer of DER.
    pub serial: &'a [u8],
    /// Who vouches for it, the bytes of a name.
    pub issuer: &'a [u8],
    /// Whose it is, the bytes of a name.
    pub subject: &'a [u8],
    /// Until when, Unix seconds.
    pub expiry: i64,
    extensions: &'a [u8],
}

/// A part of a name: what kind, and the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The object identifier with points between its numbers.
    pub kind: String,
    /// The value if it is text, and else its bytes.
    pub value: Result<String, Vec<u8>>,
}

impl<'a> Certificate<'a> {
    /// Reads a certificate; `None` if it is none. Its signature is not looked at.
    pub fn read(der: &'a [u8]) -> Option<Certificate<'a>> {
        let mut outer = Reader(Reader(der).expect(SEQUENCE)?);
        let mut tbs = Reader(outer.expect(SEQUENCE)?);
        tbs.optional(VERSION);
        let serial = tbs.expect(INTEGER)?;
        tbs.expect(SEQUENCE)?;
        let issuer = tbs.expect(SEQUENCE)?;
        let mut validity = Reader(tbs.expect(SEQUENCE)?);
        validity.next()?;
        let expiry = time(validity.next()?)?;
        let subject = tbs.expect(SEQUENCE)?;
        tbs.expect(SEQUENCE)?;
        let extensions = tbs.find(|v| v.tag == EXTENSIONS).map_or(&[][..], |v| v.bytes);
        Some(Certificate { serial, issuer, subject, expiry, extensions })
    }

    /// DNS names that it is for.
    pub fn dns_names(&self) -> Vec<String> {
        self.find_dns_names().unwrap_or_default()
    }

    fn find_dns_names(&self) -> Option<Vec<String>> {
        for extension in Reader(Reader(self.extensions).expect(SEQUENCE)?) {
            let mut parts = Reader(extension.bytes);
            let id = parts.expect(OID)?;
            parts.optional(BOOLEAN);
            if id == SUBJECT_ALT_NAME {
                let names = Reader(Reader(parts.expect(OCTETS)?).expect(SEQUENCE)?);
                let dns = names.filter(|n| n.tag == DNS_NAME);
                return Some(dns.map(|n| String::from_utf8_lossy(n.bytes).into_owned()).collect());
            }
        }
        None
    }
}

/// The parts of a name, in order; those of one set belong together.
pub fn name(bytes: &[u8]) -> Vec<Vec<Attribute>> {
    let sets = Reader(bytes).filter(|v| v.tag == SET);
    sets.map(|set| Reader(set.bytes).filter_map(attribute).collect()).collect()
}

fn attribute(v: Value<'_>) -> Option<Attribute> {
    let mut parts = Reader(v.bytes);
    let kind = oid(parts.expect(OID)?)?;
    let value = parts.next()?;
    let text = match value.tag {
        UTF8 | PRINTABLE | IA5 => std::str::from_utf8(value.bytes).ok().map(str::to_owned),
        TELETEX => Some(value.bytes.iter().map(|b| char::from(*b)).collect()),
        BMP => {
            let units: Vec<u16> =
                value.bytes.chunks_exact(2).map(|p| u16::from_be_bytes([p[0], p[1]])).collect();
            String::from_utf16(&units).ok()
        }
        _ => None,
    };
    Some(Attribute { kind, value: text.ok_or_else(|| value.bytes.to_vec()) })
}

fn oid(bytes: &[u8]) -> Option<String> {
    let mut numbers: Vec<u64> = Vec::new();
    let mut number = 0u64;
    for byte in bytes {
        number = number.checked_mul(128)? + u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            numbers.push(number);
            number = 0;
        }
    }
    // The first two numbers are in one.
    let first = *numbers.first()?;
    let top = (first / 40).min(2);
    let mut all = vec![top.to_string(), (first - top * 40).to_string()];
    all.extend(numbers[1..].iter().map(u64::to_string));
    Some(all.join("."))
}

/// Unix seconds of `YYMMDDHHMMSSZ` and `YYYYMMDDHHMMSSZ`.
fn time(v: Value<'_>) -> Option<i64> {
    let (digits, zone) = v.bytes.split_at_checked(if v.tag == UTC_TIME { 12 } else { 14 })?;
    if zone != b"Z" || !matches!(v.tag, UTC_TIME | TIME) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |part: &[u8]| part.iter().fold(0i64, |n, b| n * 10 + i64::from(b - b'0'));
    let (year, rest) = match v.tag {
        UTC_TIME => {
            let short = number(&digits[..2]);
            (if short < 50 { 2000 + short } else { 1900 + short }, &digits[2..])
        }
        _ => (number(&digits[..4]), &digits[4..]),
    };
    let [month, day, hour, minute, second] = [0, 2, 4, 6, 8].map(|at| number(&rest[at..at + 2]));
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Days since 1970-01-01. Years are taken to begin in March, so that the leap day is the last of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        for (tag, text, want) in [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (UTC_TIME, "500101000000Z", Some(-631_152_000)),
            (TIME, "20000229000000Z", Some(951_782_400)),
            (TIME, "99991231235959Z", Some(253_402_300_799)),
            (TIME, "20001301000000Z", None),
            (TIME, "20000229000000", None),
            (UTC_TIME, "7001010000Z", None),
            (INTEGER, "20000229000000Z", None),
        ] {
            assert_eq!(time(Value { tag, bytes: text.as_bytes() }), want, "{text}");
        }
    }

    #[test]
    fn identifiers_are_read() {
        assert_eq!(oid(&[0x55, 0x04, 0x03]).as_deref(), Some("2.5.4.3"));
        assert_eq!(
            oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1]).as_deref(),
            Some("1.2.840.113549.1.9.1")
        );
        assert_eq!(oid(&[]), None);
        assert_eq!(oid(&[0xff; 20]), None);
    }

    #[test]
    fn lengths_are_bounded() {
        for bytes in [
            &[0x30][..],
            &[0x30, 0x80],
            &[0x30, 0x85, 1, 1, 1, 1, 1],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 2, 0],
        ] {
            assert!(Reader(bytes).next().is_none(), "{bytes:?}");
        }
    }
}
