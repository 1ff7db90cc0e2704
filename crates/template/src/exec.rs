//! Trees to text.

use crate::ast::{Arg, ArgKind, Command, Control, NESTING_MAX, Pipe, Shown, Source, Statement, Tree};
use crate::builtin;
use crate::error::TemplateError;
use crate::output::{Full, Output};
use crate::parser::Templates;
use crate::print;
use crate::quote::quote;
use crate::value::{Kind, Signature, Value};
use std::sync::Arc;

/// Functions that the user of templates adds.
pub trait Functions {
    /// Whether there is a function of this name.
    fn contains(&self, name: &str) -> bool {
        self.signature(name).is_some()
    }

    /// What a function takes, if there is one of this name.
    fn signature(&self, name: &str) -> Option<Signature>;

    /// Calls a function that is there, with arguments of the right number and kind.
    fn call(&self, name: &str, args: &[Value]) -> Result<Value, String>;
}

/// Only what the language has built in.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFunctions;

impl Functions for NoFunctions {
    fn signature(&self, _name: &str) -> Option<Signature> {
        None
    }

    fn call(&self, name: &str, _args: &[Value]) -> Result<Value, String> {
        Err(format!("{name} is not a function"))
    }
}

/// What writing out one template may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest text that is written, and longest text that a built-in function makes on the way.
    pub bytes_max: usize,
    /// Most work: about one for each statement, call, iteration and 64 bytes of argument.
    pub work_max: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { bytes_max: 1 << 20, work_max: 1_000_000 }
    }
}

impl Templates {
    /// Writes out the template `name` for a value, the dot of the template.
    pub fn execute(
        &self,
        name: &str,
        data: &Value,
        functions: &dyn Functions,
        limits: Limits,
    ) -> Result<String, TemplateError> {
        let Some(tree) = self.trees.get(name) else {
            return Err(TemplateError::Execute(format!("template: no template {} is defined", quote(name))));
        };
        let mut state = State {
            templates: self,
            functions,
            out: Output::new(limits.bytes_max),
            limits,
            work: 0,
            depth: 0,
            name,
            source: &tree.source,
            at: Shown::Nothing,
            variables: vec![(Arc::from("$"), data.clone())],
        };
        state.walk(data, &tree.body)?;
        Ok(state.out.text)
    }
}

type Done<T> = Result<T, TemplateError>;

/// How a list of statements ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

struct State<'t> {
    templates: &'t Templates,
    functions: &'t dyn Functions,
    out: Output,
    limits: Limits,
    work: u64,
    depth: u32,
    /// The template being written out, and the text it stands in.
    name: &'t str,
    source: &'t Source,
    /// What is being evaluated, for errors.
    at: Shown<'t>,
    variables: Vec<(Arc<str>, Value)>,
}

impl<'t> State<'t> {
    fn fail<T>(&self, message: impl std::fmt::Display) -> Done<T> {
        let location = self.source.location(self.at.pos());
        let (name, at) = (quote(self.name), self.at);
        Err(TemplateError::Execute(format!("template: {location}: executing {name} at <{at}>: {message}")))
    }

    fn charge(&mut self, work: u64) -> Done<()> {
        self.work = self.work.saturating_add(work);
        match self.work > self.limits.work_max {
            true => self.fail(format!("the template does more than {} steps", self.limits.work_max)),
            false => Ok(()),
        }
    }

