//! What is made durable, as records of a journal. `docs/format/alerting.md` describes them.

use crate::alert::Alert;
use crate::delivery::{Delivery, DeliveryId, Outcome, Sent, SentKey};
use crate::labels::{Fingerprint, LabelSet};
use crate::matcher::Matchers;
use crate::silence::Silence;
use serde::{Deserialize, Serialize};

/// The version of the records written.
const VERSION: u8 = 1;

/// The state of one alert of a rule, as the evaluation of rules hands it over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleAlert {
    /// The labels.
    pub labels: LabelSet,
    /// The texts.
    pub annotations: LabelSet,
    /// The value of the expression; texts for numbers that JSON has not.
    #[serde(with = "number")]
    pub value: f64,
    /// When the condition was first true, Unix milliseconds.
    pub active_ms: i64,
    /// `pending`, `firing`, `recovering` or `resolved`.
    pub phase: String,
    /// Since when it fires, or is over, Unix milliseconds.
    pub since_ms: i64,
    /// When the condition was first seen to have ended, for one that recovers.
    pub ended_ms: i64,
}

/// All alerts of a rule that changed, or of one that is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleState {
    /// File, group, rule and labels of the rule.
    pub rule: String,
    /// Alerts as they are now; those that are not here stay as they were.
    pub changed: Vec<RuleAlert>,
    /// Alerts that are forgotten, by their labels.
    pub gone: Vec<LabelSet>,
}

/// A change of state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Record {
    /// A whole state follows, up to [`Record::SnapshotEnd`], and takes the place of everything before.
    SnapshotBegin,
    /// The state is complete.
    SnapshotEnd { next_delivery: u64 },
    /// An alert as it is now.
    Alert(Alert),
    /// An alert that is forgotten.
    Dropped { alert: Fingerprint },
    /// A silence as it is now.
    Silence(SilenceRecord),
    /// A decision to notify that is not known to be done.
    Decided(Delivery),
    /// What became of a decision.
    Done { id: DeliveryId, outcome: Outcome },
    /// What was told of a group without a decision being open.
    Sent { key: SentKey, sent: Sent },
    /// Alerts of a rule.
    Rule(RuleState),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SilenceRecord {
    id: String,
    matchers: Matchers,
    starts_ms: i64,
    ends_ms: i64,
    created_by: String,
    comment: String,
    updated_ms: i64,
}

impl From<&Silence> for SilenceRecord {
    fn from(s: &Silence) -> SilenceRecord {
        let Silence { id, matchers, starts_ms, ends_ms, created_by, comment, updated_ms } = s.clone();
        SilenceRecord { id, matchers, starts_ms, ends_ms, created_by, comment, updated_ms }
    }
}

impl From<SilenceRecord> for Silence {
    fn from(s: SilenceRecord) -> Silence {
        let SilenceRecord { id, matchers, starts_ms, ends_ms, created_by, comment, updated_ms } = s;
        Silence { id, matchers, starts_ms, ends_ms, created_by, comment, updated_ms }
    }
}

impl Record {
    /// One byte of version, then JSON.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        // Writing to memory fails only for maps with keys that are no texts, of which there are none.
        let _ = serde_json::to_writer(&mut out, self);
        out
    }

    /// The record of these bytes, or what is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Record, String> {
        match bytes.split_first() {
            Some((&VERSION, json)) => serde_json::from_slice(json).map_err(|e| e.to_string()),
            Some((version, _)) => {
                Err(format!("version {version}, known is {VERSION}: written by a newer program"))
            }
            None => Err("no bytes".to_owned()),
        }
    }
}

/// Decodes any bytes; for fuzzing.
pub fn decode_any(bytes: &[u8]) -> bool {
    Record::decode(bytes).is_ok_and(|r| Record::decode(&r.encode()) == Ok(r))
}

mod number {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(v: &f64, s: S) -> Result<S::Ok, S::Error> {
        // The bits say everything, also about numbers that are none.
        s.serialize_u64(v.to_bits())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
        u64::deserialize(d).map(f64::from_bits)
    }
}
