//! Lucene's query syntax: `level:error AND (timeout OR "disk full") -host:db* status:[500 TO 599]`.
//!
//! The grammar is that of Lucene's classic query parser. `AND` and `OR` make the clauses beside them required or
//! optional rather than binding tighter or looser; an optional clause beside a required one decides nothing.

mod simple;

pub use simple::parse_simple;

/// Groups nest this deep at most.
pub const NESTING_MAX: usize = 50;
/// A query has so many clauses at most, as at Elasticsearch.
pub const CLAUSES_MAX: usize = 1024;
/// A query is no longer than this.
pub const QUERY_BYTES_MAX: usize = 64 << 10;

/// What a query says.
#[derive(Debug, Clone, PartialEq)]
pub enum Ast {
    /// Everything.
    All,
    /// Clauses put together.
    Clauses(Vec<(Occur, Ast)>),
    /// A condition on a field, on those that are asked by default without one.
    Leaf {
        /// The field; it may hold wildcards.
        field: Option<String>,
        /// The condition.
        value: Value,
    },
}

/// What a clause is to the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occur {
    /// It has to hold.
    Must,
    /// It may hold.
    Should,
    /// It must not hold.
    MustNot,
}

/// A condition on a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text without blanks.
    Word(String),
    /// A text in which `*` and `?` stand for others and a backslash makes them plain.
    Wildcard(String),
    /// A text with so many letters wrong; `None` goes by its length.
    Fuzzy(String, Option<usize>),
    /// Words that follow each other, or lie so far apart.
    Phrase(String, Option<u32>),
    /// The beginning of a word.
    Prefix(String),
    /// A regular expression.
    Regexp(String),
    /// From one end to the other, each with whether it is included.
    Range(Option<(String, bool)>, Option<(String, bool)>),
    /// There is a value.
    Exists,
}

/// What a query cannot be read for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {at}: {reason}")]
pub struct SyntaxError {
    /// Where, in characters from 1.
    pub at: usize,
    /// Why.
    pub reason: String,
}

