//! What this system is, and its clocks.

use super::{Part, Roots};
use crate::Problem;
use crate::parse::text::{lines, number, split_once, value};
use crate::read::{KeptFile, attribute, names, names_required, read_once};
use crate::sheet::{Family, Out};
use std::path::PathBuf;

const UNAME: Family<'_> = Family::gauge("node_uname_info", "What the uname system call says, always 1.");

/// The running kernel.
pub(crate) struct Uname;

impl Part for Uname {
    fn collect(&mut self, out: &mut Out<'_>, _: &mut Vec<u8>) -> Result<(), Problem> {
        let uname = rustix::system::uname();
        let pairs = [
            ("sysname", uname.sysname().to_bytes()),
            ("release", uname.release().to_bytes()),
            ("version", uname.version().to_bytes()),
            ("machine", uname.machine().to_bytes()),
            ("nodename", uname.nodename().to_bytes()),
            ("domainname", uname.domainname().to_bytes()),
        ];
        out.info(&UNAME, &pairs);
        Ok(())
    }
}

const OS: Family<'_> = Family::gauge("node_os_info", "Which distribution this is, always 1.");
const OS_VERSION: Family<'_> =
    Family::gauge("node_os_version", "Version of the distribution, major and minor.");

/// `/etc/os-release`, or `/usr/lib/os-release`.
pub(crate) struct Os([PathBuf; 2]);

impl Os {
    pub(crate) fn new(roots: &Roots) -> Os {
        Os(["etc/os-release", "usr/lib/os-release"].map(|path| roots.root.join(path)))
    }
}

impl Part for Os {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        let bytes = match read_once(&self.0[0], buf) {
            Ok(bytes) => bytes.to_vec(),
            Err(_) => read_once(&self.0[1], buf)?.to_vec(),
        };
        let get = |key: &str| shell_value(&bytes, key);
        const KEYS: [(&str, &str); 11] = [
            ("build_id", "BUILD_ID"),
            ("id", "ID"),
            ("id_like", "ID_LIKE"),
            ("image_id", "IMAGE_ID"),
            ("image_version", "IMAGE_VERSION"),
            ("name", "NAME"),
            ("pretty_name", "PRETTY_NAME"),
            ("variant", "VARIANT"),
            ("variant_id", "VARIANT_ID"),
            ("version", "VERSION"),
            ("version_codename", "VERSION_CODENAME"),
        ];
        let values = KEYS.map(|(label, key)| (label, get(key)));
        let version_id = get("VERSION_ID");
        let mut pairs: Vec<_> = values.iter().map(|(label, value)| (*label, value.as_bytes())).collect();
        pairs.push(("version_id", version_id.as_bytes()));
        out.info(&OS, &pairs);
        if let Some(version) = major_minor(&version_id) {
            let pairs = [pairs[1], pairs[2], pairs[5]];
            out.sample(&OS_VERSION, &pairs, version);
        }
        Ok(())
    }
}

/// The value of `KEY=value` or `KEY="value"`, with the escapes of double quotes undone.
fn shell_value(bytes: &[u8], key: &str) -> String {
    let value = lines(bytes).filter_map(|l| split_once(l, b'=')).find(|(k, _)| *k == key.as_bytes());
    let value = String::from_utf8_lossy(value.map_or(&b""[..], |(_, v)| v.trim_ascii())).into_owned();
    let single = value.strip_prefix('\'').and_then(|v| v.strip_suffix('\''));
    let double = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
    match (single, double) {
        (Some(inner), _) => inner.to_owned(),
        (None, Some(inner)) => {
            let mut out = String::with_capacity(inner.len());
            let mut escaped = false;
            for c in inner.chars() {
                if c == '\\' && !escaped {
                    escaped = true;
                } else {
                    out.push(c);
                    escaped = false;
                }
            }
            out
        }
        (None, None) => value,
    }
}

/// `12.1.3` gives 12.1.
fn major_minor(version: &str) -> Option<f64> {
    let mut parts = version.split('.');
    let major = parts.next()?;
    match parts.next() {
        Some(minor) => number(format!("{major}.{minor}").as_bytes()),
        None => number(major.as_bytes()),
    }
}

const DMI: Family<'_> =
    Family::gauge("node_dmi_info", "What the firmware says about this machine, always 1.");

/// `/sys/class/dmi/id`.
pub(crate) struct Dmi(PathBuf);

impl Dmi {
    pub(crate) fn new(roots: &Roots) -> Dmi {
        Dmi(roots.sys("class/dmi/id"))
    }
}

