//! Against blocks that promtool makes, compared with what promtool dumps of them.

use model::{Labels, METRIC_NAME};
use promblocks::{Block, BlockError};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const PROMTOOL: &str = "/usr/bin/promtool";

/// Series and samples: time in milliseconds and the bits of the value.
type Contents = BTreeMap<String, Vec<(i64, u64)>>;

fn have_promtool() -> bool {
    let have = Path::new(PROMTOOL).exists();
    if !have {
        eprintln!("skipped: {PROMTOOL} is not installed");
    }
    have
}

/// Counters, gauges, jumps, gaps, special values and odd times, over several hours.
fn exposition() -> (String, Contents) {
    let mut text = String::new();
    let mut want = Contents::new();
    let mut state = 7u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    for series in 0..40 {
        let labels = Labels::from_pairs([
            (METRIC_NAME, format!("metric_{}", series % 7)),
            ("instance", format!("host-{series}:9100")),
            ("path", format!("/a \"b\" \\ {series}\n")),
        ])
        .unwrap();
        let (mut t, mut v) = (1_700_000_000_000i64 + series * 13, 0.0f64);
        let mut samples = Vec::new();
        for i in 0..(300 + series * 20) {
            t += match random() % 9 {
                0 => 60_000,
                1 => 15_001,
                2 => 14_999,
                _ => 15_000,
            };
            v = match (series % 4, random() % 50) {
                (_, 0) => f64::INFINITY,
                (_, 1) => f64::NEG_INFINITY,
                (_, 2) => f64::from_bits(0x7ff8_0000_0000_0001),
                (0, _) => i as f64,
                (1, _) if v.is_finite() => v + (random() % 1000) as f64 / 8.0,
                (2, _) => (random() as f64).sqrt(),
                (3, _) => 1.0,
                _ => -0.0,
            };
            samples.push((t, v.to_bits()));
            let name = labels.metric_name();
            let pairs: Vec<String> = labels
                .without_name()
                .iter()
                .map(|(n, v)| {
                    let v = v.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                    format!("{n}=\"{v}\"")
                })
                .collect();
            writeln!(text, "{name}{{{}}} {v} {}.{:03}", pairs.join(","), t / 1000, t % 1000).unwrap();
        }
        want.insert(labels.to_string(), samples);
    }
    text.push_str("# EOF\n");
    (text, want)
}

fn blocks_in(dir: &Path) -> Vec<PathBuf> {
    let mut out: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.join("meta.json").exists())
        .collect();
    out.sort();
    out
}

fn make_blocks(dir: &Path) -> (Vec<PathBuf>, Contents) {
    let (text, want) = exposition();
    let input = dir.join("input.om");
    std::fs::write(&input, text).unwrap();
    let data = dir.join("data");
    let out = Command::new(PROMTOOL)
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&input, &data])
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    (blocks_in(&data), want)
}

fn read(blocks: &[PathBuf]) -> Contents {
    let mut got = Contents::new();
    for path in blocks {
        let block = Block::open(path).unwrap();
        let mut count = 0;
        for batch in block.batches() {
            let (labels, samples) = batch.unwrap();
            assert!(samples.times.is_sorted_by(|a, b| a < b));
            count += samples.len() as u64;
            let series = got.entry(labels.to_string()).or_default();
            series.extend(samples.times.iter().zip(&samples.values).map(|(t, v)| (*t, v.to_bits())));
        }
        assert_eq!(count, block.meta().stats.samples);
    }
    got.values_mut().for_each(|s| s.sort_unstable());
    got
}

#[test]
fn blocks_made_by_promtool_are_read_to_the_last_bit() {
    if !have_promtool() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (blocks, want) = make_blocks(dir.path());
    assert!(blocks.len() > 1, "several blocks are wanted");
    let got = read(&blocks);
    assert_eq!(got.len(), want.len());
    for (series, samples) in &want {
        assert_eq!(got.get(series), Some(samples), "{series}");
    }
}

