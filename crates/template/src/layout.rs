//! Times by example: Go's layouts, in UTC.

use crate::calendar::{Civil, MONTHS, WEEKDAYS};
use std::fmt::Write;

/// What each example in a layout stands for. Of two that fit, the earlier one is meant.
const EXAMPLES: [&str; 33] = [
    "January",
    "Jan",
    "Monday",
    "Mon",
    "MST",
    "01",
    "02",
    "03",
    "04",
    "05",
    "06",
    "002",
    "2006",
    "__2",
    "_2",
    "15",
    "PM",
    "pm",
    "-07:00:00",
    "-070000",
    "-07:00",
    "-0700",
    "-07",
    "Z07:00:00",
    "Z070000",
    "Z07:00",
    "Z0700",
    "Z07",
    "1",
    "2",
    "3",
    "4",
    "5",
];

/// A time written as the layout shows it.
pub(crate) fn format(layout: &str, c: Civil, nanos: u32) -> String {
    let mut out = String::with_capacity(layout.len());
    let mut rest = layout;
    while let Some(first) = rest.chars().next() {
        let fraction = fraction_len(rest);
        if fraction > 0 {
            push_fraction(&mut out, &rest[..fraction], nanos);
            rest = &rest[fraction..];
            continue;
        }
        // `002` before `00`, `__2006` is a literal underscore and the year.
        let example = if rest.starts_with("_2006") {
            None
        } else if rest.starts_with("002") {
            Some("002")
        } else {
            EXAMPLES.iter().copied().find(|e| {
                rest.starts_with(e) && !(*e == "Jan" && continues(rest)) && !(*e == "Mon" && continues(rest))
            })
        };
        match example {
            Some(example) => {
                push(&mut out, example, c);
                rest = &rest[example.len()..];
            }
            None => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}

/// `Month` is no example though it begins as one.
fn continues(rest: &str) -> bool {
    rest[3..].starts_with(|c: char| c.is_ascii_lowercase())
}

/// The length of `.000` or `.999`, which counts only where no digit follows.
fn fraction_len(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    if !matches!(bytes[0], b'.' | b',') || bytes.len() < 2 || !matches!(bytes[1], b'0' | b'9') {
        return 0;
    }
    let digits = bytes[1..].iter().take_while(|b| **b == bytes[1]).count();
    let follows = bytes.get(1 + digits).is_some_and(u8::is_ascii_digit);
    if follows || digits > 9 { 0 } else { 1 + digits }
}

fn push_fraction(out: &mut String, example: &str, nanos: u32) {
    let digits = example.len() - 1;
    let text = format!("{nanos:09}");
    let kept = &text[..digits];
    let kept = if example.as_bytes()[1] == b'9' { kept.trim_end_matches('0') } else { kept };
    if !kept.is_empty() {
        out.push_str(&example[..1]);
        out.push_str(kept);
    }
}

fn push(out: &mut String, example: &str, c: Civil) {
    let hour12 = if c.hour.is_multiple_of(12) { 12 } else { c.hour % 12 };
    let month = MONTHS[usize::from(c.month - 1)];
    let weekday = WEEKDAYS[usize::from(c.weekday)];
    let _ = match example {
        "January" => write!(out, "{month}"),
        "Jan" => write!(out, "{}", &month[..3]),
        "1" => write!(out, "{}", c.month),
        "01" => write!(out, "{:02}", c.month),
        "Monday" => write!(out, "{weekday}"),
        "Mon" => write!(out, "{}", &weekday[..3]),
        "2" => write!(out, "{}", c.day),
        "_2" => write!(out, "{:2}", c.day),
        "02" => write!(out, "{:02}", c.day),
        "__2" => write!(out, "{:3}", c.yearday),
        "002" => write!(out, "{:03}", c.yearday),
        "15" => write!(out, "{:02}", c.hour),
        "3" => write!(out, "{hour12}"),
        "03" => write!(out, "{hour12:02}"),
        "4" => write!(out, "{}", c.minute),
        "04" => write!(out, "{:02}", c.minute),
        "5" => write!(out, "{}", c.second),
        "05" => write!(out, "{:02}", c.second),
        "2006" => write!(out, "{:04}", c.year),
        "06" => write!(out, "{:02}", c.year.rem_euclid(100)),
        "PM" => write!(out, "{}", if c.hour < 12 { "AM" } else { "PM" }),
        "pm" => write!(out, "{}", if c.hour < 12 { "am" } else { "pm" }),
        "MST" => write!(out, "UTC"),
        "-07:00:00" => write!(out, "+00:00:00"),
        "-070000" => write!(out, "+000000"),
        "-07:00" => write!(out, "+00:00"),
        "-0700" => write!(out, "+0000"),
        "-07" => write!(out, "+00"),
        _ => write!(out, "Z"),
    };
}

#[cfg(test)]
mod tests {
    use super::format;
    use crate::calendar::civil;

    #[test]
    fn layouts_are_followed() {
        // Sat Nov 24 11:14:12.034 2012
        let t = civil(1_353_755_652);
        for (layout, text) in [
            ("Mon Jan 2 15:04:05 2006", "Sat Nov 24 11:14:12 2012"),
            ("Monday, 02-Jan-06 15:04:05 MST", "Saturday, 24-Nov-12 11:14:12 UTC"),
            ("2006-01-02T15:04:05.999999999Z07:00", "2012-11-24T11:14:12.034Z"),
            ("2006-01-02 15:04:05.999999999 -0700 MST", "2012-11-24 11:14:12.034 +0000 UTC"),
            ("3:04PM", "11:14AM"),
            ("Jan _2 15:04:05.000000", "Nov 24 11:14:12.034000"),
            ("January 1 002 __2", "November 11 329 329"),
            ("20060102150405", "20121124111412"),
            ("Month .0001", "Month .0011"),
        ] {
            assert_eq!(format(layout, t, 34_000_000), text, "{layout}");
        }
    }
}
