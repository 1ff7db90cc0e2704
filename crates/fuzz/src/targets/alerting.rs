//! What alerting reads.

use alerting::{Config, Matchers, decode_any};
use std::path::Path;

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// A configuration file of Alertmanager.
pub fn alertmanager_config(data: &[u8]) {
    if let Some(text) = text(data)
        && let Ok(config) = Config::parse(text, Path::new("/"))
    {
        let routes = alerting::Routes::new(&config);
        assert!(!routes.matching(&Default::default()).is_empty());
    }
}

/// Configurations that are right.
pub fn alertmanager_config_seeds() -> Vec<Vec<u8>> {
    [
        "route: {receiver: a}\nreceivers: [{name: a}]\n",
        "global: {smtp_from: a@b, smtp_smarthost: 'h:25', slack_api_url: 'http://s'}\nroute:\n  receiver: a\n  group_by: [x, y]\n  routes:\n  - matchers: ['a=\"b\"', 'c=~d']\n    continue: true\n    mute_time_intervals: [t]\n  - match: {e: f}\nreceivers:\n- name: a\n  email_configs: [{to: x@y}]\n  slack_configs: [{channel: '#c'}]\n",
        "route: {receiver: a}\nreceivers: [{name: a}]\ninhibit_rules: [{source_matchers: [a=b], target_matchers: [c=d], equal: [e]}]\ntime_intervals: [{name: t, time_intervals: [{times: [{start_time: '09:00', end_time: '17:00'}], weekdays: ['monday:friday'], days_of_month: ['-3:-1'], months: [may], years: ['2026'], location: Europe/Berlin}]}]\n",
    ]
    .map(|s| s.as_bytes().to_vec())
    .into()
}

/// Matchers in both syntaxes: what is read is written and read again.
pub fn alert_matchers(data: &[u8]) {
    if let Some(Ok(matchers)) = text(data).map(Matchers::parse) {
        let written = matchers.to_string();
        assert_eq!(Matchers::parse(&written).as_ref(), Ok(&matchers), "{written}");
    }
}

/// Matchers.
pub fn alert_matchers_seeds() -> Vec<Vec<u8>> {
    ["a=b", r#"{a="b",c!~"d.*"}"#, r#"{"e f"="g\n\"h\""}"#, "a = b c , d!=e"]
        .map(|s| s.as_bytes().to_vec())
        .into()
}

/// A record of the journal of alerting.
pub fn alerting_record(data: &[u8]) {
    decode_any(data);
}

/// Records.
pub fn alerting_record_seeds() -> Vec<Vec<u8>> {
    [
        "\u{1}\"snapshot_begin\"",
        "\u{1}{\"snapshot_end\":{\"next_delivery\":7}}",
        "\u{1}{\"alert\":{\"labels\":{\"a\":\"b\"},\"annotations\":{},\"starts_ms\":1,\"ends_ms\":2,\"generator_url\":\"u\",\"updated_ms\":3,\"timeout\":true}}",
        "\u{1}{\"silence\":{\"id\":\"i\",\"matchers\":[\"a=\\\"b\\\"\"],\"starts_ms\":1,\"ends_ms\":2,\"created_by\":\"c\",\"comment\":\"d\",\"updated_ms\":3}}",
        "\u{1}{\"done\":{\"id\":4,\"outcome\":\"delivered\"}}",
    ]
    .map(|s| s.as_bytes().to_vec())
    .into()
}
