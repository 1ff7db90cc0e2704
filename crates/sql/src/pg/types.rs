//! Types and their numbers.

use arrow::datatypes::DataType;

/// `bool`
pub(crate) const BOOL: u32 = 16;
pub(crate) const BYTEA: u32 = 17;
pub(crate) const CHAR: u32 = 18;
pub(crate) const NAME: u32 = 19;
pub(crate) const INT8: u32 = 20;
pub(crate) const INT2: u32 = 21;
pub(crate) const INT4: u32 = 23;
pub(crate) const TEXT: u32 = 25;
pub(crate) const OID: u32 = 26;
pub(crate) const JSON: u32 = 114;
pub(crate) const FLOAT4: u32 = 700;
pub(crate) const FLOAT8: u32 = 701;
pub(crate) const UNKNOWN: u32 = 705;
pub(crate) const BPCHAR: u32 = 1042;
pub(crate) const VARCHAR: u32 = 1043;
pub(crate) const DATE: u32 = 1082;
pub(crate) const TIME: u32 = 1083;
pub(crate) const TIMESTAMP: u32 = 1114;
pub(crate) const TIMESTAMPTZ: u32 = 1184;
pub(crate) const INTERVAL: u32 = 1186;
pub(crate) const NUMERIC: u32 = 1700;
pub(crate) const JSONB: u32 = 3802;
pub(crate) const TEXT_ARRAY: u32 = 1009;
pub(crate) const INT8_ARRAY: u32 = 1016;
pub(crate) const INT4_ARRAY: u32 = 1007;
pub(crate) const FLOAT8_ARRAY: u32 = 1022;
pub(crate) const BOOL_ARRAY: u32 = 1000;

/// The number of the type in which a column is sent.
pub fn oid(of: &DataType) -> u32 {
    match of {
        DataType::Boolean => BOOL,
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => INT2,
        DataType::Int32 | DataType::UInt16 => INT4,
        DataType::Int64 | DataType::UInt32 => INT8,
        DataType::UInt64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => NUMERIC,
        DataType::Float16 | DataType::Float32 => FLOAT4,
        DataType::Float64 => FLOAT8,
        DataType::Timestamp(_, Some(_)) => TIMESTAMPTZ,
        DataType::Timestamp(_, None) => TIMESTAMP,
        DataType::Date32 | DataType::Date64 => DATE,
        DataType::Time32(_) | DataType::Time64(_) => TIME,
        DataType::Duration(_) | DataType::Interval(_) => INTERVAL,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            BYTEA
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            match oid(item.data_type()) {
                BOOL => BOOL_ARRAY,
                INT2 | INT4 => INT4_ARRAY,
                INT8 => INT8_ARRAY,
                FLOAT4 | FLOAT8 => FLOAT8_ARRAY,
                TEXT => TEXT_ARRAY,
                _ => JSON,
            }
        }
        DataType::Map(..) | DataType::Struct(_) => JSON,
        DataType::Dictionary(_, value) => oid(value),
        _ => TEXT,
    }
}

/// The size of a type's values, -1 where they differ.
pub fn size(oid: u32) -> i16 {
    match oid {
        BOOL => 1,
        INT2 => 2,
        INT4 | FLOAT4 | DATE | OID => 4,
        INT8 | FLOAT8 | TIME | TIMESTAMP | TIMESTAMPTZ => 8,
        INTERVAL => 16,
        _ => -1,
    }
}

/// A type's number if it says something: 0 and `unknown` do not.
pub fn oid_of_known(oid: u32) -> Option<u32> {
    (oid != 0 && oid != UNKNOWN).then_some(oid)
}
