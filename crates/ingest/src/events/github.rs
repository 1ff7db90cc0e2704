//! GitHub's webhooks (<https://docs.github.com/en/webhooks/webhook-events-and-payloads>): `push`, `release`,
//! `deployment`, `deployment_status` and `workflow_run`. Other events are accepted and are nothing.

use super::tree::object;
use super::writer::first_line;
use super::{EventWriter, Tree, result_word};
use crate::error::DecodeError;
use crate::records::{RecordWriter, Refused};
use model::record::event::{EventDraft, kind};

/// Appends the event of a webhook of a type (`X-GitHub-Event`) and delivery (`X-GitHub-Delivery`). Gives whether the
/// type is one of those that are events.
pub fn decode(event: &str, delivery: &str, body: &[u8], w: &mut RecordWriter) -> Result<bool, DecodeError> {
    let mut events = EventWriter::new(body, w)?;
    let value: serde_json::Value = serde_json::from_slice(body)
        .map_err(|e| DecodeError::Unreadable(format!("GitHub's webhook: {e}")))?;
    let drafted = object(&value, "the body").and_then(|tree| {
        let draft = match event {
            "push" => push(tree),
            "release" => release(tree),
            "deployment" => deployment(tree, &events)?,
            "deployment_status" => deployment_status(tree, &events)?,
            "workflow_run" => workflow_run(tree),
            _ => None,
        };
        Ok(draft.map(|draft| common(tree, draft, delivery)))
    });
    match drafted {
        Ok(None) => Ok(false),
        Ok(Some(draft)) => {
            let done = events.write(draft);
            events.settle(1, done).map(|()| true)
        }
        Err(refused) => events.settle(1, Err(refused)).map(|()| true),
    }
}

fn common(tree: Tree<'_>, mut draft: EventDraft, delivery: &str) -> EventDraft {
    draft.source = "github".to_owned();
    draft.subject = tree.text(&["repository", "full_name"]).to_owned();
    draft.id = delivery.to_owned();
    draft.set("vcs.repository.name", tree.text(&["repository", "name"]));
    draft.set("vcs.repository.url.full", tree.text(&["repository", "html_url"]));
    draft.set("user.name", tree.text(&["sender", "login"]));
    draft
}

/// A branch or tag without what goes before it.
pub(super) fn short_ref(name: &str) -> &str {
    name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/tags/")).unwrap_or(name)
}

fn push(tree: Tree<'_>) -> Option<EventDraft> {
    let reference = tree.text(&["ref"]);
    let (name, is_tag) = (short_ref(reference), reference.starts_with("refs/tags/"));
    let repository = tree.text(&["repository", "full_name"]);
    let message = first_line(tree.text(&["head_commit", "message"]));
    let deleted = tree.at(&["deleted"]).and_then(|d| d.as_bool()).unwrap_or(false);
    let title = match (deleted, is_tag, message) {
        (true, ..) => format!("{repository}: {name} was deleted"),
        (false, true, _) => format!("{repository}: tag {name}"),
        (false, false, "") => format!("{repository}: push to {name}"),
        (false, false, message) => format!("{repository}: push to {name}: {message}"),
    };
    let mut draft = EventDraft::new(kind::PUSH, title, tree.time(&["repository", "pushed_at"]).unwrap_or(0));
    draft.text = tree.text(&["head_commit", "message"]).to_owned();
    draft.link = tree.text(&["compare"]).to_owned();
    draft.set("vcs.ref.head.name", name);
    draft.set("vcs.ref.type", if is_tag { "tag" } else { "branch" });
    draft.set("vcs.ref.head.revision", tree.text(&["after"]));
    let commits = i64::try_from(tree.items(&["commits"]).len()).unwrap_or(i64::MAX);
    draft.attributes.push("vcs.commits", model::record::Value::Int(commits));
    Some(draft)
}

fn release(tree: Tree<'_>) -> Option<EventDraft> {
    // One release comes as created, published and released.
    if tree.text(&["action"]) != "published" {
        return None;
    }
    let tag = tree.text(&["release", "tag_name"]);
    let name = match tree.text(&["release", "name"]) {
        "" => tag,
        name => name,
    };
    let title = format!("{} {name}", tree.text(&["repository", "full_name"]));
    let time = tree.time(&["release", "published_at"]).unwrap_or(0);
    let mut draft = EventDraft::new(kind::RELEASE, title, time);
    draft.text = tree.text(&["release", "body"]).to_owned();
    draft.link = tree.text(&["release", "html_url"]).to_owned();
    draft.set("vcs.ref.head.name", tag);
    Some(draft)
}

/// What a deployment and its statuses have in common. The service is the one of its payload, else the repository.
fn deployed(tree: Tree<'_>, events: &EventWriter<'_>) -> Result<EventDraft, Refused> {
    let mut draft = EventDraft { kind: kind::DEPLOY.to_owned(), ..EventDraft::default() };
    let deployment = tree.object(&["deployment"]).unwrap_or(tree);
    if let Some(payload) = deployment.at(&["payload"]).filter(|p| p.is_object()) {
        events.attributes(payload, &mut draft)?;
    }
    let is_there = |draft: &EventDraft, name: &str| draft.attributes.as_attributes().get(name).is_some();
    if !is_there(&draft, "service.name") {
        draft.set("service.name", tree.text(&["repository", "name"]));
    }
    if !is_there(&draft, "service.version") {
        draft.set("service.version", short_ref(deployment.text(&["ref"])));
    }
    if !is_there(&draft, "deployment.environment.name") {
        draft.set("deployment.environment.name", deployment.text(&["environment"]));
    }
    draft.set("vcs.ref.head.name", short_ref(deployment.text(&["ref"])));
    draft.set("vcs.ref.head.revision", deployment.text(&["sha"]));
    draft.set("deployment.id", &deployment.shown(&["id"]));
    draft.text = deployment.text(&["description"]).to_owned();
    draft.title = format!(
        "{} {} to {}",
        tree.text(&["repository", "full_name"]),
        short_ref(deployment.text(&["ref"])),
        deployment.text(&["environment"])
    );
    Ok(draft)
}

