//! Queries that give numbers.

use super::element::Node;
use super::lexer::Kind;
use super::types::Type;
use super::{Parsed, Parser};
use crate::ast::{
    AggregateOp, Arithmetic, FieldExpr, FoldOp, Function, Metrics, MetricsQuery, Pipeline, Place, SecondStage,
};
use crate::field::Field;
use crate::literal::Literal;
use promql::nearest_name;

/// Fields that series may be told apart by.
const BY_MAX: usize = 20;
/// Quantiles of one query.
const QUANTILES_MAX: usize = 20;
/// Values per attribute that `compare` gives.
const COMPARE_MAX: i64 = 1000;

const FUNCTIONS: [&str; 7] =
    ["rate", "count_over_time", "quantile_over_time", "histogram_over_time", "compare", "topk", "bottomk"];

impl Parser<'_> {
    /// `rate() by (…)`, `topk(5)`
    pub(super) fn metrics_call(&mut self, word: &str, place: Place) -> Parsed<Node> {
        let fold = FoldOp::named(word);
        if fold.is_none() && !FUNCTIONS.contains(&word) {
            return Err(self.unknown(word, place));
        }
        self.next();
        self.expect("(", "\"(\"")?;
        let function = match (word, fold) {
            (_, Some(op)) => Function::Fold(op, self.measure(word)?),
            ("rate", _) => Function::Rate,
            ("count_over_time", _) => Function::CountOverTime,
            ("histogram_over_time", _) => Function::Histogram(self.measure(word)?),
            ("quantile_over_time", _) => {
                let of = self.measure(word)?;
                let mut quantiles = Vec::new();
                while self.accept(",").is_some() {
                    quantiles.push(self.quantile()?);
                }
                if quantiles.is_empty() {
                    return Err(self.unexpected("\",\" and a quantile such as 0.9"));
                }
                if quantiles.len() > QUANTILES_MAX {
                    let message = format!(
                        "{} quantiles are asked for; at most {QUANTILES_MAX} are given",
                        quantiles.len()
                    );
                    return Err(self.fail(place, message));
                }
                Function::Quantile(of, quantiles)
            }
            ("compare", _) => self.compare(place)?,
            (pick, _) => {
                let at = self.place();
                let count = self.int("how many series")?;
                let count = u32::try_from(count).ok().filter(|c| *c > 0);
                let count =
                    count.ok_or_else(|| self.fail(at, format!("{pick} needs a number of series above 0")))?;
                self.expect(")", "\")\"")?;
                let stage =
                    if pick == "topk" { SecondStage::TopK(count) } else { SecondStage::BottomK(count) };
                return Ok(Node::Second(vec![stage]));
            }
        };
        self.expect(")", "\")\"")?;
        let mut by = Vec::new();
        let at = self.place();
        if self.word() == Some("by") {
            if matches!(function, Function::Compare { .. }) {
                return Err(self.fail(at, "compare looks at every attribute and takes no by()"));
            }
            self.next();
            by = self.fields()?;
            if by.len() > BY_MAX {
                let message = format!("by() names {} fields; at most {BY_MAX} tell series apart", by.len());
                return Err(self.fail(at, message));
            }
        }
        let query = MetricsQuery { pipeline: Pipeline { stages: Vec::new() }, function, by };
        Ok(Node::Function(query, Vec::new()))
    }

    fn unknown(&self, word: &str, place: Place) -> promql::ParseError {
        let known = AggregateOp::ALL.iter().map(|op| op.as_str());
        let known = known.chain(FoldOp::ALL.iter().map(|op| op.as_str())).chain(FUNCTIONS);
        let help = match nearest_name(word, known.chain(["by", "coalesce", "select", "with"])) {
            Some(name) => Some(format!("did you mean {name}?")),
            None => Some("conditions on spans stand in braces: { name = \"GET\" }".to_owned()),
        };
        self.fail(place, format!("there is no {word}")).with_help(help)
    }

    /// The field of a function that needs numbers.
    fn measure(&mut self, function: &str) -> Parsed<Field> {
        let place = self.place();
        if self.sign() == Some(")") {
            let error = self.fail(place, format!("{function}() needs a field"));
            return Err(error.with_help(Some(format!("for instance {function}(duration)"))));
        }
        let field = self.field("a field such as duration")?;
        match Type::of_field(&field) {
            ty if ty.is_number() => Ok(field),
            ty => Err(self.fail(place, format!("{function} needs a number, and {field} is {}", ty.as_str()))),
        }
    }

    fn quantile(&mut self) -> Parsed<f64> {
        let place = self.place();
        let value = match self.peek() {
            Kind::Int(i) => *i as f64,
            Kind::Float(f) => *f,
            _ => return Err(self.unexpected("a quantile such as 0.9")),
        };
        self.next();
        if !(0.0..=1.0).contains(&value) {
            return Err(self.fail(place, format!("a quantile lies between 0 and 1, not at {value}")));
        }
        Ok(value)
    }

    fn int(&mut self, expected: &str) -> Parsed<i64> {
        match *self.peek() {
            Kind::Int(i) => {
                self.next();
                Ok(i)
            }
            _ => Err(self.unexpected(expected)),
        }
    }

    fn compare(&mut self, place: Place) -> Parsed<Function> {
        let filter: FieldExpr = self.condition()?;
        let mut numbers = Vec::new();
        while self.accept(",").is_some() {
            numbers.push(self.int("a whole number")?);
        }
        let (top, window) = match numbers[..] {
            [] => (10, None),
            [top] => (top, None),
            [top, start, end] => (top, Some((start, end))),
            _ => {
                let message =
                    "compare takes a filter, how many values, and both a start and an end in nanoseconds";
                return Err(self.fail(place, message));
            }
        };
        if !(1..=COMPARE_MAX).contains(&top) {
            return Err(
                self.fail(place, format!("compare gives 1 to {COMPARE_MAX} values per attribute, not {top}"))
            );
        }
        // Zeros stand for no window.
        let window = window.filter(|w| *w != (0, 0));
        if let Some((start, end)) = window
            && (start <= 0 || end <= start)
        {
            let message =
                format!("the window of compare goes from {start} to {end}; it must end after it starts");
            return Err(self.fail(place, message));
        }
        Ok(Function::Compare { filter, top: top as u32, window })
    }

    pub(super) fn staged(&self, metrics: Metrics, second: Vec<SecondStage>, place: Place) -> Parsed<Metrics> {
        if second.is_empty() {
            return Ok(metrics);
        }
        self.check_not_compare(&metrics, place)?;
        Ok(match metrics {
            Metrics::Staged(inner, mut stages) => {
                stages.extend(second);
                Metrics::Staged(inner, stages)
            }
            other => Metrics::Staged(Box::new(other), second),
        })
    }

    fn check_not_compare(&self, metrics: &Metrics, place: Place) -> Parsed<()> {
        match metrics {
            Metrics::Query(query) if matches!(query.function, Function::Compare { .. }) => {
                Err(self.fail(place, "what compare gives cannot be calculated with, filtered or picked from"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn calculated(&self, op: Arithmetic, lhs: Node, rhs: Node, place: Place) -> Parsed<Metrics> {
        let side = |node: Node| match node {
            Node::Metrics(metrics) => {
                self.check_not_compare(&metrics, place)?;
                Ok(metrics)
            }
            Node::Number(Literal::Duration(_)) => {
                let error = self.fail(place, "a metrics query cannot be calculated with a duration");
                Err(error.with_help(Some("write seconds as a number: * 10, not * 10s".to_owned())))
            }
            Node::Number(literal) => Ok(Metrics::Number(literal)),
            _ => Err(self.fail(place, "only metrics queries and numbers can be calculated with here")),
        };
        Ok(Metrics::Binary(op, Box::new((side(lhs)?, side(rhs)?))))
    }
}

/// What two numbers give. Whole numbers stay whole.
pub(super) fn folded(op: Arithmetic, lhs: &Literal, rhs: &Literal) -> Result<Literal, String> {
    use Literal::{Duration, Float, Int};
    let out_of_range = || format!("{lhs} {} {rhs} is out of range", op.as_str());
    match (lhs, rhs) {
        (Int(a), Int(b)) => match op {
            Arithmetic::Add => a.checked_add(*b),
            Arithmetic::Sub => a.checked_sub(*b),
            Arithmetic::Mul => a.checked_mul(*b),
            Arithmetic::Div if *b == 0 => return Err(format!("{lhs} is divided by 0")),
            Arithmetic::Div => a.checked_div(*b),
            Arithmetic::Mod if *b == 0 => return Err(format!("{lhs} is divided by 0")),
            Arithmetic::Mod => a.checked_rem(*b),
            Arithmetic::Pow => u32::try_from(*b).ok().and_then(|b| a.checked_pow(b)),
        }
        .map(Int)
        .ok_or_else(out_of_range),
        (Duration(_), _) | (_, Duration(_)) => Err("durations cannot be calculated with here".to_owned()),
        _ => {
            let (a, b) = (lhs.number().unwrap_or(0.0), rhs.number().unwrap_or(0.0));
            let result = crate::eval::calculate(op, a, b);
            if result.is_finite() { Ok(Float(result)) } else { Err(out_of_range()) }
        }
    }
}