    fn written(&self, result: Result<(), Full>) -> Done<()> {
        match result {
            Ok(()) => Ok(()),
            Err(Full) => self.fail(format!("the text is longer than {} bytes", self.limits.bytes_max)),
        }
    }

    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Done<T>) -> Done<T> {
        if self.depth >= NESTING_MAX {
            return self.fail(format!("exceeded maximum template depth ({NESTING_MAX})"));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn walk(&mut self, dot: &Value, body: &'t [Statement]) -> Done<Flow> {
        for statement in body {
            self.charge(1)?;
            let flow = match statement {
                Statement::Text(text) => {
                    let result = self.out.push(text);
                    self.written(result)?;
                    Flow::On
                }
                Statement::Action { pos, pipe } => {
                    self.at = Shown::Action(*pos, pipe);
                    let value = self.pipeline(dot, pipe)?;
                    if pipe.decl.is_empty() {
                        self.at = Shown::Action(*pos, pipe);
                        let result = print::top(&mut self.out, &value);
                        self.written(result)?;
                    }
                    Flow::On
                }
                Statement::If(c) => self.nested(|s| s.branch(dot, c, false))?,
                Statement::With(c) => self.nested(|s| s.branch(dot, c, true))?,
                Statement::Range(c) => self.nested(|s| s.range(dot, c))?,
                Statement::Template { pos, quoted, name, pipe } => {
                    self.at = Shown::Template { pos: *pos, quoted, pipe: pipe.as_ref() };
                    self.template(dot, name, pipe.as_ref())?;
                    Flow::On
                }
                Statement::Break => Flow::Break,
                Statement::Continue => Flow::Continue,
            };
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn branch(&mut self, dot: &Value, c: &'t Control, with: bool) -> Done<Flow> {
        let mark = self.variables.len();
        let value = self.pipeline(dot, &c.pipe)?;
        let flow = match (value.is_true(), with) {
            (true, true) => self.walk(&value, &c.body),
            (true, false) => self.walk(dot, &c.body),
            (false, _) => self.walk(dot, &c.otherwise),
        };
        self.variables.truncate(mark);
        flow
    }

    fn range(&mut self, dot: &Value, c: &'t Control) -> Done<Flow> {
        let outer = self.variables.len();
        let value = self.pipeline(dot, &c.pipe)?.plain();
        let mark = self.variables.len();
        let mut any = false;
        match &value {
            Value::List(list) => {
                for (i, item) in list.iter().enumerate() {
                    any = true;
                    if self.iteration(c, Value::Int(i as i64), item, mark)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                for (name, item) in &map.entries {
                    any = true;
                    if self.iteration(c, Value::from(name.as_str()), item, mark)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Int(n) => {
                for i in 0..*n {
                    any = true;
                    if self.iteration(c, Value::Int(i), &Value::Int(i), mark)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Nil => {}
            other => {
                let mut shown = Output::new(200);
                let _ = print::value(&mut shown, other);
                return self.fail(format!("range can't iterate over {}", shown.text));
            }
        }
        let flow = if any { Flow::On } else { self.walk(dot, &c.otherwise)? };
        self.variables.truncate(outer);
        Ok(flow)
    }

    fn iteration(&mut self, c: &'t Control, index: Value, item: &Value, mark: usize) -> Done<Flow> {
        self.charge(1)?;
        let decl = &c.pipe.decl;
        let mut set = |at: usize, value: Value| match c.pipe.assign {
            true => self.assign(&decl[at], value),
            false => {
                let place = mark - decl.len() + at;
                self.variables[place].1 = value;
                Ok(())
            }
        };
        match decl.len() {
            0 => {}
            1 => set(0, item.clone())?,
            _ => {
                set(0, index)?;
                set(1, item.clone())?;
            }
        }
        let flow = self.walk(item, &c.body)?;
        self.variables.truncate(mark);
        Ok(flow)
    }

    fn template(&mut self, dot: &Value, name: &'t str, pipe: Option<&'t Pipe>) -> Done<()> {
        let templates = self.templates;
        let Some(tree) = templates.trees.get(name) else {
            return self.fail(format!("template {} not defined", quote(name)));
        };
        let at = self.at;
        let dot = match pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Value::Nil,
        };
        self.at = at;
        self.nested(|s| s.call_template(name, tree, dot))
    }

    fn call_template(&mut self, name: &'t str, tree: &'t Tree, dot: Value) -> Done<()> {
        let variables = std::mem::replace(&mut self.variables, vec![(Arc::from("$"), dot.clone())]);
        let (outer_name, outer_source) = (self.name, self.source);
        (self.name, self.source) = (name, &tree.source);
        self.walk(&dot, &tree.body)?;
        (self.name, self.source) = (outer_name, outer_source);
        self.variables = variables;
        Ok(())
    }

    fn assign(&mut self, name: &str, value: Value) -> Done<()> {
        match self.variables.iter_mut().rev().find(|(n, _)| **n == *name) {
            Some(variable) => {
                variable.1 = value;
                Ok(())
            }
            None => self.fail(format!("undefined variable: {name}")),
        }
    }

    fn pipeline(&mut self, dot: &Value, pipe: &'t Pipe) -> Done<Value> {
        self.at = Shown::Pipe(pipe);
        let mut value: Option<Value> = None;
        for command in &pipe.commands {
            value = Some(self.command(dot, command, value)?);
        }
        let value = value.unwrap_or_default();
        for name in &pipe.decl {
            if pipe.assign {
                self.assign(name, value.clone())?;
            } else {
                self.variables.push((name.clone(), value.clone()));
            }
        }
        Ok(value)
    }

    /// `last` is what the command before this one in the pipeline gave; it becomes the last argument.
    fn command(&mut self, dot: &Value, command: &'t Command, last: Option<Value>) -> Done<Value> {
        self.charge(1)?;
        let (first, args) = (&command.args[0], &command.args[1..]);
        match &first.kind {
            ArgKind::Field(_) | ArgKind::Chain(..) | ArgKind::Variable(_) => {
                self.fields(dot, first, args, last, Shown::Arg(first))
            }
            ArgKind::Identifier(name) => self.function(dot, first, name, Shown::Command(command), args, last),
            ArgKind::Pipe(pipe) => {
                self.not_a_function(first, args, &last)?;
                self.nested(|s| s.pipeline(dot, pipe))
            }
            ArgKind::Nil => {
                self.at = Shown::Arg(first);
                self.fail("nil is not a command")
            }
            _ => {
                self.at = Shown::Arg(first);
                self.not_a_function(first, args, &last)?;
                self.argument(dot, Kind::Any, first)
            }
        }
    }

    fn not_a_function(&self, first: &Arg, args: &[Arg], last: &Option<Value>) -> Done<()> {
        match args.is_empty() && last.is_none() {
            true => Ok(()),
            false => self.fail(format!("can't give argument to non-function {first}")),
        }
    }

    /// A field, variable or chain with the fields after it; the last of them may be a method with arguments.
    fn fields(
        &mut self,
        dot: &Value,
        arg: &'t Arg,
        args: &'t [Arg],
        last: Option<Value>,
        node: Shown<'t>,
    ) -> Done<Value> {
        self.at = Shown::Arg(arg);
        let (mut receiver, names) = match &arg.kind {
            ArgKind::Field(names) => (dot.clone(), names.as_slice()),
            ArgKind::Variable(names) => {
                let found = self.variables.iter().rev().find(|(n, _)| *n == names[0]).map(|(_, v)| v.clone());
                let Some(value) = found else {
                    return self.fail(format!("undefined variable: {}", names[0]));
                };
                if names.len() == 1 {
                    self.not_a_function(arg, args, &last)?;
                    return Ok(value);
                }
                (value, &names[1..])
            }
            ArgKind::Chain(base, names) => (self.argument(dot, Kind::Any, base)?, names.as_slice()),
            _ => return self.fail(format!("can't evaluate {arg}")),
        };
        let Some((method, path)) = names.split_last() else { return Ok(receiver) };
        for name in path {
            receiver = self.field(dot, name, node, &[], None, &receiver)?;
        }
        self.field(dot, method, node, args, last, &receiver)
    }

    fn field(
        &mut self,
        dot: &Value,
        name: &'t str,
        node: Shown<'t>,
        args: &'t [Arg],
        last: Option<Value>,
        receiver: &Value,
    ) -> Done<Value> {
        let has_args = !args.is_empty() || last.is_some();
        let content;
        let inner = match receiver {
            Value::Nil => return Ok(Value::Nil),
            Value::Object(o) => {
                if let Some(signature) = o.method(name) {
                    let values = self.arguments(dot, name, signature, args, last)?;
                    return match o.call(name, &values) {
                        Ok(value) => Ok(value),
                        Err(reason) => {
                            self.at = node;
                            self.fail(format!("error calling {name}: {reason}"))
                        }
                    };
                }
                if let Some(value) = o.field(name) {
                    return match has_args {
                        true => self.fail(format!("{name} has arguments but cannot be invoked as function")),
                        false => Ok(value),
                    };
                }
                content = o.content();
                content.as_ref()
            }
            other => Some(other),
        };
        match inner {
            Some(Value::Map(_)) if has_args => self.fail(format!("{name} is not a method but has arguments")),
            Some(Value::Map(map)) => Ok(map.get(name)),
            _ => self.fail(format!("can't evaluate field {name} in type {}", receiver.type_name())),
        }
    }

    fn function(
        &mut self,
        dot: &Value,
        first: &'t Arg,
        name: &'t str,
        node: Shown<'t>,
        args: &'t [Arg],
        last: Option<Value>,
    ) -> Done<Value> {
        self.at = Shown::Arg(first);
        // What the user adds comes first, as it may take the place of what is built in.
        let added = self.functions.signature(name);
        let Some(signature) = added.or_else(|| builtin::signature(name)) else {
            return self.fail(format!("{} is not a defined function", quote(name)));
        };
        if added.is_none() && matches!(name, "and" | "or") {
            return self.short_circuit(dot, name, args, last);
        }
        let values = self.arguments(dot, name, signature, args, last)?;
        self.charge(values.iter().map(|v| v.weight() as u64 / 64).sum())?;
        let result = match added {
            Some(_) => self.functions.call(name, &values),
            None => builtin::call(name, &values, self.limits.bytes_max),
        };
        match result {
            Ok(value) if value.weight() > self.limits.bytes_max => {
                self.at = node;
                self.fail(format!("{name} gave a value longer than {} bytes", self.limits.bytes_max))
            }
            Ok(value) => Ok(value),
            Err(reason) => {
                self.at = node;
                self.fail(format!("error calling {name}: {reason}"))
            }
        }
    }

    /// `and` and `or` stop at the first argument that decides.
    fn short_circuit(
        &mut self,
        dot: &Value,
        name: &str,
        args: &'t [Arg],
        last: Option<Value>,
    ) -> Done<Value> {
        if args.is_empty() && last.is_none() {
            return self.fail(format!("wrong number of args for {name}: want at least 1 got 0"));
        }
        let mut value = Value::Nil;
        for arg in args {
            value = self.argument(dot, Kind::Any, arg)?;
            if value.is_true() == (name == "or") {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    fn arguments(
        &mut self,
        dot: &Value,
        name: &str,
        signature: Signature,
        args: &'t [Arg],
        last: Option<Value>,
    ) -> Done<Vec<Value>> {
        let given = args.len() + usize::from(last.is_some());
        if signature.variadic && given < signature.required() {
            let want = signature.required();
            return self
                .fail(format!("wrong number of args for {name}: want at least {want} got {}", args.len()));
        }
        if !signature.variadic && given != signature.params.len() {
            let want = signature.params.len();
            return self.fail(format!("wrong number of args for {name}: want {want} got {given}"));
        }
        let mut values = Vec::with_capacity(given);
        for (i, arg) in args.iter().enumerate() {
            values.push(self.argument(dot, signature.param(i), arg)?);
        }
        if let Some(last) = last {
            values.push(self.checked(last, signature.param(args.len()))?);
        }
        Ok(values)
    }

    fn argument(&mut self, dot: &Value, kind: Kind, arg: &'t Arg) -> Done<Value> {
        self.at = Shown::Arg(arg);
        let value = match &arg.kind {
            ArgKind::Dot => dot.clone(),
            ArgKind::Nil => {
                return match kind {
                    Kind::Any | Kind::Object(_) => Ok(Value::Nil),
                    kind => self.fail(format!("cannot assign nil to {}", kind.name())),
                };
            }
            ArgKind::Field(_) | ArgKind::Variable(_) | ArgKind::Chain(..) => {
                self.nested(|s| s.fields(dot, arg, &[], None, Shown::Arg(arg)))?
            }
            ArgKind::Pipe(pipe) => self.nested(|s| s.pipeline(dot, pipe))?,
            ArgKind::Identifier(name) => {
                self.nested(|s| s.function(dot, arg, name, Shown::Arg(arg), &[], None))?
            }
            ArgKind::Bool(_) | ArgKind::Number(_) | ArgKind::String { .. } => {
                return self.constant(kind, arg);
            }
        };
        self.checked(value, kind)
    }

    /// A constant becomes what is asked for, where it can.
    fn constant(&self, kind: Kind, arg: &Arg) -> Done<Value> {
        let value = match (&arg.kind, kind) {
            (ArgKind::Bool(b), Kind::Any | Kind::Bool) => Some(Value::Bool(*b)),
            (ArgKind::String { text, .. }, Kind::Any | Kind::String) => Some(Value::String(text.clone())),
            (ArgKind::Number(n), Kind::Float) => n.float.map(Value::Float),
            (ArgKind::Number(n), Kind::Int) => n.int.map(Value::Int),
            (ArgKind::Number(n), Kind::Any) if n.is_float => n.float.map(Value::Float),
            (ArgKind::Number(n), Kind::Any) => n.int.map(Value::Int),
            (_, Kind::Object(name)) => {
                return self.fail(format!("can't handle {arg} for arg of type {name}"));
            }
            _ => None,
        };
        match value {
            Some(value) => Ok(value),
            None => {
                let name = match kind {
                    Kind::Int => "integer",
                    Kind::Float => "float",
                    kind => kind.name(),
                };
                self.fail(format!("expected {name}; found {arg}"))
            }
        }
    }

    fn checked(&self, value: Value, kind: Kind) -> Done<Value> {
        let fits = match (kind, &value) {
            (Kind::Any, _)
            | (Kind::Bool, Value::Bool(_))
            | (Kind::Int, Value::Int(_))
            | (Kind::Float, Value::Float(_))
            | (Kind::String, Value::String(_))
            | (Kind::Object(_), Value::Nil) => true,
            (Kind::Object(name), Value::Object(o)) => o.type_name() == name,
            (kind, Value::Nil) => return self.fail(format!("invalid value; expected {}", kind.name())),
            _ => false,
        };
        match fits {
            true => Ok(value),
            false => self.fail(format!(
                "wrong type for value; expected {}; got {}",
                kind.name(),
                value.type_name()
            )),
        }
    }
}
