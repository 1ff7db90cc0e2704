//! `opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest`.
//!
//! What a point means stands beside and behind it: the name of its metric, its temporality, its resource. So messages
//! are walked twice, over the heads of what they hold, which costs little.

use super::Taken;
use super::delta::Totals;
use super::labels::{Attributes, Pair, Rank, Text, attribute};
use super::names::{Kind, label_name, metric_name, unit_name};
use super::options::Options;
use super::writer::{Family, Writer};
use crate::error::DecodeError;
use crate::limits::Limits;
use crate::wire::{LEN, Reader, VARINT, Wire};
use model::{Appender, MetricKind};
use std::borrow::Cow;

const WHAT: &str = "OTLP metrics body";

/// The temporalities.
const DELTA: u64 = 1;
const CUMULATIVE: u64 = 2;

/// Appends a decompressed request. Points that are deltas are refused where there are no `totals`.
pub fn protobuf<A: Appender + ?Sized>(
    body: &[u8],
    options: &Options,
    limits: &Limits,
    totals: Option<&mut dyn Totals>,
    out: &mut A,
) -> Result<Taken, DecodeError> {
    // Shortens the life of what stands behind the trait to that of the reference.
    let totals = totals.map(|t| t as &mut dyn Totals);
    let mut w = Writer::new(options, limits, totals, out);
    let mut walk = || -> Wire<()> {
        let mut r = Reader::new(body, 0);
        while let Some((field, wire)) = r.tag()? {
            match (field, wire) {
                (1, LEN) => resource_metrics(&mut w, &r.message()?)?,
                (1, w) => return Err(r.error(format!("field 1 of a request has wire type {w}"))),
                _ => r.skip(wire)?,
            }
        }
        Ok(())
    };
    walk().map_err(|e| e.within(WHAT))?;
    Ok(w.taken)
}

/// Gives the messages of one field.
fn each<'a>(whole: &Reader<'a>, wanted: u32, give: &mut dyn FnMut(Reader<'a>) -> Wire<()>) -> Wire<()> {
    let mut r = whole.clone();
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (field, LEN) if field == wanted => give(r.message()?)?,
            (field, w) if field == wanted => {
                return Err(r.error(format!("field {field} has wire type {w} where a message is due")));
            }
            _ => r.skip(wire)?,
        }
    }
    Ok(())
}

/// What identifies a resource, and what else it says.
#[derive(Default)]
struct Resource<'a> {
    name: Option<Text<'a>>,
    namespace: Option<Text<'a>>,
    instance: Option<Text<'a>>,
    /// Labels of `target_info`.
    info: Attributes<'a>,
    /// Whether there is anything beside what identifies it.
    has_more: bool,
}

fn resource_metrics<'a, A: Appender + ?Sized>(w: &mut Writer<'a, '_, A>, whole: &Reader<'a>) -> Wire<()> {
    let mut resource = Resource::default();
    w.given.clear();
    w.span = None;
    each(whole, 1, &mut |r| read_resource(w, &mut resource, r))?;
    if let Some(name) = resource.name.take().filter(|n| !n.is_empty()) {
        let job = match resource.namespace.take().filter(|n| !n.is_empty()) {
            Some(namespace) => Text::Made(format!("{}/{}", &*namespace, &*name).into()),
            None => name,
        };
        w.give("job", job);
    }
    if let Some(instance) = resource.instance.take() {
        w.give("instance", instance);
    }
    let of_resource = w.given.len();
    each(whole, 2, &mut |r| {
        w.given.truncate(of_resource);
        scope_metrics(w, &r)
    })?;
    w.given.truncate(of_resource);
    let mut identity = w.given.iter().filter(|p| p.rank == Rank::Given).cloned().peekable();
    if !resource.has_more || identity.peek().is_none() {
        return Ok(());
    }
    let mut pairs: Vec<Pair<'a>> = identity.collect();
    let done = resource.info.check(w.limits, "target_info").and_then(|()| {
        pairs.append(&mut resource.info.pairs);
        w.target_info(&mut pairs)
    });
    if let Err(e) = done {
        w.taken.outcome.note(format!("without target_info: {e}"));
    }
    Ok(())
}

