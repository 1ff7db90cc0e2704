//! Pipelines, and what stands between their bars.

use super::field::negative;
use super::lexer::Kind;
use super::metrics::folded;
use super::{NESTING_MAX, Parsed, Parser};
use crate::ast::{
    Aggregate, AggregateOp, Arithmetic, Body, Comparison, Metrics, MetricsQuery, Pipeline, Place, Scalar,
    ScalarBinary, ScalarFilter, SecondStage, Spanset, SpansetBinary, SpansetOp, Stage,
};
use crate::literal::Literal;

/// What can stand between two bars, or in parentheses.
pub(super) enum Node {
    Spans(Spanset),
    /// `by(…)`, `select(…)`, `coalesce()`
    Stage(Stage),
    Scalar(Scalar),
    /// `count() > 2`
    Filter(ScalarFilter),
    Number(Literal),
    /// `rate() by (…)`, to be completed by the pipeline before it.
    Function(MetricsQuery, Vec<SecondStage>),
    /// `topk(5)`, likewise.
    Second(Vec<SecondStage>),
    Metrics(Metrics),
}

pub(super) struct Element {
    pub node: Node,
    pub place: Place,
    pub height: u32,
}

impl Node {
    fn as_str(&self) -> &'static str {
        match self {
            Node::Spans(_) => "a set of spans",
            Node::Stage(_) => "a stage of a pipeline",
            Node::Scalar(_) => "an aggregate",
            Node::Filter(_) => "a condition on an aggregate",
            Node::Number(_) => "a number",
            Node::Function(..) => "a metrics function",
            Node::Second(_) => "topk or bottomk",
            Node::Metrics(_) => "a metrics query",
        }
    }
}

enum Operator {
    Spans(SpansetOp),
    Compare(Comparison),
    Arithmetic(Arithmetic),
}

