//! `/proc/meminfo` and `/proc/vmstat`.

use super::text::{fields, lines, uint};

/// A field of `/proc/meminfo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory<'a> {
    /// As the kernel writes it, `Active(anon)` say.
    pub name: &'a [u8],
    /// Bytes, or a plain count.
    pub value: u64,
    /// Whether `value` is in bytes.
    pub bytes: bool,
}

/// All fields of `/proc/meminfo`.
pub fn meminfo(bytes: &[u8]) -> impl Iterator<Item = Memory<'_>> {
    lines(bytes).filter_map(|line| {
        let mut fields = fields(line);
        let name = fields.next()?.strip_suffix(b":")?;
        let value = uint(fields.next()?)?;
        let bytes = fields.next() == Some(b"kB");
        Some(Memory { name, value: if bytes { value.saturating_mul(1024) } else { value }, bytes })
    })
}

/// Names and values of `/proc/vmstat`.
pub fn vmstat(bytes: &[u8]) -> impl Iterator<Item = (&[u8], f64)> {
    lines(bytes).filter_map(|line| {
        let mut fields = fields(line);
        // Some counters are signed and dip below zero for a moment.
        Some((fields.next()?, super::text::number(fields.next()?)?))
    })
}

/// The part of `/proc/vmstat` that is kept: paging, swapping, faults and out-of-memory kills.
pub fn is_kept_vmstat(name: &[u8]) -> bool {
    let fault = || name.starts_with(b"pg") && name.windows(5).any(|w| w == b"fault");
    name.starts_with(b"pgpg") || name.starts_with(b"pswp") || name.starts_with(b"oom_kill") || fault()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bytes_and_counts_are_not() {
        let all: Vec<_> =
            meminfo(b"MemTotal:  24 kB\nActive(anon):  1 kB\nHugePages_Total:  5\nbad\n").collect();
        assert_eq!(all[0], Memory { name: b"MemTotal", value: 24576, bytes: true });
        assert_eq!(all[1].name, b"Active(anon)");
        assert_eq!(all[2], Memory { name: b"HugePages_Total", value: 5, bytes: false });
        assert_eq!(all.len(), 3);
    }

    #[test]
    fn the_kept_part_of_vmstat() {
        let text = b"nr_free_pages 5\npgpgin 7\npswpout 0\npgfault 9\npgmajfault 1\noom_kill 2\npgscan_x 3\n";
        let kept: Vec<_> = vmstat(text).filter(|(n, _)| is_kept_vmstat(n)).map(|(_, v)| v).collect();
        assert_eq!(kept, [7.0, 0.0, 9.0, 1.0, 2.0]);
    }
}
