//! Aggregations as requests write them.

use super::buckets::{Buckets, Key};
use super::metrics::{Figure, Metric, TopHits, is_dated};
use super::{
    By, Choice, DateHistogram, Filters, Histogram, Kind, Names, Node, OneRange, Order, Ranges, Terms,
};
use crate::dates::{self, Format};
use crate::error::SearchError;
use crate::fields::FieldId;
use crate::hits::SortKey;
use crate::json::{self, object, scalar_text, single, unknown};
use crate::pattern::Pattern;
use crate::query::Reader;
use crate::request::{HitShape, read_sort};
use crate::rounding::{Interval, Rounding, calendar, fixed};
use jiff::tz::TimeZone;
use serde_json::{Map, Value as Json};

/// Aggregations nest this deep at most.
const NESTING_MAX: usize = 16;
/// A request has so many aggregations at most.
const NODES_MAX: usize = 256;
/// Buckets that a terms aggregation may be asked for.
const SIZE_MAX: i64 = super::BUCKETS_MAX as i64;

/// What an aggregation is asked, without what is said of all.
type Body<'j> = &'j Map<String, Json>;

/// Reads the aggregations of a request.
pub(crate) fn read(value: &Json, reader: &mut Reader<'_>) -> Result<Vec<Node>, SearchError> {
    let mut left = NODES_MAX;
    nodes(value, reader, 0, &mut left)
}

fn nodes(
    value: &Json,
    reader: &mut Reader<'_>,
    depth: usize,
    left: &mut usize,
) -> Result<Vec<Node>, SearchError> {
    if depth > NESTING_MAX {
        return Err(SearchError::illegal(format!("aggregations nest deeper than {NESTING_MAX}")));
    }
    let mut out = Vec::new();
    for (name, value) in object(value, "aggregations")? {
        *left = left.checked_sub(1).ok_or_else(|| {
            SearchError::illegal(format!("the request has more than {NODES_MAX} aggregations"))
        })?;
        if name.contains(['[', ']', '>']) || name.is_empty() {
            return Err(SearchError::parsing(format!(
                "Invalid aggregation name [{name}]. Aggregation names cannot be empty or contain '[', ']', and '>'"
            )));
        }
        let (mut kind, mut meta, mut children) = (None, None, Vec::new());
        for (key, value) in object(value, name)? {
            match key.as_str() {
                "aggs" | "aggregations" => children = nodes(value, reader, depth + 1, left)?,
                "meta" => meta = Some(value.clone()),
                other if kind.is_some() => {
                    return Err(SearchError::parsing(format!(
                        "Found two aggregation type definitions in [{name}]: [{other}] is one too many"
                    )));
                }
                _ => kind = Some((key, value)),
            }
        }
        let Some((key, value)) = kind else {
            return Err(SearchError::parsing(format!("Missing definition for aggregation [{name}]")));
        };
        let kind = self::kind(key, value, name, reader, &children)?;
        if matches!(kind, Kind::Metric(_)) && !children.is_empty() {
            return Err(SearchError::illegal(format!(
                "Aggregator [{name}] of type [{key}] cannot accept sub-aggregations"
            )));
        }
        out.push(Node { name: name.clone(), kind, children, meta });
    }
    Ok(out)
}

fn kind(
    key: &str,
    value: &Json,
    name: &str,
    reader: &mut Reader<'_>,
    children: &[Node],
) -> Result<Kind, SearchError> {
    if key == "filter" {
        let filters = vec![reader.query(value)?];
        let buckets = Buckets::default();
        return Ok(Kind::Filters(Filters { names: None, filters, other: None, single: true, buckets }));
    }
    let body = object(value, key)?;
    let mut given = Given { what: key, body, used: vec!["field", "missing"] };
    let kind = match key {
        "terms" => Kind::Terms(terms(&mut given, name, reader, children)?),
        "date_histogram" => Kind::DateHistogram(date_histogram(&mut given, name, reader)?),
        "histogram" => Kind::Histogram(histogram(&mut given, name, reader)?),
        "range" => Kind::Ranges(ranges(&mut given, name, reader, false)?),
        "date_range" => Kind::Ranges(ranges(&mut given, name, reader, true)?),
        "filters" => Kind::Filters(filters(&mut given, reader)?),
        "missing" => Kind::Missing(given.field(name, reader)?, Buckets::default()),
        _ => Kind::Metric(metric(&mut given, key, name, reader)?),
    };
    given.finish()?;
    Ok(kind)
}