impl Part for Dmi {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        const FILES: [(&str, &str); 20] = [
            ("bios_date", "bios_date"),
            ("bios_release", "bios_release"),
            ("bios_vendor", "bios_vendor"),
            ("bios_version", "bios_version"),
            ("board_asset_tag", "board_asset_tag"),
            ("board_name", "board_name"),
            ("board_serial", "board_serial"),
            ("board_vendor", "board_vendor"),
            ("board_version", "board_version"),
            ("chassis_asset_tag", "chassis_asset_tag"),
            ("chassis_serial", "chassis_serial"),
            ("chassis_vendor", "chassis_vendor"),
            ("chassis_version", "chassis_version"),
            ("product_family", "product_family"),
            ("product_name", "product_name"),
            ("product_serial", "product_serial"),
            ("product_sku", "product_sku"),
            ("product_uuid", "product_uuid"),
            ("product_version", "product_version"),
            ("system_vendor", "sys_vendor"),
        ];
        names_required(&self.0)?;
        let values = FILES.map(|(label, file)| (label, attribute(&self.0, file, buf).unwrap_or_default()));
        let pairs: Vec<_> = values.iter().map(|(label, value)| (*label, value.as_bytes())).collect();
        out.info(&DMI, &pairs);
        Ok(())
    }
}

const ENTROPY: Family<'_> =
    Family::gauge("node_entropy_available_bits", "Entropy the kernel's random pool holds.");
const POOL: Family<'_> = Family::gauge("node_entropy_pool_size_bits", "Size of the kernel's random pool.");

/// `/proc/sys/kernel/random`.
pub(crate) struct Entropy([KeptFile; 2]);

impl Entropy {
    pub(crate) fn new(roots: &Roots) -> Entropy {
        Entropy(["entropy_avail", "poolsize"].map(|f| KeptFile::new(roots.proc("sys/kernel/random").join(f))))
    }
}

impl Part for Entropy {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        for (family, file) in [ENTROPY, POOL].iter().zip(&mut self.0) {
            let bits = value(file.read(buf)?).ok_or_else(|| file.malformed("it is not a number"))?;
            out.sample(family, &[], bits);
        }
        Ok(())
    }
}

const SELINUX: Family<'_> = Family::gauge("node_selinux_enabled", "Whether SELinux is in use (1).");
const SELINUX_MODE: Family<'_> =
    Family::gauge("node_selinux_current_mode", "Whether SELinux enforces (1) or only reports (0).");

/// `/sys/fs/selinux`.
pub(crate) struct Selinux(PathBuf);

impl Selinux {
    pub(crate) fn new(roots: &Roots) -> Selinux {
        Selinux(roots.sys("fs/selinux"))
    }
}

impl Part for Selinux {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        let mode = read_once(&self.0.join("enforce"), buf).ok().and_then(value);
        out.sample(&SELINUX, &[], if mode.is_some() { 1.0 } else { 0.0 });
        if let Some(mode) = mode {
            out.sample(&SELINUX_MODE, &[], mode);
        }
        Ok(())
    }
}

const NOW: Family<'_> = Family::gauge("node_time_seconds", "This machine's clock, in Unix time.");

/// The clock, read when the collection asks for it and not when it began.
pub(crate) struct Time;

impl Part for Time {
    fn collect(&mut self, out: &mut Out<'_>, _: &mut Vec<u8>) -> Result<(), Problem> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        out.sample(&NOW, &[], now.as_millis() as f64 / 1000.0);
        Ok(())
    }
}

const ZONE: Family<'_> =
    Family::gauge("node_time_zone_offset_seconds", "How far local time is ahead of UTC.");
const AVAILABLE: Family<'_> =
    Family::gauge("node_time_clocksource_available_info", "A clock the kernel can use, always 1.");
const CURRENT: Family<'_> =
    Family::gauge("node_time_clocksource_current_info", "The clock the kernel uses, always 1.");

/// `/sys/devices/system/clocksource`, and the time zone.
pub(crate) struct ClockSource(PathBuf);

impl ClockSource {
    pub(crate) fn new(roots: &Roots) -> ClockSource {
        ClockSource(roots.sys("devices/system/clocksource"))
    }
}

impl Part for ClockSource {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        if let Some((zone, offset)) = local_zone(out.time_ms / 1000) {
            out.sample(&ZONE, &[("time_zone", zone.as_bytes())], offset as f64);
        }
        for name in names(&self.0) {
            let Some(number) = name.strip_prefix("clocksource") else { continue };
            let dir = self.0.join(&name);
            let device = ("device", number.as_bytes());
            for source in attribute(&dir, "available_clocksource", buf).unwrap_or_default().split(' ') {
                out.info(&AVAILABLE, &[device, ("clocksource", source.as_bytes())]);
            }
            let current = attribute(&dir, "current_clocksource", buf).unwrap_or_default();
            out.info(&CURRENT, &[device, ("clocksource", current.as_bytes())]);
        }
        Ok(())
    }
}

/// Name of the local time zone and its seconds ahead of UTC.
fn local_zone(unix_seconds: i64) -> Option<(String, i64)> {
    let time = libc::time_t::try_from(unix_seconds).ok()?;
    let mut local = std::mem::MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid for the call, and `tm` is plain data for which zeroes are valid.
    let local = unsafe {
        if libc::localtime_r(&time, local.as_mut_ptr()).is_null() {
            return None;
        }
        local.assume_init()
    };
    let zone = if local.tm_zone.is_null() {
        String::new()
    } else {
        // SAFETY: the C library keeps names of time zones as static NUL-terminated strings.
        unsafe { std::ffi::CStr::from_ptr(local.tm_zone) }.to_string_lossy().into_owned()
    };
    Some((zone, local.tm_gmtoff))
}

