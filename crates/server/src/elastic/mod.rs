//! Elasticsearch's search API over the store of logs: what its clients, Kibana and Grafana ask for.

mod catalog;
mod fields;
mod reply;
mod search;
mod source;

pub use catalog::{aliases, cat_indices, field_caps, index, mapping, refresh, resolve, settings};
pub use search::{count, get_document, multi_search, refused, search, search_template};
