//! What each kind of receiver is sent.

use alerting::message::{HttpRequest, Outgoing, Renderer};
use alerting::{Alert, Config, Delivery, DeliveryId, LabelSet, Reason, Way};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

const NOW: i64 = 1_800_000_000_000;

fn set(pairs: &[(&str, &str)]) -> LabelSet {
    pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}

fn alert(host: &str, ended: bool) -> Alert {
    Alert {
        labels: Arc::new(set(&[("alertname", "Full"), ("host", host), ("severity", "page")])),
        annotations: Arc::new(set(&[("summary", "disk of <host> is full")])),
        starts_ms: NOW - 60_000,
        ends_ms: if ended { NOW - 1 } else { i64::MAX },
        generator_url: "http://gen".into(),
        updated_ms: NOW,
        timeout: false,
    }
}

fn delivery(kind: &str, alerts: Vec<Alert>) -> Delivery {
    Delivery {
        id: DeliveryId(1),
        way: Way { receiver: "a.b".to_owned(), kind: kind.to_owned(), index: 0 },
        group_key: "{}:{alertname=\"Full\"}".to_owned(),
        group_labels: Arc::new(set(&[("alertname", "Full")])),
        route_labels: LabelSet::new(),
        reason: Reason::First,
        firing: alerts.iter().map(Alert::fingerprint).collect(),
        alerts,
        decided_ms: NOW,
        deadline_ms: NOW + 1,
        resolved: Default::default(),
        expires_ms: NOW + 2,
    }
}

fn outgoing(kind: &str, section: &str, ended: bool) -> Vec<Outgoing> {
    let text = format!("route: {{receiver: a.b}}\nreceivers:\n- name: a.b\n  {kind}_configs: [{section}]\n");
    let config = Config::parse(&text, Path::new("/")).unwrap();
    let renderer = Renderer::new(&[], "http://us").unwrap();
    let delivery = delivery(kind, vec![alert("one", ended), alert("two", ended)]);
    renderer.outgoing(&config, &delivery, &|_| Ok("from a file\n".to_owned())).unwrap()
}

fn request(kind: &str, section: &str, ended: bool) -> (HttpRequest, Value) {
    match outgoing(kind, section, ended).remove(0) {
        Outgoing::Http(r) => {
            let body = serde_json::from_slice(&r.body).unwrap_or_default();
            (*r, body)
        }
        other => panic!("{other:?}"),
    }
}

/// Texts below these pointers.
fn is(body: &Value, expected: &[(&str, &str)]) {
    for (pointer, text) in expected {
        let found = body.pointer(pointer).unwrap_or_else(|| panic!("{pointer}: {body}"));
        let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
        assert_eq!(found, *text, "{pointer}: {body}");
    }
}

#[test]
fn chats() {
    let (r, body) = request(
        "slack",
        "{api_url_file: /s, channel: '#ops', fields: [{title: n, value: '{{ len .Alerts }}'}]}",
        false,
    );
    assert_eq!(r.url, "from a file");
    is(
        &body,
        &[
            ("/channel", "#ops"),
            ("/username", "Watchfire"),
            ("/attachments/0/title", "[FIRING 2] Full"),
            ("/attachments/0/color", "danger"),
            ("/attachments/0/fields/0/value", "2"),
            ("/attachments/0/fields/0/short", "false"),
        ],
    );
    let (_, body) = request("discord", "{webhook_url: 'http://d'}", true);
    is(&body, &[("/embeds/0/title", "[RESOLVED] Full"), ("/embeds/0/color", "3066993")]);
    let (_, body) = request("msteams", "{webhook_url: 'http://d'}", false);
    is(
        &body,
        &[
            ("/@context", "http://schema.org/extensions"),
            ("/title", "[FIRING 2] Full"),
            ("/themeColor", "8C1A1A"),
        ],
    );
    let (_, body) = request("msteamsv2", "{webhook_url: 'http://d', text: '{{ .Status }}'}", false);
    is(&body, &[("/attachments/0/content/body/1/text", "firing")]);
    let (r, body) = request("telegram", "{bot_token: T, chat_id: -7, api_url: 'http://t/'}", false);
    assert_eq!(r.url, "http://t/botT/sendMessage");
    is(&body, &[("/chat_id", "-7"), ("/parse_mode", "HTML")]);
    assert!(body["text"].as_str().unwrap().contains("disk of &lt;host&gt; is full"), "{body}");
}

