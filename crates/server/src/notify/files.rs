//! Reads the configuration of alerting and its templates.

use crate::config::Config;
use alerting::config::ConfigError;
use alerting::message::Renderer;
use std::path::Path;
use std::sync::Arc;

/// Everything that says who is told what.
#[derive(Debug, Clone)]
pub struct Routing {
    /// The configuration.
    pub config: Arc<alerting::Config>,
    /// The file as it is.
    pub original: String,
    /// Makes messages.
    pub renderer: Arc<Renderer>,
    /// Where people reach this server.
    pub external_url: String,
    /// Whether programs may be run.
    pub exec: bool,
}

/// What is in force without a file: alerts are grouped, and nobody is told.
const NOBODY: &str = "route:\n  receiver: nobody\n  group_by: [alertname]\nreceivers:\n  - name: nobody\n";

impl Routing {
    /// What the configuration of the server says. Paths are relative to `dir`.
    pub fn load(config: &Config, dir: &Path, external_url: &str) -> Result<Routing, String> {
        let section = &config.alerting;
        let external_url = section.external_url.as_deref().unwrap_or(external_url).trim_end_matches('/');
        match &section.config_file {
            Some(file) => Routing::read(&dir.join(file), external_url, section.exec),
            None => Routing::parse(NOBODY.to_owned(), "alerting", dir, external_url, section.exec),
        }
    }

    /// A file of Alertmanager and its templates.
    pub fn read(file: &Path, external_url: &str, exec: bool) -> Result<Routing, String> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).map_err(|e| format!("cannot read {name}: {e}"))?;
        Routing::parse(text, &name, file.parent().unwrap_or(Path::new("")), external_url, exec)
    }

    fn parse(
        text: String,
        name: &str,
        dir: &Path,
        external_url: &str,
        exec: bool,
    ) -> Result<Routing, String> {
        let config = alerting::Config::parse(&text, dir).map_err(|e| match e {
            ConfigError::Yaml(e) => format!("{name}: {}", scrape::config::explain(&e)),
            e => format!("{name}: {e}"),
        })?;
        if !exec && let Some(receiver) = config.receivers.iter().find(|r| !r.exec_configs.is_empty()) {
            return Err(format!(
                "{name}: receivers {:?}: exec_configs: programs may not be run: set alerting.exec of the server to allow it",
                receiver.name
            ));
        }
        let renderer = Renderer::new(&templates(&config.templates)?, external_url)
            .map_err(|e| format!("{name}: {e}"))?;
        Ok(Routing {
            config: Arc::new(config),
            original: text,
            renderer: Arc::new(renderer),
            external_url: external_url.to_owned(),
            exec,
        })
    }
}

/// Names and texts of the files of these patterns.
fn templates(patterns: &[String]) -> Result<Vec<(String, String)>, String> {
    const FILE_BYTES_MAX: u64 = 4 << 20;
    let mut out = Vec::new();
    for pattern in patterns {
        for path in glob::glob(pattern).map_err(|e| format!("templates: {pattern:?}: {e}"))?.flatten() {
            let shown = path.display();
            let length =
                std::fs::metadata(&path).map(|m| m.len()).map_err(|e| format!("cannot read {shown}: {e}"))?;
            if length > FILE_BYTES_MAX {
                return Err(format!(
                    "templates: {shown} has {length} bytes, over the limit of {FILE_BYTES_MAX}"
                ));
            }
            let text = std::fs::read_to_string(&path).map_err(|e| format!("cannot read {shown}: {e}"))?;
            let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
            out.push((name, text));
        }
    }
    Ok(out)
}
