//! Decimal numbers: PostgreSQL's `numeric`, digits in base 10,000.

/// A `numeric`: digits in base 10,000.
pub(super) fn numeric(bytes: &[u8]) -> Result<f64, String> {
    let word = |i: usize| -> Result<u16, String> {
        let pair = bytes.get(i * 2..i * 2 + 2).ok_or_else(|| "ends too early".to_owned())?;
        Ok(u16::from_be_bytes([pair[0], pair[1]]))
    };
    let (count, weight, sign) = (word(0)?, word(1)? as i16, word(2)?);
    match sign {
        0xc000 => return Ok(f64::NAN),
        0xd000 => return Ok(f64::INFINITY),
        0xf000 => return Ok(f64::NEG_INFINITY),
        0 | 0x4000 => {}
        _ => return Err("has an unknown sign".to_owned()),
    }
    // Through decimal text, so that it is rounded once.
    let mut text = String::from(if sign == 0x4000 { "-0" } else { "0" });
    for i in 0..usize::from(count) {
        text.push_str(&format!("{:04}", word(4 + i)?.min(9999)));
    }
    let exponent = (i32::from(weight) - i32::from(count) + 1) * 4;
    text.push_str(&format!("e{exponent}"));
    text.parse().map_err(|_| "is no number".to_owned())
}

/// A decimal number as `numeric`: digits in base 10,000.
pub(super) fn push_numeric(text: &str, out: &mut Vec<u8>) {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    let padded = format!(
        "{}{whole}{part}{}",
        "0".repeat((4 - whole.len() % 4) % 4),
        "0".repeat((4 - part.len() % 4) % 4)
    );
    let groups: Vec<u16> = padded
        .as_bytes()
        .chunks(4)
        .map(|c| c.iter().fold(0, |n, d| n * 10 + u16::from(d.wrapping_sub(b'0') % 10)))
        .collect();
    let mut weight = whole.len().div_ceil(4) as i32 - 1;
    let zeros = groups.iter().take_while(|g| **g == 0).count();
    weight -= zeros as i32;
    let last = groups.iter().rposition(|g| *g != 0).map_or(zeros, |i| i + 1);
    let kept = &groups[zeros.min(last)..last];
    let weight = if kept.is_empty() { 0 } else { weight };
    let sign: u16 = if negative && !kept.is_empty() { 0x4000 } else { 0 };
    for word in [kept.len() as u16, weight as i16 as u16, sign, part.len() as u16] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    kept.iter().for_each(|g| out.extend_from_slice(&g.to_be_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_base_ten_thousand() {
        for (text, words) in [
            ("0", &[0u16, 0, 0, 0][..]),
            ("1", &[1, 0, 0, 0, 1]),
            ("-12345.678", &[3, 1, 0x4000, 3, 1, 2345, 6780]),
            ("0.0001", &[1, 0xffff, 0, 4, 1]),
            ("10000", &[1, 1, 0, 0, 1]),
            ("0.00000001", &[1, 0xfffe, 0, 8, 1]),
        ] {
            let mut out = Vec::new();
            push_numeric(text, &mut out);
            let found: Vec<u16> = out.chunks(2).map(|c| u16::from_be_bytes([c[0], c[1]])).collect();
            assert_eq!(found, words, "{text}");
        }
    }
}
