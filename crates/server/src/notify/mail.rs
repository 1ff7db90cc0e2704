//! Sends mail.

use alerting::config::TlsConfig;
use alerting::message::{Mail, Verdict};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, Identity, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::time::{Duration, SystemTime};

/// Headers that the message sets itself.
const OWN_HEADERS: [&str; 7] =
    ["from", "to", "date", "message-id", "content-type", "content-transfer-encoding", "mime-version"];

/// Sends a mail and judges the answer.
pub(super) async fn send(mail: &Mail, timeout: Duration) -> Verdict {
    let message = match message(mail) {
        Ok(message) => message,
        Err(reason) => return Verdict::Refused(reason),
    };
    let transport = match transport(mail, timeout) {
        Ok(transport) => transport,
        Err(reason) => return Verdict::Refused(reason),
    };
    match tokio::time::timeout(timeout, transport.send(message)).await {
        Ok(Ok(_)) => Verdict::Delivered,
        Ok(Err(e)) if e.is_permanent() => Verdict::Refused(described(&e)),
        // An answer without a verdict means that the mail is not taken; a connection that breaks may come after it was.
        Ok(Err(e)) if e.is_response() || e.is_client() || e.is_transient() => Verdict::Retry(described(&e)),
        Ok(Err(e)) if e.is_timeout() => Verdict::Unknown(described(&e)),
        Ok(Err(e)) => Verdict::Retry(described(&e)),
        Err(_) => Verdict::Unknown(format!("no answer within {} s", timeout.as_secs_f64())),
    }
}

fn described(e: &dyn std::error::Error) -> String {
    let mut out = e.to_string();
    let mut next = e.source();
    while let Some(e) = next {
        let more = e.to_string();
        if !out.contains(&more) {
            out.push_str(": ");
            out.push_str(&more);
        }
        next = e.source();
    }
    out
}

fn mailbox(what: &str, text: &str) -> Result<Mailbox, String> {
    text.parse().map_err(|e| format!("{what}: {text:?} is not an address: {e}"))
}

fn message(mail: &Mail) -> Result<Message, String> {
    let sent = SystemTime::UNIX_EPOCH + Duration::from_millis(mail.at_ms.unsigned_abs());
    let domain = mail.hello.as_str();
    let mut builder = Message::builder()
        .from(mailbox("from", &mail.from)?)
        .date(sent)
        .message_id(Some(format!("<{}.{}@{domain}>", mail.thread, mail.at_ms)))
        // Mails about one group form a thread.
        .references(format!("<{}@{domain}>", mail.thread))
        .in_reply_to(format!("<{}@{domain}>", mail.thread));
    for to in &mail.to {
        builder = builder.to(mailbox("to", to)?);
    }
    for (name, value) in &mail.headers {
        if OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            continue;
        }
        if name.eq_ignore_ascii_case("subject") {
            builder = builder.subject(value.replace(['\r', '\n'], " "));
            continue;
        }
        let header = HeaderName::new_from_ascii(name.clone())
            .map_err(|_| format!("headers: {name:?} is not a name"))?;
        builder = builder.raw_header(HeaderValue::new(header, value.replace(['\r', '\n'], " ")));
    }
    let html = SinglePart::html(mail.html.clone());
    let made = match (mail.text.is_empty(), mail.html.is_empty()) {
        (false, false) => builder.multipart(
            MultiPart::alternative().singlepart(SinglePart::plain(mail.text.clone())).singlepart(html),
        ),
        (false, true) => builder.singlepart(SinglePart::plain(mail.text.clone())),
        (true, _) => builder.singlepart(html),
    };
    made.map_err(|e| e.to_string())
}

fn transport(mail: &Mail, timeout: Duration) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let tls = match (mail.implicit_tls, mail.require_tls) {
        (true, _) => Tls::Wrapper(parameters(mail)?),
        (false, true) => Tls::Required(parameters(mail)?),
        (false, false) => Tls::Opportunistic(parameters(mail)?),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(mail.host.as_str())
        .port(mail.port)
        .hello_name(ClientId::Domain(mail.hello.clone()))
        .timeout(Some(timeout))
        .tls(tls);
    if let Some(user) = &mail.username {
        builder = builder
            .credentials(Credentials::new(user.clone(), mail.password.clone()))
            .authentication(vec![Mechanism::Plain, Mechanism::Login]);
    }
    Ok(builder.build())
}

fn read(what: &str, path: &std::path::Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|e| format!("tls_config.{what}: cannot read {}: {e}", path.display()))
}

fn parameters(mail: &Mail) -> Result<TlsParameters, String> {
    let default = TlsConfig::default();
    let tls = mail.tls.as_ref().unwrap_or(&default);
    let name = tls.server_name.clone().unwrap_or_else(|| mail.host.clone());
    let mut builder = TlsParameters::builder(name);
    if tls.insecure_skip_verify {
        builder = builder.dangerous_accept_invalid_certs(true);
    }
    let ca = match (&tls.ca, &tls.ca_file) {
        (Some(text), _) => Some(text.as_bytes().to_vec()),
        (None, Some(file)) => Some(read("ca_file", file)?),
        (None, None) => None,
    };
    if let Some(pem) = ca {
        builder = builder
            .add_root_certificate(Certificate::from_pem(&pem).map_err(|e| format!("tls_config.ca: {e}"))?);
    }
    if let (Some(cert), Some(key)) = (&tls.cert_file, &tls.key_file) {
        let identity = Identity::from_pem(&read("cert_file", cert)?, &read("key_file", key)?);
        builder = builder.identify_with(identity.map_err(|e| format!("tls_config.cert: {e}"))?);
    }
    builder.build_rustls().map_err(|e| described(&e))
}
