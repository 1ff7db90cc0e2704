//! Labels of points: attributes under names that series can have, and the keys of the series of one point.

use super::names::label_name;
use super::options::Options;
use crate::limits::{Limits, within};
use crate::logs::document::show_json;
use crate::otlp::{Any, any_value, raw_key_value};
use crate::resolve::{check_count, check_sizes, show};
use crate::wire::{Reader, Wire, put_label};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hashbrown::HashMap;
use model::{AppendError, Appender, Labels, METRIC_NAME, Pairs, SeriesRef};
use std::borrow::Cow;
use std::ops::Deref;
use std::rc::Rc;

/// Lists and maps in attributes nest at most so deep.
const NESTING_MAX: usize = 32;
/// Names of attributes whose translation is kept; senders have a few dozen.
const NAMES_KEPT: usize = 4096;

/// Text that lies in the body, or was made.
#[derive(Debug, Clone)]
pub(super) enum Text<'a> {
    Sent(&'a str),
    Made(Rc<str>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Text::Sent(text) => text,
            Text::Made(text) => text,
        }
    }
}

impl<'a> From<Cow<'a, str>> for Text<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Text::Sent(text),
            Cow::Owned(text) => Text::Made(text.into()),
        }
    }
}

/// Which of several labels of one name is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Of the resource and the scope, whatever attributes say.
    Given,
    /// An attribute; several of one name are joined.
    Attribute,
    /// A promoted attribute of the resource.
    Promoted,
}

/// One label, and the name of the attribute it comes from.
#[derive(Debug, Clone)]
pub(super) struct Pair<'a> {
    pub name: Rc<str>,
    pub rank: Rank,
    pub sent: &'a [u8],
    pub value: Text<'a>,
}

/// Names of labels by names of attributes.
pub(super) struct Names<'a, 'b> {
    options: &'b Options,
    known: HashMap<&'a [u8], Rc<str>>,
}

impl<'a, 'b> Names<'a, 'b> {
    pub fn new(options: &'b Options) -> Self {
        Names { options, known: HashMap::new() }
    }

    pub fn of(&mut self, name: &'a [u8]) -> Result<Rc<str>, String> {
        if let Some(made) = self.known.get(name) {
            return Ok(Rc::clone(made));
        }
        let made: Rc<str> = label_name(&String::from_utf8_lossy(name), self.options)?.into();
        if self.known.len() < NAMES_KEPT {
            self.known.insert(name, Rc::clone(&made));
        }
        Ok(made)
    }
}

/// An attribute: its name as sent, and its value as text; `None` if it nests too deep.
pub(super) fn attribute(r: Reader<'_>) -> Wire<(&[u8], Option<Text<'_>>)> {
    let (name, value) = raw_key_value(r)?;
    Ok((name, any_value(value, NESTING_MAX)?.map(text_of)))
}

fn text_of(value: Any<'_>) -> Text<'_> {
    match value {
        Any::Null => Text::Sent(""),
        Any::Bool(true) => Text::Sent("true"),
        Any::Bool(false) => Text::Sent("false"),
        Any::Text(text) => text.into(),
        Any::Int(i) => Text::Made(i.to_string().into()),
        Any::Float(x) => Text::Made(float_text(x).into()),
        Any::Bytes(b) => Text::Made(STANDARD.encode(b).into()),
        Any::List(_) | Any::Map(_) => {
            let mut out = String::new();
            show_json(value.as_value(), &mut out);
            Text::Made(out.into())
        }
    }
}

/// A number as JSON writes it.
fn float_text(x: f64) -> String {
    if x == 0.0 || (1e-6..1e21).contains(&x.abs()) || !x.is_finite() {
        return x.to_string();
    }
    let text = format!("{x:e}");
    if text.contains("e-") { text } else { text.replace('e', "e+") }
}

/// Attributes of one point or resource, as labels.
#[derive(Default)]
pub(super) struct Attributes<'a> {
    pub pairs: Vec<Pair<'a>>,
    count: u64,
    wrong: Option<String>,
}

impl<'a> Attributes<'a> {
    pub fn clear(&mut self) {
        self.pairs.clear();
        self.count = 0;
        self.wrong = None;
    }

