//! Go's `text/template` language over plain values; refuses to know what the values mean, where they come from, and
//! everything else in the house.
//!
//! [`Templates::parse`] reads a text and the templates it defines, [`Templates::execute`] writes one of them out
//! for a [`Value`]. What the language has built in (`and`, `printf`, `index`, ...) is here; what a user of templates
//! adds comes through [`Functions`] and [`Object`]. Errors are worded as Go words them, because people have met
//! them there. Recursion, output, intermediate values and loops are bounded by [`Limits`].

mod ast;
mod builtin;
mod calendar;
mod compare;
mod error;
mod escape;
mod exec;
mod layout;
mod lexer;
mod number;
mod operand;
mod output;
mod parser;
mod print;
mod printf;
mod quote;
mod time;
mod value;

pub use ast::NESTING_MAX;
pub use error::TemplateError;
pub use escape::query_escape;
pub use exec::{Functions, Limits, NoFunctions};
pub use number::{float_shortest, float_significant, parse_float};
pub use parser::Templates;
pub use time::{Duration, Time};
pub use value::{Kind, Map, Object, Signature, Value};
