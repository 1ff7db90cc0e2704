//! Why a whole body is refused.

use model::Limit;

/// A body of which nothing can be kept. The variants are the HTTP answers a server can give.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not what they claim to be (400).
    #[error("{what}: byte {at}: {reason}")]
    Malformed {
        /// The kind of body.
        what: &'static str,
        /// Position in the (decompressed) body.
        at: usize,
        /// What is wrong there.
        reason: String,
    },
    /// The body, or a parameter that says how it is to be read, does not hold what it must hold, for a reason that says
    /// itself where (400).
    #[error("{0}")]
    Unreadable(String),
    /// The text is not in the format it claims to be in (400).
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// The body is over a limit (413).
    #[error("{0}")]
    TooLarge(Limit),
    /// The content type or encoding is not one that is understood (415).
    #[error("{0}")]
    Unsupported(String),
}

/// Text that does not follow its format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: expected {expected}, found {found}")]
pub struct SyntaxError {
    /// Line, from 1.
    pub line: u32,
    /// Byte within the line, from 1.
    pub column: u32,
    /// What would have been right.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

/// How much of a body an error message quotes.
const QUOTE_BYTES_MAX: usize = 100;

/// A short, printable quotation of bytes from outside.
pub(crate) fn quote(bytes: &[u8]) -> String {
    if bytes.len() <= QUOTE_BYTES_MAX {
        format!("{:?}", String::from_utf8_lossy(bytes))
    } else {
        format!("{:?}…", String::from_utf8_lossy(&bytes[..QUOTE_BYTES_MAX]))
    }
}
