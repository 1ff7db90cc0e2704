//! Which series of one source satisfy a list of matchers.
//!
//! A matcher that an absent label cannot satisfy *includes*: the answer lies within the postings of the values it
//! accepts. Any other *excludes*: the postings of the values it refuses are taken away, and series without the
//! label stay. Cheap includes come first, so that the rest work on few series.

use crate::Flaw;
use crate::posting::{Malformed, Union};
use crate::source::{Keys, Order, Source};
use model::{MatchOp, Matcher, Pairs};
use regex_syntax::hir::literal::{ExtractKind, Extractor};
use roaring::RoaringBitmap;

/// Reading a series' key costs about as much as testing this many values of a label.
const VALUES_PER_KEY: u64 = 8;

/// What a matcher asks of a source.
enum Plan<'m> {
    /// Always true.
    All,
    /// Only series with the label.
    Present,
    /// Only series without the label.
    Absent,
    /// Only series with one of these values, none of them empty.
    AnyOf(Vec<&'m str>),
    /// Not series with one of these values.
    NoneOf(Vec<&'m str>),
    /// Only series whose value passes; the values that can start with the prefix.
    Passing(String),
    /// Not series with a value that fails.
    Failing,
}

fn plan(m: &Matcher) -> Plan<'_> {
    let negative = matches!(m.op(), MatchOp::NotEqual | MatchOp::NotRegex);
    let regex = matches!(m.op(), MatchOp::Regex | MatchOp::NotRegex);
    if regex && matches!(m.value(), ".*" | "(.*)" | "^.*$") {
        // Refused by every value and by absence.
        return if negative { Plan::AnyOf(Vec::new()) } else { Plan::All };
    }
    if regex && matches!(m.value(), ".+" | "(.+)" | "^.+$") {
        return if negative { Plan::Absent } else { Plan::Present };
    }
    let Some(literals) = m.literals() else {
        return match m.matches_empty() {
            true => Plan::Failing,
            false if negative => Plan::Passing(String::new()),
            false => Plan::Passing(prefix(m.value())),
        };
    };
    let with_empty = literals.iter().any(String::is_empty);
    let values: Vec<&str> = literals.iter().map(String::as_str).filter(|v| !v.is_empty()).collect();
    match (negative, with_empty) {
        (false, false) => Plan::AnyOf(values),
        (false, true) if values.is_empty() => Plan::Absent,
        (true, true) if values.is_empty() => Plan::Present,
        (true, false) => Plan::NoneOf(values),
        (false, true) => Plan::Failing,
        (true, true) => Plan::Passing(String::new()),
    }
}

/// What every match of a pattern starts with.
fn prefix(pattern: &str) -> String {
    let parsed = regex_syntax::ParserBuilder::new().dot_matches_new_line(true).build().parse(pattern);
    let Ok(hir) = parsed else { return String::new() };
    let mut extractor = Extractor::new();
    let seq = extractor.kind(ExtractKind::Prefix).limit_total(64).extract(&hir);
    let common = seq.longest_common_prefix().unwrap_or(&[]);
    // The bytes may end within a character.
    let valid = match std::str::from_utf8(common) {
        Ok(s) => s,
        Err(e) => std::str::from_utf8(&common[..e.valid_up_to()]).unwrap_or(""),
    };
    valid.to_owned()
}

/// The series of `source` that satisfy every matcher.
pub(crate) fn select<S: Source>(source: &S, matchers: &[Matcher]) -> Result<RoaringBitmap, Flaw> {
    let mut steps = Vec::with_capacity(matchers.len());
    for m in matchers {
        let plan = plan(m);
        let cost = cost(source, m, &plan)?;
        if cost == Some(0) {
            return Ok(RoaringBitmap::new());
        }
        steps.push((cost, m, plan));
    }
    // Includes by cost, then excludes.
    steps.sort_by_key(|(cost, ..)| cost.unwrap_or(u64::MAX));
    let mut found: Option<RoaringBitmap> = None;
    for (cost, m, plan) in &steps {
        if found.as_ref().is_some_and(RoaringBitmap::is_empty) {
            break;
        }
        if cost.is_none() && found.is_none() {
            found = Some(source.all()?);
        }
        found = Some(apply(source, m, plan, found)?);
    }
    match found {
        Some(found) => Ok(found),
        None => source.all(),
    }
}

