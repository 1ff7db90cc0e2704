//! The syntax tree of a query as JSON, in the shape of the Prometheus API.

use crate::http::number::format_plain;
use model::Matcher;
use promql::Expr;
use promql::ast::{At, Duration, DurationExpr, Edges, Matching, NumberLiteral, VectorSelector};
use serde_json::{Map, Value, json};

/// An expression. Recursion is bounded by the parser's own bound on nesting.
pub fn tree(expr: &Expr) -> Value {
    match expr {
        Expr::Aggregate(e) => json!({
            "type": "aggregation",
            "op": e.op.as_str(),
            "expr": tree(&e.expr),
            "param": e.param.as_ref().map(tree),
            "grouping": e.grouping,
            "without": e.without,
        }),
        Expr::Binary(e) => json!({
            "type": "binaryExpr",
            "op": e.op.as_str(),
            "lhs": tree(&e.lhs),
            "rhs": tree(&e.rhs),
            "matching": e.matching.as_ref().map(matching),
            "bool": e.return_bool,
        }),
        Expr::Call(e) => json!({
            "type": "call",
            "func": {
                "name": e.function.name,
                "argTypes": e.function.args.iter().map(|t| t.as_str()).collect::<Vec<_>>(),
                "variadic": e.function.variadic,
                "returnType": e.function.returns.as_str(),
            },
            "args": e.args.iter().map(tree).collect::<Vec<_>>(),
        }),
        Expr::Matrix(e) => {
            let mut node = object("matrixSelector");
            node.insert("name".into(), e.selector.name.as_deref().unwrap_or("").into());
            insert_duration(&mut node, "range", Some(&e.range));
            selector(&mut node, &e.selector);
            Value::Object(node)
        }
        Expr::Vector(e) => {
            let mut node = object("vectorSelector");
            node.insert("name".into(), e.name.as_deref().unwrap_or("").into());
            selector(&mut node, e);
            Value::Object(node)
        }
        Expr::Subquery(e) => {
            let mut node = object("subquery");
            node.insert("expr".into(), tree(&e.expr));
            insert_duration(&mut node, "range", Some(&e.range));
            insert_duration(&mut node, "offset", e.offset.as_ref());
            insert_duration(&mut node, "step", e.step.as_ref());
            insert_at(&mut node, e.at);
            Value::Object(node)
        }
        Expr::Number(e) => json!({"type": "numberLiteral", "val": format_plain(e.value)}),
        Expr::String(e) => json!({"type": "stringLiteral", "val": e.text()}),
        Expr::Paren(e) => json!({"type": "parenExpr", "expr": tree(&e.expr)}),
        Expr::Unary(e) => json!({
            "type": "unaryExpr",
            "op": if e.negative { "-" } else { "+" },
            "expr": tree(&e.expr),
        }),
    }
}

fn object(kind: &str) -> Map<String, Value> {
    let mut node = Map::new();
    node.insert("type".into(), kind.into());
    node
}

fn matching(m: &Matching) -> Value {
    json!({
        "card": m.cardinality.as_str(),
        "labels": m.labels,
        "on": m.on,
        "include": m.include,
        "fillValues": {"lhs": m.fill_left, "rhs": m.fill_right},
    })
}

fn selector(node: &mut Map<String, Value>, s: &VectorSelector) {
    insert_duration(node, "offset", s.offset.as_ref());
    node.insert("matchers".into(), s.matchers.iter().map(matcher).collect());
    insert_at(node, s.at);
    node.insert("anchored".into(), (s.edges == Edges::Anchored).into());
    node.insert("smoothed".into(), (s.edges == Edges::Smoothed).into());
}

fn matcher(m: &Matcher) -> Value {
    json!({"name": m.name(), "value": m.value(), "type": m.op().as_str()})
}

fn insert_at(node: &mut Map<String, Value>, at: Option<At>) {
    let (time, edge) = match at {
        None => (Value::Null, Value::Null),
        Some(At::Time(ms)) => (ms.into(), Value::Null),
        Some(At::Start) => (Value::Null, "start".into()),
        Some(At::End) => (Value::Null, "end".into()),
    };
    node.insert("timestamp".into(), time);
    node.insert("startOrEnd".into(), edge);
}

/// Two keys: the fixed length in milliseconds (0 if computed or absent) and the expression (null if fixed).
fn insert_duration(node: &mut Map<String, Value>, key: &str, d: Option<&Duration>) {
    let (fixed, computed) = match d {
        None => (0, Value::Null),
        Some(Duration::Fixed(ms)) => (*ms, Value::Null),
        Some(Duration::Computed(e)) => (0, duration(e)),
    };
    node.insert(key.into(), fixed.into());
    node.insert(format!("{key}Expr"), computed);
}

fn duration(e: &DurationExpr) -> Value {
    let node = |op: &str, lhs: Value, rhs: Value, wrapped: bool| json!({"type": "durationExpr", "op": op, "lhs": lhs, "rhs": rhs, "wrapped": wrapped});
    match e {
        DurationExpr::Literal(NumberLiteral { value, duration, .. }) => {
            json!({"type": "numberLiteral", "val": format_plain(*value), "duration": duration})
        }
        DurationExpr::Step(_) => node("step", Value::Null, Value::Null, false),
        DurationExpr::Range(_) => node("range", Value::Null, Value::Null, false),
        DurationExpr::Negate { inner, .. } => node("-", Value::Null, duration(inner), false),
        DurationExpr::Binary { op, lhs, rhs, .. } => node(op.as_str(), duration(lhs), duration(rhs), false),
        DurationExpr::Paren { inner, .. } => {
            let mut inner = duration(inner);
            if let Some(wrapped) = inner.get_mut("wrapped") {
                *wrapped = true.into();
            }
            inner
        }
    }
}
