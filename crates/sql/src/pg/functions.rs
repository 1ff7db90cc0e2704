//! Functions of PostgreSQL that clients call while they look around. What they would tell of things that are not
//! here is null.

use super::catalog::{self, type_name_of};
use crate::session::Options;
use arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The version of PostgreSQL whose dialect is spoken.
pub const SERVER_VERSION: &str = "14.0";

/// What the functions know.
#[derive(Debug)]
struct Context {
    database: String,
    user: String,
}

type Call = fn(&Context, &[ScalarValue]) -> ScalarValue;
/// Name, aliases, type of what it returns, what it does.
type Entry = (&'static str, &'static [&'static str], fn(&[DataType]) -> DataType, Call);

/// One function.
#[derive(Debug)]
struct Known {
    name: &'static str,
    aliases: Vec<String>,
    returns: fn(&[DataType]) -> DataType,
    call: Call,
    signature: Signature,
    context: Arc<Context>,
}

impl PartialEq for Known {
    fn eq(&self, other: &Known) -> bool {
        self.name == other.name
    }
}

impl Eq for Known {}

impl Hash for Known {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Known {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        Ok((self.returns)(arg_types))
    }

    /// Row by row: these are asked about system tables, which are small.
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let all_scalars = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let rows = if all_scalars { 1 } else { args.number_rows };
        let mut out = Vec::with_capacity(rows);
        for row in 0..rows {
            let values = args.args.iter().map(|a| match a {
                ColumnarValue::Scalar(v) => Ok(v.clone()),
                ColumnarValue::Array(array) => ScalarValue::try_from_array(array, row),
            });
            out.push((self.call)(&self.context, &values.collect::<Result<Vec<_>>>()?));
        }
        match (all_scalars, out.pop()) {
            (true, Some(one)) => Ok(ColumnarValue::Scalar(one)),
            (_, last) => {
                out.extend(last);
                if out.is_empty() {
                    return Ok(ColumnarValue::Array(arrow::array::new_empty_array(
                        args.return_field.data_type(),
                    )));
                }
                Ok(ColumnarValue::Array(ScalarValue::iter_to_array(out)?))
            }
        }
    }
}

fn utf8(_: &[DataType]) -> DataType {
    DataType::Utf8
}

fn boolean(_: &[DataType]) -> DataType {
    DataType::Boolean
}

fn int8(_: &[DataType]) -> DataType {
    DataType::Int64
}

fn int4(_: &[DataType]) -> DataType {
    DataType::Int32
}

fn texts(_: &[DataType]) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))
}

/// Numbers stand for names and names for numbers.
fn other_way(args: &[DataType]) -> DataType {
    if args.first().is_some_and(DataType::is_integer) { DataType::Utf8 } else { DataType::Int64 }
}

fn text(value: impl Into<String>) -> ScalarValue {
    ScalarValue::Utf8(Some(value.into()))
}

const NO_TEXT: ScalarValue = ScalarValue::Utf8(None);

fn number(value: Option<&ScalarValue>) -> Option<i64> {
    match value?.cast_to(&DataType::Int64) {
        Ok(ScalarValue::Int64(v)) => v,
        _ => None,
    }
}

fn string(value: Option<&ScalarValue>) -> Option<String> {
    value?.try_as_str().flatten().map(str::to_owned)
}

/// A name for a number, or a number for a name.
fn named(args: &[ScalarValue], name: fn(i64) -> Option<String>, oid: fn(&str) -> Option<i64>) -> ScalarValue {
    match args.first() {
        Some(v) if v.data_type().is_integer() => {
            number(Some(v)).map_or(NO_TEXT, |n| text(name(n).unwrap_or_else(|| n.to_string())))
        }
        other => {
            let found = string(other).and_then(|s| match s.parse::<i64>() {
                Ok(n) => Some(n),
                Err(_) => oid(s.trim_matches('"')),
            });
            ScalarValue::Int64(found)
        }
    }
}

fn class_name(_: i64) -> Option<String> {
    None
}

fn class_oid(name: &str) -> Option<i64> {
    let plain = name.replace('"', "");
    let (schema, table) = plain.split_once('.').unwrap_or(("", &plain));
    Some(match schema {
        "" if matches!(table, "errors" | "events" | "logs" | "samples") => {
            catalog::table_oid("public", table)
        }
        "" if table.starts_with("pg_") => catalog::table_oid("pg_catalog", table),
        "" => catalog::table_oid("metrics", table),
        schema => catalog::table_oid(schema, table),
    })
}

fn setting(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "server_version" => SERVER_VERSION,
        "server_version_num" => "140000",
        "server_encoding" | "client_encoding" => "UTF8",
        "timezone" => "UTC",
        "datestyle" => "ISO, MDY",
        "intervalstyle" => "postgres",
        "standard_conforming_strings" | "integer_datetimes" => "on",
        "search_path" => "public, metrics",
        "transaction_isolation" | "default_transaction_isolation" => "read committed",
        "transaction_read_only" | "default_transaction_read_only" => "on",
        "max_identifier_length" => "63",
        "is_superuser" => "off",
        "extra_float_digits" => "1",
        "bytea_output" => "hex",
        "statement_timeout" | "lock_timeout" | "idle_in_transaction_session_timeout" => "0",
        "application_name" => "",
        "lc_collate" | "lc_ctype" => "C",
        "max_index_keys" => "32",
        _ => return None,
    })
}

/// A setting by name, as `SHOW` tells it.
pub fn show(name: &str) -> Option<&'static str> {
    setting(name)
}

