//! What of a condition a source can see to.

use datafusion::catalog::Session;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{InList, Like, ScalarFunction};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown as Support};
use datafusion::physical_plan::PhysicalExpr;
use model::record::{FilterOp, TextFilter, TraceId};
use model::{Labels, MatchOp, Matcher};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::columns::{Maps, Texts, map_type};
use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::logical_expr::utils::conjunction;
use parking_lot::Mutex;

/// What a column of a table is to its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Role {
    /// The time.
    Time,
    /// The text of a record.
    Body,
    /// The trace of a record.
    Trace,
    /// A label of the stream or series.
    Label(String),
    /// All of its labels.
    Labels,
    /// Anything else.
    Other,
}

/// The columns of a table by their roles.
pub(crate) type Roles<'a> = &'a dyn Fn(&str) -> Role;

/// Conditions that a source sees to.
#[derive(Debug, Clone)]
pub(crate) struct Pushed {
    /// Earliest instant.
    pub start_ns: i64,
    /// One past the latest.
    pub end_ns: i64,
    /// Conditions on bodies.
    pub filters: Vec<TextFilter>,
    /// The trace.
    pub trace: Option<TraceId>,
    /// Conditions on labels alone.
    pub labels: Vec<Expr>,
    /// Whether nothing fits.
    pub nothing: bool,
}

impl Default for Pushed {
    fn default() -> Pushed {
        Pushed {
            start_ns: i64::MIN,
            end_ns: i64::MAX,
            filters: Vec::new(),
            trace: None,
            labels: Vec::new(),
            nothing: false,
        }
    }
}

/// One condition in the source's terms.
enum Part {
    /// From one instant to before another.
    Time(i64, i64),
    Body(Vec<TextFilter>),
    Trace(TraceId),
    Labels,
}

/// How far a source sees to a condition.
pub(crate) fn support(filter: &Expr, roles: Roles<'_>) -> Support {
    match classify(filter, roles) {
        None => Support::Unsupported,
        Some((_, true)) => Support::Exact,
        Some((_, false)) => Support::Inexact,
    }
}

/// All conditions in the source's terms.
pub(crate) fn collect(filters: &[Expr], roles: Roles<'_>) -> Pushed {
    let mut out = Pushed::default();
    for filter in filters {
        match classify(filter, roles).map(|(part, _)| part) {
            None => {}
            Some(Part::Time(start, end)) => {
                out.start_ns = out.start_ns.max(start);
                out.end_ns = out.end_ns.min(end);
            }
            Some(Part::Body(filters)) => out.filters.extend(filters),
            Some(Part::Trace(id)) => {
                out.nothing |= out.trace.is_some_and(|t| t != id);
                out.trace = Some(id);
            }
            Some(Part::Labels) => out.labels.push(filter.clone()),
        }
    }
    out.nothing |= out.start_ns >= out.end_ns;
    out
}

/// A condition in the source's terms, and whether these say all of it.
fn classify(filter: &Expr, roles: Roles<'_>) -> Option<(Part, bool)> {
    if let Some(span) = time_span(filter, roles) {
        return Some((Part::Time(span.0, span.1), true));
    }
    if let Some((filters, exact)) = body_filters(filter, roles) {
        return Some((Part::Body(filters), exact));
    }
    if let Some(id) = trace(filter, roles) {
        return Some((Part::Trace(id), true));
    }
    only_labels(filter, roles).then_some((Part::Labels, true))
}

fn column(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Column(c) => Some(&c.name),
        _ => None,
    }
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(
            ScalarValue::Utf8(Some(v)) | ScalarValue::Utf8View(Some(v)) | ScalarValue::LargeUtf8(Some(v)),
            _,
        ) => Some(v),
        _ => None,
    }
}

/// An instant, Unix nanoseconds.
fn instant(expr: &Expr) -> Option<i64> {
    let Expr::Literal(value, _) = expr else { return None };
    match value {
        ScalarValue::TimestampNanosecond(Some(v), _) => Some(*v),
        ScalarValue::TimestampMicrosecond(Some(v), _) => v.checked_mul(1000),
        ScalarValue::TimestampMillisecond(Some(v), _) => v.checked_mul(1_000_000),
        ScalarValue::TimestampSecond(Some(v), _) => v.checked_mul(1_000_000_000),
        _ => None,
    }
}

