//! Queries that give numbers.

use super::lexer::Kind;
use super::stage::Pipeline;
use super::{NESTING_MAX, Parsed, Parser};
use crate::ast::{
    Binary, BinaryOp, Cardinality, Expr, Grouping, LabelReplace, LogExpr, Matching, Metric, RangeAggregate,
    RangeOp, Span, VectorAggregate, VectorOp,
};
use crate::units;

/// A subtree and its height, which is bounded: chains of operators grow without recursion.
struct Node {
    expr: Expr,
    height: u32,
}

/// Lines and the range they are taken from, as far as it is written yet.
struct Ranged {
    log: LogExpr,
    pipeline: Pipeline,
    range_ns: Option<i64>,
    offset_ns: i64,
}

fn precedence(kind: Kind, word: Option<&str>) -> Option<(BinaryOp, u8)> {
    Some(match kind {
        Kind::Sign("==") => (BinaryOp::Eq, 3),
        Kind::Sign("!=") => (BinaryOp::Ne, 3),
        Kind::Sign("<") => (BinaryOp::Lt, 3),
        Kind::Sign("<=") => (BinaryOp::Le, 3),
        Kind::Sign(">") => (BinaryOp::Gt, 3),
        Kind::Sign(">=") => (BinaryOp::Ge, 3),
        Kind::Sign("+") => (BinaryOp::Add, 4),
        Kind::Sign("-") => (BinaryOp::Sub, 4),
        Kind::Sign("*") => (BinaryOp::Mul, 5),
        Kind::Sign("/") => (BinaryOp::Div, 5),
        Kind::Sign("%") => (BinaryOp::Mod, 5),
        Kind::Sign("^") => (BinaryOp::Pow, POWER),
        Kind::Word => match word?.to_ascii_lowercase().as_str() {
            "or" => (BinaryOp::Or, 1),
            "and" => (BinaryOp::And, 2),
            "unless" => (BinaryOp::Unless, 2),
            _ => return None,
        },
        _ => return None,
    })
}

/// The one operator that binds to the right.
const POWER: u8 = 6;

