//! The newest sample of each series, for another server to scrape: in the text format, or as protocol buffers where
//! the client prefers them, which carry native histograms too.

use super::select::{required_selectors, store_error};
use super::{Answer, Shared};
use crate::http::number::{push_float, push_int};
use crate::http::params::Params;
use crate::http::respond::{Encoding, respond};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, header};
use ingest::exposition::Format;
use ingest::exposition::encode::{FamilyWriter, PROTOBUF, is_gauge};
use ingest::negotiate::accepted_exposition;
use model::{
    Histogram, Labels, METRIC_NAME, MetricKind, Samples, TimeRange, is_legacy_label_name,
    is_legacy_metric_name, is_stale,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use tsdb::Db;

/// The newest sample of a series.
enum Newest {
    Float(i64, f64),
    Histogram(i64, Arc<Histogram>),
}

/// By name and kind of sample, as both formats want all of a family together.
type Families = BTreeMap<(String, Group), BTreeMap<Labels, Newest>>;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Float,
    Histogram,
    GaugeHistogram,
}

/// `/federate`
pub async fn federate(State(app): Shared, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let format = accepted(request.headers());
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let sets = required_selectors(&params)?;
    let app2 = Arc::clone(&app);
    let work = move || {
        let db = app2.db()?;
        let config = app2.config();
        let now = app2.now_ms();
        let lookback = i64::try_from(config.query.lookback.as_millis()).unwrap_or(i64::MAX);
        let range = TimeRange::new(now - lookback + 1, now);
        let mut families = Families::new();
        let mut samples = Samples::default();
        for matchers in &sets {
            let selection = db.select(matchers, range).map_err(store_error)?;
            for i in 0..selection.len() {
                selection.read(i, &mut samples).map_err(store_error)?;
                let Some((group, newest)) = newest(&samples) else { continue };
                let labels = external(selection.labels(i), &config.global.external_labels);
                let key = (labels.metric_name().to_owned(), group);
                families.entry(key).or_default().insert(labels, newest);
            }
        }
        Ok(match format {
            Format::Protobuf => respond(protobuf(&families, db), PROTOBUF, encoding),
            _ => respond(text(&families, db), "text/plain; version=0.0.4; charset=utf-8", encoding),
        })
    };
    app.queries.run(app.query_timeout(), work).await
}

fn accepted(headers: &HeaderMap) -> Format {
    let all: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect();
    accepted_exposition(&all.join(","))
}

/// The last sample of either kind, unless it says that the series has ended.
fn newest(samples: &Samples) -> Option<(Group, Newest)> {
    let float = samples.times.last().zip(samples.values.last());
    let histogram = samples.histogram_times.last().zip(samples.histograms.last());
    match (float, histogram) {
        (Some((t, v)), h) if h.is_none_or(|(other, _)| other <= t) => {
            (!is_stale(*v)).then_some((Group::Float, Newest::Float(*t, *v)))
        }
        (_, Some((t, h))) if !is_stale(h.sum) => {
            let group = if is_gauge(h) { Group::GaugeHistogram } else { Group::Histogram };
            Some((group, Newest::Histogram(*t, Arc::clone(h))))
        }
        _ => None,
    }
}

fn kind(db: &Db, name: &str) -> Option<MetricKind> {
    db.metadata(Some(name), 1).first().map(|(_, m)| m.kind)
}

/// The text format has no native histograms: they are left out.
fn text(families: &Families, db: &Db) -> Vec<u8> {
    let mut out = Vec::new();
    for ((name, group), series) in families {
        if *group != Group::Float {
            continue;
        }
        type_line(&mut out, name, kind(db, name));
        for (labels, newest) in series {
            if let Newest::Float(t, v) = newest {
                line(&mut out, name, labels, *t, *v);
            }
        }
    }
    out
}

fn protobuf(families: &Families, db: &Db) -> Vec<u8> {
    let mut out = FamilyWriter::new();
    for ((name, group), series) in families {
        match group {
            Group::Float => out.floats(name, kind(db, name)),
            Group::Histogram | Group::GaugeHistogram => {
                out.histograms(name, *group == Group::GaugeHistogram);
            }
        }
        for (labels, newest) in series {
            match newest {
                Newest::Float(t, v) => out.float(pairs(labels), *t, *v),
                Newest::Histogram(t, h) => out.histogram(pairs(labels), *t, h),
            }
        }
    }
    out.finish()
}

/// The labels without the name. `instance` is there even when empty, so that the scraping server does not put its own
/// in its place.
fn pairs(labels: &Labels) -> impl Iterator<Item = (&str, &str)> {
    let instance = labels.get("instance").is_none().then_some(("instance", ""));
    labels.iter().filter(|(n, _)| *n != METRIC_NAME).chain(instance)
}

/// Labels that leave this server: those of the configuration are added where the series has none of the name.
fn external(labels: &Labels, added: &BTreeMap<String, String>) -> Labels {
    let mut builder = labels.to_builder();
    for (name, value) in added {
        if labels.get(name).is_none() {
            builder.set(name.as_str(), value.as_str());
        }
    }
    builder.build()
}

fn type_line(out: &mut Vec<u8>, name: &str, kind: Option<MetricKind>) {
    let kind = match kind {
        Some(k @ (MetricKind::Counter | MetricKind::Gauge)) => k.as_str(),
        // Parts of histograms and summaries are single series here.
        _ => "untyped",
    };
    let name = if is_legacy_metric_name(name) { name.to_owned() } else { format!("{name:?}") };
    out.extend_from_slice(format!("# TYPE {name} {kind}\n").as_bytes());
}

fn line(out: &mut Vec<u8>, name: &str, labels: &Labels, time_ms: i64, value: f64) {
    let plain = is_legacy_metric_name(name);
    if plain {
        out.extend_from_slice(name.as_bytes());
    }
    out.push(b'{');
    let mut first = true;
    if !plain {
        quoted(out, name);
        first = false;
    }
    for (n, v) in pairs(labels) {
        if !first {
            out.push(b',');
        }
        first = false;
        if is_legacy_label_name(n) {
            out.extend_from_slice(n.as_bytes())
        } else {
            quoted(out, n)
        }
        out.push(b'=');
        quoted(out, v);
    }
    out.extend_from_slice(b"} ");
    push_float(out, value);
    out.push(b' ');
    push_int(out, time_ms);
    out.push(b'\n');
}

fn quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for b in text.bytes() {
        match b {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            _ => out.push(b),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_in_the_text_format() {
        let text = |pairs: &[(&str, &str)]| {
            let labels = Labels::from_pairs(pairs.iter().copied()).unwrap();
            let mut out = Vec::new();
            line(&mut out, labels.metric_name(), &labels, 12_345, 0.5);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(&[(METRIC_NAME, "up"), ("instance", "a\"b")]), "up{instance=\"a\\\"b\"} 0.5 12345\n");
        assert_eq!(text(&[(METRIC_NAME, "up"), ("job", "j")]), "up{job=\"j\",instance=\"\"} 0.5 12345\n");
        assert_eq!(
            text(&[(METRIC_NAME, "a.b"), ("x.y", "1"), ("instance", "i")]),
            "{\"a.b\",instance=\"i\",\"x.y\"=\"1\"} 0.5 12345\n"
        );
    }

    #[test]
    fn external_labels_fill_gaps_only() {
        let added =
            BTreeMap::from([("region".to_owned(), "eu".to_owned()), ("job".to_owned(), "x".to_owned())]);
        let labels = Labels::from_pairs([("job", "own")]).unwrap();
        assert_eq!(external(&labels, &added).to_string(), r#"{job="own", region="eu"}"#);
    }
}
