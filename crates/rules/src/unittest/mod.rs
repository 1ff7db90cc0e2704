//! Unit tests of rules, in files as promtool has them.
//!
//! [`TestFile::parse`] reads a file, [`run`] runs its tests over rule files that the caller has read: this crate opens
//! nothing.

mod expected;
mod file;
mod junit;
mod records;
mod report;
mod run;
mod store;

pub use file::{
    AlertTest, ExpectedAlert, ExpectedSample, ExprTest, InputSeries, InputText, TestFile, TestGroup,
};
pub use junit::junit;
pub use report::{Case, Failure, FileReport, GroupReport};
pub use run::{RunOptions, run};