fn time_span(filter: &Expr, roles: Roles<'_>) -> Option<(i64, i64)> {
    let is_time = |e: &Expr| column(e).is_some_and(|c| roles(c) == Role::Time);
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (op, at) = if is_time(left) {
                (*op, instant(right)?)
            } else if is_time(right) {
                (op.swap()?, instant(left)?)
            } else {
                return None;
            };
            let after = at.checked_add(1);
            Some(match op {
                Operator::Gt => (after.unwrap_or(i64::MAX), i64::MAX),
                Operator::GtEq => (at, i64::MAX),
                Operator::Lt => (i64::MIN, at),
                Operator::LtEq => (i64::MIN, after.unwrap_or(i64::MAX)),
                Operator::Eq => (at, after?),
                _ => return None,
            })
        }
        Expr::Between(b) if !b.negated && is_time(&b.expr) => {
            Some((instant(&b.low)?, instant(&b.high)?.saturating_add(1)))
        }
        _ => None,
    }
}

fn body_filters(filter: &Expr, roles: Roles<'_>) -> Option<(Vec<TextFilter>, bool)> {
    let is_body = |e: &Expr| column(e).is_some_and(|c| roles(c) == Role::Body);
    match filter {
        Expr::Like(like) if is_body(&like.expr) => like_filters(like),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_body(left) => {
            let pattern = text(right)?;
            let one = |op, pattern: &str| TextFilter::new(op, pattern).ok().map(|f| (vec![f], false));
            match op {
                Operator::Eq if !pattern.is_empty() => one(FilterOp::Contains, pattern),
                Operator::RegexMatch => one(FilterOp::Matches, pattern),
                Operator::RegexIMatch => one(FilterOp::Matches, &format!("(?i){pattern}")),
                _ => None,
            }
        }
        // strpos(body, 'x') > 0
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Gt, right }) => {
            let Expr::ScalarFunction(ScalarFunction { func, args }) = left.as_ref() else { return None };
            let zero = matches!(right.as_ref(), Expr::Literal(v, _) if v.to_string() == "0");
            (zero && func.name() == "strpos").then(|| called_with(args, &is_body)).flatten()
        }
        Expr::ScalarFunction(ScalarFunction { func, args })
            if matches!(func.name(), "contains" | "starts_with" | "ends_with") =>
        {
            called_with(args, &is_body)
        }
        _ => None,
    }
}

fn called_with(args: &[Expr], is_body: &dyn Fn(&Expr) -> bool) -> Option<(Vec<TextFilter>, bool)> {
    match args {
        [body, piece] if is_body(body) => {
            let piece = text(piece).filter(|t| !t.is_empty())?;
            TextFilter::new(FilterOp::Contains, piece).ok().map(|f| (vec![f], false))
        }
        _ => None,
    }
}

fn like_filters(like: &Like) -> Option<(Vec<TextFilter>, bool)> {
    let pattern = text(&like.pattern)?;
    let pieces = LikePieces::of(pattern, like.escape_char.unwrap_or('\\'));
    let exact = pieces.contains && pieces.all.len() == 1;
    if like.negated {
        let piece = pieces.all.first().filter(|_| exact && !like.case_insensitive)?;
        return TextFilter::new(FilterOp::NotContains, piece).ok().map(|f| (vec![f], true));
    }
    let filter = |piece: &String| match like.case_insensitive {
        false => TextFilter::new(FilterOp::Contains, piece).ok(),
        true => TextFilter::new(FilterOp::Matches, &format!("(?i){}", regex::escape(piece))).ok(),
    };
    let filters: Vec<_> = pieces.all.iter().filter_map(filter).collect();
    (!filters.is_empty()).then_some((filters, exact && !like.case_insensitive))
}

