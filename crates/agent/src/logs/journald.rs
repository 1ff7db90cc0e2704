//! The systemd journal, through `journalctl`: its files are read by the program that knows all their versions, and its
//! library, which is under another licence, is not linked.

use super::config::{LogsConfig, Start};
use super::lines::{Line, Lines};
use super::records::{Builder, Entry};
use model::Labels;
use model::record::Severity;
use serde_json::{Map, Value};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;

const PROGRAM: &str = "journalctl";
/// Bytes of an entry as JSON; larger ones (core dumps are entries, too) are left out.
const ENTRY_BYTES_MAX: usize = 256 << 10;
/// Entries that are read ahead.
const AHEAD_MAX: usize = 64;
/// Attributes of an entry.
const ATTRIBUTES_MAX: usize = 64;
/// Pauses before it is started again, doubled from the first to the last.
const RESTART_MS: std::ops::RangeInclusive<i64> = 5_000..=300_000;

/// Whether there is a journal that we may read, in a directory that was named or in the usual ones, and the program to do
/// it.
pub(crate) fn is_readable(named: Option<&Path>) -> bool {
    let usual = ["/var/log/journal", "/run/log/journal"];
    is_installed() && (named.is_some() || usual.iter().any(|dir| has_system_journal(Path::new(dir))))
}

fn is_installed() -> bool {
    let dirs = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&dirs).any(|dir| dir.join(PROGRAM).is_file())
}

fn has_system_journal(dir: &Path) -> bool {
    let Ok(machines) = std::fs::read_dir(dir) else { return false };
    machines.flatten().any(|m| std::fs::File::open(m.path().join("system.journal")).is_ok())
}

/// What entries of this machine have.
fn machine_id() -> Option<String> {
    let id = std::fs::read_to_string("/etc/machine-id").ok()?;
    Some(id.trim()).filter(|id| !id.is_empty()).map(|id| format!("_MACHINE_ID={id}"))
}

/// Follows the journal.
pub(crate) struct Journal {
    program: PathBuf,
    dir: Option<PathBuf>,
    start: Start,
    /// Which entries: those that fit all of one of these, `FIELD=value` each.
    wanted: Vec<Vec<String>>,
    host: String,
    cursor: Option<String>,
    running: Option<Running>,
    /// When it is started (again), Unix milliseconds.
    due_ms: i64,
    pause_ms: i64,
    pub entries: u64,
    pub bytes: u64,
    pub left_out: u64,
    /// Why it is not read at the moment; empty if it is.
    pub problem: String,
}

struct Running {
    child: Child,
    entries: Receiver<Vec<u8>>,
    threads: Vec<JoinHandle<Option<String>>>,
}

impl Journal {
    /// A reader that goes on behind `cursor`, or begins where the configuration says.
    pub fn new(config: &LogsConfig, cursor: Option<String>, host: &str) -> Journal {
        Journal {
            program: PROGRAM.into(),
            dir: config.journald_dir.clone(),
            start: config.start,
            wanted: vec![Vec::new()],
            host: host.to_owned(),
            cursor,
            running: None,
            due_ms: i64::MIN,
            pause_ms: *RESTART_MS.start(),
            entries: 0,
            bytes: 0,
            left_out: 0,
            problem: String::new(),
        }
    }

    /// A reader of the entries that match, from the first one or after a cursor.
    pub fn matching(
        config: &LogsConfig,
        cursor: Option<String>,
        host: &str,
        matches: Vec<Vec<String>>,
    ) -> Journal {
        let mut journal = Journal::new(config, cursor, host);
        journal.start = Start::Beginning;
        journal.wanted = matches;
        journal
    }

    /// The cursor of the last entry that was given.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Adds entries to a batch until it has `bytes_max`. Returns whether there is more at once.
    pub(super) fn gather(&mut self, builder: &mut Builder, bytes_max: usize, now_ms: i64) -> bool {
        if self.running.is_none() && now_ms >= self.due_ms {
            self.start(now_ms);
        }
        while builder.bytes() < bytes_max {
            match self.next(now_ms) {
                Some(Some(fields)) => self.write(&fields, builder, now_ms),
                Some(None) => {}
                None => return false,
            }
        }
        true
    }

