//! What a probe measures.

use std::fmt::Write;

/// Labels and a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Names and values.
    pub labels: Vec<(String, String)>,
    /// The value.
    pub value: f64,
}

/// A gauge by its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// The name.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Its values.
    pub samples: Vec<Sample>,
}

/// All that a probe measured. Every metric is a gauge.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics {
    families: Vec<Family>,
}

/// Names and what they mean.
const HELP: [(&str, &str); 34] = [
    ("probe_dns_additional_rrs", "Records in the additional section of the answer"),
    ("probe_dns_answer_rrs", "Records in the answer section of the answer"),
    ("probe_dns_authority_rrs", "Records in the authority section of the answer"),
    ("probe_dns_duration_seconds", "Time of a DNS request by phase"),
    ("probe_dns_lookup_time_seconds", "Time to resolve the name of the target"),
    ("probe_dns_query_succeeded", "1 if there was an answer to the query"),
    ("probe_dns_serial", "Serial number of the zone"),
    ("probe_duration_seconds", "Time that the probe took"),
    ("probe_expect_info", "What the target said"),
    ("probe_failed_due_to_bytes", "1 if the probe failed because of bytes that were expected"),
    ("probe_failed_due_to_regex", "1 if the probe failed because of a regular expression"),
    ("probe_grpc_duration_seconds", "Time of a gRPC request by phase"),
    ("probe_grpc_healthcheck_response", "1 for the state that the target says it is in"),
    ("probe_grpc_ssl", "1 if the connection was encrypted"),
    ("probe_grpc_status_code", "Status of the gRPC call"),
    ("probe_http_content_length", "Length of the body as the target states it, -1 if it does not"),
    ("probe_http_duration_seconds", "Time of an HTTP request by phase, over all redirects"),
    ("probe_http_last_modified_timestamp_seconds", "The Last-Modified header, Unix seconds"),
    ("probe_http_redirects", "Redirects followed"),
    ("probe_http_ssl", "1 if the last request was encrypted"),
    ("probe_http_status_code", "Status of the last answer"),
    ("probe_http_uncompressed_body_length", "Bytes of the body after decompression"),
    ("probe_http_version", "Version of HTTP of the last answer"),
    ("probe_icmp_duration_seconds", "Time of an ICMP echo by phase"),
    ("probe_icmp_reply_hop_limit", "Hop limit of the reply, its TTL for IPv4"),
    ("probe_ip_addr_hash", "A hash of the target's address, to see that it changes"),
    ("probe_ip_protocol", "4 or 6, the IP protocol used"),
    (
        "probe_ssl_earliest_cert_expiry",
        "When the first certificate of the target's chain expires, Unix seconds",
    ),
    (
        "probe_ssl_last_chain_expiry_timestamp_seconds",
        "When the last of the chains that are trusted expires, Unix seconds",
    ),
    ("probe_ssl_last_chain_info", "The target's certificate"),
    ("probe_success", "1 if the probe succeeded"),
    ("probe_timeout_seconds", "Time that the probe might take"),
    ("probe_tls_cipher_info", "The cipher that was agreed on"),
    ("probe_tls_version_info", "The version of TLS that was agreed on"),
];

/// What a metric of a probe means.
pub fn help(name: &str) -> &'static str {
    HELP.iter().find(|(n, _)| *n == name).map_or("", |(_, h)| h)
}

impl Metrics {
    /// Sets a value; names that differ in labels only are one family.
    pub fn set(&mut self, name: &'static str, labels: &[(&str, &str)], value: f64) {
        self.slot(name, labels).value = value;
    }

    /// Adds to a value, which is 0 at first.
    pub fn add(&mut self, name: &'static str, labels: &[(&str, &str)], value: f64) {
        self.slot(name, labels).value += value;
    }

