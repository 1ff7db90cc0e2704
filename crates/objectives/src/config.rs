//! Objectives as files have them.

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A file with objectives.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectiveFile {
    /// The objectives.
    pub objectives: Vec<ObjectiveConfig>,
}

/// An objective. Its indicator is one of `ratio`, `latency` and `sli`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectiveConfig {
    /// Its name, of which there is one.
    pub name: String,
    /// The service it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The share of requests that are to be good, in per cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetText>,
    /// Over which time, 30d if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// Between evaluations; without it, what is configured for all rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// More labels of its series and alerts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Requests that are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<RatioConfig>,
    /// Requests whose time is measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyConfig>,
    /// What is looked at in the spans of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sli: Option<SpanIndicator>,
    /// Which operation of the service, by the name of its spans; all of them if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// With `sli: latency`, the longest time that is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below: Option<String>,
    /// When somebody is told.
    pub alerts: AlertsChoice,
}

/// Counters of requests.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RatioConfig {
    /// Those that were good; or `errors`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub good: Option<String>,
    /// Those that were not; or `good`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<String>,
    /// All of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<String>,
}

/// A histogram of the time that requests took.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LatencyConfig {
    /// The selector of the histogram, classic or native.
    pub histogram: String,
    /// The longest time that is good, or a number in the unit of the histogram.
    pub below: String,
}

/// What is looked at in spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpanIndicator {
    /// Whether they are errors.
    Availability,
    /// How long those took that are none.
    Latency,
}

/// How grave it is that a budget burns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody is to look at it now.
    Page,
    /// Somebody is to look at it within days.
    Ticket,
}

impl Severity {
    /// As files and the API name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Page => "page",
            Severity::Ticket => "ticket",
        }
    }
}

/// Alerts of an objective.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertsConfig {
    /// Their name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The label `severity` where it is not the word itself.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub severities: BTreeMap<Severity, String>,
    /// More labels; templates.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// More texts, or others; templates.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// When they fire; without it, as the workbook has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub windows: Option<Vec<PairConfig>>,
}

/// Two windows over which the budget burns too fast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairConfig {
    /// How grave that is.
    pub severity: Severity,
    /// The long window.
    pub long: String,
    /// The short window.
    pub short: String,
    /// How many times as fast as it lasts.
    pub factor: f64,
}

/// A target as it was written: a number, or a text such as `99.9%`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetText(pub String);

impl Serialize for TargetText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TargetText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TargetText, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = TargetText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a percentage such as 99.9 or 99.9%")
            }

            fn visit_str<E>(self, text: &str) -> Result<TargetText, E> {
                Ok(TargetText(text.to_owned()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<TargetText, E> {
                Ok(TargetText(number.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<TargetText, E> {
                Ok(TargetText(number.to_string()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<TargetText, E> {
                Ok(TargetText(number.to_string()))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// The alerts of an objective, or that nobody is told.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertsChoice(pub Option<AlertsConfig>);

impl Default for AlertsChoice {
    fn default() -> AlertsChoice {
        AlertsChoice(Some(AlertsConfig::default()))
    }
}

impl Serialize for AlertsChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(alerts) => alerts.serialize(serializer),
            None => serializer.serialize_str("none"),
        }
    }
}

impl<'de> Deserialize<'de> for AlertsChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AlertsChoice, D::Error> {
        struct NoneOrSection;
        impl<'de> Visitor<'de> for NoneOrSection {
            type Value = AlertsChoice;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("none or a section")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<AlertsChoice, E> {
                match word {
                    "none" => Ok(AlertsChoice(None)),
                    other => Err(E::custom(format!("{other:?} is neither none nor a section"))),
                }
            }

            fn visit_unit<E>(self) -> Result<AlertsChoice, E> {
                Ok(AlertsChoice::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AlertsChoice, A::Error> {
                AlertsConfig::deserialize(MapAccessDeserializer::new(map)).map(|a| AlertsChoice(Some(a)))
            }
        }
        deserializer.deserialize_any(NoneOrSection)
    }
}
