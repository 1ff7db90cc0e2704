//! What senders of events send.

use ingest::DecodeError;
use ingest::events::{alertmanager as am, cloudevents, github as gh, gitlab as gl, grafana as gf};
use ingest::events::{kubernetes as k8s, webhook};
use ingest::records::{RecordLimits, RecordWriter, Signal};
use model::record::event::Event;
use model::record::{Attributes, Tenant};

const NOW_NS: i64 = 1_795_262_400_000_000_000;

/// Every event must be whole, within the limits, and readable as what it is.
fn run(decode: impl Fn(&mut RecordWriter) -> Result<(), DecodeError>) {
    let limits = RecordLimits {
        signal: Signal::Events,
        content_bytes_max: 1 << 20,
        attributes_per_record_max: 100,
        ..RecordLimits::default()
    };
    let mut w = RecordWriter::new(Tenant::unnamed(), limits, NOW_NS);
    if decode(&mut w).is_err() {
        return;
    }
    let decoded = w.finish();
    assert!(decoded.batch.content_bytes() as u64 <= limits.content_bytes_max);
    for row in decoded.batch.iter() {
        let record = row.record;
        Attributes::from_encoded(record.attributes.encoded()).expect("what was written is well encoded");
        let event = Event::of(decoded.batch.labels(row.stream), &record);
        assert!(!event.title.is_empty() && !event.kind.is_empty() && event.severity.number() > 0);
        assert!(event.attributes().count() as u64 <= limits.attributes_per_record_max + 20);
        assert!(event.duration_ns.is_none_or(|d| d >= 0));
    }
    assert_eq!(decoded.outcome.rejected == 0, decoded.outcome.reasons.is_empty());
}

/// All modes: the body as it is, and as data with attributes from its first bytes.
pub fn cloud_events(data: &[u8]) {
    run(|w| cloudevents::structured(data, w));
    let (head, body) = data.split_at(data.len().min(8));
    let head = String::from_utf8_lossy(head).into_owned();
    let headers: Vec<(String, String)> = ["specversion", "id", "source", "type", "time", "x"]
        .into_iter()
        .map(|n| (format!("ce-{n}"), if n == "specversion" { "1.0".to_owned() } else { head.clone() }))
        .collect();
    run(|w| cloudevents::binary(&headers, &head, body, w));
    run(|w| cloudevents::binary(&headers[..4], "application/json", body, w));
}

pub fn event_webhook(data: &[u8]) {
    run(|w| webhook::decode(data, "fuzz", w));
}

pub fn alertmanager(data: &[u8]) {
    run(|w| am::decode(data, w));
}

pub fn github(data: &[u8]) {
    for event in ["push", "release", "deployment", "deployment_status", "workflow_run", "other"] {
        run(|w| gh::decode(event, "d", data, w).map(drop));
    }
}

pub fn gitlab(data: &[u8]) {
    run(|w| gl::decode("d", data, w).map(drop));
}

pub fn kubernetes(data: &[u8]) {
    run(|w| k8s::decode(data, w));
}

pub fn grafana(data: &[u8]) {
    run(|w| gf::decode(data, 7, w));
}

pub fn kernel_message(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(found) = agent::watch::classify::kernel(&text) {
        assert!(!found.kind.is_empty() && !found.title.is_empty());
    }
    if let Ok(serde_json::Value::Object(fields)) = serde_json::from_slice(data) {
        agent::watch::classify::journal(&fields);
    }
}

fn seeds(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|t| t.as_bytes().to_vec()).collect()
}

pub fn cloud_events_seeds() -> Vec<Vec<u8>> {
    seeds(&[
        r#"{"specversion":"1.0","id":"A-1","source":"/shop","type":"order.created","subject":"o/7","time":"2026-11-21T11:59:00Z","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","data":{"amount":12.5,"service":"cart","a":[1,{"b":2}]}}"#,
        r#"[{"specversion":"1.0","id":"2","source":"/ci","type":"dev.cdevents.service.deployed.0.1.1","data":"text"}]"#,
    ])
}

