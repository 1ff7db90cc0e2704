//! Pipelines over HTTP: which are in force, and what one would make of samples.

use crate::api::{Answer, Shared};
use crate::http::body::{BodyLimits, read_body};
use crate::http::error::ApiError;
use crate::http::origin::refuse_foreign_page;
use crate::http::respond::json;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use model::Labels;
use pipeline::{PipelineConfig, Pipelines};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Lines of one trial, and bytes of its body.
const LINES_MAX: usize = 1000;
const BODY_BYTES_MAX: usize = 4 << 20;

/// `GET /api/v1/logs/pipelines`: those in force, in order, with what went through each.
pub async fn list(State(app): Shared) -> Answer {
    let (config, counts) = (app.config(), app.preparation.pipelines().counts());
    Ok(json(|j| {
        j.raw("{").key("pipelines").list(config.pipelines.iter().zip(&counts), |j, (config, counts)| {
            j.raw("{").key("name").string(&counts.name);
            j.key("records").int(counts.records as i64).key("dropped").int(counts.dropped as i64);
            j.key("metricLeftOut").int(counts.metric_left_out as i64);
            j.key("config").value(config).raw("}");
        });
        j.raw("}");
    }))
}

/// A trial.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trial {
    /// The pipeline, as an object; or
    pipeline: Option<PipelineConfig>,
    /// as YAML, as it stands in the configuration: one pipeline, or the only item of a list.
    yaml: Option<String>,
    /// The labels of the stream.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    lines: Vec<String>,
}

/// `POST /api/v1/logs/pipelines/try`: what each stage makes of each line. Nothing is stored and nothing counted.
pub async fn try_out(State(app): Shared, request: Request<Body>) -> Answer {
    let (parts, body) = request.into_parts();
    refuse_foreign_page(&parts.headers)?;
    let limits =
        BodyLimits { bytes_max: BODY_BYTES_MAX, setting: "no setting: 4 MiB is fixed", ..app.form_limits() };
    let bytes = read_body(&parts.headers, body, &limits).await?;
    let trial: Trial = serde_json::from_slice(&bytes)
        .map_err(|e| ApiError::bad_data(format!("the body is no trial: {e}")))?;
    if trial.lines.len() > LINES_MAX {
        let message = format!("lines: there are {}, over the limit of {LINES_MAX}", trial.lines.len());
        return Err(ApiError::bad_data(message));
    }
    let config = config_of(&trial)?;
    let labels = Labels::from_pairs(&trial.labels).map_err(|e| ApiError::bad_data(format!("labels: {e}")))?;
    let now_ns = app.now_ns();
    let work = move || {
        let lines: Vec<&str> = trial.lines.iter().map(String::as_str).collect();
        let explained = Pipelines::explain(&config, &labels, &lines, now_ns);
        let explained = explained.map_err(|e| ApiError::bad_data(e.to_string()))?;
        Ok(json(|j| {
            j.raw("{").key("lines").value(&explained).raw("}");
        }))
    };
    app.queries.run(app.query_timeout(), work).await
}

fn config_of(trial: &Trial) -> Result<PipelineConfig, ApiError> {
    match (&trial.pipeline, &trial.yaml) {
        (Some(config), None) => Ok(config.clone()),
        (None, Some(yaml)) => {
            let is_list = yaml.trim_start().starts_with(['-', '[']);
            let parsed = match is_list {
                true => serde_saphyr::from_str::<Vec<PipelineConfig>>(yaml),
                false => serde_saphyr::from_str::<PipelineConfig>(yaml).map(|one| vec![one]),
            };
            let mut all =
                parsed.map_err(|e| ApiError::bad_data(format!("yaml: {}", scrape::config::explain(&e))))?;
            match (all.pop(), all.is_empty()) {
                (Some(one), true) => Ok(one),
                _ => Err(ApiError::bad_data("yaml: give one pipeline")),
            }
        }
        _ => Err(ApiError::bad_data("give either pipeline or yaml")),
    }
}