    /// Gives entries, so many at most. Returns whether there is more at once.
    pub fn each(&mut self, most: usize, now_ms: i64, give: &mut dyn FnMut(&Map<String, Value>)) -> bool {
        if self.running.is_none() && now_ms >= self.due_ms {
            self.start(now_ms);
        }
        for _ in 0..most {
            match self.next(now_ms) {
                Some(Some(fields)) => give(&fields),
                Some(None) => {}
                None => return false,
            }
        }
        true
    }

    /// The next entry, if it can be read; `None` if there is none yet.
    fn next(&mut self, now_ms: i64) -> Option<Option<Map<String, Value>>> {
        match self.running.as_ref()?.entries.try_recv() {
            Ok(bytes) => Some(self.take(&bytes)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                self.ended(now_ms);
                None
            }
        }
    }

    fn start(&mut self, now_ms: i64) {
        let mut command = Command::new(&self.program);
        // Following means the present run of the system, unless journals are merged: those of other machines, too.
        command.args(["--output=json", "--follow", "--merge", "--all", "--no-pager"]);
        let machine = match &self.dir {
            Some(dir) => {
                command.arg("--directory").arg(dir);
                None
            }
            None => machine_id(),
        };
        match (&self.cursor, self.start) {
            (Some(cursor), _) => command.arg("--no-tail").arg(format!("--after-cursor={cursor}")),
            (None, Start::Beginning) => command.arg("--no-tail"),
            (None, Start::End) => command.arg("--lines=0"),
        };
        for (n, all_of) in self.wanted.iter().enumerate() {
            command.args((n > 0).then_some("+")).args(all_of).args(&machine);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        ends_with_us(&mut command);
        match command.spawn().and_then(Running::of) {
            Ok(running) => {
                self.running = Some(running);
                self.problem.clear();
            }
            Err(e) => {
                let reason = match e.kind() {
                    std::io::ErrorKind::NotFound => format!("{PROGRAM} is not installed"),
                    _ => format!("{PROGRAM} cannot be started: {e}"),
                };
                self.pause(reason, now_ms);
            }
        }
    }

    fn pause(&mut self, reason: String, now_ms: i64) {
        if self.problem != reason {
            tracing::warn!(reason, "the systemd journal is not read");
        }
        self.problem = reason;
        self.due_ms = now_ms.saturating_add(self.pause_ms);
        self.pause_ms = (self.pause_ms * 2).min(*RESTART_MS.end());
    }

    fn ended(&mut self, now_ms: i64) {
        let said = self.running.take().and_then(Running::end).unwrap_or_default();
        let said = if said.is_empty() { "without a word".to_owned() } else { said };
        self.pause(format!("{PROGRAM} has ended: {said}"), now_ms);
    }

    fn take(&mut self, bytes: &[u8]) -> Option<Map<String, Value>> {
        self.bytes += bytes.len() as u64;
        let Ok(Value::Object(fields)) = serde_json::from_slice(bytes) else {
            self.left_out += 1;
            return None;
        };
        self.pause_ms = *RESTART_MS.start();
        if let Some(cursor) = text(&fields, "__CURSOR") {
            self.cursor = Some(cursor);
        }
        Some(fields)
    }

    fn write(&mut self, fields: &Map<String, Value>, builder: &mut Builder, now_ms: i64) {
        let Some(message) = text(fields, "MESSAGE").filter(|m| !m.is_empty()) else { return };
        let labels = labels(fields, &self.host);
        let attributes = attributes(fields);
        let entry = Entry {
            time_ns: time(fields),
            severity: text(fields, "PRIORITY").map_or(Severity::UNKNOWN, |p| severity(&p)),
            text: &message,
            attributes: &attributes,
        };
        builder.entry(&labels, &entry, now_ms.saturating_mul(1_000_000));
        self.entries += 1;
    }
}

/// A program that follows a quiet journal would not notice that we were killed: the kernel tells it, when the thread that
/// started it ends.
fn ends_with_us(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    let ask = || {
        // SAFETY: prctl with this option takes a number and touches no memory.
        match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec only prctl is called, which is a plain system call; no memory is allocated.
    unsafe { command.pre_exec(ask) };
}

impl Running {
    fn of(mut child: Child) -> std::io::Result<Running> {
        let (tell, entries) = sync_channel(AHEAD_MAX);
        let missing = || std::io::Error::other("it has no output");
        let (out, err) = (child.stdout.take().ok_or_else(missing)?, child.stderr.take().ok_or_else(missing)?);
        let named = |name: &str| std::thread::Builder::new().name(name.into());
        let threads = vec![
            named("journal-out").spawn(move || {
                read(out, &tell);
                None
            })?,
            named("journal-err").spawn(move || last_line(err))?,
        ];
        Ok(Running { child, entries, threads })
    }

    /// Ends it; gives the last line of what it complained of.
    fn end(mut self) -> Option<String> {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        drop(self.entries);
        let said: Vec<String> = self.threads.into_iter().filter_map(|t| t.join().ok().flatten()).collect();
        said.into_iter().next()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.end();
        }
    }
}

/// Reads entries until the program ends or nobody wants them any more.
fn read(mut from: impl Read, to: &SyncSender<Vec<u8>>) {
    let (mut lines, mut buffer, mut at) = (Lines::new(ENTRY_BYTES_MAX), vec![0; 64 << 10], 0);
    let mut wanted = true;
    while wanted {
        let n = match from.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(n) => n,
        };
        lines.push(&buffer[..n], at, &mut |line: Line<'_>| {
            wanted = wanted && to.send(line.bytes.to_vec()).is_ok();
        });
        at += n as u64;
    }
}