pub fn event_webhook_seeds() -> Vec<Vec<u8>> {
    seeds(&[
        r#"{"title":"cart","kind":"deploy","service":"cart","time":1795262000,"duration":"1m30s","result":"success","tags":["a"],"attributes":{"x":{"y":1}}}"#,
        "{\"title\":\"a\",\"time\":\"2026-11-21T11:00:00Z\",\"end\":\"2026-11-21T11:00:05Z\"}\n{\"message\":\"b\",\"level\":\"warn\"}",
    ])
}

pub fn alertmanager_seeds() -> Vec<Vec<u8>> {
    seeds(&[
        r#"{"version":"4","receiver":"wf","alerts":[{"status":"firing","labels":{"alertname":"Down","severity":"critical"},"annotations":{"summary":"s"},"startsAt":"2026-11-21T11:00:00Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"f"}]}"#,
    ])
}

pub fn github_seeds() -> Vec<Vec<u8>> {
    seeds(&[
        r#"{"action":"completed","ref":"refs/heads/main","commits":[1],"head_commit":{"message":"m"},"repository":{"name":"c","full_name":"s/c","pushed_at":1795262000},"deployment":{"id":1,"ref":"v1","environment":"p","created_at":"2026-11-21T11:00:00Z","payload":{"service":"x"}},"deployment_status":{"state":"success","created_at":"2026-11-21T11:01:00Z"},"workflow_run":{"name":"CI","run_number":7,"conclusion":"failure","run_started_at":"2026-11-21T11:00:00Z"}}"#,
        r#"{"action":"published","release":{"tag_name":"v1","published_at":"2026-11-21T11:00:00Z"},"repository":{"full_name":"s/c"}}"#,
    ])
}

pub fn gitlab_seeds() -> Vec<Vec<u8>> {
    seeds(&[
        r#"{"object_kind":"push","ref":"refs/heads/main","commits":[{"message":"m"}],"project":{"name":"c","path_with_namespace":"s/c"}}"#,
        r#"{"object_kind":"pipeline","object_attributes":{"id":31,"ref":"main","status":"failed","created_at":"2026-11-21 11:00:00 UTC","duration":5},"project":{"name":"c"}}"#,
        r#"{"object_kind":"deployment","status":"success","status_changed_at":"2026-11-21 12:00:00 +0100","deployment_id":15,"environment":"e"}"#,
    ])
}

pub fn kubernetes_seeds() -> Vec<Vec<u8>> {
    seeds(&[
        r#"{"kind":"EventList","items":[{"metadata":{"uid":"u1"},"involvedObject":{"kind":"Pod","namespace":"n","name":"p","labels":{"app":"cart"}},"reason":"BackOff","message":"m","source":{"component":"kubelet","host":"h"},"lastTimestamp":"2026-11-21T11:00:00Z","count":7,"type":"Warning"}]}"#,
        r#"{"type":"ADDED","object":{"metadata":{"uid":"u2"},"regarding":{"kind":"Node","name":"n"},"reason":"R","note":"x","eventTime":"2026-11-21T11:00:00.123456Z"}}"#,
    ])
}

pub fn grafana_seeds() -> Vec<Vec<u8>> {
    seeds(&[
        r#"{"dashboardUID":"d1","panelId":2,"time":1795262000000,"timeEnd":1795262060000,"tags":["deploy","service:cart"],"text":"t\nu"}"#,
        r#"{"what":"Event","tags":"deploy prod","when":1795262000,"data":"more"}"#,
    ])
}

pub fn kernel_message_seeds() -> Vec<Vec<u8>> {
    seeds(&[
        "Out of memory: Killed process 1234 (java) total-vm:8000kB",
        "blk_update_request: I/O error, dev sda, sector 2048",
        "e1000e 0000:00:19.0 eth0: NIC Link is Down",
        "INFO: task jbd2/sda1-8:301 blocked for more than 120 seconds.",
        r#"{"MESSAGE_ID":"d9b373ed55a64feb8242e02dbe79a49c","UNIT":"nginx.service","UNIT_RESULT":"exit-code"}"#,
    ])
}
