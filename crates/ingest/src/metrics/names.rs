//! Names of metrics, units and labels, translated as Prometheus' receiver translates them
//! (<https://github.com/prometheus/otlptranslator>).

use super::options::Options;
use std::borrow::Cow;

/// What a metric is, as far as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `_ratio` where the unit is 1.
    Gauge,
    /// `_total`.
    Counter,
    /// Nothing.
    Other,
}

const UNITS: [(&str, &str); 26] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("1", ""),
    ("%", "percent"),
];

const PER_UNITS: [(&str, &str); 7] = [
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];

fn known<'u>(unit: &'u str, units: &[(&str, &'static str)]) -> &'u str {
    units.iter().find(|(u, _)| *u == unit).map_or(unit, |(_, word)| word)
}

/// What a unit is and what it is per, in words; annotations in braces are nothing.
fn unit_words(unit: &str) -> (String, String) {
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let word = |text: &str, units| match text.trim() {
        text if text.is_empty() || text.contains(['{', '}']) => String::new(),
        text => known(text, units).to_owned(),
    };
    let per = match word(per, &PER_UNITS) {
        word if word.is_empty() => word,
        word => format!("per_{word}"),
    };
    (word(main, &UNITS), per)
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

/// Letters, digits and single underscores, none of them in front.
fn cleaned(unit: &str) -> String {
    let mut out = String::with_capacity(unit.len());
    for c in unit.chars() {
        match is_plain(c) {
            true => out.push(c),
            false if out.ends_with('_') => {}
            false => out.push('_'),
        }
    }
    out.trim_start_matches('_').to_owned()
}

/// The unit as metadata has it.
pub(super) fn unit_name(unit: &str) -> String {
    let (main, per) = unit_words(unit);
    let both = [cleaned(&main), cleaned(&per)];
    let joined = both.iter().filter(|w| !w.is_empty()).map(String::as_str).collect::<Vec<_>>().join("_");
    joined.trim_matches('_').to_owned()
}

/// The name of a metric's series, without what a histogram appends.
pub(super) fn metric_name(name: &str, unit: &str, kind: Kind, options: &Options) -> Result<String, String> {
    if name.is_empty() {
        return Err("a metric has no name".to_owned());
    }
    let made = match (options.translation.escapes(), options.translation.has_suffixes()) {
        (false, false) => name.to_owned(),
        (false, true) => with_suffixes(name, unit, kind),
        (true, suffixes) => escaped(name, unit, kind, suffixes),
    };
    if made != name && made.chars().all(|c| c == '_') {
        return Err(format!("nothing is left of the name {name:?} without what a name cannot have"));
    }
    Ok(made)
}

fn escaped(name: &str, unit: &str, kind: Kind, suffixes: bool) -> String {
    let mut made = if suffixes {
        escaped_with_suffixes(name, unit, kind)
    } else {
        let parts = name.split(|c| !is_plain(c) && c != '_').filter(|p| !p.is_empty());
        parts.collect::<Vec<_>>().join("_")
    };
    if made.starts_with(|c: char| c.is_ascii_digit()) {
        made.insert(0, '_');
    }
    made
}

fn escaped_with_suffixes(name: &str, unit: &str, kind: Kind) -> String {
    let (main, per) = unit_words(unit);
    let (main, per) = (cleaned(&main), cleaned(&per));
    let mut tokens: Vec<&str> = name.split(|c| !is_plain(c)).filter(|p| !p.is_empty()).collect();
    let per = match per.as_str() {
        "per_" => "",
        per => per.trim_end_matches('_'),
    };
    let per = if tokens.contains(&per) { "" } else { per };
    let main_word = if per.is_empty() { main.as_str() } else { main.trim_end_matches('_') };
    if !main.is_empty() && !tokens.contains(&main.as_str()) {
        tokens.push(main_word);
    }
    if !per.is_empty() {
        tokens.push(per);
    }
    let last = match kind {
        Kind::Counter => Some("total"),
        Kind::Gauge if unit == "1" => Some("ratio"),
        _ => None,
    };
    if let Some(last) = last {
        tokens.retain(|t| *t != last);
        tokens.push(last);
    }
    tokens.join("_")
}

fn with_suffixes(name: &str, unit: &str, kind: Kind) -> String {
    let (main, per) = unit_words(unit);
    let last = match kind {
        Kind::Counter => "total",
        Kind::Gauge if unit == "1" => "ratio",
        _ => "",
    };
    let mut made = without_last(without_last(name, last), &per).to_owned();
    let is_there = main.is_empty() || made.ends_with(&main);
    for suffix in [if is_there { "" } else { &main }, &per, last].into_iter().filter(|s| !s.is_empty()) {
        made.push('_');
        made.push_str(suffix);
    }
    made
}

/// A name without its last word and what stands before it.
fn without_last<'n>(name: &'n str, word: &str) -> &'n str {
    match name.strip_suffix(word) {
        Some(rest) if !word.is_empty() && rest.chars().count() > 1 => {
            let before = rest.char_indices().next_back().map_or(0, |(at, _)| at);
            &rest[..before]
        }
        _ => name,
    }
}

/// The name of a label.
pub(super) fn label_name<'n>(name: &'n str, options: &Options) -> Result<Cow<'n, str>, String> {
    if name.is_empty() {
        return Err("an attribute has no name".to_owned());
    }
    let made = if options.translation.escapes() { label(name, options) } else { Cow::Borrowed(name) };
    if made.bytes().all(|b| b == b'_') {
        return Err(format!("nothing but underscores would be left of the name {name:?} of an attribute"));
    }
    Ok(made)
}