/// Reads a query. `and` says that clauses without an operator between them are required.
pub fn parse(text: &str, and: bool) -> Result<Ast, SyntaxError> {
    let mut p = Parser { text, at: 0, and, depth: 0, clauses: 0 };
    if text.len() > QUERY_BYTES_MAX {
        return Err(
            p.error(format!("the query is {} bytes long, {QUERY_BYTES_MAX} are possible", text.len()))
        );
    }
    let ast = p.clauses(None)?;
    match p.peek() {
        None => Ok(ast),
        Some(c) => Err(
            p.error(format!("[{c}] is not expected here; escape it with a backslash to mean the character"))
        ),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    and: bool,
    depth: usize,
    clauses: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Conjunction {
    None,
    And,
    Or,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn error(&self, reason: impl Into<String>) -> SyntaxError {
        SyntaxError { at: self.text[..self.at].chars().count() + 1, reason: reason.into() }
    }

    /// A word that stands alone.
    fn keyword(&mut self, word: &str) -> bool {
        let Some(behind) = self.rest().strip_prefix(word) else { return false };
        let alone = behind.chars().next().is_none_or(|c| c.is_whitespace() || c == '(' || c == '"');
        if alone {
            self.at += word.len();
        }
        alone
    }

    fn clauses(&mut self, field: Option<&str>) -> Result<Ast, SyntaxError> {
        let mut all: Vec<(Occur, Ast)> = Vec::new();
        loop {
            self.blanks();
            if matches!(self.peek(), None | Some(')')) {
                break;
            }
            let conjunction = self.conjunction();
            self.blanks();
            let modifier = self.modifier();
            self.blanks();
            if matches!(self.peek(), None | Some(')')) {
                return Err(self.error("something to look for is expected behind the operator"));
            }
            self.clauses += 1;
            if self.clauses > CLAUSES_MAX {
                return Err(self.error(format!("the query has more than {CLAUSES_MAX} clauses")));
            }
            let ast = self.clause(field)?;
            self.add(&mut all, conjunction, modifier, ast);
        }
        Ok(match all.len() {
            1 if all[0].0 != Occur::MustNot => all.remove(0).1,
            _ => Ast::Clauses(all),
        })
    }

    /// As Lucene decides what clauses are to the whole.
    fn add(&self, all: &mut Vec<(Occur, Ast)>, conjunction: Conjunction, modifier: Option<Occur>, ast: Ast) {
        if let Some(last) = all.last_mut()
            && last.0 != Occur::MustNot
        {
            match conjunction {
                Conjunction::And => last.0 = Occur::Must,
                Conjunction::Or if self.and => last.0 = Occur::Should,
                _ => {}
            }
        }
        let required = match self.and {
            true => conjunction != Conjunction::Or,
            false => conjunction == Conjunction::And,
        };
        let occur = match modifier {
            Some(occur) => occur,
            None if required => Occur::Must,
            None => Occur::Should,
        };
        all.push((occur, ast));
    }

    fn conjunction(&mut self) -> Conjunction {
        if self.keyword("AND") || self.eat("&&") {
            Conjunction::And
        } else if self.keyword("OR") || self.eat("||") {
            Conjunction::Or
        } else {
            Conjunction::None
        }
    }

    fn modifier(&mut self) -> Option<Occur> {
        if self.eat("+") {
            Some(Occur::Must)
        } else if self.eat("-") || self.eat("!") || self.keyword("NOT") {
            Some(Occur::MustNot)
        } else {
            None
        }
    }

    fn clause(&mut self, field: Option<&str>) -> Result<Ast, SyntaxError> {
        if self.eat("*:*") {
            self.boost()?;
            return Ok(Ast::All);
        }
        let start = self.at;
        let named = match self.field_name() {
            Some(name) => Some(name),
            None => {
                self.at = start;
                None
            }
        };
        let field = named.as_deref().or(field);
        if named.is_some() {
            self.blanks();
        }
        if self.peek() == Some('(') {
            return self.group(field);
        }
        let value = self.value()?;
        self.boost()?;
        // `_exists_:name` asks for the field that is its value.
        if field == Some("_exists_") {
            let (Value::Word(name) | Value::Wildcard(name) | Value::Phrase(name, _)) = value else {
                return Err(self.error("the name of a field is expected behind [_exists_:]"));
            };
            return Ok(Ast::Leaf { field: Some(name), value: Value::Exists });
        }
        Ok(Ast::Leaf { field: field.map(str::to_owned), value })
    }

    fn group(&mut self, field: Option<&str>) -> Result<Ast, SyntaxError> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(self.error(format!("groups nest deeper than {NESTING_MAX}")));
        }
        self.take();
        let ast = self.clauses(field)?;
        if !self.eat(")") {
            return Err(self.error("[)] is expected"));
        }
        self.depth -= 1;
        self.boost()?;
        Ok(ast)
    }

    /// A name and its colon.
    fn field_name(&mut self) -> Option<String> {
        let mut name = String::new();
        loop {
            match self.take()? {
                '\\' => name.push(self.take()?),
                ':' if !name.is_empty() => return Some(name),
                c if is_special(c) && c != '*' && c != '?' && !matches!(c, '-' | '+' | '/') => return None,
                c if c.is_whitespace() => return None,
                c => name.push(c),
            }
        }
    }

    /// `^2` and the like; all hits are worth the same here.
    fn boost(&mut self) -> Result<(), SyntaxError> {
        if !self.eat("^") {
            return Ok(());
        }
        let rest = self.rest();
        let length = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        if rest[..length].parse::<f64>().is_err() {
            return Err(self.error("a number is expected behind [^]"));
        }
        self.at += length;
        Ok(())
    }

    fn value(&mut self) -> Result<Value, SyntaxError> {
        match self.peek() {
            Some('"') => {
                let text = self.quoted()?;
                let slop = self.tilde().map(|n| n.unwrap_or(0.0) as u32);
                Ok(Value::Phrase(text, slop))
            }
            Some('/') => self.regexp(),
            Some('[' | '{') => self.range(),
            Some('<' | '>') => self.comparison(),
            _ => self.word(),
        }
    }

    /// Text in quotation marks.
    fn quoted(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        self.take();
        let mut text = String::new();
        loop {
            match self.take() {
                Some('"') => return Ok(text),
                Some('\\') => text.extend(self.take()),
                Some(c) => text.push(c),
                None => {
                    self.at = start;
                    return Err(self.error("the quotation that begins here does not end"));
                }
            }
        }
    }

    /// `~` and a number behind it.
    fn tilde(&mut self) -> Option<Option<f64>> {
        if !self.eat("~") {
            return None;
        }
        let rest = self.rest();
        let length = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        self.at += length;
        Some(rest[..length].parse().ok())
    }

    fn regexp(&mut self) -> Result<Value, SyntaxError> {
        let start = self.at;
        self.take();
        let mut text = String::new();
        loop {
            match self.take() {
                Some('/') => return Ok(Value::Regexp(text)),
                Some('\\') if self.peek() == Some('/') => text.extend(self.take()),
                Some('\\') => {
                    text.push('\\');
                    text.extend(self.take());
                }
                Some(c) => text.push(c),
                None => {
                    self.at = start;
                    return Err(self.error("the regular expression that begins here does not end; escape [/] to mean the character"));
                }
            }
        }
    }

    fn range(&mut self) -> Result<Value, SyntaxError> {
        let from_included = self.take() == Some('[');
        let from = self.end()?;
        self.blanks();
        if !self.keyword("TO") {
            return Err(self.error("[TO] is expected between the ends of a range"));
        }
        let to = self.end()?;
        self.blanks();
        let to_included = match self.take() {
            Some(']') => true,
            Some('}') => false,
            _ => return Err(self.error("the range must end with []] or [}]")),
        };
        let open = |text: String, included: bool| (text != "*").then_some((text, included));
        Ok(Value::Range(open(from, from_included), open(to, to_included)))
    }

    /// One end of a range.
    fn end(&mut self) -> Result<String, SyntaxError> {
        self.blanks();
        if self.peek() == Some('"') {
            return self.quoted();
        }
        let mut text = String::new();
        while let Some(c) = self.peek() {
            if c.is_whitespace() || matches!(c, ']' | '}') {
                break;
            }
            self.take();
            match c {
                '\\' => text.extend(self.take()),
                c => text.push(c),
            }
        }
        match text.is_empty() {
            true => Err(self.error("an end of the range is missing; [*] leaves it open")),
            false => Ok(text),
        }
    }

    fn comparison(&mut self) -> Result<Value, SyntaxError> {
        let below = self.take() == Some('<');
        let included = self.eat("=");
        self.blanks();
        let text = match self.peek() {
            Some('"') => self.quoted()?,
            _ => match self.word()? {
                Value::Word(text) | Value::Wildcard(text) => text,
                _ => return Err(self.error("a value is expected behind the comparison")),
            },
        };
        let end = Some((text, included));
        Ok(if below { Value::Range(None, end) } else { Value::Range(end, None) })
    }

    fn word(&mut self) -> Result<Value, SyntaxError> {
        let (mut plain, mut pattern) = (String::new(), String::new());
        let mut is_pattern = false;
        while let Some(c) = self.peek() {
            let inner = matches!(c, '-' | '+' | '/' | '!' | '&' | '|' | '=' | '<' | '>') && !plain.is_empty();
            if c.is_whitespace() || (is_special(c) && !inner && !matches!(c, '*' | '?' | '\\')) {
                break;
            }
            self.take();
            match c {
                '\\' => {
                    let Some(next) = self.take() else {
                        return Err(self.error("a character is expected behind the backslash"));
                    };
                    plain.push(next);
                    if matches!(next, '*' | '?' | '\\') {
                        pattern.push('\\');
                    }
                    pattern.push(next);
                }
                c => {
                    is_pattern |= matches!(c, '*' | '?');
                    plain.push(c);
                    pattern.push(c);
                }
            }
        }
        if plain.is_empty() {
            let found = self.peek().map_or("the end".to_owned(), |c| format!("[{c}]"));
            return Err(self.error(format!(
                "{found} is not expected here; escape it with a backslash to mean the character"
            )));
        }
        if let Some(distance) = self.tilde() {
            return Ok(Value::Fuzzy(plain, distance.map(|d| d as usize)));
        }
        Ok(match (is_pattern, pattern.as_str()) {
            (true, "*") => Value::Exists,
            (true, _) => Value::Wildcard(pattern),
            (false, _) => Value::Word(plain),
        })
    }
}

