//! Block devices.

use super::{Part, Roots};
use crate::Problem;
use crate::parse::disk::{self, Disk};
use crate::parse::text::lines;
use crate::read::{KeptFile, attribute, names_required, read_once};
use crate::sheet::{Family, Out};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const SECTOR_BYTES: f64 = 512.0;
const MILLIS: f64 = 1000.0;

/// Families in the order of the statistics, each with the unit of its column per unit of the family.
const COLUMNS: [(Family<'_>, Scale); 17] = [
    (Family::counter("node_disk_reads_completed_total", "Reads completed."), Scale::One),
    (
        Family::counter(
            "node_disk_reads_merged_total",
            "Reads merged with a neighbour before they were issued.",
        ),
        Scale::One,
    ),
    (Family::counter("node_disk_read_bytes_total", "Bytes read."), Scale::Sectors),
    (Family::counter("node_disk_read_time_seconds_total", "Time all reads took together."), Scale::Millis),
    (Family::counter("node_disk_writes_completed_total", "Writes completed."), Scale::One),
    (
        Family::counter(
            "node_disk_writes_merged_total",
            "Writes merged with a neighbour before they were issued.",
        ),
        Scale::One,
    ),
    (Family::counter("node_disk_written_bytes_total", "Bytes written."), Scale::Sectors),
    (Family::counter("node_disk_write_time_seconds_total", "Time all writes took together."), Scale::Millis),
    (Family::gauge("node_disk_io_now", "Requests under way."), Scale::One),
    (
        Family::counter(
            "node_disk_io_time_seconds_total",
            "Time in which at least one request was under way.",
        ),
        Scale::Millis,
    ),
    (
        Family::counter(
            "node_disk_io_time_weighted_seconds_total",
            "Time weighted by the number of requests under way.",
        ),
        Scale::Millis,
    ),
    (Family::counter("node_disk_discards_completed_total", "Discards completed."), Scale::One),
    (Family::counter("node_disk_discards_merged_total", "Discards merged with a neighbour."), Scale::One),
    (Family::counter("node_disk_discarded_sectors_total", "Sectors discarded."), Scale::One),
    (
        Family::counter("node_disk_discard_time_seconds_total", "Time all discards took together."),
        Scale::Millis,
    ),
    (Family::counter("node_disk_flush_requests_total", "Flushes completed."), Scale::One),
    (
        Family::counter("node_disk_flush_requests_time_seconds_total", "Time all flushes took together."),
        Scale::Millis,
    ),
];

#[derive(Clone, Copy)]
enum Scale {
    One,
    Sectors,
    Millis,
}

impl Scale {
    fn apply(self, value: u64) -> f64 {
        match self {
            Scale::One => value as f64,
            Scale::Sectors => value as f64 * SECTOR_BYTES,
            Scale::Millis => value as f64 / MILLIS,
        }
    }
}

const INFO: Family<'_> = Family::gauge("node_disk_info", "What a block device is, always 1.");
const FILESYSTEM_INFO: Family<'_> =
    Family::gauge("node_disk_filesystem_info", "The file system a block device carries, always 1.");
const MAPPER_INFO: Family<'_> =
    Family::gauge("node_disk_device_mapper_info", "What a device mapper device is, always 1.");

/// What a device is changes only when it is exchanged.
const FACTS_AGE_MAX: Duration = Duration::from_secs(60);

/// `/proc/diskstats`, with what udev knows about each device.
pub(crate) struct Diskstats {
    file: KeptFile,
    roots: Roots,
    facts: HashMap<Vec<u8>, Facts>,
    facts_read: Option<Instant>,
}

/// Label values that do not come from the statistics.
#[derive(Default)]
struct Facts {
    path: String,
    wwn: String,
    model: String,
    serial: String,
    revision: String,
    rotational: String,
    filesystem: Option<[String; 4]>,
    mapper: Option<[String; 5]>,
}

impl Diskstats {
    pub(crate) fn new(roots: &Roots) -> Diskstats {
        let file = KeptFile::new(roots.proc("diskstats"));
        Diskstats { file, roots: roots.clone(), facts: HashMap::new(), facts_read: None }
    }
}

impl Part for Diskstats {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        if self.facts_read.is_none_or(|at| out.now.duration_since(at) >= FACTS_AGE_MAX) {
            self.facts.clear();
            self.facts_read = Some(out.now);
        }
        let (roots, facts) = (&self.roots, &mut self.facts);
        for disk in disk::diskstats(self.file.read(buf)?).filter(|d| !disk::is_minor_disk(d.name)) {
            if !facts.contains_key(disk.name) {
                facts.insert(disk.name.to_vec(), Facts::read(roots, &disk));
            }
            write(out, &disk, &facts[disk.name]);
        }
        Ok(())
    }
}

