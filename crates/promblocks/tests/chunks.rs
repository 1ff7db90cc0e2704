//! Chunks of every encoding, round and round.

use model::{Counts, Histogram, ResetHint, STALE_NAN_BITS, Samples, Span};
use promblocks::chunk::{self, Encoding, decode};
use proptest::prelude::*;
use std::sync::Arc;

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|v| v.to_bits()).collect()
}

fn any_series() -> impl Strategy<Value = Vec<(i64, f64, i64)>> {
    let step = prop_oneof![Just(15_000i64), 14_990i64..15_010, 1i64..100_000_000, 1i64..1 << 45];
    let value = prop_oneof![
        Just(1.0),
        Just(f64::from_bits(STALE_NAN_BITS)),
        (0i64..1000).prop_map(|v| v as f64 / 10.0),
        any::<u64>().prop_map(f64::from_bits)
    ];
    let start = prop_oneof![Just(0i64), Just(77), any::<i64>().prop_map(|v| v >> 8)];
    proptest::collection::vec((step, value, start), 0..300).prop_map(|steps| {
        let mut t = -5_000_000;
        steps
            .into_iter()
            .map(|(step, v, start)| {
                t += step;
                (t, v, start)
            })
            .collect()
    })
}

fn any_histograms() -> impl Strategy<Value = Vec<Arc<Histogram>>> {
    let one = (
        0u8..10,
        0usize..3,
        any::<bool>(),
        0u8..4,
        proptest::collection::vec(0u64..1 << 30, 5),
        any::<u64>(),
    );
    proptest::collection::vec(one, 1..30).prop_map(|all| {
        all.into_iter()
            .map(|(stale, layout, float, hint, add, sum)| {
                let hint =
                    [ResetHint::Unknown, ResetHint::Yes, ResetHint::No, ResetHint::Gauge][hint as usize];
                Arc::new(make(stale == 0, layout, float, hint, &add, f64::from_bits(sum)))
            })
            .collect()
    })
}

fn make(stale: bool, layout: usize, float: bool, hint: ResetHint, n: &[u64], sum: f64) -> Histogram {
    let spans = |v: &[(i32, u32)]| {
        v.iter().map(|(offset, length)| Span { offset: *offset, length: *length }).collect()
    };
    let (schema, zero_threshold, positive, negative, bounds) = match layout {
        0 => (3, 2f64.powi(-128), vec![(0, 2), (3, 1)], vec![(-7, 1)], vec![]),
        1 => (-4, 0.123, vec![], vec![(1, 2)], vec![]),
        _ => (-53, 0.0, vec![(0, 3)], vec![], vec![0.005, 2.5, 1e9, 33_554.43]),
    };
    let count = |spans: &[(i32, u32)]| spans.iter().map(|s| s.1 as usize).sum::<usize>();
    let (p, q) = (n[..count(&positive)].to_vec(), n[..count(&negative)].to_vec());
    let zero = if layout == 2 { 0 } else { n[4] };
    let total = zero + p.iter().chain(&q).sum::<u64>();
    let floats = |v: Vec<u64>| v.into_iter().map(|c| c as f64 / 7.0).collect();
    let mut h = Histogram {
        reset_hint: hint,
        schema,
        zero_threshold,
        sum,
        positive_spans: spans(&positive),
        negative_spans: spans(&negative),
        custom_bounds: bounds,
        counts: match float {
            true => Counts::Float {
                count: total as f64,
                zero: zero as f64,
                positive: floats(p),
                negative: floats(q),
            },
            false => Counts::Integer { count: total, zero, positive: p, negative: q },
        },
    };
    if stale {
        h = Histogram {
            reset_hint: hint,
            schema: 0,
            zero_threshold: 0.0,
            sum: f64::from_bits(STALE_NAN_BITS),
            positive_spans: vec![],
            negative_spans: vec![],
            custom_bounds: vec![],
            counts: match float {
                true => Counts::Float { count: 0.0, zero: 0.0, positive: vec![], negative: vec![] },
                false => Counts::Integer { count: 0, zero: 0, positive: vec![], negative: vec![] },
            },
        };
    }
    h
}

/// A histogram as it is comparable: NaN sums by their bits, and without the hint, which chunks only keep in part.
fn comparable(h: &Histogram) -> (u64, Histogram) {
    (h.sum.to_bits(), Histogram { sum: 0.0, reset_hint: ResetHint::Unknown, ..h.clone() })
}

