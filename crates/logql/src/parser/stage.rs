//! Stream selectors and pipelines.

use super::lexer::Kind;
use super::{Parsed, Parser};
use crate::ast::{
    Conversion, Extraction, FormatValue, LabelFormat, LabelPick, LineFilter, LineOp, LineTerm, LogExpr, Span,
    Stage, StageKind, Unwrap,
};
use crate::pipeline;
use model::Matcher;

/// Words that begin a stage.
const STAGES: [&str; 12] = [
    "json",
    "logfmt",
    "pattern",
    "regexp",
    "unpack",
    "line_format",
    "label_format",
    "decolorize",
    "drop",
    "keep",
    "unwrap",
    "ip",
];

/// A stage, or what only metric queries have.
enum Piece {
    Stage(StageKind),
    Unwrap(Unwrap),
}

/// A pipeline as it is written inside a range function, where the range may stand in several places.
#[derive(Default)]
pub(super) struct Pipeline {
    pub stages: Vec<Stage>,
    pub unwrap: Option<Unwrap>,
}

impl Parser<'_> {
    /// A selector and its stages.
    pub(super) fn log(&mut self) -> Parsed<LogExpr> {
        let start = self.token().span;
        let matchers = self.selector()?;
        let mut pipeline = Pipeline::default();
        while self.begins_stage() {
            self.stage(&mut pipeline)?;
        }
        if let Some(unwrap) = &pipeline.unwrap {
            let error = self.fail(unwrap.span, "unwrap makes numbers, and a log query gives lines");
            return Err(error.with_help(Some(
                "put it inside a range function: sum_over_time({…} | unwrap x [5m])".to_owned(),
            )));
        }
        Ok(LogExpr { matchers, stages: pipeline.stages, span: start.to(self.previous_span()) })
    }

    /// Whether a stage begins here. `!=` and `!~` do only before a string: elsewhere they compare numbers.
    pub(super) fn begins_stage(&self) -> bool {
        match self.peek() {
            Kind::Sign("|" | "|=" | "|~" | "|>" | "!>" | "!~") => true,
            Kind::Sign("!=") => self.second().kind == Kind::Text || self.text_of(self.second()) == "ip",
            _ => false,
        }
    }

    /// Reads one stage.
    pub(super) fn stage(&mut self, pipeline: &mut Pipeline) -> Parsed<()> {
        let start = self.token().span;
        let piece = if self.accept("|").is_some() {
            self.piped(start)?
        } else {
            Piece::Stage(StageKind::Line(self.line_filter()?))
        };
        let span = start.to(self.previous_span());
        match (piece, &mut pipeline.unwrap) {
            (Piece::Unwrap(_), Some(_)) => Err(self.fail(span, "a pipeline has one unwrap at most")),
            (Piece::Unwrap(unwrap), none) => {
                *none = Some(unwrap);
                Ok(())
            }
            (Piece::Stage(StageKind::Label(filter)), Some(unwrap)) => {
                unwrap.filters.push(filter);
                unwrap.span = unwrap.span.to(span);
                Ok(())
            }
            (Piece::Stage(_), Some(_)) => {
                let error = self.fail(span, "after unwrap only label filters may follow");
                Err(error.with_help(Some("move the stage before | unwrap".to_owned())))
            }
            (Piece::Stage(kind), None) => {
                pipeline.stages.push(Stage { kind, span });
                Ok(())
            }
        }
    }

    fn line_filter(&mut self) -> Parsed<LineFilter> {
        let Kind::Sign(sign) = self.next().kind else { return Err(self.unexpected("a line filter")) };
        let op = match sign {
            "|=" => LineOp::Contains,
            "!=" => LineOp::NotContains,
            "|~" => LineOp::Matches,
            "!~" => LineOp::NotMatches,
            "|>" => LineOp::Pattern,
            _ => LineOp::NotPattern,
        };
        let mut terms = vec![self.line_term(op)?];
        while self.word().is_some_and(|w| w.eq_ignore_ascii_case("or"))
            && (self.second().kind == Kind::Text || self.text_of(self.second()) == "ip")
        {
            self.next();
            terms.push(self.line_term(op)?);
        }
        Ok(LineFilter { op, terms })
    }

    fn line_term(&mut self, op: LineOp) -> Parsed<LineTerm> {
        let token = self.token();
        if self.word() == Some("ip") {
            if !matches!(op, LineOp::Contains | LineOp::NotContains) {
                let error = self.fail(token.span, format!("ip() cannot be combined with {}", op.as_str()));
                return Err(error.with_help(Some("use |= ip(\"…\") or != ip(\"…\")".to_owned())));
            }
            return self.ip_pattern().map(LineTerm::Ip);
        }
        let text = self.text("a string or ip(\"…\")")?;
        let span = token.span;
        match op {
            LineOp::Matches | LineOp::NotMatches => {
                pipeline::check_regex(&text).map_err(|e| self.fail(span, e))?;
            }
            LineOp::Pattern | LineOp::NotPattern => {
                pipeline::check_pattern(&text, false).map_err(|e| self.fail(span, e))?;
            }
            LineOp::Contains | LineOp::NotContains => {}
        }
        Ok(LineTerm::Text(text))
    }

    /// What follows `|`.
    fn piped(&mut self, start: Span) -> Parsed<Piece> {
        let word = self.word().unwrap_or("");
        // A word that begins a stage is a label if a comparison follows that no stage begins with.
        let compared = matches!(self.second().kind, Kind::Sign("=" | "==" | "=~" | "<" | "<=" | ">" | ">="));
        let kind = match word {
            _ if compared => return self.label_stage(),
            "json" => {
                self.next();
                let fields = self.extractions()?;
                for f in &fields {
                    pipeline::check_json_path(&f.expression)
                        .map_err(|e| self.fail(start.to(self.previous_span()), e))?;
                }
                StageKind::Json(fields)
            }
            "logfmt" => {
                self.next();
                let (mut strict, mut keep_empty) = (false, false);
                while self.peek() == Kind::Flag {
                    match self.text_of(self.token()) {
                        "--strict" => strict = true,
                        "--keep-empty" => keep_empty = true,
                        _ => return Err(self.unexpected("--strict or --keep-empty")),
                    }
                    self.next();
                }
                StageKind::Logfmt { strict, keep_empty, fields: self.extractions()? }
            }
            "pattern" | "regexp" => {
                self.next();
                let span = self.token().span;
                let text = self.text("a string")?;
                if word == "pattern" {
                    pipeline::check_pattern(&text, true).map_err(|e| self.fail(span, e))?;
                    StageKind::Pattern(text)
                } else {
                    pipeline::check_capturing_regex(&text).map_err(|e| self.fail(span, e))?;
                    StageKind::Regexp(text)
                }
            }
            "unpack" => {
                self.next();
                StageKind::Unpack
            }
            "decolorize" => {
                self.next();
                StageKind::Decolorize
            }
            "line_format" => {
                self.next();
                let span = self.token().span;
                let text = self.text("a template in quotes")?;
                pipeline::check_template(&text).map_err(|e| self.fail(span, e))?;
                StageKind::LineFormat(text)
            }
            "label_format" => {
                self.next();
                StageKind::LabelFormat(self.label_formats()?)
            }
            "drop" | "keep" => {
                self.next();
                let picks = self.list(Self::label_pick)?;
                if word == "drop" { StageKind::Drop(picks) } else { StageKind::Keep(picks) }
            }
            "unwrap" => {
                self.next();
                return self.unwrap(start).map(Piece::Unwrap);
            }
            _ => return self.label_stage(),
        };
        Ok(Piece::Stage(kind))
    }

    fn label_stage(&mut self) -> Parsed<Piece> {
        let word = self.word();
        let at = self.token().span;
        let follows = self.second().kind;
        if let Some(word) = word
            && !matches!(follows, Kind::Sign("=" | "==" | "!=" | "=~" | "!~" | "<" | "<=" | ">" | ">="))
        {
            let near = promql::nearest_name(word, STAGES.iter().copied());
            let mut error = self
                .fail(at, format!("{} is neither a stage nor compared with anything", promql::quote(word)));
            error = error.with_help(Some(match near {
                Some(name) => format!("did you mean {}?", promql::quote(name)),
                None => format!(
                    "compare the label, as in | {word}=\"…\", or use one of {}",
                    STAGES[..11].join(", ")
                ),
            }));
            return Err(error);
        }
        if word.is_none() && !self.at_sign("(") {
            return Err(self.unexpected("a stage or a label filter"));
        }
        self.label_filter().map(|f| Piece::Stage(StageKind::Label(f)))
    }

    /// `a, b="expression"`, possibly nothing.
    fn extractions(&mut self) -> Parsed<Vec<Extraction>> {
        if self.peek() != Kind::Word {
            return Ok(Vec::new());
        }
        self.list(|p| {
            let label = p.identifier("a label")?;
            let expression =
                if p.accept("=").is_some() { p.text("an expression in quotes")? } else { label.clone() };
            Ok(Extraction { label, expression })
        })
    }

    fn label_formats(&mut self) -> Parsed<Vec<LabelFormat>> {
        let mut seen: Vec<String> = Vec::new();
        self.list(|p| {
            let token = p.token();
            let label = p.identifier("a label")?;
            if label == pipeline::ERROR || label == pipeline::ERROR_DETAILS {
                return Err(p.fail(token.span, format!("{label} cannot be formatted")));
            }
            if seen.contains(&label) {
                let error = p.fail(token.span, format!("label_format sets {} twice", promql::quote(&label)));
                return Err(error.with_help(Some("use two label_format stages".to_owned())));
            }
            seen.push(label.clone());
            p.expect("=", "\"=\"")?;
            let value = match p.word() {
                Some(source) => {
                    p.next();
                    FormatValue::Rename(source.to_owned())
                }
                None => {
                    let span = p.token().span;
                    let text = p.text("a label or a template in quotes")?;
                    pipeline::check_template(&text).map_err(|e| p.fail(span, e))?;
                    FormatValue::Template(text)
                }
            };
            Ok(LabelFormat { label, value })
        })
    }

    fn label_pick(&mut self) -> Parsed<LabelPick> {
        let start = self.token().span;
        let name = self.identifier("a label")?;
        // `drop a != "b"` could also be a line filter; as upstream, it belongs to the label.
        let Some(op) = self.match_op() else { return Ok(LabelPick::Name(name)) };
        let value = self.text("a string")?;
        let span = start.to(self.previous_span());
        Matcher::new(op, name, value).map(LabelPick::Matcher).map_err(|e| self.fail(span, e.to_string()))
    }

    fn unwrap(&mut self, start: Span) -> Parsed<Unwrap> {
        let token = self.token();
        let word = self.identifier("a label")?;
        let mut unwrap =
            Unwrap { label: word.clone(), conversion: Conversion::Number, filters: Vec::new(), span: start };
        if self.accept("(").is_some() {
            unwrap.conversion = match word.as_str() {
                "duration" => Conversion::Duration,
                "duration_seconds" => Conversion::DurationSeconds,
                "bytes" => Conversion::Bytes,
                _ => {
                    let error = self.fail(token.span, format!("unknown conversion {}", promql::quote(&word)));
                    let help = "there are duration(label), duration_seconds(label) and bytes(label)";
                    return Err(error.with_help(Some(help.to_owned())));
                }
            };
            unwrap.label = self.identifier("a label")?;
            self.expect(")", "\")\"")?;
        }
        unwrap.span = start.to(self.previous_span());
        Ok(unwrap)
    }
}