/// All of them.
fn all() -> Vec<Entry> {
    const YES: Call = |_, _| ScalarValue::Boolean(Some(true));
    const NO: Call = |_, _| ScalarValue::Boolean(Some(false));
    const NOTHING: Call = |_, _| NO_TEXT;
    const ZERO: Call = |_, _| ScalarValue::Int64(Some(0));
    vec![
        ("current_database", &["current_catalog"], utf8, |c, _| text(&c.database)),
        ("current_schema", &[], utf8, |_, _| text("public")),
        ("current_user", &["session_user", "user", "current_role"], utf8, |c, _| text(&c.user)),
        ("version", &[], utf8, |_, _| {
            text(format!("PostgreSQL {SERVER_VERSION} (Watchfire {})", env!("CARGO_PKG_VERSION")))
        }),
        ("current_schemas", &[], texts, |_, args| {
            let mut names = vec!["public", "metrics"];
            if args.first() == Some(&ScalarValue::Boolean(Some(true))) {
                names.insert(0, "pg_catalog");
            }
            let names: Vec<ScalarValue> = names.into_iter().map(text).collect();
            ScalarValue::List(ScalarValue::new_list_nullable(&names, &DataType::Utf8))
        }),
        ("current_setting", &[], utf8, |_, args| {
            string(args.first()).and_then(|n| setting(&n)).map_or(NO_TEXT, text)
        }),
        ("set_config", &[], utf8, |_, args| string(args.get(1)).map_or(NO_TEXT, text)),
        ("pg_get_userbyid", &[], utf8, |c, _| text(&c.user)),
        ("pg_table_is_visible", &[], boolean, |_, args| {
            ScalarValue::Boolean(number(args.first()).map(catalog::is_visible))
        }),
        ("pg_type_is_visible", &["pg_function_is_visible", "pg_operator_is_visible"], boolean, YES),
        ("format_type", &[], utf8, |_, args| {
            number(args.first())
                .map_or(NO_TEXT, |n| text(type_name_of(n).unwrap_or_else(|| "???".to_owned())))
        }),
        ("pg_get_expr", &["pg_get_viewdef", "pg_get_constraintdef", "pg_get_indexdef"], utf8, NOTHING),
        ("obj_description", &["col_description", "shobj_description"], utf8, NOTHING),
        (
            "pg_get_partkeydef",
            &["pg_get_serial_sequence", "pg_get_function_identity_arguments"],
            utf8,
            NOTHING,
        ),
        ("pg_get_function_arguments", &["pg_get_function_result", "pg_get_functiondef"], utf8, NOTHING),
        ("pg_get_triggerdef", &["pg_get_ruledef", "pg_tablespace_location"], utf8, NOTHING),
        ("has_schema_privilege", &["has_table_privilege", "has_database_privilege"], boolean, YES),
        ("has_column_privilege", &["has_any_column_privilege", "has_sequence_privilege"], boolean, YES),
        ("has_function_privilege", &["pg_has_role"], boolean, YES),
        ("pg_is_in_recovery", &["pg_is_other_temp_schema", "row_security_active"], boolean, NO),
        ("pg_encoding_to_char", &[], utf8, |_, _| text("UTF8")),
        ("pg_relation_size", &["pg_table_size", "pg_total_relation_size", "pg_indexes_size"], int8, ZERO),
        ("pg_database_size", &["pg_my_temp_schema", "txid_current"], int8, ZERO),
        ("pg_relation_is_publishable", &[], boolean, NO),
        ("pg_backend_pid", &[], int4, |_, _| ScalarValue::Int32(Some(0))),
        ("pg_client_encoding", &[], utf8, |_, _| text("UTF8")),
        ("inet_server_addr", &["inet_client_addr"], utf8, NOTHING),
        ("quote_ident", &[], utf8, |_, args| {
            string(args.first()).map_or(NO_TEXT, |name| {
                let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
                    && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
                text(if plain { name } else { format!("\"{}\"", name.replace('"', "\"\"")) })
            })
        }),
        ("watchfire_regclass", &["to_regclass"], other_way, |_, args| named(args, class_name, class_oid)),
        ("watchfire_regtype", &["to_regtype"], other_way, |_, args| {
            named(args, type_name_of, catalog::type_oid)
        }),
        (
            "watchfire_regnamespace",
            &["watchfire_regrole", "to_regnamespace", "to_regrole"],
            other_way,
            |_, args| named(args, catalog::schema_name, catalog::schema_oid),
        ),
        (
            "watchfire_regproc",
            &["watchfire_regprocedure", "watchfire_regoper", "watchfire_regconfig"],
            other_way,
            |_, args| named(args, |_| None, |_| Some(0)),
        ),
    ]
}

pub(crate) fn register(state: &mut SessionState, options: &Options) -> Result<()> {
    let context = Arc::new(Context { database: options.database.clone(), user: options.user.clone() });
    for (name, aliases, returns, call) in all() {
        let known = Known {
            name,
            aliases: aliases.iter().map(|a| (*a).to_owned()).collect(),
            returns,
            call,
            signature: Signature::one_of(
                vec![
                    datafusion::logical_expr::TypeSignature::Nullary,
                    datafusion::logical_expr::TypeSignature::VariadicAny,
                ],
                Volatility::Stable,
            ),
            context: Arc::clone(&context),
        };
        state.register_udf(Arc::new(ScalarUDF::new_from_impl(known)))?;
    }
    Ok(())
}
