//! What messages of the kernel and of systemd mean.

use model::record::Severity;
use serde_json::{Map, Value};

/// An event found in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of event.
    pub kind: &'static str,
    /// One line.
    pub title: String,
    /// What it happened to: a program, a device, a unit.
    pub subject: String,
    /// How grave it is.
    pub severity: Severity,
    /// What else is known.
    pub attributes: Vec<(&'static str, String)>,
}

fn finding(kind: &'static str, severity: Severity, title: String, subject: &str) -> Finding {
    Finding { kind, title, subject: subject.to_owned(), severity, attributes: Vec::new() }
}

/// The word after a marker, up to what ends words in the kernel's messages.
fn word_after<'t>(text: &'t str, marker: &str) -> Option<&'t str> {
    let rest = &text[text.find(marker)? + marker.len()..];
    let end = rest.find([' ', ',', ':', ')', ']', ';']).unwrap_or(rest.len());
    (end > 0).then(|| &rest[..end])
}

/// What a message of the kernel means; `None` for most.
pub fn kernel(text: &str) -> Option<Finding> {
    out_of_memory(text)
        .or_else(|| read_only(text))
        .or_else(|| disk(text))
        .or_else(|| link(text))
        .or_else(|| fault(text))
        .or_else(|| stuck(text))
}

/// `Out of memory: Killed process 1234 (java) total-vm:…`
fn out_of_memory(text: &str) -> Option<Finding> {
    let marker = ["Killed process ", "Kill process "].into_iter().find(|m| text.contains(m))?;
    if !text.contains("emory") {
        return None;
    }
    let pid = word_after(text, marker)?;
    let name = text.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(name, _)| name);
    let title = format!("Out of memory: {name} (process {pid}) was killed");
    let mut found = finding("oom_kill", Severity::ERROR, title, name);
    found.attributes.push(("process.pid", pid.to_owned()));
    found.attributes.push(("process.executable.name", name.to_owned()));
    if text.starts_with("Memory cgroup") {
        found.attributes.push(("oom.scope", "cgroup".to_owned()));
    }
    Some(found)
}

/// `EXT4-fs (sda1): Remounting filesystem read-only`
fn read_only(text: &str) -> Option<Finding> {
    let lower = text.to_ascii_lowercase();
    if !lower.contains("remounting filesystem read-only") && !lower.contains("forced readonly") {
        return None;
    }
    let device = word_after(text, "(").or_else(|| word_after(text, "device ")).unwrap_or("?");
    let title = format!("The filesystem on {device} was made read-only after errors");
    let mut found = finding("filesystem_readonly", Severity::CRITICAL, title, device);
    found.attributes.push(("system.device", device.to_owned()));
    Some(found)
}

/// Errors of disks and of filesystems on them.
fn disk(text: &str) -> Option<Finding> {
    let of_device = ["I/O error, dev ", "medium error, dev ", "I/O error on dev ", "target error, dev "];
    let of_filesystem = ["EXT4-fs error (device ", "BTRFS error (device ", "XFS ("];
    let device = of_device.into_iter().find_map(|m| word_after(text, m)).or_else(|| {
        let device = of_filesystem.into_iter().find_map(|m| word_after(text, m))?;
        let is_xfs = text.starts_with("XFS (");
        let is_error = ["orruption", " error", "I/O Error", "hutting down"].iter().any(|w| text.contains(w));
        (!is_xfs || is_error).then_some(device)
    });
    let device = device.or_else(|| {
        let of_ata =
            text.starts_with("ata") && (text.contains("failed command") || text.contains("exception Emask"));
        let of_nvme =
            text.starts_with("nvme") && (text.contains("timeout") || text.contains("controller is down"));
        (of_ata || of_nvme)
            .then(|| text.split(':').next().unwrap_or("").split_whitespace().last().unwrap_or("?"))
    })?;
    let mut found = finding("disk_error", Severity::ERROR, format!("Disk error on {device}"), device);
    found.attributes.push(("system.device", device.to_owned()));
    Some(found)
}

/// Interfaces of containers come and go all the time.
const PASSING: [&str; 9] = ["veth", "docker", "br-", "cali", "cni", "flannel", "virbr", "lo", "lxc"];

/// `e1000e 0000:00:19.0 eth0: NIC Link is Down`
fn link(text: &str) -> Option<Finding> {
    let (up, at) = match (
        text.find("ink is Down"),
        text.find("ink is down"),
        text.find("ink is Up"),
        text.find("ink is up"),
    ) {
        (Some(at), ..) | (None, Some(at), ..) => (false, at),
        (None, None, Some(at), _) | (None, None, None, Some(at)) => (true, at),
        _ => return None,
    };
    let before = &text[..at];
    let (named, tail) = before.rsplit_once(':')?;
    // Some drivers say their own name last, and then the interface's again.
    let again = tail.split_whitespace().find(|w| !matches!(*w, "NIC" | "L" | "l"));
    let name = again.or_else(|| named.split_whitespace().last())?;
    if PASSING.iter().any(|p| name.starts_with(p)) {
        return None;
    }
    let (kind, severity, word) =
        if up { ("link_up", Severity::INFO, "up") } else { ("link_down", Severity::WARN, "down") };
    let mut found = finding(kind, severity, format!("Network link {name} is {word}"), name);
    found.attributes.push(("network.interface.name", name.to_owned()));
    Some(found)
}

