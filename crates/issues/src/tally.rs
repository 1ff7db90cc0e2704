//! What is counted about the events of a group, exactly: events, times, users, releases.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeSet;

/// Seconds of an hour.
pub const HOUR_S: i64 = 3600;
/// Seconds of a day.
pub const DAY_S: i64 = 86_400;
/// Hours that are remembered one by one.
const HOURS_MAX: usize = 24 * 15;
/// Days that are remembered one by one.
const DAYS_MAX: usize = 400;
/// Releases of a group that are remembered with counts of their own.
const RELEASES_MAX: usize = 100;
/// Environments, likewise.
const ENVIRONMENTS_MAX: usize = 20;

/// Users told apart one by one up to [`Users::EXACT_MAX`], and estimated beyond that (about 2 % off).
#[derive(Debug, Clone, PartialEq)]
pub enum Users {
    /// Each of them.
    Exact(BTreeSet<u64>),
    /// HyperLogLog registers (Flajolet et al. 2007).
    Estimated(Box<[u8]>),
}

impl Default for Users {
    fn default() -> Users {
        Users::Exact(BTreeSet::new())
    }
}

impl Users {
    /// So many are told apart.
    pub const EXACT_MAX: usize = 2000;
    const BITS: u32 = 12;

    /// The number of a user.
    pub fn hash(user: &str) -> u64 {
        errors::user_hash(user)
    }

    /// Counts a user.
    pub fn add(&mut self, hash: u64) {
        match self {
            Users::Exact(all) => {
                all.insert(hash);
                if all.len() > Users::EXACT_MAX {
                    let all = std::mem::take(all);
                    *self = Users::Estimated(vec![0; 1 << Users::BITS].into_boxed_slice());
                    all.into_iter().for_each(|h| self.add(h));
                }
            }
            Users::Estimated(registers) => {
                let place = (hash >> (64 - Users::BITS)) as usize;
                let rank = (hash << Users::BITS | 1 << (Users::BITS - 1)).leading_zeros() as u8 + 1;
                registers[place] = registers[place].max(rank);
            }
        }
    }

    /// Counts the users of another.
    pub fn merge(&mut self, other: &Users) {
        match other {
            Users::Exact(all) => all.iter().for_each(|h| self.add(*h)),
            Users::Estimated(theirs) => {
                if let Users::Exact(mine) = self {
                    let mine = std::mem::take(mine);
                    *self = Users::Estimated(theirs.clone());
                    mine.into_iter().for_each(|h| self.add(h));
                } else if let Users::Estimated(mine) = self {
                    mine.iter_mut().zip(theirs.iter()).for_each(|(a, b)| *a = (*a).max(*b));
                }
            }
        }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        match self {
            Users::Exact(all) => all.len() as u64,
            Users::Estimated(registers) => {
                let m = registers.len() as f64;
                let sum: f64 = registers.iter().map(|r| 2f64.powi(-i32::from(*r))).sum();
                (0.7213 / (1.0 + 1.079 / m) * m * m / sum) as u64
            }
        }
    }
}

impl Serialize for Users {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Users::Exact(all) => s.collect_seq(all),
            Users::Estimated(registers) => {
                let text: String = registers.iter().map(|r| char::from(b'0' + (*r).min(70))).collect();
                s.serialize_str(&text)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Users {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Users, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Exact(BTreeSet<u64>),
            Estimated(String),
        }
        match Form::deserialize(d)? {
            Form::Exact(all) => Ok(Users::Exact(all)),
            Form::Estimated(text)
                if text.len() == 1 << Users::BITS
                    && text.bytes().all(|b| (b'0'..=b'0' + 70).contains(&b)) =>
            {
                Ok(Users::Estimated(text.bytes().map(|b| b - b'0').collect()))
            }
            Form::Estimated(text) => {
                Err(serde::de::Error::custom(format!("{} registers of users", text.len())))
            }
        }
    }
}

/// Counts by a name, of which only so many are told apart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Named {
    /// The name.
    pub name: String,
    /// Events.
    pub count: u64,
    /// The first one, Unix milliseconds.
    pub first_ms: i64,
    /// The last one, Unix milliseconds.
    pub last_ms: i64,
}

/// Counts of the events of one group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Events, ever.
    pub count: u64,
    /// Events that the application did not catch.
    pub unhandled: u64,
    /// The first one, Unix milliseconds.
    pub first_ms: i64,
    /// The last one, Unix milliseconds.
    pub last_ms: i64,
    /// Who was served.
    pub users: Users,
    /// In which releases.
    pub releases: Vec<Named>,
    /// In which environments.
    pub environments: Vec<Named>,
    /// Events by hour (hours since 1970), in order.
    hours: Vec<(u32, u32)>,
    /// Events by day (days since 1970), in order.
    days: Vec<(u32, u32)>,
}

