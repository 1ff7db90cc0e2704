//! Lines and labels made from templates.

use super::functions::RowFunctions;
use super::{ERROR, ERROR_DETAILS, Row, Wanted};
use bumpalo::Bump;
use regex::Regex;
use std::cell::RefCell;
use std::collections::HashMap;
use template::{Limits, Map, Templates, Value};

const TEMPLATE: &str = "TemplateFormatErr";
const NAME: &str = "line";
/// What one template may cost for one row.
const LIMITS: Limits = Limits { bytes_max: 1 << 20, work_max: 100_000 };

/// A template that is ready to be written out.
#[derive(Debug)]
pub(crate) struct Template {
    templates: Templates,
    /// The labels it names, unless it may look at any.
    fields: Option<Vec<String>>,
    uses_line: bool,
    /// The instant that `now` stands for, Unix nanoseconds.
    now_ns: i64,
    /// Regular expressions that its functions used.
    regexes: RefCell<HashMap<String, Regex>>,
}

/// How a label is set.
#[derive(Debug)]
pub(crate) enum Format {
    Rename(String),
    Template(Template),
}

/// Whether a text is a template.
pub(crate) fn check_template(text: &str) -> Result<(), String> {
    Template::new(text, 0).map(|_| ())
}

impl Template {
    pub fn new(text: &str, now_ns: i64) -> Result<Template, String> {
        let regexes = RefCell::default();
        let mut templates = Templates::new();
        templates
            .parse(NAME, text, &RowFunctions { line: "", time_ns: 0, now_ns, regexes: &regexes })
            .map_err(|e| e.to_string())?;
        Ok(Template {
            templates,
            fields: fields(text),
            uses_line: text.contains("__line__"),
            now_ns,
            regexes,
        })
    }

    pub fn uses_line(&self) -> bool {
        self.uses_line
    }

    /// Adds the labels that it looks at.
    pub fn add_wanted(&self, wanted: &mut Wanted) {
        match &self.fields {
            Some(fields) => fields.iter().for_each(|f| wanted.add(f)),
            None => *wanted = Wanted::All,
        }
    }

    /// The text for a row; if it cannot be made, the row says why.
    pub fn render<'b>(&self, row: &mut Row<'b>, arena: &'b Bump) -> Option<&'b str> {
        let mut map = Map::of_texts(row.labels.pairs.iter().map(|p| (p.name, p.value)));
        for (name, value) in [(ERROR, row.labels.error), (ERROR_DETAILS, row.labels.details)] {
            if !value.is_empty() {
                map.entries.insert(name.to_owned(), Value::from(value));
            }
        }
        let functions = RowFunctions {
            line: row.line,
            time_ns: row.time_ns,
            now_ns: self.now_ns,
            regexes: &self.regexes,
        };
        match self.templates.execute(NAME, &Value::from(map), &functions, LIMITS) {
            Ok(text) => Some(arena.alloc_str(&text)),
            Err(e) => {
                row.labels.fail(TEMPLATE, arena.alloc_str(&e.to_string()));
                None
            }
        }
    }
}

impl Format {
    pub fn apply<'b>(&self, label: &str, row: &mut Row<'b>, arena: &'b Bump) {
        match self {
            Format::Rename(source) => {
                // What is not there leaves the label as it is.
                if let Some(value) = row.labels.get(source) {
                    row.labels.set(arena.alloc_str(label), value);
                    row.labels.remove(source);
                }
            }
            Format::Template(template) => {
                if let Some(value) = template.render(row, arena) {
                    row.labels.set(arena.alloc_str(label), value);
                }
            }
        }
    }
}

/// The fields that a template names inside its actions, `None` if it uses the dot itself or a variable's field, so
/// that it may look at any label. May give too many, never too few.
fn fields(text: &str) -> Option<Vec<String>> {
    let mut out: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        let action = &rest[open + 2..];
        let mut at = 0;
        let bytes = action.as_bytes();
        while at < bytes.len() && !action[at..].starts_with("}}") {
            match bytes[at] {
                quote @ (b'"' | b'`' | b'\'') => {
                    at += 1;
                    while at < bytes.len() && bytes[at] != quote {
                        at += if bytes[at] == b'\\' && quote != b'`' { 2 } else { 1 };
                    }
                    at += 1;
                }
                b'$' => return None,
                b'.' => {
                    let after = &action[at + 1..];
                    let length =
                        after.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
                    let number = at > 0 && bytes[at - 1].is_ascii_digit();
                    let inside_number = after.as_bytes().first().is_some_and(u8::is_ascii_digit);
                    if length == 0 && !number {
                        return None;
                    }
                    if !number && !inside_number {
                        out.push(after[..length].to_owned());
                    }
                    at += 1 + length;
                }
                // Only whole characters begin strings and fields, so a step of a byte is safe within others.
                _ => {
                    at += 1;
                    while !action.is_char_boundary(at) {
                        at += 1;
                    }
                }
            }
        }
        rest = action.get(at.min(action.len())..).unwrap_or("");
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_templates() {
        let named = |text: &str| fields(text).map(|f| f.join(","));
        assert_eq!(named("{{.a}} and .b {{ .c | printf \"%s.x\" }}"), Some("a,c".to_owned()));
        assert_eq!(named("{{ div .d 1.5 }}é{{`.e`}}"), Some("d".to_owned()));
        assert_eq!(named("{{ . }}"), None);
        assert_eq!(named("{{ $x := .y }}{{ $x }}"), None);
        assert_eq!(named("plain"), Some(String::new()));
        assert_eq!(named("{{ \"open"), Some(String::new()));
    }
}
