//! Which rules read a series, and which of them can look at one series without the others.

use model::{Labels, METRIC_NAME, MatchOp, Matcher};
use promql::{Expr, ValueType};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Finds the expressions that read a series.
///
/// A selector is kept under one of its exact matchers, the one that fewest others have: of many rules that differ in one
/// label, a series meets only its own.
#[derive(Debug, Default)]
pub struct Readers {
    /// By metric name; the empty name stands for selectors without one.
    named: HashMap<String, Named>,
}

/// Selectors of one metric name.
#[derive(Debug, Default)]
struct Named {
    /// Label names of `by_pair`.
    names: BTreeSet<String>,
    by_pair: HashMap<(String, String), Vec<Reader>>,
    others: Vec<Reader>,
}

#[derive(Debug, Clone)]
struct Reader {
    matchers: Vec<Matcher>,
    place: usize,
}

impl Readers {
    /// The readers of expressions, which are told apart by their place here.
    pub fn new<'e>(exprs: impl IntoIterator<Item = &'e Expr>) -> Readers {
        let mut all: BTreeMap<String, Vec<Reader>> = BTreeMap::new();
        for (place, expr) in exprs.into_iter().enumerate() {
            for matchers in expr.selectors() {
                let name = exact(matchers, METRIC_NAME).unwrap_or_default().to_owned();
                all.entry(name).or_default().push(Reader { matchers: matchers.to_vec(), place });
            }
        }
        Readers { named: all.into_iter().map(|(name, readers)| (name, Named::new(readers))).collect() }
    }

    /// The places of those that read a series, in order.
    pub fn of(&self, labels: &Labels) -> Vec<usize> {
        let mut found = BTreeSet::new();
        for name in [labels.metric_name(), ""] {
            if let Some(named) = self.named.get(name) {
                named.find(labels, &mut found);
            }
            if name.is_empty() {
                break;
            }
        }
        found.into_iter().collect()
    }
}

impl Named {
    fn new(readers: Vec<Reader>) -> Named {
        let mut uses: HashMap<(&str, &str), usize> = HashMap::new();
        for reader in &readers {
            pairs(&reader.matchers).for_each(|pair| *uses.entry(pair).or_default() += 1);
        }
        let rarest: Vec<Option<(String, String)>> = readers
            .iter()
            .map(|r| pairs(&r.matchers).min_by_key(|pair| uses[pair]))
            .map(|pair| pair.map(|(n, v)| (n.to_owned(), v.to_owned())))
            .collect();
        let mut named = Named::default();
        for (reader, pair) in readers.into_iter().zip(rarest) {
            match pair {
                Some(pair) => {
                    named.names.insert(pair.0.clone());
                    named.by_pair.entry(pair).or_default().push(reader);
                }
                None => named.others.push(reader),
            }
        }
        named
    }

    fn find(&self, labels: &Labels, found: &mut BTreeSet<usize>) {
        let by_pair = self.names.iter().filter_map(|name| {
            let value = labels.get(name)?;
            self.by_pair.get(&(name.clone(), value.to_owned()))
        });
        for reader in by_pair.flatten().chain(&self.others) {
            if reader.matchers.iter().all(|m| m.matches(labels.get(m.name()).unwrap_or_default())) {
                found.insert(reader.place);
            }
        }
    }
}

/// The exact matchers of labels other than the name.
fn pairs(matchers: &[Matcher]) -> impl Iterator<Item = (&str, &str)> {
    let exact = |m: &&Matcher| m.op() == MatchOp::Equal && !m.value().is_empty() && m.name() != METRIC_NAME;
    matchers.iter().filter(exact).map(|m| (m.name(), m.value()))
}

fn exact<'m>(matchers: &'m [Matcher], name: &str) -> Option<&'m str> {
    let found = |m: &&Matcher| m.op() == MatchOp::Equal && m.name() == name;
    matchers.iter().find(found).map(Matcher::value)
}

/// Functions that make of each series one series with the same labels, looking at nothing else.
const SERIES_WISE: [&str; 55] = [
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "avg_over_time",
    "ceil",
    "changes",
    "clamp",
    "clamp_max",
    "clamp_min",
    "cos",
    "cosh",
    "count_over_time",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "deg",
    "delta",
    "deriv",
    "exp",
    "floor",
    "hour",
    "idelta",
    "increase",
    "irate",
    "last_over_time",
    "ln",
    "log10",
    "log2",
    "mad_over_time",
    "max_over_time",
    "min_over_time",
    "minute",
    "month",
    "predict_linear",
    "present_over_time",
    "quantile_over_time",
    "rad",
    "rate",
    "resets",
    "round",
    "sgn",
    "sin",
    "sinh",
    "sqrt",
    "stddev_over_time",
    "stdvar_over_time",
    "sum_over_time",
    "tan",
    "tanh",
    "year",
];

