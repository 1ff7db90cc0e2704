//! Clients ask the system tables in PostgreSQL's own dialect. What DataFusion's planner does not know of it is said in
//! other words before it plans.

use super::catalog;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, GroupByExpr, Ident, JoinOperator, ObjectName, ObjectNamePart, Query, Select,
    SelectItem, SetExpr, TableFactor, Value, VisitMut, VisitorMut,
};
use std::ops::ControlFlow;

/// Types that are numbers or names of objects, which text stands for here.
const REG_TYPES: [&str; 8] =
    ["regclass", "regproc", "regprocedure", "regtype", "regnamespace", "regrole", "regoper", "regconfig"];

/// Puts a statement into words that the planner knows.
pub(crate) fn rewrite(statement: &mut Statement) {
    if let Statement::Statement(ast) = statement {
        let _ = ast.visit(&mut Rewriter);
    }
}

struct Rewriter;

impl VisitorMut for Rewriter {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some(other) = instead(expr) {
            *expr = other;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if emptied(&mut query.body) {
            query.order_by = None;
        }
        ControlFlow::Continue(())
    }
}

/// Says of a query over a system table that is always empty that it has no rows, without what PostgreSQL alone knows:
/// its functions and correlations. Whether it did.
fn emptied(body: &mut SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => emptied_select(select),
        SetExpr::SetOperation { left, right, .. } => {
            let (left, right) = (emptied(left), emptied(right));
            left || right
        }
        _ => false,
    }
}

fn emptied_select(select: &mut Select) -> bool {
    let named =
        |item: &SelectItem| matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. });
    if !selects_nothing(select) || !select.projection.iter().all(named) {
        return false;
    }
    for item in &mut select.projection {
        let alias = match item {
            SelectItem::ExprWithAlias { alias, .. } => alias.clone(),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(path)) => {
                path.last().cloned().unwrap_or_else(|| Ident::new("?column?"))
            }
            SelectItem::UnnamedExpr(Expr::Identifier(name)) => name.clone(),
            SelectItem::UnnamedExpr(Expr::Function(f)) => match f.name.0.last() {
                Some(ObjectNamePart::Identifier(name)) => name.clone(),
                _ => Ident::new("?column?"),
            },
            _ => Ident::new("?column?"),
        };
        *item = SelectItem::ExprWithAlias { expr: null(), alias };
    }
    // Columns have names of their own.
    for i in 0..select.projection.len() {
        let (before, rest) = select.projection.split_at_mut(i);
        if let SelectItem::ExprWithAlias { alias, .. } = &mut rest[0]
            && before
                .iter()
                .any(|o| matches!(o, SelectItem::ExprWithAlias { alias: a, .. } if a.value == alias.value))
        {
            alias.value = format!("{}_{i}", alias.value);
        }
    }
    select.from.clear();
    select.selection = Some(Expr::Value(Value::Boolean(false).into()));
    select.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
    select.having = None;
    select.distinct = None;
    true
}

/// Whether a select joins a system table that is always empty.
fn selects_nothing(select: &Select) -> bool {
    let aggregates = matches!(&select.group_by, GroupByExpr::Expressions(e, _) if e.is_empty())
        && select.projection.iter().any(|item| match item {
            SelectItem::UnnamedExpr(e) | SelectItem::ExprWithAlias { expr: e, .. } => is_count(e),
            _ => false,
        });
    // A count of nothing is one row.
    !aggregates
        && select.from.iter().any(|table| {
            is_empty(&table.relation)
                || table.joins.iter().any(|join| {
                    let inner = matches!(
                        join.join_operator,
                        JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_)
                    );
                    inner && is_empty(&join.relation)
                })
        })
}

fn is_count(expr: &Expr) -> bool {
    matches!(expr, Expr::Function(f) if f.name.to_string().eq_ignore_ascii_case("count"))
}

fn is_empty(table: &TableFactor) -> bool {
    system_table(table).is_some_and(|name| catalog::is_empty(&name))
}

/// The name of a system table.
fn system_table(table: &TableFactor) -> Option<String> {
    let TableFactor::Table { name, args: None, .. } = table else { return None };
    let name = match &name.0[..] {
        [ObjectNamePart::Identifier(name)] => name,
        [ObjectNamePart::Identifier(schema), ObjectNamePart::Identifier(name)]
            if schema.value.eq_ignore_ascii_case("pg_catalog") =>
        {
            name
        }
        _ => return None,
    };
    Some(name.value.to_ascii_lowercase()).filter(|name| catalog::NAMES.contains(&name.as_str()))
}

