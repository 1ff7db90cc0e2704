//! How large a statement may grow on its way to rows.
//!
//! Parsers and planners recurse, and so do the drops of what they make: a text is refused that makes trees deeper than
//! the stack it is planned on. A constant is repeated for each row of a batch: it has to be small.

use crate::error::SqlError;
use crate::scan::BATCH_ROWS;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::sqlparser::ast::{Statement, TableFactor, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use promql::{EvalError, ParseError, Span};
use std::ops::ControlFlow;

/// Operators and words of a statement that make its tree one deeper.
const CHAINED_MAX: usize = 1000;
/// Tables that a statement names.
const TABLES_MAX: usize = 256;
/// The stack that statements are planned and run on. It is mapped as it is used.
const STACK_BYTES: usize = 64 << 20;
/// What one expression may make for a batch of rows.
pub(crate) const RESULT_BYTES_MAX: u64 = 256 << 20;
/// The largest constant.
const CONSTANT_BYTES_MAX: usize = RESULT_BYTES_MAX as usize / BATCH_ROWS;

/// Runs `work` where there is room for trees as deep as a statement can make them.
pub(crate) fn deep<R>(work: impl FnOnce() -> R) -> R {
    stacker::maybe_grow(STACK_BYTES / 2, STACK_BYTES, work)
}

fn whole(text: &str, message: String) -> SqlError {
    SqlError::Statement(ParseError::new(text, Span { start: 0, end: 0 }, message))
}

/// Refuses a text whose tree would be too deep. What is no text of tokens is left to the parser.
pub(crate) fn check_text(text: &str) -> std::result::Result<(), SqlError> {
    let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize() else { return Ok(()) };
    let chained = tokens.iter().filter(|t| chains(t)).count();
    if chained <= CHAINED_MAX {
        return Ok(());
    }
    Err(whole(
        text,
        format!(
            "the statement has {chained} operators and the like, over the limit of {CHAINED_MAX}: write IN (…) for \
             many comparisons and VALUES for many queries"
        ),
    ))
}

/// Whether a token may make a tree deeper without a nesting that the parser counts.
fn chains(token: &Token) -> bool {
    match token {
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::XOR
                | Keyword::IS
                | Keyword::IN
                | Keyword::LIKE
                | Keyword::ILIKE
                | Keyword::SIMILAR
                | Keyword::BETWEEN
                | Keyword::COLLATE
                | Keyword::AT
                | Keyword::OPERATOR
                | Keyword::UNION
                | Keyword::EXCEPT
                | Keyword::INTERSECT
                | Keyword::MINUS
                | Keyword::SELECT
                | Keyword::JOIN
        ),
        Token::EOF
        | Token::Whitespace(_)
        | Token::Comma
        | Token::Period
        | Token::SemiColon
        | Token::LParen
        | Token::RParen
        | Token::RBracket
        | Token::RBrace
        | Token::Number(..)
        | Token::Char(_)
        | Token::Placeholder(_)
        | Token::SingleQuotedString(_)
        | Token::DoubleQuotedString(_)
        | Token::DollarQuotedString(_)
        | Token::NationalStringLiteral(_)
        | Token::EscapedStringLiteral(_)
        | Token::UnicodeStringLiteral(_)
        | Token::HexStringLiteral(_) => false,
        _ => true,
    }
}

/// Refuses a statement that names too many tables: each makes the plan one deeper.
pub(crate) fn check_tables(text: &str, statement: &Statement) -> std::result::Result<(), SqlError> {
    match statement.visit(&mut Tables(0)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => {
            let message = format!("the statement names more than {TABLES_MAX} tables: split it");
            Err(whole(text, message))
        }
    }
}

struct Tables(usize);

impl Visitor for Tables {
    type Break = ();

    fn pre_visit_table_factor(&mut self, _: &TableFactor) -> ControlFlow<()> {
        self.0 += 1;
        if self.0 > TABLES_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Refuses a plan with a constant that would be too much once it stands in each row of a batch.
pub(crate) fn check_constants(plan: &LogicalPlan) -> Result<()> {
    let large = |expr: &Expr| match expr {
        Expr::Literal(value, _) if value.size() > CONSTANT_BYTES_MAX => {
            let error = EvalError::Query(format!(
                "a constant takes {} bytes, over the limit of {CONSTANT_BYTES_MAX}: make less of it",
                value.size()
            ));
            Err(DataFusionError::External(Box::new(error)))
        }
        _ => Ok(TreeNodeRecursion::Continue),
    };
    plan.apply_with_subqueries(|node| node.apply_expressions(|expr| expr.apply(large)))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Control, MemorySource, Options, Session, parse};
    use std::sync::Arc;

    fn ran(text: &str) -> std::result::Result<(), String> {
        let session = Session::new(Arc::new(MemorySource::default()), &Options::default(), &Control::new());
        let session = session.map_err(|e| e.to_string())?;
        for statement in parse(text).map_err(|e| e.to_string())? {
            let prepared = session.prepare(&statement).map_err(|e| e.to_string())?;
            prepared.run(&mut |_| ControlFlow::Continue(())).map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    /// On the stack of a thread as a server has them.
    #[test]
    fn the_deepest_statements_are_planned_and_deeper_ones_refused() {
        for (head, link, links) in [
            ("SELECT 1", "+1", 999),
            ("SELECT 1 WHERE 'a' = 'b'", " OR 'a' = 'c'", 499),
            ("SELECT 1", " UNION ALL SELECT 1", 499),
            ("SELECT 1", " UNION SELECT 1", 499),
            ("SELECT 1", "::int", 999),
            ("SELECT 1", " IS NULL", 999),
            ("SELECT 1 FROM (VALUES (1)) a", ", (VALUES (1)) a#", 255),
        ] {
            let text = |n: usize| {
                let links: String = (0..n).map(|i| link.replace('#', &i.to_string())).collect();
                format!("{head}{links}")
            };
            assert_eq!(ran(&text(links)), Ok(()), "{links} times {link}");
            let refused = ran(&text(10_000)).unwrap_err();
            assert!(refused.contains("over the limit") || refused.contains("more than"), "{refused}");
        }
    }

    #[test]
    fn large_constants_are_refused() {
        assert_eq!(ran("SELECT repeat('x', 10000)"), Ok(()));
        assert_eq!(ran("SELECT length(repeat('x', 1000000))"), Ok(()));
        for text in ["SELECT repeat('x', 100000)", "SELECT range(1, 100000) FROM logs"] {
            assert!(ran(text).unwrap_err().contains("a constant takes"), "{text}");
        }
    }
}