    /// Takes in one attribute. Those beyond the limit are only counted.
    pub fn add(&mut self, r: Reader<'a>, names: &mut Names<'a, '_>, limits: &Limits) -> Wire<()> {
        self.count += 1;
        if self.count > limits.labels_per_series_max || self.wrong.is_some() {
            return Ok(());
        }
        let (sent, value) = attribute(r)?;
        self.push(sent, value, Rank::Attribute, names);
        Ok(())
    }

    pub fn push(&mut self, sent: &'a [u8], value: Option<Text<'a>>, rank: Rank, names: &mut Names<'a, '_>) {
        let Some(value) = value else {
            let name = crate::error::quote(sent);
            self.wrong = Some(format!("attribute {name}: lists and maps nest deeper than {NESTING_MAX}"));
            return;
        };
        // An empty value and an absent label mean the same; the name of the metric is no attribute.
        if value.is_empty() || sent == METRIC_NAME.as_bytes() {
            return;
        }
        match names.of(sent) {
            Ok(name) => self.pairs.push(Pair { name, rank, sent, value }),
            Err(why) => self.wrong = Some(why),
        }
    }

    /// What is wrong with the attributes of a point of a series of that name.
    pub fn check(&mut self, limits: &Limits, name: &str) -> Result<(), AppendError> {
        if let Some(reason) = self.wrong.take() {
            return Err(AppendError::Invalid { series: name.to_owned(), reason });
        }
        within(self.count, limits.labels_per_series_max, "ingest.limits.labels_per_series_max", || {
            format!("the number of attributes of {name}")
        })
        .map_err(AppendError::Limit)
    }
}

/// The labels that all series of one point share, sorted, as parts of their keys.
#[derive(Default)]
pub(super) struct Base {
    names: Vec<Rc<str>>,
    starts: Vec<usize>,
    shared: Vec<u8>,
    key: Vec<u8>,
}

impl Base {
    /// Takes the labels of a point. Of several of one name the one of the highest rank stays; attributes of one name
    /// are joined in the order of their names.
    pub fn set(&mut self, pairs: &mut [Pair<'_>]) {
        pairs.sort_unstable_by(|a, b| (&*a.name, a.rank, a.sent).cmp(&(&*b.name, b.rank, b.sent)));
        self.names.clear();
        self.starts.clear();
        self.shared.clear();
        for same in pairs.chunk_by(|a, b| a.name == b.name) {
            let first = &same[0];
            self.names.push(Rc::clone(&first.name));
            self.starts.push(self.shared.len());
            let joined = same.iter().take_while(|p| p.rank == Rank::Attribute).count();
            if joined > 1 {
                let values: Vec<&str> = same[..joined].iter().map(|p| &*p.value).collect();
                put_label(&mut self.shared, first.name.as_bytes(), values.join(";").as_bytes());
            } else {
                put_label(&mut self.shared, first.name.as_bytes(), first.value.as_bytes());
            }
        }
    }

    /// The series of that name with one more label, found or made.
    pub fn resolve<A: Appender + ?Sized>(
        &mut self,
        name: &str,
        more: Option<(&str, &str)>,
        limits: &Limits,
        out: &mut A,
    ) -> Result<SeriesRef, AppendError> {
        self.key.clear();
        let mut at = 0;
        // The name of the metric sorts before `le` and `quantile`.
        for (label, value) in [(METRIC_NAME, name)].into_iter().chain(more) {
            let i = self.names.partition_point(|n| &**n < label);
            let start = self.start(i);
            self.key.extend_from_slice(&self.shared[at..start]);
            put_label(&mut self.key, label.as_bytes(), value.as_bytes());
            let is_there = self.names.get(i).is_some_and(|n| &**n == label);
            at = if is_there { self.start(i + 1) } else { start };
        }
        self.key.extend_from_slice(&self.shared[at..]);
        if let Some(series) = out.lookup(&self.key) {
            return Ok(series);
        }
        let pairs: Vec<(&str, &str)> = Pairs::of_key(&self.key).collect();
        check_count(&pairs, limits)?;
        check_sizes(&pairs, limits)?;
        let labels = Labels::from_key(&self.key)
            .map_err(|reason| AppendError::Labels { series: show(&pairs), reason })?;
        out.series(&labels)
    }

    /// Where the label at a place begins.
    fn start(&self, i: usize) -> usize {
        self.starts.get(i).copied().unwrap_or(self.shared.len())
    }

    /// The series resolved last, for a message.
    pub fn show(&self) -> String {
        show(&Pairs::of_key(&self.key).collect::<Vec<_>>())
    }
}