#[test]
fn promtool_dumps_what_is_read() {
    if !have_promtool() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (blocks, _) = make_blocks(dir.path());
    // What it dumps is a database, which has a write-ahead log.
    std::fs::create_dir(dir.path().join("data/wal")).unwrap();
    let out = Command::new(PROMTOOL).args(["tsdb", "dump"]).arg(dir.path().join("data")).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let dumped = String::from_utf8(out.stdout).unwrap();
    let mut lines: Vec<String> = dumped
        .lines()
        .map(|l| {
            let mut words = l.rsplitn(3, ' ');
            let (t, v) = (words.next().unwrap(), words.next().unwrap());
            let v: f64 = v.parse().unwrap();
            format!("{t} {v}")
        })
        .collect();
    let mut got: Vec<String> =
        read(&blocks).values().flatten().map(|(t, v)| format!("{t} {}", f64::from_bits(*v))).collect();
    lines.sort_unstable();
    got.sort_unstable();
    assert!(lines == got, "{} lines dumped, {} samples read", lines.len(), got.len());
}

#[test]
fn any_flipped_bit_that_matters_is_found_and_located() {
    if !have_promtool() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (blocks, _) = make_blocks(dir.path());
    let block = &blocks[0];
    let whole = read(std::slice::from_ref(block));
    for (file, step) in [("index", 97), ("chunks/000001", 331)] {
        let path = block.join(file);
        let bytes = std::fs::read(&path).unwrap();
        let mut found = 0;
        for at in (0..bytes.len()).step_by(step) {
            let mut bad = bytes.clone();
            bad[at] ^= 1 << (at % 8);
            // A fresh file: blocks are mapped and must not change under their readers.
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, &bad).unwrap();
            let all = Block::open(block).and_then(|b| b.batches().collect::<Result<Vec<_>, _>>());
            match all {
                Err(BlockError::Corrupt { file: named, offset, .. }) => {
                    assert!(named.ends_with(file) || file == "index", "{named:?}");
                    assert!(offset <= bytes.len() as u64);
                    found += 1;
                }
                Err(_) => found += 1,
                // Padding, and the postings, which are not read.
                Ok(_) => {
                    assert!(
                        file == "index" || (5..8).contains(&at),
                        "{file} byte {at}: a flipped bit is not found"
                    );
                    assert_eq!(read(std::slice::from_ref(block)), whole);
                }
            }
        }
        assert!(found > 0);
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, &bytes).unwrap();
    }
}

#[test]
fn tombstones_hide_samples() {
    if !have_promtool() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (blocks, _) = make_blocks(dir.path());
    let block = &blocks[0];
    let whole = read(std::slice::from_ref(block));
    let first = Block::open(block).unwrap().batches().next().unwrap().unwrap();
    let (from, to) = (first.1.times[3], first.1.times[10]);
    // References are positions in the index divided by 16; the first series follows the symbols.
    let index = std::fs::read(block.join("index")).unwrap();
    let reference =
        promblocks::file::Index::open(&index).unwrap().series_from(0).unwrap().unwrap().0.reference;
    let mut body = Vec::new();
    let uvarint = |out: &mut Vec<u8>, mut v: u64| {
        while v >= 0x80 {
            out.push(v as u8 | 0x80);
            v >>= 7;
        }
        out.push(v as u8);
    };
    uvarint(&mut body, reference);
    uvarint(&mut body, (from as u64) << 1);
    uvarint(&mut body, (to as u64) << 1);
    let mut file = vec![0x01, 0x30, 0xba, 0x30, 1];
    file.extend_from_slice(&body);
    file.extend_from_slice(&crc32c::crc32c(&body).to_be_bytes());
    std::fs::write(block.join("tombstones"), &file).unwrap();
    let mut got = Contents::new();
    for batch in Block::open(block).unwrap().batches() {
        let (labels, samples) = batch.unwrap();
        got.entry(labels.to_string())
            .or_default()
            .extend(samples.times.iter().zip(&samples.values).map(|(t, v)| (*t, v.to_bits())));
    }
    let mut want = whole;
    want.get_mut(&first.0.to_string()).unwrap().retain(|(t, _)| !(from..=to).contains(t));
    assert_eq!(got, want);

    file[6] ^= 1;
    std::fs::write(block.join("tombstones"), &file).unwrap();
    let e = Block::open(block).err().unwrap().to_string();
    assert!(e.contains("tombstones at byte 5: the list of tombstones has the checksum"), "{e}");
}
