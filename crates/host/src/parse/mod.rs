//! Kernel text as values. Nothing here reads a file, allocates per line, or panics on foreign bytes.

pub mod disk;
pub mod memory;
pub mod net;
pub mod pressure;
pub mod process;
pub mod stat;
pub mod text;