#[test]
fn on_call() {
    let (r, body) =
        request("pagerduty", "{routing_key: K, details: {env: '{{ .CommonLabels.severity }}'}}", false);
    assert_eq!(r.url, "https://events.pagerduty.com/v2/enqueue");
    is(
        &body,
        &[
            ("/routing_key", "K"),
            ("/event_action", "trigger"),
            ("/payload/summary", "[FIRING 2] Full"),
            ("/payload/severity", "error"),
            ("/payload/custom_details/num_firing", "2"),
            ("/payload/custom_details/env", "page"),
        ],
    );
    assert_eq!(body["dedup_key"].as_str().unwrap().len(), 64);
    let (_, body) = request("pagerduty", "{service_key: K}", true);
    is(&body, &[("/event_action", "resolve")]);
    let all = outgoing(
        "opsgenie",
        "{api_key: K, api_url: 'http://o/', update_alerts: true, tags: 'a, b', responders: [{name: t, type: team}]}",
        false,
    );
    assert_eq!(all.len(), 3);
    let (r, body) = request(
        "opsgenie",
        "{api_key: K, api_url: 'http://o/', tags: 'a, b', responders: [{name: t, type: team}]}",
        false,
    );
    assert!(r.headers.contains(&("authorization".to_owned(), "GenieKey K".to_owned())));
    is(
        &body,
        &[
            ("/message", "[FIRING 2] Full"),
            ("/tags/1", "b"),
            ("/responders/0/type", "team"),
            ("/details/severity", "page"),
        ],
    );
    let (r, _) = request("opsgenie", "{api_key: K, api_url: 'http://o'}", true);
    assert!(
        r.url.starts_with("http://o/v2/alerts/") && r.url.ends_with("/close?identifierType=alias"),
        "{}",
        r.url
    );
}

#[test]
fn robots() {
    let (r, body) = request(
        "wechat",
        "{corp_id: c, api_secret: s, api_url: 'http://w', to_party: p, agent_id: '1'}",
        false,
    );
    assert_eq!(r.url, "http://w/message/send");
    assert_eq!(r.token.unwrap().url, "http://w/gettoken?corpid=c&corpsecret=s");
    is(&body, &[("/toparty", "p"), ("/msgtype", "text")]);
    let (_, body) = request("wecom", "{webhook_url: 'http://w', at_all: true}", false);
    is(&body, &[("/msgtype", "markdown")]);
    assert!(body["markdown"]["content"].as_str().unwrap().ends_with("<@all>"));
    let (r, body) = request(
        "dingtalk",
        "{webhook_url: 'http://d?access_token=x', secret: SEC, at_mobiles: ['1']}",
        false,
    );
    assert!(r.url.starts_with("http://d?access_token=x&timestamp=1800000000000&sign="), "{}", r.url);
    is(&body, &[("/markdown/title", "[FIRING 2] Full"), ("/at/atMobiles/0", "1")]);
    let (_, body) = request("feishu", "{webhook_url: 'http://f', secret: s}", true);
    is(
        &body,
        &[("/msg_type", "interactive"), ("/timestamp", "1800000000"), ("/card/header/template", "green")],
    );
}

