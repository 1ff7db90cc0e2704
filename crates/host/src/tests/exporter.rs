//! Beside the real node exporter on this machine: names, labels, kinds, and values as far as they hold still.

use crate::recorder::Recorder;
use crate::{Collector, Options};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const EXPORTER: &str = "/usr/bin/prometheus-node-exporter";

/// Families of the exporter that are not ours to have, each with the reason.
const LEFT_OUT: [(&str, &str); 6] = [
    ("go_", "the exporter's own runtime"),
    ("process_", "the exporter's own process"),
    ("promhttp_", "the exporter's own server"),
    ("node_exporter_build_info", "watchfire_build_info is ours"),
    ("node_scrape_collector_", "the list of collectors differs"),
    ("node_xfs_", "not collected"),
];

/// Series that versions of the exporter after 1.5 leave out or label otherwise, and we with them.
fn is_of_old_versions(series: &str) -> bool {
    series.contains("device=\"zram")
        || series.starts_with("node_network_speed_bytes")
            && series.ends_with("}")
            && series.contains("device=")
}

struct Exporter {
    child: Child,
    address: String,
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts it on a port of its choice, which it logs.
fn start() -> Option<Exporter> {
    if !std::path::Path::new(EXPORTER).exists() {
        eprintln!("skipped: {EXPORTER} is not installed, so there is nothing to compare with");
        return None;
    }
    let mut command = Command::new(EXPORTER);
    command.args(["--web.listen-address=127.0.0.1:0", "--web.disable-exporter-metrics"]);
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let mut exporter = Exporter { child, address: String::new() };
    let mut lines = log.lines();
    let found = lines.by_ref().map_while(Result::ok).find_map(|line| {
        let address = line.split("address=").nth(1)?.split_ascii_whitespace().next()?;
        Some(address.trim_matches('"').to_owned())
    });
    // The pipe must be read on, or the exporter would block on its log.
    std::thread::spawn(move || lines.for_each(drop));
    exporter.address = found.expect("the exporter logs its address");
    Some(exporter)
}

fn get(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// Series as `name{labels}` with sorted labels, empty ones left out, and families with their kinds.
fn parse(text: &str) -> (BTreeMap<String, f64>, BTreeMap<String, String>) {
    let (mut series, mut kinds) = (BTreeMap::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            kinds.insert(name.to_owned(), kind.replace("untyped", "unknown"));
        } else if !line.starts_with('#') {
            let (name, value) = line.rsplit_once(' ').unwrap();
            series.insert(without_empty(name), value.parse().unwrap());
        }
    }
    (series, kinds)
}

fn without_empty(series: &str) -> String {
    let Some((name, labels)) = series.split_once('{') else { return series.to_owned() };
    let labels = labels.strip_suffix('}').unwrap();
    let kept: Vec<&str> =
        labels.split("\",").map(|l| l.trim_end_matches('"')).filter(|l| !l.ends_with("=")).collect();
    let quoted: Vec<String> =
        kept.iter().map(|l| format!("{l}\"")).filter(|l| !l.ends_with("=\"\"")).collect();
    format!("{name}{{{}}}", quoted.join(", "))
}

/// Values that are the same at any moment of a quiet second.
fn holds_still(name: &str) -> bool {
    const STILL: [&str; 22] = [
        "node_boot_time_seconds",
        "node_disk_info",
        "node_entropy_pool_size_bits",
        "node_filefd_maximum",
        "node_filesystem_files",
        "node_filesystem_readonly",
        "node_filesystem_size_bytes",
        "node_filesystem_device_error",
        "node_memory_MemTotal_bytes",
        "node_memory_CommitLimit_bytes",
        "node_memory_Hugepagesize_bytes",
        "node_memory_SwapTotal_bytes",
        "node_network_flags",
        "node_network_iface_id",
        "node_network_info",
        "node_network_mtu_bytes",
        "node_network_up",
        "node_nf_conntrack_entries_limit",
        "node_os_version",
        "node_time_zone_offset_seconds",
        "node_timex_tick_seconds",
        "node_uname_info",
    ];
    STILL.contains(&name) || name.ends_with("_info")
}

#[test]
fn the_same_series_as_the_node_exporter() {
    let Some(exporter) = start() else { return };
    let mut collector = Collector::new(Options { labels: Vec::new(), ..Options::default() });
    let mut ours = Recorder::default();
    collector.collect(1_700_000_000_000, &mut ours);
    let (theirs, kinds) = parse(&get(&exporter.address));
    let mut after = Recorder::default();
    collector.collect(1_700_000_060_000, &mut after);

    let values =
        |r: &Recorder| -> BTreeMap<String, f64> { r.samples().map(|(l, _, v)| (l.to_string(), v)).collect() };
    let (before, after) = (values(&ours), values(&after));
    let name_of = |series: &str| series.split('{').next().unwrap().to_owned();
    let wanted = |name: &str| !LEFT_OUT.iter().any(|(prefix, _)| name.starts_with(prefix));
    let mut wrong = Vec::new();
    for (name, kind) in kinds.iter().filter(|(name, _)| wanted(name)) {
        match collector.families().get(name) {
            None if name == "node_network_speed_bytes" => {}
            None => wrong.push(format!("{name} ({kind}) is missing")),
            Some(m) if m.kind.as_str() != kind => wrong.push(format!("{name} is a {kind}, not a {}", m.kind)),
            Some(_) => {}
        }
    }
    let mut compared = BTreeSet::new();
    for (series, value) in theirs.iter().filter(|(s, _)| wanted(&name_of(s)) && !is_of_old_versions(s)) {
        // The rotational label came with version 1.9.
        let found = |all: &BTreeMap<String, f64>| {
            let newer = |rotational: &str| {
                let mut labels: Vec<String> =
                    series.trim_end_matches('}').split(", ").map(str::to_owned).collect();
                labels.push(format!("rotational=\"{rotational}\""));
                labels.join(", ") + "}"
            };
            all.get(series).or_else(|| all.get(&newer("0"))).or_else(|| all.get(&newer("1"))).copied()
        };
        let (Some(low), Some(high)) = (found(&before), found(&after)) else {
            wrong.push(format!("{series} is missing"));
            continue;
        };
        let name = name_of(series);
        compared.insert(name.clone());
        let counter = kinds.get(&name).is_some_and(|k| k == "counter");
        let near = 1e-6 * value.abs();
        if holds_still(&name) && (low - value).abs() > near {
            wrong.push(format!("{series} is {value}, not {low}"));
        } else if counter && !(low - near..=high + near).contains(value) {
            wrong.push(format!("{series} is {value}, not from {low} to {high}"));
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared.len() > 150, "only {} families were compared", compared.len());
    eprintln!("{} families and {} series are as the node exporter has them", compared.len(), theirs.len());
}
