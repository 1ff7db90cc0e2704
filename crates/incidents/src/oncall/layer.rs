//! One rotation.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use std::collections::BTreeSet;

/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;
/// So many days before and after a moment are looked at for hours that hold it: a clock may skip a day.
const NEAR_DAYS: i64 = 2;

/// How long a turn is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turns {
    /// So many days, whatever the clock does on them.
    Days(i64),
    /// So many hours, counted on.
    Hours(i64),
}

/// Hours of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    /// Days on which they begin; none are all.
    pub days: Vec<Weekday>,
    /// From.
    pub from: Time,
    /// To; of the next day if not after `from`.
    pub to: Time,
}

/// A rotation.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Its name.
    pub name: String,
    /// People in turn.
    pub participants: Vec<String>,
    /// How long a turn is.
    pub turns: Turns,
    /// The day of the first handoff.
    pub start: Date,
    /// The time of day of handoffs.
    pub handoff: Time,
    /// When it counts; always without any.
    pub hours: Vec<Hours>,
    pub(crate) zone: TimeZone,
}

/// The moment of a time of the clock: one that is skipped is as much later as is skipped, of one that comes twice it is
/// the first.
pub(crate) fn moment(zone: &TimeZone, at: DateTime) -> Option<i64> {
    zone.to_timestamp(at).ok().map(|t| t.as_millisecond())
}

/// The date of a moment.
pub(crate) fn date(zone: &TimeZone, at_ms: i64) -> Option<Date> {
    Timestamp::from_millisecond(at_ms).ok().map(|t| zone.to_datetime(t).date())
}

fn later(day: Date, days: i64) -> Option<Date> {
    day.checked_add(days.days()).ok()
}

impl Hours {
    /// When those begin and end that begin on a day.
    fn on(&self, zone: &TimeZone, day: Date) -> Option<(i64, i64)> {
        if !self.days.is_empty() && !self.days.contains(&day.weekday()) {
            return None;
        }
        let last = if self.to > self.from { day } else { later(day, 1)? };
        Some((moment(zone, day.to_datetime(self.from))?, moment(zone, last.to_datetime(self.to))?))
    }
}

impl Layer {
    /// When a turn begins; the first has the number 0.
    fn begins(&self, turn: i64) -> Option<i64> {
        match self.turns {
            Turns::Days(days) => {
                let day = later(self.start, turn.checked_mul(days)?)?;
                moment(&self.zone, day.to_datetime(self.handoff))
            }
            Turns::Hours(hours) => {
                let first = moment(&self.zone, self.start.to_datetime(self.handoff))?;
                first.checked_add(turn.checked_mul(hours)?.checked_mul(HOUR_MS)?)
            }
        }
    }

    /// The turn of a moment; less than 0 before the first.
    fn turn(&self, at_ms: i64) -> Option<i64> {
        let about = match self.turns {
            Turns::Days(days) => {
                let passed = self.start.until(date(&self.zone, at_ms)?).ok()?.get_days();
                i64::from(passed).div_euclid(days)
            }
            Turns::Hours(hours) => {
                let first = moment(&self.zone, self.start.to_datetime(self.handoff))?;
                at_ms.checked_sub(first)?.div_euclid(hours * HOUR_MS)
            }
        };
        // The handoff of that day may be later, and a clock may have skipped it.
        (about - NEAR_DAYS..=about + NEAR_DAYS).rev().find(|n| self.begins(*n).is_some_and(|ms| ms <= at_ms))
    }

    /// Whether it counts at a moment.
    fn counts(&self, at_ms: i64) -> bool {
        if self.hours.is_empty() {
            return true;
        }
        let Some(day) = date(&self.zone, at_ms) else { return false };
        (-NEAR_DAYS..=NEAR_DAYS).filter_map(|n| later(day, n)).any(|day| {
            let spans = self.hours.iter().filter_map(|h| h.on(&self.zone, day));
            spans.into_iter().any(|(from, to)| from <= at_ms && at_ms < to)
        })
    }

    /// Whose turn it is.
    pub fn at(&self, at_ms: i64) -> Option<&str> {
        let turn = self.turn(at_ms).filter(|n| *n >= 0 && self.counts(at_ms))?;
        let place = turn.rem_euclid(self.participants.len().max(1) as i64);
        self.participants.get(usize::try_from(place).ok()?).map(String::as_str)
    }

    /// Adds the moments within a range, the ends left out, at which something may change.
    pub(crate) fn changes(&self, from_ms: i64, to_ms: i64, out: &mut BTreeSet<i64>) {
        let within = |ms: &i64| *ms > from_ms && *ms < to_ms;
        let first = self.turn(from_ms).unwrap_or(0).max(-1) + 1;
        for turn in first.. {
            match self.begins(turn) {
                Some(ms) if ms < to_ms => out.extend(Some(ms).filter(within)),
                _ => break,
            }
        }
        if self.hours.is_empty() {
            return;
        }
        let (Some(first), Some(last)) = (date(&self.zone, from_ms), date(&self.zone, to_ms)) else { return };
        let (mut day, last) = (later(first, -NEAR_DAYS), later(last, NEAR_DAYS));
        while let Some(at) = day.filter(|d| last.is_none_or(|l| *d <= l)) {
            for (from, to) in self.hours.iter().filter_map(|h| h.on(&self.zone, at)) {
                out.extend([from, to].iter().filter(|ms| within(ms)));
            }
            day = later(at, 1);
        }
    }
}
