//! Events of Kubernetes, of `v1` and of `events.k8s.io/v1`, as exporters send them: plain, in a list, or within the
//! notes of a watch (`{"type":"ADDED","object":…}`, `{"verb":"ADDED","event":…}`).

use super::tree::object;
use super::{EventWriter, Tree, each_value};
use crate::error::{DecodeError, quote};
use crate::records::{RecordWriter, Refused};
use model::record::event::{EventDraft, kind};
use model::record::{Severity, Value};

/// Appends the events of a body.
pub fn decode(body: &[u8], w: &mut RecordWriter) -> Result<(), DecodeError> {
    let mut events = EventWriter::new(body, w)?;
    let mut number = 0;
    each_value(body, "Kubernetes' events", &mut |_, value| {
        let items = value.get("items").and_then(|i| i.as_array());
        for item in items.map_or(std::slice::from_ref(value), Vec::as_slice) {
            number += 1;
            let done = object(item, "it").and_then(|tree| one(inner(tree), &mut events));
            events.settle(number, done)?;
        }
        Ok(())
    })
}

/// The event itself.
fn inner(tree: Tree<'_>) -> Tree<'_> {
    tree.object(&["object"]).or_else(|| tree.object(&["event"])).unwrap_or(tree)
}

fn one(tree: Tree<'_>, events: &mut EventWriter<'_>) -> Result<(), Refused> {
    let about = tree.object(&["involvedObject"]).or_else(|| tree.object(&["regarding"]));
    let Some(about) = about else {
        return Err(Refused::Record(
            "it has neither involvedObject nor regarding: it is no event of Kubernetes".to_owned(),
        ));
    };
    let (of_kind, name) = (about.text(&["kind"]), about.text(&["name"]));
    let reason = tree.text(&["reason"]);
    if name.is_empty() || reason.is_empty() {
        let whole = quote(serde_json::Value::Object(tree.0.clone()).to_string().as_bytes());
        return Err(Refused::Record(format!("it names no reason, or not what it is about: {whole}")));
    }
    let first = |paths: &[&[&str]]| paths.iter().find_map(|p| tree.time(p));
    let text = |paths: &[&[&str]]| {
        let said = paths.iter().map(|p| tree.text(p));
        said.into_iter().find(|t| !t.is_empty()).unwrap_or("")
    };
    let count = [&["count"][..], &["series", "count"], &["deprecatedCount"]];
    let count = count.iter().find_map(|p| tree.at(p)?.as_i64()).unwrap_or(1);
    let mut draft = EventDraft {
        kind: kind::KUBERNETES.to_owned(),
        title: format!("{reason} {of_kind}/{name}"),
        text: text(&[&["message"], &["note"]]).to_owned(),
        source: "kubernetes".to_owned(),
        subject: format!("{of_kind}/{name}"),
        severity: if tree.text(&["type"]) == "Warning" { Severity::WARN } else { Severity::INFO },
        time_ns: first(&[
            &["series", "lastObservedTime"],
            &["lastTimestamp"],
            &["deprecatedLastTimestamp"],
            &["eventTime"],
            &["firstTimestamp"],
            &["metadata", "creationTimestamp"],
        ])
        .unwrap_or(0),
        ..EventDraft::default()
    };
    // The same event comes again with a higher count.
    let uid = tree.text(&["metadata", "uid"]);
    if !uid.is_empty() {
        draft.id = format!("{uid}/{count}");
    }
    let named = match of_kind {
        "Pod" => "k8s.pod.name",
        "Node" => "k8s.node.name",
        "Deployment" => "k8s.deployment.name",
        "ReplicaSet" => "k8s.replicaset.name",
        "StatefulSet" => "k8s.statefulset.name",
        "DaemonSet" => "k8s.daemonset.name",
        "Job" => "k8s.job.name",
        "CronJob" => "k8s.cronjob.name",
        "Namespace" => "k8s.namespace.name",
        _ => "k8s.object.name",
    };
    draft.set(named, name);
    if named != "k8s.node.name" {
        draft.set("k8s.node.name", text(&[&["source", "host"], &["deprecatedSource", "host"]]));
    }
    if named != "k8s.namespace.name" {
        draft.set("k8s.namespace.name", about.text(&["namespace"]));
    }
    draft.set("k8s.event.reason", reason);
    draft.set("k8s.event.type", tree.text(&["type"]));
    draft.set("k8s.event.action", tree.text(&["action"]));
    draft.set("k8s.object.kind", of_kind);
    draft.set("k8s.object.uid", about.text(&["uid"]));
    draft.set("k8s.cluster.name", text(&[&["clusterName"], &["cluster"]]));
    let component = text(&[
        &["source", "component"],
        &["reportingComponent"],
        &["reportingController"],
        &["deprecatedSource", "component"],
    ]);
    draft.set("k8s.event.component", component);
    draft.attributes.push("k8s.event.count", Value::Int(count));
    // Exporters add the labels of what it is about, which may name the service.
    let label = about.object(&["labels"]);
    let service = label.map(|l| [l.text(&["app.kubernetes.io/name"]), l.text(&["app"])]);
    draft.set("service.name", service.into_iter().flatten().find(|s| !s.is_empty()).unwrap_or(""));
    events.write(draft)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::tests::shown;

    #[test]
    fn both_versions_in_all_wrappings() {
        let old = r#"{"kind":"Event","apiVersion":"v1","metadata":{"name":"p.1","namespace":"shop","uid":"u1"},"involvedObject":{"kind":"Pod","namespace":"shop","name":"cart-1","uid":"pu","labels":{"app":"cart"}},"reason":"BackOff","message":"Back-off restarting failed container","source":{"component":"kubelet","host":"node-a"},"firstTimestamp":"2026-11-21T10:00:00Z","lastTimestamp":"2026-11-21T11:00:00Z","count":7,"type":"Warning"}"#;
        let new = r#"{"apiVersion":"events.k8s.io/v1","metadata":{"uid":"u2","creationTimestamp":"2026-11-21T10:00:00Z"},"regarding":{"kind":"Node","name":"node-a"},"reason":"NodeNotReady","note":"it is not","eventTime":"2026-11-21T11:00:00.123456Z","type":"Normal","reportingController":"node-controller","action":"x"}"#;
        let bodies = [
            old.to_owned(),
            format!(r#"{{"type":"ADDED","object":{new}}}"#),
            format!(r#"{{"verb":"UPDATED","event":{old}}}"#),
            format!(r#"{{"kind":"EventList","items":[{old},{new},{{}},{{"involvedObject":{{}}}},1]}}"#),
            "x".to_owned(),
        ];
        let all: Vec<String> = bodies.iter().map(|b| shown(|w| decode(b.as_bytes(), w))).collect();
        insta::assert_snapshot!(all.join("\n"));
    }
}