/// No fewer than the series of `source` that satisfy every matcher, without looking for them.
pub(crate) fn at_most<S: Source>(source: &S, matchers: &[Matcher]) -> Result<u64, Flaw> {
    let mut least = None;
    for m in matchers {
        let cost = cost(source, m, &plan(m))?;
        least = least.into_iter().chain(cost).min();
    }
    least.map_or_else(|| Ok(source.all()?.len()), Ok)
}

/// About how many series or values an include looks at, no fewer than it finds, 0 if it cannot match; `None` for an exclude.
fn cost<S: Source>(source: &S, m: &Matcher, plan: &Plan<'_>) -> Result<Option<u64>, Flaw> {
    Ok(match plan {
        Plan::AnyOf(values) => {
            let mut sum = 0;
            for value in values {
                sum += source.term(m.name(), value)?.map_or(0, |p| p.len());
            }
            Some(sum)
        }
        Plan::Present => Some(source.name(m.name())?.map_or(0, |s| u64::from(s.series))),
        Plan::Passing(_) => {
            Some(source.name(m.name())?.map_or(0, |s| u64::from(s.series) + 4 * u64::from(s.values)))
        }
        Plan::All | Plan::Absent | Plan::NoneOf(_) | Plan::Failing => None,
    })
}

fn apply<S: Source>(
    source: &S,
    m: &Matcher,
    plan: &Plan<'_>,
    found: Option<RoaringBitmap>,
) -> Result<RoaringBitmap, Flaw> {
    let malformed = |_: Malformed| posting_flaw(m.name());
    match (plan, found) {
        (Plan::AnyOf(values), found) => any_of(source, m, values, found),
        (Plan::Present, found) => {
            let Some(p) = source.presence(m.name())? else { return Ok(RoaringBitmap::new()) };
            match found {
                Some(mut found) => p.restrict(&mut found).map(|()| found),
                None => p.to_set(),
            }
            .map_err(malformed)
        }
        (Plan::Passing(prefix), found) => passing(source, m, prefix, found),
        (_, None) => source.all(),
        (Plan::All, Some(found)) => Ok(found),
        (Plan::Absent, Some(mut found)) => {
            if let Some(p) = source.presence(m.name())? {
                p.remove_from(&mut found).map_err(malformed)?;
            }
            Ok(found)
        }
        (Plan::NoneOf(values), Some(mut found)) => {
            for value in values {
                if let Some(p) = source.term(m.name(), value)? {
                    p.remove_from(&mut found).map_err(malformed)?;
                }
            }
            Ok(found)
        }
        (Plan::Failing, Some(found)) => failing(source, m, found),
    }
}

fn any_of<S: Source>(
    source: &S,
    m: &Matcher,
    values: &[&str],
    found: Option<RoaringBitmap>,
) -> Result<RoaringBitmap, Flaw> {
    let malformed = |_: Malformed| posting_flaw(m.name());
    let found = match (values, found) {
        ([value], Some(mut found)) => {
            match source.term(m.name(), value)? {
                Some(p) => p.restrict(&mut found).map_err(malformed)?,
                None => found.clear(),
            }
            return Ok(found);
        }
        (_, found) => found,
    };
    let mut union = Union::default();
    for value in values {
        if let Some(p) = source.term(m.name(), value)? {
            union.add(&p).map_err(malformed)?;
        }
    }
    let mut union = union.into_set();
    if let Some(found) = found {
        union &= found;
    }
    Ok(union)
}

/// Whether it is cheaper to look at the keys of the candidates than at the values of the label.
fn keys_are_cheaper<S: Source>(source: &S, m: &Matcher, candidates: &RoaringBitmap) -> Result<bool, Flaw> {
    let values = source.name(m.name())?.map_or(0, |s| u64::from(s.values));
    Ok(candidates.len() * VALUES_PER_KEY < values)
}