/// The parameters of an aggregation, and which of them were understood.
struct Given<'j> {
    what: &'j str,
    body: Body<'j>,
    used: Vec<&'static str>,
}

impl<'j> Given<'j> {
    fn get(&mut self, key: &'static str) -> Option<&'j Json> {
        self.used.push(key);
        self.body.get(key).filter(|v| **v != Json::Null)
    }

    fn flag(&mut self, key: &'static str, otherwise: bool) -> Result<bool, SearchError> {
        self.get(key).map_or(Ok(otherwise), |v| json::boolean(v, key))
    }

    fn field(&mut self, name: &str, reader: &mut Reader<'_>) -> Result<FieldId, SearchError> {
        if self.body.contains_key("script") {
            return Err(SearchError::unsupported(format!("[script] in aggregation [{name}]")));
        }
        let field = self.body.get("field").ok_or_else(|| {
            SearchError::illegal(format!(
                "Required one of fields [field], but none were specified in aggregation [{name}]"
            ))
        })?;
        Ok(reader.table.id(&scalar_text(field, "field")?))
    }

    /// Refuses what was not understood.
    fn finish(&self) -> Result<(), SearchError> {
        match self.body.keys().find(|k| !self.used.contains(&k.as_str())) {
            Some(key) => Err(unknown(key, self.what)),
            None => Ok(()),
        }
    }
}

fn key_of(value: &Json) -> Key {
    match value {
        Json::Bool(b) => Key::Bool(*b),
        Json::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(i), _) => Key::Whole(i),
            (None, x) => Key::Float(x.unwrap_or(0.0)),
        },
        Json::String(text) => Key::Text(text.as_str().into()),
        other => Key::Text(other.to_string().into()),
    }
}

fn terms(
    given: &mut Given<'_>,
    name: &str,
    reader: &mut Reader<'_>,
    children: &[Node],
) -> Result<Terms, SearchError> {
    let field = given.field(name, reader)?;
    let size = given.get("size").map_or(Ok(10), |v| json::whole(v, "size"))?;
    if !(1..=SIZE_MAX).contains(&size) {
        return Err(SearchError::illegal(format!(
            "[size] of aggregation [{name}] must be from 1 to {SIZE_MAX}. Found [{size}]"
        )));
    }
    let min_count = given.get("min_doc_count").map_or(Ok(1), |v| json::whole(v, "min_doc_count"))?;
    let names = |value: Option<&Json>| -> Result<Option<Names>, SearchError> {
        match value {
            None => Ok(None),
            Some(Json::String(pattern)) => Ok(Some(Names::Pattern(Pattern::regexp(pattern, false)?))),
            Some(Json::Object(_)) => Err(SearchError::unsupported("[include] by partition")),
            Some(list) => Ok(Some(Names::Exactly(json::texts(list, "include")?))),
        }
    };
    let choice = Choice { include: names(given.get("include"))?, exclude: names(given.get("exclude"))? };
    let order = match given.get("order") {
        None => vec![Order { by: By::Count, descending: true }],
        Some(Json::Array(all)) => all.iter().map(|o| order(o, children)).collect::<Result<_, _>>()?,
        Some(one) => vec![order(one, children)?],
    };
    // How shards are asked, and how counts of theirs are put together: there is one.
    for key in [
        "shard_size",
        "shard_min_doc_count",
        "show_term_doc_count_error",
        "execution_hint",
        "collect_mode",
        "value_type",
        "format",
    ] {
        given.get(key);
    }
    let missing = given.get("missing").map(key_of);
    let min_count = u64::try_from(min_count.max(1)).unwrap_or(1);
    Ok(Terms { field, size: size as usize, min_count, order, missing, choice, buckets: Buckets::default() })
}

