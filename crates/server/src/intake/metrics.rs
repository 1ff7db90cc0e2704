//! OTLP metrics, over HTTP and gRPC: from a body to samples.

use super::samples::take;
use super::tenant;
use crate::http::error::ApiError;
use crate::http::origin::refuse_foreign_page;
use crate::receive::{self, decode_error, header_text};
use crate::state::App;
use axum::body::Body;
use axum::http::{HeaderMap, header};
use ingest::compress::Encoding;
use ingest::metrics::{self, Options, Taken, Totals};
use ingest::otlp::Partial;
use ingest::{DecodeError, Limits, negotiate};
use model::{AppendDone, Appendable, Appender};
use std::sync::Arc;

/// A decoder of requests.
pub type Decode =
    fn(&[u8], &Options, &Limits, Option<&mut dyn Totals>, &mut dyn Appender) -> Result<Taken, DecodeError>;

/// Of requests in JSON.
pub fn json(
    body: &[u8],
    options: &Options,
    limits: &Limits,
    totals: Option<&mut dyn Totals>,
    out: &mut dyn Appender,
) -> Result<Taken, DecodeError> {
    metrics::json(body, options, limits, totals, out)
}

/// Of requests in protocol buffers.
pub fn protobuf(
    body: &[u8],
    options: &Options,
    limits: &Limits,
    totals: Option<&mut dyn Totals>,
    out: &mut dyn Appender,
) -> Result<Taken, DecodeError> {
    metrics::protobuf(body, options, limits, totals, out)
}

/// Takes a message.
pub type Take<'t> = &'t mut dyn FnMut(&[u8]) -> Result<Taken, DecodeError>;

/// Takes the message out of a body and hands it on.
pub trait Open: FnOnce(&[u8], Take<'_>) -> Result<Taken, DecodeError> + Send + 'static {}

impl<F> Open for F where F: FnOnce(&[u8], Take<'_>) -> Result<Taken, DecodeError> + Send + 'static {}

/// The body is the message.
pub fn whole(body: &[u8], take: Take<'_>) -> Result<Taken, DecodeError> {
    take(body)
}

/// Receives a request.
pub async fn receive(
    app: &Arc<App>,
    headers: &HeaderMap,
    body: Body,
    open: impl Open,
    decode: Decode,
) -> Result<Partial, ApiError> {
    refuse_foreign_page(headers)?;
    // Metrics are those of everybody, as with remote write; a name that is none is refused all the same.
    tenant(headers)?;
    let encoding = header_text(headers, &header::CONTENT_ENCODING);
    let encoding = negotiate::encoding(encoding, Encoding::Identity).map_err(decode_error)?;
    let counted = &app.metrics.otlp;
    let decode = move |app: &App, body: &[u8], limits: &Limits| append(app, body, limits, open, decode);
    let (taken, committed) = take(app, counted, headers, body, encoding, decode).await?;
    receive::count(counted, &committed, &taken.outcome);
    Ok(Partial::of_metrics(&taken))
}

fn append(
    app: &App,
    body: &[u8],
    limits: &Limits,
    open: impl Open,
    decode: Decode,
) -> Result<(Taken, AppendDone), ApiError> {
    let db = app.db()?;
    let config = app.config();
    let options = config.otlp.options(config.query.lookback);
    let mut appender = db.appender();
    // Held until the batch is on its way, so that totals are written in the order in which they were made.
    let mut totals = config.otlp.totals_max().map(|max| app.deltas.totals(db, app.now_ms(), max));
    let taken = open(body, &mut |message| {
        let totals = totals.as_mut().map(|t| t as &mut dyn Totals);
        decode(message, &options, limits, totals, &mut *appender)
    });
    let taken = taken.map_err(decode_error)?;
    Ok((taken, appender.commit()))
}
