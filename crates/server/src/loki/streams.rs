//! What there is: streams, labels, volumes, fields.

use super::params;
use super::query::taken;
use super::source::{StoredNames, chosen};
use crate::api::query::failed;
use crate::api::{Answer, Shared};
use crate::ask;
use crate::http::error::ApiError;
use crate::http::json::Json;
use crate::http::params::Params;
use crate::http::respond::json;
use crate::state::App;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use logql::names::{self, sanitize};
use model::record::Tenant;
use model::{Labels, Matcher};
use records::StreamStats;
use std::collections::{BTreeMap, BTreeSet};

/// Streams of one request, without the text of any record.
struct Asked {
    tenant: Tenant,
    /// Any of these selectors.
    selectors: Vec<Vec<Matcher>>,
    start_ns: i64,
    end_ns: i64,
}

impl Asked {
    /// The span of a request, and its selectors from the parameters of this name.
    fn of(
        app: &App,
        headers: &axum::http::HeaderMap,
        params: &Params,
        name: &str,
    ) -> Result<Asked, ApiError> {
        let selector = |text: &str| logql::parse_selector(text).map_err(|e| ApiError::query(name, e));
        let given = params.all(name).filter(|text| !text.trim().is_empty() && *text != "{}");
        let selectors: Vec<Vec<Matcher>> = given.map(selector).collect::<Result<_, _>>()?;
        let (start_ns, end_ns) = params::span_ns(params, app.now_ms())?;
        let tenant = params::tenant(headers)?;
        let selectors = if selectors.is_empty() { vec![Vec::new()] } else { selectors };
        Ok(Asked { tenant, selectors, start_ns, end_ns })
    }

    fn scan<'a>(&'a self, matchers: &'a [Matcher]) -> records::Scan<'a> {
        records::Scan {
            matchers,
            start_ns: self.start_ns,
            end_ns: self.end_ns,
            ..records::Scan::all(&self.tenant)
        }
    }

    /// Streams of any of the selectors, by labels as LogQL has them.
    fn streams(&self, app: &App) -> Result<BTreeMap<Labels, StreamStats>, ApiError> {
        let mut all = BTreeMap::new();
        for selector in &self.selectors {
            let (store, asked) = chosen(app.ready()?, selector).map_err(ApiError::bad_data)?;
            let known = StoredNames::of(store, &self.tenant, &asked);
            let matchers = known.stored(&asked);
            for found in store.streams(&self.scan(&matchers)) {
                if known.exact || names::matches(&asked, &found.labels) {
                    all.insert(shown(&found.labels), found);
                }
            }
        }
        Ok(all)
    }
}

/// Labels by the names LogQL has for them.
fn shown(labels: &Labels) -> Labels {
    if labels.iter().all(|(name, _)| sanitize(name) == name) {
        return labels.clone();
    }
    // Of two names that look the same the first counts, as it does in queries.
    let mut pairs = BTreeMap::new();
    for (name, value) in labels {
        pairs.entry(sanitize(name)).or_insert(value);
    }
    Labels::from_pairs(pairs).unwrap_or_else(|_| labels.clone())
}

/// `/loki/api/v1/labels`
pub async fn label_names(State(app): Shared, request: Request<Body>) -> Answer {
    let (headers, params) = taken(&app, request).await?;
    let asked = Asked::of(&app, &headers, &params, "query")?;
    ask::light(&app, move |app, _| {
        let streams = asked.streams(app)?;
        let names: BTreeSet<&str> = streams.keys().flat_map(|l| l.iter().map(|(n, _)| n)).collect();
        Ok(json(|j| {
            j.strings(names);
        }))
    })
    .await
}

/// `/loki/api/v1/label/{name}/values`
pub async fn label_values(State(app): Shared, Path(name): Path<String>, request: Request<Body>) -> Answer {
    let (headers, params) = taken(&app, request).await?;
    let asked = Asked::of(&app, &headers, &params, "query")?;
    ask::light(&app, move |app, _| {
        let streams = asked.streams(app)?;
        let values: BTreeSet<&str> = streams.keys().filter_map(|l| l.get(&name)).collect();
        Ok(json(|j| {
            j.strings(values);
        }))
    })
    .await
}

