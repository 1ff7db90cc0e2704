//! The decoders against independent encoders, naive models, and bad input.

mod reference;
mod remote_write_v1;
mod text;
