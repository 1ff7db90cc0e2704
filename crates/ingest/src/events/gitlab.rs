//! GitLab's webhooks (<https://docs.gitlab.com/user/project/integrations/webhook_events/>): pushes, tags, releases,
//! deployments and pipelines. Other events are accepted and are nothing.

use super::github::short_ref;
use super::tree::object;
use super::writer::first_line;
use super::{EventWriter, Tree, duration_ns, result_word};
use crate::error::DecodeError;
use crate::records::RecordWriter;
use model::record::event::{EventDraft, kind};

/// Appends the event of a webhook; `delivery` is what GitLab calls it, empty if unknown. Gives whether its
/// `object_kind` is one of those that are events.
pub fn decode(delivery: &str, body: &[u8], w: &mut RecordWriter) -> Result<bool, DecodeError> {
    let mut events = EventWriter::new(body, w)?;
    let value: serde_json::Value = serde_json::from_slice(body)
        .map_err(|e| DecodeError::Unreadable(format!("GitLab's webhook: {e}")))?;
    let drafted = object(&value, "the body").map(|tree| {
        let draft = match tree.text(&["object_kind"]) {
            "push" | "tag_push" => push(tree),
            "release" => release(tree),
            "deployment" => deployment(tree),
            "pipeline" => pipeline(tree),
            _ => None,
        };
        draft.map(|draft| common(tree, draft, delivery))
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

fn project(tree: Tree<'_>) -> &str {
    tree.text(&["project", "path_with_namespace"])
}

fn common(tree: Tree<'_>, mut draft: EventDraft, delivery: &str) -> EventDraft {
    draft.source = "gitlab".to_owned();
    draft.subject = project(tree).to_owned();
    if draft.id.is_empty() {
        draft.id = delivery.to_owned();
    }
    draft.set("vcs.repository.name", tree.text(&["project", "name"]));
    draft.set("vcs.repository.url.full", tree.text(&["project", "web_url"]));
    let users = [tree.text(&["user_username"]), tree.text(&["user", "username"])];
    draft.set("user.name", users.into_iter().find(|u| !u.is_empty()).unwrap_or(""));
    draft
}

fn push(tree: Tree<'_>) -> Option<EventDraft> {
    let reference = tree.text(&["ref"]);
    let (name, is_tag) = (short_ref(reference), reference.starts_with("refs/tags/"));
    let last = tree.items(&["commits"]).last().and_then(|c| c.get("message")).and_then(|m| m.as_str());
    let message = first_line(last.unwrap_or(""));
    let title = match (is_tag, message) {
        (true, _) => format!("{}: tag {name}", project(tree)),
        (false, "") => format!("{}: push to {name}", project(tree)),
        (false, message) => format!("{}: push to {name}: {message}", project(tree)),
    };
    let mut draft = EventDraft::new(kind::PUSH, title, 0);
    draft.text = last.unwrap_or("").to_owned();
    draft.set("vcs.ref.head.name", name);
    draft.set("vcs.ref.type", if is_tag { "tag" } else { "branch" });
    draft.set("vcs.ref.head.revision", tree.text(&["after"]));
    if let Some(commits) = tree.at(&["total_commits_count"]).and_then(|n| n.as_i64()) {
        draft.attributes.push("vcs.commits", model::record::Value::Int(commits));
    }
    Some(draft)
}

fn release(tree: Tree<'_>) -> Option<EventDraft> {
    if tree.text(&["action"]) != "create" {
        return None;
    }
    let title = format!("{} {}", project(tree), tree.text(&["name"]));
    let time = tree.time(&["released_at"]).or_else(|| tree.time(&["created_at"])).unwrap_or(0);
    let mut draft = EventDraft::new(kind::RELEASE, title, time);
    draft.text = tree.text(&["description"]).to_owned();
    draft.link = tree.text(&["url"]).to_owned();
    draft.set("vcs.ref.head.name", tree.text(&["tag"]));
    Some(draft)
}

fn deployment(tree: Tree<'_>) -> Option<EventDraft> {
    let result = result_word(tree.text(&["status"])).into_owned();
    let environment = tree.text(&["environment"]);
    let title = format!("{} {} to {environment}: {result}", project(tree), tree.text(&["ref"]));
    let mut draft = EventDraft::new(kind::DEPLOY, title, tree.time(&["status_changed_at"]).unwrap_or(0));
    draft.text = tree.text(&["commit_title"]).to_owned();
    let links = [tree.text(&["environment_external_url"]), tree.text(&["deployable_url"])];
    draft.link = links.into_iter().rev().find(|l| !l.is_empty()).unwrap_or("").to_owned();
    draft.set("service.name", tree.text(&["project", "name"]));
    draft.set("service.version", tree.text(&["ref"]));
    draft.set("deployment.environment.name", environment);
    draft.set("vcs.ref.head.revision", tree.text(&["short_sha"]));
    let id = tree.shown(&["deployment_id"]);
    draft.set("deployment.id", &id);
    if !id.is_empty() {
        draft.id = format!("deployment/{}/{id}/{result}", project(tree));
    }
    draft.result = result;
    Some(draft)
}

fn pipeline(tree: Tree<'_>) -> Option<EventDraft> {
    let of = tree.object(&["object_attributes"])?;
    let result = result_word(of.text(&["status"])).into_owned();
    // A pipeline is told at each step; its end is the event.
    if !matches!(result.as_str(), "ok" | "failed" | "cancelled") {
        return None;
    }
    let id = of.shown(&["id"]);
    let title = format!("{}: pipeline #{id} on {}: {result}", project(tree), of.text(&["ref"]));
    let mut draft = EventDraft::new(kind::BUILD, title, of.time(&["created_at"]).unwrap_or(0));
    draft.duration_ns = match of.time(&["created_at"]).zip(of.time(&["finished_at"])) {
        Some((began, ended)) => Some(ended.saturating_sub(began).max(0)),
        None => of.at(&["duration"]).and_then(duration_ns),
    };
    draft.text = first_line(tree.text(&["commit", "message"])).to_owned();
    draft.link = match of.text(&["url"]) {
        "" => format!("{}/-/pipelines/{id}", tree.text(&["project", "web_url"])),
        url => url.to_owned(),
    };
    draft.id = format!("pipeline/{}/{id}/{result}", project(tree));
    draft.set("cicd.pipeline.run.id", &id);
    draft.set("vcs.ref.head.name", of.text(&["ref"]));
    draft.set("vcs.ref.head.revision", of.text(&["sha"]));
    draft.result = result;
    Some(draft)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::tests::shown;

    #[test]
    fn webhooks() {
        let project = r#""project":{"name":"cart","path_with_namespace":"shop/cart","web_url":"https://gitlab/shop/cart"},"user_username":"ann""#;
        let bodies = [
            format!(
                r#"{{"object_kind":"push","ref":"refs/heads/main","after":"abc","total_commits_count":1,"commits":[{{"message":"fix it\nnow"}}],{project}}}"#
            ),
            format!(r#"{{"object_kind":"tag_push","ref":"refs/tags/v1",{project}}}"#),
            format!(
                r#"{{"object_kind":"release","action":"create","name":"One","tag":"v1","url":"https://r","released_at":"2026-11-21 11:00:00 UTC",{project}}}"#
            ),
            format!(
                r#"{{"object_kind":"deployment","status":"success","status_changed_at":"2026-11-21 12:00:00 +0100","deployment_id":15,"environment":"staging","ref":"main","short_sha":"279484c0","deployable_url":"https://d",{project}}}"#
            ),
            format!(
                r#"{{"object_kind":"pipeline","object_attributes":{{"id":31,"ref":"main","status":"failed","created_at":"2026-11-21 11:00:00 UTC","finished_at":"2026-11-21 11:01:00 UTC"}},{project}}}"#
            ),
            format!(
                r#"{{"object_kind":"pipeline","object_attributes":{{"id":31,"status":"running"}},{project}}}"#
            ),
            "{}".to_owned(),
            "7".to_owned(),
            "[".to_owned(),
        ];
        let one = |body: &String| {
            let mut known = false;
            let text = shown(|w| {
                known = decode("u-1", body.as_bytes(), w)?;
                Ok(())
            });
            format!("{known}\n{text}")
        };
        insta::assert_snapshot!(bodies.iter().map(one).collect::<Vec<_>>().join("\n"));
    }
}
