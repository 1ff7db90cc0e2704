//! What might be right instead of what is wrong: for the mistakes people make, mostly brought from other languages.

use super::ParseError;
use super::lexer::{Keyword, Kind, Token};
use crate::ast::{AggregateOp, BinaryOp, Expr, Span, ValueType};
use crate::catalog::{self, Function};
use crate::text::{format_duration, quote};

/// Pieces of the query longer than this are not repeated in a suggestion.
const PIECE_BYTES_MAX: usize = 60;

/// A piece of the query as it may stand in a suggestion.
fn piece(input: &str, span: Span) -> &str {
    match input.get(span.start..span.end).map(str::trim) {
        Some(text) if text.len() <= PIECE_BYTES_MAX && !text.contains('\n') && !text.is_empty() => text,
        _ => "…",
    }
}

// What types tell.

/// An expression of one type stands where another is wanted.
pub(super) fn for_type(
    input: &str,
    expr: &Expr,
    want: ValueType,
    around: Option<&Function>,
) -> Option<String> {
    let text = piece(input, expr.span());
    match (want, expr.value_type()) {
        (ValueType::Matrix, ValueType::Vector) => Some(range_of(input, expr, around)),
        (ValueType::Vector | ValueType::Scalar, ValueType::Matrix) => Some(value_of_range(text)),
        (ValueType::Scalar, ValueType::Vector) => {
            let order = around.map(|f| format!("the arguments are {}; ", f.signature())).unwrap_or_default();
            Some(format!("{order}scalar({text}) is the number of a vector with one series"))
        }
        (ValueType::Vector, ValueType::Scalar) => Some(format!("vector({text}) is a vector of one number")),
        (ValueType::String, _) => Some(match around {
            Some(f) => format!("texts are written in quotes; the arguments are {}", f.signature()),
            None => "texts are written in quotes, as in \"name\"".to_owned(),
        }),
        _ => around.map(|f| format!("the arguments are {}", f.signature())),
    }
}

/// A function of a range was given one value per series.
fn range_of(input: &str, expr: &Expr, around: Option<&Function>) -> String {
    let text = piece(input, expr.span());
    let function = around.map_or("rate", |f| f.name);
    match expr.unparen() {
        Expr::Vector(v) if v.offset.is_none() && v.at.is_none() => {
            format!("say over which time, as in {text}[5m]")
        }
        Expr::Vector(_) => "say over which time, before offset and @, as in x[5m] offset 1h".to_owned(),
        Expr::Aggregate(a) if matches!(a.expr.unparen(), Expr::Vector(_)) && a.param.is_none() => {
            let inner = piece(input, a.expr.span());
            format!("{function} first, then {}: {}({function}({inner}[5m]))", a.op.as_str(), a.op.as_str())
        }
        _ => format!("a subquery makes a range of an expression: ({text})[5m:1m]"),
    }
}

/// A range stands where one value per series is wanted.
pub(super) fn value_of_range(text: &str) -> String {
    format!("a function makes one value of a range, as rate({text}) or avg_over_time({text})")
}

/// The parameter of an aggregation has the wrong type.
pub(super) fn for_parameter(input: &str, op: AggregateOp, param: &Expr, expr: &Expr) -> Option<String> {
    let swapped = matches!((param.value_type(), expr.value_type()), (ValueType::Vector, ValueType::Scalar))
        || (op == AggregateOp::CountValues && expr.value_type() == ValueType::String);
    let (param, expr) = (piece(input, param.span()), piece(input, expr.span()));
    match swapped {
        true => Some(format!("the parameter comes first: {}({expr}, {param})", op.as_str())),
        false if op == AggregateOp::CountValues => {
            Some(format!("the name of the new label in quotes comes first: count_values(\"value\", {expr})"))
        }
        false => None,
    }
}

/// An aggregation has too few or too many arguments.
pub(super) fn for_arguments(op: AggregateOp, given: usize) -> String {
    let example = match op {
        AggregateOp::CountValues => "count_values(\"value\", x)".to_owned(),
        AggregateOp::Quantile => "quantile(0.9, x)".to_owned(),
        AggregateOp::LimitRatio => "limit_ratio(0.1, x)".to_owned(),
        op if op.takes_param() => format!("{}(5, x)", op.as_str()),
        op if given > 1 => return format!("add up with +, or aggregate one vector: {}(x)", op.as_str()),
        op => format!("{}(x)", op.as_str()),
    };
    format!("write it as {example}")
}

