//! HTTP surfaces, configuration and wiring; refuses to know file formats.

mod alertmanager;
mod api;
mod ask;
mod cache;
mod collect;
pub mod config;
mod console;
mod elastic;
mod entities;
mod errors;
mod evaluate;
mod events;
pub mod http;
mod intake;
mod logs;
mod loki;
mod lookout;
mod notify;
mod own;
pub mod pool;
pub mod process;
mod receive;
mod rule_groups;
mod server;
mod source;
mod sql;
pub mod state;
pub mod telemetry;
mod tempo;
mod traces;
mod weight;

pub use notify::Routing;
pub use rule_groups::{LoadedGroup, RuleSet, load_objectives, parse_objectives, read_objectives};
pub use server::{Server, StartError};
