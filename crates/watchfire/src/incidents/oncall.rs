//! `watchfire oncall`: who is on call.

use super::args::OncallArgs;
use super::{answer, moment, text};
use crate::cli::ListFormat;
use crate::exit::{Exit, no, written};
use crate::remote::Remote;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::io::Write;

/// Shows who is on call, or the shifts of a schedule.
pub async fn run(args: &OncallArgs) -> Result<(), Exit> {
    let remote = Remote::new(&args.server.url)?;
    let mut url = match &args.schedule {
        None => remote.url("/api/v1/oncall"),
        Some(_) => remote.url("/api/v1/oncall/schedules"),
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(name) = &args.schedule {
        let from = match &args.at {
            None => Timestamp::now(),
            Some(text) => text.parse().map_err(|e| no(format!("--at: {text:?} is not a time: {e}")))?,
        };
        let to = from + SignedDuration::from_hours(24 * i64::from(args.days));
        query.append_pair("start", &from.to_string()).append_pair("end", &to.to_string());
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(name);
        }
    } else if let Some(at) = &args.at {
        query.append_pair("time", at);
    }
    url.set_query(Some(&query.finish()));
    let (status, body) = remote.get_url(url).await?;
    let found = answer(status, &body)?;
    let mut out = std::io::stdout().lock();
    if args.format == ListFormat::Json {
        return written(writeln!(out, "{}", String::from_utf8_lossy(&body)));
    }
    written(match args.schedule {
        Some(_) => shifts(&mut out, &found),
        None => all(&mut out, &found),
    })
}

fn all(out: &mut impl Write, found: &Value) -> std::io::Result<()> {
    if found["configured"] != true {
        return writeln!(out, "Nobody: the configuration has no section on_call.");
    }
    for schedule in found["schedules"].as_array().into_iter().flatten() {
        let now = &schedule["now"];
        let who = now["person"].as_str().unwrap_or("nobody");
        let until = if now.is_object() { format!("  until {}", moment(&now["to"])) } else { String::new() };
        writeln!(out, "{}  {who}{until}", text(schedule, "name"))?;
        let next = &schedule["next"];
        if next.is_object() {
            writeln!(out, "    then {} from {}", text(next, "person"), moment(&next["from"]))?;
        }
    }
    Ok(())
}

fn shifts(out: &mut impl Write, found: &Value) -> std::io::Result<()> {
    for shift in found["shifts"].as_array().into_iter().flatten() {
        let stands_in = if shift["override"].is_string() { "  (override)" } else { "" };
        let (from, to) = (moment(&shift["from"]), moment(&shift["to"]));
        writeln!(out, "{from}  {to}  {}{stands_in}", text(shift, "person"))?;
    }
    for gap in found["gaps"].as_array().into_iter().flatten() {
        writeln!(out, "{}  {}  nobody", moment(&gap["from"]), moment(&gap["to"]))?;
    }
    Ok(())
}
