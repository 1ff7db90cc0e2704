//! The schedule: which collector runs when, and what is said about each.

use crate::Problem;
use crate::part::processes::{Process, Table};
use crate::part::{self, Part, Roots};
use crate::sheet::{Family, Out, Sheet, Tally};
use model::{Appender, Metadata};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What to collect, how often, and from where.
#[derive(Debug, Clone)]
pub struct Options {
    /// Labels of every series. By default `job="node"` and `instance` is the host name.
    pub labels: Vec<(String, String)>,
    /// Where procfs is mounted.
    pub proc: PathBuf,
    /// Where sysfs is mounted.
    pub sys: PathBuf,
    /// What `/etc` and `/run` are looked up under.
    pub root: PathBuf,
    /// Where files `*.prom` are looked for.
    pub textfile_dirs: Vec<PathBuf>,
    /// Things that change slowly (file systems, device properties, sensors, versions) are read this often.
    pub slow: Duration,
    /// Processes and control groups are read this often.
    pub scan: Duration,
    /// Collectors that are left out, by name.
    pub disabled: Vec<String>,
    /// Collectors that run only if they are named here: `systemd`.
    pub enabled: Vec<String>,
    /// Process groups that are kept as series: this many by CPU, and as many by memory.
    pub processes_top: usize,
    /// Processes that are looked at in one scan; those beyond are only counted.
    pub processes_max: usize,
    /// Control groups that are kept as series.
    pub cgroups_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            labels: vec![("job".into(), "node".into()), ("instance".into(), host_name())],
            proc: "/proc".into(),
            sys: "/sys".into(),
            root: "/".into(),
            textfile_dirs: vec![TEXTFILE_DIR.into()],
            slow: Duration::from_secs(15),
            scan: Duration::from_secs(5),
            disabled: Vec::new(),
            enabled: Vec::new(),
            processes_top: 20,
            processes_max: 4096,
            cgroups_max: 200,
        }
    }
}

/// Where Debian's packages leave files for the node exporter.
pub const TEXTFILE_DIR: &str = "/var/lib/prometheus/node-exporter";

/// This machine's name, as its kernel has it.
pub fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "localhost".into() } else { name }
}

/// How often a collector runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// At every collection.
    Fast,
    /// Every [`Options::scan`].
    Scan,
    /// Every [`Options::slow`].
    Slow,
}

/// What one collection did.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Samples written.
    pub samples: u64,
    /// Samples the appender refused.
    pub rejected: u64,
    /// Why it refused the first.
    pub first_rejection: Option<String>,
    /// How long it took.
    pub duration: Duration,
    /// Whether processes were scanned, so that [`Collector::processes`] has news.
    pub processes_scanned: bool,
}

/// How one collector fares.
#[derive(Debug, Clone)]
pub struct CollectorStatus {
    /// Its name, as in the `collector` label.
    pub name: &'static str,
    /// How long it took the last time.
    pub duration: Duration,
    /// Whether it succeeded the last time.
    pub success: bool,
    /// What went wrong; empty if what it measures just does not exist here.
    pub problem: String,
}

struct Entry {
    names: &'static [&'static str],
    every_ms: i64,
    due_ms: i64,
    part: Box<dyn Part>,
    sheet: Sheet,
    duration: Duration,
    problem: Option<Problem>,
}

/// Reads this machine's counters.
pub struct Collector {
    options: Options,
    entries: Vec<Entry>,
    own: Sheet,
    own_due_ms: i64,
    families: BTreeMap<String, Metadata>,
    announce_due_ms: i64,
    table: Arc<Table>,
    buf: Vec<u8>,
    last_ms: i64,
}

/// Metadata is written again this often, for a receiver that forgot it.
const ANNOUNCE_MS: i64 = 600_000;

const DURATION: Family<'_> =
    Family::gauge("node_scrape_collector_duration_seconds", "How long a collector took.");
const SUCCESS: Family<'_> = Family::gauge(
    "node_scrape_collector_success",
    "Whether a collector found what it measures and read it (1) or not (0).",
);
const BUILD: Family<'_> = Family::gauge("watchfire_build_info", "The Watchfire that measures, always 1.");
const UP: Family<'_> = Family::gauge("up", "Whether the collection worked (1).");

impl Collector {
    /// A collector; reads nothing yet.
    pub fn new(options: Options) -> Collector {
        let roots =
            Roots { proc: options.proc.clone(), sys: options.sys.clone(), root: options.root.clone() };
        let table = Arc::new(Table::default());
        let entries = part::all(&options, &roots, &table)
            .into_iter()
            .filter(|(names, _, _)| !names.iter().all(|n| options.disabled.iter().any(|d| d == n)))
            .map(|(names, pace, part)| Entry {
                names,
                every_ms: match pace {
                    Pace::Fast => 0,
                    Pace::Scan => options.scan.as_millis() as i64,
                    Pace::Slow => options.slow.as_millis() as i64,
                },
                due_ms: i64::MIN,
                part,
                sheet: Sheet::default(),
                duration: Duration::ZERO,
                problem: None,
            })
            .collect();
        Collector {
            options,
            entries,
            own: Sheet::default(),
            own_due_ms: i64::MIN,
            families: BTreeMap::new(),
            announce_due_ms: i64::MAX,
            table,
            buf: Vec::new(),
            last_ms: i64::MIN,
        }
    }