/// What one event adds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Increment<'a> {
    pub time_ms: i64,
    pub user: Option<u64>,
    pub release: &'a str,
    pub environment: &'a str,
    pub unhandled: bool,
}

impl Tally {
    pub(crate) fn add(&mut self, i: &Increment<'_>) {
        self.first_ms = if self.count == 0 { i.time_ms } else { self.first_ms.min(i.time_ms) };
        self.last_ms = if self.count == 0 { i.time_ms } else { self.last_ms.max(i.time_ms) };
        self.count += 1;
        self.unhandled += u64::from(i.unhandled);
        if let Some(user) = i.user {
            self.users.add(user);
        }
        let event =
            |name: &str| Named { name: name.to_owned(), count: 1, first_ms: i.time_ms, last_ms: i.time_ms };
        add_named(&mut self.releases, event(i.release), RELEASES_MAX);
        add_named(&mut self.environments, event(i.environment), ENVIRONMENTS_MAX);
        add_bucket(&mut self.hours, bucket(i.time_ms, HOUR_S), 1, HOURS_MAX);
        add_bucket(&mut self.days, bucket(i.time_ms, DAY_S), 1, DAYS_MAX);
    }

    /// Adds the counts of another group, for issues with several.
    pub fn merge(&mut self, other: &Tally) {
        if other.count == 0 {
            return;
        }
        self.first_ms = if self.count == 0 { other.first_ms } else { self.first_ms.min(other.first_ms) };
        self.last_ms = if self.count == 0 { other.last_ms } else { self.last_ms.max(other.last_ms) };
        self.count += other.count;
        self.unhandled += other.unhandled;
        self.users.merge(&other.users);
        other.releases.iter().for_each(|n| add_named(&mut self.releases, n.clone(), RELEASES_MAX));
        other
            .environments
            .iter()
            .for_each(|n| add_named(&mut self.environments, n.clone(), ENVIRONMENTS_MAX));
        other.hours.iter().for_each(|(b, n)| add_bucket(&mut self.hours, *b, *n, HOURS_MAX));
        other.days.iter().for_each(|(b, n)| add_bucket(&mut self.days, *b, *n, DAYS_MAX));
    }

    /// Events from `start_ms` to before `end_ms` in `steps` buckets of equal width. Widths that are not whole hours take
    /// the events of an hour for spread evenly over it; before the hours that are remembered, those of a day.
    pub fn buckets(&self, start_ms: i64, end_ms: i64, steps: usize) -> Vec<u64> {
        let mut sums = vec![0.0; steps];
        let span = end_ms.saturating_sub(start_ms).max(1) as f64;
        let mut spread = |from_ms: i64, width_ms: i64, count: u32| {
            // No event lies before the first or after the last one.
            let (from_ms, to_ms) = (from_ms.max(self.first_ms), (from_ms + width_ms).min(self.last_ms + 1));
            let (a, b) = (from_ms.max(start_ms), to_ms.min(end_ms));
            if a >= b || steps == 0 {
                return;
            }
            let place = |ms: i64| (ms - start_ms) as f64 / span * steps as f64;
            let (first, last) = (place(a), place(b));
            let density = f64::from(count) / ((to_ms - from_ms) as f64 / span * steps as f64);
            let end = (last.ceil() as usize).min(steps);
            let touched = (first as usize).min(end)..end;
            for (step, sum) in touched.clone().zip(&mut sums[touched]) {
                let covered = last.min(step as f64 + 1.0) - first.max(step as f64);
                *sum += density * covered.max(0.0);
            }
        };
        let hours_from_ms = self.hours_from_ms();
        for (day, count) in &self.days {
            let from_ms = i64::from(*day) * DAY_S * 1000;
            if from_ms < hours_from_ms {
                spread(from_ms, DAY_S * 1000, *count);
            }
        }
        for (hour, count) in &self.hours {
            let from_ms = i64::from(*hour) * HOUR_S * 1000;
            if from_ms >= hours_from_ms {
                spread(from_ms, HOUR_S * 1000, *count);
            }
        }
        // Whole numbers whose sum is that of the parts.
        let (mut exact, mut given) = (0.0, 0u64);
        let whole = |sum: f64| {
            exact += sum;
            let more = (exact.round() as u64).saturating_sub(given);
            given += more;
            more
        };
        sums.into_iter().map(whole).collect()
    }

    /// From this midnight on hours are complete.
    fn hours_from_ms(&self) -> i64 {
        match self.hours.first() {
            Some((hour, _)) if self.hours.len() >= HOURS_MAX => {
                (i64::from(*hour) * HOUR_S).div_euclid(DAY_S).saturating_add(1) * DAY_S * 1000
            }
            _ => i64::MIN,
        }
    }

