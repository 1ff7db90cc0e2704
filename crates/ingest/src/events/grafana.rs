//! Grafana's annotations, as scripts that deploy send them
//! (<https://grafana.com/docs/grafana/latest/developers/http_api/annotations/>), and those in the form of Graphite.

use super::tree::{object, scalar};
use super::writer::first_line;
use super::{EventWriter, Tree};
use crate::error::DecodeError;
use crate::records::{RecordWriter, Refused};
use model::record::event::{EventDraft, kind};
use model::record::{AttributesBuf, Value};
use serde_json::Value as Json;

/// The attribute with the tags.
pub const TAGS: &str = "tags";
/// Who says so.
pub const SOURCE: &str = "grafana";

/// Appends the annotation of a `POST /api/annotations`, or of `/api/annotations/graphite`; `id` is the number it gets.
pub fn decode(body: &[u8], id: u64, w: &mut RecordWriter) -> Result<(), DecodeError> {
    let mut events = EventWriter::new(body, w)?;
    let value: Json =
        serde_json::from_slice(body).map_err(|e| DecodeError::Unreadable(format!("annotation: {e}")))?;
    let done = object(&value, "the annotation").and_then(|tree| one(tree, id, &mut events));
    events.settle(1, done)
}

fn one(tree: Tree<'_>, id: u64, events: &mut EventWriter<'_>) -> Result<(), Refused> {
    let of_graphite = tree.at(&["what"]).is_some();
    let text = if of_graphite { tree.text(&["what"]) } else { tree.text(&["text"]) };
    let mut draft = EventDraft {
        kind: kind::ANNOTATION.to_owned(),
        title: first_line(text).to_owned(),
        source: SOURCE.to_owned(),
        id: id.to_string(),
        time_ns: tree.time(&[if of_graphite { "when" } else { "time" }]).unwrap_or(0),
        ..EventDraft::default()
    };
    if of_graphite {
        draft.text = tree.text(&["data"]).to_owned();
    } else if text.trim() != draft.title {
        draft.text = text.to_owned();
    }
    let tags: Vec<String> = match tree.at(&["tags"]) {
        Some(Json::Array(items)) => items.iter().map(scalar).collect(),
        Some(Json::String(words)) => words.split([' ', ',']).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let tags: Vec<&str> = tags.iter().map(|t| t.trim()).filter(|t| !t.is_empty()).collect();
    if draft.title.is_empty() {
        draft.title = tags.join(", ");
    }
    for tag in &tags {
        match tag.split_once(':').or_else(|| tag.split_once('=')) {
            Some((name, value)) if !name.is_empty() => {
                events.attribute(name.trim(), &Json::from(value.trim()), &mut draft)?;
            }
            _ => match tag.to_ascii_lowercase().as_str() {
                "deploy" | "deployment" | "deploys" => draft.kind = kind::DEPLOY.to_owned(),
                "release" => draft.kind = kind::RELEASE.to_owned(),
                "config" => draft.kind = kind::CONFIG.to_owned(),
                "cron" => draft.kind = kind::CRON.to_owned(),
                _ => {}
            },
        }
    }
    let mut list = AttributesBuf::new();
    tags.iter().for_each(|t| list.push_item(Value::String(t)));
    if !tags.is_empty() {
        draft.attributes.push(TAGS, Value::List(list.as_items()));
    }
    draft.set("grafana.dashboard.uid", tree.text(&["dashboardUID"]));
    for (name, member) in [("grafana.dashboard.id", "dashboardId"), ("grafana.panel.id", "panelId")] {
        if let Some(number) = tree.at(&[member]).and_then(Json::as_i64).filter(|n| *n != 0) {
            draft.attributes.push(name, Value::Int(number));
        }
    }
    if let Some(end) = tree.time(&["timeEnd"]) {
        let begin = if draft.time_ns == 0 { end } else { draft.time_ns };
        draft.time_ns = begin;
        draft.duration_ns = Some(end.saturating_sub(begin)).filter(|d| *d > 0);
    }
    events.write(draft)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::tests::shown;

    #[test]
    fn annotations() {
        let bodies = [
            r#"{"dashboardUID":"d1","panelId":2,"time":1795262000000,"timeEnd":1795262060000,"tags":["deploy","service:cart","env=prod"],"text":"cart 1.4.2\nby ann"}"#,
            r#"{"text":"just that"}"#,
            r#"{"what":"Event - deploy","tags":"deploy prod","when":1795262000,"data":"more"}"#,
            r#"{"tags":["one","two"]}"#,
            r#"{}"#,
            "[]",
            "{",
        ];
        let all: Vec<String> = bodies.iter().map(|b| shown(|w| decode(b.as_bytes(), 7, w))).collect();
        insta::assert_snapshot!(all.join("\n"));
    }
}
