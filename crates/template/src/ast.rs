//! The tree of a template. It prints as Go prints it, because error messages quote it.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

/// How deep actions, parentheses and template calls may be nested.
pub const NESTING_MAX: u32 = 100;

/// One template: what is written out in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    /// The text it stands in, for line and column of errors.
    pub source: Arc<Source>,
    pub body: Vec<Statement>,
}

/// A text that was parsed.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub name: String,
    pub text: String,
}

impl Source {
    /// `name:line:column`, the column in bytes from 0.
    pub fn location(&self, pos: usize) -> String {
        let before = &self.text.as_bytes()[..pos.min(self.text.len())];
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        let column = before.iter().rposition(|b| *b == b'\n').map_or(before.len(), |i| before.len() - i - 1);
        format!("{}:{line}:{column}", self.name)
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Statement {
    Text(Arc<str>),
    Action { pos: usize, pipe: Pipe },
    If(Control),
    With(Control),
    Range(Control),
    Template { pos: usize, quoted: String, name: String, pipe: Option<Pipe> },
    Break,
    Continue,
}

/// `{{if pipe}} body {{else}} otherwise {{end}}`, and likewise for `with` and `range`.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    pub pipe: Pipe,
    pub body: Vec<Statement>,
    pub otherwise: Vec<Statement>,
}

/// `$x := command | command`
#[derive(Debug, Clone)]
pub(crate) struct Pipe {
    pub pos: usize,
    pub decl: Vec<Arc<str>>,
    /// Whether the variables are there already: `=`, not `:=`.
    pub assign: bool,
    pub commands: Vec<Command>,
}

/// A function, field or value with its arguments.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    pub pos: usize,
    /// At least one.
    pub args: Vec<Arg>,
}

#[derive(Debug, Clone)]
pub(crate) struct Arg {
    pub pos: usize,
    pub kind: ArgKind,
}

#[derive(Debug, Clone)]
pub(crate) enum ArgKind {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    String {
        quoted: String,
        text: Arc<str>,
    },
    /// `.A.B`
    Field(Vec<Arc<str>>),
    /// `$x.A`: the variable first.
    Variable(Vec<Arc<str>>),
    Identifier(Arc<str>),
    /// `(pipe).A`
    Chain(Box<Arg>, Vec<Arc<str>>),
    Pipe(Box<Pipe>),
}

/// A number as written, as a whole number and as a float where it is one.
#[derive(Debug, Clone)]
pub(crate) struct Number {
    pub text: String,
    pub int: Option<i64>,
    pub float: Option<f64>,
    /// Whether it was written as a float.
    pub is_float: bool,
}

impl Display for Pipe {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.decl.is_empty() {
            write!(f, "{} {} ", self.decl.join(", "), if self.assign { "=" } else { ":=" })?;
        }
        for (i, command) in self.commands.iter().enumerate() {
            write!(f, "{}{command}", if i > 0 { " | " } else { "" })?;
        }
        Ok(())
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (i, arg) in self.args.iter().enumerate() {
            write!(f, "{}{arg}", if i > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

impl Display for Arg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ArgKind::Dot => f.write_str("."),
            ArgKind::Nil => f.write_str("nil"),
            ArgKind::Bool(b) => write!(f, "{b}"),
            ArgKind::Number(n) => f.write_str(&n.text),
            ArgKind::String { quoted, .. } => f.write_str(quoted),
            ArgKind::Field(names) => names.iter().try_for_each(|n| write!(f, ".{n}")),
            ArgKind::Variable(names) => f.write_str(&names.join(".")),
            ArgKind::Identifier(name) => f.write_str(name),
            ArgKind::Chain(base, names) => {
                write!(f, "{base}")?;
                names.iter().try_for_each(|n| write!(f, ".{n}"))
            }
            ArgKind::Pipe(pipe) => write!(f, "({pipe})"),
        }
    }
}

/// What error messages quote.
#[derive(Clone, Copy)]
pub(crate) enum Shown<'t> {
    Nothing,
    Pipe(&'t Pipe),
    Command(&'t Command),
    Arg(&'t Arg),
    Action(usize, &'t Pipe),
    Template { pos: usize, quoted: &'t str, pipe: Option<&'t Pipe> },
}

impl Shown<'_> {
    pub fn pos(self) -> usize {
        match self {
            Shown::Nothing => 0,
            Shown::Pipe(p) => p.pos,
            Shown::Command(c) => c.pos,
            Shown::Arg(a) => a.pos,
            Shown::Action(pos, _) | Shown::Template { pos, .. } => pos,
        }
    }
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Shown::Nothing => Ok(()),
            Shown::Pipe(p) => write!(f, "{p}"),
            Shown::Command(c) => write!(f, "{c}"),
            Shown::Arg(a) => write!(f, "{a}"),
            Shown::Action(_, p) => write!(f, "{{{{{p}}}}}"),
            Shown::Template { quoted, pipe: None, .. } => write!(f, "{{{{template {quoted}}}}}"),
            Shown::Template { quoted, pipe: Some(p), .. } => write!(f, "{{{{template {quoted} {p}}}}}"),
        }
    }
}
