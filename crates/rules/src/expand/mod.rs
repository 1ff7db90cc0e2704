//! Labels and annotations of alerts: templates over the alert's own series, with the functions of Prometheus.

mod functions;
mod hosts;
mod humanize;
mod sample;

use crate::file::Rule;
use crate::running::Queries;
use functions::{Known, RuleFunctions};
use promql::VectorSample;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use template::{Limits, Map, Templates, Value};

/// What expanding one label or annotation may cost.
pub const TEMPLATE_LIMITS: Limits = Limits { bytes_max: 1 << 20, work_max: 1_000_000 };

/// What templates may know of where they are evaluated.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Surroundings {
    /// Labels that tell this server from others.
    pub external_labels: BTreeMap<String, String>,
    /// Where people reach this server.
    pub external_url: String,
}

/// What Prometheus puts before every text, so that there are `$labels` and `$value`. Error messages count columns
/// from here.
const PREFIX: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}";

/// A label or annotation that is ready to be expanded.
#[derive(Debug, Clone)]
pub(crate) enum Text {
    /// There is nothing to expand.
    Plain(String),
    Template(Box<Templates>),
}

fn template_name(alert: &str) -> String {
    format!("__alert_{alert}")
}

impl Text {
    pub fn new(alert: &str, text: &str) -> Result<Text, String> {
        if !text.contains("{{") {
            return Ok(Text::Plain(text.to_owned()));
        }
        let mut templates = Templates::new();
        templates
            .parse(&template_name(alert), &format!("{PREFIX}{text}"), &Known)
            .map_err(|e| e.to_string())?;
        Ok(Text::Template(Box::new(templates)))
    }
}

/// Whether a text can be expanded at all.
pub(crate) fn check(alert: &str, text: &str) -> Result<(), String> {
    Text::new(alert, text).map(|_| ())
}

/// Expands the texts of one alert.
pub(crate) struct Expander<'a> {
    alert: &'a str,
    sample: &'a VectorSample,
    surroundings: &'a Surroundings,
    functions: RuleFunctions<'a>,
    /// What templates see, made when the first one is met.
    data: OnceCell<Value>,
}

impl<'a> Expander<'a> {
    /// For an alert of this series. `now_ms` is the time of the evaluation, at which `query` asks.
    pub fn new(
        rule: &'a Rule,
        sample: &'a VectorSample,
        surroundings: &'a Surroundings,
        queries: &'a dyn Queries,
        now_ms: i64,
    ) -> Expander<'a> {
        let functions =
            RuleFunctions { queries, expr: &rule.expr, now_ms, external_url: &surroundings.external_url };
        Expander { alert: &rule.name, sample, surroundings, functions, data: OnceCell::new() }
    }

    fn data(&self) -> &Value {
        self.data.get_or_init(|| {
            Value::object(sample::AlertData {
                labels: Value::from(Map::of_texts(&self.sample.labels)),
                external_labels: Value::from(Map::of_texts(&self.surroundings.external_labels)),
                external_url: Value::from(self.surroundings.external_url.as_str()),
                value: sample::value(&self.sample.value),
            })
        })
    }

    /// The expanded text. A text that fails says so instead of stopping the alert.
    pub fn expand(&self, text: &Text) -> String {
        let templates = match text {
            Text::Plain(text) => return text.clone(),
            Text::Template(templates) => templates,
        };
        let name = template_name(self.alert);
        match templates.execute(&name, self.data(), &self.functions, TEMPLATE_LIMITS) {
            Ok(text) => text,
            Err(e) => format!("<error expanding template: error executing template {name}: {e}>"),
        }
    }
}
