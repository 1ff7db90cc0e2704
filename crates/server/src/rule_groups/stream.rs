//! Alerting rules do not wait for their turn: when series are written to, the rules that read them are evaluated at once.
//!
//! One thread does it. It asks the store which series were written to, and the rules' selectors which of them read those.
//! A rule that makes of each series one of its own is shown the written ones alone, so that the work follows what
//! changed; any other is evaluated whole, and then rests for a multiple of the time that took. What is late, what ends
//! because nothing is written any more, and what the thread has no time for, is found when it is the group's turn.

use super::Context;
use super::group::{Running, Told, consequences, count};
use super::sink::{GroupStore, Writing};
use model::Labels;
use promql::{Control, Engine};
use rules::{Language, Readers, RuleKind, Written, is_series_wise};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tsdb::{SeriesId, Watch};

/// How long writes gather before what they change is looked at.
const GATHER: Duration = Duration::from_millis(100);
/// How long the thread waits for writes before it looks at the clock.
const IDLE: Duration = Duration::from_millis(100);
/// A rule that is evaluated whole then rests for so many times what that took.
const REST: u32 = 20;
/// A rule that cannot be evaluated rests at least this long: it would say the same ten times a second.
const FAILED_REST: Duration = Duration::from_secs(10);
/// Of a rule that is shown the written series alone; of more, all are looked at.
const ONLY_MAX: usize = 10_000;

/// The thread, until it is stopped.
pub(super) struct Stream {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Stream {
    /// Begins to evaluate the alerting rules of some groups. There must be no other stream of the same store.
    pub fn start(context: Arc<Context>, groups: Vec<Arc<Running>>) -> std::io::Result<Stream> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let work = move || Work::new(context, groups).run(&stopped);
        let thread = std::thread::Builder::new().name("rules-stream".to_owned()).spawn(work)?;
        Ok(Stream { stop, thread })
    }

    /// Stops it, after what is under way.
    pub async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        let joined = tokio::task::spawn_blocking(move || self.thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("the stream of rules met a fault");
        }
    }
}

/// What of a rule is to be looked at.
enum Touched {
    All,
    Only(Vec<SeriesId>),
}

/// A rule: its group, its number there, and what is known of it.
struct Place {
    group: usize,
    rule: usize,
    series_wise: bool,
    rests_until: Option<Instant>,
}

struct Work {
    context: Arc<Context>,
    groups: Vec<Arc<Running>>,
    watch: Watch,
    places: Vec<Place>,
    readers: Readers,
    /// For each series the place of its list in `lists`, from 1 on; 0 if it was not seen yet.
    known: Vec<u32>,
    /// Places that read a series.
    lists: Vec<Arc<[usize]>>,
    list_of: HashMap<Arc<[usize]>, u32>,
    touched: BTreeMap<usize, Touched>,
}

impl Work {
    fn new(context: Arc<Context>, groups: Vec<Arc<Running>>) -> Work {
        let watch = context.db.watch();
        let mut places = Vec::new();
        let mut exprs = Vec::new();
        for (group, running) in groups.iter().enumerate() {
            // What is written to logs and spans wakes nobody; and who waits for a lane must not be waited for.
            if running.language != Language::PromQl {
                continue;
            }
            let running = running.group.lock();
            // What a group with an offset sees is not what was written just now.
            if running.query_offset_ms != 0 {
                continue;
            }
            for (rule, r) in running.rules().iter().enumerate() {
                // `info` reads series that no selector names.
                let Some(expr) = r.rule.expr.promql() else { continue };
                if r.rule.kind == RuleKind::Alert && !r.rule.expr_text.contains("info(") {
                    let series_wise = is_series_wise(expr);
                    places.push(Place { group, rule, series_wise, rests_until: None });
                    exprs.push(expr.clone());
                }
            }
        }
        Work {
            readers: Readers::new(&exprs),
            context,
            groups,
            watch,
            places,
            known: Vec::new(),
            lists: Vec::new(),
            list_of: HashMap::new(),
            touched: BTreeMap::new(),
        }
    }

