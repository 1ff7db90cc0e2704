//! Functions besides DataFusion's own, and bounds for those that make much of little.
//!
//! DataFusion counts the memory of its operators, not that of expressions: `repeat('x', 2000000000)` or a chain of
//! concatenations would take what it likes. Functions whose results can be larger than what they are given are
//! therefore wrapped, and look at their arguments before they work.

use crate::bounds::RESULT_BYTES_MAX;
use crate::pg;
use crate::session::Options;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::{DFSchema, DataFusionError, Result};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;
use promql::EvalError;
use std::sync::Arc;

/// How large the result of a function can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Growth {
    /// As its arguments together, a few times.
    Sum,
    /// The first argument as often as the second says.
    Times,
    /// As many bytes or items as the second says.
    Length,
    /// The third for each place of the second in the first.
    Replaced,
    /// The third for each byte of the first.
    ReplacedByPattern,
    /// From the first to the second number.
    Range,
}

const BOUNDED: &[(&str, Growth)] = &[
    ("repeat", Growth::Times),
    ("lpad", Growth::Length),
    ("rpad", Growth::Length),
    ("array_resize", Growth::Length),
    ("list_resize", Growth::Length),
    ("array_repeat", Growth::Times),
    ("list_repeat", Growth::Times),
    ("replace", Growth::Replaced),
    ("regexp_replace", Growth::ReplacedByPattern),
    ("range", Growth::Range),
    ("generate_series", Growth::Range),
    ("concat", Growth::Sum),
    ("concat_ws", Growth::Sum),
    ("lower", Growth::Sum),
    ("upper", Growth::Sum),
    ("initcap", Growth::Sum),
    ("reverse", Growth::Sum),
    ("translate", Growth::Sum),
    ("overlay", Growth::Sum),
    ("encode", Growth::Sum),
    ("decode", Growth::Sum),
    ("string_to_array", Growth::Sum),
    ("array_to_string", Growth::Sum),
    ("array_concat", Growth::Sum),
    ("array_append", Growth::Sum),
    ("array_prepend", Growth::Sum),
    ("make_array", Growth::Sum),
    ("regexp_match", Growth::Sum),
    ("split_part", Growth::Sum),
];

/// A function that looks at its arguments first.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    growth: Growth,
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arg_types)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let bytes = result_bytes(self.growth, &args)?;
        if bytes > RESULT_BYTES_MAX {
            let error = EvalError::Query(format!(
                "{} would make {bytes} bytes at once, over the limit of {RESULT_BYTES_MAX}: make less of each row, or \
                 read fewer",
                self.name()
            ));
            return Err(DataFusionError::External(Box::new(error)));
        }
        self.inner.invoke_with_args(args)
    }
}

fn result_bytes(growth: Growth, args: &ScalarFunctionArgs) -> Result<u64> {
    let rows = args.number_rows;
    let place = |i: usize| args.args.get(i).map(Given::of).transpose();
    Ok(match growth {
        Growth::Sum => {
            let mut sum = 0u64;
            for i in 0..args.args.len() {
                let bytes = place(i)?.map_or(0, |a| (0..rows).map(|row| a.bytes(row)).sum());
                sum = sum.saturating_add(bytes);
            }
            sum
        }
        Growth::Times | Growth::Length => {
            let (Some(first), Some(second)) = (place(0)?, place(1)?) else { return Ok(0) };
            let counts = numbers(&second)?;
            let each = |row: usize| match growth {
                Growth::Times => first.bytes(row).max(1).saturating_mul(counts(row)),
                _ => counts(row).saturating_mul(8),
            };
            (0..rows).map(each).fold(0, u64::saturating_add)
        }
        Growth::Replaced | Growth::ReplacedByPattern => {
            let plain = growth == Growth::Replaced;
            let (Some(first), Some(from), Some(to)) = (place(0)?, place(1)?, place(2)?) else { return Ok(0) };
            let each = |row: usize| {
                let width = if plain { from.bytes(row).max(1) } else { 1 };
                let length = first.bytes(row);
                let places = if to.bytes(row) == 0 { 0 } else { length / width + 1 };
                length.saturating_add(places.saturating_mul(to.bytes(row)))
            };
            (0..rows).map(each).fold(0, u64::saturating_add)
        }
        Growth::Range => {
            let (Some(first), second, third) = (place(0)?, place(1)?, place(2)?) else { return Ok(0) };
            if !first.array.data_type().is_integer() {
                return Ok(0);
            }
            let first = signed(&first)?;
            let second = second.map(|a| signed(&a)).transpose()?;
            let third = third.map(|a| signed(&a)).transpose()?;
            let each = |row: usize| {
                let (from, to) = match &second {
                    Some(second) => (first(row), second(row)),
                    None => (0, first(row)),
                };
                let step = third.as_ref().map_or(1, |t| t(row)).unsigned_abs().max(1);
                (to.abs_diff(from) / step).saturating_mul(8)
            };
            (0..rows).map(each).fold(0, u64::saturating_add)
        }
    })
}

