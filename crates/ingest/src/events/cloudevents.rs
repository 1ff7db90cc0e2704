//! CloudEvents 1.0 over HTTP: binary, structured and batched
//! (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md>).

use super::tree::{object, scalar, time_ns};
use super::writer::{first_line, severity, trace_parent};
use super::{EventWriter, Tree, each_value};
use crate::error::{DecodeError, quote};
use crate::records::{RecordWriter, Refused};
use model::record::event::{EventDraft, kind};
use model::record::{Value, event};
use serde_json::{Map, Value as Json};

/// The header that every event in binary mode has.
pub const VERSION_HEADER: &str = "ce-specversion";
/// The type of a body that is one event.
pub const STRUCTURED: &str = "application/cloudevents+json";
/// The type of a body that is a list of events.
pub const BATCH: &str = "application/cloudevents-batch+json";

/// Appends the event of a body in structured mode, or those of a batch.
pub fn structured(body: &[u8], w: &mut RecordWriter) -> Result<(), DecodeError> {
    let mut events = EventWriter::new(body, w)?;
    each_value(body, "CloudEvents", &mut |number, value| {
        let done = object(value, "it").and_then(|tree| one(tree, None, &mut events));
        events.settle(number, done)
    })
}

/// Appends an event in binary mode: `headers` are those that begin with `ce-`, names in small letters.
pub fn binary(
    headers: &[(String, String)],
    content_type: &str,
    body: &[u8],
    w: &mut RecordWriter,
) -> Result<(), DecodeError> {
    let mut events = EventWriter::new(body, w)?;
    let mut context = Map::new();
    for (name, value) in headers {
        if let Some(name) = name.strip_prefix("ce-") {
            context.insert(name.to_owned(), Json::String(percent_decoded(value)));
        }
    }
    let kind = content_type.split(';').next().unwrap_or("").trim();
    let is_json =
        kind.is_empty() || kind == "application/json" || kind == "text/json" || kind.ends_with("+json");
    if is_json && !body.trim_ascii().is_empty() {
        let data = serde_json::from_slice(body)
            .map_err(|e| DecodeError::Unreadable(format!("CloudEvents: data: {e}")))?;
        context.insert("data".to_owned(), data);
    }
    let plain = (!is_json && !body.is_empty()).then_some(body);
    let done = one(Tree(&context), plain, &mut events);
    events.settle(1, done)
}

/// Members that are something of the event; all others are extensions.
const CONTEXT: [&str; 14] = [
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "dataschema",
    "data",
    "data_base64",
    "severity",
    "severitytext",
    "severitynumber",
    "traceparent",
];

fn one(tree: Tree<'_>, plain: Option<&[u8]>, events: &mut EventWriter<'_>) -> Result<(), Refused> {
    for required in ["specversion", "id", "source", "type"] {
        if tree.text(&[required]).is_empty() {
            return Err(Refused::Record(format!("it has no {required}, which CloudEvents require")));
        }
    }
    let version = tree.text(&["specversion"]);
    if version != "1.0" && !version.starts_with("1.0.") {
        let version = quote(version.as_bytes());
        return Err(Refused::Record(format!("its specversion is {version}; understood is 1.0")));
    }
    let mut draft = EventDraft {
        kind: kind_of(tree.text(&["type"])).to_owned(),
        source: tree.text(&["source"]).to_owned(),
        subject: tree.text(&["subject"]).to_owned(),
        id: tree.text(&["id"]).to_owned(),
        ..EventDraft::default()
    };
    if let Some(time) = tree.at(&["time"]) {
        draft.time_ns = time_ns(time).ok_or_else(|| {
            let time = quote(scalar(time).as_bytes());
            Refused::Record(format!("its time is {time}, where one of RFC 3339 is wanted"))
        })?;
    }
    for name in ["severity", "severitytext", "severitynumber"] {
        if let Some(value) = tree.at(&[name]) {
            draft.severity = match value.as_str().and_then(|s| s.parse::<u64>().ok()) {
                Some(number) => severity(&Json::from(number)),
                None => severity(value),
            };
        }
    }
    (draft.trace_id, draft.span_id) = trace_parent(tree.text(&["traceparent"])).unwrap_or_default();
    let data = tree.at(&["data"]);
    // Members that say something of the event are no attributes besides.
    let mut others = data.and_then(Json::as_object).cloned().unwrap_or_default();
    let mut first_of = |names: &[&str]| {
        let said = |name: &&str| others.get(*name).map(scalar).filter(|text| !text.is_empty());
        let (name, text) = names.iter().find_map(|name| Some((name, said(name)?)))?;
        others.remove(*name);
        Some(text)
    };
    draft.result = first_of(&["result", "status", "outcome"]).unwrap_or_default();
    draft.link = first_of(&["link", "url"]).unwrap_or_default();
    draft.text = first_of(&["text", "description"]).unwrap_or_default();
    draft.title = first_of(&["title", "summary", "message"]).unwrap_or_else(|| named(tree));
    if draft.kind != tree.text(&["type"]) {
        draft.set("cloudevents.event_type", tree.text(&["type"]));
    }
    for (name, value) in tree.0.iter().filter(|(n, _)| !CONTEXT.contains(&n.as_str())) {
        match name.as_str() {
            "kind" if !scalar(value).is_empty() => draft.kind = scalar(value),
            _ => events.attribute(name, value, &mut draft)?,
        }
    }
    match (data, plain) {
        (Some(Json::Object(_)), _) => events.attributes_below("data", &Json::Object(others), &mut draft)?,
        (Some(Json::String(text)), _) => set_text(&mut draft, text),
        (Some(data), _) => events.attribute("data", data, &mut draft)?,
        (None, Some(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) => set_text(&mut draft, text),
            Err(_) => draft.attributes.push("data", Value::Bytes(bytes)),
        },
        (None, None) => draft.set("data_base64", tree.text(&["data_base64"])),
    }
    events.write(draft)
}

