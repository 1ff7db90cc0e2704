//! Which series were written to, for somebody who wants to know at once.

use index::SeriesId;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Tells which series were written to since it was asked last. Takes two bits for each series there is, however much is
/// written.
pub struct Watch(Arc<Watched>);

/// What a store notes down for its watch.
#[derive(Default)]
pub(crate) struct Watched {
    on: AtomicBool,
    noted: Mutex<Noted>,
    written: Condvar,
}

/// Sets of series by their number, 64 to a word.
#[derive(Default)]
struct Noted {
    written: Vec<u64>,
    ignored: Vec<u64>,
    any: bool,
}

fn place(id: SeriesId) -> (usize, u64) {
    (id.0 as usize / 64, 1 << (id.0 % 64))
}

impl Watched {
    /// Notes that series are written to, once that is visible.
    pub fn note(&self, ids: impl Iterator<Item = SeriesId>) {
        if !self.on.load(Ordering::Relaxed) {
            return;
        }
        let mut noted = self.noted.lock();
        let noted = &mut *noted;
        let before = noted.any;
        for id in ids {
            let (word, bit) = place(id);
            if noted.ignored.get(word).is_some_and(|w| w & bit != 0) {
                continue;
            }
            if noted.written.len() <= word {
                noted.written.resize(word + 1, 0);
            }
            noted.written[word] |= bit;
            noted.any = true;
        }
        if noted.any && !before {
            self.written.notify_one();
        }
    }
}

impl Watch {
    /// The watch of a store; there is one.
    pub(crate) fn new(watched: Arc<Watched>) -> Watch {
        watched.on.store(true, Ordering::Relaxed);
        *watched.noted.lock() = Noted::default();
        Watch(watched)
    }

    /// The series that were written to since the last call, in order. Waits so long for the first.
    pub fn written(&self, wait: Duration) -> Vec<SeriesId> {
        let mut noted = self.0.noted.lock();
        if !noted.any {
            self.0.written.wait_for(&mut noted, wait);
        }
        noted.any = false;
        let mut out = Vec::new();
        for (at, word) in noted.written.iter_mut().enumerate() {
            let mut left = std::mem::take(word);
            while left != 0 {
                out.push(SeriesId(at as u32 * 64 + left.trailing_zeros()));
                left &= left - 1;
            }
        }
        out
    }

    /// Says that nobody is interested in some series.
    pub fn ignore(&self, ids: &[SeriesId]) {
        let mut noted = self.0.noted.lock();
        for id in ids {
            let (word, bit) = place(*id);
            if noted.ignored.len() <= word {
                noted.ignored.resize(word + 1, 0);
            }
            noted.ignored[word] |= bit;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.on.store(false, Ordering::Relaxed);
        *self.0.noted.lock() = Noted::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_told_once_and_what_is_ignored_never() {
        let watched = Arc::new(Watched::default());
        watched.note([SeriesId(1)].into_iter());
        let watch = Watch::new(Arc::clone(&watched));
        assert_eq!(watch.written(Duration::ZERO), [], "nobody watched");
        watched.note([SeriesId(200), SeriesId(3), SeriesId(200)].into_iter());
        assert_eq!(watch.written(Duration::ZERO), [SeriesId(3), SeriesId(200)]);
        assert_eq!(watch.written(Duration::ZERO), []);
        watch.ignore(&[SeriesId(3), SeriesId(1000)]);
        watched.note([SeriesId(3), SeriesId(4), SeriesId(1000)].into_iter());
        assert_eq!(watch.written(Duration::ZERO), [SeriesId(4)]);
        let waiter = std::thread::spawn(move || watch.written(Duration::from_secs(600)));
        watched.note([SeriesId(5)].into_iter());
        assert_eq!(waiter.join().unwrap(), [SeriesId(5)]);
    }
}
