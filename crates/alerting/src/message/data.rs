//! What templates of messages see.

use crate::alert::Alert;
use crate::delivery::Delivery;
use crate::labels::{LabelSet, common};
use std::sync::Arc;
use template::{Kind, Map, Object, Signature, Time, Value};

/// The data of one message.
#[derive(Debug, Clone)]
pub struct Data {
    /// The receiver, with characters escaped that mean something in a regular expression.
    pub receiver: String,
    /// `firing` or `resolved`.
    pub status: &'static str,
    /// The alerts.
    pub alerts: Vec<Alert>,
    /// What the group's alerts have in common.
    pub group_labels: LabelSet,
    /// Labels that all alerts have.
    pub common_labels: LabelSet,
    /// Annotations that all alerts have.
    pub common_annotations: LabelSet,
    /// Labels of the route.
    pub route_labels: LabelSet,
    /// Where people reach us.
    pub external_url: String,
    /// Why the message is sent.
    pub reason: crate::Reason,
    /// When it was decided, Unix milliseconds.
    pub now_ms: i64,
}

impl Data {
    /// Of a delivery; of its alerts at most `alerts_max`, unless that is 0.
    pub fn new(delivery: &Delivery, external_url: &str, alerts_max: usize) -> Data {
        let mut alerts = delivery.alerts.clone();
        alerts.sort_by(order);
        if alerts_max > 0 {
            alerts.truncate(alerts_max);
        }
        let now_ms = delivery.decided_ms;
        let firing = alerts.iter().any(|a| !a.is_resolved(now_ms));
        Data {
            receiver: quote_meta(&delivery.way.receiver),
            status: if firing { "firing" } else { "resolved" },
            group_labels: (*delivery.group_labels).clone(),
            common_labels: common(alerts.iter().map(|a| &*a.labels)),
            common_annotations: common(alerts.iter().map(|a| &*a.annotations)),
            route_labels: delivery.route_labels.clone(),
            external_url: external_url.to_owned(),
            reason: delivery.reason,
            now_ms,
            alerts,
        }
    }

    /// `firing` or `resolved`.
    pub fn status_of(&self, alert: &Alert) -> &'static str {
        if alert.is_resolved(self.now_ms) { "resolved" } else { "firing" }
    }

    /// As templates see it, each text as `written`: for HTML, what comes from outside is escaped on its way in.
    pub(super) fn value(&self, written: Written) -> Value {
        let kv = |set: &LabelSet| kv(set, written);
        let alerts = self.alerts.iter().map(|a| Value::object(AlertView::new(self, a, written))).collect();
        Value::object(View {
            fields: vec![
                ("Receiver", Value::from(written(&self.receiver))),
                ("Status", Value::from(self.status)),
                ("Alerts", Value::object(Alerts(alerts))),
                ("GroupLabels", kv(&self.group_labels)),
                ("CommonLabels", kv(&self.common_labels)),
                ("CommonAnnotations", kv(&self.common_annotations)),
                ("RouteLabels", kv(&self.route_labels)),
                ("ExternalURL", Value::from(written(&self.external_url))),
                ("NotificationReason", Value::from(reason_text(self.reason))),
            ],
        })
    }
}

/// How a text from outside is written.
pub(super) type Written = fn(&str) -> String;

/// With characters escaped that mean something in HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The opposite, for what is said to be safe.
pub(super) fn unescaped(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&#34;", "\"").replace("&#39;", "'");
    plain.replace("&amp;", "&")
}

/// Why a message is sent, in words.
pub(super) fn reason_text(reason: crate::Reason) -> &'static str {
    use crate::Reason::*;
    match reason {
        First => "first notification",
        NewAlerts => "new alerts added",
        SomeResolved => "some alerts resolved",
        AllResolved => "all alerts resolved",
        Repeat => "repeat interval elapsed",
        Test => "test",
        Escalation => "escalation",
    }
}