/// `/loki/api/v1/series`
pub async fn series(State(app): Shared, request: Request<Body>) -> Answer {
    let (headers, params) = taken(&app, request).await?;
    let name = if params.all("match").next().is_some() { "match" } else { "match[]" };
    let asked = Asked::of(&app, &headers, &params, name)?;
    ask::light(&app, move |app, _| {
        let streams = asked.streams(app)?;
        Ok(json(|j| {
            j.list(streams.keys(), |j, labels| {
                j.labels(labels);
            });
        }))
    })
    .await
}

/// `/loki/api/v1/index/stats`
pub async fn stats(State(app): Shared, request: Request<Body>) -> Answer {
    let (headers, params) = taken(&app, request).await?;
    let asked = Asked::of(&app, &headers, &params, "query")?;
    ask::light(&app, move |app, _| {
        let streams = asked.streams(app)?;
        let parts = app.ready()?.logs.status().parts;
        let sum = |of: fn(&StreamStats) -> u64| streams.values().map(of).sum::<u64>();
        let mut j = Json::new();
        j.raw("{").key("streams").int(streams.len() as i64);
        j.key("chunks").int(parts as i64);
        j.key("entries").int(sum(|s| s.records) as i64);
        j.key("bytes").int(sum(|s| s.bytes) as i64).raw("}");
        Ok(plain(j))
    })
    .await
}

/// An answer without the envelope of most others.
pub(super) fn plain(j: Json) -> axum::response::Response {
    let encoding = crate::http::respond::Encoding::Identity;
    crate::http::respond::respond(j.into_bytes(), "application/json", encoding)
}

/// How volumes are grouped.
struct Grouping {
    /// Labels that make a group; of the selector if none are named, all without a selector.
    labels: Vec<String>,
    /// Whether each label counts by itself.
    by_label: bool,
    limit: usize,
}

const VOLUMES: usize = 100;

impl Grouping {
    fn of(params: &Params, selectors: &[Vec<Matcher>]) -> Result<Grouping, ApiError> {
        let named = params.get("targetLabels").unwrap_or("");
        let mut labels: Vec<String> =
            named.split(',').map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
        if labels.is_empty() {
            labels = selectors.iter().flatten().map(|m| m.name().to_owned()).collect();
        }
        let by_label = match params.get("aggregateBy") {
            None | Some("series") => false,
            Some("labels") => true,
            Some(other) => {
                let reason = format!("{other:?} is neither series nor labels");
                return Err(ApiError::parameter("aggregateBy", reason));
            }
        };
        Ok(Grouping { labels, by_label, limit: params.limit()?.unwrap_or(VOLUMES) })
    }

    /// Bytes of each group, the largest first.
    fn sums(&self, streams: &BTreeMap<Labels, StreamStats>) -> Vec<(Group, u64)> {
        let wanted = |name: &str| self.labels.is_empty() || self.labels.iter().any(|l| l == name);
        let mut sums: BTreeMap<Group, u64> = BTreeMap::new();
        for (labels, stats) in streams {
            let mine = labels.iter().filter(|(name, _)| wanted(name));
            if self.by_label {
                for (name, _) in mine {
                    *sums.entry(vec![(name.to_owned(), String::new())]).or_default() += stats.bytes;
                }
            } else {
                let group = mine.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                *sums.entry(group).or_default() += stats.bytes;
            }
        }
        let mut sums: Vec<(Group, u64)> = sums.into_iter().collect();
        sums.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        sums.truncate(self.limit);
        sums
    }
}

/// Names and values of labels; a label that counts by itself has no value.
type Group = Vec<(String, String)>;

