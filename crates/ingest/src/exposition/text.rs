//! The Prometheus text format 0.0.4 and OpenMetrics 1.0, by one parser that never copies.
//!
//! The grammar is the one Prometheus accepts: 0.0.4 is lenient about blanks, OpenMetrics wants exactly one and
//! `# EOF` at the end.

use super::series::{At, Cursor, Family, Form, Series, SeriesError, is_name_byte, syntax_error, unescape};
use super::starts::StartTimes;
use super::{Entry, Format, Sample, number};
use crate::error::SyntaxError;
use crate::limits::Limits;
use crate::resolve::exemplar_labels;
use model::{AppendError, Exemplar, MetricKind};
use std::borrow::Cow;

/// Yields the entries of a text exposition. After an error the exposition is not read further.
pub struct TextParser<'a> {
    pub(super) body: &'a [u8],
    at: usize,
    line: u32,
    line_start: usize,
    strict: bool,
    ended: bool,
    family: Family<'a>,
    limits: &'a Limits,
    starts: Option<StartTimes>,
}

/// What follows a series on its line.
struct Tail {
    value: f64,
    time_ms: Option<i64>,
    exemplar: Option<Result<Exemplar, AppendError>>,
}

impl<'a> TextParser<'a> {
    /// A parser of 0.0.4 text, or of OpenMetrics if `format` says so. In OpenMetrics the `_created` series of
    /// counters, histograms and summaries become the start times of the samples they belong to.
    pub fn new(body: &'a [u8], format: Format, limits: &'a Limits) -> Self {
        let mut parser = Self::without_starts(body, format, limits);
        if parser.strict {
            parser.starts = StartTimes::collect(body, limits);
        }
        parser
    }

    pub(super) fn without_starts(body: &'a [u8], format: Format, limits: &'a Limits) -> Self {
        TextParser {
            body,
            at: 0,
            line: 0,
            line_start: 0,
            strict: format == Format::OpenMetrics,
            ended: false,
            family: Family { name: "", kind: MetricKind::Unknown },
            limits,
            starts: None,
        }
    }

