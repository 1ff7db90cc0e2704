//! PromQL over a pure source of series; refuses to know stores, HTTP and clocks.