impl Parser<'_> {
    /// The operator that stands here, and how strongly it binds.
    fn operator(&self) -> Option<(&'static str, u8)> {
        let sign = self.sign()?;
        let strength = match sign {
            "&&" | "||" => 1,
            sign if SpansetOp::structural(sign).is_some() || Comparison::named(sign).is_some() => 2,
            sign => super::field::strength(Arithmetic::named(sign)?),
        };
        Some((sign, strength))
    }

    /// The whole query up to its hints.
    pub(super) fn body(&mut self) -> Parsed<Body> {
        let element = self.pipeline()?;
        let place = element.place;
        match element.node {
            Node::Metrics(metrics) => Ok(Body::Metrics(metrics)),
            Node::Spans(Spanset::Pipeline(pipeline)) => Ok(Body::Spans(pipeline)),
            Node::Spans(spans) => Ok(Body::Spans(Pipeline { stages: vec![Stage::Spans(spans)] })),
            Node::Filter(filter) => Ok(Body::Spans(Pipeline { stages: vec![Stage::Scalar(filter)] })),
            Node::Stage(Stage::Coalesce) => {
                Err(self
                    .fail(place, "a pipeline cannot begin with coalesce(), which joins what by() told apart"))
            }
            Node::Stage(stage) => Ok(Body::Spans(Pipeline { stages: vec![stage] })),
            Node::Scalar(_) => Err(self
                .fail(place, "an aggregate alone selects nothing")
                .with_help(Some("compare it with a number: | count() > 2".to_owned()))),
            node => {
                let message = format!("{} alone is no query", node.as_str());
                Err(self.fail(place, message).with_help(Some("begin with { … }".to_owned())))
            }
        }
    }

    /// Elements between bars, as one element.
    fn pipeline(&mut self) -> Parsed<Element> {
        let first = self.element(1)?;
        if self.sign() != Some("|") {
            return Ok(first);
        }
        let start = first.place;
        let mut height = first.height;
        let mut so_far = first.node;
        while self.accept("|").is_some() {
            let next = self.element(1)?;
            height = height.max(next.height);
            so_far = self.piped(so_far, start, next)?;
        }
        self.higher(so_far, start.to(self.previous()), height)
    }

    /// What one element makes of those before it.
    fn piped(&self, so_far: Node, start: Place, next: Element) -> Parsed<Node> {
        let place = next.place;
        let mut stages = match (so_far, &next.node) {
            (Node::Metrics(metrics), Node::Second(_)) => {
                let Node::Second(second) = next.node else { unreachable!("it was looked at") };
                return Ok(Node::Metrics(self.staged(metrics, second, place)?));
            }
            (Node::Spans(Spanset::Pipeline(pipeline)), _) => pipeline.stages,
            (Node::Spans(spans), _) => vec![Stage::Spans(spans)],
            (Node::Filter(filter), _) => vec![Stage::Scalar(filter)],
            (Node::Stage(Stage::Coalesce), _) => {
                let message = "a pipeline cannot begin with coalesce(), which joins what by() told apart";
                return Err(self.fail(start, message));
            }
            (Node::Stage(stage), _) => vec![stage],
            (Node::Scalar(_), _) => {
                let error = self.fail(start.to(self.previous()), "an aggregate selects nothing before \"|\"");
                return Err(error.with_help(Some("compare it with a number: count() > 2 | …".to_owned())));
            }
            (other, _) => {
                let message =
                    format!("{} cannot stand before \"|\" and {}", other.as_str(), next.node.as_str());
                return Err(self.fail(place, message));
            }
        };
        match next.node {
            Node::Spans(spans) => stages.push(Stage::Spans(spans)),
            Node::Stage(stage) => stages.push(stage),
            Node::Filter(filter) => stages.push(Stage::Scalar(filter)),
            Node::Scalar(Scalar::Aggregate(aggregate)) => {
                return Ok(Node::Scalar(Scalar::Pipeline(Pipeline { stages }, aggregate)));
            }
            Node::Function(query, second) => {
                let query = Metrics::Query(Box::new(MetricsQuery { pipeline: Pipeline { stages }, ..query }));
                return Ok(Node::Metrics(self.staged(query, second, place)?));
            }
            other => {
                let message = format!("{} cannot stand behind \"|\" here", other.as_str());
                let help = match other {
                    Node::Second(_) => {
                        Some("it picks among series: make some with | rate() by (…)".to_owned())
                    }
                    _ => None,
                };
                return Err(self.fail(place, message).with_help(help));
            }
        }
        // A pipeline that goes on is one for now.
        Ok(Node::Spans(Spanset::Pipeline(Pipeline { stages })))
    }

    pub(super) fn element(&mut self, weakest: u8) -> Parsed<Element> {
        self.nested(|p| {
            let mut lhs = p.operand()?;
            while let Some((sign, strength)) = p.operator() {
                if strength < weakest {
                    break;
                }
                let place = p.next().place;
                let binds_right = strength == super::field::POWER;
                let rhs = p.element(if binds_right { strength } else { strength + 1 })?;
                lhs = p.join(sign, place, lhs, rhs)?;
            }
            Ok(lhs)
        })
    }

    fn higher(&self, node: Node, place: Place, height: u32) -> Parsed<Element> {
        if height >= NESTING_MAX {
            Err(self.too_deep())
        } else {
            Ok(Element { node, place, height: height + 1 })
        }
    }

    fn operand(&mut self) -> Parsed<Element> {
        let start = self.place();
        match self.peek() {
            Kind::Sign("{") => {
                let filter = self.condition()?;
                // Braces bound their own height.
                return self.higher(Node::Spans(Spanset::Filter(filter)), start.to(self.previous()), 0);
            }
            Kind::Sign("(") => {
                self.next();
                let inner = self.nested(|p| p.pipeline())?;
                self.expect(")", "\"|\", an operator or \")\"")?;
                let place = start.to(self.previous());
                return self.higher(self.in_parentheses(inner.node, place)?, place, inner.height);
            }
            Kind::Sign("-") => {
                self.next();
                let inner = self.element(super::field::POWER)?;
                let place = start.to(inner.place);
                return match inner.node {
                    Node::Number(literal) => {
                        self.higher(Node::Number(negative(literal)), place, inner.height)
                    }
                    other => Err(self.fail(place, format!("- needs a number here, not {}", other.as_str()))),
                };
            }
            Kind::Int(_) | Kind::Float(_) | Kind::Duration(_) => {
                let literal = self.literal()?.unwrap_or(Literal::Nil);
                return self.higher(Node::Number(literal), start, 0);
            }
            Kind::Word => {
                let node = self.call()?;
                return self.higher(node, start.to(self.previous()), 0);
            }
            _ => {}
        }
        let error = self.unexpected("{ … }, an aggregate such as count(), or \"(\"");
        Err(match self.peek() {
            Kind::Field(_) | Kind::Text => error.with_help(Some(
                "conditions on spans stand in braces: { span.http.status_code = 500 }".to_owned(),
            )),
            _ => error,
        })
    }

    /// What parentheses make of a node: a pipeline in them is a set of spans of its own.
    fn in_parentheses(&self, node: Node, place: Place) -> Parsed<Node> {
        Ok(match node {
            Node::Filter(filter) => {
                Node::Spans(Spanset::Pipeline(Pipeline { stages: vec![Stage::Scalar(filter)] }))
            }
            Node::Stage(stage @ (Stage::By(_) | Stage::Select(_))) => {
                Node::Spans(Spanset::Pipeline(Pipeline { stages: vec![stage] }))
            }
            Node::Stage(_) | Node::Function(..) | Node::Second(_) => {
                let message = format!("{} cannot stand alone in parentheses", node.as_str());
                return Err(self.fail(place, message));
            }
            other => other,
        })
    }

    fn join(&self, sign: &'static str, at: Place, lhs: Element, rhs: Element) -> Parsed<Element> {
        let place = lhs.place.to(rhs.place);
        let height = lhs.height.max(rhs.height);
        let wrong = |l: &Node, r: &Node| {
            let message = format!("{sign} cannot stand between {} and {}", l.as_str(), r.as_str());
            let help = match (l, r) {
                (Node::Function(..), _) | (_, Node::Function(..)) => {
                    Some("put each metrics query in parentheses: ({ } | rate()) * 100".to_owned())
                }
                _ => None,
            };
            Err(self.fail(at, message).with_help(help))
        };
        let spans_op = match sign {
            "&&" => Some(SpansetOp::And),
            "||" => Some(SpansetOp::Or),
            sign => SpansetOp::structural(sign),
        };
        let op = match (Comparison::named(sign), Arithmetic::named(sign), spans_op) {
            (_, _, Some(op)) if matches!((&lhs.node, &rhs.node), (Node::Spans(_), Node::Spans(_))) => {
                Operator::Spans(op)
            }
            (Some(op), _, _) => Operator::Compare(op),
            (_, Some(op), _) => Operator::Arithmetic(op),
            _ => return wrong(&lhs.node, &rhs.node),
        };
        let node = match (op, lhs.node, rhs.node) {
            (Operator::Spans(op), Node::Spans(lhs), Node::Spans(rhs)) => {
                Node::Spans(Spanset::Binary(Box::new(SpansetBinary { op, lhs, rhs })))
            }
            (Operator::Compare(op), Node::Function(query, mut second), Node::Number(value)) => {
                second.push(SecondStage::Filter(op, value));
                Node::Function(query, second)
            }
            (Operator::Compare(op), Node::Second(mut second), Node::Number(value)) => {
                second.push(SecondStage::Filter(op, value));
                Node::Second(second)
            }
            (Operator::Compare(op), Node::Metrics(metrics), Node::Number(value)) => {
                Node::Metrics(self.staged(metrics, vec![SecondStage::Filter(op, value)], place)?)
            }
            (Operator::Compare(op), Node::Number(value), Node::Metrics(metrics)) => {
                Node::Metrics(self.staged(metrics, vec![SecondStage::Filter(op.flipped(), value)], place)?)
            }
            (
                Operator::Compare(op),
                lhs @ (Node::Scalar(_) | Node::Number(_)),
                rhs @ (Node::Scalar(_) | Node::Number(_)),
            ) if matches!(lhs, Node::Scalar(_)) || matches!(rhs, Node::Scalar(_)) => {
                Node::Filter(ScalarFilter { op, lhs: scalar(lhs), rhs: scalar(rhs) })
            }
            (Operator::Arithmetic(op), Node::Number(lhs), Node::Number(rhs)) => {
                Node::Number(folded(op, &lhs, &rhs).map_err(|reason| self.fail(place, reason))?)
            }
            (
                Operator::Arithmetic(op),
                lhs @ (Node::Scalar(_) | Node::Number(_)),
                rhs @ (Node::Scalar(_) | Node::Number(_)),
            ) => {
                let (lhs, rhs) = (scalar(lhs), scalar(rhs));
                Node::Scalar(Scalar::Binary(Box::new(ScalarBinary { op, lhs, rhs })))
            }
            (
                Operator::Arithmetic(
                    op @ (Arithmetic::Add | Arithmetic::Sub | Arithmetic::Mul | Arithmetic::Div),
                ),
                lhs @ (Node::Metrics(_) | Node::Number(_)),
                rhs @ (Node::Metrics(_) | Node::Number(_)),
            ) => Node::Metrics(self.calculated(op, lhs, rhs, place)?),
            (_, lhs, rhs) => return wrong(&lhs, &rhs),
        };
        self.higher(node, place, height)
    }

    /// `count()`, `by(…)`, `rate()` and what else is written with a word and parentheses.
    fn call(&mut self) -> Parsed<Node> {
        let place = self.place();
        let word = self.text_of(place);
        if let Some(op) = AggregateOp::named(word) {
            self.next();
            return self.aggregate(op, place).map(|a| Node::Scalar(Scalar::Aggregate(a)));
        }
        match word {
            "by" => {
                self.next();
                self.expect("(", "\"(\"")?;
                let typed = self.field_expr()?;
                if !typed.looks {
                    let message = "by() needs something that differs from span to span";
                    return Err(self.fail(typed.place, message));
                }
                self.expect(")", "\")\"")?;
                Ok(Node::Stage(Stage::By(typed.expr)))
            }
            "coalesce" => {
                self.next();
                self.expect("(", "\"(\"")?;
                self.expect(")", "\")\": coalesce takes nothing")?;
                Ok(Node::Stage(Stage::Coalesce))
            }
            "select" => {
                self.next();
                self.fields().map(|fields| Node::Stage(Stage::Select(fields)))
            }
            _ => self.metrics_call(word, place),
        }
    }

    fn aggregate(&mut self, op: AggregateOp, place: Place) -> Parsed<Aggregate> {
        self.expect("(", "\"(\"")?;
        if op == AggregateOp::Count {
            self.expect(")", "\")\": count takes nothing")?;
            return Ok(Aggregate { op, of: None });
        }
        if self.sign() == Some(")") {
            let error = self.fail(place.to(self.place()), format!("{}() needs a field", op.as_str()));
            return Err(error.with_help(Some(format!("for instance {}(duration)", op.as_str()))));
        }
        let typed = self.field_expr()?;
        if !typed.ty.is_number() {
            let message = format!("{}() needs a number, and this is {}", op.as_str(), typed.ty.as_str());
            return Err(self.fail(typed.place, message));
        }
        if !typed.looks {
            let message = format!("{}() needs something that differs from span to span", op.as_str());
            return Err(self.fail(typed.place, message));
        }
        self.expect(")", "an operator or \")\"")?;
        Ok(Aggregate { op, of: Some(typed.expr) })
    }
}

fn scalar(node: Node) -> Scalar {
    match node {
        Node::Scalar(scalar) => scalar,
        Node::Number(literal) => Scalar::Literal(literal),
        _ => unreachable!("only those are asked for"),
    }
}
