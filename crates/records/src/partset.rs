//! The live parts, and which of them to merge.

use crate::error::{Damage, RecordsError};
use crate::part::Part;
use blocks::Blocks;
use model::record::Tenant;
use std::cmp::Reverse;
use std::sync::Arc;

/// Where parts lie among the blocks.
pub(crate) const PREFIX: &str = "parts/";

/// What a part's name says: its tenant and day, and the flushes whose records it holds.
///
/// Flushes are numbered. A merge takes neighbouring parts of a day and covers their numbers, so a part whose numbers
/// lie within those of another of the same tenant and day is superseded by it; nothing else needs to be recorded for
/// a crash to leave a consistent set. A part that is rewritten by itself, to carry out deletions, keeps its numbers
/// and gets the next generation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PartId {
    pub tenant: Tenant,
    pub day: i64,
    pub first: u64,
    pub last: u64,
    pub generation: u32,
}

impl PartId {
    pub fn name(&self) -> String {
        let (y, m, d) = civil(self.day);
        let PartId { tenant, first, last, generation, .. } = self;
        format!(
            "{PREFIX}{}/{y:04}-{m:02}-{d:02}/{first:012}-{last:012}-{generation}.parquet",
            tenant.as_str()
        )
    }

    pub fn parse(name: &str) -> Option<PartId> {
        let mut pieces = name.strip_prefix(PREFIX)?.split('/');
        let tenant = Tenant::new(pieces.next()?).ok()?;
        let mut date = pieces.next()?.splitn(3, '-');
        let (y, m, d) = (date.next()?.parse().ok()?, date.next()?.parse().ok()?, date.next()?.parse().ok()?);
        let mut numbers = pieces.next()?.strip_suffix(".parquet")?.split('-');
        let first = numbers.next()?.parse().ok()?;
        let last = numbers.next()?.parse().ok()?;
        let generation = numbers.next()?.parse().ok()?;
        let id = PartId { tenant, day: days(y, m, d)?, first, last, generation };
        // What is not written as we write it is not ours.
        (first <= last && pieces.next().is_none() && id.name() == name).then_some(id)
    }

    /// Whether `other` is superseded by this one.
    fn supersedes(&self, other: &PartId) -> bool {
        let wider = (self.first, self.last) != (other.first, other.last);
        self.tenant == other.tenant
            && self.day == other.day
            && self.first <= other.first
            && other.last <= self.last
            && (wider || self.generation > other.generation)
    }
}

/// Year, month and day of a day counted from 1970-01-01 (Hinnant: *chrono-Compatible Low-Level Date Algorithms*).
pub(crate) fn civil(day: i64) -> (i64, i64, i64) {
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

/// The inverse, for years of four digits.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(0..10_000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let y = year - i64::from(month <= 2);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    Some(y.div_euclid(400) * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468)
}

/// A part that is being served.
pub(crate) struct LivePart {
    pub id: PartId,
    pub part: Part,
}

/// The live parts, by tenant and day, oldest flush first.
#[derive(Clone, Default)]
pub(crate) struct PartSet {
    parts: Vec<Arc<LivePart>>,
}

/// What opening the parts came to.
pub(crate) struct Opened {
    pub set: PartSet,
    pub damages: Vec<Damage>,
}

