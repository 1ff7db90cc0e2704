//! Values of parameters, in text and in binary.

use super::numeric::numeric;
use super::types::*;
use arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalUnit, TimeUnit};
use datafusion::common::ScalarValue;
use std::sync::Arc;

/// Microseconds from 1970 to 2000, where PostgreSQL's time begins.
pub(crate) const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// Days likewise.
pub(crate) const EPOCH_DAYS: i32 = 10_957;

/// The type a parameter of a number is read as.
pub fn parameter_type(oid: u32) -> Option<DataType> {
    Some(match oid {
        BOOL => DataType::Boolean,
        INT2 => DataType::Int16,
        INT4 => DataType::Int32,
        INT8 | OID => DataType::Int64,
        FLOAT4 => DataType::Float32,
        FLOAT8 => DataType::Float64,
        NUMERIC => DataType::Float64,
        TEXT | VARCHAR | BPCHAR | NAME | CHAR | JSON | JSONB => DataType::Utf8,
        BYTEA => DataType::Binary,
        DATE => DataType::Date32,
        TIMESTAMP => DataType::Timestamp(TimeUnit::Nanosecond, None),
        TIMESTAMPTZ => DataType::Timestamp(TimeUnit::Nanosecond, Some(Arc::from("UTC"))),
        INTERVAL => DataType::Interval(IntervalUnit::MonthDayNano),
        _ => return None,
    })
}

/// A parameter's value: of the type with this number, of the type the statement asks for where none was stated.
pub fn parameter(
    place: usize,
    value: Option<&[u8]>,
    binary: bool,
    oid: u32,
    wanted: Option<&DataType>,
) -> Result<ScalarValue, String> {
    let stated = oid_of_known(oid);
    let of = stated.and_then(parameter_type).or_else(|| wanted.cloned()).unwrap_or(DataType::Utf8);
    let wrong = |why: String| format!("parameter ${place}: {why}");
    let Some(bytes) = value else {
        return ScalarValue::try_from(&of).map_err(|e| wrong(e.strip_backtrace()));
    };
    let given = if binary { of_binary(bytes, stated, &of) } else { of_text(bytes, &of) }.map_err(&wrong)?;
    match wanted {
        Some(wanted) if *wanted != given.data_type() => match given.cast_to(wanted) {
            Ok(cast) => Ok(cast),
            // The planner guesses from what stands beside it: of `now() - $1` it makes a time. The client knows better.
            Err(_) if stated.is_some() => Ok(given),
            Err(e) => Err(wrong(format!("is not of type {wanted}: {}", e.strip_backtrace()))),
        },
        _ => Ok(given),
    }
}

fn of_text(bytes: &[u8], of: &DataType) -> Result<ScalarValue, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    match of {
        DataType::Boolean => match text.trim().to_ascii_lowercase().as_str() {
            "t" | "true" | "1" | "on" | "yes" | "y" => Ok(ScalarValue::Boolean(Some(true))),
            "f" | "false" | "0" | "off" | "no" | "n" => Ok(ScalarValue::Boolean(Some(false))),
            _ => Err(format!("{text:?} is no truth value")),
        },
        DataType::Binary => {
            let digits =
                text.strip_prefix("\\x").ok_or_else(|| format!("{text:?} does not begin with \\x"))?;
            let byte = |pair: &[u8]| {
                let high = char::from(*pair.first()?).to_digit(16)?;
                let low = char::from(*pair.get(1)?).to_digit(16)?;
                Some((high << 4 | low) as u8)
            };
            let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(byte).collect();
            bytes.map(|b| ScalarValue::Binary(Some(b))).ok_or_else(|| format!("{text:?} is not hexadecimal"))
        }
        _ => {
            let given = ScalarValue::Utf8(Some(text.to_owned()));
            given.cast_to(of).map_err(|e| format!("{text:?} is not of type {of}: {}", e.strip_backtrace()))
        }
    }
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], String> {
    bytes.try_into().map_err(|_| format!("has {} bytes, its type has {N}", bytes.len()))
}

fn of_binary(bytes: &[u8], stated: Option<u32>, of: &DataType) -> Result<ScalarValue, String> {
    if stated == Some(NUMERIC) {
        return Ok(ScalarValue::Float64(Some(numeric(bytes)?)));
    }
    if stated == Some(OID) {
        return Ok(ScalarValue::Int64(Some(i64::from(u32::from_be_bytes(fixed(bytes)?)))));
    }
    Ok(match of {
        DataType::Boolean => ScalarValue::Boolean(Some(fixed::<1>(bytes)?[0] != 0)),
        DataType::Int8 | DataType::Int16 => ScalarValue::Int16(Some(i16::from_be_bytes(fixed(bytes)?))),
        DataType::Int32 => ScalarValue::Int32(Some(i32::from_be_bytes(fixed(bytes)?))),
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => {
            ScalarValue::Int64(Some(i64::from_be_bytes(fixed(bytes)?)))
        }
        DataType::Float32 => ScalarValue::Float32(Some(f32::from_be_bytes(fixed(bytes)?))),
        DataType::Float64 => ScalarValue::Float64(Some(f64::from_be_bytes(fixed(bytes)?))),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            // `jsonb` has a version before its text.
            let text = if stated == Some(JSONB) { bytes.get(1..).unwrap_or_default() } else { bytes };
            let text = std::str::from_utf8(text).map_err(|_| "is not UTF-8".to_owned())?;
            ScalarValue::Utf8(Some(text.to_owned()))
        }
        DataType::Binary => ScalarValue::Binary(Some(bytes.to_vec())),
        DataType::Date32 => {
            ScalarValue::Date32(Some(i32::from_be_bytes(fixed(bytes)?).saturating_add(EPOCH_DAYS)))
        }
        DataType::Timestamp(_, zone) => {
            let micros = i64::from_be_bytes(fixed(bytes)?).saturating_add(EPOCH_MICROS);
            let ns =
                micros.checked_mul(1000).ok_or_else(|| "lies beyond the years 1677 to 2262".to_owned())?;
            ScalarValue::TimestampNanosecond(Some(ns), zone.clone())
        }
        DataType::Interval(_) => {
            let bytes = fixed::<16>(bytes)?;
            let micros = i64::from_be_bytes(fixed(&bytes[..8])?);
            let days = i32::from_be_bytes(fixed(&bytes[8..12])?);
            let months = i32::from_be_bytes(fixed(&bytes[12..])?);
            let nanoseconds = micros.checked_mul(1000).ok_or_else(|| "is too long".to_owned())?;
            ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano { months, days, nanoseconds }))
        }
        other => return Err(format!("binary values of type {other} are not read: send text")),
    })
}
