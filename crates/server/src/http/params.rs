//! Parameters of a request, from its query string and from a form in its body.

use super::body::{BodyLimits, read_body};
use super::error::ApiError;
use super::time;
use axum::body::Body;
use axum::http::{Method, Request, header};
use model::TimeRange;

/// A form may be this large; queries are text that people and dashboards write.
const FORM_BYTES_MAX: usize = 10 << 20;

/// Named values in the order they came: those of the body first, as they take precedence.
#[derive(Debug, Clone, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// The parameters of a query string.
    pub fn of_query(query: &str) -> Params {
        Params(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The parameters of a request. Its body is read if it is a form.
    pub async fn of_request(request: Request<Body>, limits: &BodyLimits) -> Result<Params, ApiError> {
        let (parts, body) = request.into_parts();
        let of_query = Params::of_query(parts.uri.query().unwrap_or(""));
        let is_form = parts
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .is_some_and(|v| v.starts_with("application/x-www-form-urlencoded"));
        if !is_form || !matches!(parts.method, Method::POST | Method::PUT) {
            return Ok(of_query);
        }
        let limits =
            BodyLimits { bytes_max: FORM_BYTES_MAX, setting: "no setting: 10 MiB is fixed", ..*limits };
        let bytes = read_body(&parts.headers, body, &limits).await?;
        let mut all: Vec<(String, String)> = form_urlencoded::parse(&bytes).into_owned().collect();
        all.extend(of_query.0);
        Ok(Params(all))
    }

    /// The first value of a name, `None` if absent or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }

    /// Every value of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// A time, milliseconds.
    pub fn time(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let parse = |v| {
            time::parse_time(v)
                .map_err(|e| ApiError::parameter(name, format!("invalid time value for '{name}': {e}")))
        };
        self.get(name).map(parse).transpose()
    }

    /// A time that must be given, milliseconds.
    pub fn required_time(&self, name: &str) -> Result<i64, ApiError> {
        time::parse_time(self.get(name).unwrap_or("")).map_err(|e| ApiError::parameter(name, e))
    }

    /// The range of `start` and `end`, each open unless given.
    pub fn range(&self) -> Result<TimeRange, ApiError> {
        let start = self.time("start")?.unwrap_or(time::TIME_MIN_MS);
        let end = self.time("end")?.unwrap_or(time::TIME_MAX_MS);
        Ok(TimeRange::new(start, end))
    }

    /// A duration, milliseconds.
    pub fn duration(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let parse = |v| time::parse_duration(v).map_err(|e| ApiError::parameter(name, e));
        self.get(name).map(parse).transpose()
    }

    /// `limit`: how many results at most, `None` without one (absent or 0).
    pub fn limit(&self) -> Result<Option<usize>, ApiError> {
        let Some(text) = self.get("limit") else { return Ok(None) };
        match text.parse::<i64>() {
            Ok(v) if v < 0 => Err(ApiError::parameter("limit", "limit must be non-negative")),
            Ok(0) => Ok(None),
            Ok(v) => Ok(Some(v as usize)),
            Err(_) => Err(ApiError::parameter("limit", format!("{text:?} is not a whole number"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_name() {
        let p = Params::of_query("match[]=a&match%5B%5D=b+c&limit=3&empty=&start=1.5");
        assert_eq!(p.all("match[]").collect::<Vec<_>>(), ["a", "b c"]);
        assert_eq!(p.limit().unwrap(), Some(3));
        assert_eq!(p.get("empty"), None);
        assert_eq!(p.range().unwrap(), TimeRange::new(1500, time::TIME_MAX_MS));
    }

    #[test]
    fn what_is_wrong_names_the_parameter() {
        let p = Params::of_query("limit=-1&time=soon&step=1x");
        assert_eq!(
            p.limit().unwrap_err().message,
            r#"invalid parameter "limit": limit must be non-negative"#
        );
        assert_eq!(
            p.time("time").unwrap_err().message,
            r#"invalid parameter "time": invalid time value for 'time': cannot parse "soon" to a valid timestamp"#
        );
        assert_eq!(
            p.duration("step").unwrap_err().message,
            r#"invalid parameter "step": cannot parse "1x" to a valid duration"#
        );
    }
}