/// By `job`, by `instance`, then by the number of labels and the labels.
fn order(a: &Alert, b: &Alert) -> std::cmp::Ordering {
    use std::cmp::Ordering::*;
    for name in ["job", "instance"] {
        match (a.labels.get(name), b.labels.get(name)) {
            (None, None) => {}
            (None, Some(_)) => return Greater,
            (Some(_), None) => return Less,
            (Some(x), Some(y)) if x != y => return x.cmp(y),
            _ => {}
        }
    }
    a.labels.len().cmp(&b.labels.len()).then_with(|| a.labels.cmp(&b.labels))
}

fn quote_meta(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[derive(Debug)]
struct View {
    fields: Vec<(&'static str, Value)>,
}

impl Object for View {
    fn type_name(&self) -> &'static str {
        "*template.Data"
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone())
    }

    fn print(&self) -> String {
        "{...}".to_owned()
    }
}

#[derive(Debug)]
struct AlertView {
    status: &'static str,
    fields: Vec<(&'static str, Value)>,
}

impl AlertView {
    fn new(data: &Data, a: &Alert, written: Written) -> AlertView {
        let kv = |set: &LabelSet| kv(set, written);
        let status = data.status_of(a);
        let ends = match status {
            "resolved" => Time::from_unix_ms(a.ends_ms),
            _ => super::webhook::zero_time(),
        };
        AlertView {
            status,
            fields: vec![
                ("Status", Value::from(status)),
                ("Labels", kv(&a.labels)),
                ("Annotations", kv(&a.annotations)),
                ("StartsAt", Value::object(Time::from_unix_ms(a.starts_ms))),
                ("EndsAt", Value::object(ends)),
                ("GeneratorURL", Value::from(written(&a.generator_url))),
                ("Fingerprint", Value::from(a.fingerprint().to_string())),
            ],
        }
    }
}

const ALERT: &str = "template.Alert";

impl Object for AlertView {
    fn type_name(&self) -> &'static str {
        ALERT
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone())
    }

    // Its status is asked for by the list it is in, which sees only objects.
    fn method(&self, name: &str) -> Option<Signature> {
        (name == "IsFiring").then_some(Signature::fixed(&[]))
    }

    fn call(&self, _name: &str, _args: &[Value]) -> Result<Value, String> {
        Ok(Value::Bool(self.status == "firing"))
    }

    fn print(&self) -> String {
        "{...}".to_owned()
    }
}

/// A list of alerts.
#[derive(Debug)]
struct Alerts(Vec<Value>);

impl Object for Alerts {
    fn type_name(&self) -> &'static str {
        "template.Alerts"
    }

    fn method(&self, name: &str) -> Option<Signature> {
        matches!(name, "Firing" | "Resolved").then_some(Signature::fixed(&[]))
    }

    fn call(&self, name: &str, _args: &[Value]) -> Result<Value, String> {
        let firing = |v: &&Value| match v {
            Value::Object(o) => matches!(o.call("IsFiring", &[]), Ok(Value::Bool(true))),
            _ => false,
        };
        let wanted = name == "Firing";
        let list: Vec<Value> = self.0.iter().filter(|v| firing(v) == wanted).cloned().collect();
        Ok(Value::from(list))
    }

    fn content(&self) -> Option<Value> {
        Some(Value::from(self.0.clone()))
    }

    fn print(&self) -> String {
        format!("[{}]", vec!["{...}"; self.0.len()].join(" "))
    }
}

/// Names and values.
#[derive(Debug)]
struct Kv(Arc<Map>);

fn kv(set: &LabelSet, written: Written) -> Value {
    Value::object(Kv(Arc::new(Map::of_texts(set.iter().map(|(n, v)| (n.as_str(), written(v)))))))
}

fn text(v: &Value) -> String {
    match v {
        Value::String(s) => s.to_string(),
        other => other.type_name().to_owned(),
    }
}

impl Kv {
    /// In order of name, but that of the alert first.
    fn pairs(&self) -> Vec<(String, String)> {
        let mut pairs: Vec<(String, String)> =
            self.0.entries.iter().map(|(n, v)| (n.clone(), text(v))).collect();
        pairs.sort_by_key(|(n, _)| n != "alertname");
        pairs
    }
}

