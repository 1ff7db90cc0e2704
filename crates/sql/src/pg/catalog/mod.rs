//! The tables of `pg_catalog`: what there is, in the shape in which PostgreSQL's clients ask for it. Most of them are
//! empty, as there are no indexes, constraints, functions and so on.

mod columns;

pub(crate) use columns::{NAMES, is_empty};

use super::types;
use crate::catalog::{METRICS, PG_CATALOG, PUBLIC, Tables};
use arrow::array::{ArrayRef, BooleanArray, Int32Array, Int64Array, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use columns::COLUMNS;
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::datasource::MemTable;
use std::sync::Arc;

const NAMESPACES: [(i64, &str); 4] =
    [(2200, PUBLIC), (2201, METRICS), (11, PG_CATALOG), (13_000, "information_schema")];

/// A cell of a system table.
#[derive(Debug, Clone)]
enum Cell {
    Int(i64),
    Small(i32),
    Bool(bool),
    Text(String),
    Null,
}

use Cell::{Bool, Int, Null, Small};

fn text(value: impl Into<String>) -> Cell {
    Cell::Text(value.into())
}

/// The number of a table, the same each time.
pub(crate) fn table_oid(schema: &str, name: &str) -> i64 {
    match (schema, name) {
        (PUBLIC, "logs") => 16_384,
        (PUBLIC, "samples") => 16_385,
        (PUBLIC, "errors") => 16_386,
        (PUBLIC, "events") => 16_387,
        (PG_CATALOG, "pg_class") => 1259,
        (PG_CATALOG, "pg_type") => 1247,
        (PG_CATALOG, "pg_attribute") => 1249,
        (PG_CATALOG, "pg_proc") => 1255,
        (PG_CATALOG, "pg_namespace") => 2615,
        _ => {
            // FNV-1a, within the positive numbers beyond those that are given out by hand.
            let hash = |h: u32, b: u8| (h ^ u32::from(b)).wrapping_mul(0x0100_0193);
            let hash = schema.bytes().chain([b'.']).chain(name.bytes()).fold(0x811c_9dc5, hash);
            i64::from(hash & 0x3fff_ffff) | 0x4000_0000
        }
    }
}

/// Whether a table is found without its schema and shown so. Metrics are found, but there are too many to be shown.
pub(crate) fn is_visible(oid: i64) -> bool {
    oid < 0x4000_0000
}

/// The name of a schema.
pub(crate) fn schema_name(oid: i64) -> Option<String> {
    NAMESPACES.iter().find(|(o, _)| *o == oid).map(|(_, n)| (*n).to_owned())
}

/// The number of a schema.
pub(crate) fn schema_oid(name: &str) -> Option<i64> {
    NAMESPACES.iter().find(|(_, n)| *n == name).map(|(o, _)| *o)
}

/// Types: number, name, how it is shown, category, number of the type of its items, number of its array type.
const TYPES: [(u32, &str, &str, &str, u32, u32); 24] = [
    (types::BOOL, "bool", "boolean", "B", 0, types::BOOL_ARRAY),
    (types::BYTEA, "bytea", "bytea", "U", 0, 0),
    (types::CHAR, "char", "\"char\"", "Z", 0, 0),
    (types::NAME, "name", "name", "S", 0, 0),
    (types::INT8, "int8", "bigint", "N", 0, types::INT8_ARRAY),
    (types::INT2, "int2", "smallint", "N", 0, 0),
    (types::INT4, "int4", "integer", "N", 0, types::INT4_ARRAY),
    (types::TEXT, "text", "text", "S", 0, types::TEXT_ARRAY),
    (types::OID, "oid", "oid", "N", 0, 0),
    (types::JSON, "json", "json", "U", 0, 0),
    (types::FLOAT4, "float4", "real", "N", 0, 0),
    (types::FLOAT8, "float8", "double precision", "N", 0, types::FLOAT8_ARRAY),
    (types::VARCHAR, "varchar", "character varying", "S", 0, 0),
    (types::DATE, "date", "date", "D", 0, 0),
    (types::TIME, "time", "time without time zone", "D", 0, 0),
    (types::TIMESTAMP, "timestamp", "timestamp without time zone", "D", 0, 0),
    (types::TIMESTAMPTZ, "timestamptz", "timestamp with time zone", "D", 0, 0),
    (types::INTERVAL, "interval", "interval", "T", 0, 0),
    (types::NUMERIC, "numeric", "numeric", "N", 0, 0),
    (types::BOOL_ARRAY, "_bool", "boolean[]", "A", types::BOOL, 0),
    (types::INT4_ARRAY, "_int4", "integer[]", "A", types::INT4, 0),
    (types::INT8_ARRAY, "_int8", "bigint[]", "A", types::INT8, 0),
    (types::FLOAT8_ARRAY, "_float8", "double precision[]", "A", types::FLOAT8, 0),
    (types::TEXT_ARRAY, "_text", "text[]", "A", types::TEXT, 0),
];

/// How a type is shown.
pub(crate) fn type_name_of(oid: i64) -> Option<String> {
    TYPES.iter().find(|t| i64::from(t.0) == oid).map(|t| t.2.to_owned())
}

/// The number of a type.
pub(crate) fn type_oid(name: &str) -> Option<i64> {
    TYPES.iter().find(|t| t.1 == name || t.2 == name).map(|t| i64::from(t.0))
}

/// One of the tables.
pub(crate) fn table(tables: &Tables, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
    let Some((_, columns)) = COLUMNS.iter().find(|(n, _)| *n == name) else { return Ok(None) };
    let rows = match name {
        "pg_namespace" => {
            NAMESPACES.iter().map(|(oid, n)| vec![("oid", Int(*oid)), ("nspname", text(*n))]).collect()
        }
        "pg_class" => classes(tables),
        "pg_attribute" => attributes(tables)?,
        "pg_type" => TYPES.iter().map(type_row).collect(),
        "pg_database" => vec![database(&tables.database)],
        "pg_roles" => vec![role(&tables.database)],
        "pg_user" => {
            vec![vec![("usename", text("watchfire")), ("usesysid", Int(10)), ("usesuper", Bool(false))]]
        }
        "pg_tables" => listed(tables)
            .into_iter()
            .map(|(schema, name)| vec![("schemaname", text(schema)), ("tablename", text(name))])
            .collect(),
        "pg_am" => vec![vec![("oid", Int(2)), ("amname", text("heap")), ("amtype", text("t"))]],
        _ => Vec::new(),
    };
    Ok(Some(built(columns, &rows)?))
}

type Row = Vec<(&'static str, Cell)>;

/// A table of named cells; what a row does not have is nothing: 0, false, or null.
fn built(columns: &str, rows: &[Row]) -> Result<Arc<dyn TableProvider>> {
    let (mut fields, mut arrays) = (Vec::new(), Vec::<ArrayRef>::new());
    for column in columns.split_whitespace() {
        let name = column.trim_start_matches(['#', ':', '?', '@']);
        let cells: Vec<Cell> = rows
            .iter()
            .map(|row| row.iter().find(|(n, _)| *n == name).map_or(Null, |(_, cell)| cell.clone()))
            .collect();
        let array: ArrayRef = match column.as_bytes().first() {
            Some(b'#') => {
                let value = |c: &Cell| if let Int(v) = c { *v } else { 0 };
                Arc::new(Int64Array::from(cells.iter().map(value).collect::<Vec<_>>()))
            }
            Some(b':') => {
                let value = |c: &Cell| if let Small(v) = c { *v } else { 0 };
                Arc::new(Int32Array::from(cells.iter().map(value).collect::<Vec<_>>()))
            }
            Some(b'?') => {
                let value = |c: &Cell| matches!(c, Bool(true));
                Arc::new(BooleanArray::from(cells.iter().map(value).collect::<Vec<_>>()))
            }
            Some(b'@') => {
                let texts = Field::new_list_field(DataType::Utf8, true);
                new_null_array(&DataType::List(Arc::new(texts)), rows.len())
            }
            _ => {
                let value = |c: &Cell| if let Cell::Text(v) = c { Some(v.clone()) } else { None };
                Arc::new(StringArray::from(cells.iter().map(value).collect::<Vec<_>>()))
            }
        };
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
}

/// All tables that are listed.
fn listed(tables: &Tables) -> Vec<(&'static str, String)> {
    [PUBLIC, METRICS, PG_CATALOG]
        .into_iter()
        .flat_map(|schema| tables.names(schema).into_iter().map(move |name| (schema, name)))
        .collect()
}

fn classes(tables: &Tables) -> Vec<Row> {
    let row = |(schema, name): (&'static str, String)| {
        vec![
            ("oid", Int(table_oid(schema, &name))),
            ("relnamespace", Int(schema_oid(schema).unwrap_or(0))),
            ("relname", text(name)),
            ("relowner", Int(10)),
            ("relam", Int(2)),
            ("relpersistence", text("p")),
            ("relkind", text("r")),
            ("relreplident", text("n")),
            ("relispopulated", Bool(true)),
            ("reltuples", Int(-1)),
        ]
    };
    listed(tables).into_iter().map(row).collect()
}

fn attributes(tables: &Tables) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (schema, name) in listed(tables) {
        if schema == PG_CATALOG {
            continue;
        }
        let Some(table) = tables.table(schema, &name)? else { continue };
        for (i, field) in table.schema().fields().iter().enumerate() {
            let of = types::oid(field.data_type());
            rows.push(vec![
                ("attrelid", Int(table_oid(schema, &name))),
                ("attname", text(field.name())),
                ("atttypid", Int(i64::from(of))),
                ("attlen", Small(i32::from(types::size(of)))),
                ("attnum", Small(i as i32 + 1)),
                ("atttypmod", Small(-1)),
                ("attnotnull", Bool(!field.is_nullable())),
                ("attidentity", text("")),
                ("attgenerated", text("")),
                ("attislocal", Bool(true)),
            ]);
        }
    }
    Ok(rows)
}

fn type_row(of: &(u32, &str, &str, &str, u32, u32)) -> Row {
    let (oid, name, _, category, item, array) = *of;
    vec![
        ("oid", Int(i64::from(oid))),
        ("typname", text(name)),
        ("typnamespace", Int(11)),
        ("typowner", Int(10)),
        ("typlen", Small(i32::from(types::size(oid)))),
        ("typtype", text("b")),
        ("typcategory", text(category)),
        ("typisdefined", Bool(true)),
        ("typdelim", text(",")),
        ("typelem", Int(i64::from(item))),
        ("typarray", Int(i64::from(array))),
        ("typtypmod", Small(-1)),
        ("typinput", text(if item == 0 { format!("{name}in") } else { "array_in".to_owned() })),
        ("typreceive", text(if item == 0 { format!("{name}recv") } else { "array_recv".to_owned() })),
    ]
}

fn database(name: &str) -> Row {
    vec![
        ("oid", Int(5)),
        ("datname", text(name)),
        ("datdba", Int(10)),
        ("encoding", Small(6)),
        ("datcollate", text("C")),
        ("datctype", text("C")),
        ("datallowconn", Bool(true)),
        ("datconnlimit", Small(-1)),
    ]
}

fn role(_: &str) -> Row {
    vec![
        ("oid", Int(10)),
        ("rolname", text("watchfire")),
        ("rolinherit", Bool(true)),
        ("rolcanlogin", Bool(true)),
        ("rolconnlimit", Small(-1)),
    ]
}