fn order(value: &Json, children: &[Node]) -> Result<Order, SearchError> {
    let (by, direction) = single(object(value, "order")?, "order")?;
    let descending = match scalar_text(direction, "order")?.to_ascii_lowercase().as_str() {
        "asc" => false,
        "desc" => true,
        other => return Err(SearchError::parsing(format!("Unknown order direction [{other}]"))),
    };
    let by = match by.as_str() {
        "_count" => By::Count,
        "_key" | "_term" | "_time" => By::Key,
        path => {
            let path_of = path.strip_suffix("._count").unwrap_or(path);
            let found = children.iter().enumerate().find_map(|(i, c)| {
                let rest = path_of.strip_prefix(c.name.as_str())?;
                let rest = rest
                    .strip_prefix('.')
                    .or_else(|| rest.strip_prefix('[').and_then(|r| r.strip_suffix(']')))
                    .or(rest.is_empty().then_some(""))?;
                c.has_figure().then(|| By::Child(i, rest.to_owned()))
            });
            found.ok_or_else(|| {
                SearchError::illegal(format!("Invalid aggregator order path [{path}]. The provided aggregation does not exist or has no single figure to order by"))
            })?
        }
    };
    Ok(Order { by, descending })
}

/// The direction of buckets that are in order of key.
fn key_order(given: &mut Given<'_>) -> Result<bool, SearchError> {
    match given.get("order") {
        None => Ok(false),
        Some(value) => {
            let order = order(value, &[])?;
            match order.by {
                By::Key => Ok(order.descending),
                _ => Err(SearchError::unsupported(format!(
                    "[order] of a histogram other than by [_key], such as {value}"
                ))),
            }
        }
    }
}

fn zone(given: &mut Given<'_>) -> Result<TimeZone, SearchError> {
    given.get("time_zone").map_or(Ok(TimeZone::UTC), |v| dates::zone(&scalar_text(v, "time_zone")?))
}