/// An argument. A constant is one value for all rows: it is not repeated to be looked at.
struct Given {
    array: ArrayRef,
    constant: bool,
}

impl Given {
    fn of(arg: &ColumnarValue) -> Result<Given> {
        Ok(match arg {
            ColumnarValue::Array(array) => Given { array: Arc::clone(array), constant: false },
            ColumnarValue::Scalar(value) => Given { array: value.to_array()?, constant: true },
        })
    }

    fn bytes(&self, row: usize) -> u64 {
        bytes_of(&self.array, if self.constant { 0 } else { row })
    }
}

/// Bytes of a value as it is shown, whether or not they are shared with others.
fn bytes_of(array: &ArrayRef, row: usize) -> u64 {
    if array.is_null(row) {
        return 0;
    }
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value_length(row) as u64,
        DataType::LargeUtf8 => array.as_string::<i64>().value_length(row) as u64,
        DataType::Utf8View => u64::from(array.as_string_view().views()[row] as u32),
        DataType::Binary => array.as_binary::<i32>().value_length(row) as u64,
        DataType::BinaryView => u64::from(array.as_binary_view().views()[row] as u32),
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            (0..items.len()).map(|i| bytes_of(&items, i)).sum::<u64>().saturating_add(8)
        }
        _ => 8,
    }
}

fn signed(given: &Given) -> Result<impl Fn(usize) -> i64 + use<>> {
    let (array, constant) = (cast(&given.array, &DataType::Int64)?, given.constant);
    Ok(move |row: usize| {
        let (numbers, row) = (array.as_primitive::<Int64Type>(), if constant { 0 } else { row });
        if numbers.is_null(row) { 0 } else { numbers.value(row) }
    })
}

fn numbers(given: &Given) -> Result<impl Fn(usize) -> u64 + use<>> {
    let signed = signed(given)?;
    Ok(move |row: usize| u64::try_from(signed(row)).unwrap_or(0))
}

/// `a || b` of texts as a function, so that it is bounded. Of nothing and a text comes nothing.
#[derive(Debug)]
struct Concatenation;

impl ExprPlanner for Concatenation {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let is_text = |e: &Expr| {
            matches!(e.get_type(schema), Ok(DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View))
        };
        if expr.op != BinaryOperator::StringConcat || !is_text(&expr.left) || !is_text(&expr.right) {
            return Ok(PlannerResult::Original(expr));
        }
        let concat = Bounded { inner: datafusion::functions::string::concat(), growth: Growth::Sum };
        let joined =
            Arc::new(ScalarUDF::new_from_impl(concat)).call(vec![expr.left.clone(), expr.right.clone()]);
        let known = |e: &Expr| matches!(e, Expr::Literal(v, _) if !v.is_null());
        let nothing = [&expr.left, &expr.right]
            .into_iter()
            .filter(|e| !known(e))
            .map(|e| e.clone().is_null())
            .reduce(Expr::or);
        Ok(PlannerResult::Planned(match nothing {
            None => joined,
            Some(nothing) => datafusion::logical_expr::when(nothing, null_text()).otherwise(joined)?,
        }))
    }
}

fn null_text() -> Expr {
    Expr::Literal(datafusion::common::ScalarValue::Utf8(None), None)
}

/// Registers them.
pub(crate) fn register(state: &mut SessionState, options: &Options) -> Result<()> {
    for (name, growth) in BOUNDED {
        let Some(inner) = state.scalar_functions().get(*name).cloned() else { continue };
        state.register_udf(Arc::new(ScalarUDF::new_from_impl(Bounded { inner, growth: *growth })))?;
    }
    pg::functions::register(state, options)
}

/// How operators are planned, before DataFusion's own ways.
pub(crate) fn planner() -> Arc<dyn ExprPlanner> {
    Arc::new(Concatenation)
}