/// Characters that mean something unless they are escaped.
fn is_special(c: char) -> bool {
    matches!(
        c,
        '+' | '-'
            | '!'
            | '('
            | ')'
            | ':'
            | '^'
            | '['
            | ']'
            | '"'
            | '{'
            | '}'
            | '~'
            | '*'
            | '?'
            | '\\'
            | '/'
            | '<'
            | '>'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A query as it was understood.
    fn shown(ast: &Ast) -> String {
        match ast {
            Ast::All => "*:*".to_owned(),
            Ast::Clauses(all) => {
                let one = |(occur, ast): &(Occur, Ast)| {
                    let sign = match occur {
                        Occur::Must => "+",
                        Occur::Should => "",
                        Occur::MustNot => "-",
                    };
                    format!("{sign}{}", shown(ast))
                };
                format!("({})", all.iter().map(one).collect::<Vec<_>>().join(" "))
            }
            Ast::Leaf { field, value } => {
                let field = field.as_ref().map_or(String::new(), |f| format!("{f}:"));
                format!("{field}{value:?}")
            }
        }
    }

    #[test]
    fn queries_are_understood() {
        for (text, is) in [
            ("", "()"),
            ("error", r#"Word("error")"#),
            ("a b", r#"(Word("a") Word("b"))"#),
            ("a AND b", r#"(+Word("a") +Word("b"))"#),
            ("a OR b AND c", r#"(Word("a") +Word("b") +Word("c"))"#),
            ("a NOT b", r#"(Word("a") -Word("b"))"#),
            ("NOT a", r#"(-Word("a"))"#),
            ("+a -b !c", r#"(+Word("a") -Word("b") -Word("c"))"#),
            ("a && (b || c)", r#"(+Word("a") +(Word("b") Word("c")))"#),
            ("host.name:web-1", r#"host.name:Word("web-1")"#),
            ("f:(a OR \"b c\"~2)", r#"(f:Word("a") f:Phrase("b c", Some(2)))"#),
            (r"a\:b\*", r#"Word("a:b*")"#),
            ("f:a*b? f:*", r#"(f:Wildcard("a*b?") f:Exists)"#),
            (r"x\**", r#"Wildcard("x\\**")"#),
            ("roam~ roam~1", r#"(Fuzzy("roam", None) Fuzzy("roam", Some(1)))"#),
            ("/jo.*n/ f:/a\\/b/", r#"(Regexp("jo.*n") f:Regexp("a/b"))"#),
            (
                "n:[1 TO 5} n:{* TO 10]",
                r#"(n:Range(Some(("1", true)), Some(("5", false))) n:Range(None, Some(("10", true))))"#,
            ),
            ("n:>=400 n:<5", r#"(n:Range(Some(("400", true)), None) n:Range(None, Some(("5", false))))"#),
            (
                "@timestamp:[\"2026-11-21T10:00\" TO now]",
                r#"@timestamp:Range(Some(("2026-11-21T10:00", true)), Some(("now", true)))"#,
            ),
            ("_exists_:user AND *:*", r#"(+user:Exists +*:*)"#),
            ("quick^2 \"a b\"^0.5", r#"(Word("quick") Phrase("a b", None))"#),
            ("ANDROID ORacle", r#"(Word("ANDROID") Word("ORacle"))"#),
            ("a/b/c", r#"Word("a/b/c")"#),
            ("错误 AND é", r#"(+Word("错误") +Word("é"))"#),
        ] {
            assert_eq!(parse(text, false).map(|a| shown(&a)).as_deref(), Ok(is), "{text}");
        }
        assert_eq!(shown(&parse("a b OR c", true).unwrap()), r#"(+Word("a") Word("b") Word("c"))"#);
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_place() {
        for (text, at, part) in [
            ("a AND", 6, "behind the operator"),
            ("(a", 3, "[)] is expected"),
            ("a)", 2, "[)] is not expected"),
            ("\"a b", 1, "does not end"),
            ("f:[1 5]", 6, "[TO]"),
            ("f:[1 TO 5", 10, "must end with"),
            ("f:[ TO 5]", 8, "[TO]"),
            ("a^x", 3, "a number"),
            ("f:", 3, "the end is not expected"),
            ("a:b:c", 4, "[:] is not expected"),
            ("/a", 1, "does not end"),
            ("a\\", 3, "behind the backslash"),
        ] {
            let e = parse(text, false).unwrap_err();
            assert!(e.reason.contains(part), "{text}: {e}");
            assert_eq!(e.at, at, "{text}: {e}");
        }
        assert!(parse(&"(".repeat(60), false).unwrap_err().reason.contains("deeper than 50"));
        assert!(parse(&"a ".repeat(1025), false).unwrap_err().reason.contains("1024 clauses"));
    }
}