fn date_histogram(
    given: &mut Given<'_>,
    name: &str,
    reader: &mut Reader<'_>,
) -> Result<DateHistogram, SearchError> {
    let field = given.field(name, reader)?;
    let text = |v: &Json| scalar_text(v, "interval");
    let unit = |text: &str| {
        calendar(text).ok_or_else(|| {
            SearchError::illegal(format!(
                "The supplied interval [{text}] could not be parsed as a calendar interval."
            ))
        })
    };
    let (f, c, i) = (given.get("fixed_interval"), given.get("calendar_interval"), given.get("interval"));
    let interval = match (f, c, i) {
        (Some(v), None, None) => Interval::Fixed(fixed(&text(v)?)?),
        (None, Some(v), None) => Interval::Calendar(unit(&text(v)?)?),
        (None, None, Some(v)) => {
            let text = text(v)?;
            match calendar(&text) {
                Some(unit) => Interval::Calendar(unit),
                None => Interval::Fixed(fixed(&text)?),
            }
        }
        (None, None, None) => {
            return Err(SearchError::illegal(format!(
                "Invalid interval specified, must be non-null and non-empty: [{name}] needs [fixed_interval] or [calendar_interval]"
            )));
        }
        _ => {
            return Err(SearchError::illegal(
                "Cannot use more than one of [fixed_interval], [calendar_interval] and [interval].",
            ));
        }
    };
    let tz = zone(given)?;
    let offset = given.get("offset").map_or(Ok(0), |v| signed(&scalar_text(v, "offset")?))?;
    let format = format_of(given)?;
    let formats =
        format.clone().map_or_else(dates::default_formats, |f| vec![f, Format::Iso, Format::EpochMillis]);
    let now_ns = reader.now_ns;
    let bounds = |value: Option<&Json>, key: &str| -> Result<Option<(i64, i64)>, SearchError> {
        let Some(value) = value else { return Ok(None) };
        let map = object(value, key)?;
        let end = |key: &str, last: bool| match map.get(key) {
            Some(v) if *v != Json::Null => {
                dates::parse(&scalar_text(v, key)?, &formats, &tz, last, now_ns).map(Some)
            }
            _ => Ok(None),
        };
        match (end("min", false)?, end("max", true)?) {
            (Some(min), Some(max)) if min > max => Err(SearchError::illegal(format!(
                "[{key}.min] cannot be greater than [{key}.max] in [{name}]"
            ))),
            (Some(min), Some(max)) => Ok(Some((min, max))),
            (None, None) => Ok(None),
            _ if key == "hard_bounds" => {
                Ok(Some((end("min", false)?.unwrap_or(i64::MIN), end("max", true)?.unwrap_or(i64::MAX))))
            }
            (min, max) => Ok(min.or(max).map(|at| (at, at))),
        }
    };
    let extended = bounds(given.get("extended_bounds"), "extended_bounds")?;
    let hard = bounds(given.get("hard_bounds"), "hard_bounds")?;
    let missing = match given.get("missing") {
        Some(v) => Some(dates::parse(&scalar_text(v, "missing")?, &formats, &tz, false, now_ns)?),
        None => None,
    };
    let min_count = given.get("min_doc_count").map_or(Ok(0), |v| json::whole(v, "min_doc_count"))?;
    Ok(DateHistogram {
        field,
        rounding: Rounding::new(interval, tz.clone(), offset),
        tz,
        format,
        min_count: u64::try_from(min_count).unwrap_or(0),
        keyed: given.flag("keyed", false)?,
        descending: key_order(given)?,
        extended,
        hard,
        missing,
        buckets: Buckets::default(),
    })
}

/// A length of time with a sign.
fn signed(text: &str) -> Result<i64, SearchError> {
    match text.strip_prefix('-') {
        Some(rest) => fixed(rest).map(|ns| -ns),
        None => fixed(text.strip_prefix('+').unwrap_or(text)),
    }
}

fn format_of(given: &mut Given<'_>) -> Result<Option<Format>, SearchError> {
    match given.get("format") {
        Some(v) => Ok(dates::formats(&scalar_text(v, "format")?)?.into_iter().next()),
        None => Ok(None),
    }
}

fn histogram(given: &mut Given<'_>, name: &str, reader: &mut Reader<'_>) -> Result<Histogram, SearchError> {
    let field = given.field(name, reader)?;
    let interval = given.get("interval").map(|v| json::number(v, "interval")).transpose()?;
    let interval = interval.filter(|x| *x > 0.0 && x.is_finite()).ok_or_else(|| {
        SearchError::illegal(format!("[interval] must be >0 for histogram aggregation [{name}]"))
    })?;
    let extended = match given.get("extended_bounds") {
        None => None,
        Some(v) => {
            let map = object(v, "extended_bounds")?;
            let end = |key: &str| map.get(key).map(|v| json::number(v, key)).transpose();
            let (min, max) = (end("min")?, end("max")?);
            match (min.or(max), max.or(min)) {
                (Some(min), Some(max)) if min <= max => Some((min, max)),
                (None, None) => None,
                _ => {
                    return Err(SearchError::illegal(format!(
                        "max bound must be greater than min bound in [{name}]"
                    )));
                }
            }
        }
    };
    let missing = given.get("missing").map(|v| json::number(v, "missing")).transpose()?;
    let min_count = given.get("min_doc_count").map_or(Ok(0), |v| json::whole(v, "min_doc_count"))?;
    given.get("format");
    Ok(Histogram {
        field,
        interval,
        offset: given.get("offset").map_or(Ok(0.0), |v| json::number(v, "offset"))?,
        min_count: u64::try_from(min_count).unwrap_or(0),
        keyed: given.flag("keyed", false)?,
        descending: key_order(given)?,
        extended,
        missing,
        buckets: Buckets::default(),
    })
}

