//! The tree.

use crate::problem::{Place, Problem};
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle};
use std::collections::HashMap;

/// How deep lists and maps may be nested.
const DEPTH_MAX: usize = 64;
/// How many nodes a document may have once every alias stands for what it names: this, and for each byte of the
/// document as many as [`NODES_PER_BYTE`].
const NODES_BASE: usize = 10_000;
const NODES_PER_BYTE: usize = 4;
/// How many bytes of text likewise.
const BYTES_BASE: usize = 1 << 20;
const BYTES_PER_BYTE: usize = 16;

/// How a text was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Quoted,
    /// `|`: every line of the text is a line of the file.
    Literal,
    Folded,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub at: Place,
    pub kind: NodeKind,
}

#[derive(Debug, Clone)]
pub(crate) enum NodeKind {
    Scalar { text: String, style: Style },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// Whether it stands for nothing: an empty value, `~` or `null`.
    pub fn is_null(&self) -> bool {
        match &self.kind {
            NodeKind::Scalar { text, style: Style::Plain } => {
                matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// What it is, for messages.
    pub fn what(&self) -> &'static str {
        match self.kind {
            NodeKind::Scalar { .. } => "a single value",
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a section",
        }
    }
}

/// A list or map that is not complete yet.
enum Open {
    List(Vec<Node>),
    Map { pairs: Vec<(Node, Node)>, key: Option<Node> },
}

struct Frame {
    at: Place,
    anchor: usize,
    open: Open,
    /// Nodes and bytes counted when it was opened.
    nodes: usize,
    bytes: usize,
}

struct Anchored {
    node: Node,
    nodes: usize,
    bytes: usize,
}

#[derive(Default)]
struct Composer {
    stack: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    bytes: usize,
    nodes_max: usize,
    bytes_max: usize,
    root: Option<Node>,
}

/// The first document of a text, nothing if it is empty, and whether there are more.
pub(crate) fn parse(text: &str) -> Result<(Option<Node>, bool), Problem> {
    let mut composer = Composer {
        nodes_max: NODES_BASE.saturating_add(text.len().saturating_mul(NODES_PER_BYTE)),
        bytes_max: BYTES_BASE.saturating_add(text.len().saturating_mul(BYTES_PER_BYTE)),
        ..Composer::default()
    };
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|e| {
            let at = Place { line: e.marker().line(), column: e.marker().col() + 1 };
            Problem::at(at, format!("not YAML: {}", e.info()))
        })?;
        let at = Place { line: span.start.line(), column: span.start.col() + 1 };
        if matches!(event, Event::DocumentStart(..)) {
            documents += 1;
            if documents > 1 {
                return Ok((composer.root, true));
            }
        }
        composer.take(event, at)?;
    }
    Ok((composer.root, false))
}

impl Composer {
    fn count(&mut self, nodes: usize, bytes: usize, at: Place) -> Result<(), Problem> {
        self.nodes = self.nodes.saturating_add(nodes);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.nodes > self.nodes_max || self.bytes > self.bytes_max {
            let reason = format!(
                "with its aliases written out the document has more than {} values or {} bytes",
                self.nodes_max, self.bytes_max
            );
            return Err(Problem::at(at, reason));
        }
        Ok(())
    }

    fn take(&mut self, event: Event<'_>, at: Place) -> Result<(), Problem> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, text.len(), at)?;
                let style = match style {
                    // `!!str` makes a text of anything.
                    _ if tag.is_some_and(|t| t.to_string().ends_with("str")) => Style::Quoted,
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::Literal => Style::Literal,
                    ScalarStyle::Folded => Style::Folded,
                    _ => Style::Quoted,
                };
                let node = Node { at, kind: NodeKind::Scalar { text: text.into_owned(), style } };
                let bytes = match &node.kind {
                    NodeKind::Scalar { text, .. } => text.len(),
                    _ => 0,
                };
                self.anchor(anchor, &node, 1, bytes);
                self.add(node)
            }
            Event::SequenceStart(_, anchor, _) => self.open(Open::List(Vec::new()), anchor, at),
            Event::MappingStart(_, anchor, _) => {
                self.open(Open::Map { pairs: Vec::new(), key: None }, anchor, at)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(id) => {
                let Some(anchored) = self.anchors.get(&id) else {
                    return Err(Problem::at(at, "the alias names a section that it is part of".to_owned()));
                };
                let (nodes, bytes) = (anchored.nodes, anchored.bytes);
                self.count(nodes, bytes, at)?;
                let node = self.anchors[&id].node.clone();
                self.add(node)
            }
            _ => Ok(()),
        }
    }

    fn anchor(&mut self, anchor: usize, node: &Node, nodes: usize, bytes: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, bytes });
        }
    }

    fn open(&mut self, open: Open, anchor: usize, at: Place) -> Result<(), Problem> {
        if self.stack.len() >= DEPTH_MAX {
            return Err(Problem::at(at, format!("nested deeper than {DEPTH_MAX} levels")));
        }
        let (nodes, bytes) = (self.nodes, self.bytes);
        self.stack.push(Frame { at, anchor, open, nodes, bytes });
        self.count(1, 0, at)
    }

    fn close(&mut self) -> Result<(), Problem> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let kind = match frame.open {
            Open::List(items) => NodeKind::List(items),
            Open::Map { pairs, .. } => NodeKind::Map(merged(pairs, frame.at)?),
        };
        let node = Node { at: frame.at, kind };
        // An anchored section may be copied within the document's own budget only.
        self.anchor(frame.anchor, &node, self.nodes - frame.nodes, self.bytes - frame.bytes);
        self.add(node)
    }

    fn add(&mut self, node: Node) -> Result<(), Problem> {
        match self.stack.last_mut().map(|f| &mut f.open) {
            None => {
                self.root.get_or_insert(node);
            }
            Some(Open::List(items)) => items.push(node),
            Some(Open::Map { pairs, key }) => match key.take() {
                None => *key = Some(node),
                Some(key) => pairs.push((key, node)),
            },
        }
        Ok(())
    }
}

/// A map with what `<<` names in it; what is written out wins.
fn merged(pairs: Vec<(Node, Node)>, at: Place) -> Result<Vec<(Node, Node)>, Problem> {
    let is_merge =
        |key: &Node| matches!(&key.kind, NodeKind::Scalar { text, style: Style::Plain } if text == "<<");
    if !pairs.iter().any(|(k, _)| is_merge(k)) {
        return Ok(pairs);
    }
    let (merges, mut own): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(k, _)| is_merge(k));
    for (_, value) in merges {
        let sections = match value.kind {
            NodeKind::List(items) => items,
            kind => vec![Node { at: value.at, kind }],
        };
        for section in sections {
            let NodeKind::Map(more) = section.kind else {
                return Err(Problem::at(at, "map merge requires a section or a list of sections".to_owned()));
            };
            for (key, value) in more {
                let known = |k: &Node| matches!((&k.kind, &key.kind), (NodeKind::Scalar { text: a, .. }, NodeKind::Scalar { text: b, .. }) if a == b);
                if !own.iter().any(|(k, _)| known(k)) {
                    own.push((key, value));
                }
            }
        }
    }
    Ok(own)
}
