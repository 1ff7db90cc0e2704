//! Senders of events of others, from Python's package index; `scripts/setup-tests` says how to install them.

use crate::logs_clients::python;
use crate::site::{Site, quiet};

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_of_cloudevents() {
    let site = Site::with(quiet()).await;
    let script = format!(
        r#"
import requests
from cloudevents.v1.http import CloudEvent, to_binary, to_structured
for n, convert in enumerate([to_binary, to_structured]):
    event = CloudEvent(
        {{"type": "com.example.order", "source": "/shop/é", "id": str(n), "subject": "order/%d" % n, "servicename": "shop"}},
        {{"title": "order %d" % n, "amount": 1.5, "result": "success"}},
    )
    headers, body = convert(event)
    for _ in range(2):
        answer = requests.post("{}", headers=headers, data=body)
        assert answer.status_code == 200, answer.text
"#,
        site.url("/api/v1/events")
    );
    if !python("cloudevents.v1", script).await {
        return;
    }
    let answer = site.get("/api/v1/events?kind=com.example.order&service=shop").await.json();
    let all = answer["data"]["events"].as_array().unwrap();
    let mut titles: Vec<&str> = all.iter().map(|e| e["title"].as_str().unwrap()).collect();
    titles.sort();
    assert_eq!(titles, ["order 0", "order 1"], "each once");
    assert!(all.iter().all(|e| e["attributes"]["data.amount"] == 1.5 && e["result"] == "ok"), "{all:?}");
    site.stop().await;
}
