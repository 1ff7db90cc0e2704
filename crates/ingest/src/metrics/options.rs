//! How metrics become series.

/// How names are translated. The words are those of Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Translation {
    /// What is not a letter, a digit or an underscore becomes an underscore; units and `_total` are appended.
    #[default]
    UnderscoreEscapingWithSuffixes,
    /// The same without units and `_total`.
    UnderscoreEscapingWithoutSuffixes,
    /// Names stay as they are, in UTF-8; units and `_total` are appended.
    NoUtf8EscapingWithSuffixes,
    /// Names stay as they are.
    NoTranslation,
}

impl Translation {
    /// Whether names are made of letters, digits and underscores only.
    pub fn escapes(self) -> bool {
        matches!(self, Self::UnderscoreEscapingWithSuffixes | Self::UnderscoreEscapingWithoutSuffixes)
    }

    /// Whether units and `_total` are appended to names of metrics.
    pub fn has_suffixes(self) -> bool {
        matches!(self, Self::UnderscoreEscapingWithSuffixes | Self::NoUtf8EscapingWithSuffixes)
    }
}

/// Which attributes of resources are labels of every series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Promotion {
    /// These.
    Some(Vec<String>),
    /// All but these.
    AllBut(Vec<String>),
}

impl Default for Promotion {
    fn default() -> Self {
        Promotion::Some(Vec::new())
    }
}

impl Promotion {
    /// Whether an attribute is promoted.
    pub fn has(&self, name: &[u8]) -> bool {
        let among = |names: &[String]| names.iter().any(|n| n.as_bytes() == name);
        match self {
            Promotion::Some(names) => among(names),
            Promotion::AllBut(names) => !among(names),
        }
    }
}

/// How metrics become series. The defaults are those of Prometheus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How names are translated.
    pub translation: Translation,
    /// Which attributes of resources are labels of every series.
    pub promotion: Promotion,
    /// Whether `target_info` has the attributes, too, that are `job` and `instance`.
    pub keep_identifying: bool,
    /// Whether histograms with bounds of their own become native histograms with custom buckets.
    pub custom_buckets: bool,
    /// Whether name, version, schema and attributes of the scope are labels of every series.
    pub promote_scope: bool,
    /// Whether `key` is put before names of labels that begin with one underscore.
    pub underscore_prefix: bool,
    /// Whether several underscores in a row stay in names of labels.
    pub underscores_kept: bool,
    /// How far samples of `target_info` are apart within one request, milliseconds.
    pub target_info_every_ms: i64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            translation: Translation::default(),
            promotion: Promotion::default(),
            keep_identifying: false,
            custom_buckets: false,
            promote_scope: false,
            underscore_prefix: true,
            underscores_kept: true,
            target_info_every_ms: 150_000,
        }
    }
}
