//! How grave it is.

use serde::{Deserialize, Serialize};

/// How grave an alert or an incident is; the gravest is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// To know.
    Info,
    /// To look at.
    Warning,
    /// Something is wrong.
    Error,
    /// Somebody must come.
    Critical,
}

impl Severity {
    /// All of them, the least first.
    pub const ALL: [Severity; 4] = [Severity::Info, Severity::Warning, Severity::Error, Severity::Critical];

    /// Its word.
    pub fn text(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
            Severity::Critical => "critical",
        }
    }

    /// By its word.
    pub fn from_text(word: &str) -> Option<Severity> {
        Severity::ALL.into_iter().find(|s| s.text() == word)
    }

    /// What the label `severity` of an alert says; what is not known is an error.
    pub fn of_label(label: &str) -> Severity {
        use model::record::Severity as Known;
        match label {
            "page" => return Severity::Critical,
            "none" => return Severity::Info,
            _ => {}
        }
        match Known::from_text(label) {
            Known::UNKNOWN => Severity::Error,
            s if s >= Known::CRITICAL => Severity::Critical,
            s if s >= Known::ERROR => Severity::Error,
            s if s >= Known::WARN => Severity::Warning,
            _ => Severity::Info,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_field() {
        for (label, severity) in [
            ("critical", Severity::Critical),
            ("page", Severity::Critical),
            ("emergency", Severity::Critical),
            ("error", Severity::Error),
            ("warning", Severity::Warning),
            ("info", Severity::Info),
            ("none", Severity::Info),
            ("", Severity::Error),
            ("ticket", Severity::Error),
        ] {
            assert_eq!(Severity::of_label(label), severity, "{label}");
        }
    }
}
