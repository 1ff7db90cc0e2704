//! Groups at work over a small source, as far as promtool's old version does not know it.

use model::{Labels, Samples, is_stale};
use promql::{Control, Engine, Point, Selection, SeriesSet, Source, SourceError};
use rules::{EngineQueries, FileOptions, Refused, RuleFile, RunningGroup, Sink, Surroundings};

/// Series whose value is the minute; those of `ended` end after that minute.
struct Minutes {
    series: Vec<Labels>,
    ended: i64,
}

struct Chosen(Vec<Labels>, i64);

impl Source for Minutes {
    fn select(&self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + '_>, SourceError> {
        let fits = |l: &&Labels| selection.matchers.iter().all(|m| m.matches(l.get(m.name()).unwrap_or("")));
        Ok(Box::new(Chosen(self.series.iter().filter(fits).cloned().collect(), self.ended)))
    }
}

impl SeriesSet for Chosen {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn labels(&self, i: usize) -> &Labels {
        &self.0[i]
    }

    fn read(&self, i: usize, out: &mut Samples) -> Result<(), SourceError> {
        out.clear();
        let last = if self.0[i].get("short").is_some() { self.1 } else { 1000 };
        for minute in 0..=last {
            out.times.push(minute * 60_000);
            out.values.push(minute as f64);
        }
        if last < 1000 {
            out.times.push((last + 1) * 60_000);
            out.values.push(model::stale_nan());
        }
        Ok(())
    }
}

/// What was appended: `series value @seconds`.
#[derive(Default)]
struct Taken(Vec<String>);

impl Sink for Taken {
    fn append(&mut self, labels: &Labels, time_ms: i64, value: &Point) -> Result<(), Refused> {
        if labels.get("refused").is_some() {
            return Err(Refused("this one is not taken".to_owned()));
        }
        let shown = match value {
            Point::Float(v) if is_stale(*v) => "stale".to_owned(),
            Point::Float(v) => v.to_string(),
            Point::Histogram(h) => h.to_string(),
        };
        self.0.push(format!("{labels} {shown} @{}", time_ms / 1000));
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Refused> {
        Ok(())
    }
}

fn source() -> Minutes {
    let labels = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied()).unwrap();
    let series = vec![
        labels(&[("__name__", "m"), ("a", "1")]),
        labels(&[("__name__", "m"), ("a", "2"), ("short", "yes")]),
    ];
    Minutes { series, ended: 3 }
}

fn group(text: &str) -> RunningGroup {
    let file = RuleFile::parse(text, FileOptions::default()).unwrap();
    RunningGroup::new(file.groups.into_iter().next().unwrap(), 0)
}

/// Evaluates at a minute and gives what was appended and what went wrong.
fn evaluate(group: &mut RunningGroup, minute: i64) -> (Vec<String>, Vec<String>) {
    let (source, engine, control) = (source(), Engine::default(), Control::new());
    let queries = EngineQueries { engine: &engine, source: &source, control: &control };
    let mut taken = Taken::default();
    let outcome = group.evaluate(minute * 60_000, &Surroundings::default(), &queries, &mut taken);
    let errors = outcome.rules.iter().filter_map(|r| r.error.as_ref()).map(ToString::to_string).collect();
    (taken.0, errors)
}

#[test]
fn an_offset_moves_query_and_samples() {
    let mut g = group(
        "groups: [{name: g, query_offset: 2m, labels: {t: x}, rules: [{record: r, expr: 'm{a=\"1\"}'}]}]",
    );
    let (taken, errors) = evaluate(&mut g, 10);
    assert_eq!((taken, errors), (vec![r#"r{a="1", t="x"} 8 @480"#.to_owned()], vec![]));
}

#[test]
fn series_that_end_are_marked() {
    let mut g =
        group("groups: [{name: g, rules: [{record: r, expr: m}, {alert: A, expr: 'm{short=\"yes\"} > 1'}]}]");
    assert_eq!(evaluate(&mut g, 3).0.len(), 4);
    let (taken, _) = evaluate(&mut g, 4);
    assert_eq!(
        taken,
        [
            r#"r{a="1"} 4 @240"#,
            r#"r{a="2", short="yes"} stale @240"#,
            r#"ALERTS{a="2", alertname="A", alertstate="firing", short="yes"} stale @240"#,
            r#"ALERTS_FOR_STATE{a="2", alertname="A", short="yes"} stale @240"#,
        ]
    );
    assert_eq!(evaluate(&mut g, 5).0, [r#"r{a="1"} 5 @300"#]);
}

#[test]
fn limits_and_same_labels_are_errors() {
    let mut g = group(
        "groups: [{name: g, limit: 1, rules: [{record: r, expr: m}, {alert: A, expr: m}, \
         {alert: B, expr: m, labels: {a: x, short: ''}}, {record: s, expr: sum(m)}, {record: q, expr: '\"text\"'}]}]",
    );
    let (taken, errors) = evaluate(&mut g, 2);
    assert_eq!(
        errors,
        [
            "exceeded limit of 1 with 2 series",
            "exceeded limit of 1 with 2 alerts",
            "vector contains metrics with the same labelset after applying alert labels",
            "rule result is not a vector or scalar",
        ]
    );
    assert_eq!(taken, ["s 4 @120"]);
}

#[test]
fn what_is_refused_is_told_and_the_rest_kept() {
    let mut g = group(
        "groups: [{name: g, rules: [{record: r, expr: 'm or label_replace(m, \"refused\", \"x\", \"a\", \".*\")'}]}]",
    );
    let (taken, errors) = evaluate(&mut g, 2);
    assert_eq!((taken.len(), errors), (2, vec!["this one is not taken".to_owned()]));
}

#[test]
fn a_new_configuration_takes_over_what_is_known() {
    let before = "groups: [{name: g, rules: [{alert: A, expr: m > 0, for: 5m}, {record: gone, expr: m}]}]";
    let after = "groups: [{name: g, rules: [{record: n, expr: m}, {alert: A, expr: m > 1, for: 5m}]}]";
    let mut old = group(before);
    evaluate(&mut old, 1);
    let mut new = group(after);
    let left = new.take_over(old);
    assert_eq!(
        left.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [r#"gone{a="1"}"#, r#"gone{a="2", short="yes"}"#]
    );
    let active: Vec<i64> = new.rules()[1].alerts.iter().map(|a| a.active_at_ms).collect();
    assert_eq!(active, [60_000, 60_000]);
}
