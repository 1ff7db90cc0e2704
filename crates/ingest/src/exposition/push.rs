//! An exposition that is pushed: appended as it is.

use super::series::{Pairs, SeriesError};
use super::{Entry, Format, TextParser};
use crate::error::DecodeError;
use crate::limits::{Limits, cut};
use crate::outcome::Outcome;
use crate::resolve::Resolver;
use model::{Appender, Exemplar, Metadata};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a push adds to what it carries.
#[derive(Debug, Clone, Default)]
pub struct PushOptions {
    /// The timestamp of samples that state none.
    pub default_time_ms: i64,
    /// Labels every series gets; they win over labels of the same name in the body.
    pub labels: Vec<(String, String)>,
}

/// Appends a text exposition. Malformed text is an error; a series that cannot be kept is counted in the
/// outcome, and the others are appended.
pub fn push<A: Appender + ?Sized>(
    body: &[u8],
    format: Format,
    options: &PushOptions,
    limits: &Limits,
    out: &mut A,
) -> Result<Outcome, DecodeError> {
    let mut outcome = Outcome::default();
    let mut families: BTreeMap<String, Metadata> = BTreeMap::new();
    let mut resolver = Resolver::new();
    let mut parser = TextParser::new(body, format, limits);
    loop {
        let entry = match parser.next() {
            Ok(Some(entry)) => entry,
            Ok(None) => break,
            Err(SeriesError::Syntax(e)) => return Err(e.into()),
            Err(SeriesError::Refused(e)) => {
                outcome.reject(1, e);
                continue;
            }
        };
        match entry {
            Entry::Sample(s) => {
                match s.series.pairs(&mut resolver.pairs, limits) {
                    Ok(()) => {}
                    Err(SeriesError::Syntax(e)) => return Err(e.into()),
                    Err(SeriesError::Refused(e)) => {
                        outcome.reject(1, e);
                        continue;
                    }
                }
                add_labels(&mut resolver.pairs, &options.labels);
                let time_ms = s.time_ms.unwrap_or(options.default_time_ms);
                let series = resolver.resolve(limits, out);
                let done = series.and_then(|id| out.sample(id, time_ms, s.value, s.start_ms).map(|()| id));
                match done {
                    Ok(id) => {
                        outcome.samples += 1;
                        let exemplar = s.exemplar.map(|e| {
                            let e = e?;
                            let time_ms = if e.time_ms == 0 { time_ms } else { e.time_ms };
                            out.exemplar(id, Exemplar { time_ms, ..e })
                        });
                        match exemplar {
                            None => {}
                            Some(Ok(())) => outcome.exemplars += 1,
                            Some(Err(e)) => outcome.reject_exemplar(e),
                        }
                    }
                    Err(e) => outcome.reject(1, e),
                }
            }
            Entry::Kind { family, kind } => families.entry(family.into_owned()).or_default().kind = kind,
            Entry::Help { family, text } => {
                let help = cut(&text, limits.metadata_bytes_max).to_owned();
                families.entry(family.into_owned()).or_default().help = help;
            }
            Entry::Unit { family, unit } => {
                let unit = cut(&unit, limits.metadata_bytes_max).to_owned();
                families.entry(family.into_owned()).or_default().unit = unit;
            }
        }
    }
    for (family, metadata) in families {
        let fits = family.len() as u64 <= limits.label_value_bytes_max;
        if fits && out.metadata(&family, metadata).is_ok() {
            outcome.metadata += 1;
        }
    }
    Ok(outcome)
}

fn add_labels<'a>(pairs: &mut Pairs<'a>, labels: &'a [(String, String)]) {
    if labels.is_empty() {
        return;
    }
    pairs.retain(|(n, _)| !labels.iter().any(|(own, _)| own == n));
    pairs.extend(labels.iter().map(|(n, v)| (Cow::Borrowed(n.as_str()), Cow::Borrowed(v.as_str()))));
}