fn read_resource<'a, A: Appender + ?Sized>(
    w: &mut Writer<'a, '_, A>,
    resource: &mut Resource<'a>,
    r: Reader<'a>,
) -> Wire<()> {
    // One more than a series may have is as wrong as many more.
    let promoted_max = w.limits.labels_per_series_max as usize + 1;
    each(&r, 1, &mut |r| {
        let (sent, value) = attribute(r.clone())?;
        let identity = match sent {
            b"service.name" => Some(&mut resource.name),
            b"service.namespace" => Some(&mut resource.namespace),
            b"service.instance.id" => Some(&mut resource.instance),
            _ => None,
        };
        let is_identity = identity.is_some();
        if let Some(identity) = identity {
            identity.clone_from(&value);
        }
        resource.has_more |= !is_identity;
        if let Some(value) = value.filter(|v| !v.is_empty())
            && w.given.len() < promoted_max
            && w.options.promotion.has(sent)
        {
            match w.names.of(sent) {
                Ok(name) => w.given.push(Pair { name, rank: Rank::Promoted, sent, value }),
                Err(why) => {
                    w.taken.outcome.note(format!("one attribute of a resource is not promoted: {why}"))
                }
            }
        }
        if is_identity && !w.options.keep_identifying {
            return Ok(());
        }
        resource.info.add(r, &mut w.names, w.limits)
    })
}

fn scope_metrics<'a, A: Appender + ?Sized>(w: &mut Writer<'a, '_, A>, whole: &Reader<'a>) -> Wire<()> {
    if w.options.promote_scope {
        scope(w, whole)?;
    }
    each(whole, 2, &mut |r| metric(w, &r))
}

/// Labels of a scope; one without a name has none.
fn scope<'a, A: Appender + ?Sized>(w: &mut Writer<'a, '_, A>, whole: &Reader<'a>) -> Wire<()> {
    let (mut name, mut version, mut schema) = (Cow::Borrowed(""), Cow::Borrowed(""), Cow::Borrowed(""));
    let mut attributes: Vec<(&[u8], Text<'a>)> = Vec::new();
    let most = w.limits.labels_per_series_max as usize + 1;
    let mut r = whole.clone();
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, LEN) => {
                let mut r = r.message()?;
                while let Some((field, wire)) = r.tag()? {
                    match (field, wire) {
                        (1, LEN) => name = String::from_utf8_lossy(r.bytes()?),
                        (2, LEN) => version = String::from_utf8_lossy(r.bytes()?),
                        (3, LEN) => {
                            let (sent, value) = attribute(r.message()?)?;
                            if let Some(value) = value.filter(|v| !v.is_empty() && attributes.len() < most) {
                                attributes.push((sent, value));
                            }
                        }
                        _ => r.skip(wire)?,
                    }
                }
            }
            (3, LEN) => schema = String::from_utf8_lossy(r.bytes()?),
            _ => r.skip(wire)?,
        }
    }
    if name.is_empty() {
        return Ok(());
    }
    for (label, text) in
        [("otel_scope_name", name), ("otel_scope_version", version), ("otel_scope_schema_url", schema)]
    {
        w.give(label, text.into());
    }
    for (sent, value) in attributes {
        let own = format!("otel_scope_{}", String::from_utf8_lossy(sent));
        if let Ok(label) = label_name(&own, w.options) {
            w.given.push(Pair { name: label.into(), rank: Rank::Given, sent, value });
        }
    }
    Ok(())
}

/// The kinds of points, by the field of a metric that holds them.
#[derive(Clone, Copy)]
enum Data {
    Gauge,
    Sum,
    Histogram,
    Exponential,
    Summary,
}

/// What a `Sum` or a histogram says beside its points.
#[derive(Default)]
struct Nature {
    temporality: u64,
    is_monotonic: bool,
    points: u64,
}