fn ranges(
    given: &mut Given<'_>,
    name: &str,
    reader: &mut Reader<'_>,
    dated: bool,
) -> Result<Ranges, SearchError> {
    let field = given.field(name, reader)?;
    let tz = if dated { zone(given)? } else { TimeZone::UTC };
    let format = format_of(given)?;
    let dated = dated || is_dated(reader.table, Some(field));
    let formats =
        format.clone().map_or_else(dates::default_formats, |f| vec![f, Format::Iso, Format::EpochMillis]);
    let list = given.get("ranges").and_then(Json::as_array).filter(|l| !l.is_empty());
    let list = list
        .ok_or_else(|| SearchError::illegal(format!("No [ranges] specified for the [{name}] aggregation")))?;
    let mut out = Vec::new();
    for value in list {
        let mut range = OneRange { key: None, from: None, to: None };
        for (key, value) in object(value, "ranges")? {
            let end = |value: &Json| match dated {
                _ if *value == Json::Null => Ok(None),
                true => dates::parse(&scalar_text(value, key)?, &formats, &tz, false, reader.now_ns)
                    .map(|ns| Some(ns as f64 / 1e6)),
                false => json::number(value, key).map(Some),
            };
            match key.as_str() {
                "key" => range.key = Some(scalar_text(value, key)?),
                "from" => range.from = end(value)?,
                "to" => range.to = end(value)?,
                other => return Err(unknown(other, "ranges")),
            }
        }
        out.push(range);
    }
    // As Elasticsearch gives them, whatever the order they are asked for in.
    let rank = |x: Option<f64>, open: f64| x.unwrap_or(open);
    out.sort_by(|a, b| {
        let from = rank(a.from, f64::NEG_INFINITY).total_cmp(&rank(b.from, f64::NEG_INFINITY));
        from.then(rank(a.to, f64::INFINITY).total_cmp(&rank(b.to, f64::INFINITY)))
    });
    let dates = dated.then(|| (format.unwrap_or(Format::Iso), tz));
    Ok(Ranges { field, dates, keyed: given.flag("keyed", false)?, ranges: out, buckets: Buckets::default() })
}

fn filters(given: &mut Given<'_>, reader: &mut Reader<'_>) -> Result<Filters, SearchError> {
    let (mut names, mut filters) = (None, Vec::new());
    match given.get("filters") {
        Some(Json::Array(all)) => {
            for query in all {
                filters.push(reader.query(query)?);
            }
        }
        Some(Json::Object(all)) => {
            for query in all.values() {
                filters.push(reader.query(query)?);
            }
            names = Some(all.keys().cloned().collect());
        }
        _ => return Err(SearchError::parsing("[filters] requires [filters], an object or a list")),
    }
    let key = given.get("other_bucket_key").map(|v| scalar_text(v, "other_bucket_key")).transpose()?;
    let wanted = given.flag("other_bucket", key.is_some())?;
    let other = wanted.then(|| key.unwrap_or("_other_".to_owned()));
    let keyed = given.flag("keyed", true)?;
    let names = if keyed { names } else { None };
    Ok(Filters { names, filters, other, single: false, buckets: Buckets::default() })
}

