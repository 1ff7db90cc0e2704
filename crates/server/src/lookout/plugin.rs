//! Runs a program: its output within a bound, its whole process group within a time.

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long output is waited for once the program itself has ended: one that it started may hold the pipe.
const LINGER: Duration = Duration::from_millis(200);

/// A program and its bounds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plugin {
    /// The program and its arguments.
    pub command: Vec<String>,
    pub environment: BTreeMap<String, String>,
    pub timeout: Duration,
    /// Bytes of output that are kept; the rest is read and dropped.
    pub output_bytes_max: usize,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ran {
    /// Its exit code; `None` where it has none.
    pub code: Option<i32>,
    /// What it printed.
    pub output: String,
    /// Why there is no exit code.
    pub trouble: Option<String>,
}

/// Ends a process group when it goes out of use, whatever the reason.
struct Group {
    child: Child,
    pid: Option<Pid>,
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.pid {
            // All that the program started ends with it. Nobody may be left.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

impl Plugin {
    /// Runs it once.
    pub async fn run(&self) -> Ran {
        let failed = |trouble: String| Ran { code: None, output: String::new(), trouble: Some(trouble) };
        let Some((program, arguments)) = self.command.split_first() else {
            return failed("there is no program".to_owned());
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .envs(&self.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(e) => return failed(format!("cannot run {program}: {e}")),
        };
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let mut group = Group { child, pid };
        let mut printed = Reading::start(stdout, self.output_bytes_max);
        let mut complaints = Reading::start(stderr, self.output_bytes_max);
        let ended = timeout(self.timeout, group.child.wait()).await;
        if ended.is_ok() {
            printed.settle().await;
            complaints.settle().await;
        }
        // Closes the pipes, but for those of programs that left the group.
        drop(group);
        let (printed, complaints) = (printed.end().await, complaints.end().await);
        // Plugins are to print on stdout; what failed before it could may have said so on stderr.
        let output = if printed.trim().is_empty() { complaints } else { printed };
        match ended {
            Err(_) => Ran {
                code: None,
                output,
                trouble: Some(format!("did not end within {} s and was killed", self.timeout.as_secs_f64())),
            },
            Ok(Err(e)) => Ran { code: None, output, trouble: Some(format!("cannot be waited for: {e}")) },
            Ok(Ok(status)) => {
                let trouble = status.code().is_none().then(|| format!("was killed: {status}"));
                Ran { code: status.code(), output, trouble }
            }
        }
    }
}

/// Reads to the end and keeps the beginning, of which use is made even when there is no end.
struct Reading {
    kept: Arc<Mutex<Vec<u8>>>,
    task: JoinHandle<()>,
}

impl Reading {
    fn start(from: Option<impl AsyncRead + Unpin + Send + 'static>, max: usize) -> Reading {
        let kept = Arc::<Mutex<Vec<u8>>>::default();
        let into = Arc::clone(&kept);
        let task = tokio::spawn(async move {
            let Some(mut from) = from else { return };
            let mut piece = [0; 4096];
            while let Ok(n @ 1..) = from.read(&mut piece).await {
                let mut kept = into.lock();
                let room = max.saturating_sub(kept.len());
                kept.extend_from_slice(&piece[..n.min(room)]);
            }
        });
        Reading { kept, task }
    }

    /// Waits a moment for the end.
    async fn settle(&mut self) {
        // Without one, what came so far counts.
        let _ = timeout(LINGER, &mut self.task).await;
    }

    async fn end(mut self) -> String {
        if !self.task.is_finished() {
            self.settle().await;
        }
        self.task.abort();
        String::from_utf8_lossy(&self.kept.lock()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(line: &str) -> Plugin {
        Plugin {
            command: vec!["/bin/sh".to_owned(), "-c".to_owned(), line.to_owned()],
            environment: BTreeMap::from([("WORD".to_owned(), "fire".to_owned())]),
            timeout: Duration::from_secs(20),
            output_bytes_max: 1000,
        }
    }

    #[tokio::test]
    async fn what_is_printed_comes_with_the_exit_code() {
        let ran = shell("echo watch $WORD; echo aside >&2; exit 2").run().await;
        assert_eq!(ran, Ran { code: Some(2), output: "watch fire\n".to_owned(), trouble: None });
        let ran = shell("echo aside >&2; exit 3").run().await;
        assert_eq!((ran.code, ran.output.as_str()), (Some(3), "aside\n"));
        let ran = shell("kill -9 $$").run().await;
        assert!(ran.code.is_none() && ran.trouble.unwrap().contains("killed"));
        let absent = Plugin { command: vec!["/no/such".to_owned()], ..shell("") };
        assert!(absent.run().await.trouble.unwrap().contains("/no/such"));
    }

    #[tokio::test]
    async fn much_output_is_cut_and_does_not_block() {
        let ran = shell("head -c 1000000 /dev/zero | tr '\\0' x; exit 1").run().await;
        assert_eq!((ran.code, ran.output.len()), (Some(1), 1000));
    }

    /// Whether a process is there and not only waiting to be noticed as ended.
    fn lives(pid: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
    }

    #[tokio::test]
    async fn all_that_a_program_started_ends_with_it() {
        // Both say who they are before the time is over, and one is not a child that is waited for.
        let mut late = shell("sleep 1000 & echo $!; echo $$; wait");
        late.timeout = Duration::from_millis(700);
        let left = shell("sleep 1000 & echo $!; exit 0");
        for (plugin, count) in [(late, 2), (left, 1)] {
            let ran = plugin.run().await;
            let pids: Vec<&str> = ran.output.lines().collect();
            assert_eq!(pids.len(), count, "{ran:?}");
            for pid in pids {
                let mut tries = 0;
                while lives(pid) && tries < 500 {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                assert!(!lives(pid), "{pid} lives on");
            }
        }
    }
}
