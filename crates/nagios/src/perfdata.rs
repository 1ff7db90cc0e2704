//! Perfdata: `'label'=value[unit];[warning];[critical];[minimum];[maximum]`.

/// Pieces of one output that are read; others are counted as unreadable.
const PIECES_MAX: usize = 1000;
/// Bytes of a label.
const LABEL_BYTES_MAX: usize = 256;

/// A value that a plugin measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Perfdata {
    /// What it is of.
    pub label: String,
    /// The unit as it was written.
    pub unit: String,
    /// The value as it was written; `None` for `U`, which could not be determined.
    pub value: Option<f64>,
    /// Where it warns.
    pub warning: Option<Range>,
    /// Where it is critical.
    pub critical: Option<Range>,
    /// The least it can be.
    pub min: Option<f64>,
    /// The most it can be.
    pub max: Option<f64>,
}

/// A range of values. It alerts outside, or inside if so written (`@`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Its lower end, which may be infinite.
    pub low: f64,
    /// Its upper end, which may be infinite.
    pub high: f64,
    /// Whether it alerts inside.
    pub inside: bool,
}

/// A unit without prefixes, and the factor to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantity {
    /// `seconds`, `bytes`, `percent`, `count`, or nothing for a plain number; another one as it was written is `other`.
    pub unit: &'static str,
    /// What a value as it was written is multiplied with.
    pub factor: f64,
}

impl Range {
    /// Reads a range: `10`, `10:`, `~:10`, `10:20`, `@10:20`.
    pub fn read(text: &str) -> Option<Range> {
        let (inside, rest) = match text.strip_prefix('@') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (low, high) = match rest.split_once(':') {
            None => (0.0, number(rest)?),
            Some((low, high)) => {
                let low = match low {
                    "~" => f64::NEG_INFINITY,
                    "" => 0.0,
                    low => number(low)?,
                };
                (low, if high.is_empty() { f64::INFINITY } else { number(high)? })
            }
        };
        (low <= high).then_some(Range { low, high, inside })
    }

    /// Whether a value in the range's unit alerts.
    pub fn alerts(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value) == self.inside
    }

    /// The same in another unit.
    pub fn scaled(self, factor: f64) -> Range {
        Range { low: self.low * factor, high: self.high * factor, ..self }
    }
}

impl Perfdata {
    /// What the unit means. Times become seconds and sizes bytes, in powers of 1024, as the plugins count them.
    pub fn quantity(&self) -> Quantity {
        let (unit, factor) = match self.unit.as_str() {
            "" => ("", 1.0),
            "s" => ("seconds", 1.0),
            "ms" => ("seconds", 1e-3),
            "us" | "\u{b5}s" => ("seconds", 1e-6),
            "ns" => ("seconds", 1e-9),
            "%" => ("percent", 1.0),
            "c" => ("count", 1.0),
            "B" | "b" => ("bytes", 1.0),
            "KB" | "kB" | "KiB" => ("bytes", 1024.0),
            "MB" | "MiB" => ("bytes", 1_048_576.0),
            "GB" | "GiB" => ("bytes", 1_073_741_824.0),
            "TB" | "TiB" => ("bytes", 1_099_511_627_776.0),
            "PB" | "PiB" => ("bytes", 1_125_899_906_842_624.0),
            _ => ("other", 1.0),
        };
        Quantity { unit, factor }
    }

    /// Writes it as a plugin does.
    pub fn write(&self) -> String {
        let number = |v: Option<f64>| v.map_or(String::new(), |v| v.to_string());
        let range = |r: Option<Range>| r.map_or(String::new(), write_range);
        let quoted = self.label.replace('\'', "''");
        let value = self.value.map_or("U".to_owned(), |v| v.to_string());
        format!(
            "'{quoted}'={value}{};{};{};{};{}",
            self.unit,
            range(self.warning),
            range(self.critical),
            number(self.min),
            number(self.max)
        )
    }
}