impl Object for Kv {
    fn type_name(&self) -> &'static str {
        "template.KV"
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(self.0.get(name))
    }

    fn method(&self, name: &str) -> Option<Signature> {
        match name {
            "SortedPairs" | "Names" | "Values" => Some(Signature::fixed(&[])),
            "Remove" => Some(Signature::fixed(&[Kind::Any])),
            _ => None,
        }
    }

    fn call(&self, name: &str, args: &[Value]) -> Result<Value, String> {
        match name {
            "Remove" => {
                let removed: Vec<String> = match args.first() {
                    Some(Value::List(names)) => names.iter().map(text).collect(),
                    Some(Value::Object(o)) => match o.content() {
                        Some(Value::List(names)) => names.iter().map(text).collect(),
                        _ => return Err("Remove takes a list of names".to_owned()),
                    },
                    _ => return Err("Remove takes a list of names".to_owned()),
                };
                let kept = self.0.entries.iter().filter(|(n, _)| !removed.contains(n));
                Ok(Value::object(Kv(Arc::new(Map::of_texts(kept.map(|(n, v)| (n.as_str(), text(v))))))))
            }
            "Names" => Ok(Value::object(Strings(self.pairs().into_iter().map(|(n, _)| n).collect()))),
            "Values" => Ok(Value::object(Strings(self.pairs().into_iter().map(|(_, v)| v).collect()))),
            _ => Ok(Value::object(Pairs(self.pairs()))),
        }
    }

    fn content(&self) -> Option<Value> {
        Some(Value::Map(Arc::clone(&self.0)))
    }

    fn print(&self) -> String {
        Pairs(self.pairs()).print()
    }
}

#[derive(Debug)]
struct Pairs(Vec<(String, String)>);

impl Object for Pairs {
    fn type_name(&self) -> &'static str {
        "template.Pairs"
    }

    fn method(&self, name: &str) -> Option<Signature> {
        matches!(name, "Names" | "Values" | "String").then_some(Signature::fixed(&[]))
    }

    fn call(&self, name: &str, _args: &[Value]) -> Result<Value, String> {
        Ok(match name {
            "Names" => Value::object(Strings(self.0.iter().map(|(n, _)| n.clone()).collect())),
            "Values" => Value::object(Strings(self.0.iter().map(|(_, v)| v.clone()).collect())),
            _ => Value::from(self.print()),
        })
    }

    fn content(&self) -> Option<Value> {
        let pair = |(n, v): &(String, String)| {
            Value::object(Pair { name: Value::from(n.as_str()), value: Value::from(v.as_str()) })
        };
        Some(Value::from(self.0.iter().map(pair).collect::<Vec<_>>()))
    }

    fn print(&self) -> String {
        let parts: Vec<String> = self.0.iter().map(|(n, v)| format!("{n}={v}")).collect();
        parts.join(", ")
    }
}

#[derive(Debug)]
struct Pair {
    name: Value,
    value: Value,
}

impl Object for Pair {
    fn type_name(&self) -> &'static str {
        "template.Pair"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Name" => Some(self.name.clone()),
            "Value" => Some(self.value.clone()),
            _ => None,
        }
    }

    fn print(&self) -> String {
        format!("{{{} {}}}", text(&self.name), text(&self.value))
    }
}

#[derive(Debug)]
struct Strings(Vec<String>);

impl Object for Strings {
    fn type_name(&self) -> &'static str {
        "template.Strings"
    }

    fn method(&self, name: &str) -> Option<Signature> {
        (name == "Join").then_some(Signature::fixed(&[Kind::String]))
    }

    fn call(&self, _name: &str, args: &[Value]) -> Result<Value, String> {
        Ok(Value::from(self.0.join(&args.first().map(text).unwrap_or_default())))
    }

    fn content(&self) -> Option<Value> {
        Some(Value::from(self.0.iter().map(|s| Value::from(s.as_str())).collect::<Vec<_>>()))
    }

    fn print(&self) -> String {
        format!("[{}]", self.0.join(" "))
    }
}
