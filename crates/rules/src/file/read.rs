//! Reads and checks rule files.

use super::{FileOptions, Group, Rule, RuleFile, RuleKind};
use crate::expand;
use crate::language::{Expression, Language, TRACE_RANGE_MS};
use crate::problem::{Place, Problem, Within};
use crate::yaml::{self, Fields, Node, NodeKind, Reader, Style};
use model::METRIC_NAME;
use model::record::Tenant;
use std::collections::{BTreeMap, BTreeSet};

/// `namespace` is what Loki's tools call a file; it says nothing here.
const FILE_KEYS: [&str; 3] = ["groups", "language", "namespace"];
const GROUP_KEYS: [&str; 9] =
    ["name", "interval", "query_offset", "limit", "rules", "labels", "language", "tenant", "range"];
const RULE_KEYS: [&str; 7] = ["record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"];

pub(super) fn file(text: &str, options: FileOptions) -> Result<RuleFile, Vec<Problem>> {
    let (root, more) = yaml::parse(text).map_err(|p| vec![p])?;
    let reader = Reader { allow_unknown: options.ignore_unknown_fields, ..Reader::default() };
    let mut file = FileReader {
        reader,
        lines: text.lines().collect(),
        language: options.language,
        range_ms: TRACE_RANGE_MS,
    };
    let mut out = RuleFile::default();
    if more {
        let message = "a rule file has one document: what follows the first is left out".to_owned();
        out.warnings.push(Problem { at: None, within: Within::default(), message });
    }
    if let Some(root) = root
        && let Some(fields) = file.reader.section(&root, &FILE_KEYS)
    {
        let language = file.language(&fields, options.language);
        let nodes = file.reader.list(fields.get("groups"));
        let mut names = BTreeSet::new();
        for node in nodes {
            file.language = language;
            if let Some(group) = file.group(node, &mut names) {
                out.groups.push(group);
            }
            file.reader.within = Within::default();
        }
    }
    file.reader.finish(out)
}

struct FileReader<'t> {
    reader: Reader,
    /// The lines of the file.
    lines: Vec<&'t str>,
    /// What the expressions of the group being read are written in.
    language: Language,
    /// How far they look back, in TraceQL.
    range_ms: i64,
}

fn plain(texts: &BTreeMap<String, (String, Place)>) -> BTreeMap<String, String> {
    texts.iter().map(|(name, (text, _))| (name.clone(), text.clone())).collect()
}