    /// Whether anything happened from `start_ms` to before `end_ms`, as far as days tell.
    pub fn is_within(&self, start_ms: i64, end_ms: i64) -> bool {
        self.count > 0 && self.first_ms < end_ms && start_ms <= self.last_ms && {
            let width_ms = |s: i64| s * 1000;
            let touched = |from_s: i64, width_s: i64| {
                from_s * 1000 < end_ms && start_ms < from_s * 1000 + width_ms(width_s)
            };
            let hours = self.hours.iter().any(|(h, _)| touched(i64::from(*h) * HOUR_S, HOUR_S));
            hours
                || self.days.iter().any(|(d, _)| {
                    touched(i64::from(*d) * DAY_S, DAY_S)
                        && i64::from(*d) * DAY_S * 1000 < self.hours_from_ms()
                })
        }
    }
}

fn bucket(time_ms: i64, width_s: i64) -> u32 {
    u32::try_from(time_ms.div_euclid(1000 * width_s)).unwrap_or(0)
}

fn add_bucket(list: &mut Vec<(u32, u32)>, bucket: u32, count: u32, max: usize) {
    match list.binary_search_by_key(&bucket, |(b, _)| *b) {
        Ok(at) => list[at].1 = list[at].1.saturating_add(count),
        Err(0) if list.len() >= max => {}
        Err(at) => {
            list.insert(at, (bucket, count));
            if list.len() > max {
                list.remove(0);
            }
        }
    }
}

fn add_named(list: &mut Vec<Named>, more: Named, max: usize) {
    if more.name.is_empty() {
        return;
    }
    if let Some(known) = list.iter_mut().rev().find(|n| n.name == more.name) {
        known.count += more.count;
        known.first_ms = known.first_ms.min(more.first_ms);
        known.last_ms = known.last_ms.max(more.last_ms);
        return;
    }
    if list.len() >= max
        && let Some(oldest) = (0..list.len()).min_by_key(|i| list[*i].last_ms)
    {
        list.remove(oldest);
    }
    list.push(more);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn users_are_exact_and_then_estimated() {
        let mut users = Users::default();
        for n in 0..2000 {
            users.add(Users::hash(&format!("user {n}")));
            users.add(Users::hash(&format!("user {n}")));
        }
        assert_eq!(users.count(), 2000);
        for n in 0..50_000 {
            users.add(Users::hash(&format!("user {n}")));
        }
        let off = (users.count() as f64 - 50_000.0).abs() / 50_000.0;
        assert!(off < 0.05, "{}", users.count());
        let text = serde_json::to_string(&users).unwrap();
        assert_eq!(serde_json::from_str::<Users>(&text).unwrap(), users);
        let mut more = Users::default();
        more.add(1);
        more.merge(&users);
        assert!(more.count().abs_diff(users.count()) < 500);
    }

    #[test]
    fn buckets_hold_what_fell_into_them() {
        let mut tally = Tally::default();
        let hour = HOUR_S * 1000;
        for (at, n) in [(100 * hour + 5, 3), (101 * hour, 1), (124 * hour, 2)] {
            for _ in 0..n {
                tally.add(&Increment { time_ms: at, release: "a", ..Increment::default() });
            }
        }
        assert_eq!(tally.buckets(100 * hour, 102 * hour, 2), [3, 1]);
        assert_eq!(tally.buckets(96 * hour, 144 * hour, 2), [4, 2]);
        assert_eq!(tally.buckets(200 * hour, 201 * hour, 3), [0, 0, 0]);
        assert!(tally.is_within(101 * hour, 102 * hour) && !tally.is_within(103 * hour, 110 * hour));
        assert_eq!(
            tally.releases,
            [Named { name: "a".into(), count: 6, first_ms: 100 * hour + 5, last_ms: 124 * hour }]
        );
    }

    proptest! {
        #[test]
        fn merging_is_counting_together(times in prop::collection::vec((0i64..200, any::<bool>(), 0u64..5), 0..60)) {
            let (mut a, mut b, mut all) = (Tally::default(), Tally::default(), Tally::default());
            for (hours, left, user) in &times {
                let i = Increment { time_ms: hours * HOUR_S * 1000, user: Some(*user), release: "r", environment: "e", unhandled: *left };
                if *left { a.add(&i) } else { b.add(&i) }
                all.add(&i);
            }
            a.merge(&b);
            prop_assert_eq!(&a, &all);
            let sum: u64 = all.buckets(0, 240 * HOUR_S * 1000, 10).iter().sum();
            prop_assert_eq!(sum, times.len() as u64);
        }
    }
}
