//! Why a stage did nothing. Put into words only when somebody asks: most lines miss some stage.

use model::record::Value;
use std::fmt;

/// A reason.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Why<'a> {
    /// There is no attribute of this name.
    Absent(&'a str),
    /// The line is no text.
    NoText,
    /// This attribute is no text.
    NotText(&'a str),
    /// This attribute is no number.
    NotNumber(&'a str),
    /// A value is no time of the wanted format.
    NotTime(Value<'a>),
    /// A word is no level.
    NotLevel(&'a str),
    /// Neither of these attributes is an id.
    NoIds(&'a str, &'a str),
    /// Something that needs no more words.
    Plain(&'static str),
    /// What a decoder says.
    Other(String),
}

impl From<&'static str> for Why<'_> {
    fn from(text: &'static str) -> Self {
        Why::Plain(text)
    }
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Absent(name) => write!(f, "there is no attribute {name}"),
            Why::NoText => f.write_str("the body is no text"),
            Why::NotText(name) => write!(f, "attribute {name} is no text"),
            Why::NotNumber(name) => write!(f, "attribute {name} is no number"),
            Why::NotTime(value) => write!(f, "{value:?} is not such a time"),
            Why::NotLevel(word) => write!(f, "{word:?} is no level"),
            Why::NoIds(trace, span) => write!(f, "neither {trace} nor {span} is an id in hexadecimal"),
            Why::Plain(text) => f.write_str(text),
            Why::Other(text) => f.write_str(text),
        }
    }
}