/// Gauges and counters of adjtimex, with what turns the field into the unit of the name.
type Field = (Family<'static>, fn(&libc::timex, f64) -> f64);

/// Parts per million with a 16-bit fraction, as adjtimex gives frequencies.
const PPM_16: f64 = 65536.0 * 1e6;

const FIELDS: [Field; 17] = [
    (Family::gauge("node_timex_offset_seconds", "Offset of this clock from its reference."), |t, unit| {
        t.offset as f64 / unit
    }),
    (
        Family::gauge(
            "node_timex_frequency_adjustment_ratio",
            "Correction of this clock's speed, 1 if there is none.",
        ),
        |t, _| 1.0 + t.freq as f64 / PPM_16,
    ),
    (Family::gauge("node_timex_maxerror_seconds", "Greatest error this clock may have."), |t, _| {
        t.maxerror as f64 / 1e6
    }),
    (Family::gauge("node_timex_estimated_error_seconds", "Estimated error of this clock."), |t, _| {
        t.esterror as f64 / 1e6
    }),
    (Family::gauge("node_timex_status", "Status bits of the kernel's clock discipline."), |t, _| {
        f64::from(t.status)
    }),
    (Family::gauge("node_timex_loop_time_constant", "Time constant of the phase-locked loop."), |t, _| {
        t.constant as f64
    }),
    (Family::gauge("node_timex_tick_seconds", "Time between clock ticks."), |t, _| t.tick as f64 / 1e6),
    (Family::gauge("node_timex_pps_frequency_hertz", "Frequency of the pulse-per-second signal."), |t, _| {
        t.ppsfreq as f64 / PPM_16
    }),
    (Family::gauge("node_timex_pps_jitter_seconds", "Jitter of the pulse-per-second signal."), |t, unit| {
        t.jitter as f64 / unit
    }),
    (Family::gauge("node_timex_pps_shift_seconds", "Length of the pulse-per-second interval."), |t, _| {
        f64::from(t.shift)
    }),
    (Family::gauge("node_timex_pps_stability_hertz", "Stability of the pulse-per-second signal."), |t, _| {
        t.stabil as f64 / PPM_16
    }),
    (
        Family::counter("node_timex_pps_jitter_total", "Times the pulse-per-second jitter was too great."),
        |t, _| t.jitcnt as f64,
    ),
    (Family::counter("node_timex_pps_calibration_total", "Pulse-per-second calibrations."), |t, _| {
        t.calcnt as f64
    }),
    (Family::counter("node_timex_pps_error_total", "Failed pulse-per-second calibrations."), |t, _| {
        t.errcnt as f64
    }),
    (
        Family::counter(
            "node_timex_pps_stability_exceeded_total",
            "Times the pulse-per-second signal was not stable.",
        ),
        |t, _| t.stbcnt as f64,
    ),
    (Family::gauge("node_timex_tai_offset_seconds", "How far atomic time is ahead of UTC."), |t, _| {
        f64::from(t.tai)
    }),
    (Family::gauge("node_timex_sync_status", "Whether this clock follows a reliable one (1)."), |t, _| {
        if t.status & libc::STA_UNSYNC == 0 { 1.0 } else { 0.0 }
    }),
];

/// The kernel's clock discipline.
pub(crate) struct Timex;

impl Part for Timex {
    fn collect(&mut self, out: &mut Out<'_>, _: &mut Vec<u8>) -> Result<(), Problem> {
        // SAFETY: `timex` is plain data for which zeroes are valid; zero modes only read.
        let (state, timex) = unsafe {
            let mut timex = std::mem::zeroed::<libc::timex>();
            (libc::adjtimex(&mut timex), timex)
        };
        if state < 0 {
            return Err(Problem::Read { path: "adjtimex".into(), error: std::io::Error::last_os_error() });
        }
        let unit = if timex.status & libc::STA_NANO != 0 { 1e9 } else { 1e6 };
        for (family, field) in &FIELDS {
            out.sample(family, &[], field(&timex, unit));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_release_is_shell_syntax() {
        let text = b"NAME=\"A \\\"B\\\"\"\nID=debian\n# c\nVERSION_ID='12'\nX=\n";
        assert_eq!(shell_value(text, "NAME"), "A \"B\"");
        assert_eq!(
            (shell_value(text, "ID").as_str(), shell_value(text, "VERSION_ID").as_str()),
            ("debian", "12")
        );
        assert_eq!(shell_value(text, "ABSENT"), "");
        assert_eq!(
            (major_minor("22.04.1"), major_minor("12"), major_minor("")),
            (Some(22.04), Some(12.0), None)
        );
    }
}