impl PartSet {
    /// Opens what is there: sets damaged parts aside, removes superseded ones.
    pub fn open(blocks: &dyn Blocks) -> Result<Opened, RecordsError> {
        let names = blocks.list(PREFIX).map_err(|e| RecordsError::io("list", PREFIX, e))?;
        let mut ids: Vec<PartId> = names.iter().filter_map(|b| PartId::parse(&b.name)).collect();
        // Widest first, so that what supersedes is known to be whole before what it supersedes is removed.
        ids.sort_by_key(|id| {
            (id.tenant.clone(), id.day, Reverse(id.last - id.first), id.first, Reverse(id.generation))
        });
        let mut set = PartSet::default();
        let mut damages = Vec::new();
        for id in ids {
            let name = id.name();
            if set.parts.iter().any(|p| p.id.supersedes(&id)) {
                blocks.delete(&name).map_err(|e| RecordsError::io("delete", &name, e))?;
                continue;
            }
            let bytes = blocks.open(&name).map_err(|e| RecordsError::io("open", &name, e))?;
            match Part::open(&name, bytes) {
                Ok(part) => set.parts.push(Arc::new(LivePart { id, part })),
                Err(RecordsError::Corrupt(mut d)) => {
                    let aside =
                        blocks.quarantine(&name).map_err(|e| RecordsError::io("quarantine", &name, e))?;
                    d.what = format!("{}; the part is set aside as {aside}", d.what);
                    damages.push(d);
                }
                Err(e) => return Err(e),
            }
        }
        set.parts.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(Opened { set, damages })
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<LivePart>> {
        self.parts.iter()
    }

    /// The parts of one tenant.
    pub fn of(&self, tenant: &Tenant) -> impl Iterator<Item = &Arc<LivePart>> {
        self.parts.iter().filter(move |p| p.id.tenant == *tenant)
    }

    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// The highest number of a flush or deletion that parts know of.
    pub fn last_flush(&self) -> u64 {
        self.parts.iter().map(|p| p.id.last.max(p.part.directory.deleted_through)).max().unwrap_or(0)
    }

    /// This set less `gone`, plus `added`.
    pub fn changed(&self, gone: &[PartId], added: impl IntoIterator<Item = Arc<LivePart>>) -> PartSet {
        let mut parts: Vec<_> = self.parts.iter().filter(|p| !gone.contains(&p.id)).cloned().collect();
        parts.extend(added);
        parts.sort_by(|a, b| a.id.cmp(&b.id));
        PartSet { parts }
    }

    fn days(&self) -> impl Iterator<Item = &[Arc<LivePart>]> {
        self.parts.chunk_by(|a, b| (&a.id.tenant, a.id.day) == (&b.id.tenant, b.id.day))
    }

    /// Neighbours worth merging, if any.
    pub fn next_merge(&self) -> Option<Vec<Arc<LivePart>>> {
        self.days().find_map(|day| {
            let sizes: Vec<u64> = day.iter().map(|p| p.part.size()).collect();
            plan(&sizes).map(|r| day[r].to_vec())
        })
    }

    /// The next parts to merge for a full compaction: some of the first day that has more than one.
    pub fn next_full_merge(&self) -> Option<Vec<Arc<LivePart>>> {
        let day = self.days().find(|d| d.len() > 1)?;
        // The newest are the smallest as a rule; a merge of bounded width begins there.
        Some(day[day.len().saturating_sub(MERGE_MAX)..].to_vec())
    }
}

/// Parts of about one size are merged when there are this many of them.
const FAN_IN: usize = 8;
/// So many are merged at once at most: each has a row group in memory meanwhile.
const MERGE_MAX: usize = 12;
/// Parts below this size count as being of one size.
const SMALL_BYTES: u64 = 256 << 10;

/// A run of neighbours of which none is much larger than the others: every byte is then rewritten only a logarithmic
/// number of times. The bound on the largest is what keeps a day's big part from being rewritten for every small one.
fn plan(sizes: &[u64]) -> Option<std::ops::Range<usize>> {
    for start in 0..sizes.len().saturating_sub(FAN_IN - 1) {
        for end in start + FAN_IN..=sizes.len().min(start + MERGE_MAX) {
            let run = &sizes[start..end];
            let total: u64 = run.iter().sum();
            let largest = run.iter().map(|s| *s.max(&SMALL_BYTES)).max().unwrap_or(0);
            if total.max(SMALL_BYTES * run.len() as u64) >= largest * (FAN_IN as u64) * 3 / 4 {
                return Some(start..end);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for (day, first, last, generation) in
            [(0, 0, 0, 0), (20_000, 7, 1 << 40, 3), (-106_752, 1, 1, 0), (106_751, 1, 2, 0)]
        {
            let id = PartId { tenant: Tenant::new("a-b").unwrap(), day, first, last, generation };
            assert_eq!(PartId::parse(&id.name()), Some(id));
        }
        for bad in [
            "parts/t/2026-01-01/000000000002-000000000001-0.parquet",
            "parts/t/2026-1-1/000000000001-000000000001-0.parquet",
            "parts/t/2026-02-30/000000000001-000000000001-0.parquet",
            "parts/t/2026-01-01/1-1-0.parquet",
            "parts/t t/2026-01-01/000000000001-000000000001-0.parquet",
            "state/2026-01-01/000000000001-000000000001-0.parquet",
        ] {
            assert_eq!(PartId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn merging_rewrites_each_byte_few_times() {
        let (mut sizes, mut written) = (Vec::<u64>::new(), 0);
        for _ in 0..1000 {
            sizes.push(1 << 20);
            while let Some(r) = plan(&sizes) {
                let total = sizes[r.clone()].iter().sum();
                written += total;
                sizes.splice(r, [total]);
            }
            assert!(sizes.len() < 60, "{sizes:?}");
        }
        assert!(written < 5 * (1000 << 20), "{}", written >> 20);
    }
}
