//! Looks that are taken again and again, each at moments of its own.

use super::Parts;
use super::series::{Point, Series};
use env::Clock;
use model::{Appendable, Labels, MetricKind};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::JoinHandle;

/// The longest wait before the clock is looked at again: it may have been set.
const CLOCK_LOOK: Duration = Duration::from_secs(5);
/// A time is moved to its turn if it is no further away than this.
const ALIGN_MS_MAX: i64 = 10;

/// What is looked at.
pub(super) trait Round: Send + Sync + 'static {
    /// Labels that all of its series have, and that tell it from others.
    fn labels(&self) -> &Labels;

    /// How often.
    fn interval(&self) -> Duration;

    /// Whether another one is the same in all that matters.
    fn is_same(&self, other: &Self) -> bool;

    /// What metrics mean.
    fn help(name: &str) -> (&'static str, MetricKind);

    /// Takes a look; gives what is stored of it and, where the next look should come sooner, when.
    fn look(&self) -> impl Future<Output = (Vec<Point>, Option<Duration>)> + Send;
}

/// How a round ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    No,
    /// The server ends: series go on at its next start.
    Pause,
    /// Nobody wants it any more: its series end.
    End,
}

struct Task<R> {
    round: Arc<R>,
    stop: watch::Sender<Stop>,
    /// Gives what it knows of its series to whoever goes on with them.
    done: JoinHandle<Series>,
}

/// Rounds at work.
pub(super) struct Rounds<R> {
    store: Arc<dyn Appendable>,
    clock: Arc<dyn Clock>,
    tasks: Mutex<BTreeMap<Labels, Task<R>>>,
    /// How many may look at the same time.
    permits: parking_lot::Mutex<(usize, Arc<Semaphore>)>,
    /// For readers, who do not wait for a reload.
    shown: parking_lot::Mutex<Vec<Arc<R>>>,
}

impl<R: Round> Rounds<R> {
    pub fn new(parts: &Parts) -> Rounds<R> {
        Rounds {
            store: Arc::clone(&parts.store),
            clock: Arc::clone(&parts.clock),
            tasks: Mutex::default(),
            permits: parking_lot::Mutex::new((0, Arc::new(Semaphore::new(0)))),
            shown: parking_lot::Mutex::default(),
        }
    }

    /// Puts these in force, no more than `concurrency` at the same time. Those that are the same go on.
    pub async fn apply(&self, rounds: Vec<R>, concurrency: usize) {
        let mut tasks = self.tasks.lock().await;
        let mut before = std::mem::take(&mut *tasks);
        let (permits, same_permits) = {
            let mut permits = self.permits.lock();
            let same = permits.0 == concurrency;
            if !same {
                *permits = (concurrency, Arc::new(Semaphore::new(concurrency)));
            }
            (Arc::clone(&permits.1), same)
        };
        for round in rounds {
            let labels = round.labels().clone();
            let goes_on = |t: &Task<R>| same_permits && t.round.is_same(&round) && !t.done.is_finished();
            let task = match before.remove(&labels) {
                Some(task) if goes_on(&task) => task,
                old => self.start(round, Arc::clone(&permits), old),
            };
            tasks.insert(labels, task);
        }
        for task in before.values() {
            task.stop.send_replace(Stop::End);
        }
        *self.shown.lock() = tasks.values().map(|t| Arc::clone(&t.round)).collect();
        drop(tasks);
        for task in before.into_values() {
            let _ = task.done.await;
        }
    }

    fn start(&self, round: R, permits: Arc<Semaphore>, old: Option<Task<R>>) -> Task<R> {
        let round = Arc::new(round);
        let (stop, stopped) = watch::channel(Stop::No);
        let fresh = Series::new(Arc::clone(&self.store), round.labels().clone());
        let (clock, of) = (Arc::clone(&self.clock), Arc::clone(&round));
        let done = tokio::spawn(async move {
            let series = match old {
                // The same target is not looked at twice at a time, and its series go on.
                Some(old) => {
                    old.stop.send_replace(Stop::Pause);
                    old.done.await.unwrap_or(fresh)
                }
                None => fresh,
            };
            run(of, series, clock, permits, stopped).await
        });
        Task { round, stop, done }
    }

    /// Those at work.
    pub fn shown(&self) -> Vec<Arc<R>> {
        self.shown.lock().clone()
    }

    /// Ends all; their series do not end.
    pub async fn stop(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().await);
        for task in tasks.values() {
            task.stop.send_replace(Stop::Pause);
        }
        for task in tasks.into_values() {
            let _ = task.done.await;
        }
    }
}

/// A place within the interval, by what tells the round from others.
fn offset_ms(labels: &Labels, interval_ms: i64) -> i64 {
    let hash = xxhash_rust::xxh3::xxh3_64(labels.key());
    (hash % interval_ms.max(1).unsigned_abs()) as i64
}

/// The first turn after `now_ms`.
fn next_turn(now_ms: i64, interval_ms: i64, offset_ms: i64) -> i64 {
    let since = now_ms.saturating_sub(offset_ms).rem_euclid(interval_ms);
    now_ms.saturating_add(interval_ms - since)
}

async fn run<R: Round>(
    round: Arc<R>,
    mut series: Series,
    clock: Arc<dyn Clock>,
    permits: Arc<Semaphore>,
    mut stop: watch::Receiver<Stop>,
) -> Series {
    let interval_ms = i64::try_from(round.interval().as_millis()).unwrap_or(i64::MAX).max(1);
    let offset = offset_ms(round.labels(), interval_ms);
    // The first look comes soon, but not with all others of a start: within a tenth of the interval.
    let mut at_ms = clock.now_ms() + offset / 10;
    let mut ended = Stop::No;
    while ended == Stop::No {
        let wait = at_ms.saturating_sub(clock.now_ms());
        if wait > 0 {
            let wait = Duration::from_millis(wait.unsigned_abs()).min(CLOCK_LOOK);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                now = stop.wait_for(|s| *s != Stop::No) => ended = now.map_or(Stop::Pause, |s| *s),
            }
            // A clock that was set back makes the turns begin anew.
            at_ms = at_ms.min(next_turn(clock.now_ms(), interval_ms, offset));
            continue;
        }
        let Ok(permit) = permits.acquire().await else { break };
        let began_ms = clock.now_ms();
        let stamp = if (began_ms - at_ms).abs() <= ALIGN_MS_MAX { at_ms } else { began_ms };
        let (points, sooner) = tokio::select! {
            given = round.look() => given,
            now = stop.wait_for(|s| *s != Stop::No) => {
                ended = now.map_or(Stop::Pause, |s| *s);
                continue;
            }
        };
        drop(permit);
        series.write(stamp, &points, R::help).await;
        at_ms = next_turn(clock.now_ms(), interval_ms, offset);
        if let Some(sooner) = sooner {
            let sooner = i64::try_from(sooner.as_millis()).unwrap_or(i64::MAX);
            at_ms = at_ms.min(clock.now_ms().saturating_add(sooner.max(1)));
        }
    }
    if ended == Stop::End {
        series.end(clock.now_ms()).await;
    }
    series
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_turn_is_within_the_next_interval(now in 0i64..1 << 45, interval in 1i64..1 << 30, offset: u32) {
            let offset = i64::from(offset) % interval;
            let at = next_turn(now, interval, offset);
            prop_assert!(at > now && at <= now + interval);
            prop_assert_eq!((at - offset).rem_euclid(interval), 0);
        }
    }
}
