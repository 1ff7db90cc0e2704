//! From label pairs as they were sent to a series of the batch.

use crate::limits::{Limits, within};
use crate::wire::put_label;
use model::{AppendError, Appender, LabelError, Labels, METRIC_NAME, SeriesRef};

/// Label pairs of one series at a time, with buffers kept from series to series.
pub(crate) struct Resolver<S> {
    pub pairs: Vec<(S, S)>,
    key: Vec<u8>,
}

impl<S: AsRef<str>> Resolver<S> {
    pub fn new() -> Self {
        Resolver { pairs: Vec::new(), key: Vec::new() }
    }

    /// The series of the pairs, found or made. The pairs may be in any order; empty values are dropped.
    pub fn resolve<A: Appender + ?Sized>(
        &mut self,
        limits: &Limits,
        out: &mut A,
    ) -> Result<SeriesRef, AppendError> {
        // Checked first: sorting is the only step here that is not linear.
        check_count(&self.pairs, limits)?;
        self.normalise().map_err(|reason| AppendError::Labels { series: show(&self.pairs), reason })?;
        if let Some(series) = out.lookup(&self.key) {
            return Ok(series);
        }
        check_sizes(&self.pairs, limits)?;
        out.series(&self.made()?)
    }

    /// The key of the pairs resolved last.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The label set of the pairs, checked.
    pub fn labels(&mut self, limits: &Limits) -> Result<Labels, AppendError> {
        check_count(&self.pairs, limits)?;
        self.normalise().map_err(|reason| AppendError::Labels { series: show(&self.pairs), reason })?;
        check_sizes(&self.pairs, limits)?;
        self.made()
    }

    fn made(&self) -> Result<Labels, AppendError> {
        Labels::from_key(&self.key)
            .map_err(|reason| AppendError::Labels { series: show(&self.pairs), reason })
    }

    /// Sorts the pairs, drops empty values, and encodes the key.
    fn normalise(&mut self) -> Result<(), LabelError> {
        self.pairs.retain(|(_, v)| !v.as_ref().is_empty());
        if !self.pairs.is_sorted_by(|a, b| a.0.as_ref() < b.0.as_ref()) {
            self.pairs.sort_by(|a, b| a.0.as_ref().cmp(b.0.as_ref()));
        }
        self.key.clear();
        let mut last = None;
        for (name, value) in &self.pairs {
            let name = name.as_ref();
            if name.is_empty() {
                return Err(LabelError::EmptyName(value.as_ref().to_owned()));
            }
            if last == Some(name) {
                return Err(LabelError::Duplicate(name.to_owned()));
            }
            put_label(&mut self.key, name.as_bytes(), value.as_ref().as_bytes());
            last = Some(name);
        }
        Ok(())
    }
}

/// Refuses more labels than a series may have.
pub(crate) fn check_count<S: AsRef<str>>(pairs: &[(S, S)], limits: &Limits) -> Result<(), AppendError> {
    within(pairs.len() as u64, limits.labels_per_series_max, "ingest.limits.labels_per_series_max", || {
        format!("the number of labels of series {}", show(pairs))
    })
    .map_err(AppendError::Limit)
}

/// Refuses labels that are too long, and a series without a name.
pub(crate) fn check_sizes<S: AsRef<str>>(pairs: &[(S, S)], limits: &Limits) -> Result<(), AppendError> {
    let mut named = false;
    for (name, value) in pairs {
        let (name, value) = (name.as_ref(), value.as_ref());
        named |= name == METRIC_NAME;
        within(name.len() as u64, limits.label_name_bytes_max, "ingest.limits.label_name_bytes_max", || {
            format!("the length in bytes of label name {:?}", short(name))
        })
        .map_err(AppendError::Limit)?;
        within(
            value.len() as u64,
            limits.label_value_bytes_max,
            "ingest.limits.label_value_bytes_max",
            || format!("the length in bytes of label {name} of series {}", show(pairs)),
        )
        .map_err(AppendError::Limit)?;
    }
    if named {
        return Ok(());
    }
    Err(AppendError::Invalid {
        series: show(pairs),
        reason: format!("there is no metric name (label {METRIC_NAME})"),
    })
}

/// How much of a series a message shows.
const SHOWN_LABELS_MAX: usize = 12;
const SHOWN_BYTES_MAX: usize = 80;

fn short(text: &str) -> String {
    if text.len() <= SHOWN_BYTES_MAX {
        text.to_owned()
    } else {
        format!("{}…", &text[..text.floor_char_boundary(SHOWN_BYTES_MAX)])
    }
}

/// A series as a message shows it: complete for ordinary ones, cut for monsters.
pub(crate) fn show<S: AsRef<str>>(pairs: &[(S, S)]) -> String {
    let name = pairs.iter().find(|(n, _)| n.as_ref() == METRIC_NAME).map_or("", |(_, v)| v.as_ref());
    let rest = pairs.iter().filter(|(n, _)| n.as_ref() != METRIC_NAME);
    let mut shown: Vec<String> = rest
        .take(SHOWN_LABELS_MAX)
        .map(|(n, v)| format!("{}={:?}", short(n.as_ref()), short(v.as_ref())))
        .collect();
    if pairs.len() > SHOWN_LABELS_MAX + 1 {
        shown.push("…".to_owned());
    }
    if shown.is_empty() && !name.is_empty() {
        return short(name);
    }
    format!("{}{{{}}}", short(name), shown.join(", "))
}

/// The labels of an exemplar, checked.
pub(crate) fn exemplar_labels<S: AsRef<str>>(pairs: &[(S, S)], limits: &Limits) -> Result<Labels, String> {
    let bytes: usize = pairs.iter().map(|(n, v)| n.as_ref().len() + v.as_ref().len()).sum();
    within(bytes as u64, limits.exemplar_labels_bytes_max, "ingest.limits.exemplar_labels_bytes_max", || {
        "the length in bytes of the labels of an exemplar".to_owned()
    })
    .map_err(|l| l.to_string())?;
    Labels::from_pairs(pairs.iter().map(|(n, v)| (n.as_ref(), v.as_ref())))
        .map_err(|e| format!("exemplar {}: {e}", show(pairs)))
}
