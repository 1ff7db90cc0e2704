//! Sentry's own SDKs for Python and Node; `scripts/setup-tests` says how to install them.

use crate::logs_clients::python;
use crate::site::{Site, until};
use serde_json::{Value, json};
use std::process::Command;

async fn data(site: &Site, path: &str) -> Value {
    site.get(&format!("/api/v1/errors{path}")).await.json()["data"].clone()
}

/// The issues of a project once there are so many.
async fn issues(site: &Site, project: u32, count: usize) -> Vec<Value> {
    // Whatever is sent is here once the SDK was flushed; its process has ended.
    until("the issues", async || {
        let all = data(site, &format!("/issues?project={project}&sort=first_seen")).await["issues"]
            .as_array()?
            .clone();
        (all.len() == count).then_some(all)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn sentry_sdk_of_python() {
    let site = Site::start().await;
    let script = format!(
        r#"
import logging, sentry_sdk
sentry_sdk.init(dsn="http://publickey@{}/7", release="shop@2.0.0", environment="staging", traces_sample_rate=1.0,
                auto_session_tracking=True, enable_logs=True, attach_stacktrace=True)
sentry_sdk.set_user({{"id": "u1", "email": "u1@example.org"}})
sentry_sdk.set_tag("shard", "s1")
def place(order):
    return {{}}["order %d" % order]
def load(order):
    try:
        place(order)
    except KeyError as e:
        raise RuntimeError("cannot load %d" % order) from e
for order in range(5):
    sentry_sdk.add_breadcrumb(category="cart", message="order %d" % order)
    with sentry_sdk.start_transaction(op="http.server", name="/cart"):
        with sentry_sdk.start_span(op="db.query", name="SELECT"):
            pass
        try:
            load(order)
        except RuntimeError:
            sentry_sdk.capture_exception()
logging.getLogger("shop").error("stock of %s is %d", "apples", 0)
sentry_sdk.logger.warning("an SDK log line")
with sentry_sdk.new_scope() as scope:
    scope.add_attachment(bytes=b"hello", filename="a.txt")
    scope.fingerprint = ["{{{{ default }}}}", "mine"]
    sentry_sdk.capture_message("by hand")
scope = sentry_sdk.get_isolation_scope()
scope.start_session()
scope.end_session()
sentry_sdk.flush(10)
"#,
        site.address
    );
    if !python("sentry_sdk", script).await {
        return;
    }
    let all = issues(&site, 7, 3).await;
    let error = all.iter().find(|i| i["type"] == "RuntimeError").unwrap();
    assert_eq!((&error["events"], &error["users"], &error["level"]), (&json!(5), &json!(1), &json!("error")));
    let issue = data(&site, &format!("/issues/{}", error["id"].as_str().unwrap())).await;
    let latest = &issue["latestEvent"];
    let kinds: Vec<&Value> = latest["exceptions"].as_array().unwrap().iter().map(|e| &e["type"]).collect();
    assert_eq!(kinds, ["KeyError", "RuntimeError"]);
    let frames = latest["exceptions"][1]["stack"]["frames"].as_array().unwrap();
    assert_eq!(frames.last().unwrap()["function"], "load");
    assert_eq!((&latest["release"], &latest["environment"]), (&json!("shop@2.0.0"), &json!("staging")));
    assert!(latest["breadcrumbs"].as_array().unwrap().iter().any(|b| b["message"] == "order 4"));
    // The trace that it happened in is here, too.
    let trace = latest["links"]["trace"]["traceID"].as_str().unwrap();
    let spans = until("the spans", async || {
        let answer = site.get(&format!("/api/v1/traces/{trace}")).await;
        (answer.status == 200).then(|| answer.json()["data"]["spans"].clone())
    })
    .await;
    assert_eq!(spans.as_array().unwrap().len(), 2, "{spans}");
    // The message of the logger is grouped by its template.
    let logged = all.iter().find(|i| i["title"].as_str().unwrap().starts_with("stock of")).unwrap();
    assert_eq!(logged["title"], "stock of apples is 0");
    let by_hand = all.iter().find(|i| i["title"] == "by hand").unwrap();
    let issue = data(&site, &format!("/issues/{}", by_hand["id"].as_str().unwrap())).await;
    assert_eq!(issue["latestEvent"]["rule"], "fingerprint");
    let id = issue["latestEvent"]["id"].as_str().unwrap();
    assert_eq!(data(&site, &format!("/events/{id}/attachments")).await[0]["file"], "a.txt");
    until("the session", async || {
        let releases = data(&site, "/releases?project=7").await;
        (releases["releases"][0]["sessions"][0]["started"].as_u64()? >= 1).then_some(())
    })
    .await;
    site.stop().await;
}

/// Runs a script with the packages that `WATCHFIRE_TEST_NODE` has; false, and a word about it, if they are not there.
pub async fn node(package: &'static str, script: String) -> bool {
    let run = move || {
        let dir = std::env::var("WATCHFIRE_TEST_NODE").unwrap_or_default();
        if dir.is_empty() || !std::path::Path::new(&dir).join("node_modules").join(package).is_dir() {
            eprintln!(
                "skipped: {dir:?} has no package {package} (WATCHFIRE_TEST_NODE names a directory that has)"
            );
            return false;
        }
        let done = Command::new("node").args(["-e", &script]).current_dir(&dir).output().unwrap();
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        assert!(done.status.success(), "{}{}", text(&done.stdout), text(&done.stderr));
        true
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn sentry_sdk_of_node() {
    let site = Site::start().await;
    let script = format!(
        r#"
const Sentry = require("@sentry/node");
Sentry.init({{ dsn: "http://publickey@{}/8", release: "web@3.1.0", environment: "prod", tracesSampleRate: 1.0 }});
Sentry.setUser({{ id: "n1" }});
function place(order) {{ throw new RangeError("order " + order); }}
async function handle(n) {{ await null; return place(n); }}
(async () => {{
  for (let n = 0; n < 4; n++) {{
    await Sentry.startSpan({{ name: "GET /cart", op: "http.server" }}, async () => {{
      try {{ await handle(n); }} catch (e) {{ Sentry.captureException(e); }}
    }});
  }}
  try {{ throw new Error("outer " + 5, {{ cause: new TypeError("inner") }}); }} catch (e) {{ Sentry.captureException(e); }}
  await Sentry.flush(10000);
  await Sentry.close(5000);
}})();
"#,
        site.address
    );
    if !node("@sentry/node", script).await {
        return;
    }
    let all = issues(&site, 8, 2).await;
    let error = all.iter().find(|i| i["type"] == "RangeError").unwrap();
    assert_eq!(
        (&error["events"], &error["users"], &error["platform"]),
        (&json!(4), &json!(1), &json!("node"))
    );
    let issue = data(&site, &format!("/issues/{}", error["id"].as_str().unwrap())).await;
    let frames = issue["latestEvent"]["exceptions"][0]["stack"]["frames"].as_array().unwrap().clone();
    assert_eq!(frames.last().unwrap()["function"], "place", "{frames:?}");
    let trace = issue["latestEvent"]["links"]["trace"]["traceID"].as_str().unwrap();
    let spans = until("the spans", async || {
        let answer = site.get(&format!("/api/v1/traces/{trace}")).await;
        (answer.status == 200).then(|| answer.json()["data"]["spans"].clone())
    })
    .await;
    assert!(spans.as_array().unwrap().iter().any(|s| s["name"] == "GET /cart"), "{spans}");
    let outer = all.iter().find(|i| i["type"] == "Error").unwrap();
    let issue = data(&site, &format!("/issues/{}", outer["id"].as_str().unwrap())).await;
    let kinds: Vec<&Value> =
        issue["latestEvent"]["exceptions"].as_array().unwrap().iter().map(|e| &e["type"]).collect();
    assert_eq!(kinds, ["TypeError", "Error"]);
    site.stop().await;
}
