//! HTTP without any particular endpoint: connections, bodies, parameters, answers.

pub mod body;
pub mod error;
pub mod json;
pub mod listen;
pub mod number;
pub mod origin;
pub mod params;
pub mod respond;
pub mod time;
pub mod wire;
