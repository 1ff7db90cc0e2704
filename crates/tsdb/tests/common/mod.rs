//! The naive model and the ways to write and read that tests share.
#![allow(dead_code, reason = "each test file uses its own share")]

use model::{
    Appendable, Counts, Histogram, Labels, Matcher, ResetHint, Samples, Span, TimeRange, Unavailable,
};
use std::collections::BTreeMap;
use tsdb::Db;

/// Values by time, by series: what kind, which bits, which start.
#[derive(Default, Clone, Debug)]
pub struct Model {
    series: BTreeMap<u8, BTreeMap<i64, Point>>,
}

/// One sample as text, so that NaNs compare.
pub type Point = (char, u64, i64);
/// Everything in a range.
pub type Answer = Vec<(Labels, Vec<(i64, Point)>)>;

impl Model {
    pub fn write(&mut self, samples: &[(u8, i64, u64)]) {
        for (s, t, v) in samples {
            self.series.entry(*s).or_default().insert(*t, ('f', *v, 0));
        }
    }

    pub fn write_starts(&mut self, samples: &[(u8, i64, u64)]) {
        for (s, t, v) in samples {
            self.series.entry(*s).or_default().insert(*t, ('f', *v, t - 7));
        }
    }

    pub fn write_histograms(&mut self, samples: &[(u8, i64, u64)]) {
        for (s, t, v) in samples {
            self.series.entry(*s).or_default().insert(*t, ('h', v % 1000, 0));
        }
    }

    pub fn delete(&mut self, s: u8, range: TimeRange) {
        if let Some(all) = self.series.get_mut(&s) {
            all.retain(|t, _| !range.contains(*t));
        }
    }

    pub fn read(&self, range: TimeRange) -> Answer {
        let within = |all: &BTreeMap<i64, Point>| -> Vec<(i64, Point)> {
            all.iter().filter(|(t, _)| range.contains(**t)).map(|(t, p)| (*t, *p)).collect()
        };
        let mut out: Answer = self.series.iter().map(|(s, all)| (series(*s), within(all))).collect();
        out.retain(|(_, points)| !points.is_empty());
        out.sort();
        out
    }
}

pub fn series(s: u8) -> Labels {
    Labels::from_pairs([("__name__", "m"), ("s", s.to_string().as_str())]).unwrap()
}

pub fn matcher(s: u8) -> Matcher {
    Matcher::equal("s", s.to_string())
}

pub fn block_on<T>(f: impl Future<Output = T>) -> T {
    futures::executor::block_on(f)
}

pub fn write(db: &Db, samples: &[(u8, i64, u64)]) -> Result<(), Unavailable> {
    let mut a = db.appender();
    for (s, t, v) in samples {
        let r = match a.lookup(series(*s).key()) {
            Some(r) => r,
            None => a.series(&series(*s)).unwrap(),
        };
        a.sample(r, *t, f64::from_bits(*v), 0).unwrap();
    }
    block_on(a.commit()).map(|_| ())
}

pub fn write_starts(db: &Db, samples: &[(u8, i64, u64)]) -> Result<(), Unavailable> {
    let mut a = db.appender();
    for (s, t, v) in samples {
        let r = a.series(&series(*s)).unwrap();
        a.sample(r, *t, f64::from_bits(*v), t - 7).unwrap();
    }
    block_on(a.commit()).map(|_| ())
}

pub fn histogram(v: u64) -> Histogram {
    Histogram {
        reset_hint: ResetHint::Unknown,
        schema: (v % 3) as i8,
        zero_threshold: 0.001,
        sum: v as f64 * 1.5,
        positive_spans: vec![Span { offset: 1, length: 2 }],
        negative_spans: Vec::new(),
        custom_bounds: Vec::new(),
        counts: Counts::Integer {
            count: v + 3,
            zero: 3,
            positive: vec![v / 2, v - v / 2],
            negative: Vec::new(),
        },
    }
}

pub fn write_histograms(db: &Db, samples: &[(u8, i64, u64)]) -> Result<(), Unavailable> {
    let mut a = db.appender();
    for (s, t, v) in samples {
        let r = a.series(&series(*s)).unwrap();
        a.histogram(r, *t, histogram(v % 1000), 0).unwrap();
    }
    block_on(a.commit()).map(|_| ())
}

pub fn read_all(db: &Db, range: TimeRange) -> Answer {
    let selection = db.select(&[], range).unwrap();
    let mut samples = Samples::default();
    let mut out = Vec::new();
    for i in 0..selection.len() {
        selection.read(i, &mut samples).unwrap();
        let mut points = Vec::new();
        for (j, (t, v)) in samples.times.iter().zip(&samples.values).enumerate() {
            points.push((*t, ('f', v.to_bits(), samples.starts.get(j).copied().unwrap_or(0))));
        }
        for (t, h) in samples.histogram_times.iter().zip(&samples.histograms) {
            let Counts::Integer { count, .. } = &h.counts else { panic!("kind changed") };
            assert_eq!(**h, histogram(count - 3));
            points.push((*t, ('h', count - 3, 0)));
        }
        points.sort();
        if !points.is_empty() {
            out.push((selection.labels(i).clone(), points));
        }
    }
    out.sort();
    out
}
