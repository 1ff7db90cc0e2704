//! The agent against real servers over real HTTP.

mod host;
mod logs;
mod peers;
mod protocol;
mod receiver;
mod spool;
mod tls;
