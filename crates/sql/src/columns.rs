//! Columns under construction.

use arrow::array::{
    ArrayRef, Float64Builder, Int32Builder, ListBuilder, MapBuilder, MapFieldNames, StringBuilder,
    StringViewBuilder, StructBuilder, TimestampNanosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use model::Labels;
use promql::FloatHistogram;
use std::sync::Arc;

/// The zone of all times.
pub(crate) const UTC: &str = "UTC";

/// The type of times.
pub(crate) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some(Arc::from(UTC)))
}

/// The type of maps from text to text.
pub(crate) fn map_type() -> DataType {
    let key = Field::new("key", DataType::Utf8, false);
    let value = Field::new("value", DataType::Utf8, true);
    let entries = DataType::Struct(Fields::from(vec![key, value]));
    DataType::Map(Arc::new(Field::new("entries", entries, false)), false)
}

fn bucket_fields() -> Fields {
    let float = |name| Field::new(name, DataType::Float64, false);
    Fields::from(vec![float("lower"), float("upper"), float("count")])
}

fn histogram_fields() -> Fields {
    let buckets = Field::new("item", DataType::Struct(bucket_fields()), true);
    Fields::from(vec![
        Field::new("count", DataType::Float64, false),
        Field::new("sum", DataType::Float64, false),
        Field::new("buckets", DataType::List(Arc::new(buckets)), false),
    ])
}

/// The type of native histograms.
pub(crate) fn histogram_type() -> DataType {
    DataType::Struct(histogram_fields())
}

/// A column of texts, many of them the same in a row.
#[derive(Debug)]
pub(crate) struct Texts(StringViewBuilder);

impl Texts {
    pub fn new() -> Texts {
        Texts(StringViewBuilder::new())
    }

    pub fn push(&mut self, text: Option<&str>) {
        self.0.append_option(text);
    }

    /// One text for `rows` rows.
    pub fn repeat(&mut self, text: Option<&str>, rows: usize) {
        let Some(text) = text else {
            (0..rows).for_each(|_| self.0.append_null());
            return;
        };
        // Views of up to 12 bytes hold the text themselves.
        if text.len() <= 12 || rows == 1 {
            (0..rows).for_each(|_| self.0.append_value(text));
            return;
        }
        let length = text.len() as u32;
        let block = self.0.append_block(text.as_bytes().to_vec().into());
        for _ in 0..rows {
            // The block is the whole text, so it cannot be refused.
            if self.0.try_append_view(block, 0, length).is_err() {
                self.0.append_value(text);
            }
        }
    }

    pub fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

/// A column of times.
pub(crate) fn times() -> TimestampNanosecondBuilder {
    TimestampNanosecondBuilder::new().with_timezone(UTC)
}

/// A column of numbers.
pub(crate) fn floats() -> Float64Builder {
    Float64Builder::new()
}

/// A column of whole numbers.
pub(crate) fn ints() -> Int32Builder {
    Int32Builder::new()
}

/// A column of maps.
#[derive(Debug)]
pub(crate) struct Maps(MapBuilder<StringBuilder, StringBuilder>);

impl Maps {
    pub fn new() -> Maps {
        let names =
            MapFieldNames { entry: "entries".to_owned(), key: "key".to_owned(), value: "value".to_owned() };
        Maps(MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new()))
    }

    /// A row with these pairs, and the bytes it takes.
    pub fn push<'a, V: AsRef<str>>(&mut self, pairs: impl Iterator<Item = (&'a str, Option<V>)>) -> usize {
        let mut bytes = 0;
        for (name, value) in pairs {
            bytes += name.len() + value.as_ref().map_or(0, |v| v.as_ref().len());
            self.0.keys().append_value(name);
            self.0.values().append_option(value);
        }
        // Keys and values were appended in pairs.
        let _ = self.0.append(true);
        bytes
    }

    /// Labels, but for the name of a metric.
    pub fn labels(&mut self, labels: &Labels, rows: usize) -> usize {
        let mut bytes = 0;
        for _ in 0..rows {
            bytes += self.push(labels.iter().filter(|(n, _)| *n != "__name__").map(|(n, v)| (n, Some(v))));
        }
        bytes
    }

    pub fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

/// A column of native histograms.
#[derive(Debug)]
pub(crate) struct Histograms(StructBuilder);

impl Histograms {
    pub fn new() -> Histograms {
        let buckets = StructBuilder::from_fields(bucket_fields(), 0);
        let list =
            ListBuilder::new(buckets).with_field(Field::new("item", DataType::Struct(bucket_fields()), true));
        Histograms(StructBuilder::new(
            histogram_fields(),
            vec![Box::new(floats()), Box::new(floats()), Box::new(list)],
        ))
    }

    pub fn push(&mut self, histogram: Option<&FloatHistogram>) -> usize {
        let buckets = histogram.map(FloatHistogram::buckets).unwrap_or_default();
        if let Some(count) = self.0.field_builder::<Float64Builder>(0) {
            count.append_value(histogram.map_or(0.0, |h| h.count));
        }
        if let Some(sum) = self.0.field_builder::<Float64Builder>(1) {
            sum.append_value(histogram.map_or(0.0, |h| h.sum));
        }
        if let Some(list) = self.0.field_builder::<ListBuilder<StructBuilder>>(2) {
            for bucket in &buckets {
                let values = list.values();
                for (place, value) in [bucket.lower, bucket.upper, bucket.count].into_iter().enumerate() {
                    if let Some(column) = values.field_builder::<Float64Builder>(place) {
                        column.append_value(value);
                    }
                }
                values.append(true);
            }
            list.append(true);
        }
        self.0.append(histogram.is_some());
        16 + buckets.len() * 24
    }

    pub fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}