// What names tell.

/// Names that other systems use for what is called otherwise here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("average", "avg(…), or avg_over_time(…) over time"),
    ("mean", "avg(…), or avg_over_time(…) over time"),
    ("median", "quantile(0.5, …)"),
    ("percentile", "quantile(0.99, …), or histogram_quantile(0.99, …) of a histogram"),
    ("p50", "histogram_quantile(0.5, …)"),
    ("p90", "histogram_quantile(0.9, …)"),
    ("p95", "histogram_quantile(0.95, …)"),
    ("p99", "histogram_quantile(0.99, …)"),
    ("percentile_over_time", "quantile_over_time(0.99, …)"),
    ("median_over_time", "quantile_over_time(0.5, …)"),
    ("moving_average", "avg_over_time(…[5m])"),
    ("derivative", "deriv(…)"),
    ("diff", "delta(…), or increase(…) of a counter"),
    ("difference", "delta(…), or increase(…) of a counter"),
    ("per_second", "rate(…)"),
    ("rollup_rate", "rate(…)"),
    ("increase_pure", "increase(…)"),
    ("top", "topk(5, …)"),
    ("bottom", "bottomk(5, …)"),
    ("limit", "limitk(5, …) or topk(5, …)"),
    ("first", "first_over_time(…)"),
    ("last", "last_over_time(…)"),
    ("distinct", "count by (label) (…)"),
    ("count_distinct", "count(count by (label) (…))"),
    ("uniq", "count by (label) (…)"),
    ("label_set", "label_replace(…, \"label\", \"value\", \"\", \"\")"),
    ("coalesce", "a or b"),
    ("ifnull", "… or vector(0)"),
    ("default", "… or vector(0)"),
    ("now", "time()"),
    ("power", "x ^ y"),
    ("pow", "x ^ y"),
    ("mod", "x % y"),
    ("length", "count(…)"),
    ("len", "count(…)"),
    ("not", "unless, or == bool 0"),
    ("if", "x and y, or x > 5"),
];

/// What an unknown function might be.
pub(super) fn for_function(written: &str) -> Option<String> {
    let lower = written.to_ascii_lowercase();
    if let Some((_, here)) = ELSEWHERE.iter().find(|(there, _)| *there == lower) {
        return Some(format!("here that is {here}"));
    }
    let names = catalog::functions().iter().map(|f| f.name).chain(AggregateOp::ALL.map(AggregateOp::as_str));
    nearest_name(written, names).map(|name| format!("did you mean {}?", quote(name)))
}

/// The name that is nearest to what was written, at most two edits away.
pub fn nearest_name<'n>(written: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let lower = written.to_ascii_lowercase();
    let limit = if lower.len() < 4 { 1 } else { 2 };
    names
        .map(|name| (edits(&lower, name), !name.starts_with(&lower), name))
        .filter(|(d, ..)| *d <= limit)
        .min()
        .map(|(.., name)| name)
}

