//! Runs the work for a question on the lanes of the pool: first where it must be quick, then where it may take its time.
//! Stopped when time is up or the asker leaves.

use crate::api::query::failed;
use crate::http::error::{ApiError, ErrorKind};
use crate::pool::Lane;
use crate::state::App;
use promql::{Control, EvalError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What work for a question is held by.
#[derive(Debug)]
pub struct Reins {
    /// Its time, its memory and its pauses.
    pub control: Control,
    /// Where it runs.
    pub lane: Lane,
    /// How long it waited before it began.
    pub waited: Duration,
}

/// Why a question has no answer.
pub trait Refused: From<ApiError> {
    /// Its kind, if it is one the server's API has a word for.
    fn kind(&self) -> Option<ErrorKind>;
}

impl Refused for ApiError {
    fn kind(&self) -> Option<ErrorKind> {
        Some(self.kind)
    }
}

/// Stops the evaluation when the one who asked goes away.
pub struct CancelOnDrop(pub Control);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// A name for a question, by which it is known again.
pub fn name(question: impl Hash) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    question.hash(&mut hasher);
    Some(hasher.finish())
}

/// Runs `work` for a question that is [`name`]d so; what has no name is always tried as light first.
pub async fn ask<T: Send + 'static, E: Refused + Send + 'static>(
    app: &Arc<App>,
    timeout: Duration,
    name: Option<u64>,
    work: impl Fn(&App, &Reins) -> Result<T, E> + Send + Sync + 'static,
) -> Result<T, E> {
    let control = Control::new();
    let _cancel = CancelOnDrop(control.clone());
    ask_with(app, timeout, name, control, work).await
}

/// The same for work that can be stopped by `control` from elsewhere.
pub async fn ask_with<T: Send + 'static, E: Refused + Send + 'static>(
    app: &Arc<App>,
    timeout: Duration,
    name: Option<u64>,
    control: Control,
    work: impl Fn(&App, &Reins) -> Result<T, E> + Send + Sync + 'static,
) -> Result<T, E> {
    let asked = Instant::now();
    let control = control.with_timeout(asked, timeout).with_brake(Arc::clone(&app.brake));
    let shared = Arc::clone(app);
    let tried = move |lane| {
        let now = Instant::now();
        let control = control.clone().with_pool(Arc::clone(shared.memory_of(lane)));
        let control = match lane {
            Lane::Light { until } => {
                control.with_timeout(now, until.saturating_duration_since(now).min(timeout))
            }
            Lane::Heavy => control,
        };
        match work(&shared, &Reins { control, lane, waited: now - asked }) {
            // It is heavy after all, or light work has no memory for it.
            Err(e)
                if lane != Lane::Heavy
                    && matches!(e.kind(), Some(ErrorKind::Timeout | ErrorKind::Unavailable))
                    && asked.elapsed() < timeout =>
            {
                Ok(None)
            }
            Err(e) if e.kind() == Some(ErrorKind::Timeout) => {
                Ok(Some(Err(E::from(failed(EvalError::Timeout(timeout))))))
            }
            done => Ok(Some(done)),
        }
    };
    let done: Result<Result<T, E>, ApiError> = app.queries.run_fairly(timeout, name, tried).await;
    let done = done.map_err(E::from).and_then(|inner| inner);
    if done.is_err() {
        app.metrics.queries_failed.add(1);
    }
    done
}

/// Runs work that is light for sure.
pub async fn light<T: Send + 'static>(
    app: &Arc<App>,
    work: impl FnOnce(&App, &Control) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let timeout = app.query_timeout();
    let control = Control::new()
        .with_timeout(Instant::now(), timeout)
        .with_pool(Arc::clone(app.memory_of(Lane::Heavy)))
        .with_brake(Arc::clone(&app.brake));
    let _cancel = CancelOnDrop(control.clone());
    let shared = Arc::clone(app);
    let done = app.queries.run(timeout, move || work(&shared, &control)).await;
    if done.is_err() {
        app.metrics.queries_failed.add(1);
    }
    done
}
