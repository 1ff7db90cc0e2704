//! Rules and alerts. None are evaluated yet, so the lists are empty; clients that show them ask for them.

use super::Answer;
use crate::http::respond::json;

/// `/api/v1/rules`
pub async fn rules() -> Answer {
    Ok(json(|j| {
        j.raw(r#"{"groups":[]}"#);
    }))
}

/// `/api/v1/alerts`
pub async fn alerts() -> Answer {
    Ok(json(|j| {
        j.raw(r#"{"alerts":[]}"#);
    }))
}

/// `/api/v1/alertmanagers`
pub async fn alertmanagers() -> Answer {
    Ok(json(|j| {
        j.raw(r#"{"activeAlertmanagers":[],"droppedAlertmanagers":[]}"#);
    }))
}