/// The number of single-character changes between two short words.
fn edits(a: &str, b: &str) -> usize {
    const LONGEST: usize = 64;
    if a.len() > LONGEST || b.len() > LONGEST {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

// What the text around the place tells.

/// The place of a syntax error in the tokens.
struct Place<'a> {
    input: &'a str,
    tokens: &'a [Token],
    at: usize,
}

/// What might be right where the grammar does not go on.
pub(super) fn for_syntax(input: &str, tokens: &[Token], error: &ParseError) -> Option<String> {
    let at = tokens.iter().position(|t| t.span.start >= error.start).unwrap_or(tokens.len().checked_sub(1)?);
    let place = Place { input, tokens, at };
    place.in_text(error).or_else(|| place.in_tokens())
}

impl<'a> Place<'a> {
    fn text(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |t| &self.input[t.span.start..t.span.end])
    }

    fn kind(&self, at: usize) -> Kind {
        self.tokens.get(at).map_or(Kind::End, |t| t.kind)
    }

    fn before(&self, back: usize) -> Option<usize> {
        self.at.checked_sub(back)
    }

    /// What the characters tell, where no token could be made of them.
    fn in_text(&self, error: &ParseError) -> Option<String> {
        let rest = self.input.get(error.start..)?;
        let first = rest.chars().next();
        let word: &str = rest.split(|c: char| !(c.is_ascii_alphanumeric() || "_.:".contains(c))).next()?;
        let says = |part: &str| error.message.contains(part);
        if says("inside braces") {
            return self.inside_braces(first, word);
        }
        if says("unterminated") {
            return Some(format!("close the text with {}", first.unwrap_or('"')));
        }
        if says("unknown escape sequence") {
            return Some("double the backslash, or write the text in backquotes".to_owned());
        }
        if says("regular expression") {
            let value = self.input.get(error.start..error.end)?;
            let star = value.contains("\"*") || value.contains("'*") || value.contains("`*");
            return star.then(|| "* repeats what stands before it; anything at all is .*".to_owned());
        }
        if says("unclosed") && self.open_bracket() {
            return Some("close the range with ]".to_owned());
        }
        if says("unclosed left parenthesis") {
            return self.unclosed();
        }
        if says("duration") || says("expected ':'") {
            return self.duration(rest);
        }
        match first? {
            '$' => Some(self.variable()),
            '&' => Some("both is written and".to_owned()),
            '|' => Some("one or the other is written or".to_owned()),
            '“' | '”' | '‘' | '’' => Some("use plain quotes: \"".to_owned()),
            '!' if says("'~'") => Some(self.pattern_outside()),
            '!' => Some("all but is written unless; a value that is zero is == 0".to_owned()),
            '=' if says("'~'") => Some(self.pattern_outside()),
            '.' => Some("a name with other characters is written in quotes: {\"http.requests\"}".to_owned()),
            _ => None,
        }
    }

    fn variable(&self) -> String {
        "names with $ are variables of a dashboard: write what they stand for, such as 5m or a value"
            .to_owned()
    }

    fn pattern_outside(&self) -> String {
        "patterns are for labels, in braces: x{label=~\"a.*\"}; values are compared with == and !=".to_owned()
    }

    fn inside_braces(&self, first: Option<char>, word: &str) -> Option<String> {
        let label = self.before(2).map(|i| self.text(i)).filter(|_| {
            matches!(
                self.before(1).map(|i| self.kind(i)),
                Some(Kind::Equals | Kind::EqualsRegex | Kind::NotRegex)
            )
        });
        Some(match first {
            None => "close the braces with }".to_owned(),
            Some('0'..='9' | '.' | '-') => match label {
                Some(label) => format!("put the value in quotes: {label}=\"{word}\""),
                None => "a label is compared with a text: label=\"value\"".to_owned(),
            },
            Some('“' | '”' | '‘' | '’') => "use plain quotes: \"".to_owned(),
            Some(')' | ']' | '[' | '(') => "close the braces with } first".to_owned(),
            Some(':') => "a label is compared with =, as in label=\"value\"".to_owned(),
            Some('$') => self.variable(),
            Some(';' | '&' | '|') => "conditions are separated by commas".to_owned(),
            Some('<' | '>') => "labels are texts, compared with =, !=, =~ or !~".to_owned(),
            _ => return None,
        })
    }

    /// What a duration that cannot be read may mean.
    fn duration(&self, rest: &str) -> Option<String> {
        let inside = self.open_bracket();
        match rest.chars().next() {
            None if inside => return Some("say how long: [5m]".to_owned()),
            None => return None,
            Some('$') => return Some(self.variable()),
            Some('"' | '\'' | '`') => return Some("a duration has no quotes: 5m".to_owned()),
            Some(':') => return Some("the range comes before the step: [1h:5m]".to_owned()),
            Some(_) => {}
        }
        // From where the number begins: the error may stand behind it.
        let number_at = match self.before(1).map(|i| (self.kind(i), self.tokens[i].span)) {
            Some((Kind::Number | Kind::Duration, span)) => span.start,
            _ => self.input.len() - rest.len(),
        };
        let written = self.input.get(number_at..)?;
        let end = written.find(|c: char| !(c.is_ascii_alphanumeric() || ".µ ".contains(c)));
        let written = &written[..end.unwrap_or(written.len())];
        match read_duration(written) {
            _ if written.trim().is_empty() => Some("say how long: [5m]".to_owned()),
            Some(ms) if ms > 0 => Some(format!("write it as {}", format_duration(ms))),
            Some(_) => Some("the shortest is 1ms".to_owned()),
            None if inside => {
                Some("a duration is made of ms, s, m, h, d, w, y, largest first: 1h30m".to_owned())
            }
            None => None,
        }
    }

    /// What the tokens before and at the place tell.
    fn in_tokens(&self) -> Option<String> {
        let before = self.before(1).map(|i| (self.kind(i), self.text(i)));
        let word = self.text(self.at).to_ascii_lowercase();
        match (before, self.kind(self.at)) {
            (None, Kind::End) => Some("write the name of a metric, such as up".to_owned()),
            (Some((Kind::Aggregate(op), _)), Kind::Word | Kind::MetricWord | Kind::LeftBrace) => {
                Some(format!("put what is aggregated in parentheses: {}({})", op.as_str(), self.rest()))
            }
            (
                Some((Kind::Keyword(Keyword::By | Keyword::Without | Keyword::On | Keyword::Ignoring), name)),
                Kind::Word | Kind::Text,
            ) => Some(format!("put the labels in parentheses: {name} ({})", self.text(self.at))),
            (Some((Kind::RightParen, _)), Kind::Word | Kind::MetricWord) if self.closes_grouping() => {
                Some(format!("put what is aggregated in parentheses: ({})", self.rest()))
            }
            (Some((Kind::Word, name)), Kind::Word | Kind::LeftBrace) if catalog::function(name).is_some() => {
                Some(format!("a function is called with parentheses: {name}({})", self.rest()))
            }
            (Some((Kind::Equals | Kind::EqualsRegex | Kind::NotRegex, _)), Kind::Word) => {
                let (label, op) = (self.text(self.at.saturating_sub(2)), self.text(self.at - 1));
                Some(format!("put the value in quotes: {label}{op}\"{}\"", self.text(self.at)))
            }
            (_, Kind::Word | Kind::Aggregate(_)) => foreign_word(&word),
            (_, Kind::Keyword(Keyword::By | Keyword::Without)) => {
                Some(format!("{word} belongs to an aggregation: sum {word} (label) (x)"))
            }
            (_, Kind::Keyword(Keyword::GroupLeft | Keyword::GroupRight)) => {
                Some(format!("{word} follows on (…) or ignoring (…)"))
            }
            (Some((Kind::Equals | Kind::EqualsRegex | Kind::NotRegex, _)), Kind::Equals) => {
                Some("a label is compared with one =".to_owned())
            }
            (Some((Kind::Word, label)), Kind::RightBrace | Kind::Comma) if self.open_brace() => {
                Some(format!("compare the label with a text: {label}=\"value\""))
            }
            (_, Kind::Equals) => Some(self.equals_outside()),
            (Some((Kind::Binary(op), _)), kind) => self.after_operator(op, kind),
            (_, Kind::RightParen | Kind::RightBrace) if self.open_bracket() => {
                Some("close the range with ] first".to_owned())
            }
            (_, Kind::Comma) if self.number_around() => {
                Some("a number has no separators: 1000, or 1_000".to_owned())
            }
            (Some((Kind::At, _)), _) => Some("@ takes Unix seconds, start() or end()".to_owned()),
            _ => None,
        }
    }

    /// What is left of the query, short.
    fn rest(&self) -> &'a str {
        piece(self.input, Span::new(self.tokens[self.at].span.start, self.input.len()))
    }

    /// Whether the parenthesis before the place ends the labels of `by` or `without`.
    fn closes_grouping(&self) -> bool {
        let open = (0..self.at).rev().find(|i| self.kind(*i) == Kind::LeftParen);
        let word = open.and_then(|i| i.checked_sub(1)).map(|i| self.kind(i));
        matches!(word, Some(Kind::Keyword(Keyword::By | Keyword::Without)))
    }

    fn equals_outside(&self) -> String {
        match self.kind(self.at + 1) {
            Kind::Binary(BinaryOp::Gt) => "that is written >=".to_owned(),
            Kind::Binary(BinaryOp::Lt) => "that is written <=".to_owned(),
            Kind::Text => "labels are compared in braces: x{label=\"value\"}".to_owned(),
            _ => "values are compared with ==".to_owned(),
        }
    }

    fn after_operator(&self, op: BinaryOp, kind: Kind) -> Option<String> {
        Some(match (op, kind) {
            (BinaryOp::Mul, Kind::Binary(BinaryOp::Mul)) => "a power is written ^".to_owned(),
            (BinaryOp::Div, Kind::Binary(BinaryOp::Div | BinaryOp::Mul)) => {
                "a comment begins with #".to_owned()
            }
            (BinaryOp::Lt, Kind::Binary(BinaryOp::Gt)) => "that is written !=".to_owned(),
            (BinaryOp::Mod, Kind::End | Kind::RightParen) => {
                "% is the remainder of a division; for per cent, * 100 is enough".to_owned()
            }
            (BinaryOp::And | BinaryOp::Or, Kind::Binary(next)) if next.is_comparison() => {
                "say again what is compared: x > 1 and x < 5".to_owned()
            }
            (op, Kind::End | Kind::RightParen) => format!("{} needs something on its right", op.as_str()),
            (op, Kind::Equals) if op.is_comparison() => format!("that is written {}=", op.as_str()),
            _ => return None,
        })
    }

    fn is_open(&self, open: Kind, close: Kind) -> bool {
        let seen = self.tokens[..self.at].iter().rev().map(|t| t.kind);
        seen.take_while(|k| *k != close).any(|k| k == open)
    }

    fn open_bracket(&self) -> bool {
        self.is_open(Kind::LeftBracket, Kind::RightBracket)
    }

    fn open_brace(&self) -> bool {
        self.is_open(Kind::LeftBrace, Kind::RightBrace)
    }

    fn number_around(&self) -> bool {
        let before = self.before(1).map(|i| self.kind(i));
        before == Some(Kind::Number) && self.kind(self.at + 1) == Kind::Number
    }

    /// Where the parenthesis stands that is not closed.
    fn unclosed(&self) -> Option<String> {
        let mut open = Vec::new();
        for t in self.tokens {
            match t.kind {
                Kind::LeftParen => open.push(t.span.start),
                Kind::RightParen => drop(open.pop()),
                _ => {}
            }
        }
        let (line, column) = super::position(self.input, open.pop()?);
        Some(match line {
            1 => format!("close the one at column {column} with )"),
            _ => format!("close the one at line {line}, column {column} with )"),
        })
    }
}

