//! Parsers: labels out of lines.

use super::json::{self, Hop, Json};
use super::logfmt::{Item, Pairs};
use super::pattern::Pattern;
use super::{Row, RowLabels, regex};
use crate::ast::Extraction;
use crate::names::sanitize;
use bumpalo::Bump;
use regex::Regex;

const JSON: &str = "JSONParserErr";
const LOGFMT: &str = "LogfmtParserErr";
/// What is put behind the name of a parsed label that the stream or record already has.
const EXTRACTED: &str = "_extracted";
/// The member of a packed line that holds the line.
const ENTRY: &str = "_entry";

/// Labels that are looked at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Wanted {
    /// Only these.
    Named(Vec<String>),
    /// Possibly any.
    All,
}

impl Wanted {
    pub fn add(&mut self, name: &str) {
        if let Wanted::Named(names) = self
            && !names.iter().any(|n| n == name)
        {
            names.push(name.to_owned());
        }
    }

    /// Whether a parsed label is among them.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Wanted::All => true,
            Wanted::Named(names) => names.iter().any(|n| n == name),
        }
    }

    /// Adds the labels that decide whether a parsed label is renamed: `x` for `x_extracted`.
    pub fn add_originals(&mut self) {
        if let Wanted::Named(names) = self {
            let originals: Vec<String> =
                names.iter().filter_map(|n| n.strip_suffix(EXTRACTED)).map(str::to_owned).collect();
            originals.iter().for_each(|name| self.add(name));
        }
    }
}

/// A parser, and which of the labels it finds anybody looks at.
#[derive(Debug)]
pub(crate) struct Parser {
    kind: ParserKind,
    pub wanted: Wanted,
}

#[derive(Debug)]
enum ParserKind {
    Json,
    JsonPaths(Vec<(String, Vec<Hop>)>),
    Logfmt { strict: bool, keep_empty: bool },
    LogfmtFields { strict: bool, fields: Vec<Extraction> },
    Pattern(Pattern),
    Regexp { regex: Regex, names: Vec<Option<String>> },
    Unpack,
}

/// An expression with named groups, and the label of each group.
pub(super) fn capturing(pattern: &str) -> Result<(Regex, Vec<Option<String>>), String> {
    let regex = regex(pattern)?;
    let names: Vec<Option<String>> =
        regex.capture_names().map(|n| n.map(|n| sanitize(n).into_owned())).collect();
    match names.iter().any(Option::is_some) {
        true => Ok((regex, names)),
        false => Err(format!(
            "regular expression {} has no named group such as (?P<name>.*)",
            promql::quote(pattern)
        )),
    }
}

impl Parser {
    fn of(kind: ParserKind) -> Parser {
        Parser { kind, wanted: Wanted::All }
    }

    pub fn json(fields: &[Extraction]) -> Result<Parser, String> {
        if fields.is_empty() {
            return Ok(Parser::of(ParserKind::Json));
        }
        let paths: Result<_, String> =
            fields.iter().map(|f| Ok((f.label.clone(), json::path(&f.expression)?))).collect();
        Ok(Parser::of(ParserKind::JsonPaths(paths?)))
    }

    pub fn logfmt(strict: bool, keep_empty: bool, fields: &[Extraction]) -> Parser {
        Parser::of(match fields.is_empty() {
            true => ParserKind::Logfmt { strict, keep_empty },
            false => ParserKind::LogfmtFields { strict, fields: fields.to_vec() },
        })
    }

    pub fn pattern(text: &str) -> Result<Parser, String> {
        Ok(Parser::of(ParserKind::Pattern(Pattern::new(text)?)))
    }

    pub fn regexp(text: &str) -> Result<Parser, String> {
        let (regex, names) = capturing(text)?;
        Ok(Parser::of(ParserKind::Regexp { regex, names }))
    }

    pub fn unpack() -> Parser {
        Parser::of(ParserKind::Unpack)
    }

    pub fn is_unpack(&self) -> bool {
        matches!(self.kind, ParserKind::Unpack)
    }

    /// Whether it finds nothing that anybody looks at, and cannot fail either.
    pub fn is_idle(&self) -> bool {
        let nothing = matches!(&self.wanted, Wanted::Named(names) if names.is_empty());
        nothing
            && matches!(
                self.kind,
                ParserKind::Logfmt { strict: false, .. } | ParserKind::Pattern(_) | ParserKind::Regexp { .. }
            )
    }

