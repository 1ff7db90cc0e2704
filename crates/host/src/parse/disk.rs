//! `/proc/diskstats` and `/proc/self/mountinfo`.

use super::text::{fields, lines, uint};
use std::borrow::Cow;

/// Statistics of one block device. Times are milliseconds, sectors have 512 bytes whatever the device says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk<'a> {
    /// Device number.
    pub major: &'a [u8],
    /// Device number within `major`.
    pub minor: &'a [u8],
    /// Kernel name.
    pub name: &'a [u8],
    /// As documented in the kernel's `Documentation/admin-guide/iostats.rst`; 11, 15 or 17 of them by kernel
    /// version, as `count` says.
    pub values: [u64; 17],
    /// How many of `values` were given.
    pub count: usize,
}

/// All devices.
pub fn diskstats(bytes: &[u8]) -> impl Iterator<Item = Disk<'_>> {
    lines(bytes).filter_map(|line| {
        let mut fields = fields(line);
        let (major, minor, name) = (fields.next()?, fields.next()?, fields.next()?);
        let mut disk = Disk { major, minor, name, values: [0; 17], count: 0 };
        for (value, field) in disk.values.iter_mut().zip(fields) {
            *value = uint(field)?;
            disk.count += 1;
        }
        (disk.count >= 11).then_some(disk)
    })
}

/// Memory disks, loop devices, floppies and partitions: left out by default, as by the node exporter.
pub fn is_minor_disk(name: &[u8]) -> bool {
    let stem = name.trim_ascii_end();
    let digits = stem.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 {
        return false;
    }
    let stem = &stem[..stem.len() - digits];
    match stem {
        b"ram" | b"zram" | b"loop" | b"fd" => true,
        [b'h' | b's' | b'v', b'd', b'a'..=b'z'] | [b'x', b'v', b'd', b'a'..=b'z'] => true,
        _ => is_nvme_partition(stem),
    }
}

/// `nvme`, digits, `n`, digits, `p`.
fn is_nvme_partition(stem: &[u8]) -> bool {
    let digits_then = |s: &'_ [u8], end: u8| -> Option<usize> {
        let n = s.iter().take_while(|b| b.is_ascii_digit()).count();
        (n > 0 && s.get(n) == Some(&end)).then_some(n + 1)
    };
    let Some(rest) = stem.strip_prefix(b"nvme") else { return false };
    let Some(n) = digits_then(rest, b'n') else { return false };
    digits_then(&rest[n..], b'p').is_some_and(|p| n + p == rest.len())
}

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount<'a> {
    /// Device number.
    pub major: &'a [u8],
    /// Device number within `major`.
    pub minor: &'a [u8],
    /// Where it is mounted.
    pub point: Cow<'a, [u8]>,
    /// File system.
    pub kind: Cow<'a, [u8]>,
    /// What is mounted.
    pub device: Cow<'a, [u8]>,
    /// Whether the mount or its superblock is read-only.
    pub read_only: bool,
}

/// All mounts of `/proc/self/mountinfo`.
pub fn mountinfo(bytes: &[u8]) -> impl Iterator<Item = Mount<'_>> {
    lines(bytes).filter_map(|line| {
        let mut fields = fields(line).skip(2);
        let (major, minor) = super::text::split_once(fields.next()?, b':')?;
        let point = unescape(fields.nth(1)?);
        let options = fields.next()?;
        // Optional fields end with a lone dash.
        fields.by_ref().find(|f| *f == b"-")?;
        let (kind, device) = (unescape(fields.next()?), unescape(fields.next()?));
        let super_options = fields.next().unwrap_or(b"");
        let read_only = has_option(options, b"ro") || has_option(super_options, b"ro");
        Some(Mount { major, minor, point, kind, device, read_only })
    })
}

fn has_option(options: &[u8], name: &[u8]) -> bool {
    options.split(|b| *b == b',').any(|o| o == name)
}

/// Blanks and backslashes stand as a backslash and three octal digits.
fn unescape(field: &[u8]) -> Cow<'_, [u8]> {
    if !field.contains(&b'\\') {
        return Cow::Borrowed(field);
    }
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, tail)) = rest.split_first() {
        match (first, tail) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    Cow::Owned(out)
}