fn last_line(mut from: impl Read) -> Option<String> {
    let (mut lines, mut buffer, mut last) = (Lines::new(512), [0; 1024], None);
    while let Ok(n) = from.read(&mut buffer)
        && n > 0
    {
        lines.push(&buffer[..n], 0, &mut |line: Line<'_>| {
            last = Some(String::from_utf8_lossy(line.bytes).into_owned());
        });
    }
    last
}

/// A field as text: a string, the bytes of what is no text, or the first of several values.
fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    match fields.get(name)? {
        Value::String(s) => Some(s.clone()),
        Value::Array(items) if items.iter().all(Value::is_u64) => {
            let bytes: Vec<u8> = items.iter().filter_map(|n| u8::try_from(n.as_u64()?).ok()).collect();
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
        Value::Array(items) => items.first()?.as_str().map(str::to_owned),
        _ => None,
    }
}

fn time(fields: &Map<String, Value>) -> Option<i64> {
    let micros = text(fields, "_SOURCE_REALTIME_TIMESTAMP").or_else(|| text(fields, "__REALTIME_TIMESTAMP"));
    micros?.parse::<i64>().ok()?.checked_mul(1000)
}

/// What an entry says, and when it was said.
pub(crate) fn text_and_time(fields: &Map<String, Value>) -> (String, Option<i64>) {
    (text(fields, "MESSAGE").unwrap_or_default(), time(fields))
}

fn severity(priority: &str) -> Severity {
    match priority {
        "0" => Severity::FATAL,
        "1" => Severity::from_number(19),
        "2" => Severity::CRITICAL,
        "3" => Severity::ERROR,
        "4" => Severity::WARN,
        "5" => Severity::NOTICE,
        "6" => Severity::INFO,
        "7" => Severity::DEBUG,
        _ => Severity::UNKNOWN,
    }
}

fn labels(fields: &Map<String, Value>, host: &str) -> Labels {
    let unit = text(fields, "_SYSTEMD_UNIT").or_else(|| text(fields, "UNIT"));
    let service = unit
        .filter(|u| u.ends_with(".service"))
        .map(|u| u.trim_end_matches(".service").to_owned())
        .or_else(|| text(fields, "SYSLOG_IDENTIFIER"))
        .or_else(|| text(fields, "_COMM"))
        .unwrap_or_else(|| "journal".to_owned());
    let host = text(fields, "_HOSTNAME").unwrap_or_else(|| host.to_owned());
    let pairs = [("host.name", &host), ("service.name", &service)];
    Labels::from_pairs(pairs.into_iter().filter(|(_, v)| !v.is_empty())).unwrap_or_default()
}

