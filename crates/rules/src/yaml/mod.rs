//! YAML as a tree that knows where everything stands, so that several mistakes are told at once, each with its place.

mod node;
mod reader;
mod suggest;

pub(crate) use node::{Node, NodeKind, Style, parse};
pub(crate) use reader::{Fields, Reader};
