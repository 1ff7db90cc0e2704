//! What plugins of Nagios print, and the states that come of it; refuses to know processes, clocks and stores.
//!
//! [`Output`] reads what a plugin printed, by the
//! [plugin guidelines](https://nagios-plugins.org/doc/guidelines.html): a line, more text, and
//! [`Perfdata`]. [`Progress`] makes hard states of results that come one after the other.

mod output;
mod perfdata;
mod progress;

pub use output::Output;
pub use perfdata::{Perfdata, Quantity, Range};
pub use progress::{Progress, State, Step};