fn metric(
    given: &mut Given<'_>,
    key: &str,
    name: &str,
    reader: &mut Reader<'_>,
) -> Result<Metric, SearchError> {
    let numbers = |value: Option<&Json>, otherwise: &[f64]| match value {
        Some(Json::Array(all)) => all.iter().map(|v| json::number(v, key)).collect(),
        Some(one) => json::number(one, key).map(|x| vec![x]),
        None => Ok(otherwise.to_vec()),
    };
    let figure = match key {
        "min" => Figure::Min(Vec::new()),
        "max" => Figure::Max(Vec::new()),
        "sum" => Figure::Sum(Vec::new()),
        "avg" => Figure::Avg(Vec::new()),
        "value_count" => Figure::Count(Vec::new()),
        "stats" => Figure::Stats(Vec::new()),
        "extended_stats" => {
            let sigma = given.get("sigma").map_or(Ok(2.0), |v| json::number(v, "sigma"))?;
            Figure::Extended(sigma, Vec::new())
        }
        "cardinality" => {
            given.get("precision_threshold");
            given.get("execution_hint");
            Figure::Cardinality(Vec::new())
        }
        "percentiles" => {
            let percents = numbers(given.get("percents"), &[1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0])?;
            if let Some(wrong) = percents.iter().find(|p| !(0.0..=100.0).contains(*p)) {
                return Err(SearchError::illegal(format!(
                    "percent must be in [0,100], got [{wrong}] in [{name}]"
                )));
            }
            Figure::Percentiles { percents, keyed: given.flag("keyed", true)?, digests: Vec::new() }
        }
        "percentile_ranks" => {
            let values = numbers(given.get("values"), &[])?;
            if values.is_empty() {
                return Err(SearchError::illegal(format!("[values] must not be null or empty in [{name}]")));
            }
            Figure::Ranks { values, keyed: given.flag("keyed", true)?, digests: Vec::new() }
        }
        "top_hits" => {
            let top = top_hits(given, name, reader)?;
            return Ok(Metric {
                figure: Figure::TopHits(Box::new(top)),
                field: None,
                missing: None,
                dates: false,
            });
        }
        other => {
            return Err(SearchError::parsing(format!(
                "Unknown aggregation type [{other}] of [{name}]: it is not supported; supported are terms, \
                 date_histogram, histogram, range, date_range, filter, filters, missing, min, max, sum, avg, \
                 value_count, stats, extended_stats, cardinality, percentiles, percentile_ranks and top_hits"
            )));
        }
    };
    // How percentiles are estimated; there is one way here.
    for key in ["format", "tdigest", "hdr", "value_type"] {
        given.get(key);
    }
    let field = Some(given.field(name, reader)?);
    let missing = given.get("missing").map(|v| json::number(v, "missing")).transpose()?;
    let dates = is_dated(reader.table, field);
    Ok(Metric { figure, field, missing, dates })
}

fn top_hits(given: &mut Given<'_>, name: &str, reader: &mut Reader<'_>) -> Result<TopHits, SearchError> {
    let count =
        |value: Option<&Json>, otherwise: i64| value.map_or(Ok(otherwise), |v| json::whole(v, "size"));
    let (from, size) = (count(given.get("from"), 0)?, count(given.get("size"), 3)?);
    if from < 0 || size < 0 || from.saturating_add(size) > 100 {
        return Err(SearchError::illegal(format!(
            "Top hits result window is too large, the top hits aggregator [{name}]'s from + size must be less than or equal to: [100] but was [{}]",
            from.saturating_add(size)
        )));
    }
    let sort = given.get("sort").map(|v| read_sort(v, reader.table)).transpose()?.unwrap_or_default();
    let (keys, scored) = match sort.is_empty() {
        true => (vec![SortKey::newest()], true),
        false => (sort, false),
    };
    let mut shape = HitShape::default();
    for (key, value) in given.body {
        shape.take(key, value, reader)?;
    }
    given.used.extend(HitShape::KEYS);
    let (collectors, counts) = (Vec::new(), Vec::new());
    Ok(TopHits { keys, from: from as usize, size: size as usize, shape, scored, collectors, counts })
}
