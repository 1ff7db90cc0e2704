//! Prepared statements, portals, and rows on their way.

use super::super::run::{Answer, Failure, MakeValues, Piece, Question, Sink};
use promql::EvalError;
use sql::pg::{Formats, RowWriter, oid, parameter, size, write};
use sql::{DataType, Parsed, RecordBatch, SchemaRef, SqlError};
use std::ops::ControlFlow;
use std::sync::Arc;

/// A prepared statement.
#[derive(Debug, Clone)]
pub struct Statement {
    /// `None` is nothing at all: an empty text.
    pub parsed: Option<Parsed>,
    /// Types the client stated of its first parameters.
    pub types: Vec<u32>,
}

/// Values of parameters as they came.
#[derive(Debug, Clone, Default)]
pub struct Values {
    pub binary: Vec<bool>,
    pub values: Vec<Option<Vec<u8>>>,
    pub types: Vec<u32>,
}

impl Values {
    /// As the query wants them.
    pub fn make(self) -> MakeValues {
        Arc::new(move |wanted: &[Option<DataType>]| {
            let wrong = |message: String| SqlError::Run(EvalError::Query(message));
            if wanted.len() > self.values.len() {
                let (given, wants) = (self.values.len(), wanted.len());
                return Err(wrong(format!("{given} parameters were given, the statement has {wants}")));
            }
            let formats = Formats::of(&self.binary, self.values.len()).map_err(wrong)?;
            let one = |(i, value): (usize, &Option<Vec<u8>>)| {
                let of = self.types.get(i).copied().unwrap_or(0);
                let wanted = wanted.get(i).and_then(Option::as_ref);
                parameter(i + 1, value.as_deref(), formats.binary(i), of, wanted).map_err(wrong)
            };
            self.values.iter().enumerate().map(one).collect()
        })
    }
}

/// A statement with its parameters.
pub struct Portal {
    pub statement: Statement,
    pub values: Values,
    pub results: Vec<bool>,
    /// Its rows, once it was begun and as long as it is not done.
    pub rows: Option<Rows>,
    pub done: bool,
}

/// Writes `RowDescription` for some columns.
pub fn describe(schema: &SchemaRef, formats: &Formats, out: &mut Vec<u8>) {
    let columns = schema.fields().iter().enumerate().map(|(i, f)| {
        let of = oid(f.data_type());
        (f.name().as_str(), of, size(of), formats.binary(i))
    });
    write::columns(out, columns);
}

/// Rows as messages, with their description before them where nobody asked for it.
pub struct Messages {
    rows: RowWriter,
    head: Vec<u8>,
}

impl Messages {
    pub fn new(schema: &SchemaRef, results: &[bool], described: bool) -> Result<Messages, EvalError> {
        let formats = Formats::of(results, schema.fields().len()).map_err(EvalError::Query)?;
        let mut head = Vec::new();
        if !described {
            describe(schema, &formats, &mut head);
        }
        Ok(Messages { rows: RowWriter::new(schema, formats), head })
    }
}

impl Sink for Messages {
    fn rows(
        &mut self,
        batch: &RecordBatch,
        give: &mut dyn FnMut(Vec<u8>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, EvalError> {
        let head = &mut self.head;
        self.rows.rows(batch, &mut |piece| {
            if head.is_empty() {
                return give(piece);
            }
            let mut first = std::mem::take(head);
            first.extend_from_slice(&piece);
            give(first)
        })
    }

    fn end(self: Box<Self>) -> Result<Vec<u8>, EvalError> {
        let mut out = self.head;
        out.extend_from_slice(&self.rows.end());
        Ok(out)
    }
}

/// Rows on their way, message by message.
pub struct Rows {
    answer: Answer,
    piece: Vec<u8>,
    at: usize,
    last: bool,
    /// Rows given so far.
    pub count: u64,
}

/// What came next.
pub enum Next {
    /// Messages.
    Messages(Vec<u8>),
    /// There are no more rows.
    End,
    /// Why there are no more.
    Failed(Failure),
}

impl Rows {
    pub fn new(answer: Answer) -> Rows {
        Rows { answer, piece: Vec::new(), at: 0, last: false, count: 0 }
    }

    /// The next messages, of them at most `rows` rows, and how many they are.
    pub async fn next(&mut self, rows: u64) -> (Next, u64) {
        while self.at >= self.piece.len() {
            if self.last {
                return (Next::End, 0);
            }
            match self.answer.next().await {
                Some(Piece::Part(piece)) => (self.piece, self.at) = (piece, 0),
                Some(Piece::Whole(piece) | Piece::Last(piece)) => {
                    (self.piece, self.at, self.last) = (piece, 0, true);
                }
                Some(Piece::Failed(failure)) => return (Next::Failed(failure), 0),
                None => {
                    let fault = "the query met a fault in the server; its log says more";
                    return (Next::Failed(EvalError::Query(fault.to_owned()).into()), 0);
                }
            }
        }
        let (begin, mut found) = (self.at, 0);
        while self.at < self.piece.len() && found < rows {
            let head = &self.piece[self.at..];
            found += u64::from(head[0] == b'D');
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
            self.at += 1 + length as usize;
        }
        self.count += found;
        let whole = begin == 0 && self.at >= self.piece.len();
        let messages =
            if whole { std::mem::take(&mut self.piece) } else { self.piece[begin..self.at].to_vec() };
        (Next::Messages(messages), found)
    }

    /// Whether it is known that there are no more rows.
    pub fn is_over(&self) -> bool {
        self.last && self.at >= self.piece.len()
    }
}

/// What a portal asks.
pub fn question(base: &Question, portal: &Portal, parsed: Parsed) -> Question {
    let results = portal.results.clone();
    Question {
        statement: parsed,
        values: portal.values.clone().make(),
        sink: Arc::new(move |schema| Ok(Box::new(Messages::new(schema, &results, true)?) as Box<dyn Sink>)),
        ..base.clone()
    }
}
