//! The tree of routes with what stands at each node now, who can be told, and what became of decisions to notify.

use super::silences::shown_matchers;
use super::{Reply, bad, ok, seconds, time};
use crate::api::Shared;
use crate::http::params::Params;
use crate::notify::Finished;
use alerting::{Core, Route, RouteId};
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};

/// Groups and alerts at a node.
#[derive(Clone, Copy, Default)]
struct Standing {
    groups: usize,
    alerts: usize,
}

/// `/api/v1/alerting/routes`: every node with all it has from those above it, and all receivers.
pub async fn routes(State(app): Shared) -> Reply {
    let file = app.config().alerting.config_file.as_ref().map(|f| f.display().to_string());
    let found = app.ready()?.office.change(move |core, _, now| {
        let mut standing = vec![Standing::default(); core.routes().iter().count()];
        for group in core.groups() {
            if let Some(at) = standing.get_mut(group.route.0) {
                at.groups += 1;
                at.alerts += group.members.len();
            }
        }
        let nodes: Vec<Value> =
            core.routes().iter().map(|(id, r)| node(core, id, r, standing[id.0], now)).collect();
        let receivers: Vec<Value> = core
            .config()
            .receivers
            .iter()
            .map(|r| {
                let ways = r.ways().into_iter();
                let ways = ways.map(
                    |(kind, index, resolved)| json!({"kind": kind, "index": index, "sendResolved": resolved}),
                );
                json!({"name": r.name, "ways": ways.collect::<Vec<_>>()})
            })
            .collect();
        let inhibit_rules = core.config().inhibit_rules.len();
        json!({"configFile": file, "routes": nodes, "receivers": receivers, "inhibitRules": inhibit_rules})
    });
    ok(&found.await?)
}

fn node(core: &Core, id: RouteId, route: &Route, standing: Standing, now_ms: i64) -> Value {
    json!({
        "id": id.0,
        "below": route.below.iter().map(|b| b.0).collect::<Vec<_>>(),
        "key": route.key,
        "receiver": route.receiver,
        "matchers": shown_matchers(&route.matchers),
        "continue": route.goes_on,
        // All labels, if there is no list.
        "groupBy": route.group_by,
        "groupWait": seconds(route.group_wait_ms),
        "groupInterval": seconds(route.group_interval_ms),
        "repeatInterval": seconds(route.repeat_interval_ms),
        "muteTimeIntervals": route.mute_times,
        "activeTimeIntervals": route.active_times,
        "mutedBy": core.muted_by(route, now_ms),
        "labels": route.labels,
        "groups": standing.groups,
        "alerts": standing.alerts,
    })
}

/// Decisions that are shown unless it is said how many.
const DONE_SHOWN: usize = 100;

/// `/api/v1/alerting/deliveries/done`: what became of decisions since the start, the newest first.
pub async fn deliveries_done(State(app): Shared, RawQuery(query): RawQuery) -> Reply {
    let params = Params::of_query(query.as_deref().unwrap_or(""));
    let limit = match params.get("limit") {
        None => DONE_SHOWN,
        Some(text) => {
            text.parse().map_err(|_| bad(format!("invalid parameter \"limit\": {text:?} is no number")))?
        }
    };
    let (done, forgotten) = app.ready()?.office.finished(limit);
    let done: Vec<Value> = done.iter().map(finished).collect();
    ok(&json!({"since": time(app.started_ms), "forgotten": forgotten, "deliveries": done}))
}

fn finished(f: &Finished) -> Value {
    let d = &f.delivery;
    json!({
        "id": d.id,
        "receiver": d.way.receiver,
        "kind": d.way.kind,
        "index": d.way.index,
        "groupKey": d.group_key,
        "groupLabels": *d.group_labels,
        "reason": d.reason,
        "alerts": d.alerts,
        "firing": d.firing,
        "decidedAt": time(d.decided_ms),
        "doneAt": time(f.done_ms),
        "attempts": f.attempts,
        "outcome": f.outcome,
        "error": f.error,
    })
}
