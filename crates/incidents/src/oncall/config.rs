//! The section `on_call` as it is written.

use serde::{Deserialize, Serialize};

/// Who is on call, and who is told when.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OnCallConfig {
    /// Who can be told.
    pub people: Vec<PersonConfig>,
    /// Who is on call when.
    pub schedules: Vec<ScheduleConfig>,
    /// Who is told of incidents that nobody acknowledges; the first that matches.
    pub policies: Vec<PolicyConfig>,
}

/// Somebody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonConfig {
    /// The name.
    pub name: String,
    /// Receivers of the configuration of alerting, through all of which they are told.
    #[serde(default)]
    pub receivers: Vec<String>,
}

/// Who is on call when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleConfig {
    /// The name.
    pub name: String,
    /// The time zone of all its times, UTC if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Rotations; a later one stands over those before it.
    #[serde(default)]
    pub layers: Vec<LayerConfig>,
    /// Who stands in for others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<OverrideConfig>,
}

/// A rotation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerConfig {
    /// The name; its number if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// People in turn.
    #[serde(default)]
    pub participants: Vec<String>,
    /// How long a turn is: `1w`, `3d`, `12h`.
    pub every: String,
    /// The day of the first handoff.
    pub start: String,
    /// The time of day of handoffs, midnight if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoff: Option<String>,
    /// When it counts; always if absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<HoursConfig>,
}

/// Hours of the week.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HoursConfig {
    /// Days on which they begin; all if absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<String>,
    /// From, midnight if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// To, midnight if absent; of the next day if not after `from`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// Somebody stands in for others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverrideConfig {
    /// Who.
    pub person: String,
    /// From, in the time zone of the schedule: `2026-12-24T00:00`.
    pub from: String,
    /// To.
    pub to: String,
}

/// Who is told of incidents that nobody acknowledges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyConfig {
    /// The name.
    pub name: String,
    /// Of which incidents, by their labels; all if absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matchers: Vec<String>,
    /// Who, one after another.
    #[serde(default)]
    pub steps: Vec<StepConfig>,
    /// How often all steps are taken again.
    #[serde(default)]
    pub repeat: u32,
}

/// A step of a policy.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StepConfig {
    /// Those who are on call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<String>,
    /// These people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<String>,
    /// Until the next step, 5 minutes if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<String>,
}