/// Kernel interfaces and images that look like file systems: left out by default, as by the node exporter.
pub fn is_pseudo_filesystem(kind: &[u8]) -> bool {
    const PSEUDO: [&str; 25] = [
        "autofs",
        "binfmt_misc",
        "bpf",
        "cgroup",
        "cgroup2",
        "configfs",
        "debugfs",
        "devpts",
        "devtmpfs",
        "erofs",
        "fusectl",
        "hugetlbfs",
        "iso9660",
        "mqueue",
        "nsfs",
        "overlay",
        "proc",
        "procfs",
        "pstore",
        "rpc_pipefs",
        "securityfs",
        "selinuxfs",
        "squashfs",
        "sysfs",
        "tracefs",
    ];
    PSEUDO.iter().any(|p| p.as_bytes() == kind)
}

/// Mount points of the system and of container engines: left out by default, as by the node exporter.
pub fn is_system_mount(point: &[u8]) -> bool {
    let under =
        |root: &[u8]| point.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
    let below = |root: &[u8]| point.strip_prefix(root).is_some_and(|rest| !rest.is_empty());
    under(b"/dev")
        || under(b"/proc")
        || under(b"/sys")
        || below(b"/run/credentials/")
        || below(b"/var/lib/docker/")
        || below(b"/var/lib/containers/storage/")
}

/// `/proc/sys/fs/file-nr`: files in use and the most there may be.
pub fn file_nr(bytes: &[u8]) -> Option<(u64, u64)> {
    let mut fields = fields(bytes);
    Some((uint(fields.next()?)?, uint(fields.nth(1)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_of_old_and_new_kernels() {
        let text = b"   8  0 sda 1 2 3 4 5 6 7 8 9 10 11\n 8 1 sda1 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n 8 2 x 1\n";
        let all: Vec<_> = diskstats(text).collect();
        assert_eq!((all.len(), all[0].count, all[1].count), (2, 11, 17));
        assert_eq!((all[0].name, all[0].major, all[0].values[10]), (&b"sda"[..], &b"8"[..], 11));
        assert_eq!(all[1].values[16], 17);
    }

    #[test]
    fn partitions_and_memory_disks_are_minor() {
        for name in
            ["sda1", "vdb12", "xvda1", "hdc3", "nvme0n1p2", "nvme10n2p15", "loop0", "ram1", "zram0", "fd0"]
        {
            assert!(is_minor_disk(name.as_bytes()), "{name}");
        }
        for name in
            ["sda", "vda", "nvme0n1", "dm-0", "md127", "sdaa1", "nvme0n1p", "nvmen1p1", "mmcblk0", "1", ""]
        {
            assert!(!is_minor_disk(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn mounts_with_blanks_and_optional_fields() {
        let text = b"36 35 98:0 /mnt1 /mnt/two\\040words rw,noatime master:1 shared:2 - ext3 /dev/r\\134oot ro,errors=continue\n\
            27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\nbroken\n1 2 3:4 / /x rw - proc\n";
        let all: Vec<_> = mountinfo(text).collect();
        assert_eq!(all.len(), 2);
        assert_eq!((&*all[0].point, &*all[0].device), (&b"/mnt/two words"[..], &b"/dev/r\\oot"[..]));
        assert_eq!((all[0].read_only, all[1].read_only), (true, false));
        assert_eq!((all[1].major, all[1].minor, &*all[1].kind), (&b"254"[..], &b"0"[..], &b"ext4"[..]));
        assert_eq!(&*unescape(b"\\400\\04"), b"\\400\\04");
    }

    #[test]
    fn default_exclusions_of_mounts() {
        for point in ["/dev", "/dev/shm", "/sys/fs", "/run/credentials/x", "/var/lib/docker/overlay2/a"] {
            assert!(is_system_mount(point.as_bytes()), "{point}");
        }
        for point in ["/", "/device", "/var/lib/docker", "/run", "/home"] {
            assert!(!is_system_mount(point.as_bytes()), "{point}");
        }
        assert!(is_pseudo_filesystem(b"cgroup2") && !is_pseudo_filesystem(b"tmpfs"));
        assert_eq!(file_nr(b"633\t0\t2466170\n"), Some((633, 2466170)));
    }
}