fn write(out: &mut Out<'_>, disk: &Disk<'_>, facts: &Facts) {
    let device = ("device", disk.name);
    let pairs = [
        device,
        ("major", disk.major),
        ("minor", disk.minor),
        ("path", facts.path.as_bytes()),
        ("wwn", facts.wwn.as_bytes()),
        ("model", facts.model.as_bytes()),
        ("serial", facts.serial.as_bytes()),
        ("revision", facts.revision.as_bytes()),
        ("rotational", facts.rotational.as_bytes()),
    ];
    out.info(&INFO, &pairs);
    for ((family, scale), value) in COLUMNS.iter().zip(disk.values).take(disk.count) {
        out.sample(family, &[device], scale.apply(value));
    }
    if let Some([kind, usage, uuid, version]) = &facts.filesystem {
        let pairs = [
            device,
            ("type", kind.as_bytes()),
            ("usage", usage.as_bytes()),
            ("uuid", uuid.as_bytes()),
            ("version", version.as_bytes()),
        ];
        out.info(&FILESYSTEM_INFO, &pairs);
    }
    if let Some([name, uuid, vg, lv, layer]) = &facts.mapper {
        let pairs = [
            device,
            ("name", name.as_bytes()),
            ("uuid", uuid.as_bytes()),
            ("vg_name", vg.as_bytes()),
            ("lv_name", lv.as_bytes()),
            ("lv_layer", layer.as_bytes()),
        ];
        out.info(&MAPPER_INFO, &pairs);
    }
}

impl Facts {
    fn read(roots: &Roots, disk: &Disk<'_>) -> Facts {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let mut buf = Vec::new();
        let number = format!("b{}:{}", text(disk.major), text(disk.minor));
        let mut facts = read_once(&roots.root.join("run/udev/data").join(number), &mut buf)
            .map(Facts::from_udev)
            .unwrap_or_default();
        let name = text(disk.name);
        if Path::new(&name).components().count() == 1 {
            let queue = roots.sys("block").join(name).join("queue");
            facts.rotational = attribute(&queue, "rotational", &mut buf).unwrap_or_default();
        }
        facts
    }

    /// From udev's database: lines of `E:NAME=value`.
    fn from_udev(bytes: &[u8]) -> Facts {
        let get = |name: &str| -> String {
            let value = lines(bytes)
                .find_map(|l| l.strip_prefix(b"E:")?.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
            String::from_utf8_lossy(value.unwrap_or(b"")).into_owned()
        };
        let all = |names: [&str; 4]| Some(names.map(get)).filter(|v| !v[0].is_empty());
        // The serial number that is printed on the disk, if it is known; virtual disks have only the last.
        let serials = ["SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL"].map(get);
        let serial = serials.into_iter().find(|serial| !serial.is_empty()).unwrap_or_default();
        let mapper = ["DM_NAME", "DM_UUID", "DM_VG_NAME", "DM_LV_NAME", "DM_LV_LAYER"].map(get);
        Facts {
            path: get("ID_PATH"),
            wwn: get("ID_WWN"),
            model: get("ID_MODEL"),
            serial,
            revision: get("ID_REVISION"),
            rotational: String::new(),
            filesystem: all(["ID_FS_TYPE", "ID_FS_USAGE", "ID_FS_UUID", "ID_FS_VERSION"]),
            mapper: Some(mapper).filter(|m| !m[0].is_empty()),
        }
    }
}

const FILES: Family<'_> = Family::gauge("node_filefd_allocated", "Open files of the whole system.");
const FILES_MAX: Family<'_> = Family::gauge("node_filefd_maximum", "The most files that can be open.");

/// `/proc/sys/fs/file-nr`.
pub(crate) struct FileNr(KeptFile);

impl FileNr {
    pub(crate) fn new(roots: &Roots) -> FileNr {
        FileNr(KeptFile::new(roots.proc("sys/fs/file-nr")))
    }
}

impl Part for FileNr {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        let numbers = disk::file_nr(self.0.read(buf)?);
        let (open, max) = numbers.ok_or_else(|| self.0.malformed("there are not three numbers"))?;
        out.sample(&FILES, &[], open as f64);
        out.sample(&FILES_MAX, &[], max as f64);
        Ok(())
    }
}