/// Says of a query for one value of a system table's row that there is at most one. PostgreSQL finds out when it runs
/// it; the planner here wants to know before.
fn single(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    let plain = matches!(&select.group_by, GroupByExpr::Expressions(e, _) if e.is_empty())
        && matches!(&select.from[..], [table] if table.joins.is_empty() && system_table(&table.relation).is_some());
    if let (true, [SelectItem::UnnamedExpr(column @ (Expr::Identifier(_) | Expr::CompoundIdentifier(_)))]) =
        (plain, &mut select.projection[..])
    {
        *column = call("max", vec![take(column)]);
    }
}

fn null() -> Expr {
    Expr::Value(Value::Null.into())
}

/// Whether a query within an expression gives nothing.
fn gives_nothing(query: &Query) -> bool {
    match query.body.as_ref() {
        SetExpr::Select(select) => {
            // What was emptied before has no table left.
            let was_emptied = select.from.is_empty()
                && matches!(&select.selection, Some(Expr::Value(v)) if v.value == Value::Boolean(false));
            was_emptied || selects_nothing(select)
        }
        _ => false,
    }
}

fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, null())
}

/// What to say instead of an expression.
fn instead(expr: &mut Expr) -> Option<Expr> {
    match expr {
        Expr::Collate { expr, .. } => Some(take(expr)),
        Expr::BinaryOp { op, .. } => {
            if let BinaryOperator::PGCustomBinaryOperator(path) = op {
                *op = operator(path.last()?)?;
            }
            None
        }
        Expr::Cast { expr, data_type, .. } => {
            let name = data_type.to_string().to_ascii_lowercase();
            let name = name.strip_prefix("pg_catalog.").unwrap_or(&name);
            if let Some(reg) = REG_TYPES.iter().find(|r| **r == name) {
                return Some(call(&format!("watchfire_{reg}"), vec![take(expr)]));
            }
            if let Some(known) = plain_type(name) {
                *data_type = known;
            }
            None
        }
        Expr::Subquery(query) if gives_nothing(query) => Some(null()),
        Expr::Subquery(query) => {
            single(query);
            None
        }
        Expr::Exists { subquery, negated } if gives_nothing(subquery) => {
            Some(Expr::Value(Value::Boolean(*negated).into()))
        }
        Expr::Function(function) => {
            unqualify(function);
            match &function.args {
                FunctionArguments::Subquery(query) if gives_nothing(query) => Some(null()),
                _ => None,
            }
        }
        _ => None,
    }
}

/// A type of PostgreSQL's in other words, if the planner has no name for it.
fn plain_type(name: &str) -> Option<DataType> {
    Some(match name {
        "oid" | "xid" | "cid" | "int8" => DataType::BigInt(None),
        "int4" => DataType::Int(None),
        "int2" => DataType::SmallInt(None),
        "bool" => DataType::Boolean,
        "float8" => DataType::DoublePrecision,
        "text" | "name" | "\"char\"" | "citext" | "unknown" | "information_schema.sql_identifier" => {
            DataType::Text
        }
        "int2vector" | "oidvector" | "json" | "jsonb" | "varchar" | "bpchar" => DataType::Text,
        _ => return None,
    })
}

fn operator(name: &str) -> Option<BinaryOperator> {
    Some(match name {
        "=" => BinaryOperator::Eq,
        "<>" | "!=" => BinaryOperator::NotEq,
        "<" => BinaryOperator::Lt,
        ">" => BinaryOperator::Gt,
        "<=" => BinaryOperator::LtEq,
        ">=" => BinaryOperator::GtEq,
        "~" => BinaryOperator::PGRegexMatch,
        "~*" => BinaryOperator::PGRegexIMatch,
        "!~" => BinaryOperator::PGRegexNotMatch,
        "!~*" => BinaryOperator::PGRegexNotIMatch,
        "~~" => BinaryOperator::PGLikeMatch,
        "~~*" => BinaryOperator::PGILikeMatch,
        "!~~" => BinaryOperator::PGNotLikeMatch,
        "!~~*" => BinaryOperator::PGNotILikeMatch,
        "+" => BinaryOperator::Plus,
        "-" => BinaryOperator::Minus,
        "||" => BinaryOperator::StringConcat,
        _ => return None,
    })
}

fn call(name: &str, args: Vec<Expr>) -> Expr {
    let args = args.into_iter().map(|a| FunctionArg::Unnamed(FunctionArgExpr::Expr(a))).collect();
    Expr::Function(Function {
        name: ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// `pg_catalog.f(…)` is `f(…)`.
fn unqualify(function: &mut Function) {
    if let [ObjectNamePart::Identifier(schema), ObjectNamePart::Identifier(_)] = &function.name.0[..]
        && schema.value.eq_ignore_ascii_case("pg_catalog")
    {
        function.name.0.remove(0);
    }
}
