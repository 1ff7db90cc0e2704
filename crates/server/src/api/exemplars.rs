//! Exemplars of the series a query reads.

use super::select::store_error;
use super::{Answer, Shared, language};
use crate::http::error::ApiError;
use crate::http::params::Params;
use crate::http::respond::{Encoding, Notes, respond, success};
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use model::{Exemplar, Labels};
use std::collections::BTreeMap;
use std::sync::Arc;

/// `/api/v1/query_exemplars`
pub async fn query(State(app): Shared, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let params = Params::of_request(request, &app.form_limits()).await?;
    let range = params.range()?;
    if range.end_ms < range.start_ms {
        return Err(ApiError::bad_data("end timestamp must not be before start timestamp"));
    }
    let expr = language::expression(&params)?;
    let app2 = Arc::clone(&app);
    let work = move || {
        let db = app2.db()?;
        let mut found: BTreeMap<Labels, Vec<Exemplar>> = BTreeMap::new();
        for matchers in expr.selectors() {
            found.extend(db.exemplars(matchers, range).map_err(store_error)?);
        }
        let body = success(&Notes::default(), |j| {
            j.list(&found, |j, (labels, exemplars)| {
                j.raw("{").key("seriesLabels").labels(labels);
                j.key("exemplars").list(exemplars, |j, e| {
                    j.raw("{").key("labels").labels(&e.labels);
                    j.key("value").float(e.value).key("timestamp").time(e.time_ms).raw("}");
                });
                j.raw("}");
            });
        });
        Ok(respond(body, "application/json", encoding))
    };
    app.queries.run(app.query_timeout(), work).await
}
