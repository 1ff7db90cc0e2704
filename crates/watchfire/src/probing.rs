//! `watchfire probe`: looks at a target from here, and shows how long each phase took.

use crate::cli::{ProbeArgs, ProbeFormat};
use crate::exit::{Exit, no, unable, written};
use jiff::Timestamp;
use probe::config::{Module, Modules, built_in};
use probe::{Metrics, Outcome, Prober};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// Columns of the picture of phases.
const PICTURE_WIDTH: usize = 40;
/// Metrics with a time for each phase, and the phases in order.
const PHASES: [(&str, &[&str]); 4] = [
    ("probe_http_duration_seconds", &["resolve", "connect", "tls", "processing", "transfer"]),
    ("probe_dns_duration_seconds", &["resolve", "connect", "request"]),
    ("probe_icmp_duration_seconds", &["resolve", "setup", "rtt"]),
    ("probe_grpc_duration_seconds", &["resolve", "check"]),
];

/// Runs the command.
pub async fn run(args: &ProbeArgs) -> Result<(), Exit> {
    let modules = modules(args.config.as_deref())?;
    let Some(module) = modules.get(&args.module) else {
        let names: Vec<&str> = modules.keys().map(String::as_str).collect();
        return Err(no(format!("there is no module {:?}; there are {}", args.module, names.join(", "))));
    };
    let allowed = match &args.timeout {
        Some(text) => {
            let ms = promql::parse_duration(text).map_err(|e| no(format!("--timeout: {e}")))?;
            Some(Duration::from_millis(ms.max(1).unsigned_abs()))
        }
        None => None,
    };
    let prober = Prober::new(module).map_err(|e| no(format!("module {:?}: {e}", args.module)))?;
    let outcome = prober.probe(&args.target, allowed).await;
    let mut out = std::io::stdout().lock();
    let text = match args.format {
        ProbeFormat::Text => picture(args, &outcome),
        ProbeFormat::Metrics => outcome.metrics.exposition(),
        ProbeFormat::Json => as_json(&outcome),
    };
    written(out.write_all(text.as_bytes()))?;
    match outcome.success {
        true => Ok(()),
        // What failed is said already.
        false => Err(no("")),
    }
}

/// Modules of a file, `blackbox.yml` or `watchfire.yml`, and those that are built in.
fn modules(file: Option<&Path>) -> Result<BTreeMap<String, Module>, Exit> {
    let mut all = built_in();
    let Some(file) = file else { return Ok(all) };
    let text = std::fs::read_to_string(file)
        .map_err(|e| unable(format!("cannot read the configuration {}: {e}", file.display())))?;
    let own = match text.lines().any(|l| l.starts_with("modules:")) {
        true => Modules::load(file).map_err(no)?.modules,
        false => {
            let config = server::config::load(file).map_err(|e| no(e.to_string()))?;
            let dir = file.parent().unwrap_or(Path::new(""));
            config.probes.modules(dir).map_err(|(field, reason)| no(format!("{field}: {reason}")))?
        }
    };
    all.extend(own);
    Ok(all)
}

fn as_json(outcome: &Outcome) -> String {
    let metrics: Vec<_> = outcome
        .metrics
        .families()
        .iter()
        .flat_map(|f| f.samples.iter().map(move |s| (f.name, s)))
        .map(|(name, s)| {
            let labels: BTreeMap<&str, &str> =
                s.labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            json!({"name": name, "labels": labels, "value": s.value})
        })
        .collect();
    let log: Vec<_> = outcome
        .log
        .iter()
        .map(|l| json!({"seconds": l.at_seconds, "level": l.level.as_str(), "text": l.text}))
        .collect();
    let all = json!({
        "success": outcome.success,
        "durationSeconds": outcome.duration_seconds,
        "failure": outcome.failure,
        "metrics": metrics,
        "log": log,
    });
    format!("{all}\n")
}

fn picture(args: &ProbeArgs, outcome: &Outcome) -> String {
    let state = if outcome.success { "ok" } else { "failed" };
    let mut out =
        format!("{} with {}: {state} in {}\n", args.target, args.module, time(outcome.duration_seconds));
    if let Some(failure) = &outcome.failure {
        out.push_str(&format!("  {failure}\n"));
    }
    out.push_str(&phases(&outcome.metrics));
    let facts = facts(&outcome.metrics, Timestamp::now().as_second());
    if !facts.is_empty() {
        out.push('\n');
    }
    for (name, value) in facts {
        out.push_str(&format!("  {name:<12} {value}\n"));
    }
    if args.verbose {
        out.push('\n');
        for line in &outcome.log {
            out.push_str(&format!(
                "  {:9.3} ms  {:5} {}\n",
                line.at_seconds * 1000.0,
                line.level.as_str(),
                line.text
            ));
        }
    }
    out
}

