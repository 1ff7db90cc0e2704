//! Files of `/proc/<pid>`.

use super::text::{fields, lines, split_once, uint};

/// What `/proc/<pid>/stat` says about a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessStat<'a> {
    /// Name of the executable, up to 15 bytes.
    pub name: &'a [u8],
    /// One letter: `R` running, `S` sleeping, `D` waiting uninterruptibly, `Z` dead but not reaped, ...
    pub state: u8,
    /// Page faults served without the disk.
    pub minor_faults: u64,
    /// Page faults that had to wait for the disk.
    pub major_faults: u64,
    /// Clock ticks in user mode.
    pub user_ticks: u64,
    /// Clock ticks in the kernel.
    pub system_ticks: u64,
    /// Threads.
    pub threads: u64,
    /// Start, in clock ticks since the machine started.
    pub start_ticks: u64,
    /// Bytes of address space.
    pub virtual_bytes: u64,
    /// Pages in memory.
    pub resident_pages: u64,
}

/// Parses `/proc/<pid>/stat`. The name may hold anything, brackets and blanks included, so it ends at the last
/// closing bracket.
pub fn stat(bytes: &[u8]) -> Option<ProcessStat<'_>> {
    let open = bytes.iter().position(|b| *b == b'(')?;
    let close = bytes.iter().rposition(|b| *b == b')')?;
    let name = bytes.get(open + 1..close)?;
    let mut rest = fields(&bytes[close + 1..]);
    let state = *rest.next()?.first()?;
    // Fields are numbered from 1 in proc(5): the state is the third.
    let mut values = [0u64; 25];
    for (value, field) in values.iter_mut().zip(rest) {
        // Negative numbers stand in fields that are not used here.
        *value = uint(field).unwrap_or(0);
    }
    let field = |number: usize| values[number - 4];
    Some(ProcessStat {
        name,
        state,
        minor_faults: field(10),
        major_faults: field(12),
        user_ticks: field(14),
        system_ticks: field(15),
        threads: field(20),
        start_ticks: field(22),
        virtual_bytes: field(23),
        resident_pages: field(24),
    })
}

/// Swapped bytes, voluntary and involuntary context switches of `/proc/<pid>/status`.
pub fn status(bytes: &[u8]) -> (u64, u64, u64) {
    let of = |key: &[u8]| {
        let line = lines(bytes).find_map(|l| split_once(l, b':').filter(|(k, _)| *k == key));
        line.and_then(|(_, rest)| uint(fields(rest).next()?)).unwrap_or(0)
    };
    (of(b"VmSwap").saturating_mul(1024), of(b"voluntary_ctxt_switches"), of(b"nonvoluntary_ctxt_switches"))
}

/// Bytes read from and written to storage, of `/proc/<pid>/io`.
pub fn io(bytes: &[u8]) -> Option<(u64, u64)> {
    let of = |key: &[u8]| lines(bytes).find_map(|l| uint(l.strip_prefix(key)?.trim_ascii()));
    Some((of(b"read_bytes:")?, of(b"write_bytes:")?))
}

/// `/proc/<pid>/cmdline`: arguments end with NUL. Control characters become blanks, as this is shown to people.
pub fn cmdline(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    shown.truncate(shown.trim_end().len());
    shown
}

/// User name and id of each line of `/etc/passwd`.
pub fn passwd(bytes: &[u8]) -> impl Iterator<Item = (&[u8], u64)> {
    lines(bytes).filter_map(|line| {
        let mut fields = line.split(|b| *b == b':');
        Some((fields.next().filter(|name| !name.is_empty())?, uint(fields.nth(1)?)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let text = b"42 (a) b (c) S 1 42 42 0 -1 4194560 100 5 7 6 250 50 1 2 20 0 3 0 1234 1000000 77 18446744073709551615";
        let got = stat(text).unwrap();
        assert_eq!(
            (got.name, got.state, got.minor_faults, got.major_faults),
            (&b"a) b (c"[..], b'S', 100, 7)
        );
        assert_eq!((got.user_ticks, got.system_ticks, got.threads), (250, 50, 3));
        assert_eq!((got.start_ticks, got.virtual_bytes, got.resident_pages), (1234, 1_000_000, 77));
        assert_eq!((stat(b""), stat(b")("), stat(b"1 (x)")), (None, None, None));
    }

    #[test]
    fn other_files_of_a_process() {
        let text =
            b"Name:\tx\nVmSwap:\t  3 kB\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t7\n";
        assert_eq!(status(text), (3072, 5, 7));
        assert_eq!(
            io(b"rchar: 1\nread_bytes: 10\nwrite_bytes: 20\ncancelled_write_bytes: 1\n"),
            Some((10, 20))
        );
        assert_eq!(cmdline(b"/bin/sh\0-c\0a\nb\0\0"), "/bin/sh -c a b");
        assert_eq!(cmdline(b""), "");
        let users: Vec<_> = passwd(b"root:x:0:0:r:/:/bin/sh\nbad\nme:x:1000:1:::\n").collect();
        assert_eq!(users, [(&b"root"[..], 0), (b"me", 1000)]);
    }
}