    /// Writes one batch of samples, all with the timestamp `now_ms`. The caller commits.
    ///
    /// A collector that fails leaves the others alone; see [`Collector::status`].
    pub fn collect(&mut self, now_ms: i64, out: &mut dyn Appender) -> Report {
        let start = Instant::now();
        let mut tally = Tally::default();
        if now_ms < self.last_ms {
            // The clock went back: what was due in the old future is due now.
            self.entries.iter_mut().for_each(|e| e.due_ms = now_ms);
            (self.own_due_ms, self.announce_due_ms) = (now_ms, now_ms);
        }
        self.last_ms = now_ms;
        self.announce(now_ms, out);
        let scanned = self.table.generation();
        for (at, entry) in self.entries.iter_mut().enumerate() {
            if now_ms < entry.due_ms {
                continue;
            }
            entry.due_ms = next_due(entry.due_ms, now_ms, entry.every_ms, at);
            let started = Instant::now();
            let mut out = Out {
                appender: out,
                time_ms: now_ms,
                now: started,
                base: &self.options.labels,
                sheet: &mut entry.sheet,
                families: &mut self.families,
                tally: &mut tally,
            };
            entry.problem = entry.part.collect(&mut out, &mut self.buf).err();
            out.finish();
            entry.duration = started.elapsed();
        }
        if now_ms >= self.own_due_ms {
            self.own_due_ms = next_due(self.own_due_ms, now_ms, self.options.slow.as_millis() as i64, 1);
            self.describe(now_ms, out, &mut tally);
        }
        Report {
            samples: tally.samples,
            rejected: tally.rejected,
            first_rejection: tally.first_rejection,
            duration: start.elapsed(),
            processes_scanned: self.table.generation() != scanned,
        }
    }

    /// Samples about the collection itself.
    fn describe(&mut self, now_ms: i64, out: &mut dyn Appender, tally: &mut Tally) {
        let mut out = Out {
            appender: out,
            time_ms: now_ms,
            now: Instant::now(),
            base: &self.options.labels,
            sheet: &mut self.own,
            families: &mut self.families,
            tally,
        };
        out.sample(&UP, &[], 1.0);
        out.info(&BUILD, &[("version", env!("CARGO_PKG_VERSION").as_bytes())]);
        for entry in &self.entries {
            for name in entry.names {
                let pair = [("collector", name.as_bytes())];
                out.sample(&DURATION, &pair, entry.duration.as_secs_f64());
                out.sample(&SUCCESS, &pair, if entry.problem.is_none() { 1.0 } else { 0.0 });
            }
        }
        out.finish();
    }

    /// Families are written when they first appear, and all of them again from time to time.
    fn announce(&mut self, now_ms: i64, out: &mut dyn Appender) {
        if self.announce_due_ms == i64::MAX {
            self.announce_due_ms = now_ms + ANNOUNCE_MS;
        }
        if now_ms >= self.announce_due_ms {
            self.announce_due_ms = now_ms + ANNOUNCE_MS;
            for (family, metadata) in &self.families {
                // A store that refuses metadata still takes the samples.
                let _ = out.metadata(family, metadata.clone());
            }
        }
    }

    /// Every family written so far.
    pub fn families(&self) -> &BTreeMap<String, Metadata> {
        &self.families
    }

    /// How each collector fared the last time it ran.
    pub fn status(&self) -> Vec<CollectorStatus> {
        self.entries
            .iter()
            .flat_map(|entry| {
                let problem = entry.problem.as_ref().filter(|p| !p.is_absence());
                entry.names.iter().map(move |name| CollectorStatus {
                    name,
                    duration: entry.duration,
                    success: entry.problem.is_none(),
                    problem: problem.map(ToString::to_string).unwrap_or_default(),
                })
            })
            .collect()
    }

    /// The processes of the last scan that matter most, by CPU and by memory, busiest first.
    pub fn processes(&self) -> Arc<Vec<Process>> {
        self.table.processes()
    }
}

/// The first runs are all together, later ones are spread over their period by second. A loop that wakes up a
/// little early must not wait for the next round, hence the tolerance.
fn next_due(due_ms: i64, now_ms: i64, every_ms: i64, at: usize) -> i64 {
    if every_ms == 0 {
        return now_ms;
    }
    let tolerance = (every_ms / 20).min(250);
    let spread = if due_ms == i64::MIN { at as i64 * 1000 % every_ms } else { 0 };
    now_ms + every_ms - spread - tolerance
}
