//! The journal of incidents, and what addresses of alerts say.

/// A record of the journal of incidents.
pub fn incidents_record(data: &[u8]) {
    incidents::decode_any(data);
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = incidents::expression(text);
    }
}

/// Records.
pub fn incidents_record_seeds() -> Vec<Vec<u8>> {
    const HEAD: &str = r#"{"head":{"id":1,"title":"t","severity":"error","status":"triggered","started_ms":1,"updated_ms":2,"acknowledged":[3,"ann"],"quiet_ms":null,"held":false,"resolved":null,"assigned":null,"merged_into":null,"escalation":{"policy":"p","step":1,"round":0,"next_ms":9},"next_entry":2}}"#;
    const ALERT: &str = r#"{"alert":{"incident":1,"alert":{"fingerprint":7,"labels":{"alertname":"A"},"annotations":{},"generator_url":"u?q=x","first_ms":1,"starts_ms":1,"ends_ms":2,"ended":true,"times":1,"entities":[{"type":"service","id":"cart"}],"group":null}}}"#;
    const ENTRY: &str = r#"{"entry":{"incident":1,"entry":{"number":1,"at_ms":2,"by":"ann","what":{"kind":"paged","person":"bob","receivers":["r"],"step":1,"round":1,"end":false,"asked":false,"notifications":[]}}}}"#;
    const ASKED: &str = r#"{"asked":{"incident":1,"entry":1,"notifications":[{"delivery":4,"receiver":"r","way":"webhook","index":0,"outcome":null,"done_ms":null}]}}"#;
    const TOLD: &str = r#"{"told":{"incident":1,"entry":1,"delivery":4,"outcome":"delivered","at_ms":5}}"#;
    const OVERRIDE: &str = r#"{"override":{"id":"o","schedule":"s","person":"p","from_ms":1,"to_ms":2,"by":"b","comment":"c","made_ms":3}}"#;
    [
        "\u{1}\"snapshot_begin\"".to_owned(),
        "\u{1}{\"snapshot_end\":{\"next\":7}}".to_owned(),
        format!("\u{1}{{\"step\":[{HEAD},{ALERT},{ENTRY},{ASKED},{TOLD}]}}"),
        format!("\u{1}{{\"step\":[{HEAD},{ALERT},{{\"alert_gone\":{{\"incident\":1,\"alert\":7}}}}]}}"),
        format!("\u{1}{{\"step\":[{OVERRIDE},{{\"override_gone\":{{\"id\":\"o\"}}}},{{\"forgotten\":{{\"incident\":1}}}}]}}"),
        "http://p/graph?g0.expr=up+%3D%3D+0&g0.tab=1".to_owned(),
    ]
    .map(String::into_bytes)
    .into()
}