/// The literal pieces of a pattern of `LIKE`.
struct LikePieces {
    all: Vec<String>,
    /// Whether the pattern is `%`, pieces between `%`, and `%`: without `_`, and open at both ends.
    contains: bool,
    /// The piece the pattern begins with.
    prefix: String,
}

impl LikePieces {
    fn of(pattern: &str, escape: char) -> LikePieces {
        let (mut all, mut piece, mut single) = (Vec::new(), String::new(), false);
        let mut prefix: Option<String> = None;
        let mut last_open = false;
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            let literal = match c {
                c if c == escape => Some(chars.next().unwrap_or(escape)),
                '%' | '_' => None,
                c => Some(c),
            };
            last_open = c == '%' && literal.is_none();
            match literal {
                Some(c) => piece.push(c),
                None => {
                    single |= c == '_';
                    prefix.get_or_insert_with(|| piece.clone());
                    all.push(std::mem::take(&mut piece));
                }
            }
        }
        let prefix = prefix.unwrap_or_else(|| piece.clone());
        all.push(piece);
        all.retain(|p| !p.is_empty());
        LikePieces { all, contains: !single && prefix.is_empty() && last_open, prefix }
    }
}

fn trace(filter: &Expr, roles: Roles<'_>) -> Option<TraceId> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = filter else { return None };
    column(left).filter(|c| roles(c) == Role::Trace)?;
    let text = text(right)?;
    // Ids are shown in small letters: others equal none.
    TraceId::from_hex(text).filter(|id| !id.is_none() && id.to_string() == text)
}

/// Whether a condition depends on labels and on nothing else.
fn only_labels(filter: &Expr, roles: Roles<'_>) -> bool {
    let columns = filter.column_refs();
    let foreign = |e: &Expr| {
        Ok(matches!(
            e,
            Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::OuterReferenceColumn(..)
                | Expr::Placeholder(_)
                | Expr::AggregateFunction(_)
                | Expr::WindowFunction(_)
        ))
    };
    !columns.is_empty()
        && columns.iter().all(|c| matches!(roles(&c.name), Role::Label(_) | Role::Labels))
        && !filter.is_volatile()
        && !datafusion::common::tree_node::TreeNode::exists(filter, foreign).unwrap_or(true)
}

/// Matchers that every series must satisfy for a condition on labels to hold. The condition may ask for more.
pub(crate) fn matchers(filters: &[Expr], roles: Roles<'_>) -> Vec<Matcher> {
    filters.iter().filter_map(|f| matcher(f, roles)).collect()
}

fn matcher(filter: &Expr, roles: Roles<'_>) -> Option<Matcher> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { op: Operator::Or, .. }) => {
            let mut values = Vec::new();
            let mut name = None;
            equalities(filter, roles, &mut name, &mut values)?;
            one_of(&name?, &values)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (name, value) = (label(left, roles)?, text(right)?);
            match op {
                Operator::Eq if !value.is_empty() => Some(Matcher::equal(name, value)),
                Operator::NotEq => Matcher::new(MatchOp::NotEqual, name, value).ok(),
                Operator::RegexMatch => {
                    Matcher::new(MatchOp::Regex, name, format!("(?s:.*)(?:{value})(?s:.*)")).ok()
                }
                _ => None,
            }
        }
        Expr::InList(InList { expr, list, negated: false }) => {
            let values: Option<Vec<&str>> = list.iter().map(text).collect();
            one_of(&label(expr, roles)?, &values?)
        }
        Expr::Like(like) if !like.negated && !like.case_insensitive => {
            let name = label(&like.expr, roles)?;
            let pieces = LikePieces::of(text(&like.pattern)?, like.escape_char.unwrap_or('\\'));
            let pattern = match pieces.prefix.is_empty() {
                false => format!("{}(?s:.*)", regex::escape(&pieces.prefix)),
                true => format!("(?s:.*){}(?s:.*)", regex::escape(pieces.all.first()?)),
            };
            Matcher::new(MatchOp::Regex, name, pattern).ok()
        }
        _ => None,
    }
}

