//! What messages of the kernel and of systemd mean, and which of them a watcher sees.

use agent::LogsConfig;
use agent::watch::classify::{journal, kernel};
use agent::watch::{EventWatcher, WATCHER, WatchConfig};
use model::record::{Accepted, Delivery, RecordBatch, RecordSink, RecordsDone, SenderId};
use parking_lot::Mutex;
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn messages_of_the_kernel() {
    let lines = [
        "Out of memory: Killed process 1234 (java) total-vm:8000kB, anon-rss:1kB, file-rss:0kB",
        "Memory cgroup out of memory: Killed process 77 (node) total-vm:1kB",
        "oom_reaper: reaped process 1234 (java), now anon-rss:0kB",
        "blk_update_request: I/O error, dev sda, sector 2048 op 0x0:(READ)",
        "Buffer I/O error on dev dm-0, logical block 7, async page read",
        "EXT4-fs error (device sdb1): ext4_find_entry:1455: inode #2",
        "EXT4-fs (sdb1): Remounting filesystem read-only",
        "EXT4-fs (sdb1): mounted filesystem with ordered data mode",
        "XFS (vdb): Mounting V5 Filesystem",
        "XFS (vdb): Metadata corruption detected at xfs_agf_read_verify",
        "nvme nvme0: I/O 12 QID 3 timeout, aborting",
        "ata1.00: failed command: READ FPDMA QUEUED",
        "e1000e 0000:00:19.0 eth0: NIC Link is Down",
        "igb 0000:01:00.0 eno1: igb: eno1 NIC Link is Up 1000 Mbps Full Duplex",
        "r8169 0000:02:00.0 enp2s0: Link is Up - 1Gbps/Full - flow control rx/tx",
        "veth12ab: Link is Down",
        "java[123]: segfault at 0 ip 00007f sp 00007f error 4 in libc.so.6[7f]",
        "traps: nginx[7] general protection fault ip:55 sp:7f error:0",
        "INFO: task jbd2/sda1-8:301 blocked for more than 120 seconds.",
        "watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [kworker/1:2:99]",
        "mce: [Hardware Error]: CPU 0: Machine Check Exception: 5 Bank 4",
        "EDAC MC0: 1 CE memory read error on CPU_SrcID#0",
        "usb 1-1: new high-speed USB device number 2",
        "Linux version 6.1.0",
        "x",
        "[",
        "",
    ];
    let all: Vec<String> = lines
        .iter()
        .map(|line| match kernel(line) {
            None => format!("{line}\n    nothing"),
            Some(f) => format!(
                "{line}\n    {} {} | {} | {} | {:?}",
                f.kind,
                f.severity.text(),
                f.title,
                f.subject,
                f.attributes
            ),
        })
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn entries_of_the_journal() {
    let lines = [
        r#"{"_TRANSPORT":"kernel","MESSAGE":"eth0: Link is Down"}"#,
        r#"{"MESSAGE_ID":"d9b373ed55a64feb8242e02dbe79a49c","UNIT":"nginx.service","UNIT_RESULT":"exit-code","MESSAGE":"nginx.service: Failed with result 'exit-code'."}"#,
        r#"{"MESSAGE_ID":"5eb03494b6584870a536b337290809b3","UNIT":"nginx.service","N_RESTARTS":"3"}"#,
        r#"{"MESSAGE_ID":"fe6faa94e7774663a0da52717891d8ef","USER_UNIT":"a.scope"}"#,
        r#"{"MESSAGE_ID":"d9b373ed55a64feb8242e02dbe79a49c"}"#,
        r#"{"MESSAGE":"hello","UNIT":"x.service"}"#,
    ];
    let all: Vec<String> = lines
        .iter()
        .map(|line| {
            format!(
                "{line}\n    {:?}",
                journal(serde_json::from_str::<Value>(line).unwrap().as_object().unwrap())
            )
        })
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

proptest::proptest! {
    #[test]
    fn no_text_is_a_fault(text in "(Out of memory: Killed process |I/O error, dev |ink is Down|:|\\[|\\]|\\(|segfault at|INFO: task | blocked for more than |é| |[a-z0-9]){0,12}") {
        kernel(&text);
    }
}

/// What a watcher handed over, and what was handed over before.
struct Kept {
    before: Option<Delivery>,
    batches: Mutex<Vec<RecordBatch>>,
}

impl RecordSink for Kept {
    fn append(&self, batch: RecordBatch) -> RecordsDone {
        let accepted = Accepted { records: batch.len() as u64, ..Accepted::default() };
        self.batches.lock().push(batch);
        Box::pin(std::future::ready(Ok(accepted)))
    }

    fn last_delivery(&self, _: &SenderId) -> Option<Delivery> {
        let batches = self.batches.lock();
        batches.last().and_then(RecordBatch::delivery).cloned().or_else(|| self.before.clone())
    }
}

/// The program that writes journals for others.
const JOURNAL_WRITER: &str = "/lib/systemd/systemd-journal-remote";

/// Watches a journal of three runs of the system until so many events are there; gives their titles.
fn watched(dir: &std::path::Path, state: Option<String>, events: usize) -> Vec<String> {
    let before = state.map(|s| Delivery { sender: WATCHER, sequence: 7, state: s.into_bytes() });
    let sink = Arc::new(Kept { before, batches: Mutex::default() });
    let logs =
        LogsConfig { journald: Some(true), journald_dir: Some(dir.to_owned()), ..LogsConfig::default() };
    let clock = Arc::new(env::RealClock::new());
    let mut watcher =
        EventWatcher::start(&WatchConfig::default(), &logs, "h".into(), sink.clone(), clock).unwrap();
    let titles = || -> Vec<String> {
        let batches = sink.batches.lock();
        let all = batches.iter().flat_map(|b| {
            b.iter().filter_map(|r| r.record.body.as_str().map(str::to_owned)).collect::<Vec<_>>()
        });
        all.filter(|title| !title.contains("was booted")).collect()
    };
    for _ in 0..3000 {
        if titles().len() >= events {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    watcher.stop();
    titles()
}

#[test]
fn what_the_journal_has_of_the_run_before_is_seen_after_a_reboot() {
    let journalctl = Command::new("journalctl").arg("--version").output();
    if journalctl.is_err() || !std::path::Path::new(JOURNAL_WRITER).exists() {
        eprintln!(
            "skipped: there is no journalctl (systemd) or no {JOURNAL_WRITER} (systemd-journal-remote)"
        );
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let now = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let (older, old) = ("0a".repeat(16), "0b".repeat(16));
    let mut entries = String::new();
    for (n, (boot, text)) in [
        (older.as_str(), "eth1: Link is Down"),
        (old.as_str(), "usb 1-1: a new device"),
        (old.as_str(), "Out of memory: Killed process 7 (java) total-vm:1kB"),
        (now.trim(), "eth0: Link is Down"),
    ]
    .into_iter()
    .enumerate()
    {
        entries.push_str(&format!(
            "__REALTIME_TIMESTAMP={}\n__MONOTONIC_TIMESTAMP={}\n_BOOT_ID={}\n_MACHINE_ID={:032x}\n_TRANSPORT=kernel\nMESSAGE={text}\n\n",
            1_700_000_000_000_000u64 + n as u64 * 1_000_000,
            n + 1,
            boot.replace('-', ""),
            11
        ));
    }
    let journal = dir.path().join("system.journal");
    let mut writer = Command::new(JOURNAL_WRITER)
        .args([std::ffi::OsStr::new("-o"), journal.as_os_str(), std::ffi::OsStr::new("-")])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    writer.stdin.take().unwrap().write_all(entries.as_bytes()).unwrap();
    assert!(writer.wait().unwrap().success());
    let (down, killed) = ("Network link eth0 is down", "Out of memory: java (process 7) was killed");
    assert_eq!(watched(dir.path(), None, 1), [down], "nothing was watched before");
    assert_eq!(watched(dir.path(), Some(format!(r#"{{"boot":"{}"}}"#, now.trim())), 1), [down]);
    let dashed = format!("{}-{}-{}-{}-{}", &old[..8], &old[8..12], &old[12..16], &old[16..20], &old[20..]);
    assert_eq!(watched(dir.path(), Some(format!(r#"{{"boot":"{dashed}"}}"#)), 2), [killed, down]);
}
