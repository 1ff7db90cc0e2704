//! Full text and patterns.

use super::{Reader, minimum};
use crate::error::SearchError;
use crate::filter::{Filter, Match, Piece, Test};
use crate::json::{self, object, scalar_text, single, texts, unknown};
use crate::pattern::Pattern;
use crate::text::{Fuzzy, Phrase};
use serde_json::{Map, Value as Json};

/// What of a text is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Words,
    /// Words of which the last may go on.
    WordsPrefix,
    Phrase,
    PhrasePrefix,
}

/// How a text is looked for.
#[derive(Debug, Default)]
pub(super) struct Options<'j> {
    and: bool,
    minimum: Option<&'j Json>,
    /// `Some(None)` goes by the length of words.
    fuzziness: Option<Option<usize>>,
    prefix: usize,
    slop: u32,
    /// Whether a text without words matches all.
    all_without_words: bool,
}

/// A value, and what stands beside it.
pub(super) type Given<'j> = (&'j Json, Vec<(&'j str, &'j Json)>);

/// A value, and what stands beside it if it is in an object.
pub(super) fn value_and_options<'j>(
    value: &'j Json,
    key: &str,
    what: &str,
) -> Result<Given<'j>, SearchError> {
    let Json::Object(map) = value else { return Ok((value, Vec::new())) };
    let found = map.get(key).ok_or_else(|| SearchError::illegal(format!("[{what}] requires a [{key}]")))?;
    Ok((found, map.iter().filter(|(k, _)| *k != key).map(|(k, v)| (k.as_str(), v)).collect()))
}

