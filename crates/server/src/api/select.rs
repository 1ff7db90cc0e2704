//! Series selectors in parameters.

use crate::http::error::{ApiError, ErrorKind};
use crate::http::params::Params;
use model::Matcher;
use tsdb::TsdbError;

/// The selectors of `match[]`, each of which must rule something out.
pub fn selectors(params: &Params) -> Result<Vec<Vec<Matcher>>, ApiError> {
    params
        .all("match[]")
        .map(|text| {
            let matchers = promql::parse_selector(text).map_err(|e| ApiError::query("match[]", e))?;
            if matchers.iter().all(Matcher::matches_empty) {
                return Err(ApiError::bad_data("match[] must contain at least one non-empty matcher"));
            }
            Ok(matchers)
        })
        .collect()
}

/// The selectors of `match[]`, of which there must be one.
pub fn required_selectors(params: &Params) -> Result<Vec<Vec<Matcher>>, ApiError> {
    let all = selectors(params)?;
    if all.is_empty() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    Ok(all)
}

/// The answer to a question the store cannot answer.
pub fn store_error(e: TsdbError) -> ApiError {
    match e {
        TsdbError::Limit(limit) => ApiError::new(ErrorKind::Execution, limit.to_string()),
        other => {
            tracing::error!(error = %other, "the store failed a request");
            ApiError::internal(other.to_string())
        }
    }
}