    pub fn run<'b>(&self, row: &mut Row<'b>, arena: &'b Bump) {
        if self.is_idle() {
            return;
        }
        let line = row.line;
        let mut out = Out { labels: &mut row.labels, wanted: &self.wanted, arena };
        match &self.kind {
            ParserKind::Json => {
                let done = json::flatten(line, arena, &mut |name, value| {
                    out.add(name, |arena| value.text(arena));
                    true
                });
                if let Err(wrong) = done {
                    out.fail(JSON, wrong.what, wrong.at);
                }
            }
            ParserKind::JsonPaths(paths) => {
                for (label, path) in paths {
                    match json::find(line, path, arena) {
                        Ok(found) => out.add(label, |arena| found.map_or("", |v| v.text(arena))),
                        Err(wrong) => {
                            out.fail(JSON, wrong.what, wrong.at);
                            return;
                        }
                    }
                }
            }
            ParserKind::Logfmt { strict, keep_empty } => {
                for item in Pairs::new(line) {
                    match item {
                        Item::Pair(_, value) if value.is_empty() && !keep_empty => {}
                        Item::Pair(key, value) => out.add_key(key, |arena| value.text(arena)),
                        Item::Wrong(what, at) if *strict => {
                            out.fail(LOGFMT, what, at);
                            return;
                        }
                        Item::Wrong(..) => {}
                    }
                }
            }
            ParserKind::LogfmtFields { strict, fields } => out.logfmt_fields(line, *strict, fields),
            ParserKind::Pattern(pattern) => {
                pattern.captures(line, |name, value| out.add(name, |_| value));
            }
            ParserKind::Regexp { regex, names } => {
                let Some(found) = regex.captures(line) else { return };
                for (group, name) in found.iter().zip(names) {
                    if let Some(name) = name {
                        out.add(name, |_| group.map_or("", |g| g.as_str()));
                    }
                }
            }
            ParserKind::Unpack => {
                if let Some(entry) = out.unpack(line) {
                    row.line = entry;
                }
            }
        }
    }
}

/// Where a parser puts what it finds.
struct Out<'r, 'b> {
    labels: &'r mut RowLabels<'b>,
    wanted: &'r Wanted,
    arena: &'b Bump,
}

impl<'b> Out<'_, 'b> {
    /// Adds a label whose name is clean.
    fn add(&mut self, name: &str, value: impl FnOnce(&'b Bump) -> &'b str) {
        if self.labels.is_original(name) {
            let mut renamed = bumpalo::collections::String::from_str_in(name, self.arena);
            renamed.push_str(EXTRACTED);
            if self.wanted.contains(&renamed) {
                let value = value(self.arena);
                self.labels.add_parsed(renamed.into_bump_str(), value);
            }
        } else if self.wanted.contains(name) {
            let value = value(self.arena);
            self.labels.add_parsed(self.arena.alloc_str(name), value);
        }
    }

    /// Adds a label whose name may hold anything.
    fn add_key(&mut self, key: &str, value: impl FnOnce(&'b Bump) -> &'b str) {
        let name = sanitize(key);
        if !name.is_empty() {
            self.add(&name, value);
        }
    }

    fn fail(&mut self, error: &'static str, what: &str, at: usize) {
        let details = self.arena.alloc_str(&format!("at byte {at} of the line: {what}"));
        self.labels.fail(error, details);
    }

    fn logfmt_fields(&mut self, line: &'b str, strict: bool, fields: &[Extraction]) {
        let mut found: Vec<Option<&'b str>> = vec![None; fields.len()];
        for item in Pairs::new(line) {
            match item {
                Item::Pair(key, value) => {
                    for (field, found) in fields.iter().zip(&mut found) {
                        let is_it = field.expression == key || field.expression == sanitize(key);
                        if is_it && found.is_none() {
                            *found = Some(value.text(self.arena));
                        }
                    }
                }
                Item::Wrong(what, at) if strict => {
                    self.fail(LOGFMT, what, at);
                    break;
                }
                Item::Wrong(..) => {}
            }
        }
        for (field, found) in fields.iter().zip(found) {
            self.add(&field.label, |_| found.unwrap_or(""));
        }
    }

    /// The packed line, if there is one; only then its labels count.
    fn unpack(&mut self, line: &'b str) -> Option<&'b str> {
        let mut entry = None;
        let mut members = Vec::new();
        let arena = self.arena;
        let done = json::Scanner::new(line).object(|key, value| {
            if let Json::Text { .. } = value {
                match key.text(arena) {
                    ENTRY => entry = Some(value.text(arena)),
                    key => members.push((key, value)),
                }
            }
            true
        });
        if let Err(wrong) = done {
            self.fail(JSON, wrong.what, wrong.at);
            return None;
        }
        if entry.is_some() {
            for (key, value) in members {
                self.add_key(key, |arena| value.text(arena));
            }
        }
        entry
    }
}
