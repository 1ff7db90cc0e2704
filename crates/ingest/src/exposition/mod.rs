//! What an exporter exposes, one entry at a time: text 0.0.4, OpenMetrics 1.0, and delimited protocol buffers.
//!
//! A scraper reads entries, relabels new series and keeps known ones by [`Series::raw`]; a push appends them as
//! they are ([`push`]).

pub mod encode;
mod number;
mod protobuf;
mod push;
mod series;
mod starts;
mod text;

pub use protobuf::ProtobufParser;
pub use push::{PushOptions, push};
pub use series::{Series, SeriesError};
pub use text::TextParser;

use crate::limits::Limits;
use model::{AppendError, Exemplar, Histogram, MetricKind};
use std::borrow::Cow;

/// A format of exposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// The Prometheus text format 0.0.4.
    Text,
    /// OpenMetrics 1.0 text.
    OpenMetrics,
    /// Delimited `io.prometheus.client.MetricFamily` messages.
    Protobuf,
}

/// One entry of an exposition.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry<'a> {
    /// A sample of a series.
    Sample(Sample<'a>),
    /// A native histogram of a series.
    Histogram(HistogramSample<'a>),
    /// The kind of a metric family.
    Kind {
        /// The family.
        family: Cow<'a, str>,
        /// Its kind.
        kind: MetricKind,
    },
    /// The help text of a metric family.
    Help {
        /// The family.
        family: Cow<'a, str>,
        /// The text, escapes resolved.
        text: Cow<'a, str>,
    },
    /// The unit of a metric family.
    Unit {
        /// The family.
        family: Cow<'a, str>,
        /// The unit.
        unit: Cow<'a, str>,
    },
}

/// A float sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample<'a> {
    /// The series.
    pub series: Series<'a>,
    /// The value.
    pub value: f64,
    /// The timestamp, where the exposition states one.
    pub time_ms: Option<i64>,
    /// When the counter was last zero, 0 if the exposition does not say.
    pub start_ms: i64,
    /// An exemplar, where there is one (its time is 0 if the exposition states none), or why it is refused.
    pub exemplar: Option<Result<Exemplar, AppendError>>,
}

/// A native histogram sample.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramSample<'a> {
    /// The series.
    pub series: Series<'a>,
    /// The histogram, checked, or why it is refused.
    pub histogram: Result<Histogram, AppendError>,
    /// The timestamp, where the exposition states one.
    pub time_ms: Option<i64>,
    /// When the histogram was last empty, 0 if the exposition does not say.
    pub start_ms: i64,
    /// Its exemplars, as for [`Sample::exemplar`].
    pub exemplars: Vec<Result<Exemplar, AppendError>>,
}

/// A parser of any format.
pub enum Parser<'a> {
    /// Of text.
    Text(TextParser<'a>),
    /// Of protocol buffers.
    Protobuf(ProtobufParser<'a>),
}

impl<'a> Parser<'a> {
    /// A parser of `body`. `classic` also yields the classic series of histograms that have native buckets;
    /// it means nothing to the text formats, which have no native buckets.
    pub fn new(body: &'a [u8], format: Format, classic: bool, limits: &'a Limits) -> Self {
        match format {
            Format::Text | Format::OpenMetrics => Parser::Text(TextParser::new(body, format, limits)),
            Format::Protobuf => Parser::Protobuf(ProtobufParser::new(body, classic, limits)),
        }
    }

    /// The next entry, `None` at the end. After [`SeriesError::Refused`] the next call goes on behind what is
    /// refused; after [`SeriesError::Malformed`] there is nothing more to be had.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Entry<'a>>, SeriesError> {
        match self {
            Parser::Text(p) => p.next(),
            Parser::Protobuf(p) => p.next(),
        }
    }
}
