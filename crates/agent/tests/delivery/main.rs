//! The agent against real servers over real HTTP.

mod host;
mod peers;
mod receiver;
mod spool;
mod tls;
