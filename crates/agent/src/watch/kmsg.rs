//! The kernel's messages, from `/dev/kmsg`.
//!
//! Each read of the device gives one record: `PRIORITY,NUMBER,MICROSECONDS,FLAGS;TEXT`, further lines begin with a blank.
//! A file of such records is read as well.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A record is at most so long.
const RECORD_BYTES_MAX: usize = 8 << 10;
/// Records that are read at a time.
const RECORDS_MAX: usize = 1000;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// Rises from one to the next, within one run of the kernel.
    pub number: u64,
    /// Since the start of the kernel, suspension left out.
    pub after_us: u64,
    pub text: String,
}

/// Reads messages.
pub(super) struct Kmsg {
    file: File,
    /// The end of a line that is not complete yet.
    rest: Vec<u8>,
}

impl Kmsg {
    pub fn open(path: &Path) -> std::io::Result<Kmsg> {
        let file = File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path)?;
        Ok(Kmsg { file, rest: Vec::new() })
    }

    /// The messages that are there now, those numbered up to `after` left out; and whether there may be more at once.
    pub fn read(&mut self, after: Option<u64>, out: &mut Vec<Message>) -> std::io::Result<bool> {
        let mut buffer = [0; RECORD_BYTES_MAX];
        for _ in 0..RECORDS_MAX {
            match self.file.read(&mut buffer) {
                Ok(0) => return Ok(false),
                Ok(n) => self.take(&buffer[..n], after, out),
                // What was not read in time was overwritten; the next read goes on behind it.
                Err(e) if e.raw_os_error() == Some(libc::EPIPE) => {}
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(e) => return Err(e),
            }
        }
        Ok(true)
    }

    fn take(&mut self, bytes: &[u8], after: Option<u64>, out: &mut Vec<Message>) {
        self.rest.extend_from_slice(bytes);
        while let Some(end) = memchr::memchr(b'\n', &self.rest) {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let message = parse(&String::from_utf8_lossy(&line[..end]));
            out.extend(message.filter(|m| after.is_none_or(|a| m.number > a)));
        }
        if self.rest.len() > RECORD_BYTES_MAX {
            self.rest.clear();
        }
    }
}

fn parse(line: &str) -> Option<Message> {
    let (head, text) = line.split_once(';')?;
    let mut fields = head.split(',');
    let (_, number, after_us) = (fields.next()?.parse::<u32>().ok()?, fields.next()?, fields.next()?);
    Some(Message { number: number.parse().ok()?, after_us: after_us.parse().ok()?, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn records_are_read_as_they_come() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kmsg");
        let mut file = File::create(&path).unwrap();
        file.write_all(
            b"6,1,100,-;one; and more\n SUBSYSTEM=x\n4,2,200,-,caller=T1;two\nnonsense\n4,3,300,-;hal",
        )
        .unwrap();
        let mut kmsg = Kmsg::open(&path).unwrap();
        let mut out = Vec::new();
        assert!(!kmsg.read(Some(1), &mut out).unwrap());
        assert_eq!(out, [Message { number: 2, after_us: 200, text: "two".into() }]);
        file.write_all(b"f\n").unwrap();
        assert!(!kmsg.read(None, &mut out).unwrap());
        assert_eq!((out[1].number, out[1].text.as_str()), (3, "half"));
        assert!(Kmsg::open(&dir.path().join("none")).is_err());
    }
}
