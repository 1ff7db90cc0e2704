//! The part of an exposition that names a series.

use super::number;
use crate::error::{DecodeError, SyntaxError, quote};
use crate::limits::Limits;
use crate::resolve::{Resolver, check_count};
use model::{AppendError, LabelError, Labels, METRIC_NAME, MetricKind};
use std::borrow::Cow;

/// Name and value pairs that borrow from the body where they can.
pub(crate) type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// A series as an exposition writes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Series<'a> {
    pub(super) raw: Cow<'a, [u8]>,
    pub(super) form: Form<'a>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form<'a> {
    /// `name{a="b"}`, not yet taken apart; where it stands, and what its family is.
    Text { at: At, family: Family<'a> },
    /// Pairs out of a protocol buffer message.
    Pairs(Pairs<'a>),
}

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub line: u32,
    pub column: u32,
}

/// The metric family that lines belong to until another begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Family<'a> {
    pub name: &'a str,
    pub kind: MetricKind,
}

/// Why an entry of an exposition, or the labels of its series, cannot be had.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SeriesError {
    /// The exposition is malformed; nothing of it can be trusted.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// Only this series is refused.
    #[error(transparent)]
    Refused(#[from] AppendError),
}

impl From<SyntaxError> for SeriesError {
    fn from(e: SyntaxError) -> Self {
        SeriesError::Malformed(e.into())
    }
}

impl<'a> Series<'a> {
    /// Bytes that stand for this series and no other within one target's exposition. Equal bytes give equal
    /// labels, so a scraper can keep what it made of a series under them.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The labels, metric name included, checked against the limits.
    pub fn labels(&self, limits: &Limits) -> Result<Labels, SeriesError> {
        let mut resolver = Resolver::new();
        self.pairs(&mut resolver.pairs, limits)?;
        Ok(resolver.labels(limits)?)
    }

    /// The names of labels that are exposed with the empty value. They are not part of [`Series::labels`], but a
    /// scraper that honours exposed labels must not fill them in either.
    pub fn emptied(&self, limits: &Limits) -> Result<Vec<String>, SeriesError> {
        let mut pairs = Pairs::new();
        self.pairs(&mut pairs, limits)?;
        Ok(pairs.iter().filter(|(_, v)| v.is_empty()).map(|(n, _)| n.to_string()).collect())
    }

    /// The pairs as written, in that order.
    pub(crate) fn pairs(&self, out: &mut Pairs<'a>, limits: &Limits) -> Result<(), SeriesError> {
        out.clear();
        match &self.form {
            Form::Pairs(pairs) => out.extend(pairs.iter().cloned()),
            Form::Text { at, family } => {
                let Cow::Borrowed(raw) = self.raw else { return Ok(()) };
                let mut cursor = Cursor { raw, at: 0, origin: *at };
                cursor.series(out, limits)?;
                family.respell_bounds(out);
            }
        }
        Ok(())
    }
}

impl Family<'_> {
    /// `le="1"` and `le="1.0"` are the same bucket: exporters differ, and one of the two spellings is kept,
    /// the one Prometheus keeps.
    fn respell_bounds(&self, pairs: &mut Pairs<'_>) {
        let bound = match self.kind {
            MetricKind::Histogram => "le",
            MetricKind::Summary => "quantile",
            _ => return,
        };
        let named = |(n, v): &(Cow<'_, str>, Cow<'_, str>)| n == METRIC_NAME && v.starts_with(self.name);
        if !pairs.iter().any(named) {
            return;
        }
        for (_, v) in pairs.iter_mut().filter(|(n, _)| n == bound) {
            if let Some(f) = number::value(v.as_bytes()) {
                let spelled = number::canonical(f);
                if *v != spelled {
                    *v = Cow::Owned(spelled);
                }
            }
        }
    }
}

/// The bytes a metric name may have unquoted: letters, digits, `_` and `:`.
#[inline]
pub(super) fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b':'
}

