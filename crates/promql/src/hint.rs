//! What may be meant by a query that is right and yet finds nothing.

use crate::ast::Expr;
use model::{MatchOp, Matcher};

/// Why the selectors of a query may match nothing: a label is compared with what looks like a pattern.
pub fn empty_hint(expr: &Expr) -> Option<String> {
    expr.selectors().into_iter().find_map(pattern_hint)
}

/// As [`empty_hint`], for the matchers of one selector.
pub(crate) fn pattern_hint(matchers: &[Matcher]) -> Option<String> {
    let exact = |m: &&Matcher| matches!(m.op(), MatchOp::Equal) && looks_like_pattern(m.value());
    matchers.iter().find(exact).map(|m| format!("{m} compares exactly: =~ takes a pattern"))
}

fn looks_like_pattern(value: &str) -> bool {
    [".*", ".+", "..", "|", "[", "\\d", "\\w"].iter().any(|part| value.contains(part))
        || value.starts_with('^')
        || value.ends_with('$')
}

#[cfg(test)]
mod tests {
    use super::empty_hint;

    #[test]
    fn patterns_compared_exactly_are_told() {
        for (query, hint) in [
            (r#"sum(rate(x{code="5.."}[5m]))"#, Some(r#"code="5..""#)),
            (r#"x{a=~"b|c"} / y{job="api|web"}"#, Some(r#"job="api|web""#)),
            (r#"x{path="/a.b", code!="5.."}"#, None),
            ("x", None),
        ] {
            let told = empty_hint(&crate::parse(query).expect(query));
            let want = hint.map(|h| format!("{h} compares exactly: =~ takes a pattern"));
            assert_eq!(told, want, "{query}");
        }
    }
}
