//! The kernel's plain text: lines of fields separated by blanks, numbers in decimal or hexadecimal.

/// Lines without their line feed, empty ones left out.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty())
}

/// Fields separated by any number of blanks.
pub fn fields(line: &[u8]) -> Fields<'_> {
    Fields { rest: line }
}

/// See [`fields`].
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.rest.iter().position(|b| !b.is_ascii_whitespace())?;
        let rest = &self.rest[start..];
        let end = rest.iter().position(|b| b.is_ascii_whitespace()).unwrap_or(rest.len());
        self.rest = &rest[end..];
        Some(&rest[..end])
    }
}

/// What stands before and after the first `at`.
pub fn split_once(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let i = bytes.iter().position(|b| *b == at)?;
    Some((&bytes[..i], &bytes[i + 1..]))
}

/// An unsigned decimal number, nothing before or after it.
pub fn uint(field: &[u8]) -> Option<u64> {
    if field.is_empty() {
        return None;
    }
    field.iter().try_fold(0u64, |n, b| {
        let digit = b.wrapping_sub(b'0');
        (digit < 10).then_some(())?;
        n.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// A decimal number with an optional sign and fraction.
pub fn number(field: &[u8]) -> Option<f64> {
    match uint(field) {
        Some(n) => Some(n as f64),
        None => std::str::from_utf8(field).ok()?.parse::<f64>().ok().filter(|n| n.is_finite()),
    }
}

/// An unsigned hexadecimal number, with or without `0x`.
pub fn hex(field: &[u8]) -> Option<u64> {
    let digits = field.strip_prefix(b"0x").unwrap_or(field);
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |n, b| {
        let digit = (*b as char).to_digit(16)?;
        (n >> 60 == 0).then_some(n << 4 | u64::from(digit))
    })
}

/// The number at the front of a line of its own, as sysfs writes values.
pub fn value(bytes: &[u8]) -> Option<f64> {
    let field = bytes.trim_ascii();
    number(field).or_else(|| field.starts_with(b"0x").then(|| hex(field))?.map(|n| n as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_whole_fields() {
        assert_eq!(uint(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(uint(b"18446744073709551616"), None);
        assert_eq!((uint(b""), uint(b"-1"), uint(b"1x"), uint(b"007")), (None, None, None, Some(7)));
        assert_eq!((number(b"-1.5"), number(b"inf"), number(b"1e3")), (Some(-1.5), None, Some(1000.0)));
        assert_eq!((hex(b"0xff"), hex(b"FF"), hex(b"g"), hex(b"")), (Some(255), Some(255), None, None));
        assert_eq!((hex(b"ffffffffffffffff"), hex(b"10000000000000000")), (Some(u64::MAX), None));
        assert_eq!((value(b" 12\n"), value(b"0x1003\n"), value(b"up\n")), (Some(12.0), Some(4099.0), None));
    }

    proptest! {
        #[test]
        fn fields_are_those_of_the_standard_library(line in "[ \tab1]{0,40}") {
            let ours: Vec<_> = fields(line.as_bytes()).collect();
            let theirs: Vec<_> = line.split_ascii_whitespace().map(str::as_bytes).collect();
            prop_assert_eq!(ours, theirs);
        }

        #[test]
        fn unsigned_numbers_are_those_of_the_standard_library(field in "[0-9]{0,22}") {
            prop_assert_eq!(uint(field.as_bytes()), field.parse().ok());
            prop_assert_eq!(hex(field.as_bytes()), u64::from_str_radix(&field, 16).ok());
        }
    }
}
