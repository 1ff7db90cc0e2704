//! What is known of a job.

use crate::plan::Plan;
use serde::{Deserialize, Serialize};

/// What a job says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// It begins.
    Start,
    /// It is done, and all is well.
    Success,
    /// It failed.
    Fail,
    /// It is done with this exit code.
    Exit(u8),
}

impl Report {
    /// By the last part of a path: nothing, `start`, `fail`, or an exit code.
    pub fn of_path(part: Option<&str>) -> Option<Report> {
        match part {
            None => Some(Report::Success),
            Some("start") => Some(Report::Start),
            Some("fail") => Some(Report::Fail),
            Some(code) if code.bytes().all(|b| b.is_ascii_digit()) => code.parse().ok().map(Report::Exit),
            Some(_) => None,
        }
    }
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finish {
    /// When it began, or ended where it did not say that it began, Unix milliseconds.
    pub began_ms: i64,
    /// When it ended.
    pub ended_ms: i64,
    /// How long it took, if it said that it began, or how long.
    pub duration_ms: Option<i64>,
    /// Whether all is well.
    pub success: bool,
    /// Its exit code, if it said so.
    pub exit: Option<u8>,
}

/// What is known of a job. Times are Unix milliseconds, 0 where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Beat {
    /// Since when it is expected.
    pub since_ms: i64,
    /// When it last began.
    pub start_ms: i64,
    /// When it last ended, well or not.
    pub end_ms: i64,
    /// When it last ended well.
    pub success_ms: i64,
    /// When it last failed.
    pub failure_ms: i64,
    /// Whether it runs.
    pub running: bool,
    /// Whether its last end was a failure.
    pub failed: bool,
    /// How long its last run took, -1 where that is not known.
    pub duration_ms: i64,
    /// Its last exit code.
    pub exit: Option<u8>,
    /// Ends.
    pub runs: u64,
    /// Ends that were failures.
    pub failures: u64,
    /// Whether it is known that it is late.
    pub late: bool,
    /// Times that it was late.
    pub lates: u64,
    /// The last thing that it sent along, shortened.
    pub said: String,
}

impl Beat {
    /// A job that nothing is known of but that it is expected.
    pub fn new(now_ms: i64) -> Beat {
        Beat { since_ms: now_ms, duration_ms: -1, ..Beat::default() }
    }

    /// Takes a report. `took_ms` is how long the run took, if the job says so itself.
    pub fn report(&mut self, report: Report, took_ms: Option<i64>, now_ms: i64) -> Option<Finish> {
        let (success, exit) = match report {
            Report::Start => {
                self.start_ms = now_ms;
                self.running = true;
                return None;
            }
            Report::Success => (true, None),
            Report::Fail => (false, None),
            Report::Exit(code) => (code == 0, Some(code)),
        };
        let measured = self.running.then(|| now_ms.saturating_sub(self.start_ms).max(0));
        let duration_ms = took_ms.map(|ms| ms.max(0)).or(measured);
        let began_ms = now_ms.saturating_sub(duration_ms.unwrap_or(0));
        self.running = false;
        self.end_ms = now_ms;
        self.duration_ms = duration_ms.unwrap_or(-1);
        self.exit = exit;
        self.failed = !success;
        self.runs += 1;
        match success {
            true => self.success_ms = now_ms,
            false => {
                self.failure_ms = now_ms;
                self.failures += 1;
            }
        }
        Some(Finish { began_ms, ended_ms: now_ms, duration_ms, success, exit })
    }

    /// When the job is late if nothing more is heard of it: `grace` after its next turn, or, while it runs, once it has
    /// run for longer than it may, whichever comes first. A run that began counts as its turn for as long as it may run.
    pub fn deadline_ms(&self, plan: &Plan) -> i64 {
        let heard_ms = self.end_ms.max(self.since_ms);
        let turn = plan.schedule.next_ms(heard_ms).saturating_add(plan.grace_ms);
        match (self.running, plan.duration_max_ms) {
            (true, Some(max)) => self.start_ms.saturating_add(max),
            // Without a bound of its own a run has a turn's time, and the grace.
            (true, None) => plan.schedule.next_ms(self.start_ms).saturating_add(plan.grace_ms).max(turn),
            (false, _) => turn,
        }
    }

    /// Notes whether the job is late; gives what changed.
    pub fn look(&mut self, plan: &Plan, now_ms: i64) -> Option<bool> {
        let late = now_ms >= self.deadline_ms(plan);
        if late == self.late {
            return None;
        }
        self.late = late;
        self.lates += u64::from(late);
        Some(late)
    }

    /// In one word.
    pub fn state(&self) -> &'static str {
        match () {
            () if self.late => "late",
            () if self.running => "running",
            () if self.failed => "failed",
            () if self.end_ms == 0 => "new",
            () => "ok",
        }
    }
}