/// Whether each series of the result comes from one series of one metric and has its labels, whatever other series there
/// are: then what one series is written changes its own result alone.
pub fn is_series_wise(expr: &Expr) -> bool {
    match expr {
        Expr::Vector(v) => exact(&v.matchers, METRIC_NAME).is_some_and(|name| !name.is_empty()),
        Expr::Matrix(m) => exact(&m.selector.matchers, METRIC_NAME).is_some_and(|name| !name.is_empty()),
        Expr::Paren(p) => is_series_wise(&p.expr),
        Expr::Unary(u) => is_series_wise(&u.expr),
        Expr::Binary(b) => {
            is_constant(&b.lhs) && is_series_wise(&b.rhs) || is_series_wise(&b.lhs) && is_constant(&b.rhs)
        }
        Expr::Call(c) => {
            SERIES_WISE.binary_search(&c.function.name).is_ok()
                && c.args.iter().filter(|a| is_series_wise(a)).count() == 1
                && c.args.iter().all(|a| is_series_wise(a) || is_constant(a))
        }
        Expr::Aggregate(_) | Expr::Subquery(_) | Expr::Number(_) | Expr::String(_) => false,
    }
}

/// Whether an expression is a number that no series has a part in.
fn is_constant(expr: &Expr) -> bool {
    expr.value_type() == ValueType::Scalar && expr.selectors().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        Labels::from_pairs(pairs.iter().copied()).unwrap()
    }

    #[test]
    fn names_are_in_order() {
        assert!(SERIES_WISE.is_sorted());
        for name in SERIES_WISE {
            assert!(promql::function(name).is_some(), "{name}");
        }
    }

    #[test]
    fn what_looks_at_one_series() {
        for (expr, wise) in [
            ("x > 5", true),
            ("5 < bool -x{a='b'}", true),
            ("rate(x[5m]) * 60 > time() / 1e9", true),
            ("clamp_max(avg_over_time(x[5m] offset 1m), 3) != 1", true),
            ("{__name__=~'x|y'} > 5", false),
            ("x > y", false),
            ("x > scalar(y)", false),
            ("sum(x) > 1", false),
            ("absent(x)", false),
            ("rate(x[5m:1m]) > 1", false),
            ("x and y", false),
            ("label_replace(x, 'a', '$1', 'b', '(.*)') > 1", false),
            ("histogram_quantile(0.9, x) > 1", false),
            ("vector(1) > 0", false),
        ] {
            assert_eq!(is_series_wise(&promql::parse(expr).unwrap()), wise, "{expr}");
        }
    }

    #[test]
    fn readers_are_found_by_any_selector() {
        let exprs = [
            "up{job='a'} == 0",
            "sum(up{job=~'a|b'}) / sum(down) > 1",
            "{job='b'}",
            "rate(x{job!='a', i='1'}[5m]) > 0",
        ];
        let exprs: Vec<Expr> = exprs.iter().map(|e| promql::parse(e).unwrap()).collect();
        let readers = Readers::new(&exprs);
        for (pairs, found) in [
            (&[("__name__", "up"), ("job", "a")][..], &[0, 1][..]),
            (&[("__name__", "up"), ("job", "b")], &[1, 2]),
            (&[("__name__", "down")], &[1]),
            (&[("__name__", "x"), ("i", "1")], &[3]),
            (&[("__name__", "x"), ("i", "1"), ("job", "a")], &[]),
            (&[("__name__", "y")], &[]),
            (&[("job", "b")], &[2]),
        ] {
            assert_eq!(readers.of(&labels(pairs)), found, "{pairs:?}");
        }
    }

    proptest! {
        /// The same as trying every selector.
        #[test]
        fn as_trying_all(
            rules in prop::collection::vec(prop::collection::vec((0..4usize, 0..4usize, 0..4usize), 1..4), 0..12),
            series in prop::collection::vec(prop::collection::btree_map(0..4usize, 0..3usize, 0..4), 0..12),
        ) {
            const NAMES: [&str; 4] = ["__name__", "a", "b", "c"];
            const VALUES: [&str; 4] = ["x", "y", "z", ""];
            const OPS: [&str; 4] = ["=", "!=", "=~", "!~"];
            let selector = |matchers: &Vec<(usize, usize, usize)>| {
                let one = |m: &(usize, usize, usize)| format!("{}{}'{}'", NAMES[m.0], OPS[m.1], VALUES[m.2]);
                format!("{{{}, any!='none', d!~'.+'}}", matchers.iter().map(one).collect::<Vec<_>>().join(","))
            };
            let exprs: Vec<Expr> = rules.iter().filter_map(|m| promql::parse(&selector(m)).ok()).collect();
            let readers = Readers::new(&exprs);
            for pairs in &series {
                let pairs: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (NAMES[*n], VALUES[*v])).collect();
                let labels = labels(&pairs);
                let matches = |e: &Expr| {
                    let all = e.selectors();
                    all[0].iter().all(|m| m.matches(labels.get(m.name()).unwrap_or_default()))
                };
                let naive: Vec<usize> = (0..exprs.len()).filter(|i| matches(&exprs[*i])).collect();
                prop_assert_eq!(readers.of(&labels), naive);
            }
        }
    }
}