impl<'j> Options<'j> {
    /// Takes an option; whether it is one.
    pub fn take(&mut self, key: &str, value: &'j Json) -> Result<bool, SearchError> {
        match key {
            "operator" | "default_operator" => self.and = is_and(value, key)?,
            "minimum_should_match" => self.minimum = Some(value),
            "fuzziness" => self.fuzziness = Some(fuzziness(value)?),
            "prefix_length" => self.prefix = json::whole(value, key)?.max(0) as usize,
            "slop" | "phrase_slop" => self.slop = json::whole(value, key)?.clamp(0, 1 << 20) as u32,
            "zero_terms_query" => {
                self.all_without_words = scalar_text(value, key)?.eq_ignore_ascii_case("all")
            }
            // What only moves scores, or chooses among analyzers, of which there is one.
            "boost"
            | "_name"
            | "analyzer"
            | "lenient"
            | "max_expansions"
            | "fuzzy_transpositions"
            | "fuzzy_rewrite"
            | "auto_generate_synonyms_phrase_query"
            | "cutoff_frequency"
            | "tie_breaker"
            | "rewrite" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub fn test(&self, text: &str, wanted: Wanted) -> Result<Option<Test>, SearchError> {
        let phrase = |text: &str| Phrase::new(text).with_slop(self.slop);
        let pieces: Vec<Piece> = match wanted {
            Wanted::Phrase => vec![Piece::Phrase(phrase(text))],
            Wanted::PhrasePrefix => vec![Piece::Phrase(phrase(text).with_prefix())],
            Wanted::Words | Wanted::WordsPrefix => {
                let count = text.split_whitespace().count();
                let piece = |(i, word): (usize, &str)| match self.fuzziness {
                    Some(distance) => Piece::Fuzzy(Fuzzy::new(word, distance, self.prefix)),
                    None if wanted == Wanted::WordsPrefix && i + 1 == count => {
                        Piece::Phrase(Phrase::new(word).with_prefix())
                    }
                    None => Piece::Phrase(Phrase::new(word)),
                };
                text.split_whitespace().enumerate().map(piece).collect()
            }
        };
        let is_empty = |p: &Piece| matches!(p, Piece::Phrase(p) if p.is_empty());
        let count = pieces.iter().filter(|p| !is_empty(p)).count();
        if count == 0 && self.all_without_words {
            return Ok(None);
        }
        let need = match self.minimum {
            Some(spec) if !self.and => minimum(spec, count)?,
            _ if self.and => usize::MAX,
            _ => 1,
        };
        Ok(Some(Test::Match(Match::of(text, pieces, need))))
    }
}

pub(super) fn is_and(value: &Json, key: &str) -> Result<bool, SearchError> {
    let text = scalar_text(value, key)?;
    match text.to_ascii_lowercase().as_str() {
        "and" => Ok(true),
        "or" => Ok(false),
        _ => Err(SearchError::illegal(format!("[{key}] is [{text}]; [and] and [or] are possible"))),
    }
}

fn fuzziness(value: &Json) -> Result<Option<usize>, SearchError> {
    let text = scalar_text(value, "fuzziness")?;
    if text.to_ascii_uppercase().starts_with("AUTO") {
        return Ok(None);
    }
    match text.parse::<f64>() {
        Ok(n) if (0.0..=2.0).contains(&n) => Ok(Some(n as usize)),
        _ => Err(SearchError::illegal(format!(
            "[fuzziness] is [{text}]; [AUTO], [0], [1] and [2] are possible"
        ))),
    }
}

/// The name of a field without the boost behind it.
pub(super) fn unboosted(name: &str) -> &str {
    match name.rsplit_once('^') {
        Some((name, boost)) if boost.parse::<f64>().is_ok() => name,
        _ => name,
    }
}

impl Reader<'_> {
    /// A condition of full text on a field. `None` holds for all.
    pub(super) fn full_text(
        &mut self,
        name: &str,
        text: &str,
        test: Option<Test>,
    ) -> Result<Filter, SearchError> {
        let Some(test) = test else { return Ok(Filter::All) };
        if !name.contains(['*', '?']) && self.is_time(name) {
            return self.at(name, text);
        }
        self.leaf(name, test)
    }

    pub(super) fn match_query(&mut self, body: &Json, wanted: Wanted) -> Result<Filter, SearchError> {
        let (name, value) = single(object(body, "match")?, "match")?;
        let (value, given) = value_and_options(value, "query", "match")?;
        let mut options = Options::default();
        for (key, value) in given {
            if !options.take(key, value)? {
                return Err(unknown(key, "match"));
            }
        }
        let text = scalar_text(value, name)?;
        let test = options.test(&text, wanted)?;
        self.full_text(name, &text, test)
    }

    pub(super) fn multi_match(&mut self, body: &Map<String, Json>) -> Result<Filter, SearchError> {
        let mut options = Options::default();
        let (mut text, mut fields, mut kind) = (None, vec!["*".to_owned()], "best_fields".to_owned());
        for (key, value) in body {
            match key.as_str() {
                "query" => text = Some(scalar_text(value, key)?),
                "fields" => fields = texts(value, key)?,
                "type" => kind = scalar_text(value, key)?,
                key if options.take(key, value)? => {}
                other => return Err(unknown(other, "multi_match")),
            }
        }
        let text = text.ok_or_else(|| SearchError::parsing("No text specified for multi_match query"))?;
        let wanted = match kind.as_str() {
            "best_fields" | "most_fields" => Wanted::Words,
            "cross_fields" => return self.cross_fields(&text, &fields, &options),
            "phrase" => Wanted::Phrase,
            "phrase_prefix" => Wanted::PhrasePrefix,
            "bool_prefix" => Wanted::WordsPrefix,
            other => {
                return Err(SearchError::illegal(format!("[multi_match] type [{other}] is not supported")));
            }
        };
        let test = options.test(&text, wanted)?;
        let each: Result<Vec<Filter>, SearchError> =
            fields.iter().map(|f| self.lenient(unboosted(f), &text, test.clone())).collect();
        Ok(Filter::or(each?))
    }

    /// As [`Reader::full_text`], but what cannot be a date is simply not there.
    fn lenient(&mut self, name: &str, text: &str, test: Option<Test>) -> Result<Filter, SearchError> {
        match self.full_text(name, text, test) {
            Err(SearchError::Refused { kind: "parse_exception", .. }) => Ok(Filter::Nothing),
            other => other,
        }
    }

    /// Each word may be in another field.
    fn cross_fields(
        &mut self,
        text: &str,
        fields: &[String],
        options: &Options<'_>,
    ) -> Result<Filter, SearchError> {
        let mut words = Vec::new();
        for word in text.split_whitespace() {
            let test = options.test(word, Wanted::Words)?;
            let each: Result<Vec<Filter>, SearchError> =
                fields.iter().map(|f| self.lenient(unboosted(f), word, test.clone())).collect();
            words.push(Filter::or(each?));
        }
        let need = match options.minimum {
            _ if options.and => words.len(),
            Some(spec) => minimum(spec, words.len())?,
            None => 1,
        };
        Ok(Filter::at_least(need.max(1), words))
    }

    /// `wildcard`, `prefix`, `regexp` and `fuzzy`.
    pub(super) fn pattern(&mut self, kind: &str, body: &Json) -> Result<Filter, SearchError> {
        let (name, value) = single(object(body, kind)?, kind)?;
        let key = match value.get("wildcard") {
            Some(_) if kind == "wildcard" => "wildcard",
            _ => "value",
        };
        let (value, given) = value_and_options(value, key, kind)?;
        let (mut ignore_case, mut options) = (false, Options::default());
        for (key, value) in given {
            match key {
                "case_insensitive" => ignore_case = json::boolean(value, key)?,
                "flags" | "max_determinized_states" | "transpositions" => {}
                key if options.take(key, value)? => {}
                other => return Err(unknown(other, kind)),
            }
        }
        let text = scalar_text(value, name)?;
        let test = match kind {
            "wildcard" => Test::Pattern(Pattern::wildcard(&text, ignore_case)?),
            "prefix" => Test::Pattern(Pattern::prefix(&text, ignore_case)?),
            "regexp" => Test::Pattern(Pattern::regexp(&text, ignore_case)?),
            _ => Test::Fuzzy(Fuzzy::new(&text, options.fuzziness.unwrap_or(None), options.prefix)),
        };
        self.leaf(name, test)
    }
}