fn label<'n>(name: &'n str, options: &Options) -> Cow<'n, str> {
    let is_reserved = name.len() >= 4 && name.starts_with("__") && name.ends_with("__");
    let prefix = match name.as_bytes() {
        [b'0'..=b'9', ..] => "key_",
        [b'_', b'_', ..] => "",
        [b'_', ..] if options.underscore_prefix => "key",
        [b, ..] if !b.is_ascii_alphanumeric() && options.underscore_prefix => "key",
        _ => "",
    };
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if prefix.is_empty()
        && name.bytes().all(good)
        && (options.underscores_kept || is_reserved || !name.contains("__"))
    {
        return Cow::Borrowed(name);
    }
    let mut made = String::with_capacity(prefix.len() + name.len());
    let inner = if is_reserved && !options.underscores_kept { &name[2..name.len() - 2] } else { name };
    for c in inner.chars() {
        match c.is_ascii_alphanumeric() {
            true => made.push(c),
            false if made.ends_with('_') && !options.underscores_kept => {}
            false => made.push('_'),
        }
    }
    if is_reserved && !options.underscores_kept {
        return Cow::Owned(format!("__{made}__"));
    }
    // Two invalid characters in front are two underscores, as a reserved name has.
    if prefix != "key" || !made.starts_with("__") {
        made.insert_str(0, prefix);
    }
    Cow::Owned(made)
}

#[cfg(test)]
mod tests {
    use super::super::options::Translation::{self, *};
    use super::*;

    fn of(translation: Translation) -> Options {
        Options { translation, ..Options::default() }
    }

    #[test]
    fn names_of_metrics() {
        use Kind::*;
        let cases = [
            ("simple_metric", "", Other),
            ("http.server.request.duration", "s", Other),
            ("metric@with#special$chars", "", Other),
            ("123metric", "", Other),
            ("@#$%", "", Other),
            ("@_#_$_%", "", Other),
            ("requests", "", Counter),
            ("requests.total.count", "{request}", Counter),
            ("cpu_usage", "1", Gauge),
            ("cpu.ratio", "1", Gauge),
            ("items", "1", Counter),
            ("response_time", "ms", Other),
            ("memory.usage", "By", Gauge),
            ("memory.bytes", "By", Gauge),
            ("requests", "1/s", Other),
            ("throughput", "By/s", Other),
            ("throughput_bytes_per_second", "By/s", Other),
            ("custom_metric", "custom_unit", Other),
            ("custom_metric", "{custom}", Other),
            ("odd", "_/_", Other),
            ("odd", "a__b//s", Other),
            ("speed", "m/{thing}", Other),
            ("temperature", "Cel", Gauge),
            ("disk.io", " By ", Counter),
            ("größe", "m", Gauge),
            ("a::b", "%", Gauge),
            ("total", "", Counter),
        ];
        let mut out = String::new();
        for (name, unit, kind) in cases {
            out += &format!("{name:?} in {unit:?} ({}), {kind:?}\n", unit_name(unit));
            for translation in [
                UnderscoreEscapingWithSuffixes,
                UnderscoreEscapingWithoutSuffixes,
                NoUtf8EscapingWithSuffixes,
                NoTranslation,
            ] {
                let made = metric_name(name, unit, kind, &of(translation));
                out += &format!("    {:?}\n", made.unwrap_or_else(|e| format!("refused: {e}")));
            }
        }
        insta::assert_snapshot!(out);
    }

    #[test]
    fn names_of_labels() {
        let cases = [
            "plain",
            "http.method",
            "1st",
            "_private",
            "__reserved__",
            "__a..b__",
            "a..b",
            "a__b",
            "é",
            ".a",
            "..a",
            "___",
            "..",
            "",
            "__",
            "a b",
        ];
        let mut out = String::new();
        for name in cases {
            out += &format!("{name:?}\n");
            for (prefix, kept) in [(true, true), (false, true), (true, false)] {
                let options = Options {
                    underscore_prefix: prefix,
                    underscores_kept: kept,
                    ..of(UnderscoreEscapingWithSuffixes)
                };
                let made = label_name(name, &options).map(Cow::into_owned);
                out += &format!("    {:?}\n", made.unwrap_or_else(|e| format!("refused: {e}")));
            }
            let made = label_name(name, &of(NoTranslation)).map(Cow::into_owned);
            out += &format!("    {:?}\n", made.unwrap_or_else(|e| format!("refused: {e}")));
        }
        insta::assert_snapshot!(out);
    }

    proptest::proptest! {
        #[test]
        fn escaped_names_need_no_quotes(name in "\\PC{1,12}|[a-z_.0-9]{1,12}", unit in "[a-zA-Z1%/{}_ .]{0,6}") {
            for translation in [UnderscoreEscapingWithSuffixes, UnderscoreEscapingWithoutSuffixes] {
                let options = of(translation);
                if let Ok(made) = metric_name(&name, &unit, Kind::Gauge, &options) {
                    proptest::prop_assert!(model::is_legacy_metric_name(&made), "{made:?}");
                }
                for kept in [false, true] {
                    let options = Options { underscores_kept: kept, ..options.clone() };
                    if let Ok(made) = label_name(&name, &options) {
                        proptest::prop_assert!(model::is_legacy_label_name(&made), "{made:?}");
                        // One that begins with an underscore is given a beginning of its own.
                        let again = label_name(&made, &options).expect("it is a name");
                        proptest::prop_assert!(again == made || made.starts_with('_'), "{made:?} became {again:?}");
                    }
                }
            }
        }
    }
}
