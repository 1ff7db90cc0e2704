//! Places in hits that made them hits.

use crate::document::Document;
use crate::error::SearchError;
use crate::fields::{Field, INDEX, MESSAGE, Place, Table, Terms};
use crate::filter::{Leaf, Target};
use crate::json::{self, object, scalar_text, texts};
use crate::pattern::glob;
use crate::query::Reader;
use model::record::{Attributes, Value};
use serde_json::{Map, Value as Json};
use std::ops::Range;

/// How places are shown.
#[derive(Debug, Clone)]
pub(crate) struct Highlight {
    /// Patterns of names, each with its own shape.
    fields: Vec<(String, Shape)>,
    /// Conditions whose places are shown: those of the query, or of `highlight_query`.
    leaves: Vec<Leaf>,
    own_query: bool,
    /// Whether a condition on another field shows no places.
    same_field: bool,
}

#[derive(Debug, Clone)]
struct Shape {
    before: String,
    after: String,
    /// Characters of a fragment.
    size: usize,
    /// How many fragments; none gives the whole text.
    fragments: usize,
    html: bool,
}

impl Highlight {
    pub fn parse(value: &Json, reader: &mut Reader<'_>) -> Result<Highlight, SearchError> {
        let body = object(value, "highlight")?;
        let usual = Shape {
            before: "<em>".to_owned(),
            after: "</em>".to_owned(),
            size: 100,
            fragments: 5,
            html: false,
        };
        let shape = usual.with(body)?;
        let mut out =
            Highlight { fields: Vec::new(), leaves: Vec::new(), own_query: false, same_field: true };
        if let Some(query) = body.get("highlight_query") {
            let filter = reader.query(query)?;
            filter.wanted(&mut |leaf| out.leaves.push(leaf.clone()));
            out.own_query = true;
        }
        if let Some(value) = body.get("require_field_match") {
            out.same_field = json::boolean(value, "require_field_match")?;
        }
        let mut add = |fields: &Map<String, Json>| -> Result<(), SearchError> {
            for (name, own) in fields {
                out.fields.push((name.clone(), shape.clone().with(object(own, name)?)?));
            }
            Ok(())
        };
        match body.get("fields") {
            Some(Json::Array(all)) => {
                for one in all {
                    add(object(one, "fields")?)?;
                }
            }
            Some(value) => add(object(value, "fields")?)?,
            None => return Err(SearchError::parsing("[highlight] requires [fields]")),
        }
        Ok(out)
    }

    /// Takes the conditions of the query, unless it has its own.
    pub fn by(&mut self, leaves: Vec<Leaf>) {
        if !self.own_query {
            self.leaves = leaves;
        }
    }

    /// Fragments by field.
    pub fn mark(&self, document: &Document, table: &Table) -> Map<String, Json> {
        let mut out = Map::new();
        let attributes = Attributes::trusted(&document.attributes);
        let mut texts: Vec<(&str, &str, Place)> = vec![(MESSAGE, &document.body, Place::Body)];
        let labels = document.labels.iter().filter(|(name, _)| *name != INDEX);
        texts.extend(labels.map(|(name, value)| (name, value, Place::Label)));
        texts.extend(attributes.iter().filter_map(|(name, value)| match value {
            Value::String(text) => Some((name, text, Place::Attribute)),
            _ => None,
        }));
        for (pattern, shape) in &self.fields {
            let asked = Field::new(pattern);
            for (name, text, place) in &texts {
                let by_name = asked.name == *name;
                if (!by_name && !glob(pattern, name)) || out.contains_key(*name) {
                    continue;
                }
                let terms = if by_name { asked.terms } else { Terms::Both };
                let fragments = shape.fragments(text, self.spans(name, text, *place, terms, table));
                if !fragments.is_empty() {
                    let shown = if by_name { pattern.clone() } else { (*name).to_owned() };
                    out.insert(shown, Json::from(fragments));
                }
            }
        }
        out
    }

    fn spans(&self, name: &str, text: &str, place: Place, terms: Terms, table: &Table) -> Vec<Range<usize>> {
        let mut spans = Vec::new();
        for leaf in &self.leaves {
            let (fits, own) = match &leaf.target {
                Target::Field(id) => (table.fields[*id].name == name, table.fields[*id].terms),
                Target::Fitting(pattern) => (glob(pattern, name), terms),
            };
            if fits || !self.same_field {
                let mut found = Vec::new();
                leaf.test.spans(text, place, own, &mut found);
                spans.extend(found);
            }
        }
        spans.sort_by_key(|s| (s.start, std::cmp::Reverse(s.end)));
        let mut merged: Vec<Range<usize>> = Vec::new();
        for span in spans {
            match merged.last_mut() {
                Some(last) if span.start < last.end => last.end = last.end.max(span.end),
                _ => merged.push(span),
            }
        }
        merged
    }
}

