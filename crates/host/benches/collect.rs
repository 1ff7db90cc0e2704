//! CPU time of one collection on this machine: `cargo bench -p host`. An argument sets the number of collections.

use host::{Collector, Options};
use model::*;
use std::collections::HashMap;
use std::time::Instant;

/// Keeps keys only, as a store that knows all its series would.
#[derive(Default)]
struct Counting {
    known: HashMap<Vec<u8>, u32>,
    samples: u64,
}

impl Appender for Counting {
    fn lookup(&mut self, key: &[u8]) -> Option<SeriesRef> {
        self.known.get(key).map(|id| SeriesRef(*id))
    }

    fn series(&mut self, labels: &Labels) -> Result<SeriesRef, AppendError> {
        let next = self.known.len() as u32;
        Ok(SeriesRef(*self.known.entry(labels.key().to_vec()).or_insert(next)))
    }

    fn sample(&mut self, _: SeriesRef, _: i64, _: f64, _: i64) -> Result<(), AppendError> {
        self.samples += 1;
        Ok(())
    }

    fn histogram(&mut self, _: SeriesRef, _: i64, _: Histogram, _: i64) -> Result<(), AppendError> {
        Ok(())
    }

    fn exemplar(&mut self, _: SeriesRef, _: Exemplar) -> Result<(), AppendError> {
        Ok(())
    }

    fn metadata(&mut self, _: &str, _: Metadata) -> Result<(), AppendError> {
        Ok(())
    }

    fn commit(self: Box<Self>) -> AppendDone {
        Box::pin(async { Ok(Committed::default()) })
    }
}

/// User and system time of this process, in microseconds.
fn cpu_micros() -> (f64, f64) {
    // SAFETY: `rusage` is plain data for which zeroes are valid, and the pointer is valid for the call.
    let usage = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let micros = |t: libc::timeval| t.tv_sec as f64 * 1e6 + t.tv_usec as f64;
    (micros(usage.ru_utime), micros(usage.ru_stime))
}

fn main() {
    let rounds: i64 = std::env::args().find_map(|a| a.parse().ok()).unwrap_or(300);
    let mut collector = Collector::new(Options::default());
    let mut out = Counting::default();
    collector.collect(0, &mut out);
    println!("first collection: {} series", out.known.len());
    out.samples = 0;
    let (start, (user, system)) = (Instant::now(), cpu_micros());
    // The timestamps pass at one second a round, so that slower collectors run as often as they would.
    for second in 1..=rounds {
        collector.collect(second * 1000, &mut out);
    }
    let (user_after, system_after) = cpu_micros();
    let per_round = |total: f64| total / rounds as f64;
    let (user, system) = (per_round(user_after - user), per_round(system_after - system));
    println!(
        "{rounds} collections of {:.0} samples: {:.0} us CPU each ({user:.0} user, {system:.0} system), {:.3} % of a core at one a second; {:.0} us elapsed",
        per_round(out.samples as f64),
        user + system,
        (user + system) / 1e4,
        per_round(start.elapsed().as_micros() as f64),
    );
    assert!(out.samples > 100 * rounds as u64, "hardly anything was collected");
}