fn deployment(tree: Tree<'_>, events: &EventWriter<'_>) -> Result<Option<EventDraft>, Refused> {
    let mut draft = deployed(tree, events)?;
    draft.result = "running".to_owned();
    draft.time_ns = tree.time(&["deployment", "created_at"]).unwrap_or(0);
    Ok(Some(draft))
}

fn deployment_status(tree: Tree<'_>, events: &EventWriter<'_>) -> Result<Option<EventDraft>, Refused> {
    let state = tree.text(&["deployment_status", "state"]);
    if state == "inactive" {
        return Ok(None);
    }
    let mut draft = deployed(tree, events)?;
    let result = result_word(state);
    draft.title = format!("{}: {result}", draft.title);
    let (began, now) =
        (tree.time(&["deployment", "created_at"]), tree.time(&["deployment_status", "created_at"]));
    draft.time_ns = now.or(began).unwrap_or(0);
    if let (Some(began), Some(now), "ok" | "failed") = (began, now, &*result)
        && now >= began
    {
        draft.time_ns = began;
        draft.duration_ns = Some(now.saturating_sub(began));
    }
    draft.result = result.into_owned();
    let links = ["log_url", "target_url", "environment_url"].map(|n| tree.text(&["deployment_status", n]));
    draft.link = links.into_iter().find(|l| !l.is_empty()).unwrap_or("").to_owned();
    Ok(Some(draft))
}

fn workflow_run(tree: Tree<'_>) -> Option<EventDraft> {
    if tree.text(&["action"]) != "completed" {
        return None;
    }
    let run = tree.object(&["workflow_run"])?;
    let result = result_word(run.text(&["conclusion"])).into_owned();
    let title = format!(
        "{}: {} #{}: {result}",
        tree.text(&["repository", "full_name"]),
        run.text(&["name"]),
        run.shown(&["run_number"])
    );
    let began = run.time(&["run_started_at"]).or_else(|| run.time(&["created_at"]));
    let mut draft = EventDraft::new(kind::BUILD, title, began.unwrap_or(0));
    draft.duration_ns = began.zip(run.time(&["updated_at"])).map(|(b, e)| e.saturating_sub(b).max(0));
    draft.result = result;
    draft.text = run.text(&["display_title"]).to_owned();
    draft.link = run.text(&["html_url"]).to_owned();
    draft.set("cicd.pipeline.name", run.text(&["name"]));
    draft.set("cicd.pipeline.run.id", &run.shown(&["id"]));
    draft.set("vcs.ref.head.name", run.text(&["head_branch"]));
    draft.set("vcs.ref.head.revision", run.text(&["head_sha"]));
    Some(draft)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::tests::shown;

    #[test]
    fn webhooks() {
        let repository = r#""repository":{"name":"cart","full_name":"shop/cart","html_url":"https://github.com/shop/cart","pushed_at":1795262000},"sender":{"login":"ann"}"#;
        let deployment = r#""deployment":{"id":42,"ref":"v1.4.2","sha":"abc","environment":"production","description":"by hand","created_at":"2026-11-21T11:00:00Z","payload":{"service":"cart-api"}}"#;
        let bodies = [
            (
                "push",
                format!(
                    r#"{{"ref":"refs/heads/main","after":"abc","compare":"https://c","commits":[1,2],"head_commit":{{"message":"fix the cart\n\nreally"}},{repository}}}"#
                ),
            ),
            ("push", format!(r#"{{"ref":"refs/tags/v1","deleted":false,{repository}}}"#)),
            ("push", format!(r#"{{"ref":"refs/heads/old","deleted":true,{repository}}}"#)),
            (
                "release",
                format!(
                    r#"{{"action":"published","release":{{"tag_name":"v1","name":"One","body":"b","html_url":"https://r","published_at":"2026-11-21T11:00:00Z"}},{repository}}}"#
                ),
            ),
            ("release", format!(r#"{{"action":"created","release":{{}},{repository}}}"#)),
            ("deployment", format!(r#"{{"action":"created",{deployment},{repository}}}"#)),
            (
                "deployment_status",
                format!(
                    r#"{{"deployment_status":{{"state":"success","created_at":"2026-11-21T11:02:00Z","target_url":"https://t"}},{deployment},{repository}}}"#
                ),
            ),
            (
                "deployment_status",
                format!(r#"{{"deployment_status":{{"state":"inactive"}},{deployment},{repository}}}"#),
            ),
            (
                "workflow_run",
                format!(
                    r#"{{"action":"completed","workflow_run":{{"id":9,"name":"CI","run_number":7,"conclusion":"failure","run_started_at":"2026-11-21T11:00:00Z","updated_at":"2026-11-21T11:03:00Z","html_url":"https://w","head_branch":"main"}},{repository}}}"#
                ),
            ),
            ("star", "{}".to_owned()),
            ("push", "[]".to_owned()),
            ("push", "{".to_owned()),
        ];
        let one = |(event, body): &(&str, String)| {
            let mut known = false;
            let text = shown(|w| {
                known = decode(event, "d-1", body.as_bytes(), w)?;
                Ok(())
            });
            format!("{event} {known}\n{text}")
        };
        insta::assert_snapshot!(bodies.iter().map(one).collect::<Vec<_>>().join("\n"));
    }
}