fn write_range(r: Range) -> String {
    let low = if r.low == f64::NEG_INFINITY { "~".to_owned() } else { r.low.to_string() };
    let high = if r.high == f64::INFINITY { String::new() } else { r.high.to_string() };
    format!("{}{low}:{high}", if r.inside { "@" } else { "" })
}

/// Reads pieces of perfdata; gives how many cannot be read.
pub(crate) fn read(text: &str, out: &mut Vec<Perfdata>) -> usize {
    let mut rest = text.trim();
    let mut unreadable = 0;
    while !rest.is_empty() {
        let (piece, after) = piece(rest);
        rest = after.trim_start();
        match piece.filter(|_| out.len() < PIECES_MAX) {
            Some(piece) => out.push(piece),
            None => unreadable += 1,
        }
    }
    unreadable
}

/// The first piece, and what is behind it. A piece that cannot be read ends at the next white space.
fn piece(text: &str) -> (Option<Perfdata>, &str) {
    let (label, rest) = match label(text) {
        Some(found) => found,
        None => {
            let end = text.find(char::is_whitespace).unwrap_or(text.len());
            return (None, &text[end..]);
        }
    };
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    (fields(label, &rest[..end]), &rest[end..])
}

/// The label, and what is behind its `=`. In quotes it may hold anything; two quotes within are one.
fn label(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('\'') else {
        let at = text.find('=')?;
        let label = &text[..at];
        let whole = !label.is_empty() && !label.contains(char::is_whitespace);
        return whole.then(|| (label.to_owned(), &text[at + 1..]));
    };
    let mut label = String::new();
    let mut from = 0;
    loop {
        let at = from + quoted[from..].find('\'')?;
        label.push_str(&quoted[from..at]);
        let after = &quoted[at + 1..];
        if after.starts_with('\'') {
            label.push('\'');
            from = at + 2;
            continue;
        }
        let value = after.strip_prefix('=')?;
        return (!label.is_empty()).then_some((label, value));
    }
}

fn fields(mut label: String, text: &str) -> Option<Perfdata> {
    let mut fields = text.split(';');
    let first = fields.next()?;
    let digits = first.find(|c: char| !matches!(c, '0'..='9' | '.' | ',' | '-' | '+' | 'e' | 'E'));
    // `e` may begin a unit as well as an exponent.
    let mut end = digits.unwrap_or(first.len());
    while end > 0 && number(&first[..end]).is_none() {
        end -= 1;
    }
    let (value, unit) = match first.strip_prefix('U') {
        Some(unit) => (None, unit),
        None => (Some(number(&first[..end])?), &first[end..]),
    };
    // What goes on like a number is none, and no unit either.
    if value.is_some() && goes_on(unit) {
        return None;
    }
    label.truncate(label.floor_char_boundary(LABEL_BYTES_MAX));
    let mut unit = unit.to_owned();
    unit.truncate(unit.floor_char_boundary(LABEL_BYTES_MAX));
    let mut next = || fields.next().unwrap_or("");
    let (warning, critical) = (Range::read(next()), Range::read(next()));
    let (min, max) = (number(next()), number(next()));
    Some(Perfdata { label, unit, value, warning, critical, min, max })
}

/// Whether a text could belong to a number before it.
fn goes_on(text: &str) -> bool {
    let digit = |c: char| matches!(c, '0'..='9' | '.' | ',' | '-' | '+');
    text.strip_prefix(['e', 'E']).unwrap_or(text).starts_with(digit)
}

/// A number, with a comma as its point where a locale has crept in.
fn number(text: &str) -> Option<f64> {
    if text.is_empty() || text.contains(|c: char| !matches!(c, '0'..='9' | '.' | ',' | '-' | '+' | 'e' | 'E'))
    {
        return None;
    }
    let value: f64 = text.replace(',', ".").parse().ok()?;
    value.is_finite().then_some(value)
}
