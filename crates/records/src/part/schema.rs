//! The columns of a part as Parquet sees them.

use super::directory::Slot;
use crate::group::{Field, Kind};
use crate::shape::VARS_MAX;
use model::Labels;
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::schema::types::{Type, TypePtr};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// So many labels of streams have columns of their own; the rest is in `stream`.
const LABEL_COLUMNS_MAX: usize = 32;

/// What a part is going to hold, known before its first row is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layout {
    /// In order.
    pub streams: Vec<Labels>,
    pub fields: Vec<Field>,
    pub observed: bool,
    pub trace: bool,
    pub span: bool,
    pub values: bool,
}

/// A column in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// One that we read, too.
    Slot(Slot),
    /// The stream's labels as JSON.
    Stream,
    /// One label.
    Label(String),
    Shape,
}

impl Layout {
    /// The labels that have columns: those of most streams.
    fn labels(&self) -> Vec<String> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for s in &self.streams {
            s.iter().for_each(|(name, _)| *counts.entry(name).or_default() += 1);
        }
        let mut by_count: Vec<_> = counts.into_iter().collect();
        by_count.sort_by_key(|(name, n)| (std::cmp::Reverse(*n), *name));
        by_count.truncate(LABEL_COLUMNS_MAX);
        let mut names: Vec<String> = by_count.into_iter().map(|(name, _)| name.to_owned()).collect();
        names.sort();
        names
    }

    /// The schema, and where the values of each of its leaves come from.
    pub fn schema(&self) -> Result<(TypePtr, Vec<Source>), ParquetError> {
        let mut fields: Vec<TypePtr> = Vec::new();
        let mut sources = Vec::new();
        let mut add = |leaf: TypePtr, source: Source| {
            fields.push(leaf);
            sources.push(source);
        };
        let nanos = LogicalType::timestamp(true, TimeUnit::NANOS);
        add(leaf("time", Physical::INT64, false, Some(nanos.clone()))?, Source::Slot(Slot::Time));
        if self.observed {
            add(leaf("observed", Physical::INT64, true, Some(nanos))?, Source::Slot(Slot::Observed));
        }
        let byte = LogicalType::integer(8, false);
        add(leaf("severity", Physical::INT32, false, Some(byte))?, Source::Slot(Slot::Severity));
        add(text("stream", false)?, Source::Stream);
        if self.trace {
            add(id("trace_id", 16)?, Source::Slot(Slot::Trace));
        }
        if self.span {
            add(id("span_id", 8)?, Source::Slot(Slot::Span));
        }
        add(text("shape", false)?, Source::Shape);
        for k in 0..VARS_MAX {
            add(text(&format!("v{}", k + 1), false)?, Source::Slot(Slot::Var(k)));
        }
        if self.values {
            add(leaf("body_value", Physical::BYTE_ARRAY, true, None)?, Source::Slot(Slot::Values));
        }
        let labels = self.labels();
        if !labels.is_empty() {
            let leaves: Result<Vec<_>, _> = labels.iter().map(|name| text(name, true)).collect();
            fields.push(group("labels", leaves?)?);
            sources.extend(labels.into_iter().map(Source::Label));
        }
        if !self.fields.is_empty() {
            let mut leaves = Vec::new();
            let mut taken = HashSet::new();
            for (k, f) in self.fields.iter().enumerate() {
                let plain = taken.insert(f.name.as_str());
                leaves.push(field_leaf(f, plain)?);
                sources.push(Source::Slot(Slot::Field(k)));
            }
            fields.push(group("attributes", leaves)?);
        }
        fields.push(leaf("attributes_rest", Physical::BYTE_ARRAY, true, None)?);
        sources.push(Source::Slot(Slot::Rest));
        let schema = Type::group_type_builder("records").with_fields(fields).build()?;
        Ok((Arc::new(schema), sources))
    }
}

fn leaf(name: &str, t: Physical, optional: bool, l: Option<LogicalType>) -> Result<TypePtr, ParquetError> {
    let repetition = if optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let built =
        Type::primitive_type_builder(name, t).with_repetition(repetition).with_logical_type(l).build()?;
    Ok(Arc::new(built))
}

fn text(name: &str, optional: bool) -> Result<TypePtr, ParquetError> {
    leaf(name, Physical::BYTE_ARRAY, optional, Some(LogicalType::String))
}

fn id(name: &str, bytes: i32) -> Result<TypePtr, ParquetError> {
    let built = Type::primitive_type_builder(name, Physical::FIXED_LEN_BYTE_ARRAY)
        .with_repetition(Repetition::OPTIONAL)
        .with_length(bytes)
        .build()?;
    Ok(Arc::new(built))
}

fn group(name: &str, leaves: Vec<TypePtr>) -> Result<TypePtr, ParquetError> {
    let built =
        Type::group_type_builder(name).with_repetition(Repetition::REQUIRED).with_fields(leaves).build()?;
    Ok(Arc::new(built))
}

/// An attribute that has values of several types has a column for each; all but the first say their type.
fn field_leaf(f: &Field, plain: bool) -> Result<TypePtr, ParquetError> {
    let kind = match f.kind {
        Kind::String => "string",
        Kind::Int => "int",
        Kind::Float => "float",
        Kind::Bool => "bool",
        Kind::Bytes => "bytes",
    };
    let name = if plain { f.name.clone() } else { format!("{}:{kind}", f.name) };
    match f.kind {
        Kind::String => text(&name, true),
        Kind::Int => leaf(&name, Physical::INT64, true, None),
        Kind::Float => leaf(&name, Physical::DOUBLE, true, None),
        Kind::Bool => leaf(&name, Physical::BOOLEAN, true, None),
        Kind::Bytes => leaf(&name, Physical::BYTE_ARRAY, true, None),
    }
}