/// Reads the series part of a line, or the labels of an exemplar.
pub(super) struct Cursor<'a> {
    pub raw: &'a [u8],
    pub at: usize,
    pub origin: At,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.raw.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    #[cold]
    fn error(&self, at: usize, expected: &str) -> SyntaxError {
        syntax_error(self.raw, at, self.origin, expected)
    }

    fn series(&mut self, out: &mut Pairs<'a>, limits: &Limits) -> Result<(), SeriesError> {
        while self.peek().is_some_and(is_name_byte) {
            self.at += 1;
        }
        if self.at > 0 {
            out.push((Cow::Borrowed(METRIC_NAME), Cow::Borrowed(self.text(0, self.at)?)));
        }
        self.skip_blanks();
        if self.peek() == Some(b'{') {
            self.at += 1;
            self.braces(out, limits, true)?;
        }
        if out.iter().any(|(n, _)| n == METRIC_NAME) {
            return Ok(());
        }
        Err(self.error(0, "a metric name before or within the braces").into())
    }

    /// From behind `{` to behind `}`. A string alone is the metric name, where one may be.
    pub fn braces(&mut self, out: &mut Pairs<'a>, limits: &Limits, name: bool) -> Result<(), SeriesError> {
        loop {
            self.skip_blanks();
            let start = self.at;
            let label = match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'"') => self.quoted()?,
                Some(b) if is_name_byte(b) && !b.is_ascii_digit() => {
                    while self.peek().is_some_and(|b| is_name_byte(b) && b != b':') {
                        self.at += 1;
                    }
                    Cow::Borrowed(self.text(start, self.at)?)
                }
                _ => return Err(self.error(start, "a label name or \"}\"").into()),
            };
            let bare = self.raw[start] == b'"';
            self.skip_blanks();
            if self.peek() == Some(b'=') {
                self.at += 1;
                self.skip_blanks();
                if self.peek() != Some(b'"') {
                    return Err(self.error(self.at, "a label value in double quotes").into());
                }
                let value = self.quoted()?;
                self.push(label, value, out, limits)?;
            } else if bare && name {
                if out.iter().any(|(n, _)| n == METRIC_NAME) {
                    return Err(self.error(start, "only one metric name").into());
                }
                self.push(Cow::Borrowed(METRIC_NAME), label, out, limits)?;
            } else {
                return Err(self.error(self.at, "\"=\" after a label name").into());
            }
            self.skip_blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {}
                _ => return Err(self.error(self.at, "\",\" or \"}\" after a label").into()),
            }
        }
    }

    /// A line may carry any number of labels; more than the limit are not kept even for a moment.
    fn push(
        &self,
        name: Cow<'a, str>,
        value: Cow<'a, str>,
        out: &mut Pairs<'a>,
        limits: &Limits,
    ) -> Result<(), SeriesError> {
        out.push((name, value));
        if out.len() as u64 > limits.labels_per_series_max {
            check_count(out, limits)?;
        }
        Ok(())
    }

    fn quoted(&mut self) -> Result<Cow<'a, str>, SeriesError> {
        let open = self.at;
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(_) => self.at += 1,
                None => return Err(self.error(open, "a closing quote").into()),
            }
        }
        let end = self.at;
        self.at += 1;
        let text = self.text(start, end)?;
        Ok(if escaped { Cow::Owned(unescape(text, true)) } else { Cow::Borrowed(text) })
    }

    fn text(&self, from: usize, to: usize) -> Result<&'a str, SeriesError> {
        let bytes = &self.raw[from..to];
        std::str::from_utf8(bytes).map_err(|_| {
            AppendError::Labels {
                series: quote(self.raw),
                reason: LabelError::NotUtf8(format!(
                    "{} (line {}, column {})",
                    quote(bytes),
                    self.origin.line,
                    self.origin.column + from as u32
                )),
            }
            .into()
        })
    }
}

/// Resolves `\\`, `\n` and, where strings are quoted, `\"`; other backslashes stand for themselves.
pub(super) fn unescape(text: &str, quoted: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let plain = match rest.as_bytes().first() {
            Some(b'n') => '\n',
            Some(b'\\') => '\\',
            Some(b'"') if quoted => '"',
            _ => {
                out.push('\\');
                continue;
            }
        };
        out.push(plain);
        rest = &rest[1..];
    }
    out.push_str(rest);
    out
}

/// An error at a byte of a text that begins at `origin`.
#[cold]
pub(super) fn syntax_error(text: &[u8], at: usize, origin: At, expected: &str) -> SyntaxError {
    let at = at.min(text.len());
    let before = &text[..at];
    let lines = before.iter().filter(|b| **b == b'\n').count();
    let column = match before.iter().rposition(|b| *b == b'\n') {
        Some(newline) => at - newline,
        None => origin.column as usize + at,
    };
    let rest = &text[at..];
    let word = rest.iter().skip(1).position(|b| b" \t\n,}".contains(b)).map_or(rest.len(), |n| n + 1);
    let found = match rest.first() {
        None => "the end".to_owned(),
        Some(b'\n') => "the end of the line".to_owned(),
        Some(_) => quote(&rest[..word]),
    };
    SyntaxError {
        line: origin.line + lines as u32,
        column: u32::try_from(column).unwrap_or(u32::MAX),
        expected: expected.to_owned(),
        found,
    }
}