const NVME: Family<'_> = Family::gauge("node_nvme_info", "What an NVMe device is, always 1.");

/// `/sys/class/nvme`.
pub(crate) struct Nvme(PathBuf);

impl Nvme {
    pub(crate) fn new(roots: &Roots) -> Nvme {
        Nvme(roots.sys("class/nvme"))
    }
}

impl Part for Nvme {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        for name in names_required(&self.0)? {
            let dir = self.0.join(&name);
            let mut text = |file| attribute(&dir, file, buf).unwrap_or_default();
            let (firmware, model) = (text("firmware_rev"), text("model"));
            let (serial, state) = (text("serial"), text("state"));
            let pairs = [
                ("device", name.as_bytes()),
                ("firmware_revision", firmware.as_bytes()),
                ("model", model.as_bytes()),
                ("serial", serial.as_bytes()),
                ("state", state.as_bytes()),
            ];
            out.info(&NVME, &pairs);
        }
        Ok(())
    }
}

const MD_DISKS: Family<'_> = Family::gauge("node_md_disks", "Disks of a RAID array in each state.");
const MD_REQUIRED: Family<'_> = Family::gauge("node_md_disks_required", "Disks a RAID array should have.");
const MD_STATE: Family<'_> = Family::gauge("node_md_state", "Which state a RAID array is in (1).");
const MD_BLOCKS: Family<'_> = Family::gauge("node_md_blocks", "Blocks of a RAID array.");
const MD_SYNCED: Family<'_> =
    Family::gauge("node_md_blocks_synced", "Blocks of a RAID array that are in sync.");

/// `/proc/mdstat`.
pub(crate) struct Mdadm(KeptFile);

impl Mdadm {
    pub(crate) fn new(roots: &Roots) -> Mdadm {
        Mdadm(KeptFile::new(roots.proc("mdstat")))
    }
}

impl Part for Mdadm {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        for array in disk::mdstat(self.0.read(buf)?) {
            let device = ("device", array.name);
            for state in ["active", "inactive", "recovering", "resync", "check"] {
                let value = if array.activity == state { 1.0 } else { 0.0 };
                out.sample(&MD_STATE, &[device, ("state", state.as_bytes())], value);
            }
            for (state, count) in [("active", array.active), ("failed", array.failed), ("spare", array.spare)]
            {
                out.sample(&MD_DISKS, &[device, ("state", state.as_bytes())], count as f64);
            }
            out.sample(&MD_REQUIRED, &[device], array.required as f64);
            out.sample(&MD_BLOCKS, &[device], array.blocks as f64);
            out.sample(&MD_SYNCED, &[device], array.synced as f64);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_come_from_udev() {
        let facts = Facts::from_udev(
            b"S:disk/by-id/x\nE:ID_MODEL=ACME_9\nE:ID_MODEL_ENC=no\nE:ID_SERIAL_SHORT=S1\nE:ID_FS_USAGE=filesystem\nE:ID_FS_TYPE=ext4\n",
        );
        assert_eq!((facts.model.as_str(), facts.serial.as_str()), ("ACME_9", "S1"));
        assert_eq!(facts.filesystem.unwrap()[0], "ext4");
        assert!(facts.mapper.is_none());
    }
}
