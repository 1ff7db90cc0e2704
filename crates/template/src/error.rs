//! Why a template cannot be read or written out.

/// Why a template cannot be read or written out. The message names the template, the line and what stands there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The text is not a template.
    #[error("{message}")]
    Parse {
        /// Line in the text, from 1.
        line: usize,
        /// The whole message, with name and line.
        message: String,
    },
    /// The template cannot be written out for this value.
    #[error("{0}")]
    Execute(String),
}
