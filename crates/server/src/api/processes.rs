//! The busiest processes of this machine.

use super::{Answer, Shared};
use crate::http::error::{ApiError, ErrorKind};
use crate::http::params::Params;
use crate::http::respond::json;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;

/// `/api/v1/processes`: `sort` is `cpu` (if absent) or `memory`, `limit` is 50 if absent.
pub async fn processes(State(app): Shared, request: Request<Body>) -> Answer {
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let limit = params.limit()?.unwrap_or(50);
    let by_memory = match params.get("sort") {
        None | Some("cpu") => false,
        Some("memory") => true,
        Some(other) => {
            return Err(ApiError::parameter("sort", format!("{other:?} is neither cpu nor memory")));
        }
    };
    let Some(agent) = &app.ready()?.agent else {
        return Err(ApiError::new(
            ErrorKind::NotFound,
            "this machine is not watched: the server was started with --no-agent, or agent.enabled is false",
        ));
    };
    let scanned = agent.lock().processes();
    let mut rows: Vec<&host::Process> = scanned.iter().collect();
    if by_memory {
        rows.sort_by_key(|p| std::cmp::Reverse(p.rss_bytes));
    } else {
        rows.sort_by(|a, b| b.cpu_percent.total_cmp(&a.cpu_percent));
    }
    let total = rows.len();
    rows.truncate(limit);
    Ok(json(|j| {
        j.raw("{").key("total").int(total as i64);
        j.key("processes").list(&rows, |j, p| {
            j.raw("{").key("pid").int(p.pid as i64).key("name").string(&p.name);
            j.key("cmdline").string(&p.cmdline).key("user").string(&p.user);
            j.key("cpuPercent").value(&p.cpu_percent).key("rssBytes").int(p.rss_bytes as i64);
            j.key("threads").int(p.threads as i64).key("state").string(&p.state.to_string());
            j.key("startMs").int(p.start_ms).raw("}");
        });
        j.raw("}");
    }))
}