impl Shape {
    fn with(mut self, given: &Map<String, Json>) -> Result<Shape, SearchError> {
        let first = |value: &Json, key: &str| {
            Ok::<_, SearchError>(texts(value, key)?.into_iter().next().unwrap_or_default())
        };
        for (key, value) in given {
            match key.as_str() {
                "pre_tags" => self.before = first(value, key)?,
                "post_tags" => self.after = first(value, key)?,
                "fragment_size" => self.size = json::whole(value, key)?.max(0) as usize,
                "number_of_fragments" => self.fragments = json::whole(value, key)?.max(0) as usize,
                "encoder" => self.html = scalar_text(value, key)? == "html",
                "tags_schema" if value == "styled" => {
                    (self.before, self.after) = ("<em class=\"hlt1\">".to_owned(), "</em>".to_owned());
                }
                // How places are found and fragments are cut: there is one way.
                "fields"
                | "highlight_query"
                | "require_field_match"
                | "type"
                | "order"
                | "boundary_scanner"
                | "boundary_chars"
                | "boundary_max_scan"
                | "boundary_scanner_locale"
                | "fragmenter"
                | "no_match_size"
                | "phrase_limit"
                | "matched_fields"
                | "max_analyzed_offset"
                | "max_fragment_length"
                | "tags_schema"
                | "force_source" => {}
                other => return Err(json::unknown(other, "highlight")),
            }
        }
        Ok(self)
    }

    fn fragments(&self, text: &str, spans: Vec<Range<usize>>) -> Vec<String> {
        if spans.is_empty() {
            return Vec::new();
        }
        if self.fragments == 0 || text.chars().count() <= self.size {
            return vec![self.marked(text, 0..text.len(), &spans)];
        }
        let mut out = Vec::new();
        let mut rest = spans.as_slice();
        while let (Some(first), true) = (rest.first(), out.len() < self.fragments) {
            let piece = around(text, first, self.size);
            let count = rest.iter().take_while(|s| s.end <= piece.end).count().max(1);
            out.push(self.marked(text, piece, &rest[..count]));
            rest = &rest[count..];
        }
        out
    }

    fn marked(&self, text: &str, piece: Range<usize>, spans: &[Range<usize>]) -> String {
        let mut out = String::new();
        let mut at = piece.start;
        for span in spans {
            self.push(&mut out, &text[at..span.start]);
            out.push_str(&self.before);
            self.push(&mut out, &text[span.clone()]);
            out.push_str(&self.after);
            at = span.end;
        }
        self.push(&mut out, &text[at..piece.end.max(at)]);
        out
    }

    fn push(&self, out: &mut String, text: &str) {
        if !self.html {
            out.push_str(text);
            return;
        }
        for c in text.chars() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#x27;"),
                '/' => out.push_str("&#x2F;"),
                c => out.push(c),
            }
        }
    }
}

/// About so many characters around a place, cut at blanks where there are some.
fn around(text: &str, span: &Range<usize>, size: usize) -> Range<usize> {
    let spare = size.saturating_sub(span.len());
    let mut start = text.floor_char_boundary(span.start.saturating_sub(spare / 4));
    if start > 0
        && let Some(blank) = text[start..span.start].find(char::is_whitespace)
    {
        start += blank + 1;
        start = text.ceil_char_boundary(start);
    }
    let mut end = text.floor_char_boundary((start + size).clamp(span.end, text.len().max(span.end)));
    end = end.max(span.end);
    if end < text.len()
        && let Some(blank) = text[span.end..end].rfind(char::is_whitespace)
    {
        end = span.end + blank;
    }
    start.min(span.start)..end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(size: usize, fragments: usize) -> Shape {
        Shape { before: "<".to_owned(), after: ">".to_owned(), size, fragments, html: false }
    }

    #[test]
    fn fragments_are_cut_around_places() {
        let text = "the quick brown fox jumps over the lazy dog again and again";
        assert_eq!(
            shape(100, 5).fragments(text, vec![4..9, 16..19]),
            ["the <quick> brown <fox> jumps over the lazy dog again and again"]
        );
        assert_eq!(shape(20, 5).fragments(text, vec![4..9, 40..43]).len(), 2);
        let few = shape(20, 1).fragments(text, vec![4..9, 40..43]);
        assert_eq!(few.len(), 1);
        assert!(few[0].contains("<quick>") && !few[0].contains("dog"), "{few:?}");
        assert_eq!(shape(3, 1).fragments("ééé ééé ééé", vec![Range { start: 7, end: 13 }]), ["<ééé>"]);
        assert_eq!(shape(0, 0).fragments("a b", vec![Range { start: 2, end: 3 }]), ["a <b>"]);
        let html = Shape { html: true, ..shape(100, 0) };
        assert_eq!(html.fragments("<b> & x", vec![Range { start: 6, end: 7 }]), ["&lt;b&gt; &amp; <x>"]);
    }
}