/// Trusted fields that are worth keeping, by the name they get.
const TRUSTED: [(&str, &str); 7] = [
    ("_SYSTEMD_UNIT", "systemd.unit"),
    ("_PID", "process.pid"),
    ("_EXE", "process.executable.path"),
    ("_COMM", "process.executable.name"),
    ("_UID", "user.id"),
    ("_TRANSPORT", "journald.transport"),
    ("_BOOT_ID", "journald.boot_id"),
];

/// Fields that are elsewhere in the record, or say the same again.
const PLACED: [&str; 5] = ["MESSAGE", "PRIORITY", "SYSLOG_TIMESTAMP", "SYSLOG_RAW", "SYSLOG_PID"];

fn attributes(fields: &Map<String, Value>) -> Vec<(String, String)> {
    let trusted = TRUSTED.iter().filter_map(|(from, to)| Some(((*to).to_owned(), text(fields, from)?)));
    // What the program itself has set: `SYSLOG_IDENTIFIER`, `CODE_FILE`, `CONTAINER_NAME`, its own.
    let own = fields.keys().filter(|n| !n.starts_with('_') && !PLACED.contains(&n.as_str()));
    let own = own.filter_map(|n| Some((n.to_ascii_lowercase(), text(fields, n)?)));
    trusted.chain(own).take(ATTRIBUTES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A stand-in that prints what it was asked and some entries, as the real one does.
    fn program(dir: &Path, script: &str) -> PathBuf {
        let path = dir.join("journalctl");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn read_all(journal: &mut Journal) -> Vec<String> {
        let mut out = Vec::new();
        for _ in 0..500 {
            let mut builder = Builder::new(0, None);
            journal.gather(&mut builder, 1 << 20, 5);
            for row in builder.batch.iter() {
                let r = row.record;
                let labels = builder.batch.labels(row.stream);
                out.push(format!(
                    "{labels} {} {:?} {} {:?}",
                    r.time_ns,
                    r.body,
                    r.severity.text(),
                    r.attributes
                ));
            }
            if !journal.problem.is_empty() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        out
    }

    #[test]
    fn entries_and_cursors() {
        let dir = tempfile::tempdir().unwrap();
        let script = r#"
echo '{"__CURSOR":"c1","MESSAGE":"hello","PRIORITY":"3","_HOSTNAME":"h","_SYSTEMD_UNIT":"ssh.service","_PID":"7","__REALTIME_TIMESTAMP":"1795256430000001","OWN":"x"}'
echo 'not JSON'
echo '{"__CURSOR":"c2","MESSAGE":[104,105,255],"SYSLOG_IDENTIFIER":"cron"}'
echo "{\"__CURSOR\":\"c3\",\"MESSAGE\":\"$*\"}"
echo 'No more of it.' >&2
"#;
        let mut journal = Journal::new(&LogsConfig::default(), None, "here");
        journal.program = program(dir.path(), script);
        let all = read_all(&mut journal);
        insta::assert_snapshot!(all.join("\n"));
        assert_eq!((journal.cursor(), journal.entries, journal.left_out), (Some("c3"), 3, 1));
        assert_eq!(journal.problem, "journalctl has ended: No more of it.");
        // It goes on behind the last entry, after a pause.
        let mut builder = Builder::new(0, None);
        journal.gather(&mut builder, 1 << 20, 6);
        assert!(journal.running.is_none());
        journal.due_ms = 0;
        let again = read_all(&mut journal);
        assert!(again[2].contains("--no-tail --after-cursor=c3"), "{again:?}");
    }

    #[test]
    fn absence_is_told() {
        let mut journal = Journal::new(&LogsConfig::default(), None, "here");
        journal.program = "/nowhere/journalctl".into();
        assert!(!journal.gather(&mut Builder::new(0, None), 1, 0));
        assert_eq!(journal.problem, "journalctl is not installed");
    }
}
