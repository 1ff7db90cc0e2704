//! What the answer of a receiver means.

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, or its beginning.
    pub body: String,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken.
    Delivered,
    /// It was not, and trying again may help.
    Retry(String),
    /// There was no answer: it may have been taken or not.
    Unknown(String),
    /// It was not, and trying again does not help.
    Refused(String),
}

const SHOWN_BYTES: usize = 300;

/// What an answer means for a kind of way.
pub fn judge(kind: &str, answer: &Answer) -> Verdict {
    let shown: String = answer.body.chars().take(SHOWN_BYTES).collect();
    let said = || match shown.trim() {
        "" => format!("unexpected status code {}", answer.status),
        body => format!("unexpected status code {}: {body}", answer.status),
    };
    // Those who say so are asked again when there is too much at once.
    let patient = !matches!(kind, "webhook" | "discord" | "msteams");
    match answer.status {
        200..300 => said_in_json(kind, answer, &shown),
        500.. => Verdict::Retry(said()),
        429 if patient => Verdict::Retry(said()),
        403 if kind == "pagerduty" => Verdict::Retry(said()),
        _ => Verdict::Refused(said()),
    }
}

/// Some receivers answer 200 and say in their JSON that it was not taken.
fn said_in_json(kind: &str, answer: &Answer, shown: &str) -> Verdict {
    let json: Option<serde_json::Value> = serde_json::from_str(&answer.body).ok();
    let number = |name: &str| json.as_ref().and_then(|j| j.get(name)).and_then(serde_json::Value::as_i64);
    let flag = |name: &str| json.as_ref().and_then(|j| j.get(name)).and_then(serde_json::Value::as_bool);
    match kind {
        "slack" | "telegram" if flag("ok") == Some(false) => Verdict::Refused(format!("not taken: {shown}")),
        // Its access token expired, or it is asked too often.
        "wechat" | "wecom" | "dingtalk" => match number("errcode") {
            None | Some(0) => Verdict::Delivered,
            Some(-1 | 40014 | 42001 | 45009 | 130101) => Verdict::Retry(format!("not taken: {shown}")),
            Some(_) => Verdict::Refused(format!("not taken: {shown}")),
        },
        "feishu" => match number("code").or(number("StatusCode")) {
            None | Some(0) => Verdict::Delivered,
            Some(9499 | 11232) => Verdict::Retry(format!("not taken: {shown}")),
            Some(_) => Verdict::Refused(format!("not taken: {shown}")),
        },
        // Teams' connectors say so in words.
        "msteams" if answer.body.contains("HTTP error 429") => Verdict::Retry(format!("not taken: {shown}")),
        _ => Verdict::Delivered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_mean_what_the_field_takes_them_for() {
        for (kind, status, body, wanted) in [
            ("webhook", 200, "", "delivered"),
            ("webhook", 204, "", "delivered"),
            ("webhook", 400, "no", "refused"),
            ("webhook", 429, "", "refused"),
            ("webhook", 503, "", "retry"),
            ("pagerduty", 429, "", "retry"),
            ("slack", 200, "ok", "delivered"),
            ("slack", 200, r#"{"ok":false,"error":"channel_not_found"}"#, "refused"),
            ("wecom", 200, r#"{"errcode":0,"errmsg":"ok"}"#, "delivered"),
            ("wecom", 200, r#"{"errcode":45009}"#, "retry"),
            ("dingtalk", 200, r#"{"errcode":310000,"errmsg":"sign not match"}"#, "refused"),
            ("feishu", 200, r#"{"code":19021}"#, "refused"),
            ("msteams", 200, "Microsoft Teams endpoint returned HTTP error 429", "retry"),
        ] {
            let verdict = judge(kind, &Answer { status, body: body.to_owned() });
            let got = match verdict {
                Verdict::Delivered => "delivered",
                Verdict::Retry(_) | Verdict::Unknown(_) => "retry",
                Verdict::Refused(_) => "refused",
            };
            assert_eq!(got, wanted, "{kind} {status} {body}");
        }
    }
}