impl FileReader<'_> {
    fn group(&mut self, node: &Node, names: &mut BTreeSet<String>) -> Option<Group> {
        self.reader.within = Within { group: peek(node, &["name"]), rule: None };
        let fields = self.reader.section(node, &GROUP_KEYS)?;
        let name = fields.get("name").and_then(|n| self.reader.text(n)).unwrap_or_default();
        if name.is_empty() {
            self.reader.complain(fields.place("name"), "the name of a group must not be empty");
        } else if !names.insert(name.clone()) {
            self.reader
                .complain(fields.place("name"), format!("the group name {name:?} is repeated in this file"));
        }
        self.language = self.language(&fields, self.language);
        let tenant = self.tenant(&fields);
        self.range_ms = self.range(&fields);
        let labels = self.labels(&fields, "labels");
        let limit =
            self.reader.int(fields.get("limit")).and_then(|l| u64::try_from(l).ok()).filter(|l| *l > 0);
        let mut group = Group {
            name: name.clone(),
            language: self.language,
            tenant,
            interval_ms: self.reader.duration(fields.get("interval")).filter(|ms| *ms > 0),
            query_offset_ms: self.reader.duration(fields.get("query_offset")),
            limit,
            labels: plain(&labels),
            rules: Vec::new(),
            at: node.at,
        };
        for (i, node) in self.reader.list(fields.get("rules")).iter().enumerate() {
            self.reader.within = Within {
                group: Some(name.clone()),
                rule: Some((i + 1, peek(node, &["alert", "record"]).unwrap_or_default())),
            };
            if let Some(rule) = self.rule(node, &group.labels) {
                group.rules.push(rule);
            }
        }
        Some(group)
    }

    /// What a file or group is written in.
    fn language(&mut self, fields: &Fields<'_>, unless_said: Language) -> Language {
        let Some(name) = fields.get("language").and_then(|n| self.reader.text(n)) else { return unless_said };
        name.parse().unwrap_or_else(|e: String| {
            self.reader.complain(fields.place("language"), e);
            unless_said
        })
    }

    /// Whose records a group reads.
    fn tenant(&mut self, fields: &Fields<'_>) -> Option<String> {
        let name = fields.get("tenant").and_then(|n| self.reader.text(n))?;
        let wrong = match (self.language, Tenant::new(&name)) {
            (Language::PromQl, _) => "only groups in LogQL or TraceQL have a tenant".to_owned(),
            (_, Err(e)) => e.to_string(),
            (_, Ok(_)) => return Some(name),
        };
        self.reader.complain(fields.place("tenant"), wrong);
        None
    }

    /// How far a group in TraceQL looks back.
    fn range(&mut self, fields: &Fields<'_>) -> i64 {
        let Some(range_ms) = self.reader.duration(fields.get("range")) else { return TRACE_RANGE_MS };
        let wrong = match (self.language, range_ms) {
            (Language::TraceQl, 1..) => return range_ms,
            (Language::TraceQl, _) => "the range must be longer than nothing",
            (Language::PromQl | Language::LogQl, _) => {
                "only groups in TraceQL have a range: here each expression has its own, as in [5m]"
            }
        };
        self.reader.complain(fields.place("range"), wrong);
        TRACE_RANGE_MS
    }

    /// Labels with valid names.
    fn labels(&mut self, fields: &Fields<'_>, key: &str) -> BTreeMap<String, (String, Place)> {
        let labels = self.reader.texts(fields.get(key));
        for (name, (_, at)) in &labels {
            if name.is_empty() || name == METRIC_NAME {
                self.reader.complain(*at, format!("invalid label name: {name}"));
            }
        }
        labels
    }

    fn rule(&mut self, node: &Node, group_labels: &BTreeMap<String, String>) -> Option<Rule> {
        let before = self.reader.problems.len();
        let fields = self.reader.section(node, &RULE_KEYS)?;
        let text =
            |reader: &mut Reader, key: &str| fields.get(key).and_then(|n| reader.text(n)).unwrap_or_default();
        let (record, alert) = (text(&mut self.reader, "record"), text(&mut self.reader, "alert"));
        let (kind, name) = match (record.is_empty(), alert.is_empty()) {
            (true, true) => {
                self.reader.complain(fields.at, "one of 'record' or 'alert' must be set");
                (RuleKind::Alert, alert)
            }
            (false, false) => {
                self.reader.complain(fields.place("alert"), "only one of 'record' and 'alert' must be set");
                (RuleKind::Record, record)
            }
            (false, true) => (RuleKind::Record, record),
            (true, false) => (RuleKind::Alert, alert),
        };
        let expr_text = text(&mut self.reader, "expr");
        let expr = self.expression(&fields, &expr_text);
        let for_ms = self.reader.duration(fields.get("for")).unwrap_or(0);
        let keep_firing_for_ms = self.reader.duration(fields.get("keep_firing_for")).unwrap_or(0);
        let labels = self.labels(&fields, "labels");
        let annotations = self.reader.texts(fields.get("annotations"));
        for (name, (_, at)) in annotations.iter().filter(|(name, _)| name.is_empty()) {
            self.reader.complain(*at, format!("invalid annotation name: {name}"));
        }
        match kind {
            RuleKind::Record => {
                self.record_only(&fields, &name, annotations.is_empty(), for_ms, keep_firing_for_ms);
            }
            RuleKind::Alert => {
                self.templates("label", &name, &labels);
                self.templates("annotation", &name, &annotations);
            }
        }
        if self.reader.problems.len() > before {
            return None;
        }
        let mut all_labels = group_labels.clone();
        all_labels.extend(plain(&labels));
        let annotations = plain(&annotations);
        let at = node.at;
        Some(Rule {
            kind,
            name,
            expr: expr?,
            expr_text,
            for_ms,
            keep_firing_for_ms,
            labels: all_labels,
            annotations,
            at,
        })
    }

    /// What a recording rule may not have.
    fn record_only(
        &mut self,
        fields: &Fields<'_>,
        name: &str,
        no_annotations: bool,
        for_ms: i64,
        keep_firing_for_ms: i64,
    ) {
        for (key, absent) in [
            ("annotations", no_annotations),
            ("for", for_ms == 0),
            ("keep_firing_for", keep_firing_for_ms == 0),
        ] {
            if !absent {
                self.reader.complain(fields.place(key), format!("invalid field '{key}' in recording rule"));
            }
        }
        if name.contains(['{', '}']) {
            let message = format!("braces present in the recording rule name; should it be in expr?: {name}");
            self.reader.complain(fields.place("record"), message);
        }
    }

    fn templates(&mut self, what: &str, alert: &str, texts: &BTreeMap<String, (String, Place)>) {
        for (name, (text, at)) in texts {
            if let Err(reason) = expand::check(alert, text) {
                self.reader.complain(*at, format!("{what} {name:?}: {reason}"));
            }
        }
    }

    fn expression(&mut self, fields: &Fields<'_>, text: &str) -> Option<Expression> {
        if text.is_empty() {
            // What is no text at all was told already.
            if fields.get("expr").is_none_or(|n| matches!(n.kind, NodeKind::Scalar { .. })) {
                self.reader.complain(fields.place("expr"), "field 'expr' must be set in rule");
            }
            return None;
        }
        match Expression::parse(self.language, text, self.range_ms) {
            Ok(expr) => Some(expr),
            Err(e) => {
                let at = match fields.get("expr") {
                    Some(node) => self.inside(node, e.line, e.column),
                    None => fields.at,
                };
                let caret: String = e.caret(text).lines().map(|l| format!("\n    {l}")).collect();
                self.reader.complain(at, format!("could not parse expression: {e}{caret}"));
                None
            }
        }
    }

    /// Where a line and column of a text stand in the file.
    fn inside(&self, node: &Node, line: usize, column: usize) -> Place {
        let NodeKind::Scalar { text, style } = &node.kind else { return node.at };
        match style {
            Style::Literal => {
                // The text begins on the line where the node is said to stand; all its lines are indented alike.
                let at_line = node.at.line + line - 1;
                let written = self.lines.get(at_line - 1).copied().unwrap_or("");
                let meant = text.lines().nth(line - 1).unwrap_or("");
                match written.strip_suffix(meant) {
                    Some(indent) if indent.chars().all(|c| c == ' ') => {
                        Place { line: at_line, column: indent.len() + column }
                    }
                    _ => node.at,
                }
            }
            Style::Plain if !text.contains('\n') && line == 1 && self.stands_at(node.at, 0, text) => {
                Place { line: node.at.line, column: node.at.column + column - 1 }
            }
            Style::Quoted if line == 1 && self.stands_at(node.at, 1, text) => {
                Place { line: node.at.line, column: node.at.column + column }
            }
            _ => node.at,
        }
    }

    /// Whether a text stands in the file as it is, so many characters after a place.
    fn stands_at(&self, at: Place, after: usize, text: &str) -> bool {
        let line = self.lines.get(at.line - 1).copied().unwrap_or("");
        let rest: String = line.chars().skip(at.column - 1 + after).take(text.chars().count()).collect();
        rest == text
    }
}

/// The text of the first of these keys, before its section is read.
fn peek(node: &Node, keys: &[&str]) -> Option<String> {
    let NodeKind::Map(pairs) = &node.kind else { return None };
    pairs.iter().find_map(|(k, v)| match (&k.kind, &v.kind) {
        (NodeKind::Scalar { text: key, .. }, NodeKind::Scalar { text, .. })
            if keys.contains(&key.as_str()) =>
        {
            Some(text.clone())
        }
        _ => None,
    })
}
