//! Deletions that merges have not carried out yet.

use crate::codec::{Malformed, Reader, malformed, put_bytes, put_uvarint, put_varint};
use crate::part::Directory;
use crate::partset::PartId;
use model::record::{FilterOp, Tenant, TextFilter};
use model::{Labels, MatchOp, Matcher};

/// Records of matching streams within a range whose text passes all filters are gone from all parts of flushes before
/// `number`. Deletions and flushes are numbered in one sequence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tombstone {
    pub tenant: Tenant,
    pub number: u64,
    /// Half open.
    pub start_ns: i64,
    pub end_ns: i64,
    pub matchers: Vec<Matcher>,
    pub filters: Vec<TextFilter>,
    /// When it was asked for, Unix milliseconds.
    pub asked_ms: i64,
}

/// All deletions in force.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tombstones(pub Vec<Tombstone>);

impl Tombstone {
    /// Whether it concerns a stream.
    pub fn concerns(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|m| m.matches(labels.get(m.name()).unwrap_or("")))
    }

    pub fn covers(&self, time_ns: i64) -> bool {
        self.start_ns <= time_ns && time_ns < self.end_ns
    }

    /// Whether a text is among those deleted.
    pub fn takes(&self, text: &str) -> bool {
        self.filters.iter().all(|f| f.passes(text))
    }
}

impl Tombstones {
    /// Those that concern a part and are not carried out in it.
    pub fn of_part<'a>(
        &'a self,
        id: &PartId,
        d: &Directory,
    ) -> impl Iterator<Item = &'a Tombstone> + use<'a> {
        let (tenant, last, through, min_ns, max_ns) =
            (id.tenant.clone(), id.last, d.deleted_through, d.min_ns, d.max_ns);
        self.0.iter().filter(move |t| {
            t.tenant == tenant
                && last <= t.number
                && through < t.number
                && t.start_ns <= max_ns
                && min_ns < t.end_ns
        })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        put_uvarint(out, self.0.len() as u64);
        for t in &self.0 {
            put_bytes(out, t.tenant.as_str().as_bytes());
            put_uvarint(out, t.number);
            put_varint(out, t.start_ns);
            put_varint(out, t.end_ns);
            put_varint(out, t.asked_ms);
            put_uvarint(out, t.matchers.len() as u64);
            for m in &t.matchers {
                put_bytes(out, m.op().as_str().as_bytes());
                put_bytes(out, m.name().as_bytes());
                put_bytes(out, m.value().as_bytes());
            }
            put_uvarint(out, t.filters.len() as u64);
            for f in &t.filters {
                out.push(filter_number(f.op()));
                put_bytes(out, f.pattern().as_bytes());
            }
        }
    }

    pub fn decode(r: &mut Reader<'_>) -> Result<Tombstones, Malformed> {
        const WHAT: &str = "deletion";
        let mut all = Vec::new();
        for _ in 0..r.count(WHAT)? {
            let tenant = Tenant::new(r.text(WHAT)?).or(malformed(WHAT))?;
            let number = r.uvarint(WHAT)?;
            let (start_ns, end_ns, asked_ms) = (r.varint(WHAT)?, r.varint(WHAT)?, r.varint(WHAT)?);
            let mut matchers = Vec::new();
            for _ in 0..r.count(WHAT)? {
                let op = r.text(WHAT)?;
                let ops = [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex];
                let Some(op) = ops.into_iter().find(|o| o.as_str() == op) else { return malformed(WHAT) };
                let matcher = Matcher::new(op, r.text(WHAT)?, r.text(WHAT)?);
                matchers.push(matcher.or(malformed(WHAT))?);
            }
            let mut filters = Vec::new();
            for _ in 0..r.count(WHAT)? {
                let number = r.byte(WHAT)?;
                let Some(op) = FILTER_OPS.into_iter().find(|o| filter_number(*o) == number) else {
                    return malformed(WHAT);
                };
                filters.push(TextFilter::new(op, r.text(WHAT)?).or(malformed(WHAT))?);
            }
            all.push(Tombstone { tenant, number, start_ns, end_ns, matchers, filters, asked_ms });
        }
        Ok(Tombstones(all))
    }
}

const FILTER_OPS: [FilterOp; 4] =
    [FilterOp::Contains, FilterOp::NotContains, FilterOp::Matches, FilterOp::NotMatches];

fn filter_number(op: FilterOp) -> u8 {
    match op {
        FilterOp::Contains => 0,
        FilterOp::NotContains => 1,
        FilterOp::Matches => 2,
        FilterOp::NotMatches => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deletions_come_back() {
        let matchers =
            vec![Matcher::equal("app", "x"), Matcher::new(MatchOp::NotRegex, "host", "a|b").unwrap()];
        let filters = FILTER_OPS.map(|op| TextFilter::new(op, "se.ret").unwrap()).to_vec();
        let t = Tombstone {
            tenant: Tenant::unnamed(),
            number: 7,
            start_ns: i64::MIN,
            end_ns: 9,
            matchers,
            filters,
            asked_ms: 5,
        };
        let all = Tombstones(vec![t]);
        let mut bytes = Vec::new();
        all.encode(&mut bytes);
        assert_eq!(Tombstones::decode(&mut Reader::new(&bytes)), Ok(all));
        for cut in 0..bytes.len() {
            assert!(Tombstones::decode(&mut Reader::new(&bytes[..cut])).is_err(), "{cut}");
        }
    }
}
