//! Tokens to trees.

use crate::ast::{Command, Control, NESTING_MAX, Pipe, Source, Statement, Tree};
use crate::error::TemplateError;
use crate::exec::Functions;
use crate::lexer::{self, Kind, Token};
use crate::quote::unquote;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Templates by name. Each may call every other.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    pub(crate) trees: BTreeMap<String, Tree>,
}

impl Templates {
    /// No templates.
    pub fn new() -> Templates {
        Templates::default()
    }

    /// Adds the template `name` and those that its text defines. A later definition takes the place of an earlier
    /// one, unless it is empty. Function names must be built in or known to `functions`.
    pub fn parse(&mut self, name: &str, text: &str, functions: &dyn Functions) -> Result<(), TemplateError> {
        let source = Arc::new(Source { name: name.to_owned(), text: text.to_owned() });
        let mut parser = Parser {
            source: source.clone(),
            tokens: lexer::lex(text),
            at: 0,
            functions,
            variables: vec![Arc::from("$")],
            depth: 0,
            ranges: 0,
            defined: Vec::new(),
        };
        let body = parser.whole()?;
        let mut found = std::mem::take(&mut parser.defined);
        found.push((name.to_owned(), Tree { source, body }));
        for (name, tree) in found {
            if !self.trees.contains_key(&name) || !is_blank(&tree.body) {
                self.trees.insert(name, tree);
            }
        }
        Ok(())
    }
}

fn is_blank(body: &[Statement]) -> bool {
    body.iter().all(|s| matches!(s, Statement::Text(t) if t.trim().is_empty()))
}

pub(crate) struct Parser<'a> {
    source: Arc<Source>,
    tokens: Vec<Token>,
    at: usize,
    pub functions: &'a dyn Functions,
    pub variables: Vec<Arc<str>>,
    depth: u32,
    /// How many `range` are around.
    ranges: u32,
    defined: Vec<(String, Tree)>,
}

pub(crate) type Parsed<T> = Result<T, TemplateError>;

/// What ends a list of statements.
enum Ending {
    End,
    /// With the keyword that follows at once, as in `{{else if}}`.
    Else(Option<Kind>),
}