/// Data that is text is what there is to say.
fn set_text(draft: &mut EventDraft, text: &str) {
    if draft.text.is_empty() {
        draft.text = text.trim().to_owned();
    }
    if first_line(text).len() <= 200 && !first_line(text).is_empty() {
        draft.title = first_line(text).to_owned();
    }
}

fn named(tree: Tree<'_>) -> String {
    match tree.text(&["subject"]) {
        "" => tree.text(&["type"]).to_owned(),
        subject => format!("{} {subject}", tree.text(&["type"])),
    }
}

/// The kind of a type: what CDEvents say of services and pipelines has a kind of its own.
fn kind_of(type_name: &str) -> &str {
    let Some(of_cd) = type_name.strip_prefix("dev.cdevents.") else {
        return match type_name.len() <= event::LABEL_BYTES_MAX {
            true => type_name,
            false => kind::OTHER,
        };
    };
    let mut words = of_cd.split('.');
    match (words.next(), words.next()) {
        (Some("service"), Some("deployed" | "upgraded" | "rolledback")) => kind::DEPLOY,
        (Some("pipelinerun" | "taskrun" | "build"), _) => kind::BUILD,
        _ => type_name,
    }
}

/// Values of headers are percent-encoded where they are not plain.
fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digit = |i: usize| bytes.get(i).and_then(|b| char::from(*b).to_digit(16));
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::tests::shown;

    #[test]
    fn three_modes() {
        let event = r#"{"specversion":"1.0","id":"A-1","source":"/shop/cart","type":"com.shop.order.created","subject":"order/7","time":"2026-11-21T11:59:00Z","severity":"warn","myext":"x","data":{"amount":12.5,"currency":"EUR","service":"cart","items":[1,2]}}"#;
        let cd = r#"{"specversion":"1.0","id":"2","source":"/ci","type":"dev.cdevents.service.deployed.0.1.1","data":{"title":"cart is out","result":"success"}}"#;
        let headers = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
        };
        let binary_headers = headers(&[
            ("ce-specversion", "1.0"),
            ("ce-id", "B"),
            ("ce-source", "/x%20y"),
            ("ce-type", "note"),
            ("ce-servicename", "cart"),
        ]);
        let all = [
            shown(|w| structured(event.as_bytes(), w)),
            shown(|w| structured(format!("[{event},{cd},{{\"specversion\":\"0.3\"}}]").as_bytes(), w)),
            shown(|w| binary(&binary_headers, "application/json", br#"{"title":"hi","n":1}"#, w)),
            shown(|w| binary(&binary_headers, "text/plain", b"some words\nand more", w)),
            shown(|w| binary(&binary_headers, "image/png", b"\xff\xfe", w)),
            shown(|w| binary(&binary_headers[..2], "", b"", w)),
            shown(|w| binary(&binary_headers, "", b"{", w)),
        ];
        insta::assert_snapshot!(all.join("\n"));
    }
}
