//! Which instants were written to, and when: what a cache of results needs to know to stay right.
//!
//! Every batch that becomes visible takes the next *version* and marks the buckets of time its samples fall into.
//! A result read at version `v` over some range holds as long as no bucket of the range carries a later version.
//!
//! There are three rings of buckets, of about a second, a minute and an hour. A time marks its bucket in each. Where
//! two buckets meet in one slot of a ring the later in time stays, so that recent times are known finely and older
//! ones coarsely: a bucket whose slot belongs to a later one is *lost*, and the ring above speaks for it. The answer
//! errs only towards "changed".

use model::TimeRange;
use parking_lot::Mutex;

/// A moment in the history of writes; later ones are larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u64);

/// Bits of a timestamp in milliseconds that tell the instants of one bucket apart: 1.0 s, 66 s, 70 min.
const SHIFTS: [u32; 3] = [10, 16, 22];
/// Buckets of each ring: 2.3 hours, 6 days, 13 months.
const SLOTS: usize = 8192;

/// The history of writes, as coarse as its bounded memory makes it.
#[derive(Debug)]
pub(crate) struct Writes(Mutex<History>);

#[derive(Debug)]
struct History {
    version: u64,
    /// The last change that may have concerned any instant: a deletion, parts dropped.
    everything: u64,
    /// From fine to coarse.
    rings: [Ring; SHIFTS.len()],
}

#[derive(Debug)]
struct Ring {
    shift: u32,
    /// Which bucket a slot belongs to, if its version is not 0. Only ever grows.
    buckets: Vec<i64>,
    /// The last write to that bucket.
    versions: Vec<u64>,
    /// The last write that found its slot taken by a later bucket, or whose bucket gave way to a later one.
    lost: u64,
    /// The latest bucket of all.
    newest: i64,
}

/// What a ring knows of a bucket.
enum Known {
    Untouched,
    Since(u64),
    Lost,
}

impl Ring {
    fn new(shift: u32) -> Ring {
        Ring { shift, buckets: vec![0; SLOTS], versions: vec![0; SLOTS], lost: 0, newest: i64::MIN }
    }

    fn slot(bucket: i64) -> usize {
        bucket.rem_euclid(SLOTS as i64) as usize
    }

    /// Marks the bucket of an instant. Says whether it already was, at this version.
    fn touch(&mut self, time_ms: i64, version: u64) -> bool {
        let bucket = time_ms >> self.shift;
        let slot = Ring::slot(bucket);
        if self.versions[slot] != 0 && self.buckets[slot] > bucket {
            self.lost = version;
            return false;
        }
        if self.buckets[slot] == bucket && self.versions[slot] == version {
            return true;
        }
        if self.buckets[slot] < bucket {
            self.lost = self.lost.max(self.versions[slot]);
        }
        (self.buckets[slot], self.versions[slot]) = (bucket, version);
        self.newest = self.newest.max(bucket);
        false
    }

    fn known(&self, bucket: i64) -> Known {
        let slot = Ring::slot(bucket);
        match self.versions[slot] {
            0 => Known::Untouched,
            v if self.buckets[slot] == bucket => Known::Since(v),
            _ if self.buckets[slot] > bucket => Known::Lost,
            _ => Known::Untouched,
        }
    }

    fn range(&self, bucket: i64) -> TimeRange {
        let start = bucket << self.shift;
        TimeRange::new(start, start + ((1 << self.shift) - 1))
    }
}

impl Writes {
    pub fn new() -> Writes {
        Writes(Mutex::new(History { version: 0, everything: 0, rings: SHIFTS.map(Ring::new) }))
    }

    /// The version of what is visible now, or of slightly less.
    pub fn version(&self) -> Version {
        Version(self.0.lock().version)
    }

    /// Samples at these times have become visible. To be called after they have: a result read in between is then
    /// taken for older than it is, never for newer.
    pub fn touch(&self, times: impl Iterator<Item = i64>) {
        let mut history = self.0.lock();
        history.version += 1;
        let version = history.version;
        for time_ms in times {
            for ring in &mut history.rings {
                if ring.touch(time_ms, version) {
                    // So are those above it.
                    break;
                }
            }
        }
    }

    /// Anything may have changed.
    pub fn touch_everything(&self) {
        let mut history = self.0.lock();
        history.version += 1;
        history.everything = history.version;
    }

    /// The parts of `range` in which something may have changed after `since`, in ascending order and apart.
    pub fn changed_since(&self, since: Version, range: TimeRange) -> Vec<TimeRange> {
        let history = self.0.lock();
        let mut out = Vec::new();
        if history.everything > since.0 {
            push(&mut out, range);
        } else if history.version > since.0 {
            history.descend(SHIFTS.len() - 1, since.0, range, &mut out);
        }
        out
    }
}

impl History {
    fn descend(&self, at: usize, since: u64, within: TimeRange, out: &mut Vec<TimeRange>) {
        let ring = &self.rings[at];
        let top = at + 1 == self.rings.len();
        let (mut first, mut last) = (within.start_ms >> ring.shift, within.end_ms >> ring.shift);
        if top {
            // All before the ring's memory in one piece, nothing after it: the range may be all of time.
            last = last.min(ring.newest);
            let oldest = ring.newest.saturating_sub(SLOTS as i64 - 1);
            if first < oldest {
                if ring.lost > since || self.held_before(ring, oldest, since) {
                    push(out, TimeRange::new(within.start_ms, within.end_ms.min((oldest << ring.shift) - 1)));
                }
                first = oldest;
            }
        }
        for bucket in first..=last {
            let of_bucket = ring.range(bucket);
            let range =
                TimeRange::new(of_bucket.start_ms.max(within.start_ms), of_bucket.end_ms.min(within.end_ms));
            let changed = match ring.known(bucket) {
                Known::Untouched => false,
                Known::Since(version) => version > since,
                Known::Lost => !top || ring.lost > since,
            };
            match (changed, at) {
                (false, _) => {}
                (true, 0) => push(out, range),
                (true, _) => self.descend(at - 1, since, range, out),
            }
        }
    }