/// Words of other query languages.
fn foreign_word(word: &str) -> Option<String> {
    Some(
        match word {
            "where" => "conditions on labels go in braces: x{label=\"value\"}",
            "group" => "write by (label), as in sum by (label) (x)",
            "order" | "sort" => "sort(…) and sort_desc(…) order an instant query",
            "limit" | "top" | "head" => "topk(5, …) keeps the largest, limitk(5, …) any five",
            "in" | "like" | "contains" | "matches" => "a label is compared with a pattern: x{label=~\"a|b\"}",
            "not" => "all but is written unless",
            "as" | "alias" => "label_replace(…) gives a result a label",
            "select" | "from" => "write the metric itself: x{label=\"value\"}",
            _ => return None,
        }
        .to_owned(),
    )
}

/// A duration as people and other languages write it: `5min`, `1.5h`, `5 minutes`, `30m1h`.
fn read_duration(written: &str) -> Option<i64> {
    let mut rest = written.trim();
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        let unit_ms = match rest[..letters].to_ascii_lowercase().as_str() {
            "ns" | "nanosecond" | "nanoseconds" => 1e-6,
            "us" | "µs" => 1e-3,
            "ms" | "millis" | "millisecond" | "milliseconds" => 1.0,
            "" | "s" | "sec" | "secs" | "second" | "seconds" => 1e3,
            "m" | "mi" | "mm" | "min" | "mins" | "minute" | "minutes" => 60e3,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3600e3,
            "d" | "day" | "days" => 86_400e3,
            "w" | "week" | "weeks" => 7.0 * 86_400e3,
            "mo" | "month" | "months" => 30.0 * 86_400e3,
            "y" | "yr" | "year" | "years" => 365.0 * 86_400e3,
            _ => return None,
        };
        total += number * unit_ms;
        rest = rest[letters..].trim_start();
    }
    let ms = total.round();
    (total.is_finite() && ms.abs() < crate::text::DURATION_MS_MAX as f64).then_some(ms as i64)
}