    /// The next entry, `None` at the end.
    ///
    /// [`SeriesError::Refused`] concerns one line only; the next call goes on behind it.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Entry<'a>>, SeriesError> {
        loop {
            if self.ended {
                return Ok(None);
            }
            self.begin_line();
            if !self.strict {
                self.skip_blanks();
            }
            let entry = match self.peek() {
                None if self.strict => return Err(self.error("\"# EOF\" as the last line").into()),
                None => {
                    self.ended = true;
                    None
                }
                Some(b'\n') if !self.strict => {
                    self.at += 1;
                    None
                }
                Some(b'\r') if !self.strict => {
                    self.end_of_line("the end of the line")?;
                    None
                }
                Some(b'#') => self.comment()?,
                Some(b'{') => self.sample()?,
                Some(b) if is_name_byte(b) && !b.is_ascii_digit() => self.sample()?,
                Some(_) => return Err(self.error("a metric name, \"{\" or \"#\"").into()),
            };
            if entry.is_some() {
                return Ok(entry);
            }
        }
    }

    fn begin_line(&mut self) {
        self.line += 1;
        self.line_start = self.at;
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn here(&self) -> At {
        At { line: self.line, column: u32::try_from(self.at - self.line_start + 1).unwrap_or(u32::MAX) }
    }

    #[cold]
    fn error(&self, expected: &str) -> SyntaxError {
        syntax_error(&self.body[self.at.min(self.body.len())..], 0, self.here(), expected)
    }

    /// `# TYPE`, `# HELP`, `# UNIT`, `# EOF`, or a comment, which is passed over.
    fn comment(&mut self) -> Result<Option<Entry<'a>>, SeriesError> {
        let end = self.line_end();
        self.at += 1;
        if self.strict {
            return self.strict_comment(end);
        }
        let blanks = self.at;
        self.skip_blanks();
        let word = self.word(end);
        let known = self.at > blanks && matches!(word, b"HELP" | b"TYPE");
        if !known || !matches!(self.body.get(self.at + 4), Some(b' ' | b'\t')) {
            self.at = (end + 1).min(self.body.len());
            return Ok(None);
        }
        self.at += 4;
        self.skip_blanks();
        let family = self.family_name(word, end)?;
        self.skip_blanks();
        let text = trim_return(&self.body[self.at.min(end)..end]);
        let entry = self.describe(word, family, text)?;
        self.at = (end + 1).min(self.body.len());
        Ok(Some(entry))
    }

    fn strict_comment(&mut self, end: usize) -> Result<Option<Entry<'a>>, SeriesError> {
        self.one_blank("a blank after \"#\"")?;
        let word = self.word(end);
        if word == b"EOF" {
            self.at += 3;
            if self.peek() == Some(b'\n') {
                self.at += 1;
                self.begin_line();
            }
            if self.at < self.body.len() {
                return Err(self.error("nothing after \"# EOF\"").into());
            }
            self.ended = true;
            return Ok(None);
        }
        if !matches!(word, b"HELP" | b"TYPE" | b"UNIT") {
            return Err(self.error("HELP, TYPE, UNIT or EOF").into());
        }
        self.at += 4;
        self.one_blank("a blank and a metric name")?;
        let family = self.family_name(word, end)?;
        self.one_blank("a blank and a text after the metric name")?;
        if end >= self.body.len() {
            self.at = end;
            return Err(self.error("the end of the line, then \"# EOF\" as the last line").into());
        }
        let entry = self.describe(word, family, &self.body[self.at..end])?;
        self.at = end + 1;
        Ok(Some(entry))
    }

    fn line_end(&self) -> usize {
        memchr::memchr(b'\n', &self.body[self.at..]).map_or(self.body.len(), |n| self.at + n)
    }

    fn word(&self, end: usize) -> &'a [u8] {
        let rest = &self.body[self.at.min(end)..end];
        &rest[..rest.iter().take(5).position(|b| !b.is_ascii_uppercase()).unwrap_or(rest.len().min(5))]
    }

    fn one_blank(&mut self, expected: &str) -> Result<(), SyntaxError> {
        if self.peek() != Some(b' ') {
            return Err(self.error(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn family_name(&mut self, word: &[u8], end: usize) -> Result<Cow<'a, str>, SyntaxError> {
        let start = self.at;
        let expected = || format!("a metric name after {}", String::from_utf8_lossy(word));
        if self.peek() == Some(b'"') {
            let close = closing_quote(&self.body[..end], start + 1);
            let text = close.and_then(|c| std::str::from_utf8(&self.body[start + 1..c]).ok());
            let (Some(close), Some(text)) = (close, text) else { return Err(self.error(&expected())) };
            self.at = close + 1;
            return Ok(if text.contains('\\') {
                Cow::Owned(unescape(text, true))
            } else {
                Cow::Borrowed(text)
            });
        }
        while self.peek().is_some_and(is_name_byte) {
            self.at += 1;
        }
        let name = &self.body[start..self.at];
        match std::str::from_utf8(name) {
            Ok(n) if name.first().is_some_and(|b| !b.is_ascii_digit()) => Ok(Cow::Borrowed(n)),
            _ => {
                self.at = start;
                Err(self.error(&expected()))
            }
        }
    }

    fn describe(
        &mut self,
        word: &[u8],
        family: Cow<'a, str>,
        text: &'a [u8],
    ) -> Result<Entry<'a>, SyntaxError> {
        let Ok(text) = std::str::from_utf8(text) else { return Err(self.error("text in UTF-8")) };
        match word {
            b"TYPE" => {
                let name = if self.strict { text } else { text.trim_ascii_end() };
                let kind = MetricKind::parse(name).filter(|_| !(self.strict && name == "untyped"));
                let Some(kind) = kind else {
                    return Err(self.error(
                        "a type (counter, gauge, histogram, gaugehistogram, summary, info, stateset or unknown)",
                    ));
                };
                // A name with escapes has no plain form to compare with; it loses nothing but respelled bounds.
                let name = if let Cow::Borrowed(n) = family { n } else { "" };
                self.family = Family { name, kind };
                Ok(Entry::Kind { family, kind })
            }
            b"UNIT" => {
                let fits = text.is_empty()
                    || family.strip_suffix(text).is_some_and(|f| f.len() > 1 && f.ends_with('_'));
                if !fits {
                    return Err(self.error(&format!("a unit that ends the metric name {family:?}")));
                }
                Ok(Entry::Unit { family, unit: Cow::Borrowed(text) })
            }
            _ => {
                let text = if text.contains('\\') {
                    Cow::Owned(unescape(text, self.strict))
                } else {
                    Cow::Borrowed(text)
                };
                Ok(Entry::Help { family, text })
            }
        }
    }

    fn sample(&mut self) -> Result<Option<Entry<'a>>, SeriesError> {
        let at = self.here();
        let raw = self.series()?;
        let series = Series { raw: Cow::Borrowed(raw), form: Form::Text { at, family: self.family } };
        let tail = self.tail()?;
        let start_ms = match &self.starts {
            None => 0,
            Some(starts) => match starts.of(&series, self.family, self.limits)? {
                Some(start_ms) => start_ms,
                None => return Ok(None),
            },
        };
        let Tail { value, time_ms, exemplar } = tail;
        Ok(Some(Entry::Sample(Sample { series, value, time_ms, start_ms, exemplar })))
    }

    /// Passes over a name and its braces. Strings are recognised, the rest is left to [`Series::labels`], so
    /// that a scraper which knows the series already pays for no more.
    fn series(&mut self) -> Result<&'a [u8], SyntaxError> {
        let start = self.at;
        while self.peek().is_some_and(is_name_byte) {
            self.at += 1;
        }
        let mut end = self.at;
        if !self.strict {
            self.skip_blanks();
        }
        if self.peek() == Some(b'{') {
            self.braces()?;
            end = self.at;
        }
        self.at = end;
        Ok(&self.body[start..end])
    }

    fn braces(&mut self) -> Result<(), SyntaxError> {
        self.at += 1;
        loop {
            let rest = &self.body[self.at..];
            let Some(n) = rest.iter().position(|b| matches!(b, b'"' | b'}' | b'\n')) else {
                self.at = self.body.len();
                return Err(self.error("\"}\""));
            };
            self.at += n;
            match self.body[self.at] {
                b'}' => {
                    self.at += 1;
                    return Ok(());
                }
                b'"' => self.string()?,
                _ => return Err(self.error("\"}\"")),
            }
        }
    }

    fn string(&mut self) -> Result<(), SyntaxError> {
        let open = self.at;
        let Some(close) = closing_quote(self.body, open + 1) else {
            return Err(self.error("a closing quote"));
        };
        let inside = &self.body[open..close];
        if let Some(last) = memchr::memrchr(b'\n', inside) {
            if self.strict {
                return Err(self.error("a closing quote on the same line"));
            }
            self.line += memchr::memchr_iter(b'\n', inside).count() as u32;
            self.line_start = open + last + 1;
        }
        self.at = close + 1;
        Ok(())
    }

    fn tail(&mut self) -> Result<Tail, SeriesError> {
        if self.strict {
            self.one_blank("one blank and a value")?;
        } else {
            self.skip_blanks();
        }
        let token = self.token();
        let Some(value) = number::value(token) else {
            self.at -= token.len();
            return Err(self.error("a value (a decimal number, NaN, +Inf or -Inf)").into());
        };
        if self.strict {
            return self.strict_tail(value);
        }
        self.skip_blanks();
        let mut time_ms = None;
        if self.peek().is_some_and(|b| !matches!(b, b'\n' | b'\r')) {
            let token = self.token();
            time_ms = number::milliseconds(token);
            if time_ms.is_none() {
                self.at -= token.len();
                return Err(self.error("a timestamp in milliseconds or the end of the line").into());
            }
            self.skip_blanks();
        }
        self.end_of_line("the end of the line")?;
        Ok(Tail { value, time_ms, exemplar: None })
    }

    fn strict_tail(&mut self, value: f64) -> Result<Tail, SeriesError> {
        let mut tail = Tail { value, time_ms: None, exemplar: None };
        if self.peek() == Some(b' ') && self.body.get(self.at + 1) != Some(&b'#') {
            tail.time_ms = Some(self.strict_time()?);
        }
        if self.body[self.at..].starts_with(b" # {") {
            self.at += 4;
            match self.exemplar() {
                Ok(e) => tail.exemplar = Some(Ok(e)),
                Err(SeriesError::Refused(e)) => tail.exemplar = Some(Err(e)),
                Err(e) => return Err(e),
            }
        }
        if self.at >= self.body.len() {
            return Err(self.error("the end of the line, then \"# EOF\" as the last line").into());
        }
        self.end_of_line("a timestamp, an exemplar (\" # {…}\") or the end of the line")?;
        Ok(tail)
    }

    fn strict_time(&mut self) -> Result<i64, SyntaxError> {
        self.one_blank("a blank")?;
        let token = self.token();
        number::seconds(token).ok_or_else(|| {
            self.at -= token.len();
            self.error("a timestamp in seconds")
        })
    }

    fn exemplar(&mut self) -> Result<Exemplar, SeriesError> {
        let mut cursor = Cursor { raw: &self.body[self.at..], at: 0, origin: self.here() };
        let mut pairs = Vec::new();
        let read = cursor.braces(&mut pairs, self.limits, false);
        if let Err(SeriesError::Refused(e)) = read {
            self.at = self.line_end();
            return Err(e.into());
        }
        read?;
        self.at += cursor.at;
        self.one_blank("one blank and the value of the exemplar")?;
        let token = self.token();
        let Some(value) = number::value(token) else {
            self.at -= token.len();
            return Err(self.error("the value of the exemplar").into());
        };
        let time_ms = if self.peek() == Some(b' ') { self.strict_time()? } else { 0 };
        let labels = exemplar_labels(&pairs, self.limits)
            .map_err(|reason| AppendError::Invalid { series: String::new(), reason })?;
        Ok(Exemplar { labels, value, time_ms })
    }

    /// Up to the next blank or the end of the line.
    #[inline]
    fn token(&mut self) -> &'a [u8] {
        let rest = &self.body[self.at..];
        let len = rest.iter().position(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    /// Past the newline; the last line of 0.0.4 text needs none, and a carriage return before it is allowed.
    fn end_of_line(&mut self, expected: &str) -> Result<(), SyntaxError> {
        if !self.strict && self.peek() == Some(b'\r') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'\n') => self.at += 1,
            None => {}
            Some(_) => return Err(self.error(expected)),
        }
        Ok(())
    }
}

fn trim_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Where the string that starts at `from` (behind its opening quote) has its closing quote.
#[inline]
fn closing_quote(body: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += memchr::memchr2(b'"', b'\\', body.get(at..)?)?;
        if body[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}
