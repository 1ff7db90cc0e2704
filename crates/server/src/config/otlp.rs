//! The section about metrics sent by OTLP. What Prometheus has is called as Prometheus calls it.

use super::TimeSpan;
use ingest::metrics::{Options, Promotion, Translation};
use serde::{Deserialize, Serialize};

/// How metrics sent by OTLP become series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OtlpMetricsConfig {
    /// How names are translated.
    pub translation_strategy: Strategy,
    /// Attributes of resources that are labels of every series.
    pub promote_resource_attributes: Vec<String>,
    /// Whether all attributes of resources are labels of every series.
    pub promote_all_resource_attributes: bool,
    /// Those that are not, if all are.
    pub ignore_resource_attributes: Vec<String>,
    /// Whether `target_info` has `service.name`, `service.namespace` and `service.instance.id`, too.
    pub keep_identifying_resource_attributes: bool,
    /// Whether histograms become native histograms with custom buckets.
    pub convert_histograms_to_nhcb: bool,
    /// Whether name, version, schema and attributes of the scope are labels of every series.
    pub promote_scope_metadata: bool,
    /// Whether `key` is put before names of labels that begin with one underscore.
    pub label_name_underscore_sanitization: bool,
    /// Whether several underscores in a row stay in names of labels.
    pub label_name_preserve_multiple_underscores: bool,
    /// What becomes of deltas.
    pub delta: Deltas,
    /// Series sent as deltas whose totals are kept in memory.
    pub delta_series_max: u64,
}

/// How names are translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strategy {
    /// Letters, digits and underscores, with units and `_total`.
    UnderscoreEscapingWithSuffixes,
    /// Letters, digits and underscores.
    UnderscoreEscapingWithoutSuffixes,
    /// As they are, with units and `_total`.
    NoUTF8EscapingWithSuffixes,
    /// As they are.
    NoTranslation,
}

/// What becomes of deltas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deltas {
    /// They are added up.
    Convert,
    /// They are refused.
    Refuse,
}

impl Default for OtlpMetricsConfig {
    fn default() -> Self {
        OtlpMetricsConfig {
            translation_strategy: Strategy::UnderscoreEscapingWithSuffixes,
            promote_resource_attributes: Vec::new(),
            promote_all_resource_attributes: false,
            ignore_resource_attributes: Vec::new(),
            keep_identifying_resource_attributes: false,
            convert_histograms_to_nhcb: false,
            promote_scope_metadata: false,
            label_name_underscore_sanitization: true,
            label_name_preserve_multiple_underscores: true,
            delta: Deltas::Convert,
            delta_series_max: 200_000,
        }
    }
}

impl OtlpMetricsConfig {
    /// Whether the values fit together.
    pub fn check(&self) -> Result<(), (String, String)> {
        let wrong = |field: &str, reason: String| Err((format!("otlp.{field}"), reason));
        if self.promote_all_resource_attributes && !self.promote_resource_attributes.is_empty() {
            return wrong(
                "promote_resource_attributes",
                "cannot be given together with promote_all_resource_attributes".to_owned(),
            );
        }
        if !self.promote_all_resource_attributes && !self.ignore_resource_attributes.is_empty() {
            return wrong(
                "ignore_resource_attributes",
                "can be given only where promote_all_resource_attributes is true".to_owned(),
            );
        }
        for (field, names) in [
            ("promote_resource_attributes", &self.promote_resource_attributes),
            ("ignore_resource_attributes", &self.ignore_resource_attributes),
        ] {
            for (i, name) in names.iter().enumerate() {
                if name.trim().is_empty() {
                    return wrong(field, "one of the names is empty".to_owned());
                }
                if names[..i].contains(name) {
                    return wrong(field, format!("{name:?} is there twice"));
                }
            }
        }
        Ok(())
    }

    /// How requests are decoded.
    pub fn options(&self, lookback: TimeSpan) -> Options {
        Options {
            translation: match self.translation_strategy {
                Strategy::UnderscoreEscapingWithSuffixes => Translation::UnderscoreEscapingWithSuffixes,
                Strategy::UnderscoreEscapingWithoutSuffixes => Translation::UnderscoreEscapingWithoutSuffixes,
                Strategy::NoUTF8EscapingWithSuffixes => Translation::NoUtf8EscapingWithSuffixes,
                Strategy::NoTranslation => Translation::NoTranslation,
            },
            promotion: match self.promote_all_resource_attributes {
                true => Promotion::AllBut(self.ignore_resource_attributes.clone()),
                false => Promotion::Some(self.promote_resource_attributes.clone()),
            },
            keep_identifying: self.keep_identifying_resource_attributes,
            custom_buckets: self.convert_histograms_to_nhcb,
            promote_scope: self.promote_scope_metadata,
            underscore_prefix: self.label_name_underscore_sanitization,
            underscores_kept: self.label_name_preserve_multiple_underscores,
            target_info_every_ms: i64::try_from(lookback.as_millis() / 2).unwrap_or(i64::MAX),
        }
    }

    /// How many totals of deltas are kept; `None` if deltas are refused.
    pub fn totals_max(&self) -> Option<u64> {
        (self.delta == Deltas::Convert).then_some(self.delta_series_max)
    }
}
