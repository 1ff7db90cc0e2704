//! The section about sockets of their own.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Sockets of their own. None is open unless it has an address here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReceiversConfig {
    /// Connections of one receiver at the same time; more wait.
    pub connections_max: usize,
    /// OpenTelemetry.
    pub otlp: OtlpConfig,
    /// Syslog.
    pub syslog: SyslogConfig,
    /// Fluentd and Fluent Bit.
    pub fluent: FluentConfig,
    /// Graylog's format.
    pub gelf: GelfConfig,
    /// Jaeger's libraries and agents.
    pub jaeger: JaegerConfig,
    /// Zipkin's libraries.
    pub zipkin: ZipkinConfig,
}

impl Default for ReceiversConfig {
    fn default() -> Self {
        ReceiversConfig {
            connections_max: 256,
            otlp: OtlpConfig::default(),
            syslog: SyslogConfig::default(),
            fluent: FluentConfig::default(),
            gelf: GelfConfig::default(),
            jaeger: JaegerConfig::default(),
            zipkin: ZipkinConfig::default(),
        }
    }
}

/// Addresses for OpenTelemetry.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OtlpConfig {
    /// gRPC.
    pub grpc: Option<String>,
    /// HTTP.
    pub http: Option<String>,
}

/// Addresses for syslog.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SyslogConfig {
    /// Datagrams.
    pub udp: Option<String>,
    /// Connections.
    pub tcp: Option<String>,
    /// Encrypted connections.
    pub tls: Option<String>,
    /// The server's certificate and those above it, PEM.
    pub certificate: Option<PathBuf>,
    /// The key of the certificate, PEM.
    pub key: Option<PathBuf>,
    /// How far east of UTC the clocks are that send times without a zone.
    pub utc_offset_minutes: i32,
}

impl SyslogConfig {
    /// Seconds east of UTC of times without a zone.
    pub fn offset_s(&self) -> i64 {
        i64::from(self.utc_offset_minutes) * 60
    }
}

/// The address for Fluent forward.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FluentConfig {
    /// Connections.
    pub listen: Option<String>,
    /// The key that senders must know, if any.
    #[serde(skip_serializing)]
    pub shared_key: Option<String>,
}

/// Addresses for GELF.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GelfConfig {
    /// Datagrams.
    pub udp: Option<String>,
    /// Connections.
    pub tcp: Option<String>,
}

/// Addresses for Jaeger.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JaegerConfig {
    /// Datagrams in Thrift's compact protocol; 6831 as a rule.
    pub compact: Option<String>,
    /// Datagrams in Thrift's binary protocol; 6832 as a rule.
    pub binary: Option<String>,
    /// Thrift over HTTP, and Jaeger's questions; 14268 and 16686 as a rule.
    pub http: Option<String>,
    /// gRPC; 14250 as a rule.
    pub grpc: Option<String>,
}

/// The address for Zipkin.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ZipkinConfig {
    /// HTTP, spans and questions; 9411 as a rule.
    pub http: Option<String>,
}