#[test]
fn the_rest() {
    let (r, _) = request(
        "sns",
        "{topic_arn: 'arn:t', sigv4: {region: eu-1, access_key: A, secret_key: S}, message: m m}",
        false,
    );
    assert_eq!(r.url, "https://sns.eu-1.amazonaws.com/");
    assert!(String::from_utf8_lossy(&r.body).contains("Message=m%20m"), "{r:?}");
    let signature = r.headers.iter().find(|(n, _)| n == "authorization").unwrap();
    assert!(signature.1.contains("Credential=A/20270115/eu-1/sns/aws4_request"), "{signature:?}");
    let Outgoing::Exec(call) = outgoing(
        "exec",
        "{command: [/bin/x, '{{ .Status }}'], environment: {N: '{{ len .Alerts }}'}}",
        false,
    )
    .remove(0) else {
        panic!()
    };
    assert_eq!(
        (call.command, call.environment),
        (vec!["/bin/x".to_owned(), "firing".to_owned()], vec![("N".to_owned(), "2".to_owned())])
    );
    let (r, body) = request("webhook", "{url: 'http://w/{{ .Status }}', max_alerts: 1}", false);
    assert_eq!(r.url, "http://w/firing");
    is(
        &body,
        &[("/truncatedAlerts", "1"), ("/receiver", r"a\.b"), ("/alerts/0/startsAt", "2027-01-15T07:59:00Z")],
    );
    let raw = String::from_utf8(r.body).unwrap();
    assert!(raw.contains(r"disk of \u003chost\u003e is full") && raw.ends_with('\n'), "{raw}");
}

#[test]
fn functions_of_templates() {
    for (text, expected) in [
        ("{{ .CommonLabels.SortedPairs.Names | join \",\" }}", "alertname,severity"),
        ("{{ .CommonLabels.Remove (stringSlice \"severity\") }}", "alertname=Full"),
        ("{{ .GroupLabels.Values.Join \"/\" }}", "Full"),
        ("{{ (index .Alerts 0).Labels.host | toUpper }}", "ONE"),
        ("{{ reReplaceAll \"u(.)\" \"<$1>\" .CommonLabels.alertname }}", "F<l>l"),
        ("{{ (index .Alerts 0).StartsAt | tz \"Asia/Shanghai\" | date \"15:04\" }}", "15:59"),
        ("{{ since (index .Alerts 0).StartsAt | humanizeDuration }}", "1m 0s"),
        ("{{ toJson .GroupLabels }}", "{\"alertname\":\"Full\"}"),
        ("{{ range .Alerts.Firing }}{{ .Labels.host }};{{ end }}{{ len .Alerts.Resolved }}", "one;two;0"),
        ("{{ .Receiver }} {{ .NotificationReason }}", "a\\.b first notification"),
    ] {
        let (r, _) = request("webhook", &format!("{{url: '{text}'}}"), false);
        assert_eq!(r.url, expected, "{text}");
    }
}

#[test]
fn mail_escapes_what_comes_from_outside() {
    let section = "{to: 'a@b, c@d', from: x@y, smarthost: 'h:465', text: '{{ .CommonAnnotations.summary }}', html: '<b>{{ .CommonAnnotations.summary }}{{ .CommonAnnotations.summary | safeHtml }}'}";
    let Outgoing::Mail(mail) = outgoing("email", section, false).remove(0) else { panic!() };
    assert_eq!(mail.to, ["a@b", "c@d"]);
    assert_eq!(mail.headers["Subject"], "[FIRING 2] Full");
    assert_eq!(mail.text, "disk of <host> is full");
    assert_eq!(mail.html, "<b>disk of &lt;host&gt; is fulldisk of <host> is full");
    assert!(mail.implicit_tls && mail.require_tls);
    let section = "{to: 'a@b', from: x@y, smarthost: 'h:25'}";
    let Outgoing::Mail(mail) = outgoing("email", section, false).remove(0) else { panic!() };
    assert!(
        mail.html.contains("disk of &lt;host&gt; is full") && !mail.html.contains("<host>"),
        "{}",
        mail.html
    );
}