fn passing<S: Source>(
    source: &S,
    m: &Matcher,
    prefix: &str,
    found: Option<RoaringBitmap>,
) -> Result<RoaringBitmap, Flaw> {
    if let Some(found) = &found
        && keys_are_cheaper(source, m, found)?
    {
        return by_keys(source, m, found);
    }
    let mut union = union_of(source, m, prefix, |v| m.matches(v))?;
    if let Some(found) = found {
        union &= found;
    }
    Ok(union)
}

fn failing<S: Source>(source: &S, m: &Matcher, found: RoaringBitmap) -> Result<RoaringBitmap, Flaw> {
    if keys_are_cheaper(source, m, &found)? {
        return by_keys(source, m, &found);
    }
    Ok(found - union_of(source, m, "", |v| !m.matches(v))?)
}

/// The series whose value of the label is wanted. Each distinct value is tested once.
fn union_of<S: Source>(
    source: &S,
    m: &Matcher,
    prefix: &str,
    wanted: impl Fn(&str) -> bool,
) -> Result<RoaringBitmap, Flaw> {
    let mut union = Union::default();
    let mut values = source.values(m.name(), prefix, Order::Any)?;
    while values.advance()? {
        if wanted(values.value()) {
            union.add(&values.posting()?).map_err(|_| posting_flaw(m.name()))?;
        }
    }
    Ok(union.into_set())
}

fn posting_flaw(name: &str) -> Flaw {
    Flaw { section: "postings", offset: 0, what: format!("a posting of label {name:?} is not well formed") }
}

/// Those of `candidates` whose key satisfies the matcher.
fn by_keys<S: Source>(source: &S, m: &Matcher, candidates: &RoaringBitmap) -> Result<RoaringBitmap, Flaw> {
    let mut found = RoaringBitmap::new();
    for_each_key(source, candidates, |id, key| {
        if key_matches(key, m) {
            found.insert(id);
        }
    })?;
    Ok(found)
}

/// Calls `each` with the key of every wanted id that the source has, in order of id.
pub(crate) fn for_each_key<S: Source>(
    source: &S,
    wanted: &RoaringBitmap,
    mut each: impl FnMut(u32, &[u8]),
) -> Result<(), Flaw> {
    // A gap longer than this is jumped over instead of read through.
    const GAP_MAX: u32 = 64;
    let mut walk: Option<Keys<'_>> = None;
    for id in wanted {
        if walk.as_ref().is_some_and(|w| w.id() > id) {
            // The source has no such id.
            continue;
        }
        if walk.as_ref().is_none_or(|w| id - w.id() > GAP_MAX) {
            let mut keys = source.keys(id);
            if !keys.advance()? {
                return Ok(());
            }
            walk = Some(keys);
        }
        let Some(keys) = &mut walk else { return Ok(()) };
        while keys.id() < id {
            if !keys.advance()? {
                return Ok(());
            }
        }
        if keys.id() == id {
            each(id, keys.key());
        }
    }
    Ok(())
}

/// Whether a series satisfies a matcher.
pub(crate) fn key_matches(key: &[u8], m: &Matcher) -> bool {
    m.matches(Pairs::of_key(key).find(|(n, _)| *n == m.name()).map_or("", |(_, v)| v))
}

/// The answer by reading every key: slow, and right even where terms or postings are damaged. Damaged keys are
/// passed over.
pub(crate) fn scan<S: Source>(source: &S, matchers: &[Matcher]) -> RoaringBitmap {
    let mut found = RoaringBitmap::new();
    let mut keys = source.keys(0);
    loop {
        match keys.advance() {
            Ok(true) if matchers.iter().all(|m| key_matches(keys.key(), m)) => {
                found.insert(keys.id());
            }
            Ok(true) | Err(_) => {}
            Ok(false) => return found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_what_every_match_starts_with() {
        let cases = [
            ("abc.*", "abc"),
            ("ab+c", "ab"),
            ("abc|abd.*", "ab"),
            (".*a", ""),
            ("(?i)abc.*", ""),
            ("é.*", "é"),
        ];
        for (pattern, want) in cases {
            assert_eq!(prefix(pattern), want, "{pattern}");
        }
    }
}