    fn slot(&mut self, name: &'static str, labels: &[(&str, &str)]) -> &mut Sample {
        let at = match self.families.binary_search_by(|f| f.name.cmp(name)) {
            Ok(at) => at,
            Err(at) => {
                self.families.insert(at, Family { name, help: help(name), samples: Vec::new() });
                at
            }
        };
        let samples = &mut self.families[at].samples;
        let same = |s: &Sample| {
            s.labels.len() == labels.len()
                && s.labels.iter().zip(labels).all(|((n, v), (m, w))| n == m && v == w)
        };
        let at = match samples.iter().position(same) {
            Some(at) => at,
            None => {
                let labels = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
                samples.push(Sample { labels, value: 0.0 });
                samples.len() - 1
            }
        };
        &mut samples[at]
    }

    /// Families in the order of their names.
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// The value of a metric without labels, or of the first of its samples.
    pub fn value(&self, name: &str) -> Option<f64> {
        Some(self.family(name)?.samples.first()?.value)
    }

    /// The value of the sample with this label.
    pub fn labelled(&self, name: &str, label: &str, value: &str) -> Option<f64> {
        let of = |s: &&Sample| s.labels.iter().any(|(n, v)| n == label && v == value);
        Some(self.family(name)?.samples.iter().find(of)?.value)
    }

    /// A label of the first sample of a metric.
    pub fn label(&self, name: &str, label: &str) -> Option<&str> {
        let sample = self.family(name)?.samples.first()?;
        sample.labels.iter().find(|(n, _)| n == label).map(|(_, v)| v.as_str())
    }

    /// A family by its name.
    pub fn family(&self, name: &str) -> Option<&Family> {
        let at = self.families.binary_search_by(|f| f.name.cmp(name)).ok()?;
        Some(&self.families[at])
    }

    /// The text format of Prometheus, version 0.0.4.
    pub fn exposition(&self) -> String {
        let mut out = String::new();
        for family in &self.families {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "# HELP {} {}\n# TYPE {} gauge", family.name, family.help, family.name);
            for sample in &family.samples {
                out.push_str(family.name);
                for (i, (name, value)) in sample.labels.iter().enumerate() {
                    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                    let _ = write!(out, "{}{name}=\"{value}\"", if i == 0 { '{' } else { ',' });
                }
                out.push_str(if sample.labels.is_empty() { " " } else { "} " });
                let _ = writeln!(out, "{}", number(sample.value));
            }
        }
        out
    }
}

/// A number as Prometheus writes it.
fn number(value: f64) -> String {
    match value {
        v if v.is_nan() => "NaN".to_owned(),
        v if v == f64::INFINITY => "+Inf".to_owned(),
        v if v == f64::NEG_INFINITY => "-Inf".to_owned(),
        v if v != 0.0 && (v.abs() < 1e-4 || v.abs() >= 1e21) => format!("{v:e}"),
        v => v.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_written_as_prometheus_reads_them() {
        let mut m = Metrics::default();
        m.set("probe_success", &[], 1.0);
        m.add("probe_http_duration_seconds", &[("phase", "tls")], 0.25);
        m.add("probe_http_duration_seconds", &[("phase", "tls")], 0.25);
        m.set("probe_http_duration_seconds", &[("phase", "resolve")], 0.00001);
        m.set("probe_ssl_last_chain_info", &[("subject", "CN=\"a\\b\"")], 1.0);
        assert_eq!(m.labelled("probe_http_duration_seconds", "phase", "tls"), Some(0.5));
        assert_eq!(
            m.exposition(),
            "# HELP probe_http_duration_seconds Time of an HTTP request by phase, over all redirects\n\
             # TYPE probe_http_duration_seconds gauge\n\
             probe_http_duration_seconds{phase=\"tls\"} 0.5\n\
             probe_http_duration_seconds{phase=\"resolve\"} 1e-5\n\
             # HELP probe_ssl_last_chain_info The target's certificate\n\
             # TYPE probe_ssl_last_chain_info gauge\n\
             probe_ssl_last_chain_info{subject=\"CN=\\\"a\\\\b\\\"\"} 1\n\
             # HELP probe_success 1 if the probe succeeded\n\
             # TYPE probe_success gauge\n\
             probe_success 1\n"
        );
    }
}
