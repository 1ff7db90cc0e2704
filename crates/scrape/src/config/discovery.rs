//! Where targets are looked for.

use super::section::section;
use super::{Invalid, TimeSpan, explain};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The kinds of discovery there are, as keys of a scrape configuration.
pub const SUPPORTED_DISCOVERY: [&str; 4] =
    ["static_configs", "file_sd_configs", "http_sd_configs", "dns_sd_configs"];

section! {
    /// Targets with the labels they share: an entry of `static_configs`, of a discovery file, or of the answer
    /// of a discovery server.
    pub struct TargetGroup {
        /// `host:port` each.
        pub targets: Vec<String>,
        /// Labels of all of them.
        pub labels: BTreeMap<String, String>,
    }
}

section! {
    /// Targets listed in files of YAML or JSON.
    pub struct FileSdConfig {
        /// Paths; the last component may hold `*` and `?`.
        pub files: Vec<String>,
        /// How often files are read again at the latest (changes are seen earlier). `5m` if absent.
        pub refresh_interval: Option<TimeSpan>,
    }
}

section! {
    /// Targets listed by a server, as JSON.
    pub struct HttpSdConfig + http {
        /// Where the list is.
        pub url: String,
        /// How often it is fetched. `1m` if absent.
        pub refresh_interval: Option<TimeSpan>,
    }
}

section! {
    /// Targets listed in the DNS.
    pub struct DnsSdConfig {
        /// Domain names to look up.
        pub names: Vec<String>,
        /// How often. `30s` if absent.
        pub refresh_interval: Option<TimeSpan>,
        /// The type of record, `SRV` if absent.
        #[serde(rename = "type")]
        pub kind: Option<DnsKind>,
        /// The port of each target, for every type but SRV.
        pub port: Option<u16>,
    }
}

/// A type of DNS record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
pub enum DnsKind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    #[serde(rename = "AAAA")]
    Aaaa,
    /// Services: host and port.
    #[serde(rename = "SRV")]
    Srv,
    /// Mail servers.
    #[serde(rename = "MX")]
    Mx,
    /// Name servers.
    #[serde(rename = "NS")]
    Ns,
}

impl<'de> serde::Deserialize<'de> for DnsKind {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<DnsKind, D::Error> {
        let name = String::deserialize(d)?;
        Ok(match name.to_ascii_uppercase().as_str() {
            "A" => DnsKind::A,
            "AAAA" => DnsKind::Aaaa,
            "SRV" => DnsKind::Srv,
            "MX" => DnsKind::Mx,
            "NS" => DnsKind::Ns,
            _ => {
                return Err(serde::de::Error::custom(format!(
                    "{name:?} is not a supported type of DNS record: SRV, A, AAAA, MX or NS"
                )));
            }
        })
    }
}

impl TargetGroup {
    /// Reads and checks a list of groups, as discovery files (JSON or YAML) and servers (JSON) hold it. The error
    /// says what is wrong, and where.
    pub fn list(text: &str, json: bool) -> Result<Vec<TargetGroup>, String> {
        let groups: Vec<TargetGroup> = if json {
            serde_json::from_str(text).map_err(|e| e.to_string())?
        } else {
            // A file with nothing but comments lists no targets.
            serde_saphyr::from_str::<Option<_>>(text)
                .map_err(|e| explain(&e).to_string())?
                .unwrap_or_default()
        };
        for (at, group) in groups.iter().enumerate() {
            group.check().map_err(|e| e.within(&format!("[{at}]")).to_string())?;
        }
        Ok(groups)
    }

    pub(crate) fn check(&self) -> Result<(), Invalid> {
        for (at, target) in self.targets.iter().enumerate() {
            if let Err(reason) = check_address(target) {
                return Err(Invalid::new(format!("targets[{at}]"), reason));
            }
        }
        match self.labels.keys().find(|n| n.is_empty()) {
            Some(_) => Err(Invalid::new("labels", "a label name is empty")),
            None => Ok(()),
        }
    }
}

/// Addresses are hosts with or without a port, never URLs.
pub(crate) fn check_address(address: &str) -> Result<(), String> {
    if address.contains('/') {
        return Err(format!(
            "{address:?} is not a host and port: leave out the scheme and the path \
             (they are set by the keys scheme and metrics_path)"
        ));
    }
    Ok(())
}

impl FileSdConfig {
    /// The interval in force.
    pub fn refresh(&self) -> TimeSpan {
        self.refresh_interval.unwrap_or(TimeSpan::from_secs(300))
    }

    pub(crate) fn check(&self) -> Result<(), Invalid> {
        check_refresh(self.refresh())?;
        if self.files.is_empty() {
            return Err(Invalid::new("files", "at least one path is required"));
        }
        for (at, file) in self.files.iter().enumerate() {
            let field = format!("files[{at}]");
            let (dir, name) = file.rsplit_once('/').unwrap_or(("", file));
            let kind = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
            if !matches!(kind.as_deref(), Some("json" | "yml" | "yaml")) {
                return Err(Invalid::new(field, format!("{file:?} must end in .json, .yml or .yaml")));
            }
            if dir.contains(['*', '?']) {
                return Err(Invalid::new(
                    field,
                    format!("{file:?}: wildcards are possible in the last component only"),
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn resolve_paths(&mut self, dir: &std::path::Path) {
        for file in &mut self.files {
            let joined: PathBuf = dir.join(&*file);
            *file = joined.to_string_lossy().into_owned();
        }
    }
}

impl HttpSdConfig {
    /// The interval in force.
    pub fn refresh(&self) -> TimeSpan {
        self.refresh_interval.unwrap_or(TimeSpan::from_secs(60))
    }

    pub(crate) fn check(&self) -> Result<(), Invalid> {
        check_refresh(self.refresh())?;
        if self.url.is_empty() {
            return Err(Invalid::new("url", "is required"));
        }
        match reqwest::Url::parse(&self.url) {
            Err(e) => return Err(Invalid::new("url", format!("{:?} is not a URL: {e}", self.url))),
            Ok(u) if !matches!(u.scheme(), "http" | "https") => {
                return Err(Invalid::new(
                    "url",
                    format!("the scheme must be http or https, not {:?}", u.scheme()),
                ));
            }
            Ok(_) => {}
        }
        self.http().check()
    }
}

impl DnsSdConfig {
    /// The interval in force.
    pub fn refresh(&self) -> TimeSpan {
        self.refresh_interval.unwrap_or(TimeSpan::from_secs(30))
    }

    /// The type of record in force.
    pub fn kind(&self) -> DnsKind {
        self.kind.unwrap_or(DnsKind::Srv)
    }

    pub(crate) fn check(&self) -> Result<(), Invalid> {
        check_refresh(self.refresh())?;
        if self.names.is_empty() {
            return Err(Invalid::new("names", "at least one domain name is required"));
        }
        if self.kind() != DnsKind::Srv && self.port.is_none_or(|p| p == 0) {
            return Err(Invalid::new("port", "is required for every type but SRV"));
        }
        Ok(())
    }
}

fn check_refresh(interval: TimeSpan) -> Result<(), Invalid> {
    if interval.is_zero() {
        return Err(Invalid::new("refresh_interval", "must be longer than 0"));
    }
    Ok(())
}
