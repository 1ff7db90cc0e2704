//! `watchfire errors`: the issues of a server, and one of them.

mod list;
mod show;

use crate::cli::{ErrorsArgs, ListFormat};
use crate::exit::{Exit, no, unable, written};
use crate::remote::Remote;
use serde_json::Value;
use std::io::{IsTerminal, Write};

/// Lists issues, or shows one.
pub async fn run(args: &ErrorsArgs) -> Result<(), Exit> {
    let remote = Remote::new(&args.url)?;
    let mut params: Vec<(&str, String)> = vec![("since", args.since.clone())];
    let path = match &args.id {
        Some(id) if id.is_empty() || !id.bytes().all(|b| b.is_ascii_hexdigit()) => {
            return Err(no(format!(
                "{id:?} is no issue: its id has 16 hexadecimal digits, of which the first 4 may do"
            )));
        }
        Some(id) => format!("/api/v1/errors/issues/{id}"),
        None => {
            params.extend([
                ("status", args.status.clone()),
                ("sort", args.sort.clone()),
                ("limit", args.limit.to_string()),
            ]);
            params.extend(args.query.iter().map(|q| ("query", q.clone())));
            params.extend(args.project.iter().map(|p| ("project", p.clone())));
            "/api/v1/errors/issues".to_owned()
        }
    };
    let body = ask(&remote, &path, &params, args.tenant.as_deref()).await?;
    let mut out = std::io::stdout().lock();
    if args.format == ListFormat::Json {
        return written(out.write_all(&body).and_then(|()| out.write_all(b"\n")));
    }
    let answer: Value = serde_json::from_slice(&body)
        .map_err(|e| unable(format!("{} does not answer as Watchfire does: {e}", args.url)))?;
    let data = &answer["data"];
    let width = crate::progress::terminal_width();
    match args.id {
        Some(_) => written(show::write(&mut out, data, width, &Paint::of_terminal())),
        None => {
            if data["issues"].as_array().is_none_or(Vec::is_empty) {
                eprintln!("no issue within {} that is {} and matches", args.since, args.status);
            }
            written(list::write(&mut out, data, width, &Paint::of_terminal()))
        }
    }
}

/// The body of a successful answer.
async fn ask(
    remote: &Remote,
    path: &str,
    params: &[(&str, String)],
    tenant: Option<&str>,
) -> Result<Vec<u8>, Exit> {
    let mut url = remote.url(path);
    url.query_pairs_mut().extend_pairs(params);
    let (status, body) = remote.get_as(url, tenant).await?;
    if status == 200 {
        return Ok(body);
    }
    let said = serde_json::from_slice::<Value>(&body).ok();
    let said = said.and_then(|v| v["error"].as_str().map(str::to_owned));
    Err(no(said.unwrap_or_else(|| format!("the server answers with status {status}"))))
}

/// Colours, or none.
pub struct Paint {
    /// For what matters less.
    pub dim: &'static str,
    /// For what is wrong.
    pub red: &'static str,
    /// For the application's own.
    pub bold: &'static str,
    /// Ends them.
    pub reset: &'static str,
}

impl Paint {
    /// None at all.
    const PLAIN: Paint = Paint { dim: "", red: "", bold: "", reset: "" };

    fn of_terminal() -> Paint {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        match wanted && std::io::stdout().is_terminal() {
            true => Paint { dim: "\x1b[2m", red: "\x1b[31m", bold: "\x1b[1m", reset: "\x1b[0m" },
            false => Paint::PLAIN,
        }
    }
}

/// A member as text without what would move the cursor or change the terminal: a sender must not be able to.
fn text(of: &Value, name: &str) -> String {
    let shown = match &of[name] {
        Value::String(s) => s.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    shown.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A time of the server's as this machine's clock shows it.
fn when(of: &Value, name: &str) -> String {
    let at = text(of, name);
    match at.parse::<jiff::Timestamp>() {
        Ok(t) => t.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => at,
    }
}