    fn run(mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let mut written = self.watch.written(IDLE);
            if !written.is_empty() {
                std::thread::sleep(GATHER);
                written.extend(self.watch.written(Duration::ZERO));
                written.sort_unstable();
                written.dedup();
                self.touch(&written);
            }
            self.touch_due();
            let ready = self.ready();
            if !ready.is_empty() {
                self.react(ready);
            }
        }
    }

    /// Notes which rules read what was written.
    fn touch(&mut self, written: &[SeriesId]) {
        let mut nobody = Vec::new();
        for id in written {
            let list = self.list(*id);
            if list.is_empty() {
                nobody.push(*id);
            }
            for place in &*list {
                let fresh = || match self.places[*place].series_wise {
                    true => Touched::Only(Vec::new()),
                    false => Touched::All,
                };
                let touched = self.touched.entry(*place).or_insert_with(fresh);
                if let Touched::Only(ids) = touched {
                    match ids.len() < ONLY_MAX {
                        true => ids.push(*id),
                        false => *touched = Touched::All,
                    }
                }
            }
        }
        if !nobody.is_empty() {
            self.watch.ignore(&nobody);
        }
    }

    /// The places that read a series.
    fn list(&mut self, id: SeriesId) -> Arc<[usize]> {
        let at = id.0 as usize;
        if self.known.len() <= at {
            self.known.resize(at + 1, 0);
        }
        if self.known[at] == 0 {
            let labels = self.context.db.labels(id);
            let list: Arc<[usize]> = labels.map_or_else(Vec::new, |l| self.readers.of(&l)).into();
            let lists = &mut self.lists;
            self.known[at] = *self.list_of.entry(Arc::clone(&list)).or_insert_with(|| {
                lists.push(list);
                lists.len() as u32
            });
        }
        Arc::clone(&self.lists[self.known[at] as usize - 1])
    }

    /// Notes rules of which an alert has been pending or recovering for long enough.
    fn touch_due(&mut self) {
        let now_ms = self.context.clock.now_ms();
        for (at, place) in self.places.iter().enumerate() {
            let running = &self.groups[place.group];
            if running.due_ms() <= now_ms
                && running.group.lock().due_ms(place.rule).is_some_and(|due| due <= now_ms)
            {
                self.touched.insert(at, Touched::All);
            }
        }
    }

    /// Takes what is to be looked at now.
    fn ready(&mut self) -> Vec<(usize, Touched)> {
        let now = Instant::now();
        let mut ready = Vec::new();
        for (at, touched) in std::mem::take(&mut self.touched) {
            match self.places[at].rests_until {
                Some(until) if until > now => drop(self.touched.insert(at, touched)),
                _ => ready.push((at, touched)),
            }
        }
        ready
    }

    /// Evaluates rules, in order of their groups, and tells what changed.
    fn react(&mut self, ready: Vec<(usize, Touched)>) {
        let context = Arc::clone(&self.context);
        let settings = Arc::clone(&self.groups[self.places[ready[0].0].group].settings);
        let engine = Engine::new(settings.engine.clone());
        let store = GroupStore::new(&context.db, &engine, &context.runtime);
        let mut told = Vec::new();
        // A group is held until what it says is told: whoever evaluates it next must not be overtaken.
        let groups = self.groups.clone();
        let mut held: Vec<(usize, _)> = Vec::new();
        for (at, touched) in ready {
            let place = &mut self.places[at];
            let running = &groups[place.group];
            if held.last().is_none_or(|(group, _)| *group != place.group) {
                held.push((place.group, running.group.lock()));
            }
            let group = &mut held.last_mut().expect("it was just put there").1;
            let touched = if group.has_looked(place.rule) { touched } else { Touched::All };
            let begun = Instant::now();
            let control =
                Control::new().with_timeout(begun, settings.timeout).with_pool(Arc::clone(&context.memory));
            let (ids, labels): (Option<Vec<SeriesId>>, Vec<Labels>) = match touched {
                Touched::All => (None, Vec::new()),
                Touched::Only(ids) => {
                    let labels = ids.iter().filter_map(|id| context.db.labels(*id)).collect();
                    (Some(ids), labels)
                }
            };
            let written = if ids.is_some() { Written::Only(&labels) } else { Written::All };
            let is_whole = ids.is_none();
            store.begin_among(control, ids);
            let now_ms = context.clock.now_ms();
            let outcome = group.react(
                place.rule,
                now_ms,
                written,
                &settings.surroundings,
                &store,
                &mut Writing(&store),
            );
            let took = begun.elapsed();
            place.rests_until = match outcome.error.is_some() {
                true => Some(begun + FAILED_REST.max(took * REST)),
                false => is_whole.then(|| begun + took * REST),
            };
            context.metrics.reactions.add(1);
            context.metrics.reaction_time.observe(took);
            count(&context, running, &group.rules()[place.rule].rule.name, &outcome);
            if outcome.transitions.is_empty() && outcome.error.is_none() {
                continue;
            }
            running.show(place.rule, &group.rules()[place.rule], &outcome, now_ms, took);
            running.set_due(group);
            told.extend(consequences(running, place.rule, group, &outcome, now_ms, Told::Changed));
        }
        if let Err(e) = store.flush() {
            context.metrics.failures.add(1);
            tracing::warn!(error = %e, "the series of alerts were not stored");
        }
        context.tell(told);
    }
}