fn one_of(name: &str, values: &[&str]) -> Option<Matcher> {
    if values.is_empty() || values.iter().any(|v| v.is_empty()) {
        return None;
    }
    let escaped: Vec<String> = values.iter().map(|v| regex::escape(v)).collect();
    Matcher::new(MatchOp::Regex, name, escaped.join("|")).ok()
}

/// `a = 'x' OR a = 'y'`: one label and its values.
fn equalities<'e>(
    expr: &'e Expr,
    roles: Roles<'_>,
    name: &mut Option<String>,
    values: &mut Vec<&'e str>,
) -> Option<()> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            equalities(left, roles, name, values)?;
            equalities(right, roles, name, values)
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            let found = label(left, roles)?;
            values.push(text(right)?);
            (*name.get_or_insert_with(|| found.clone()) == found).then_some(())
        }
        _ => None,
    }
}

/// The label an expression stands for: a column, or an entry of the map of labels.
fn label(expr: &Expr, roles: Roles<'_>) -> Option<String> {
    match expr {
        Expr::Column(c) => match roles(&c.name) {
            Role::Label(name) => Some(name),
            _ => None,
        },
        Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == "get_field" => {
            match &args[..] {
                [Expr::Column(map), key] if roles(&map.name) == Role::Labels => text(key).map(str::to_owned),
                _ => None,
            }
        }
        _ => None,
    }
}

/// A condition on labels, evaluated once for each set of them.
pub(crate) struct LabelTest {
    shown: String,
    condition: Arc<dyn PhysicalExpr>,
    schema: SchemaRef,
    roles: Vec<Role>,
    known: Mutex<HashMap<Labels, bool>>,
}

/// Verdicts that are remembered.
const KNOWN_MAX: usize = 100_000;

impl std::fmt::Debug for LabelTest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

impl LabelTest {
    /// A test of all these conditions; `None` if there are none.
    pub fn new(state: &dyn Session, filters: &[Expr], roles: Roles<'_>) -> Result<Option<LabelTest>> {
        let Some(all) = conjunction(filters.iter().cloned()) else { return Ok(None) };
        let names: BTreeSet<String> = all.column_refs().into_iter().map(|c| c.name.clone()).collect();
        let all = datafusion::logical_expr::expr_rewriter::unnormalize_col(all);
        let field = |name: &String| {
            let of = if roles(name) == Role::Labels { map_type() } else { DataType::Utf8View };
            Field::new(name, of, true)
        };
        let schema = Arc::new(Schema::new(names.iter().map(field).collect::<Vec<_>>()));
        let condition = state.create_physical_expr(all.clone(), &DFSchema::try_from(Arc::clone(&schema))?)?;
        let roles = names.iter().map(|n| roles(n)).collect();
        Ok(Some(LabelTest { shown: all.to_string(), condition, schema, roles, known: Mutex::default() }))
    }

    /// Whether labels satisfy it.
    pub fn passes(&self, labels: &Labels) -> Result<bool> {
        if let Some(known) = self.known.lock().get(labels) {
            return Ok(*known);
        }
        let passes = self.evaluate(labels)?;
        let mut known = self.known.lock();
        if known.len() < KNOWN_MAX {
            known.insert(labels.clone(), passes);
        }
        Ok(passes)
    }

    fn evaluate(&self, labels: &Labels) -> Result<bool> {
        let column = |role: &Role| -> ArrayRef {
            match role {
                Role::Labels => {
                    let mut maps = Maps::new();
                    maps.labels(labels, 1);
                    maps.finish()
                }
                Role::Label(name) => {
                    let mut texts = Texts::new();
                    texts.push(labels.get(name));
                    texts.finish()
                }
                _ => arrow::array::new_null_array(&DataType::Utf8View, 1),
            }
        };
        let columns = self.roles.iter().map(column).collect();
        let one = RecordBatchOptions::new().with_row_count(Some(1));
        let row = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &one)?;
        let verdict = self.condition.evaluate(&row)?.into_array(1)?;
        let verdict = verdict.as_any().downcast_ref::<BooleanArray>();
        Ok(verdict.is_some_and(|v| v.is_valid(0) && v.value(0)))
    }
}
