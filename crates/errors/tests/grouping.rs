//! How well grouping agrees with people, over the corpus in `corpus/`.
//!
//! Each file holds events, one after the other: a line `### LABEL`, then what was sent. What begins with `{` and is an event
//! of a Sentry SDK is read as one, everything else as a log line with a stack trace in it. Events with one label are one
//! failure in the eyes of whoever would repair it, whoever told of it and however it reads.

use errors::{Event, EventId, Item, group, text};
use ingest::sentry::{SentryLimits, store};
use std::collections::BTreeMap;
use std::path::Path;

struct Case {
    label: String,
    event: Event,
}

fn corpus() -> Vec<Case> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "txt"));
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let content = std::fs::read_to_string(&file).unwrap();
        for part in content.split("### ").filter(|p| !p.trim().is_empty()) {
            let (label, sent) = part.split_once('\n').unwrap();
            let sent = sent.strip_suffix('\n').unwrap_or(sent);
            let event =
                read(sent).unwrap_or_else(|| panic!("{}: {label}: nothing found in {sent}", file.display()));
            cases.push(Case { label: label.trim().to_owned(), event });
        }
    }
    cases
}

fn read(sent: &str) -> Option<Event> {
    let is_event = sent.starts_with('{')
        && ["\"exception\"", "\"message\"", "\"logentry\""].iter().any(|k| sent.contains(k));
    if is_event {
        let contents = store(sent.as_bytes(), EventId([1; 16]), 1, &SentryLimits::default()).ok()?;
        return contents.items.into_iter().find_map(|item| match item {
            Item::Event(event) => Some(*event),
            _ => None,
        });
    }
    if !text::may_hold(sent) {
        return None;
    }
    let mut event = Event::default();
    text::find(sent)?.into_event(&mut event);
    Some(event)
}

#[test]
fn grouping_agrees_with_the_labels() {
    let cases = corpus();
    let groups: Vec<_> = cases.iter().map(|c| group("project", &c.event)).collect();
    let labels: BTreeMap<&str, usize> = cases.iter().fold(BTreeMap::new(), |mut all, c| {
        *all.entry(c.label.as_str()).or_default() += 1;
        all
    });
    assert!(cases.len() >= 150 && labels.len() >= 40, "{} events of {} failures", cases.len(), labels.len());
    let (mut agree, mut pairs, mut both, mut by_label, mut by_group) = (0u64, 0u64, 0u64, 0u64, 0u64);
    let mut wrong: BTreeMap<String, String> = BTreeMap::new();
    for a in 0..cases.len() {
        for b in a + 1..cases.len() {
            let (same_label, same_group) =
                (cases[a].label == cases[b].label, groups[a].hash == groups[b].hash);
            pairs += 1;
            agree += u64::from(same_label == same_group);
            both += u64::from(same_label && same_group);
            by_label += u64::from(same_label);
            by_group += u64::from(same_group);
            if same_label != same_group {
                let what = if same_label { "is apart" } else { "is together with" };
                let key = format!("{} {what} {}", cases[a].label, cases[b].label);
                wrong
                    .entry(key)
                    .or_insert_with(|| format!("{:?}\n    {:?}", groups[a].parts, groups[b].parts));
            }
        }
    }
    // Most pairs are of different failures, so agreement alone says little: what is together must be so rightly, and what
    // belongs together must be so.
    let of = |n: u64, all: u64| n as f64 / all.max(1) as f64;
    let (precision, recall) = (of(both, by_group), of(both, by_label));
    let report: String = wrong.iter().map(|(what, why)| format!("{what}\n    {why}\n")).collect();
    println!(
        "{} events of {} failures: agreement {:.4}, precision {precision:.4}, recall {recall:.4}\n{report}",
        cases.len(),
        labels.len(),
        of(agree, pairs)
    );
    assert!(of(agree, pairs) >= 0.95 && precision >= 0.95 && recall >= 0.95, "{report}");
}
