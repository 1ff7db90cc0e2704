//! The syntax of `simple_query_string`, in which nothing is an error: `"fried eggs" +(eggplant | potato) -frittata`.

use super::{Ast, CLAUSES_MAX, NESTING_MAX, Occur, QUERY_BYTES_MAX, Value};

/// Reads a query; what has no meaning is left out. `and` says that clauses without an operator between them are required.
/// What is beyond the limits of length, nesting and number of clauses is left out, too.
pub fn parse_simple(text: &str, and: bool) -> Ast {
    let text = &text[..text.floor_char_boundary(QUERY_BYTES_MAX)];
    let mut p = Simple { text, at: 0, and, clauses: 0 };
    p.sequence(0).unwrap_or(Ast::Clauses(Vec::new()))
}

struct Simple<'a> {
    text: &'a str,
    at: usize,
    and: bool,
    clauses: usize,
}

/// What stands between two clauses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Between {
    And,
    Or,
}

impl Simple<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Clauses up to a closing bracket, put together from left to right.
    fn sequence(&mut self, depth: usize) -> Option<Ast> {
        let mut whole: Option<(Ast, Option<Between>)> = None;
        let mut between = None;
        let mut negated = false;
        while let Some(c) = self.peek() {
            match c {
                c if c.is_whitespace() => {
                    self.take();
                }
                '+' | '|' => {
                    self.take();
                    between = Some(if c == '+' { Between::And } else { Between::Or });
                }
                '-' => {
                    self.take();
                    negated = !negated;
                }
                ')' => {
                    self.take();
                    if depth > 0 {
                        break;
                    }
                }
                _ => {
                    let Some(mut clause) = self.clause(depth) else { continue };
                    if std::mem::take(&mut negated) {
                        clause = Ast::Clauses(vec![(Occur::MustNot, clause)]);
                    }
                    let unsaid = if self.and { Between::And } else { Between::Or };
                    let by = between.take().unwrap_or(unsaid);
                    whole = Some(match whole {
                        None => (clause, None),
                        Some(left) => (join(left, by, clause), Some(by)),
                    });
                }
            }
        }
        whole.map(|(ast, _)| ast)
    }

    fn clause(&mut self, depth: usize) -> Option<Ast> {
        self.clauses += 1;
        if self.clauses > CLAUSES_MAX {
            self.at = self.text.len();
            return None;
        }
        match self.peek()? {
            '(' => {
                self.take();
                if depth >= NESTING_MAX {
                    return None;
                }
                self.sequence(depth + 1)
            }
            '"' => self.phrase(),
            _ => self.word(),
        }
    }

    fn phrase(&mut self) -> Option<Ast> {
        self.take();
        let mut text = String::new();
        while let Some(c) = self.take() {
            match c {
                '"' => break,
                '\\' => text.extend(self.take()),
                c => text.push(c),
            }
        }
        let slop = self.tilde().map(|n| n.unwrap_or(0) as u32);
        Some(leaf(Value::Phrase(text, slop)))
    }

    fn tilde(&mut self) -> Option<Option<usize>> {
        let rest = self.text[self.at..].strip_prefix('~')?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        self.at += 1 + digits;
        Some(rest[..digits].parse().ok())
    }

    fn word(&mut self) -> Option<Ast> {
        let mut text = String::new();
        let mut prefix = false;
        while let Some(c) = self.peek() {
            if c.is_whitespace() || matches!(c, '+' | '|' | '"' | '(' | ')') {
                break;
            }
            if c == '~' && !text.is_empty() {
                let distance = self.tilde().flatten();
                return Some(leaf(Value::Fuzzy(text, distance)));
            }
            self.take();
            prefix = c == '*';
            match c {
                '\\' => text.extend(self.take()),
                c => text.push(c),
            }
        }
        if prefix {
            text.pop();
        }
        match (text.is_empty(), prefix) {
            (true, _) => None,
            (false, true) => Some(leaf(Value::Prefix(text))),
            (false, false) => Some(leaf(Value::Word(text))),
        }
    }
}

fn leaf(value: Value) -> Ast {
    Ast::Leaf { field: None, value }
}

fn join((left, last): (Ast, Option<Between>), by: Between, right: Ast) -> Ast {
    let occur = match by {
        Between::And => Occur::Must,
        Between::Or => Occur::Should,
    };
    match left {
        Ast::Clauses(mut all) if last == Some(by) => {
            all.push((occur, right));
            Ast::Clauses(all)
        }
        left => Ast::Clauses(vec![(occur, left), (occur, right)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(ast: &Ast) -> String {
        match ast {
            Ast::All => "*".to_owned(),
            Ast::Clauses(all) => {
                let sign = |o: &Occur| match o {
                    Occur::Must => "+",
                    Occur::Should => "|",
                    Occur::MustNot => "-",
                };
                format!("({})", all.iter().map(|(o, a)| sign(o).to_owned() + &shown(a)).collect::<String>())
            }
            Ast::Leaf { value: Value::Word(w), .. } => w.clone(),
            Ast::Leaf { value, .. } => format!("{value:?}"),
        }
    }

    #[test]
    fn everything_has_a_meaning() {
        for (text, and, is) in [
            ("", false, "()"),
            ("a b", false, "(|a|b)"),
            ("a b", true, "(+a+b)"),
            ("a + b | c", false, "(|(+a+b)|c)"),
            ("a -b", true, "(+a+(-b))"),
            (
                "\"fried eggs\"~2 +(eggplant | potato)",
                false,
                "(+Phrase(\"fried eggs\", Some(2))+(|eggplant|potato))",
            ),
            ("egg* eg~1", false, "(|Prefix(\"egg\")|Fuzzy(\"eg\", Some(1)))"),
            ("((a", false, "a"),
            (")) a ( ) \"b", false, "(|a|Phrase(\"b\", None))"),
            ("well-known \\-x", false, "(|well-known|-x)"),
        ] {
            assert_eq!(shown(&parse_simple(text, and)), is, "{text}");
        }
        parse_simple(&"(".repeat(1000), false);
        parse_simple(&"a|".repeat(5000), false);
    }
}