proptest! {
    #[test]
    fn floats_round_trip(series in any_series()) {
        let times: Vec<i64> = series.iter().map(|s| s.0).collect();
        let values: Vec<f64> = series.iter().map(|s| s.1).collect();
        let starts: Vec<i64> = series.iter().map(|s| s.2).collect();
        let mut out = Samples::default();
        decode(Encoding::Xor, &chunk::encode_floats(&times, &values), &mut out).unwrap();
        prop_assert_eq!((&out.times, bits(&out.values), out.starts.len()), (&times, bits(&values), 0));

        for starts in [&starts[..], &[]] {
            let mut out = Samples::default();
            decode(Encoding::Xor2, &chunk::encode_floats_xor2(&times, &values, starts), &mut out).unwrap();
            prop_assert_eq!((&out.times, bits(&out.values)), (&times, bits(&values)));
            if starts.iter().all(|s| *s == 0) {
                prop_assert!(out.starts.is_empty());
            } else {
                prop_assert_eq!(&out.starts, starts);
            }
        }
    }

    #[test]
    fn histograms_round_trip(histograms in any_histograms()) {
        let times: Vec<i64> = (0..histograms.len() as i64).map(|i| i * i * 1000 + 5).collect();
        let mut at = 0;
        while at < histograms.len() {
            let c = chunk::encode_histograms(&times[at..], &histograms[at..], 120);
            prop_assert!(c.count > 0);
            let mut out = Samples::default();
            decode(c.encoding, &c.data, &mut out).unwrap();
            prop_assert_eq!(&out.histogram_times, &times[at..at + c.count]);
            for (i, got) in out.histograms.iter().enumerate() {
                let sent = &histograms[at + i];
                prop_assert_eq!(comparable(got), comparable(sent));
                let gauge = sent.reset_hint == ResetHint::Gauge;
                let want = match i {
                    _ if gauge => ResetHint::Gauge,
                    0 => ResetHint::Unknown,
                    _ => ResetHint::No,
                };
                prop_assert_eq!(got.reset_hint, want);
            }
            at += c.count;
        }
    }

    #[test]
    fn foreign_bytes_never_panic(b in proptest::collection::vec(any::<u8>(), 0..300), e in 1u8..=6) {
        let mut out = Samples::default();
        let _ = decode(Encoding::from_number(e).unwrap(), &b, &mut out);
    }
}

#[test]
fn growing_histograms_share_a_chunk_and_a_reset_cuts_it() {
    let at = |n: u64| Arc::new(make(false, 0, false, ResetHint::Unknown, &[n, n, n, n, n], 1.0));
    let histograms: Vec<_> = [1, 2, 5, 5, 4, 6].map(at).into();
    let times: Vec<i64> = (0..6).collect();
    assert_eq!(chunk::encode_histograms(&times, &histograms, 120).count, 4);
    assert_eq!(chunk::encode_histograms(&times, &histograms, 3).count, 3);
    assert_eq!(chunk::encode_histograms(&times[4..], &histograms[4..], 120).count, 2);
}

#[test]
fn truncation_and_contradictions_are_named() {
    let data = chunk::encode_floats(&[1, 2, 3], &[1.0, 2.0, 3.5]);
    let fail = |e: Encoding, d: &[u8]| decode(e, d, &mut Samples::default()).unwrap_err().to_string();
    assert_eq!(fail(Encoding::Xor, &data[..data.len() - 1]), "the chunk ends within sample 2");
    assert_eq!(fail(Encoding::Xor, &[0]), "the chunk ends within sample 0");
    let back = chunk::encode_floats(&[5, 5], &[1.0, 1.0]);
    assert_eq!(fail(Encoding::Xor, &back), "sample 1 of the chunk: its time is not after the time before");
    // One span of 2^25 buckets in a chunk of a few bytes.
    let bomb = [0, 1, 0, 0, 0b0101_1111, 0b1011_1111, 0xff, 0xff, 0xff, 0, 0, 0];
    assert!(!fail(Encoding::Histogram, &bomb).is_empty());
    assert!(fail(Encoding::Xor, &vec![0; (2 << 20) + 1]).contains("up to 2097152 are supported"));
}
