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

/// A RAID array of `/proc/mdstat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array<'a> {
    /// Device.
    pub name: &'a [u8],
    /// `active`, `inactive`, `recovering`, `resync` or `check`.
    pub activity: &'static str,
    /// Disks in use.
    pub active: u64,
    /// Disks the array should have.
    pub required: u64,
    /// Disks marked as failed.
    pub failed: u64,
    /// Disks that stand by.
    pub spare: u64,
    /// Blocks of 1 KiB.
    pub blocks: u64,
    /// Blocks in sync.
    pub synced: u64,
}

/// All arrays of `/proc/mdstat`.
pub fn mdstat(bytes: &[u8]) -> Vec<Array<'_>> {
    let mut arrays: Vec<Array<'_>> = Vec::new();
    for line in lines(bytes) {
        if line[0].is_ascii_whitespace() {
            if let Some(array) = arrays.last_mut() {
                continue_array(array, line);
            }
        } else if let Some(array) = first_line(line) {
            arrays.push(array);
        }
    }
    for array in arrays.iter_mut().filter(|a| matches!(a.activity, "active" | "inactive")) {
        array.synced = array.blocks;
    }
    arrays
}

/// `md0 : active raid1 sdb1[1] sda1[0](F)`
fn first_line(line: &[u8]) -> Option<Array<'_>> {
    let mut fields = fields(line);
    let name = fields.next()?;
    let colon = fields.next()?;
    let activity = match fields.next()? {
        b"active" => "active",
        b"inactive" => "inactive",
        _ => return None,
    };
    if colon != b":" {
        return None;
    }
    let mut array =
        Array { name, activity, active: 0, required: 0, failed: 0, spare: 0, blocks: 0, synced: 0 };
    for member in fields.filter(|f| f.contains(&b'[')) {
        if member.ends_with(b"(F)") {
            array.failed += 1;
        } else if member.ends_with(b"(S)") {
            array.spare += 1;
        } else {
            array.active += 1;
        }
    }
    array.required = array.active;
    Some(array)
}

/// `1234 blocks super 1.2 [2/1] [_U]`, and `[==>..] recovery = 12.6% (156/1234) finish=...`
fn continue_array<'a>(array: &mut Array<'a>, line: &'a [u8]) {
    let mut words = fields(line).peekable();
    let mut before: &[u8] = b"";
    while let Some(word) = words.next() {
        if words.peek() == Some(&&b"blocks"[..]) {
            array.blocks = uint(word).unwrap_or(0);
        }
        let inner = |open: u8, close: u8| {
            let inner = word.strip_prefix(&[open])?.strip_suffix(&[close])?;
            let (a, b) = super::text::split_once(inner, b'/')?;
            Some((uint(a)?, uint(b)?))
        };
        if let Some((required, active)) = inner(b'[', b']') {
            (array.required, array.active) = (required, active);
        }
        if let Some((synced, _)) = inner(b'(', b')') {
            array.synced = synced;
        }
        if word == b"=" {
            array.activity = activity_of(before).unwrap_or(array.activity);
        }
        for suffix in [&b"=DELAYED"[..], b"=PENDING"] {
            if let Some(kind) = word.strip_suffix(suffix) {
                array.activity = activity_of(kind).unwrap_or(array.activity);
            }
        }
        before = word;
    }
}

fn activity_of(word: &[u8]) -> Option<&'static str> {
    match word {
        b"recovery" | b"reshape" => Some("recovering"),
        b"resync" => Some("resync"),
        b"check" => Some("check"),
        _ => None,
    }
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
    #[test]
    fn arrays_healthy_failed_and_recovering() {
        let text = b"Personalities : [raid1]\nmd0 : active raid1 sdb1[1] sda1[0]\n      1000 blocks super 1.2 [2/2] [UU]\n\n\
            md1 : active raid5 sdc1[3] sdb2[1](F) sda2[0] sdd1[4](S)\n      3000 blocks level 5 [3/2] [U_U]\n      [==>...]  recovery = 12.6% (126/1000) finish=1min\n\
            md2 : active raid1 sde1[1] sdf1[0]\n      10 blocks [2/2] [UU]\n        resync=DELAYED\nunused devices: <none>\n";
        let all = mdstat(text);
        assert_eq!(all.len(), 3);
        assert_eq!((all[0].activity, all[0].active, all[0].blocks, all[0].synced), ("active", 2, 1000, 1000));
        assert_eq!((all[1].activity, all[1].active, all[1].required), ("recovering", 2, 3));
        assert_eq!((all[1].failed, all[1].spare, all[1].synced), (1, 1, 126));
        assert_eq!(all[2].activity, "resync");
    }
}
