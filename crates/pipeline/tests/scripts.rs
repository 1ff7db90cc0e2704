//! Pipelines on lines: each file of `scripts/` holds a pipeline and, after `---`, lines of a stream of nginx. What every
//! stage makes of each is a snapshot. A new case needs no Rust.

use model::Labels;
use pipeline::{Explained, PipelineConfig, Pipelines, Shown};
use std::fmt::Write;
use std::path::Path;

/// 2026-11-21T12:00:00Z.
const NOW_NS: i64 = 1_795_262_400_000_000_000;

fn shown(r: &Shown) -> String {
    let pairs = |all: &[(String, String)]| all.iter().map(|(n, v)| format!(" {n}={v:?}")).collect::<String>();
    let time = if r.time_ns == NOW_NS { "now".to_owned() } else { r.time_ns.to_string() };
    let mut out = format!("{time} {} {:?}{}", r.level, r.body, pairs(&r.attributes));
    if !r.labels.is_empty() {
        let _ = write!(out, " labels:{}", pairs(&r.labels));
    }
    if !r.trace_id.is_empty() {
        let _ = write!(out, " trace {} span {}", r.trace_id, r.span_id);
    }
    out
}

fn printed(all: &[Explained]) -> String {
    let mut out = String::new();
    for e in all {
        let _ = writeln!(out, "> {}", e.line);
        for step in &e.steps {
            let note = if step.note.is_empty() { String::new() } else { format!(": {}", step.note) };
            let _ = writeln!(out, "  {}{note}", step.stage);
            if let Some(record) = &step.record {
                let _ = writeln!(out, "    {}", shown(record));
            }
        }
    }
    out
}

#[test]
fn scripts() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let labels = Labels::from_pairs([("service.name", "nginx")]).unwrap();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let (yaml, lines) = text.split_once("---\n").unwrap();
        let config: PipelineConfig = serde_saphyr::from_str(yaml).unwrap_or_else(|e| panic!("{file:?}: {e}"));
        let lines: Vec<&str> = lines.lines().collect();
        let explained = Pipelines::explain(&config, &labels, &lines, NOW_NS).unwrap();
        insta::assert_snapshot!(file.file_stem().unwrap().to_str().unwrap(), printed(&explained));
    }
}
