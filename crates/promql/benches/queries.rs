//! Time of queries over series in memory: 3,000 series of 1,440 samples (6 h at 15 s), 360 steps of a minute.

use criterion::{Criterion, criterion_group, criterion_main};
use model::{Labels, Samples};
use promql::{Control, Engine, Selection, SeriesSet, Source, SourceError, Value, parse};
use std::hint::black_box;

const SERIES: usize = 3000;
const SAMPLES: i64 = 1440;
const INTERVAL: i64 = 15_000;

struct Synthetic(Vec<(Labels, Samples)>);

struct Chosen<'a>(Vec<&'a (Labels, Samples)>);

impl Source for Synthetic {
    fn select(&self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + '_>, SourceError> {
        let chosen = self.0.iter().filter(|(labels, _)| {
            selection.matchers.iter().all(|m| m.matches(labels.get(m.name()).unwrap_or("")))
        });
        Ok(Box::new(Chosen(chosen.collect())))
    }
}

impl SeriesSet for Chosen<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn labels(&self, i: usize) -> &Labels {
        &self.0[i].0
    }
    fn read(&self, i: usize, out: &mut Samples) -> Result<(), SourceError> {
        out.clone_from(&self.0[i].1);
        Ok(())
    }
}

fn synthetic() -> Synthetic {
    let series = (0..SERIES).map(|i| {
        let le = ["0.1", "0.5", "1", "5", "10", "+Inf"][i % 6];
        let (instance, path) = (format!("host-{:02}", i / 6 % 50), format!("/p{}", i / 300));
        let pairs = [
            ("__name__", "http_request_duration_seconds_bucket"),
            ("instance", &instance),
            ("job", "api"),
            ("le", le),
            ("path", &path),
        ];
        let labels = Labels::from_pairs(pairs).expect("labels");
        let times: Vec<i64> = (0..SAMPLES).map(|t| t * INTERVAL + (i as i64 * 37) % INTERVAL).collect();
        // A counter that is reset once.
        let reset = (i as i64 * 7919) % SAMPLES;
        let values =
            (0..SAMPLES).map(|t| ((t - if t < reset { 0 } else { reset }) * (1 + i as i64 % 7)) as f64);
        (labels, Samples { times, values: values.collect(), ..Samples::default() })
    });
    Synthetic(series.collect())
}

fn queries(c: &mut Criterion) {
    let source = synthetic();
    let engine = Engine::default();
    let control = Control::new();
    let mut group = c.benchmark_group("range");
    group.sample_size(10);
    for query in [
        "http_request_duration_seconds_bucket",
        "sum by (instance) (rate(http_request_duration_seconds_bucket[5m]))",
        "sum by (instance) (http_request_duration_seconds_bucket)",
        "avg_over_time(http_request_duration_seconds_bucket[5m])",
        "max by (path) (max_over_time(http_request_duration_seconds_bucket[1h]))",
        "histogram_quantile(0.9, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))",
        "topk(5, http_request_duration_seconds_bucket)",
        "http_request_duration_seconds_bucket / on (instance, path, le) http_request_duration_seconds_bucket",
    ] {
        let expr = parse(query).expect(query);
        group.bench_function(query, |b| {
            b.iter(|| {
                let end = SAMPLES * INTERVAL;
                let output = engine.range(&source, &expr, end - 359 * 60_000, end, 60_000, &control);
                match output.map(|o| o.value) {
                    Ok(Value::Matrix(m)) if !m.is_empty() => black_box(m.len()),
                    other => panic!("{query}: {other:?}"),
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, queries);
criterion_main!(benches);
