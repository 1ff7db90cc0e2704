//! Collects here and delivers there, through a durable spool; refuses to know how a server stores.
