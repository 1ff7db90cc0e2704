//! File systems: how large and how full.
//!
//! A mount of a server that is gone blocks whoever asks about it, for ever and beyond any signal. So mounts are
//! asked about on a thread of their own. If that thread does not answer in time it is left behind with its
//! mount, which counts as stuck until the thread comes back, and another thread asks about the rest.

use super::{Part, Roots};
use crate::Problem;
use crate::parse::disk::{is_pseudo_filesystem, is_system_mount, mountinfo};
use crate::read::KeptFile;
use crate::sheet::{Family, Out};
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

const SIZE: Family<'_> = Family::gauge("node_filesystem_size_bytes", "Size of a file system.");
const FREE: Family<'_> =
    Family::gauge("node_filesystem_free_bytes", "Free space of a file system, reserved blocks included.");
const AVAIL: Family<'_> =
    Family::gauge("node_filesystem_avail_bytes", "Free space of a file system for ordinary users.");
const FILES: Family<'_> = Family::gauge("node_filesystem_files", "Files (inodes) a file system can hold.");
const FILES_FREE: Family<'_> =
    Family::gauge("node_filesystem_files_free", "Files (inodes) a file system can still make.");
const READ_ONLY: Family<'_> =
    Family::gauge("node_filesystem_readonly", "Whether a file system is mounted read-only (1).");
const ERROR: Family<'_> =
    Family::gauge("node_filesystem_device_error", "Whether asking a file system about itself failed (1).");
const MOUNT: Family<'_> =
    Family::gauge("node_filesystem_mount_info", "Where a block device is mounted, always 1.");

/// Mounts that are looked at.
const MOUNTS_MAX: usize = 1024;
/// Threads that may hang on dead mounts at one time; beyond, no mount is asked until one comes back.
const STUCK_MAX: usize = 16;
/// How long one collection waits for answers. A mount that takes longer counts as stuck.
const ANSWER_WAIT: Duration = Duration::from_millis(500);

/// `/proc/self/mountinfo` and statvfs.
pub(crate) struct Filesystems {
    file: KeptFile,
    asker: Option<Asker>,
    /// Mount points with a thread hanging on them.
    stuck: HashMap<Vec<u8>, Asker>,
    ask: fn(&[u8]) -> Answer,
}

#[derive(Clone, Debug, PartialEq)]
struct Mount {
    point: Vec<u8>,
    kind: Vec<u8>,
    device: Vec<u8>,
    major: Vec<u8>,
    minor: Vec<u8>,
    read_only: bool,
}

type Answer = Result<Space, String>;

#[derive(Clone, Debug)]
struct Space {
    size: f64,
    free: f64,
    avail: f64,
    files: f64,
    files_free: f64,
    read_only: bool,
}

/// A thread that answers one question at a time and ends with its channel.
struct Asker {
    questions: Sender<Vec<u8>>,
    answers: Receiver<Answer>,
}

impl Filesystems {
    pub(crate) fn new(roots: &Roots) -> Filesystems {
        // The mounts of this process' namespace; those of init where that can be read, as in a container that
        // sees the host's procfs.
        let init = roots.proc("1/mountinfo");
        let path = if std::fs::File::open(&init).is_ok() { init } else { roots.proc("self/mountinfo") };
        Filesystems { file: KeptFile::new(path), asker: None, stuck: HashMap::new(), ask: statvfs }
    }

    fn mounts(&mut self, buf: &mut Vec<u8>) -> Result<Vec<Mount>, Problem> {
        let mut seen = HashSet::new();
        let mounts = mountinfo(self.file.read(buf)?)
            .filter(|m| !is_pseudo_filesystem(&m.kind) && !is_system_mount(&m.point))
            .map(|m| Mount {
                point: m.point.into_owned(),
                kind: m.kind.into_owned(),
                device: m.device.into_owned(),
                major: m.major.to_vec(),
                minor: m.minor.to_vec(),
                read_only: m.read_only,
            })
            .take(MOUNTS_MAX)
            .collect::<Vec<_>>();
        // Of mounts over one another only the last can be seen.
        let mut visible: Vec<Mount> =
            mounts.into_iter().rev().filter(|m| seen.insert(m.point.clone())).collect();
        visible.reverse();
        Ok(visible)
    }

