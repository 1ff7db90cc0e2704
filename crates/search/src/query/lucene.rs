//! `query_string` and `simple_query_string`.

use super::leaf::{Options, Wanted, is_and, unboosted};
use super::{Dating, Reader, minimum};
use crate::dates;
use crate::error::SearchError;
use crate::filter::{Filter, Range, Test};
use crate::json::{self, scalar_text, texts, unknown};
use crate::lucene::{Ast, Occur, Value, parse, parse_simple};
use crate::pattern::Pattern;
use crate::text::Fuzzy;
use serde_json::{Map, Value as Json};

/// How leaves of a query are understood.
struct Means<'j> {
    /// Fields that are asked where the query names none.
    fields: Vec<String>,
    options: Options<'j>,
    dating: Dating,
}

impl<'j> Means<'j> {
    fn new() -> Means<'j> {
        Means { fields: vec!["*".to_owned()], options: Options::default(), dating: Dating::usual() }
    }

    /// Takes an option that both syntaxes have; whether it is one.
    fn take(&mut self, key: &str, value: &'j Json) -> Result<bool, SearchError> {
        match key {
            "fields" => self.fields = texts(value, key)?,
            "default_field" => self.fields = vec![scalar_text(value, key)?],
            "time_zone" => self.dating.tz = dates::zone(&scalar_text(value, key)?)?,
            // Wildcards are looked for among words anyway.
            "analyze_wildcard"
            | "fuzzy_max_expansions"
            | "fuzzy_prefix_length"
            | "max_determinized_states"
            | "quote_analyzer"
            | "quote_field_suffix"
            | "type"
            | "enable_position_increments"
            | "all_fields" => {}
            key => return self.options.take(key, value),
        }
        Ok(true)
    }
}

impl Reader<'_> {
    pub(super) fn query_string(&mut self, body: &Map<String, Json>) -> Result<Filter, SearchError> {
        let mut means = Means::new();
        let (mut text, mut and, mut leading, mut escape, mut need) = (None, false, true, false, None);
        for (key, value) in body {
            match key.as_str() {
                "query" => text = Some(scalar_text(value, key)?),
                "default_operator" => and = is_and(value, key)?,
                "allow_leading_wildcard" => leading = json::boolean(value, key)?,
                "escape" => escape = json::boolean(value, key)?,
                "minimum_should_match" => need = Some(value),
                key if means.take(key, value)? => {}
                other => return Err(unknown(other, "query_string")),
            }
        }
        let text =
            text.ok_or_else(|| SearchError::parsing("[query_string] must be provided with a [query]"))?;
        let text = if escape { escaped(&text) } else { text };
        let ast = parse(&text, and)
            .map_err(|e| SearchError::query(format!("Failed to parse query [{text}]: {e}")))?;
        if !leading {
            refuse_leading(&ast)?;
        }
        self.ast(&ast, &means, need)
    }

    pub(super) fn simple_query_string(&mut self, body: &Map<String, Json>) -> Result<Filter, SearchError> {
        let mut means = Means::new();
        let (mut text, mut and, mut need) = (None, false, None);
        for (key, value) in body {
            match key.as_str() {
                "query" => text = Some(scalar_text(value, key)?),
                "default_operator" => and = is_and(value, key)?,
                "minimum_should_match" => need = Some(value),
                "flags" => {
                    let flags = scalar_text(value, key)?;
                    if !matches!(flags.to_ascii_uppercase().as_str(), "ALL" | "-1") {
                        return Err(SearchError::unsupported(format!(
                            "[simple_query_string] with [flags] [{flags}]"
                        )));
                    }
                }
                key if means.take(key, value)? => {}
                other => return Err(unknown(other, "simple_query_string")),
            }
        }
        let text = text
            .ok_or_else(|| SearchError::parsing("[simple_query_string] must be provided with a [query]"))?;
        self.ast(&parse_simple(&text, and), &means, need)
    }

    /// A query put together. Groups nest a bounded number of times. `need` holds for the outermost.
    fn ast(&mut self, ast: &Ast, means: &Means<'_>, need: Option<&Json>) -> Result<Filter, SearchError> {
        match ast {
            Ast::All => Ok(Filter::All),
            Ast::Clauses(all) => {
                let (mut must, mut should) = (Vec::new(), Vec::new());
                for (occur, clause) in all {
                    let filter = self.ast(clause, means, None)?;
                    match occur {
                        Occur::Must => must.push(filter),
                        Occur::MustNot => must.push(filter.not()),
                        Occur::Should => should.push(filter),
                    }
                }
                if all.is_empty() {
                    return Ok(Filter::Nothing);
                }
                let required = all.iter().any(|(occur, _)| *occur == Occur::Must);
                let need = match need {
                    Some(spec) => minimum(spec, should.len())?,
                    None => usize::from(!required && !should.is_empty()),
                };
                must.push(Filter::at_least(need, should));
                Ok(Filter::and(must))
            }
            Ast::Leaf { field: Some(field), value } => self.value(field, value, means),
            Ast::Leaf { field: None, value } => {
                let each: Result<Vec<Filter>, SearchError> =
                    means.fields.iter().map(|f| self.lenient_value(unboosted(f), value, means)).collect();
                Ok(Filter::or(each?))
            }
        }
    }

    /// As [`Reader::value`], but what cannot be a date is simply not there: nobody asked for the time by name.
    fn lenient_value(&mut self, name: &str, value: &Value, means: &Means<'_>) -> Result<Filter, SearchError> {
        match self.value(name, value, means) {
            Err(SearchError::Refused { kind: "parse_exception", .. }) => Ok(Filter::Nothing),
            other => other,
        }
    }

    fn value(&mut self, name: &str, value: &Value, means: &Means<'_>) -> Result<Filter, SearchError> {
        let test = match value {
            Value::Word(text) => {
                let test = means.options.test(text, Wanted::Words)?;
                return self.full_text(name, text, test);
            }
            Value::Phrase(text, slop) => {
                let given = Json::from(slop.unwrap_or(0));
                let mut options = Options::default();
                options.take("slop", &given)?;
                let own = if slop.is_some() { &options } else { &means.options };
                let test = own.test(text, Wanted::Phrase)?;
                return self.full_text(name, text, test);
            }
            Value::Exists => return self.exists_field(name),
            Value::Wildcard(text) => Test::Pattern(Pattern::wildcard(text, false)?),
            Value::Prefix(text) => Test::Pattern(Pattern::prefix(text, false)?),
            Value::Regexp(text) => Test::Pattern(Pattern::regexp(text, false)?),
            Value::Fuzzy(text, distance) => Test::Fuzzy(Fuzzy::new(text, *distance, 0)),
            Value::Range(from, to) => {
                let mut end = |end: &Option<(String, bool)>, upper: bool| match end {
                    None => Ok(None),
                    Some((text, included)) => {
                        let last = upper == *included;
                        self.bound(name, text.clone(), *included, last, &means.dating).map(Some)
                    }
                };
                Test::Range(Range { from: end(from, false)?, to: end(to, true)? })
            }
        };
        self.leaf(name, test)
    }
}

/// A text in which nothing means anything but itself.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn refuse_leading(ast: &Ast) -> Result<(), SearchError> {
    match ast {
        Ast::Clauses(all) => all.iter().try_for_each(|(_, a)| refuse_leading(a)),
        Ast::Leaf { value: Value::Wildcard(text), .. } if text.starts_with(['*', '?']) => {
            Err(SearchError::query(format!(
                "[*] and [?] are not allowed as first character of [{text}]: allow_leading_wildcard is false"
            )))
        }
        _ => Ok(()),
    }
}
