//! Values out of the tree; what is wrong is noted and reading goes on.

use super::node::{Node, NodeKind, Style};
use super::suggest::nearest;
use crate::problem::{Place, Problem, Within};
use std::collections::BTreeMap;

/// Reads values and notes problems.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub problems: Vec<Problem>,
    /// Whether keys that are not known are left alone.
    pub allow_unknown: bool,
    /// The group and rule being read.
    pub within: Within,
}

/// The known keys of a section.
pub(crate) struct Fields<'n> {
    pub at: Place,
    values: BTreeMap<&'n str, &'n Node>,
    keys: BTreeMap<&'n str, Place>,
}

impl<'n> Fields<'n> {
    /// The value of a key, if it is there and not null.
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.values.get(key).copied().filter(|n| !n.is_null())
    }

    /// Where a key stands; the section if it is not there.
    pub fn place(&self, key: &str) -> Place {
        self.keys.get(key).copied().unwrap_or(self.at)
    }
}

impl Reader {
    pub fn complain(&mut self, at: Place, message: impl Into<String>) {
        self.problems.push(Problem { at: Some(at), within: self.within.clone(), message: message.into() });
    }

    /// What was read, or all problems in order of place.
    pub fn finish<T>(mut self, read: T) -> Result<T, Vec<Problem>> {
        self.problems.sort_by_key(|p| p.at);
        if self.problems.is_empty() { Ok(read) } else { Err(self.problems) }
    }

    fn expected<T>(&mut self, node: &Node, wanted: &str) -> Option<T> {
        self.complain(node.at, format!("found {} where {wanted} is expected", node.what()));
        None
    }

    /// A section with these keys.
    pub fn section<'n>(&mut self, node: &'n Node, known: &[&str]) -> Option<Fields<'n>> {
        let mut fields = Fields { at: node.at, values: BTreeMap::new(), keys: BTreeMap::new() };
        if node.is_null() {
            return Some(fields);
        }
        let NodeKind::Map(pairs) = &node.kind else { return self.expected(node, "a section") };
        for (key, value) in pairs {
            let Some(name) = self.key(key) else { continue };
            if fields.values.contains_key(name) {
                self.complain(key.at, format!("the key {name:?} occurs twice in this section"));
                continue;
            }
            if !known.contains(&name) {
                if !self.allow_unknown {
                    self.complain(key.at, unknown(name, known));
                }
                continue;
            }
            fields.values.insert(name, value);
            fields.keys.insert(name, key.at);
        }
        Some(fields)
    }

    fn key<'n>(&mut self, key: &'n Node) -> Option<&'n str> {
        match &key.kind {
            NodeKind::Scalar { text, .. } => Some(text),
            _ => self.expected(key, "a key"),
        }
    }

    /// The items of a list; nothing is an empty list.
    pub fn list<'n>(&mut self, node: Option<&'n Node>) -> &'n [Node] {
        let Some(node) = node else { return &[] };
        match &node.kind {
            NodeKind::List(items) => items,
            _ => {
                self.expected::<()>(node, "a list");
                &[]
            }
        }
    }

    /// A text; a number or a truth value is taken as it is written.
    pub fn text(&mut self, node: &Node) -> Option<String> {
        match &node.kind {
            NodeKind::Scalar { .. } if node.is_null() => Some(String::new()),
            NodeKind::Scalar { text, .. } => Some(text.clone()),
            _ => self.expected(node, "a text"),
        }
    }

    /// Texts by name.
    pub fn texts(&mut self, node: Option<&Node>) -> BTreeMap<String, (String, Place)> {
        let mut out = BTreeMap::new();
        let Some(node) = node else { return out };
        let NodeKind::Map(pairs) = &node.kind else {
            self.expected::<()>(node, "a section of names and texts");
            return out;
        };
        for (key, value) in pairs {
            let (Some(name), Some(text)) = (self.key(key), self.text(value)) else { continue };
            if out.insert(name.to_owned(), (text, key.at)).is_some() {
                self.complain(key.at, format!("the key {name:?} occurs twice in this section"));
            }
        }
        out
    }

    /// Milliseconds of a duration such as `5m`.
    pub fn duration(&mut self, node: Option<&Node>) -> Option<i64> {
        let node = node?;
        let text = self.text(node)?;
        match promql::parse_duration(&text) {
            Ok(ms) => Some(ms),
            Err(reason) => {
                self.complain(
                    node.at,
                    format!("{reason}: write for example \"15s\", \"1m30s\" or \"250ms\""),
                );
                None
            }
        }
    }

    /// A whole number.
    pub fn int(&mut self, node: Option<&Node>) -> Option<i64> {
        let node = node?;
        match &node.kind {
            NodeKind::Scalar { text, style: Style::Plain } if text.parse::<i64>().is_ok() => {
                text.parse().ok()
            }
            _ => self.expected(node, "a whole number"),
        }
    }

    /// A number.
    pub fn float(&mut self, node: Option<&Node>) -> Option<f64> {
        let node = node?;
        let NodeKind::Scalar { text, style: Style::Plain } = &node.kind else {
            return self.expected(node, "a number");
        };
        let plain = text.replace('_', "");
        let sign = if plain.starts_with('-') { -1.0 } else { 1.0 };
        match plain.trim_start_matches(['+', '-']).to_ascii_lowercase().as_str() {
            ".inf" => return Some(sign * f64::INFINITY),
            ".nan" => return Some(f64::NAN),
            hex if hex.starts_with("0x") => {
                if let Ok(v) = i64::from_str_radix(&hex[2..], 16) {
                    return Some(sign * v as f64);
                }
            }
            _ => {}
        }
        let number =
            plain.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
        match plain.parse() {
            Ok(v) if number => Some(v),
            _ => {
                self.complain(node.at, format!("{text:?} is not a number"));
                None
            }
        }
    }

    /// A truth value.
    pub fn bool(&mut self, node: Option<&Node>) -> Option<bool> {
        let node = node?;
        let NodeKind::Scalar { text, style: Style::Plain } = &node.kind else {
            return self.expected(node, "true or false");
        };
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => Some(true),
            "false" | "no" | "off" | "n" => Some(false),
            _ => {
                self.complain(node.at, format!("{text:?} is neither true nor false"));
                None
            }
        }
    }
}

fn unknown(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) => format!("unknown key {name:?}: did you mean {near:?}?"),
        None => format!("unknown key {name:?}: known here are {}", known.join(", ")),
    }
}
