//! The report about an incident, as people get it.

mod common;

use common::{World, firing};
use env::SimDisk;
use incidents::postmortem::{Change, Context, Issue, Language, report};
use incidents::{Action, Desk, IncidentId, Seen, Settings};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[test]
fn reports() {
    let disk = SimDisk::new(3);
    env::Disk::create_dir_all(&disk, Path::new("/data")).unwrap();
    let start = 1_795_341_600_000;
    let (mut desk, _) =
        Desk::open(Arc::new(disk), PathBuf::from("/data/i"), Settings::default(), Arc::default(), start)
            .unwrap();
    let world = World::default();
    let mut high = firing("HighErrors", &[("service", "checkout"), ("severity", "critical")], start);
    high.annotations = Arc::new([("summary".to_owned(), "checkout *fails*".to_owned())].into());
    high.generator_url = "http://us/graph?g0.expr=rate%28errors%5B5m%5D%29%20%3E%205&g0.tab=1".into();
    let slow = firing("Slow", &[("service", "checkout"), ("severity", "warning")], start + 61_000);
    let act = |desk: &mut Desk, at: i64, action: Action, by: &str| {
        desk.act(|core, out| core.act(at, IncidentId(1), action, by, out)).unwrap();
    };
    desk.act(|core, out| core.observe(start, &high, &world, out));
    desk.act(|core, out| core.observe(start + 61_000, &slow, &world, out));
    act(&mut desk, start + 95_000, Action::Acknowledge, "ann");
    act(&mut desk, start + 96_000, Action::Assign(Some("bob".to_owned())), "ann");
    act(&mut desk, start + 300_000, Action::Note("rolled back\nto 1.4.1 <b>".to_owned()), "bob");
    for (seen, at) in [(slow, 400_000), (high, 600_000)] {
        desk.act(|core, out| core.observe(start + at, &Seen { ends_ms: start + at, ..seen }, &world, out));
    }
    desk.act(|core, out| core.tick(start + 900_000, &world, out));
    let incident = desk.core().get(IncidentId(1)).unwrap();
    let context = Context {
        changes: vec![Change {
            at_ms: start - 120_000,
            kind: "deploy".to_owned(),
            title: "checkout 1.4.2".to_owned(),
        }],
        issues: vec![Issue {
            at_ms: start - 60_000,
            id: "4f1c000000000000".to_owned(),
            title: "TypeError: x is undefined".to_owned(),
            service: "checkout".to_owned(),
            regressed: false,
        }],
    };
    insta::assert_snapshot!("en", report(incident, &[], &context, Language::En, start + 1_000_000));
    insta::assert_snapshot!("zh", report(incident, &[], &context, Language::Zh, start + 1_000_000));
}
