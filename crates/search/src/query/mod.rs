//! Elasticsearch's query DSL as conditions.

mod leaf;
mod lucene;

use crate::dates;
use crate::error::SearchError;
use crate::fields::{Kind, Table, time_of_id};
use crate::filter::{Bound, Filter, Leaf, Number, Range, Target, Test, Values};
use crate::json::{self, object, scalar_text, single, texts, unknown};
use crate::lucene::CLAUSES_MAX;
use jiff::tz::TimeZone;
use serde_json::{Map, Value as Json};

/// Reads the queries of one request.
pub(crate) struct Reader<'t> {
    pub table: &'t mut Table,
    pub now_ns: i64,
    clauses: usize,
}

/// How the ends of a range of dates are written.
struct Dating {
    formats: Vec<dates::Format>,
    tz: TimeZone,
}

impl Dating {
    fn usual() -> Dating {
        Dating { formats: dates::default_formats(), tz: TimeZone::UTC }
    }
}

impl<'t> Reader<'t> {
    pub fn new(table: &'t mut Table, now_ns: i64) -> Reader<'t> {
        Reader { table, now_ns, clauses: 0 }
    }

    /// A query. JSON nests a bounded number of times, and so do queries.
    pub fn query(&mut self, query: &Json) -> Result<Filter, SearchError> {
        let map = object(query, "query")?;
        let (kind, body) = single(map, "query")?;
        match kind.as_str() {
            "match_all" => Ok(Filter::All),
            "match_none" => Ok(Filter::Nothing),
            "bool" => self.boolean(object(body, "bool")?),
            "constant_score" => self.wrapped(body, kind, "filter"),
            "boosting" => self.wrapped(body, kind, "positive"),
            "dis_max" => self.dis_max(body),
            "match" => self.match_query(body, leaf::Wanted::Words),
            "match_phrase" => self.match_query(body, leaf::Wanted::Phrase),
            "match_phrase_prefix" => self.match_query(body, leaf::Wanted::PhrasePrefix),
            "match_bool_prefix" => self.match_query(body, leaf::Wanted::WordsPrefix),
            "multi_match" => self.multi_match(object(body, kind)?),
            "query_string" => self.query_string(object(body, kind)?),
            "simple_query_string" => self.simple_query_string(object(body, kind)?),
            "term" => self.term(body),
            "terms" => self.terms(object(body, kind)?),
            "range" => self.range(body),
            "exists" => self.exists(object(body, kind)?),
            "wildcard" | "prefix" | "regexp" | "fuzzy" => self.pattern(kind, body),
            "ids" => self.ids(object(body, kind)?),
            other => Err(SearchError::parsing(format!(
                "unknown query [{other}]: it is not supported; supported are bool, match, match_phrase, \
                 match_phrase_prefix, match_bool_prefix, multi_match, match_all, match_none, query_string, \
                 simple_query_string, term, terms, range, exists, wildcard, prefix, regexp, fuzzy, ids, constant_score, \
                 boosting and dis_max"
            ))),
        }
    }

    /// One query or a list of them.
    fn queries(&mut self, value: &Json) -> Result<Vec<Filter>, SearchError> {
        match value {
            Json::Array(all) => all.iter().map(|q| self.query(q)).collect(),
            Json::Null => Ok(Vec::new()),
            one => Ok(vec![self.query(one)?]),
        }
    }

    fn boolean(&mut self, body: &Map<String, Json>) -> Result<Filter, SearchError> {
        let (mut all, mut any) = (Vec::new(), Vec::new());
        let (mut need, mut required) = (None, false);
        for (key, value) in body {
            match key.as_str() {
                "must" | "filter" => {
                    let queries = self.queries(value)?;
                    required |= !queries.is_empty();
                    all.extend(queries);
                }
                "must_not" | "mustNot" => all.extend(self.queries(value)?.into_iter().map(Filter::not)),
                "should" => any.extend(self.queries(value)?),
                "minimum_should_match" => need = Some(value),
                "boost" | "_name" | "adjust_pure_negative" => {}
                other => return Err(unknown(other, "bool")),
            }
        }
        let need = match need {
            Some(spec) => minimum(spec, any.len())?,
            None => usize::from(!required && !any.is_empty()),
        };
        all.push(Filter::at_least(need, any));
        Ok(Filter::and(all))
    }

    fn wrapped(&mut self, body: &Json, kind: &str, key: &str) -> Result<Filter, SearchError> {
        match object(body, kind)?.get(key) {
            Some(inner) => self.query(inner),
            None => Err(SearchError::parsing(format!("[{kind}] requires a [{key}]"))),
        }
    }

    fn dis_max(&mut self, body: &Json) -> Result<Filter, SearchError> {
        match object(body, "dis_max")?.get("queries") {
            Some(inner) => Ok(Filter::or(self.queries(inner)?)),
            None => Err(SearchError::parsing("[dis_max] requires [queries]")),
        }
    }

    /// A condition on a field, or on those whose names fit a pattern.
    fn leaf(&mut self, name: &str, test: Test) -> Result<Filter, SearchError> {
        self.clauses += 1;
        if self.clauses > CLAUSES_MAX {
            return Err(SearchError::illegal(format!(
                "Query contains too many nested clauses; maxClauseCount is set to {CLAUSES_MAX}"
            )));
        }
        let target = match name.contains(['*', '?']) {
            true => Target::Fitting(name.to_owned()),
            false => Target::Field(self.table.id(name)),
        };
        Ok(Filter::Leaf(Leaf { target, test }))
    }

    fn is_time(&mut self, name: &str) -> bool {
        let id = self.table.id(name);
        self.table.fields[id].kind == Kind::Time
    }

    /// The instants that a text means, for a condition on the time that is no range.
    fn at(&mut self, name: &str, text: &str) -> Result<Filter, SearchError> {
        let dating = Dating::usual();
        let end = |last| {
            let date = dates::parse(text, &dating.formats, &dating.tz, last, self.now_ns)?;
            Ok::<_, SearchError>(Bound {
                text: text.to_owned(),
                number: None,
                date: Some(date),
                included: true,
            })
        };
        let range = Range { from: Some(end(false)?), to: Some(end(true)?) };
        self.leaf(name, Test::Range(range))
    }

    fn term(&mut self, body: &Json) -> Result<Filter, SearchError> {
        let (name, value) = single(object(body, "term")?, "term")?;
        let (value, options) = leaf::value_and_options(value, "value", "term")?;
        let mut ignore_case = false;
        for (key, value) in options {
            match key {
                "case_insensitive" => ignore_case = json::boolean(value, key)?,
                "boost" | "_name" => {}
                other => return Err(unknown(other, "term")),
            }
        }
        let text = scalar_text(value, name)?;
        self.one_of(name, &[text], ignore_case)
    }

    fn one_of(&mut self, name: &str, values: &[String], ignore_case: bool) -> Result<Filter, SearchError> {
        if self.is_time(name) {
            let all: Result<Vec<Filter>, SearchError> = values.iter().map(|v| self.at(name, v)).collect();
            return Ok(Filter::or(all?));
        }
        self.leaf(name, Test::Terms(Values::new(values, ignore_case)))
    }

    fn terms(&mut self, body: &Map<String, Json>) -> Result<Filter, SearchError> {
        let mut found = None;
        for (key, value) in body {
            match key.as_str() {
                "boost" | "_name" => {}
                name if found.is_none() => found = Some((name, value)),
                other => {
                    return Err(SearchError::parsing(format!(
                        "[terms] query does not support multiple fields: [{other}] is one too many"
                    )));
                }
            }
        }
        let Some((name, values)) = found else {
            return Err(SearchError::parsing("[terms] query requires a field and its values"));
        };
        if values.is_object() {
            return Err(SearchError::unsupported(format!("a terms lookup in another index for [{name}]")));
        }
        let values = texts(values, name)?;
        self.one_of(name, &values, false)
    }

    fn exists(&mut self, body: &Map<String, Json>) -> Result<Filter, SearchError> {
        let mut name = None;
        for (key, value) in body {
            match key.as_str() {
                "field" => name = Some(scalar_text(value, "field")?),
                "boost" | "_name" => {}
                other => return Err(unknown(other, "exists")),
            }
        }
        let name = name.ok_or_else(|| SearchError::parsing("[exists] requires a [field]"))?;
        self.exists_field(&name)
    }

    fn exists_field(&mut self, name: &str) -> Result<Filter, SearchError> {
        if name == "*" || self.is_time(name) {
            return Ok(Filter::All);
        }
        self.leaf(name, Test::Exists)
    }

    fn ids(&mut self, body: &Map<String, Json>) -> Result<Filter, SearchError> {
        let mut values = Vec::new();
        for (key, value) in body {
            match key.as_str() {
                "values" => values = texts(value, "values")?,
                "boost" | "_name" | "type" => {}
                other => return Err(unknown(other, "ids")),
            }
        }
        let ids = self.leaf(crate::fields::ID, Test::Terms(Values::new(&values, false)))?;
        let times: Option<Vec<i64>> = values.iter().map(|id| time_of_id(id)).collect();
        let Some((least, most)) = times.and_then(|t| Some((*t.iter().min()?, *t.iter().max()?))) else {
            return Ok(if values.is_empty() { Filter::Nothing } else { ids });
        };
        // Ids that were made up say when their records happened.
        let bound =
            |date| Some(Bound { text: String::new(), number: None, date: Some(date), included: true });
        let span = Range { from: bound(least), to: bound(most) };
        let span = self.leaf(crate::fields::TIME, Test::Range(span))?;
        Ok(Filter::and(vec![ids, span]))
    }

    fn range(&mut self, body: &Json) -> Result<Filter, SearchError> {
        let (name, body) = single(object(body, "range")?, "range")?;
        let body = object(body, name)?;
        let mut dating = Dating::usual();
        for (key, value) in body {
            match key.as_str() {
                "format" => dating.formats = dates::formats(&scalar_text(value, key)?)?,
                "time_zone" => dating.tz = dates::zone(&scalar_text(value, key)?)?,
                _ => {}
            }
        }
        let flag = |key: &str| body.get(key).map_or(Ok(true), |v| json::boolean(v, key));
        let (lower, upper) = (flag("include_lower")?, flag("include_upper")?);
        let mut range = Range::default();
        for (key, value) in body {
            let (end, included, last) = match key.as_str() {
                "gte" | "ge" => (&mut range.from, true, false),
                "gt" => (&mut range.from, false, true),
                "from" => (&mut range.from, lower, !lower),
                "lte" | "le" => (&mut range.to, true, true),
                "lt" => (&mut range.to, false, false),
                "to" => (&mut range.to, upper, upper),
                "format" | "time_zone" | "boost" | "_name" | "relation" | "include_lower"
                | "include_upper" => {
                    continue;
                }
                other => return Err(unknown(other, "range")),
            };
            if *value != Json::Null {
                *end = Some(self.bound(name, scalar_text(value, key)?, included, last, &dating)?);
            }
        }
        self.leaf(name, Test::Range(range))
    }

    fn bound(
        &mut self,
        name: &str,
        text: String,
        included: bool,
        last: bool,
        dating: &Dating,
    ) -> Result<Bound, SearchError> {
        let date = dates::parse(&text, &dating.formats, &dating.tz, last, self.now_ns);
        let date = match self.is_time(name) {
            true => Some(date?),
            false => date.ok(),
        };
        Ok(Bound { number: Number::parse(&text), text, date, included })
    }
}

/// How many of `count` clauses must hold: `2`, `-1`, `75%`, `-25%`, `3<90%`, `2<-25% 9<-3`.
pub(super) fn minimum(spec: &Json, count: usize) -> Result<usize, SearchError> {
    let text = scalar_text(spec, "minimum_should_match")?;
    let wrong = || {
        SearchError::illegal(format!(
            "[minimum_should_match] is [{text}]; a number, a percentage or conditions like [3<90%] are expected"
        ))
    };
    let plain = |text: &str| {
        let (number, percent) = match text.strip_suffix('%') {
            Some(number) => (number, true),
            None => (text, false),
        };
        let n: i64 = number.trim().parse().ok()?;
        let of = if percent { (n.clamp(-100, 100) * count as i64) / 100 } else { n };
        let need = if n < 0 { count as i64 + of } else { of };
        Some(usize::try_from(need.max(0)).unwrap_or(usize::MAX))
    };
    if !text.contains('<') {
        return plain(text.trim()).ok_or_else(wrong);
    }
    // The last condition whose number is below the count decides; below the first one all clauses are needed.
    let mut need = count;
    for condition in text.split_whitespace() {
        let (above, then) = condition.split_once('<').ok_or_else(wrong)?;
        let above: usize = above.trim().parse().map_err(|_| wrong())?;
        let then = plain(then).ok_or_else(wrong)?;
        if count > above {
            need = then;
        }
    }
    Ok(need)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn minimums_are_counted() {
        for (spec, count, need) in [
            (json!(2), 5, 2),
            (json!("-1"), 5, 4),
            (json!("75%"), 5, 3),
            (json!("-25%"), 5, 4),
            (json!("3<90%"), 3, 3),
            (json!("3<90%"), 10, 9),
            (json!("2<-25% 9<-3"), 10, 7),
        ] {
            assert_eq!(minimum(&spec, count).unwrap(), need, "{spec} of {count}");
        }
        assert!(minimum(&json!("x"), 1).is_err() && minimum(&json!("1<"), 1).is_err());
    }
}
