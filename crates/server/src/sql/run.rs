//! Runs statements on the lanes of the pool and gives their answers piece by piece.

use super::source::Stored;
use crate::api::query::failed;
use crate::ask::{self, CancelOnDrop, Refused, Reins};
use crate::http::error::{ApiError, ErrorKind};
use crate::pool::Lane;
use crate::state::App;
use model::record::Tenant;
use promql::{Control, EngineOptions, EvalError};
use sql::{DataType, Options, Parsed, Prepared, RecordBatch, SchemaRef, Session, SqlError};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// An answer larger than this is not kept back until it is whole: the query is heavy.
const LIGHT_BYTES_MAX: usize = 1 << 20;
/// Pieces of an answer that wait for a client.
const QUEUE: usize = 4;
/// How often it is looked whether there is room for another.
const ROOM: Duration = Duration::from_millis(2);

/// Turns rows into bytes.
pub trait Sink {
    /// Adds rows; pieces that are large enough are given on.
    fn rows(
        &mut self,
        batch: &RecordBatch,
        give: &mut dyn FnMut(Vec<u8>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, EvalError>;
    /// The last piece.
    fn end(self: Box<Self>) -> Result<Vec<u8>, EvalError>;
}

/// Makes a sink for rows of some columns.
pub type MakeSink = Arc<dyn Fn(&SchemaRef) -> Result<Box<dyn Sink>, EvalError> + Send + Sync>;

/// Makes values of parameters once their types are known.
pub type MakeValues =
    Arc<dyn Fn(&[Option<DataType>]) -> Result<Vec<sql::ScalarValue>, SqlError> + Send + Sync>;

/// What is asked.
#[derive(Clone)]
pub struct Question {
    /// Whose data.
    pub tenant: Tenant,
    /// Who asks.
    pub user: String,
    /// The statement.
    pub statement: Parsed,
    /// No more rows.
    pub limit: Option<usize>,
    /// The longest time.
    pub timeout: Duration,
    /// The parameters.
    pub values: MakeValues,
    /// The form of the answer.
    pub sink: MakeSink,
}

/// A piece of an answer.
pub enum Piece {
    /// All of it at once.
    Whole(Vec<u8>),
    /// Some of it.
    Part(Vec<u8>),
    /// The last of it.
    Last(Vec<u8>),
    /// Why there is no more.
    Failed(Failure),
}

/// Why a statement gives no answer.
#[derive(Debug)]
pub enum Failure {
    /// The statement, or its evaluation.
    Sql(SqlError),
    /// The server around it.
    Api(ApiError),
}

impl From<ApiError> for Failure {
    fn from(e: ApiError) -> Failure {
        Failure::Api(e)
    }
}

impl From<SqlError> for Failure {
    fn from(e: SqlError) -> Failure {
        Failure::Sql(e)
    }
}

impl From<EvalError> for Failure {
    fn from(e: EvalError) -> Failure {
        Failure::Sql(SqlError::Run(e))
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> ApiError {
        match failure {
            Failure::Api(e) => e,
            Failure::Sql(SqlError::Statement(e) | SqlError::Refused(e)) => ApiError::query("query", e),
            Failure::Sql(SqlError::Run(e)) => failed(e),
        }
    }
}

impl Refused for Failure {
    fn kind(&self) -> Option<ErrorKind> {
        match self {
            Failure::Api(e) => Some(e.kind),
            Failure::Sql(SqlError::Run(EvalError::Timeout(_))) => Some(ErrorKind::Timeout),
            Failure::Sql(SqlError::Run(EvalError::Busy { .. })) => Some(ErrorKind::Unavailable),
            Failure::Sql(_) => None,
        }
    }
}

/// An answer on its way. Whoever drops it stops the query.
pub struct Answer {
    pieces: mpsc::Receiver<Piece>,
    _cancel: CancelOnDrop,
}

impl Answer {
    /// The next piece; `None` after the last.
    pub async fn next(&mut self) -> Option<Piece> {
        self.pieces.recv().await
    }
}

/// Bounds of SQL, as configured.
pub fn options(app: &App, tenant: &Tenant, user: &str) -> Options {
    let config = app.config();
    let memory_max = config.query.memory_per_query.bytes().min(app.budgets.query_bytes);
    Options {
        database: tenant.as_str().to_owned(),
        user: user.to_owned(),
        memory_max,
        columns_max: config.sql.columns_max,
        listed_max: config.sql.tables_listed_max,
        scans_max: config.sql.tables_per_query_max,
        promql: EngineOptions {
            lookback_ms: i64::try_from(config.query.lookback.as_millis()).unwrap_or(i64::MAX),
            samples_max: config.query.samples_max,
            steps_max: config.query.steps_max.saturating_add(1),
            series_max: config.query.series_max,
            memory_max,
            experimental: config.query.experimental,
            ..EngineOptions::default()
        },
    }
}

/// A session over the stores.
pub fn session(app: &App, tenant: &Tenant, user: &str, control: &Control) -> Result<Session, Failure> {
    let running = app.ready().map_err(Failure::Api)?;
    let options = options(app, tenant, user);
    let stored = Stored::new(running, tenant.clone(), options.memory_max);
    Ok(Session::new(Arc::new(stored), &options, control)?)
}

/// Begins to answer.
pub fn start(app: &Arc<App>, question: Question) -> Answer {
    let (sender, pieces) = mpsc::channel(QUEUE);
    let timeout = question.timeout;
    let control = Control::new();
    let cancel = CancelOnDrop(control.clone());
    let name = ask::name((question.tenant.as_str(), question.statement.text(), question.limit));
    let (app, parts) = (Arc::clone(app), sender.clone());
    tokio::spawn(async move {
        let work = move |app: &App, reins: &Reins| match reins.lane {
            Lane::Light { .. } => {
                // An answer that is too large to be kept back is none for this lane.
                let done = light(app, &question, &reins.control)?;
                done.ok_or(Failure::from(EvalError::Timeout(timeout)))
            }
            Lane::Heavy => heavy(app, &question, &reins.control, &parts),
        };
        let last = ask::ask_with(&app, timeout, name, control, work).await;
        // Nobody may be waiting any more.
        let _ = sender.send(last.unwrap_or_else(Piece::Failed)).await;
    });
    Answer { pieces, _cancel: cancel }
}

fn prepared<'s>(session: &'s Session, question: &Question) -> Result<Prepared<'s>, Failure> {
    let prepared = session.prepare(&question.statement)?;
    let values = (question.values)(&prepared.parameters()?)?;
    let prepared = if values.is_empty() { prepared } else { prepared.bind(values)? };
    Ok(match question.limit {
        Some(rows) => prepared.limited(rows)?,
        None => prepared,
    })
}

/// The whole answer; `None` if it is too large to be kept back.
fn light(app: &App, question: &Question, control: &Control) -> Result<Option<Piece>, Failure> {
    let mut out = Vec::new();
    let done = answer(app, question, control, &mut |piece| {
        out.extend_from_slice(&piece);
        if out.len() > LIGHT_BYTES_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(done.map(|last| {
        out.extend_from_slice(&last);
        Piece::Whole(out)
    }))
}

/// The answer piece by piece.
fn heavy(
    app: &App,
    question: &Question,
    control: &Control,
    pieces: &mpsc::Sender<Piece>,
) -> Result<Piece, Failure> {
    let mut stopped = None;
    let done = answer(app, question, control, &mut |piece| match give(pieces, piece, control) {
        Ok(flow) => flow,
        Err(e) => {
            stopped = Some(e);
            ControlFlow::Break(())
        }
    })?;
    if let Some(e) = stopped {
        return Err(e.into());
    }
    done.map(Piece::Last).ok_or(EvalError::Cancelled.into())
}

/// Waits for room for a piece as long as the query may take: a client that does not read must not hold a thread for
/// ever.
fn give(
    pieces: &mpsc::Sender<Piece>,
    piece: Vec<u8>,
    control: &Control,
) -> Result<ControlFlow<()>, EvalError> {
    let mut piece = Piece::Part(piece);
    loop {
        piece = match pieces.try_send(piece) {
            Ok(()) => return Ok(ControlFlow::Continue(())),
            Err(mpsc::error::TrySendError::Closed(_)) => return Ok(ControlFlow::Break(())),
            Err(mpsc::error::TrySendError::Full(piece)) => piece,
        };
        control.check()?;
        std::thread::sleep(ROOM);
    }
}

/// Gives pieces until the last, which it returns; `None` if `give` broke off.
fn answer(
    app: &App,
    question: &Question,
    control: &Control,
    give: &mut dyn FnMut(Vec<u8>) -> ControlFlow<()>,
) -> Result<Option<Vec<u8>>, Failure> {
    let session = session(app, &question.tenant, &question.user, control)?;
    let prepared = prepared(&session, question)?;
    let mut sink = (question.sink)(&prepared.schema())?;
    let mut failed = None;
    let mut broken = false;
    prepared.run(&mut |batch| match sink.rows(batch, give) {
        Ok(flow) => {
            broken = flow.is_break();
            flow
        }
        Err(e) => {
            failed = Some(e);
            ControlFlow::Break(())
        }
    })?;
    match (failed, broken) {
        (Some(e), _) => Err(e.into()),
        (None, true) => Ok(None),
        (None, false) => Ok(Some(sink.end()?)),
    }
}