/// How strongly an operator binds; for the printer.
pub(crate) fn strength(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Or => 1,
        BinaryOp::And | BinaryOp::Unless => 2,
        BinaryOp::Add | BinaryOp::Sub => 4,
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod => 5,
        BinaryOp::Pow => POWER,
        _ => 3,
    }
}

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        self.binary(1).map(|node| node.expr)
    }

    fn binary(&mut self, weakest: u8) -> Parsed<Node> {
        self.nested(|p| {
            let mut lhs = p.operand()?;
            while let Some((op, strength)) = precedence(p.peek(), p.word()) {
                if strength < weakest {
                    break;
                }
                let sign = p.next().span;
                let (return_bool, matching) = p.modifiers(op)?;
                let rhs = p.binary(if strength == POWER { strength } else { strength + 1 })?;
                lhs = p.joined(op, sign, return_bool, matching, lhs, rhs)?;
            }
            Ok(lhs)
        })
    }

    fn joined(
        &self,
        op: BinaryOp,
        sign: Span,
        return_bool: bool,
        matching: Option<Matching>,
        lhs: Node,
        rhs: Node,
    ) -> Parsed<Node> {
        let height = 1 + lhs.height.max(rhs.height);
        if height > NESTING_MAX {
            return Err(self.too_deep());
        }
        let (lhs, rhs) = (self.number_valued(lhs.expr)?, self.number_valued(rhs.expr)?);
        let with_number = [&lhs, &rhs].into_iter().find(|side| side.is_scalar());
        if let Some(number) = with_number {
            if op.is_set() {
                let message = format!("{} works on vectors, and one side is a number", op.as_str());
                let help = "make a vector of it: vector(1)".to_owned();
                return Err(self.fail(number.span(), message).with_help(Some(help)));
            }
            if matching.is_some() {
                return Err(self.fail(sign, "on, ignoring and group modifiers need vectors on both sides"));
            }
        }
        if return_bool && !op.is_comparison() {
            return Err(self.fail(sign, "bool modifies comparisons only"));
        }
        let matching = matching.unwrap_or(Matching {
            cardinality: if op.is_set() { Cardinality::ManyToMany } else { Cardinality::OneToOne },
            ..Matching::default()
        });
        let binary = Binary { op, lhs, rhs, matching, return_bool };
        Ok(Node { expr: Expr::Metric(Metric::Binary(Box::new(binary))), height })
    }

    /// `bool on (a) group_left (b)` behind an operator.
    fn modifiers(&mut self, op: BinaryOp) -> Parsed<(bool, Option<Matching>)> {
        let return_bool = self.accept_word("bool").is_some();
        let on = self.accept_word("on").is_some();
        if !on && self.accept_word("ignoring").is_none() {
            if self.word().is_some_and(|w| {
                w.eq_ignore_ascii_case("group_left") || w.eq_ignore_ascii_case("group_right")
            }) {
                return Err(self.unexpected("on (…) or ignoring (…) before it"));
            }
            return Ok((return_bool, None));
        }
        let mut matching = Matching { on, labels: self.labels()?, ..Matching::default() };
        if op.is_set() {
            matching.cardinality = Cardinality::ManyToMany;
        }
        let group = self.token();
        let left = self.accept_word("group_left").is_some();
        if left || self.accept_word("group_right").is_some() {
            if op.is_set() {
                return Err(self.fail(group.span, format!("{} takes no group modifier", op.as_str())));
            }
            matching.cardinality = if left { Cardinality::ManyToOne } else { Cardinality::OneToMany };
            if self.at_sign("(") {
                matching.include = self.labels()?;
            }
            let both = matching.include.iter().find(|l| on && matching.labels.contains(l));
            if let Some(label) = both {
                return Err(self.fail(
                    group.span,
                    format!(
                        "label {} must not occur in on and group modifiers at once",
                        promql::quote(label)
                    ),
                ));
            }
        }
        Ok((return_bool, Some(matching)))
    }

    /// `(a, b)`
    fn labels(&mut self) -> Parsed<Vec<String>> {
        self.expect("(", "\"(\"")?;
        if self.accept(")").is_some() {
            return Ok(Vec::new());
        }
        let labels = self.list(|p| p.identifier("a label"))?;
        self.expect(")", "\",\" or \")\"")?;
        Ok(labels)
    }

    fn number_valued(&self, expr: Expr) -> Parsed<Metric> {
        match expr {
            Expr::Metric(metric) => Ok(metric),
            Expr::Log(log) => {
                let error = self.fail(log.span, "a metric query is needed here, and this gives lines");
                Err(error.with_help(Some("count them: count_over_time({…} [5m])".to_owned())))
            }
        }
    }

    fn operand(&mut self) -> Parsed<Node> {
        let leaf = |expr| Ok(Node { expr, height: 1 });
        match self.peek() {
            Kind::Sign("{") => leaf(Expr::Log(self.log()?)),
            Kind::Sign("(") => {
                self.next();
                let mut inner = self.binary(1)?;
                // A pipeline may also go on behind parentheses around its beginning.
                self.expect(")", "\")\"")?;
                if let Expr::Log(log) = &mut inner.expr {
                    let mut rest = Pipeline::default();
                    while self.begins_stage() {
                        self.stage(&mut rest)?;
                    }
                    log.stages.append(&mut rest.stages);
                }
                Ok(inner)
            }
            Kind::Number | Kind::Sign("+" | "-") => {
                let start = self.token().span;
                let value = self.signed_number()?;
                leaf(Expr::Metric(Metric::Number { value, span: start.to(self.previous_span()) }))
            }
            Kind::Word => self.function(),
            _ => Err(self.unexpected("a stream selector or a function")),
        }
    }

    /// `-1.5`
    pub(super) fn signed_number(&mut self) -> Parsed<f64> {
        let negative = self.accept("-").is_some();
        if !negative {
            self.accept("+");
        }
        let token = self.token();
        let text = self.text_of(token);
        let value = match token.kind {
            Kind::Number => number(text).ok_or_else(|| self.fail(token.span, "not a number"))?,
            Kind::Word if text.eq_ignore_ascii_case("inf") => f64::INFINITY,
            Kind::Word if text.eq_ignore_ascii_case("nan") => f64::NAN,
            _ => return Err(self.unexpected("a number")),
        };
        self.next();
        Ok(if negative { -value } else { value })
    }

    fn function(&mut self) -> Parsed<Node> {
        let token = self.token();
        let name = self.text_of(token);
        let lower = name.to_ascii_lowercase();
        if let Some(op) = RangeOp::named(&lower) {
            self.next();
            let range = self.range_aggregate(op, token.span)?;
            return Ok(Node { expr: Expr::Metric(Metric::Range(Box::new(range))), height: 2 });
        }
        if let Some(op) = VectorOp::named(&lower) {
            self.next();
            return self.vector_aggregate(op, token.span);
        }
        match lower.as_str() {
            "vector" => {
                self.next();
                self.expect("(", "\"(\"")?;
                let value = self.signed_number()?;
                self.expect(")", "\")\"")?;
                let span = token.span.to(self.previous_span());
                Ok(Node { expr: Expr::Metric(Metric::Constant { value, span }), height: 1 })
            }
            "label_replace" => {
                self.next();
                self.label_replace(token.span)
            }
            "inf" | "nan" => {
                let value = self.signed_number()?;
                Ok(Node { expr: Expr::Metric(Metric::Number { value, span: token.span }), height: 1 })
            }
            _ => {
                let names = RangeOp::ALL
                    .iter()
                    .map(|op| op.as_str())
                    .chain(VectorOp::ALL.iter().map(|op| op.as_str()))
                    .chain(["vector", "label_replace"]);
                let near = promql::nearest_name(name, names);
                let error = self.fail(token.span, format!("unknown function {}", promql::quote(name)));
                Err(error.with_help(Some(match near {
                    Some(near) => format!("did you mean {}?", promql::quote(near)),
                    None => "a query begins with a stream selector {app=\"x\"} or a function such as rate"
                        .to_owned(),
                })))
            }
        }
    }

    fn label_replace(&mut self, start: Span) -> Parsed<Node> {
        self.expect("(", "\"(\"")?;
        let inner = self.binary(1)?;
        let height = inner.height + 1;
        let inner = self.number_valued(inner.expr)?;
        if inner.is_scalar() {
            return Err(self.fail(inner.span(), "label_replace needs a vector, and this is a number"));
        }
        let mut text = || {
            self.expect(",", "\",\"")?;
            self.text("a string")
        };
        let (destination, replacement, source, pattern) = (text()?, text()?, text()?, text()?);
        let pattern_span = self.previous_span();
        crate::pipeline::check_regex(&pattern).map_err(|e| self.fail(pattern_span, e))?;
        self.expect(")", "\")\"")?;
        let span = start.to(self.previous_span());
        let replace = LabelReplace { inner, destination, replacement, source, pattern, span };
        Ok(Node { expr: Expr::Metric(Metric::LabelReplace(Box::new(replace))), height })
    }

    fn vector_aggregate(&mut self, op: VectorOp, start: Span) -> Parsed<Node> {
        let mut grouping = self.grouping()?;
        self.expect("(", "\"(\" or by (…)")?;
        let param = if op.takes_param() { Some(self.how_many(op)?) } else { None };
        let inner = self.binary(1)?;
        let height = inner.height + 1;
        let inner = self.number_valued(inner.expr)?;
        if inner.is_scalar() {
            let error =
                self.fail(inner.span(), format!("{} needs a vector, and this is a number", op.as_str()));
            return Err(error.with_help(Some("make a vector of it: vector(1)".to_owned())));
        }
        self.expect(")", "\")\"")?;
        let at = self.token().span;
        if let Some(after) = self.grouping()? {
            if grouping.is_some() {
                return Err(self.fail(at, "the aggregation is grouped twice"));
            }
            grouping = Some(after);
        }
        if grouping.is_some() && !op.takes_grouping() {
            let error = self.fail(start, format!("grouping is not allowed for {}", op.as_str()));
            return Err(error.with_help(Some("group inside of it: sum by (…) (…)".to_owned())));
        }
        let span = start.to(self.previous_span());
        let aggregate = VectorAggregate { op, param, inner, grouping, span };
        Ok(Node { expr: Expr::Metric(Metric::Vector(Box::new(aggregate))), height })
    }

    fn how_many(&mut self, op: VectorOp) -> Parsed<u32> {
        let token = self.token();
        if token.kind != Kind::Number {
            return Err(self.unexpected(&format!("how many series {} keeps", op.as_str())));
        }
        let count = self.text_of(token).parse().ok().filter(|n| *n > 0u32);
        self.next();
        self.expect(",", "\",\"")?;
        count.ok_or_else(|| {
            self.fail(token.span, format!("{} keeps a whole number of series, at least 1", op.as_str()))
        })
    }

    fn grouping(&mut self) -> Parsed<Option<Grouping>> {
        let without = self.accept_word("without").is_some();
        if !without && self.accept_word("by").is_none() {
            return Ok(None);
        }
        Ok(Some(Grouping { labels: self.labels()?, without }))
    }

    fn range_aggregate(&mut self, op: RangeOp, start: Span) -> Parsed<RangeAggregate> {
        self.expect("(", "\"(\"")?;
        let at = self.token().span;
        let mut param = None;
        if self.peek() != Kind::Sign("{") && self.peek() != Kind::Sign("(") {
            if op != RangeOp::QuantileOverTime {
                return Err(self.unexpected("a stream selector"));
            }
            param = Some(self.signed_number()?);
            self.expect(",", "\",\"")?;
        }
        if op == RangeOp::QuantileOverTime && param.is_none() {
            let error = self.fail(at, "quantile_over_time needs the quantile first");
            return Err(error.with_help(Some("quantile_over_time(0.99, {…} | unwrap x [5m])".to_owned())));
        }
        let ranged = self.nested(Self::ranged)?;
        let Some(range_ns) = ranged.range_ns else {
            return Err(self.unexpected("a range such as [5m]"));
        };
        self.expect(")", "\")\" or another stage")?;
        let grouping = self.grouping()?;
        let span = start.to(self.previous_span());
        let Ranged { mut log, pipeline, offset_ns, .. } = ranged;
        log.stages = pipeline.stages;
        let range =
            RangeAggregate { op, param, log, unwrap: pipeline.unwrap, range_ns, offset_ns, grouping, span };
        self.check_range(&range, start)?;
        Ok(range)
    }

    fn check_range(&self, range: &RangeAggregate, name: Span) -> Parsed<()> {
        let op = range.op;
        if range.unwrap.is_none() && !op.takes_lines() {
            let error = self.fail(name, format!("invalid aggregation {} without unwrap", op.as_str()));
            return Err(error.with_help(Some(format!(
                "say which label is the value: {}({{…}} | unwrap label [5m])",
                op.as_str()
            ))));
        }
        if let Some(unwrap) = &range.unwrap
            && !op.takes_unwrap()
        {
            let error = self.fail(unwrap.span, format!("invalid aggregation {} with unwrap", op.as_str()));
            return Err(error.with_help(Some("leave out unwrap, or use sum_over_time".to_owned())));
        }
        if range.grouping.is_some() && !op.takes_grouping() {
            let error = self.fail(name, format!("grouping not allowed for {} aggregation", op.as_str()));
            return Err(error.with_help(Some(format!("group around it: sum by (…) ({}(…))", op.as_str()))));
        }
        Ok(())
    }

    /// Lines and a range; the range may stand behind the selector or behind the pipeline, parentheses around either.
    fn ranged(&mut self) -> Parsed<Ranged> {
        let mut ranged = if self.accept("(").is_some() {
            let inner = self.nested(Self::ranged)?;
            self.expect(")", "\")\"")?;
            inner
        } else {
            let start = self.token().span;
            let matchers = self.selector()?;
            let log = LogExpr { matchers, stages: Vec::new(), span: start.to(self.previous_span()) };
            Ranged { log, pipeline: Pipeline::default(), range_ns: None, offset_ns: 0 }
        };
        loop {
            if self.at_sign("[") {
                let at = self.token().span;
                let range = self.range()?;
                if ranged.range_ns.replace(range).is_some() {
                    return Err(self.fail(at, "a second range"));
                }
                if self.accept_word("offset").is_some() {
                    ranged.offset_ns = self.offset()?;
                }
            } else if self.begins_stage() {
                self.stage(&mut ranged.pipeline)?;
            } else {
                break;
            }
        }
        ranged.log.span = ranged.log.span.to(self.previous_span());
        Ok(ranged)
    }

    fn range(&mut self) -> Parsed<i64> {
        self.expect("[", "\"[\"")?;
        let token = self.token();
        if token.kind != Kind::Duration {
            return Err(self.unexpected("a duration such as 5m"));
        }
        self.next();
        let nanos = units::parse_query_duration(self.text_of(token)).filter(|n| *n > 0);
        self.expect("]", "\"]\"")?;
        nanos.ok_or_else(|| self.fail(token.span, "a range is longer than 0"))
    }

    fn offset(&mut self) -> Parsed<i64> {
        let negative = self.accept("-").is_some();
        let token = self.token();
        let text = self.text_of(token);
        let nanos = match token.kind {
            Kind::Duration => units::parse_query_duration(text),
            Kind::Number if text == "0" => Some(0),
            _ => return Err(self.unexpected("a duration such as 5m")),
        };
        self.next();
        let nanos = nanos.ok_or_else(|| self.fail(token.span, "the offset is out of range"))?;
        Ok(if negative { -nanos } else { nanos })
    }
}

fn number(text: &str) -> Option<f64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok().map(|v| v as f64),
        None => text.parse().ok(),
    }
}
