//! Amazon SNS: its query API with a signature of version 4.

use super::{HttpRequest, Made, Maker, MessageError, cut, sign};
use crate::config::SnsConfig;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use template::Time;

const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

pub(super) fn sns(m: &Maker<'_>, c: &SnsConfig) -> Made<HttpRequest> {
    const SUBJECT_MAX: usize = 100;
    let region = &c.sigv4.region;
    let url = match c.api_url.as_deref().unwrap_or("") {
        "" if region.is_empty() => {
            return Err(MessageError("sns: sigv4.region or api_url is needed".to_owned()));
        }
        "" => format!("https://sns.{region}.amazonaws.com/"),
        url => m.text(url)?,
    };
    let mut pairs = vec![
        ("Action".to_owned(), "Publish".to_owned()),
        ("Version".to_owned(), "2010-03-31".to_owned()),
        ("Message".to_owned(), m.or(&c.message, r#"{{ template "sns.default.message" . }}"#)?),
    ];
    let subject = m.or(&c.subject, r#"{{ template "sns.default.subject" . }}"#)?;
    // Subjects are ASCII without line breaks.
    let subject: String = subject.chars().filter(|c| !c.is_control()).collect();
    if !subject.is_empty() && c.phone_number.is_none() {
        pairs.push(("Subject".to_owned(), cut(&subject, SUBJECT_MAX)));
    }
    for (name, text) in
        [("TopicArn", &c.topic_arn), ("PhoneNumber", &c.phone_number), ("TargetArn", &c.target_arn)]
    {
        if text.is_some() {
            pairs.push((name.to_owned(), m.or(text, "")?));
        }
    }
    for (i, (name, value)) in c.attributes.iter().enumerate() {
        let at = format!("MessageAttributes.entry.{}", i + 1);
        pairs.push((format!("{at}.Name"), m.text(name)?));
        pairs.push((format!("{at}.Value.DataType"), "String".to_owned()));
        pairs.push((format!("{at}.Value.StringValue"), m.text(value)?));
    }
    let encoded = pairs
        .iter()
        .map(|(n, v)| format!("{}={}", utf8_percent_encode(n, FORM), utf8_percent_encode(v, FORM)));
    let body = encoded.collect::<Vec<_>>().join("&").into_bytes();
    let mut request = m.post(url, &serde_json::Value::Null, &c.http_config, None);
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    request.headers = vec![("content-type".to_owned(), form.to_owned())];
    request.body = body;
    if let (Some(access), Some(secret)) = (&c.sigv4.access_key, &c.sigv4.secret_key) {
        signed(&mut request, access, secret.expose(), region, form, m.delivery.decided_ms);
    }
    Ok(request)
}

/// Adds the headers of a signature over a POST without a query, AWS Signature Version 4.
fn signed(request: &mut HttpRequest, access: &str, secret: &str, region: &str, form: &str, now_ms: i64) {
    let at = Time::from_unix_ms(now_ms).format("20060102T150405Z");
    let day = &at[..8];
    let rest = request.url.split_once("://").map_or(request.url.as_str(), |(_, r)| r);
    let (host, path) = rest.find('/').map_or((rest, "/"), |i| rest.split_at(i));
    let hash = sign::hex(&sign::sha256(&request.body));
    let names = "content-type;host;x-amz-date";
    let canonical =
        format!("POST\n{path}\n\ncontent-type:{form}\nhost:{host}\nx-amz-date:{at}\n\n{names}\n{hash}");
    let scope = format!("{day}/{region}/sns/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{}", sign::hex(&sign::sha256(canonical.as_bytes())));
    let mut key = sign::hmac(format!("AWS4{secret}").as_bytes(), day.as_bytes());
    for part in [region, "sns", "aws4_request"] {
        key = sign::hmac(&key, part.as_bytes());
    }
    let signature = sign::hex(&sign::hmac(&key, text.as_bytes()));
    request.headers.push(("x-amz-date".to_owned(), at.clone()));
    let value =
        format!("AWS4-HMAC-SHA256 Credential={access}/{scope}, SignedHeaders={names}, Signature={signature}");
    request.headers.push(("authorization".to_owned(), value));
}