impl Parser<'_> {
    pub fn fail<T>(&self, message: impl std::fmt::Display) -> Parsed<T> {
        let line = self.tokens[self.at.saturating_sub(1).min(self.tokens.len() - 1)].line;
        Err(TemplateError::Parse {
            line,
            message: format!("template: {}:{line}: {message}", self.source.name),
        })
    }

    /// The next token, which is not consumed. The last one never is.
    pub fn peek(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    pub fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len());
        token
    }

    pub fn back(&mut self, to: usize) {
        self.at = to;
    }

    pub fn mark(&self) -> usize {
        self.at
    }

    pub fn skip_space(&mut self) {
        while self.peek().kind == Kind::Space {
            self.at += 1;
        }
    }

    pub fn next_non_space(&mut self) -> Token {
        self.skip_space();
        self.next()
    }

    pub fn peek_non_space(&mut self) -> &Token {
        self.skip_space();
        self.peek()
    }

    pub fn unexpected<T>(&self, token: &Token, context: &str) -> Parsed<T> {
        match token.kind {
            Kind::Error => self.fail(&token.text),
            _ => self.fail(format!("unexpected {} in {context}", token.shown())),
        }
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<Token> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(token) } else { self.unexpected(&token, context) }
    }

    /// Guards one level of recursion.
    pub fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= NESTING_MAX {
            return self.fail(format!("nested deeper than {NESTING_MAX} levels"));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn whole(&mut self) -> Parsed<Vec<Statement>> {
        let mut body = Vec::new();
        while self.peek().kind != Kind::Eof {
            if self.peek().kind == Kind::LeftDelim {
                let before = self.mark();
                self.next();
                if self.next_non_space().kind == Kind::Define {
                    self.definition()?;
                    continue;
                }
                self.back(before);
            }
            match self.statement()? {
                Ok(statement) => body.push(statement),
                Err(Ending::End) => return self.fail("unexpected {{end}}"),
                Err(Ending::Else(_)) => return self.fail("unexpected {{else}}"),
            }
        }
        Ok(body)
    }

    fn definition(&mut self) -> Parsed<()> {
        const CONTEXT: &str = "define clause";
        let name = self.template_name(CONTEXT)?.2;
        self.expect(Kind::RightDelim, CONTEXT)?;
        let body = self.separate(CONTEXT)?;
        self.define(name, body)
    }

    fn define(&mut self, name: String, body: Vec<Statement>) -> Parsed<()> {
        let taken = self.defined.iter().position(|(n, t)| *n == name && !is_blank(&t.body));
        match taken {
            Some(_) if is_blank(&body) => Ok(()),
            Some(_) => {
                self.fail(format!("template: multiple definition of template {}", crate::quote::quote(&name)))
            }
            None => {
                self.defined.push((name, Tree { source: self.source.clone(), body }));
                Ok(())
            }
        }
    }

    /// The body of a template of its own: it sees no variables and no `range` of where it stands.
    fn separate(&mut self, context: &str) -> Parsed<Vec<Statement>> {
        let outer = std::mem::replace(&mut self.variables, vec![Arc::from("$")]);
        let ranges = std::mem::take(&mut self.ranges);
        let (body, ending) = self.nested(Self::statements)?;
        self.variables = outer;
        self.ranges = ranges;
        match ending {
            Ending::End => Ok(body),
            Ending::Else(_) => self.fail(format!("unexpected {{{{else}}}} in {context}")),
        }
    }

    fn statements(&mut self) -> Parsed<(Vec<Statement>, Ending)> {
        let mut body = Vec::new();
        while self.peek_non_space().kind != Kind::Eof {
            match self.statement()? {
                Ok(statement) => body.push(statement),
                Err(ending) => return Ok((body, ending)),
            }
        }
        self.fail("unexpected EOF")
    }

    fn statement(&mut self) -> Parsed<Result<Statement, Ending>> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => Ok(Ok(Statement::Text(Arc::from(token.text)))),
            Kind::LeftDelim => self.action(),
            _ => self.unexpected(&token, "input"),
        }
    }

    fn action(&mut self) -> Parsed<Result<Statement, Ending>> {
        self.skip_space();
        let before = self.mark();
        let token = self.next();
        let pos = token.pos;
        Ok(Ok(match token.kind {
            Kind::End => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Err(Ending::End));
            }
            Kind::Else => {
                let follows = self.peek_non_space().kind;
                if matches!(follows, Kind::If | Kind::With) {
                    return Ok(Err(Ending::Else(Some(follows))));
                }
                self.expect(Kind::RightDelim, "else")?;
                return Ok(Err(Ending::Else(None)));
            }
            Kind::If => Statement::If(self.control("if")?),
            Kind::With => Statement::With(self.control("with")?),
            Kind::Range => Statement::Range(self.control("range")?),
            Kind::Block => self.block()?,
            Kind::Template => self.call()?,
            Kind::Break => self.leave("break", Statement::Break)?,
            Kind::Continue => self.leave("continue", Statement::Continue)?,
            _ => {
                self.back(before);
                // Variables declared here stay until the end of what is around.
                let pipe = self.pipeline("command", Kind::RightDelim)?;
                Statement::Action { pos, pipe }
            }
        }))
    }

    fn leave(&mut self, word: &str, statement: Statement) -> Parsed<Statement> {
        let token = self.next_non_space();
        if token.kind != Kind::RightDelim {
            return self.unexpected(&token, &format!("{{{{{word}}}}}"));
        }
        if self.ranges == 0 {
            return self.fail(format!("{{{{{word}}}}} outside {{{{range}}}}"));
        }
        Ok(statement)
    }

    fn control(&mut self, word: &'static str) -> Parsed<Control> {
        self.nested(|p| {
            let variables = p.variables.len();
            let pipe = p.pipeline(word, Kind::RightDelim)?;
            p.ranges += u32::from(word == "range");
            let (body, ending) = p.statements()?;
            p.ranges -= u32::from(word == "range");
            let otherwise = match ending {
                Ending::End => Vec::new(),
                Ending::Else(follows) => p.otherwise(word, follows)?,
            };
            p.variables.truncate(variables);
            Ok(Control { pipe, body, otherwise })
        })
    }

    fn otherwise(&mut self, word: &str, follows: Option<Kind>) -> Parsed<Vec<Statement>> {
        // `{{if a}}_{{else if b}}_{{end}}` is `{{if a}}_{{else}}{{if b}}_{{end}}{{end}}`.
        match (word, follows) {
            ("if", Some(Kind::If)) => {
                self.next_non_space();
                return Ok(vec![Statement::If(self.control("if")?)]);
            }
            ("with", Some(Kind::With)) => {
                self.next_non_space();
                return Ok(vec![Statement::With(self.control("with")?)]);
            }
            (_, Some(_)) => {
                let token = self.next_non_space();
                return self.unexpected(&token, "else");
            }
            (_, None) => {}
        }
        let (body, ending) = self.statements()?;
        match ending {
            Ending::End => Ok(body),
            Ending::Else(_) => self.fail("expected end; found {{else}}"),
        }
    }

    fn block(&mut self) -> Parsed<Statement> {
        const CONTEXT: &str = "block clause";
        let (pos, quoted, name) = self.template_name(CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelim)?;
        let body = self.separate(CONTEXT)?;
        self.define(name.clone(), body)?;
        Ok(Statement::Template { pos, quoted, name, pipe: Some(pipe) })
    }

    fn call(&mut self) -> Parsed<Statement> {
        const CONTEXT: &str = "template clause";
        let (pos, quoted, name) = self.template_name(CONTEXT)?;
        let pipe = match self.peek_non_space().kind {
            Kind::RightDelim => {
                self.next();
                None
            }
            _ => Some(self.pipeline(CONTEXT, Kind::RightDelim)?),
        };
        Ok(Statement::Template { pos, quoted, name, pipe })
    }

    fn template_name(&mut self, context: &str) -> Parsed<(usize, String, String)> {
        let token = self.next_non_space();
        match token.kind {
            Kind::String | Kind::RawString => match unquote(&token.text) {
                Ok(name) => Ok((token.pos, crate::quote::quote(&name), name)),
                Err(reason) => self.fail(reason),
            },
            _ => self.unexpected(&token, context),
        }
    }

    /// Declarations and commands up to a closing delimiter, which is consumed.
    pub fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipe> {
        let pos = self.peek_non_space().pos;
        let mut pipe = Pipe { pos, decl: Vec::new(), assign: false, commands: Vec::new() };
        self.declarations(&mut pipe, context)?;
        loop {
            let before = self.mark();
            let token = self.next_non_space();
            match token.kind {
                kind if kind == end => {
                    self.check_pipeline(&pipe, context)?;
                    return Ok(pipe);
                }
                Kind::Bool
                | Kind::CharConstant
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.back(before);
                    let command = self.command()?;
                    pipe.commands.push(command);
                }
                _ => return self.unexpected(&token, context),
            }
        }
    }

    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Parsed<()> {
        loop {
            let before = self.mark();
            if self.peek_non_space().kind != Kind::Variable {
                self.back(before);
                return Ok(());
            }
            let name: Arc<str> = Arc::from(self.next().text);
            let after = self.next_non_space();
            match after.kind {
                Kind::Assign | Kind::Declare => {
                    pipe.assign = after.kind == Kind::Assign;
                    pipe.decl.push(name.clone());
                    self.variables.push(name);
                    return Ok(());
                }
                Kind::Char if after.text == "," => {
                    pipe.decl.push(name.clone());
                    self.variables.push(name);
                    if context == "range" && pipe.decl.len() < 2 {
                        match self.peek_non_space().kind {
                            Kind::Variable | Kind::RightDelim | Kind::RightParen => continue,
                            _ => return self.fail("range can only initialize variables"),
                        }
                    }
                    return self.fail(format!("too many declarations in {context}"));
                }
                _ => {
                    self.back(before);
                    return Ok(());
                }
            }
        }
    }

    fn check_pipeline(&self, pipe: &Pipe, context: &str) -> Parsed<()> {
        if pipe.commands.is_empty() {
            return self.fail(format!("missing value for {context}"));
        }
        for (i, command) in pipe.commands.iter().enumerate().skip(1) {
            if command.args[0].is_constant() {
                return self.fail(format!("non executable command in pipeline stage {}", i + 1));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Parsed<Command> {
        let pos = self.peek_non_space().pos;
        let mut args = Vec::new();
        loop {
            self.skip_space();
            if let Some(arg) = self.operand()? {
                args.push(arg);
            }
            let before = self.mark();
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.back(before),
                Kind::Pipe => {
                    // A pipe needs something after it.
                    if matches!(self.peek_non_space().kind, Kind::RightDelim | Kind::RightParen | Kind::Pipe)
                    {
                        let token = self.next();
                        return match token.kind {
                            Kind::Pipe => self.unexpected(&token, "operand"),
                            _ => self.fail("missing value for command"),
                        };
                    }
                }
                _ => return self.unexpected(&token, "operand"),
            }
            break;
        }
        if args.is_empty() {
            return self.fail("empty command");
        }
        Ok(Command { pos, args })
    }
}