/// Phases one below the other, each where it was and as long as it took.
fn phases(metrics: &Metrics) -> String {
    let Some((metric, names)) = PHASES.iter().find(|(m, _)| metrics.family(m).is_some()) else {
        return String::new();
    };
    let times: Vec<f64> = names.iter().map(|n| metrics.labelled(metric, "phase", n).unwrap_or(0.0)).collect();
    let total: f64 = times.iter().sum();
    let mut out = "\n".to_owned();
    let (mut before, mut scale) = (0.0, 0.0);
    if total > 0.0 {
        scale = PICTURE_WIDTH as f64 / total;
    }
    for (name, took) in names.iter().zip(&times) {
        let from = (before * scale) as usize;
        let to = ((before + took) * scale).round() as usize;
        // What took time at all is seen.
        let length = (to.saturating_sub(from))
            .max(usize::from(*took > 0.0))
            .min(PICTURE_WIDTH - from.min(PICTURE_WIDTH - 1));
        let bar = format!("{}{}", " ".repeat(from.min(PICTURE_WIDTH - 1)), "\u{2587}".repeat(length));
        out.push_str(&format!("  {name:<12} {bar:<PICTURE_WIDTH$} {:>10}\n", time(*took)));
        before += took;
    }
    out
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 0.01 => format!("{:.0} ms", s * 1000.0),
        s => format!("{:.2} ms", s * 1000.0),
    }
}

/// What else is worth knowing.
fn facts(m: &Metrics, now: i64) -> Vec<(&'static str, String)> {
    let mut out = Vec::new();
    let mut add = |name, value: Option<String>| out.extend(value.map(|v| (name, v)));
    let whole = |name: &str| m.value(name).map(|v| v as i64);
    add("protocol", whole("probe_ip_protocol").filter(|v| *v > 0).map(|v| format!("IPv{v}")));
    let version = m.value("probe_http_version").filter(|v| *v > 0.0);
    add("answer", whole("probe_http_status_code").zip(version).map(|(s, v)| format!("{s}, HTTP/{v:.1}")));
    add("redirects", whole("probe_http_redirects").filter(|v| *v > 0).map(|v| v.to_string()));
    add(
        "body",
        whole("probe_http_uncompressed_body_length")
            .filter(|_| version.is_some())
            .map(|v| format!("{v} bytes")),
    );
    let rrs = [
        ("answer", "probe_dns_answer_rrs"),
        ("authority", "probe_dns_authority_rrs"),
        ("additional", "probe_dns_additional_rrs"),
    ];
    let counts: Vec<String> =
        rrs.iter().filter_map(|(n, metric)| Some(format!("{} {n}", whole(metric)?))).collect();
    add("records", (!counts.is_empty()).then(|| counts.join(", ")));
    add("serial", whole("probe_dns_serial").map(|v| v.to_string()));
    add("hops left", whole("probe_icmp_reply_hop_limit").map(|v| v.to_string()));
    let serving = m.family("probe_grpc_healthcheck_response");
    let serving = serving.and_then(|f| f.samples.iter().find(|s| s.value > 0.0)?.labels.first());
    add("health", serving.map(|(_, v)| v.clone()));
    let tls = m.label("probe_tls_version_info", "version").map(str::to_owned);
    let cipher = m.label("probe_tls_cipher_info", "cipher").map_or(String::new(), |c| format!(", {c}"));
    add("encryption", tls.map(|v| format!("{v}{cipher}")));
    let of = |label| m.label("probe_ssl_last_chain_info", label).filter(|v| !v.is_empty()).map(str::to_owned);
    add("certificate", of("subject"));
    add("issued by", of("issuer"));
    add("valid for", of("subjectalternative"));
    add(
        "expires",
        whole("probe_ssl_earliest_cert_expiry").and_then(|at| {
            let when = Timestamp::from_second(at).ok()?;
            let days = (at - now).div_euclid(86_400);
            Some(match days {
                0.. => format!("{when}, in {days} days"),
                _ => format!("{when}, {} days ago", -days),
            })
        }),
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_follow_each_other() {
        let mut m = Metrics::default();
        for (phase, took) in
            [("resolve", 0.01), ("connect", 0.01), ("tls", 0.02), ("processing", 0.04), ("transfer", 0.0)]
        {
            m.add("probe_http_duration_seconds", &[("phase", phase)], took);
        }
        m.set("probe_http_status_code", &[], 200.0);
        m.set("probe_http_version", &[], 1.1);
        m.set("probe_ssl_earliest_cert_expiry", &[], 86_400.0 * 10.0);
        let bar = |from: usize, n: usize| {
            format!("{:<40}", format!("{}{}", " ".repeat(from), "\u{2587}".repeat(n)))
        };
        assert_eq!(
            phases(&m),
            format!(
                "\n  resolve      {}      10 ms\n  connect      {}      10 ms\n  tls          {}      20 ms\n  processing   \
                 {}      40 ms\n  transfer     {}    0.00 ms\n",
                bar(0, 5),
                bar(5, 5),
                bar(10, 10),
                bar(20, 20),
                bar(39, 0)
            )
        );
        assert_eq!(
            facts(&m, 86_400),
            [
                ("answer", "200, HTTP/1.1".to_owned()),
                ("expires", "1970-01-11T00:00:00Z, in 9 days".to_owned())
            ]
        );
        assert_eq!(phases(&Metrics::default()), "");
    }
}