/// `java[123]: segfault at 0 ip …`, `traps: x[7] general protection fault …`
fn fault(text: &str) -> Option<Finding> {
    let bare = text.strip_prefix("traps: ").unwrap_or(text);
    let what = ["segfault at", "general protection", "trap invalid opcode", "trap divide error"];
    let what = what.into_iter().find(|w| bare.contains(w))?;
    let (name, rest) = bare.split_once('[')?;
    let (pid, _) = rest.split_once(']')?;
    if name.contains(' ') && name.len() > 16 || !pid.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let what = if what == "segfault at" { "a segmentation fault" } else { "a fault" };
    let title = format!("{name} (process {pid}) ended by {what}");
    let mut found = finding("segfault", Severity::ERROR, title, name);
    found.attributes.push(("process.pid", pid.to_owned()));
    found.attributes.push(("process.executable.name", name.to_owned()));
    Some(found)
}

/// Hung tasks, lock-ups, the kernel's own faults and those of hardware.
fn stuck(text: &str) -> Option<Finding> {
    if let (Some(task), true) = (text.strip_prefix("INFO: task "), text.contains(" blocked for more than ")) {
        let task = task.split_whitespace().next().unwrap_or("");
        let (name, pid) = task.rsplit_once(':').unwrap_or((task, ""));
        let title = format!("{name} (process {pid}) hangs in the kernel");
        let mut found = finding("hung_task", Severity::ERROR, title, name);
        found.attributes.push(("process.pid", pid.to_owned()));
        return Some(found);
    }
    let contains = |words: &[&str]| words.iter().any(|w| text.contains(w));
    if contains(&["soft lockup", "hard LOCKUP", "Kernel panic - not syncing", "Oops: "])
        || text.starts_with("BUG: ")
        || text.contains("self-detected stall")
    {
        return Some(finding("kernel_fault", Severity::CRITICAL, format!("Kernel: {text}"), "kernel"));
    }
    if contains(&["[Hardware Error]", "Machine check", "Machine Check"]) && !text.contains("logging")
        || text.starts_with("EDAC MC") && contains(&[" CE ", " UE "])
    {
        let severity = if text.contains(" CE ") || text.contains("orrected") {
            Severity::WARN
        } else {
            Severity::CRITICAL
        };
        return Some(finding("machine_check", severity, format!("Hardware error: {text}"), "hardware"));
    }
    None
}

/// Ids of messages of systemd that are looked for.
pub const SYSTEMD_MESSAGES: [&str; 3] = [UNIT_FAILED, UNIT_RESTARTS, UNIT_OUT_OF_MEMORY];
const UNIT_FAILED: &str = "d9b373ed55a64feb8242e02dbe79a49c";
const UNIT_RESTARTS: &str = "5eb03494b6584870a536b337290809b3";
const UNIT_OUT_OF_MEMORY: &str = "fe6faa94e7774663a0da52717891d8ef";

/// What an entry of the systemd journal means.
pub fn journal(fields: &Map<String, Value>) -> Option<Finding> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or("");
    if text("_TRANSPORT") == "kernel" {
        return kernel(text("MESSAGE"));
    }
    let unit = match (text("UNIT"), text("USER_UNIT")) {
        ("", user) => user,
        (unit, _) => unit,
    };
    if unit.is_empty() {
        return None;
    }
    let mut found = match text("MESSAGE_ID") {
        UNIT_FAILED => {
            let why = text("UNIT_RESULT");
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            finding("unit_failed", Severity::ERROR, format!("{unit} failed{why}"), unit)
        }
        UNIT_RESTARTS => {
            let count = text("N_RESTARTS");
            let count = if count.is_empty() { String::new() } else { format!(" (restart {count})") };
            finding("unit_restarted", Severity::WARN, format!("{unit} is started again{count}"), unit)
        }
        UNIT_OUT_OF_MEMORY => finding(
            "oom_kill",
            Severity::ERROR,
            format!("Out of memory: a process of {unit} was killed"),
            unit,
        ),
        _ => return None,
    };
    found.attributes.push(("systemd.unit", unit.to_owned()));
    if let Some(service) = unit.strip_suffix(".service") {
        found.attributes.push(("service.name", service.to_owned()));
    }
    for (field, name) in [("UNIT_RESULT", "systemd.unit.result"), ("N_RESTARTS", "systemd.unit.restarts")] {
        if !text(field).is_empty() {
            found.attributes.push((name, text(field).to_owned()));
        }
    }
    Some(found)
}