fn metric(j: &mut Json, group: &Group) {
    j.raw("{\"metric\":{");
    for (name, value) in group {
        j.key(name).string(value);
    }
    j.raw("}");
}

/// `/loki/api/v1/index/volume`
pub async fn volume(State(app): Shared, request: Request<Body>) -> Answer {
    let (headers, params) = taken(&app, request).await?;
    let asked = Asked::of(&app, &headers, &params, "query")?;
    let grouping = Grouping::of(&params, &asked.selectors)?;
    ask::light(&app, move |app, _| {
        let sums = grouping.sums(&asked.streams(app)?);
        Ok(json(|j| {
            j.raw("{").key("resultType").string("vector").key("result").list(&sums, |j, (group, bytes)| {
                metric(j, group);
                j.raw(",\"value\":[");
                j.time(asked.end_ns / 1_000_000).raw(",").float(*bytes as f64).raw("]}");
            });
            j.raw("}");
        }))
    })
    .await
}

/// Steps of a range of volumes at most; each is a look at the index of streams.
const VOLUME_STEPS_MAX: i64 = 1000;

/// `/loki/api/v1/index/volume_range`
pub async fn volume_range(State(app): Shared, request: Request<Body>) -> Answer {
    let (headers, params) = taken(&app, request).await?;
    let asked = Asked::of(&app, &headers, &params, "query")?;
    let grouping = Grouping::of(&params, &asked.selectors)?;
    let step = params::step_ns(&params, asked.start_ns, asked.end_ns)?;
    if (asked.end_ns - asked.start_ns) / step > VOLUME_STEPS_MAX {
        let reason = format!("the range has more than {VOLUME_STEPS_MAX} steps: ask for a longer step");
        return Err(ApiError::parameter("step", reason));
    }
    ask::light(&app, move |app, control| {
        let mut series: BTreeMap<Group, Vec<(i64, u64)>> = BTreeMap::new();
        let mut at = asked.start_ns;
        while at < asked.end_ns {
            control.check().map_err(failed)?;
            let end_ns = at.saturating_add(step).min(asked.end_ns);
            let window = Asked {
                tenant: asked.tenant.clone(),
                selectors: asked.selectors.clone(),
                start_ns: at,
                end_ns,
            };
            for (group, bytes) in grouping.sums(&window.streams(app)?) {
                series.entry(group).or_default().push((at / 1_000_000, bytes));
            }
            at = end_ns;
        }
        Ok(json(|j| {
            j.raw("{").key("resultType").string("matrix").key("result").list(
                &series,
                |j, (group, points)| {
                    metric(j, group);
                    j.raw(",\"values\":").list(points, |j, (ms, bytes)| {
                        j.raw("[").time(*ms).raw(",").float(*bytes as f64).raw("]");
                    });
                    j.raw("}");
                },
            );
            j.raw("}");
        }))
    })
    .await
}

/// `/loki/api/v1/detected_labels`
pub async fn detected_labels(State(app): Shared, request: Request<Body>) -> Answer {
    let (headers, params) = taken(&app, request).await?;
    let asked = Asked::of(&app, &headers, &params, "query")?;
    ask::light(&app, move |app, _| {
        let streams = asked.streams(app)?;
        let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, value) in streams.keys().flat_map(Labels::iter) {
            values.entry(name).or_default().insert(value);
        }
        let mut j = Json::new();
        j.raw("{").key("detectedLabels").list(&values, |j, (name, values)| {
            j.raw("{").key("label").string(name).key("cardinality").int(values.len() as i64).raw("}");
        });
        j.raw("}");
        Ok(plain(j))
    })
    .await
}

/// `/loki/api/v1/status/buildinfo`
pub async fn build() -> axum::response::Response {
    let mut j = Json::new();
    j.raw("{").key("version").string(env!("CARGO_PKG_VERSION")).key("revision").string("");
    j.key("branch").string("").key("buildUser").string("").key("buildDate").string("");
    j.key("goVersion").string("").raw("}");
    plain(j)
}