    /// Whether a slot that still belongs to a bucket before `oldest` was written to after `since`.
    fn held_before(&self, ring: &Ring, oldest: i64, since: u64) -> bool {
        ring.buckets.iter().zip(&ring.versions).any(|(b, v)| *b < oldest && *v > since)
    }
}

fn push(out: &mut Vec<TimeRange>, range: TimeRange) {
    if range.start_ms > range.end_ms {
        return;
    }
    match out.last_mut() {
        Some(last) if last.end_ms.saturating_add(1) >= range.start_ms => last.end_ms = range.end_ms,
        _ => out.push(range),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR_MS: i64 = 3_600_000;

    #[test]
    fn recent_writes_are_known_to_a_second() {
        let w = Writes::new();
        let now = 1_700_000_000_000;
        w.touch([now, now + 1].into_iter());
        let v = w.version();
        assert_eq!(w.changed_since(v, TimeRange::ALL), []);
        w.touch([now + 60_000, now - HOUR_MS].into_iter());
        let changed = w.changed_since(v, TimeRange::ALL);
        assert_eq!(changed.len(), 2);
        for (range, at) in changed.iter().zip([now - HOUR_MS, now + 60_000]) {
            assert!(range.contains(at) && range.end_ms - range.start_ms == 1023, "{range:?} {at}");
        }
        assert_eq!(w.changed_since(v, TimeRange::new(now - HOUR_MS / 2, now + 30_000)), []);
    }

    #[test]
    fn late_writes_are_known_to_a_minute_and_ancient_ones_to_an_hour() {
        let w = Writes::new();
        let now = 1_700_000_000_000;
        // A ring of seconds that is full of the last hours.
        w.touch((0..9000).map(|s| now - s * 1000));
        let v = w.version();
        let day = 24 * HOUR_MS;
        w.touch([now - day, now - 300 * day].into_iter());
        let changed = w.changed_since(v, TimeRange::new(now - 400 * day, now));
        assert_eq!(changed.len(), 2, "{changed:?}");
        assert!(changed[0].contains(now - 300 * day) && changed[1].contains(now - day), "{changed:?}");
        assert!(changed[1].end_ms - changed[1].start_ms < 70_000, "{changed:?}");
    }

    #[test]
    fn a_write_that_gave_way_to_a_later_one_is_not_forgotten() {
        let w = Writes::new();
        let v = w.version();
        let (now, ring) = (1_700_000_000_000, (SLOTS as i64) << SHIFTS[2]);
        w.touch([now - ring].into_iter());
        w.touch([now].into_iter());
        assert_eq!(w.changed_since(v, TimeRange::new(now - ring, now - ring)).len(), 1);
        assert_eq!(w.changed_since(w.version(), TimeRange::new(now - ring, now - ring)), []);
    }

    #[test]
    fn after_a_deletion_everything_may_have_changed() {
        let w = Writes::new();
        let v = w.version();
        w.touch_everything();
        assert_eq!(w.changed_since(v, TimeRange::new(5, 9)), [TimeRange::new(5, 9)]);
        assert_eq!(w.changed_since(w.version(), TimeRange::new(5, 9)), []);
    }

    proptest! {
        /// Beside a list of all writes: nothing written is missed, ranges are apart and within what was asked, and
        /// where the ring of seconds reaches nothing else is named.
        #[test]
        fn no_write_is_missed(
            batches in prop::collection::vec(
                prop::collection::vec(prop_oneof![
                    5 => -7_000_000i64..0,
                    2 => -40 * 24 * HOUR_MS..2 * HOUR_MS,
                    1 => -900 * 24 * HOUR_MS..0,
                ], 0..6),
                1..40,
            ),
            at in 0usize..40,
            (from, length) in (-1000 * 24 * HOUR_MS..HOUR_MS, 0i64..1000 * 24 * HOUR_MS),
        ) {
            let base = 1_700_000_000_000;
            let w = Writes::new();
            let mut since = w.version();
            let mut later: Vec<i64> = Vec::new();
            for (i, times) in batches.iter().enumerate() {
                if i == at {
                    since = w.version();
                    later.clear();
                }
                w.touch(times.iter().map(|t| base + t));
                later.extend(times.iter().map(|t| base + t));
            }
            let newest = batches.iter().flatten().max().map_or(i64::MIN, |t| base + t);
            let asked = TimeRange::new(base + from, base + from + length);
            let changed = w.changed_since(since, asked);
            for t in later.iter().filter(|t| asked.contains(**t)) {
                prop_assert!(changed.iter().any(|r| r.contains(*t)), "{t} is missed: {changed:?}");
            }
            for pair in changed.windows(2) {
                prop_assert!(pair[0].end_ms < pair[1].start_ms);
            }
            for r in &changed {
                prop_assert!(r.start_ms <= r.end_ms && asked.start_ms <= r.start_ms && r.end_ms <= asked.end_ms);
                if r.start_ms > newest - 8000 * 1024 {
                    let mut bucket = r.start_ms >> 10;
                    while bucket <= r.end_ms >> 10 {
                        prop_assert!(later.iter().any(|t| t >> 10 == bucket), "{r:?} names more than was written");
                        bucket += 1;
                    }
                }
            }
        }
    }
}
