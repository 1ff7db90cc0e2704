//! Runs blocking work, queries above all, on so many threads and no more.

use crate::http::error::{ApiError, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Threads for work that blocks or computes, with a queue before them.
#[derive(Debug)]
pub struct Pool {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
    running: Arc<AtomicUsize>,
}

struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Counted(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pool {
    /// A pool of `threads` with at most `waiting_max` pieces of work before it.
    pub fn new(threads: usize, waiting_max: usize) -> Pool {
        Pool {
            permits: Arc::new(Semaphore::new(threads)),
            waiting: AtomicUsize::new(0),
            waiting_max,
            running: Arc::default(),
        }
    }

    /// Pieces of work that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Pieces of work under way.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// Runs `work` on a thread where it may block, after waiting for a thread for at most `timeout`.
    pub async fn run<T: Send + 'static>(
        &self,
        timeout: Duration,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let permit = self.permit(timeout).await?;
        let running = Arc::clone(&self.running);
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let _running = Counted::new(&running);
            work()
        })
        .await;
        done.unwrap_or_else(|e| {
            tracing::error!(error = %e, "a request failed in a way it must not");
            Err(ApiError::internal("the request met a fault in the server; its log says more"))
        })
    }

    async fn permit(&self, timeout: Duration) -> Result<tokio::sync::OwnedSemaphorePermit, ApiError> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let waiting = Counted::new(&self.waiting);
        if waiting.0.load(Ordering::Relaxed) > self.waiting_max {
            return Err(ApiError::new(
                ErrorKind::Unavailable,
                format!("{} queries wait already, the most allowed: raise query.queue", self.waiting_max),
            )
            .retry_after(Duration::from_secs(1)));
        }
        match tokio::time::timeout(timeout, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(ApiError::new(ErrorKind::Unavailable, "the server is shutting down")),
            Err(_) => Err(ApiError::new(
                ErrorKind::Timeout,
                format!(
                    "query timed out after {} s in the queue: raise query.concurrency or query.timeout",
                    timeout.as_secs_f64()
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_queue_refuses_and_a_slow_one_times_out() {
        let pool = Arc::new(Pool::new(1, 1));
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let (started, is_running) = tokio::sync::oneshot::channel();
        let busy = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move {
                pool.run(Duration::from_secs(60), move || {
                    started.send(()).unwrap();
                    wait.recv().unwrap();
                    Ok(())
                })
                .await
            }
        });
        is_running.await.unwrap();
        assert_eq!(pool.running(), 1);
        let slow = pool.run(Duration::from_millis(10), || Ok(())).await.unwrap_err();
        assert_eq!(slow.kind, ErrorKind::Timeout);
        let queued = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.run(Duration::from_secs(60), || Ok(7)).await }
        });
        while pool.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        let refused = pool.run(Duration::from_secs(60), || Ok(())).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Unavailable);
        assert!(refused.message.contains("query.queue"), "{}", refused.message);
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();
        assert_eq!(queued.await.unwrap().unwrap(), 7);
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error() {
        let pool = Pool::new(1, 1);
        let e = pool.run::<()>(Duration::from_secs(1), || panic!("boom")).await.unwrap_err();
        assert_eq!(e.kind, ErrorKind::Internal);
    }
}
