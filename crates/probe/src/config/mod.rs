//! Modules in the format of blackbox_exporter: what is looked for, and what is right.

mod check;
mod http;
mod pattern;
mod probers;

pub use http::{HeaderMatch, HttpProbe};
pub use pattern::{Bytes, Pattern};
pub use probers::{
    DnsProbe, GrpcProbe, IcmpProbe, QueryResponse, RecordRules, ResponseLabel, TcpProbe, UnixProbe,
};
pub use scrape::config::{Invalid, Problem, TimeSpan, TlsConfig, explain};

use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// A key without a value means the same as no key.
fn or_default<'de, D, T>(d: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}

fn is_default<T: Default + PartialEq>(v: &T) -> bool {
    *v == T::default()
}

/// Declares a section: every key optional, unknown keys refused, and only what was set written back.
macro_rules! section {
    (
        $(#[$attr:meta])*
        pub struct $name:ident { $( $(#[$field_attr:meta])* pub $field:ident: $type:ty, )* }
    ) => {
        $(#[$attr])*
        #[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $(
                $(#[$field_attr])*
                #[serde(
                    deserialize_with = "crate::config::or_default",
                    skip_serializing_if = "crate::config::is_default"
                )]
                pub $field: $type,
            )*
        }
    };
}
use section;

/// A file of blackbox_exporter.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Modules {
    /// Modules by name.
    #[serde(deserialize_with = "or_default")]
    pub modules: BTreeMap<String, Module>,
}

/// What does the probing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Requests over HTTP.
    Http,
    /// Connections, and what is said over them.
    Tcp,
    /// Echoes.
    Icmp,
    /// Questions to name servers.
    Dns,
    /// The health service of gRPC.
    Grpc,
    /// Sockets of this machine.
    Unix,
}

/// An IP protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IpProtocol {
    /// IPv4.
    Ip4,
    /// IPv6, which is preferred unless something else is said.
    #[default]
    Ip6,
}

/// How targets of a kind are probed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// What does the probing.
    pub prober: Kind,
    /// The longest time; that of whoever asks if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<TimeSpan>,
    /// For `http`.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub http: HttpProbe,
    /// For `tcp`.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub tcp: TcpProbe,
    /// For `icmp`.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub icmp: IcmpProbe,
    /// For `dns`.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub dns: DnsProbe,
    /// For `grpc`.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub grpc: GrpcProbe,
    /// For `unix`.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub unix: UnixProbe,
}

impl Module {
    /// A module with the defaults of its kind.
    pub fn new(prober: Kind) -> Module {
        Module {
            prober,
            timeout: None,
            http: HttpProbe::default(),
            tcp: TcpProbe::default(),
            icmp: IcmpProbe::default(),
            dns: DnsProbe::default(),
            grpc: GrpcProbe::default(),
            unix: UnixProbe::default(),
        }
    }

    /// Makes relative file names relative to `dir`.
    pub fn resolve_paths(&mut self, dir: &Path) {
        self.http.resolve_paths(dir);
        let all = [
            &mut self.tcp.tls_config,
            &mut self.dns.tls_config,
            &mut self.grpc.tls_config,
            &mut self.unix.tls_config,
        ];
        all.into_iter().flatten().for_each(|tls| tls.resolve_paths(dir));
    }
}

/// Most bytes of a file of modules.
const FILE_BYTES_MAX: u64 = 8 << 20;

impl Modules {
    /// Reads a file of blackbox_exporter. Names of files in it are relative to its directory.
    pub fn load(path: &Path) -> Result<Modules, String> {
        let name = path.display();
        let wrong = |e: std::io::Error| format!("cannot read {name}: {e}");
        let mut text = String::new();
        // Not every file has the length that it states.
        let file = std::fs::File::open(path).map_err(wrong)?;
        file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(wrong)?;
        if text.len() as u64 > FILE_BYTES_MAX {
            return Err(format!("{name}: more than {FILE_BYTES_MAX} bytes: divide the file"));
        }
        let mut modules = Modules::from_yaml(&text).map_err(|problem| format!("{name}: {problem}"))?;
        let dir = path.parent().unwrap_or(Path::new(""));
        modules.modules.values_mut().for_each(|m| m.resolve_paths(dir));
        Ok(modules)
    }

    /// Reads modules from YAML and checks them.
    pub fn from_yaml(text: &str) -> Result<Modules, Problem> {
        let has_content = text.lines().any(|l| !matches!(l.trim(), "" | "---") && !l.trim().starts_with('#'));
        if !has_content {
            return Ok(Modules::default());
        }
        let modules: Modules = serde_saphyr::from_str(text).map_err(|e| refuse(explain(&e)))?;
        modules.check().map_err(|invalid| Problem { at: None, message: invalid.to_string() })?;
        Ok(modules)
    }

    /// Checks what one field alone cannot show.
    pub fn check(&self) -> Result<(), Invalid> {
        self.modules.iter().try_for_each(|(name, module)| {
            module
                .check()
                .map_err(|invalid| Invalid::new(format!("modules.{name}.{}", invalid.field), invalid.reason))
        })
    }
}

/// Keys of blackbox_exporter that mean nothing here, and what to do instead.
const ABSENT: [(&str, &str); 5] = [
    ("fail_if_body_json_matches_cel", "CEL is not spoken: use fail_if_body_matches_regexp"),
    ("fail_if_body_json_not_matches_cel", "CEL is not spoken: use fail_if_body_not_matches_regexp"),
    ("enable_http3", "HTTP/3 is not spoken: leave it out"),
    ("websocket", "WebSockets are not probed: probe the page that offers them with http"),
    ("no_follow_redirects", "write follow_redirects instead"),
];

fn refuse(mut problem: Problem) -> Problem {
    for (key, advice) in ABSENT {
        let unknown = format!("\"{key}\"");
        if problem.message.starts_with("unknown key ") && problem.message.contains(&unknown) {
            problem.message = format!("the key {unknown} of blackbox_exporter is not supported: {advice}");
        } else if problem.message.starts_with(&format!("{unknown} is not one of")) {
            problem.message = format!("{unknown} of blackbox_exporter is not supported: {advice}");
        }
    }
    problem
}

/// Modules for those who have configured none: what the names of blackbox_exporter's own example stand for.
pub fn built_in() -> BTreeMap<String, Module> {
    let of = |kind, change: fn(&mut Module)| {
        let mut module = Module::new(kind);
        change(&mut module);
        module
    };
    [
        ("http_2xx", of(Kind::Http, |_| {})),
        ("http_post_2xx", of(Kind::Http, |m| m.http.method = Some("POST".to_owned()))),
        ("tcp_connect", of(Kind::Tcp, |_| {})),
        ("tls_connect", of(Kind::Tcp, |m| m.tcp.tls = true)),
        ("icmp", of(Kind::Icmp, |_| {})),
        ("grpc_plain", of(Kind::Grpc, |_| {})),
        ("grpc", of(Kind::Grpc, |m| m.grpc.tls = true)),
        (
            "dns_soa",
            of(Kind::Dns, |m| {
                m.dns.query_name = ".".to_owned();
                m.dns.query_type = Some("SOA".to_owned());
            }),
        ),
        (
            "ssh_banner",
            of(Kind::Tcp, |m| {
                m.tcp.query_response = vec![QueryResponse {
                    expect: Pattern::new("^SSH-2.0-").ok(),
                    ..QueryResponse::default()
                }];
            }),
        ),
    ]
    .into_iter()
    .map(|(name, module)| (name.to_owned(), module))
    .collect()
}
