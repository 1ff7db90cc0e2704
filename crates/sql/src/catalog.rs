//! Which tables there are.
//!
//! One catalog with the schema `public` (`events`, `logs`, `samples`) and the schema `metrics` (a table for each metric). A name
//! that is no table of `public` is looked for among the metrics. Lists of metrics are cut; a table that is not listed is
//! found by its name all the same.

use crate::pg;
use crate::scan::Run;
use crate::source::Source;
use crate::tables::{LogTable, SampleTable};
use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::TableType;
use promql::EvalError;
use std::fmt;
use std::sync::Arc;

/// The schema of `events`, `logs` and `samples`.
pub(crate) const PUBLIC: &str = "public";
/// The schema of metrics.
pub(crate) const METRICS: &str = "metrics";
/// The schema of PostgreSQL's own tables.
pub(crate) const PG_CATALOG: &str = "pg_catalog";

/// What tables are made of.
#[derive(Clone)]
pub(crate) struct Tables {
    pub source: Arc<dyn Source>,
    pub run: Arc<Run>,
    /// Columns for labels, and for attributes, of one table.
    pub columns_max: usize,
    /// Metrics in lists of tables.
    pub listed_max: usize,
    pub database: String,
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tables({:?})", self.database)
    }
}

fn failed(e: EvalError) -> DataFusionError {
    DataFusionError::External(Box::new(e))
}

impl Tables {
    /// Names of the tables of a schema, cut.
    pub fn names(&self, schema: &str) -> Vec<String> {
        match schema {
            PUBLIC => {
                let of = |name: &str, there: bool| there.then(|| name.to_owned());
                let others = [
                    of("errors", self.source.errors().is_some()),
                    of("events", self.source.events().is_some()),
                ];
                others.into_iter().flatten().chain(["logs", "samples"].map(str::to_owned)).collect()
            }
            // A list that cannot be had is told when a table is asked for.
            METRICS => self.source.metrics(self.listed_max).unwrap_or_default(),
            PG_CATALOG => pg::catalog::NAMES.iter().map(|n| (*n).to_owned()).collect(),
            _ => Vec::new(),
        }
    }

    /// A table of a schema.
    pub fn table(&self, schema: &str, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let (source, run) = (Arc::clone(&self.source), Arc::clone(&self.run));
        match (schema, name) {
            (PUBLIC, "logs") => {
                let table = LogTable::new(source, run, self.columns_max).map_err(failed)?;
                Ok(Some(Arc::new(table)))
            }
            (PUBLIC, "events") => match source.events() {
                None => Ok(None),
                Some(events) => {
                    let table = LogTable::of_events(events, run, self.columns_max).map_err(failed)?;
                    Ok(Some(Arc::new(table)))
                }
            },
            (PUBLIC, "errors") if let Some(errors) = source.errors() => {
                let table = LogTable::new(errors, run, self.columns_max).map_err(failed)?;
                Ok(Some(Arc::new(table)))
            }
            (PUBLIC, "samples") => Ok(Some(Arc::new(SampleTable::all(source, run)))),
            (PUBLIC | METRICS, metric) => {
                if schema == PUBLIC && pg::catalog::NAMES.contains(&metric) {
                    return pg::catalog::table(self, metric);
                }
                let table = SampleTable::of_metric(source, run, metric, self.columns_max).map_err(failed)?;
                Ok(table.map(|t| Arc::new(t) as Arc<dyn TableProvider>))
            }
            (PG_CATALOG, name) => pg::catalog::table(self, name),
            _ => Ok(None),
        }
    }
}

/// The only catalog.
#[derive(Debug)]
pub(crate) struct Catalogs(pub Tables);

impl CatalogProviderList for Catalogs {
    fn register_catalog(&self, _: String, _: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![self.0.database.clone()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        (name == self.0.database).then(|| Arc::new(Catalog(self.0.clone())) as Arc<dyn CatalogProvider>)
    }
}

#[derive(Debug)]
struct Catalog(Tables);

impl CatalogProvider for Catalog {
    fn schema_names(&self) -> Vec<String> {
        [PUBLIC, METRICS, PG_CATALOG].map(str::to_owned).to_vec()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let name = [PUBLIC, METRICS, PG_CATALOG].into_iter().find(|n| *n == name)?;
        Some(Arc::new(Schema { tables: self.0.clone(), name }))
    }
}

#[derive(Debug)]
struct Schema {
    tables: Tables,
    name: &'static str,
}

#[async_trait]
impl SchemaProvider for Schema {
    fn table_names(&self) -> Vec<String> {
        self.tables.names(self.name)
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        self.tables.table(self.name, name)
    }

    async fn table_type(&self, _: &str) -> Result<Option<TableType>> {
        Ok(Some(TableType::Base))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.table(self.name, name).is_ok_and(|t| t.is_some())
    }
}
