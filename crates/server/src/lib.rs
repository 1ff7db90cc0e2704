//! HTTP surfaces, configuration and wiring; refuses to know file formats.