fn metric<'a, A: Appender + ?Sized>(w: &mut Writer<'a, '_, A>, whole: &Reader<'a>) -> Wire<()> {
    let (mut name, mut help, mut unit) = (Cow::Borrowed(""), Cow::Borrowed(""), Cow::Borrowed(""));
    let mut data = None;
    let mut r = whole.clone();
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, LEN) => name = String::from_utf8_lossy(r.bytes()?),
            (2, LEN) => help = String::from_utf8_lossy(r.bytes()?),
            (3, LEN) => unit = String::from_utf8_lossy(r.bytes()?),
            (5, LEN) => data = Some((Data::Gauge, r.message()?)),
            (7, LEN) => data = Some((Data::Sum, r.message()?)),
            (9, LEN) => data = Some((Data::Histogram, r.message()?)),
            (10, LEN) => data = Some((Data::Exponential, r.message()?)),
            (11, LEN) => data = Some((Data::Summary, r.message()?)),
            (1..=3 | 5 | 7 | 9..=11, w) => {
                return Err(r.error(format!("field {field} of a metric has wire type {w}")));
            }
            _ => r.skip(wire)?,
        }
    }
    let Some((data, message)) = data else { return Ok(()) };
    let nature = nature(message.clone())?;
    if nature.points == 0 {
        return Ok(());
    }
    match family(w, data, &nature, [&name, &help, &unit]) {
        Ok(family) => points(w, data, &family, &message),
        Err(reason) => {
            w.taken.outcome.reject(nature.points, reason);
            Ok(())
        }
    }
}

fn nature(mut r: Reader<'_>) -> Wire<Nature> {
    let mut nature = Nature::default();
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (2, VARINT) => nature.temporality = r.varint()?,
            (3, VARINT) => nature.is_monotonic = r.varint()? != 0,
            _ => {
                nature.points += u64::from(field == 1);
                r.skip(wire)?;
            }
        }
    }
    Ok(nature)
}

/// What the series of a metric are called, or why it cannot be kept.
fn family<A: Appender + ?Sized>(
    w: &Writer<'_, '_, A>,
    data: Data,
    nature: &Nature,
    [name, help, unit]: [&str; 3],
) -> Result<Family, String> {
    let shown = || crate::error::quote(name.as_bytes());
    let is_delta = match (data, nature.temporality) {
        (Data::Gauge | Data::Summary, _) | (_, CUMULATIVE) => false,
        (_, DELTA) if w.totals.is_some() => true,
        (_, DELTA) => {
            return Err(format!(
                "metric {} is sent as deltas, which otlp.delta refuses: set it to convert, or have the sender use \
                 cumulative temporality (OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative)",
                shown()
            ));
        }
        (_, other) => {
            return Err(format!(
                "metric {} has the aggregation temporality {other}; it must be 1 (delta) or 2 (cumulative)",
                shown()
            ));
        }
    };
    let (kind, of_name) = match data {
        Data::Sum if nature.is_monotonic => (MetricKind::Counter, Kind::Counter),
        Data::Sum => (MetricKind::Gauge, Kind::Other),
        Data::Gauge => (MetricKind::Gauge, Kind::Gauge),
        Data::Histogram | Data::Exponential => (MetricKind::Histogram, Kind::Other),
        Data::Summary => (MetricKind::Summary, Kind::Other),
    };
    Ok(Family {
        name: metric_name(name, unit, of_name, w.options)?,
        kind,
        help: help.to_owned(),
        unit: unit_name(unit),
        is_delta,
        grows: kind == MetricKind::Counter,
    })
}

fn points<'a, A: Appender + ?Sized>(
    w: &mut Writer<'a, '_, A>,
    data: Data,
    family: &Family,
    message: &Reader<'a>,
) -> Wire<()> {
    each(message, 1, &mut |r| {
        let whole = r.clone();
        let (point, names) = (&mut w.point, &mut w.names);
        let (done, exemplars) = match data {
            Data::Gauge | Data::Sum => {
                point.number(r, names, w.limits)?;
                (w.number(family), 5)
            }
            Data::Histogram => {
                point.histogram(r, names, w.limits)?;
                (w.histogram(family), 8)
            }
            Data::Exponential => {
                point.exponential(r, names, w.limits)?;
                (w.exponential(family)?, 11)
            }
            Data::Summary => {
                point.summary(r, names, w.limits)?;
                (w.summary(family), 0)
            }
        };
        if w.done(family, done) && w.point.has_exemplars {
            w.exemplars(exemplars, &whole)?;
        }
        Ok(())
    })
}