    /// `None`: there is no answer, and there may not be one for a long time.
    fn space(&mut self, point: &[u8]) -> Option<Answer> {
        if let Some(asker) = self.stuck.get(point) {
            match asker.answers.try_recv() {
                Ok(answer) => {
                    let asker = self.stuck.remove(point);
                    self.asker = self.asker.take().or(asker);
                    return Some(answer);
                }
                Err(_) => return None,
            }
        }
        if self.stuck.len() >= STUCK_MAX {
            return None;
        }
        let ask = self.ask;
        let asker = match self.asker.take() {
            Some(asker) => asker,
            None => Asker::start(ask).ok()?,
        };
        asker.questions.send(point.to_vec()).ok()?;
        match asker.answers.recv_timeout(ANSWER_WAIT) {
            Ok(answer) => {
                self.asker = Some(asker);
                Some(answer)
            }
            Err(RecvTimeoutError::Timeout) => {
                self.stuck.insert(point.to_vec(), asker);
                None
            }
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }
}

impl Asker {
    fn start(ask: fn(&[u8]) -> Answer) -> std::io::Result<Asker> {
        let (questions, asked) = channel::<Vec<u8>>();
        let (answer, answers) = channel();
        std::thread::Builder::new().name("statvfs".into()).stack_size(64 << 10).spawn(move || {
            while let Ok(point) = asked.recv() {
                if answer.send(ask(&point)).is_err() {
                    break;
                }
            }
        })?;
        Ok(Asker { questions, answers })
    }
}

fn statvfs(point: &[u8]) -> Answer {
    let stat = rustix::fs::statvfs(OsStr::from_bytes(point)).map_err(|e| e.to_string())?;
    let bytes = |blocks: u64| blocks as f64 * stat.f_frsize as f64;
    Ok(Space {
        size: bytes(stat.f_blocks),
        free: bytes(stat.f_bfree),
        avail: bytes(stat.f_bavail),
        files: stat.f_files as f64,
        files_free: stat.f_ffree as f64,
        read_only: stat.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY),
    })
}

impl Part for Filesystems {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        let mounts = self.mounts(buf)?;
        self.stuck.retain(|point, _| mounts.iter().any(|m| m.point == *point));
        for mount in &mounts {
            let answer = self.space(&mount.point).unwrap_or_else(|| Err("mountpoint timeout".into()));
            write(out, mount, &answer);
        }
        Ok(())
    }
}

fn write(out: &mut Out<'_>, mount: &Mount, answer: &Answer) {
    let point = ("mountpoint", &mount.point[..]);
    let pairs = [("device", &mount.device[..]), point, ("fstype", &mount.kind[..])];
    let flag = |on: bool| if on { 1.0 } else { 0.0 };
    match answer {
        Ok(space) => {
            out.sample(&ERROR, &pairs, 0.0);
            out.sample(&READ_ONLY, &pairs, flag(space.read_only || mount.read_only));
            out.sample(&SIZE, &pairs, space.size);
            out.sample(&FREE, &pairs, space.free);
            out.sample(&AVAIL, &pairs, space.avail);
            out.sample(&FILES, &pairs, space.files);
            out.sample(&FILES_FREE, &pairs, space.files_free);
        }
        Err(reason) => {
            let with_reason = [pairs[0], pairs[1], pairs[2], ("device_error", reason.as_bytes())];
            out.sample(&ERROR, &with_reason, 1.0);
            out.sample(&READ_ONLY, &with_reason, flag(mount.read_only));
        }
    }
    let pairs = [pairs[0], point, ("major", &mount.major[..]), ("minor", &mount.minor[..])];
    out.info(&MOUNT, &pairs);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Condvar, Mutex};

    static DEAD: (Mutex<bool>, Condvar) = (Mutex::new(true), Condvar::new());

    fn hangs_on_dead(point: &[u8]) -> Answer {
        if point == b"/dead" {
            let mut dead = DEAD.0.lock().unwrap();
            while *dead {
                dead = DEAD.1.wait(dead).unwrap();
            }
        }
        let read_only = false;
        Ok(Space { size: 9.0, free: 8.0, avail: 7.0, files: 6.0, files_free: 5.0, read_only })
    }

    #[test]
    fn a_dead_mount_costs_one_thread_and_not_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let mut roots = Roots { proc: dir.path().into(), sys: dir.path().into(), root: dir.path().into() };
        roots.proc = dir.path().into();
        let mut part = Filesystems::new(&roots);
        part.ask = hangs_on_dead;
        assert!(part.space(b"/").unwrap().is_ok());
        assert!(part.space(b"/dead").is_none());
        assert!(part.space(b"/other").unwrap().is_ok());
        assert!(part.space(b"/dead").is_none());
        assert_eq!(part.stuck.len(), 1);
        *DEAD.0.lock().unwrap() = false;
        DEAD.1.notify_all();
        let mut tries = 0;
        while part.space(b"/dead").is_none() {
            tries += 1;
            assert!(tries < 1000, "the mount did not come back");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(part.stuck.is_empty());
    }

    #[test]
    fn a_mount_that_cannot_be_asked_is_an_error() {
        assert!(statvfs(b"/nonexistent").is_err());
        assert!(statvfs(b"/").unwrap().size > 0.0);
    }
}
