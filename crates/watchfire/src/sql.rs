//! `watchfire sql`: asks a server for rows.

use crate::cli::{SqlArgs, SqlFormat};
use crate::exit::{Exit, no, unable, written};
use crate::remote::Remote;
use serde::Deserialize;
use serde_json::Value;
use std::io::{Read, Write};
use unicode_width::UnicodeWidthStr;

/// Cells of a table are cut after so many columns of the screen, unless the column is the last.
const CELL_WIDTH_MAX: usize = 60;

#[derive(Debug, Deserialize)]
struct Rows {
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
}

#[derive(Debug, Deserialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    of: String,
}

#[derive(Debug, Deserialize)]
struct Success {
    data: Rows,
}

/// An error of the server, and where in the statement.
#[derive(Debug, Deserialize)]
struct Failure {
    #[serde(rename = "errorType")]
    kind: String,
    error: String,
    place: Option<Place>,
    help: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Place {
    start: usize,
    end: usize,
    line: usize,
    column: usize,
}

/// Runs the command.
pub async fn run(args: &SqlArgs) -> Result<(), Exit> {
    let query = match args.query.as_str() {
        "-" => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|e| unable(format!("cannot read stdin: {e}")))?;
            text
        }
        text => text.to_owned(),
    };
    let remote = Remote::new(&args.url)?;
    let mut params = vec![("query", query.clone()), ("format", form(args.format).to_owned())];
    if args.limit > 0 {
        params.push(("limit", args.limit.to_string()));
    }
    params.extend(args.params.iter().map(|p| ("param", p.clone())));
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
    let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
    headers.extend(args.tenant.as_deref().map(|t| ("x-scope-orgid", t)));
    let (status, body) = remote.post("/api/v1/sql", &headers, body.into_bytes()).await?;
    if status != 200 {
        return Err(failure(&args.url, &query, status, &body));
    }
    let mut out = std::io::stdout().lock();
    if args.format != SqlFormat::Table {
        return written(out.write_all(&body).and_then(|()| out.flush()));
    }
    let success: Success = serde_json::from_slice(&body)
        .map_err(|e| unable(format!("{} does not answer as Watchfire does: {e}", args.url)))?;
    written(table(&mut out, &success.data).and_then(|()| out.flush()))
}

fn form(format: SqlFormat) -> &'static str {
    match format {
        SqlFormat::Table | SqlFormat::Json => "json",
        SqlFormat::Csv => "csv",
        SqlFormat::Ndjson => "ndjson",
    }
}

fn failure(url: &str, query: &str, status: u16, body: &[u8]) -> Exit {
    let Ok(failure) = serde_json::from_slice::<Failure>(body) else {
        let said = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        return unable(format!("{url} answers {status}: {said}"));
    };
    match failure.place {
        None => no(format!("{}: {}", failure.kind, failure.error)),
        Some(Place { start, end, line, column }) => {
            let message = match failure.error.split_once("parse error: ") {
                Some((_, message)) => message.to_owned(),
                None => failure.error,
            };
            let error = promql::ParseError { message, start, end, line, column, help: failure.help };
            no(error.caret(query))
        }
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => {
            text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
        }
        other => other.to_string(),
    }
}

/// One line of a cell, cut to a width.
fn cut(text: &str, width_max: usize) -> String {
    let line = text.split('\n').next().unwrap_or("");
    if line.width() <= width_max && line.len() == text.len() {
        return line.to_owned();
    }
    let mut out = String::new();
    for c in line.chars() {
        if out.width() + 2 > width_max {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

fn table(out: &mut dyn Write, data: &Rows) -> std::io::Result<()> {
    let last = data.columns.len().saturating_sub(1);
    // What explains a query is many lines in its last column.
    let explains = data.columns.iter().any(|c| c.name == "plan_type");
    if explains {
        for row in &data.rows {
            for value in row {
                writeln!(out, "{}", cell(value).trim_end())?;
            }
            writeln!(out)?;
        }
        return Ok(());
    }
    let shown = |row: &Vec<Value>| -> Vec<String> {
        let wide = |i: usize| if i == last { usize::MAX } else { CELL_WIDTH_MAX };
        row.iter().enumerate().map(|(i, v)| cut(&cell(v), wide(i))).collect()
    };
    let rows: Vec<Vec<String>> = data.rows.iter().map(shown).collect();
    let mut widths: Vec<usize> = data.columns.iter().map(|c| c.name.width()).collect();
    for row in &rows {
        for (width, text) in widths.iter_mut().zip(row) {
            *width = (*width).max(text.width());
        }
    }
    let right: Vec<bool> = data.columns.iter().map(|c| is_number(&c.of)).collect();
    let mut line = |cells: &[&str]| {
        let mut text = String::new();
        for (i, cell) in cells.iter().enumerate() {
            let pad = " ".repeat(widths.get(i).map_or(0, |w| w.saturating_sub(cell.width())));
            text.push_str(if i > 0 { "  " } else { "" });
            match right.get(i) {
                Some(true) => text.push_str(&format!("{pad}{cell}")),
                _ => text.push_str(&format!("{cell}{pad}")),
            }
        }
        writeln!(out, "{}", text.trim_end())
    };
    let names: Vec<&str> = data.columns.iter().map(|c| c.name.as_str()).collect();
    line(&names)?;
    for row in &rows {
        line(&row.iter().map(String::as_str).collect::<Vec<_>>())?;
    }
    Ok(())
}

fn is_number(of: &str) -> bool {
    matches!(of, "smallint" | "integer" | "bigint" | "numeric" | "real" | "double precision")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_columns() {
        let data = r#"{"columns":[{"name":"app","type":"text"},{"name":"n","type":"bigint"},{"name":"b","type":"text"}],
            "rows":[["火",12,"x\ny"],[null,3,"z"]]}"#;
        let data: Rows = serde_json::from_str(data).unwrap();
        let mut out = Vec::new();
        table(&mut out, &data).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "app   n  b\n火   12  x…\n      3  z\n");
    }
}
