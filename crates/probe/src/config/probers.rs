//! The sections `tcp`, `unix`, `icmp`, `dns` and `grpc` of a module.

use super::{Bytes, IpProtocol, Pattern, section};
use scrape::config::TlsConfig;
use std::collections::BTreeMap;

section! {
    /// A connection, and what is said over it.
    pub struct TcpProbe {
        /// The IP protocol that is preferred.
        pub preferred_ip_protocol: IpProtocol,
        /// Whether the other one is taken where there is no address of that.
        pub ip_protocol_fallback: Option<bool>,
        /// The address from which is connected.
        pub source_ip_address: Option<String>,
        /// What is expected and said, in order.
        pub query_response: Vec<QueryResponse>,
        /// Whether the connection begins with TLS.
        pub tls: bool,
        /// TLS towards the target.
        pub tls_config: Option<TlsConfig>,
    }
}

section! {
    /// A connection to a socket of this machine.
    pub struct UnixProbe {
        /// What is expected and said, in order.
        pub query_response: Vec<QueryResponse>,
        /// Whether the connection begins with TLS.
        pub tls: bool,
        /// TLS towards the target.
        pub tls_config: Option<TlsConfig>,
    }
}

section! {
    /// A step of a dialogue.
    pub struct QueryResponse {
        /// Lines are read until one holds this.
        pub expect: Option<Pattern>,
        /// Exactly these bytes must come.
        pub expect_bytes: Bytes,
        /// Labels of `probe_expect_info`, with groups of `expect` in them.
        pub labels: Vec<ResponseLabel>,
        /// What is said then, and a line feed; groups of `expect` may be in it.
        pub send: Bytes,
        /// Whether the connection goes on with TLS.
        pub starttls: bool,
    }
}

section! {
    /// A label.
    pub struct ResponseLabel {
        /// Its name.
        pub name: String,
        /// Its value.
        pub value: String,
    }
}

section! {
    /// An echo.
    pub struct IcmpProbe {
        /// The IP protocol that is preferred.
        pub preferred_ip_protocol: IpProtocol,
        /// Whether the other one is taken where there is no address of that.
        pub ip_protocol_fallback: Option<bool>,
        /// The address from which is sent.
        pub source_ip_address: Option<String>,
        /// Bytes of the payload; a short one if absent.
        pub payload_size: u16,
        /// Whether packets on the way must not be divided. Needs IPv4.
        pub dont_fragment: bool,
        /// Hops that the packet may take, 64 if absent.
        pub ttl: Option<u8>,
    }
}

section! {
    /// A question to a name server.
    pub struct DnsProbe {
        /// The IP protocol that is preferred.
        pub preferred_ip_protocol: IpProtocol,
        /// Whether the other one is taken where there is no address of that.
        pub ip_protocol_fallback: Option<bool>,
        /// Whether it is asked over TLS, which needs `transport_protocol: tcp`.
        pub dns_over_tls: bool,
        /// TLS towards the target.
        pub tls_config: Option<TlsConfig>,
        /// The address from which is asked.
        pub source_ip_address: Option<String>,
        /// `udp` (if absent) or `tcp`.
        pub transport_protocol: Option<String>,
        /// `IN` if absent.
        pub query_class: Option<String>,
        /// What is asked for.
        pub query_name: String,
        /// `ANY` if absent.
        pub query_type: Option<String>,
        /// Whether the server may ask others. True if absent.
        pub recursion_desired: Option<bool>,
        /// Codes that are right; `NOERROR` if there is none.
        pub valid_rcodes: Vec<String>,
        /// What the answers must be.
        pub validate_answer_rrs: RecordRules,
        /// What the authorities must be.
        pub validate_authority_rrs: RecordRules,
        /// What the additional records must be.
        pub validate_additional_rrs: RecordRules,
    }
}

section! {
    /// What records must be. Each is looked at as `NAME\tTTL\tCLASS\tTYPE\tDATA`.
    pub struct RecordRules {
        /// No record may match any of these.
        pub fail_if_matches_regexp: Vec<Pattern>,
        /// Not all records may match all of these.
        pub fail_if_all_match_regexp: Vec<Pattern>,
        /// Every record must match all of these.
        pub fail_if_not_matches_regexp: Vec<Pattern>,
        /// One record must match one of these.
        pub fail_if_none_matches_regexp: Vec<Pattern>,
    }
}

section! {
    /// The health service of gRPC.
    pub struct GrpcProbe {
        /// The service whose health is asked for; the server's own if empty.
        pub service: String,
        /// Whether the connection is encrypted.
        pub tls: bool,
        /// TLS towards the target.
        pub tls_config: Option<TlsConfig>,
        /// Whether the other IP protocol is taken where there is no address of the preferred one.
        pub ip_protocol_fallback: Option<bool>,
        /// The IP protocol that is preferred.
        pub preferred_ip_protocol: IpProtocol,
        /// Headers of the call.
        pub metadata: BTreeMap<String, Vec<String>>,
    }
}
