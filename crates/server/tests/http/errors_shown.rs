//! What the console asks about errors besides the lists themselves.

use crate::errors::{envelope, event, get, issues, now_s, send};
use crate::site::Site;
use serde_json::{Value, json};

const AUTH: (&str, &str) = ("x-sentry-auth", "Sentry sentry_version=7, sentry_client=test/1, sentry_key=abc");

fn sum(counts: &Value) -> u64 {
    counts.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_tells_counts_over_time_and_what_it_can_be_narrowed_by() {
    let site = Site::start().await;
    let ago = |seconds: f64| json!({ "timestamp": now_s() - seconds });
    for id in 1..=3 {
        send(&site, &event(id, "KeyError", "place", ago(12600.0 + f64::from(id)))).await;
    }
    send(&site, &event(4, "KeyError", "place", ago(30.0))).await;
    for id in 5..=6 {
        let more = json!({ "timestamp": now_s() - 60.0, "environment": "staging", "level": "fatal" });
        send(&site, &event(id, "ValueError", "parse", more)).await;
    }
    let of_two = envelope(&[("event", event(7, "OSError", "spool", ago(40.0)).to_string())]);
    assert_eq!(site.post("/api/2/envelope/", &[AUTH], of_two).await.status, 200);

    // Hours where the range is long, and moments where it is short.
    let long = get(&site, "/issues?since=12h&buckets=12&timeline=project").await;
    let series = &long["timeline"]["series"];
    assert_eq!((sum(&series["1"]), sum(&series["2"])), (6, 1), "{series}");
    let short = get(&site, "/issues?since=1h&buckets=60&timeline=level&query=!OSError").await;
    let series = &short["timeline"]["series"];
    assert_eq!((sum(&series["error"]), sum(&series["fatal"])), (1, 2), "{series}");
    assert_eq!(series["fatal"].as_array().unwrap().len(), 60);
    // The first three are of an hour that the range does not touch.
    let id = issues(&site, "query=KeyError").await[0]["id"].as_str().unwrap().to_owned();
    let fine = get(&site, &format!("/issues/{id}?since=1h&buckets=12")).await;
    assert_eq!((&fine["eventsInRange"], sum(&fine["buckets"])), (&json!(1), 1));
    assert_eq!(fine["events"], 4);

    // Values are those of the range, whatever else is asked for.
    let facets = get(&site, "/issues?facets=true&query=KeyError").await["facets"].clone();
    assert_eq!(facets["project"], json!([["1", 2], ["2", 1]]));
    assert_eq!(facets["environment"], json!([["prod", 2], ["staging", 1]]));
    assert_eq!(facets["level"], json!([["error", 2], ["fatal", 1]]));
    assert!(get(&site, "/issues").await.get("facets").is_none());

    // What came lately rises.
    let rising = issues(&site, "sort=trend&since=4h&project=1").await;
    assert_eq!((&rising[0]["type"], &rising[1]["type"]), (&json!("ValueError"), &json!("KeyError")));
    let mut out = String::new();
    for wrong in ["timeline=hour", "sort=best"] {
        let answer = site.get(&format!("/api/v1/errors/issues?{wrong}")).await;
        out += &format!("{} {}\n", answer.status, answer.json()["error"].as_str().unwrap());
    }
    insta::assert_snapshot!(out);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_names_its_neighbours() {
    let site = Site::start().await;
    let now = now_s();
    // The last two are of one moment.
    for (id, at) in [(1, now - 30.0), (2, now - 20.0), (3, now - 10.0), (4, now - 10.0)] {
        send(&site, &event(id, "KeyError", "place", json!({ "timestamp": at }))).await;
    }
    send(&site, &event(9, "ValueError", "parse", json!({ "timestamp": now - 15.0 }))).await;
    let issue = issues(&site, "query=KeyError").await[0]["id"].as_str().unwrap().to_owned();
    let listed: Vec<String> = get(&site, &format!("/issues/{issue}/events")).await["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(listed.len(), 4);
    for (place, id) in listed.iter().enumerate() {
        let beside = get(&site, &format!("/events/{id}?issue={issue}")).await["neighbours"].clone();
        let expected = json!({
            "newest": listed[0], "newer": place.checked_sub(1).map(|p| &listed[p]),
            "older": listed.get(place + 1), "oldest": listed[3],
        });
        assert_eq!(beside, expected, "of {id}");
    }
    assert!(get(&site, &format!("/events/{}", listed[0])).await.get("neighbours").is_none());
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_users_said_is_told_by_issue() {
    let site = Site::start().await;
    for (id, kind) in [(1, "KeyError"), (2, "ValueError")] {
        let said =
            json!({ "event_id": format!("{id:032x}"), "name": "Ann", "comments": format!("{kind} hurt me") });
        let items =
            [("event", event(id, kind, "place", json!({})).to_string()), ("user_report", said.to_string())];
        assert_eq!(site.post("/api/1/envelope/", &[AUTH], envelope(&items)).await.status, 200);
    }
    let issue = issues(&site, "query=KeyError").await[0]["id"].as_str().unwrap().to_owned();
    let said = get(&site, &format!("/issues/{issue}/feedback")).await;
    assert_eq!(said.as_array().unwrap().len(), 1, "{said}");
    assert_eq!(
        (&said[0]["said"]["text"], &said[0]["event"]),
        (&json!("KeyError hurt me"), &json!(format!("{:032x}", 1)))
    );
    site.stop().await;
}
