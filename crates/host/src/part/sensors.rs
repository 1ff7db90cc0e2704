//! Temperatures, fans, voltages, batteries, energy and memory errors, from sysfs.

use super::{Part, Roots};
use crate::Problem;
use crate::parse::text::uint;
use crate::read::{attribute, attribute_value, names, names_required};
use crate::sheet::{Family, Out};
use model::MetricKind;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Chips, zones, supplies or sensors of a chip that are looked at.
const SENSORS_MAX: usize = 512;

const CHIP: Family<'_> = Family::gauge("node_hwmon_chip_names", "Name of a sensor chip, always 1.");
const LABEL: Family<'_> = Family::gauge("node_hwmon_sensor_label", "What a sensor measures, always 1.");

/// `/sys/class/hwmon`.
pub(crate) struct Hwmon(PathBuf);

impl Hwmon {
    pub(crate) fn new(roots: &Roots) -> Hwmon {
        Hwmon(roots.sys("class/hwmon"))
    }
}

/// A chip goes by the device it sits on, as `hwmon3` may be another chip after the next start; without a device
/// by the name its driver gives it.
fn chip_id(dir: &Path, directory_name: &str, chip_name: &str) -> String {
    let last = |path: &Path| path.file_name().map(|n| clean(&n.to_string_lossy())).unwrap_or_default();
    if let Ok(device) = std::fs::canonicalize(dir.join("device")) {
        let (bus, own) = (device.parent().map(last).unwrap_or_default(), last(&device));
        if !own.is_empty() {
            return if bus.is_empty() { own } else { format!("{bus}_{own}") };
        }
    }
    let by_driver = clean(chip_name);
    if by_driver.is_empty() { clean(directory_name) } else { by_driver }
}

/// The alphabet in which the node exporter writes the names of chips and properties.
fn clean(name: &str) -> String {
    let lower = name.trim().to_ascii_lowercase();
    let joined: String =
        lower.chars().map(|c| if c.is_ascii_alphanumeric() || c == ':' { c } else { '_' }).collect();
    joined.trim_matches('_').to_owned()
}

/// `temp1_input` gives `temp`, `temp1` and `input`. Kinds of sensors that no dashboard knows are left out.
fn sensor_file(name: &str) -> Option<(&str, &str, &str)> {
    let digits_at = name.find(|c: char| c.is_ascii_digit())?;
    let digits = name[digits_at..].bytes().take_while(u8::is_ascii_digit).count();
    let (sensor, rest) = name.split_at(digits_at + digits);
    const KINDS: [&str; 9] = ["in", "cpu", "fan", "pwm", "temp", "curr", "power", "energy", "humidity"];
    let kind = &name[..digits_at];
    let property = if rest.is_empty() { rest } else { rest.strip_prefix('_')? };
    (KINDS.contains(&kind) || kind == "intrusion").then_some((kind, sensor, property))
}

/// The suffix of the family and what the value is divided by. Alarms of a limit carry the unit of the limit,
/// which makes no sense, but is what dashboards ask for.
fn sensor_unit(kind: &str, property: &str) -> (&'static str, f64) {
    match (kind, property) {
        (_, "fault" | "alarm") => ("", 1.0),
        (_, "beep") => ("_enabled", 1.0),
        ("in" | "cpu", _) => ("_volts", 1000.0),
        ("temp", "type") => ("", 1.0),
        ("temp", _) => ("_celsius", 1000.0),
        ("curr", _) => ("_amps", 1000.0),
        ("energy", _) => ("_joule_total", 1e6),
        ("power", "accuracy") | ("humidity", _) => ("", 1e6),
        ("power", "average_interval" | "average_interval_min" | "average_interval_max") => {
            ("_seconds", 1000.0)
        }
        ("power", _) => ("_watt", 1e6),
        ("fan", "input" | "min" | "max" | "target") => ("_rpm", 1.0),
        _ => ("", 1.0),
    }
}

impl Part for Hwmon {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        for name in names_required(&self.0)?.iter().take(SENSORS_MAX) {
            let dir = self.0.join(name);
            let chip_name = attribute(&dir, "name", buf).unwrap_or_default();
            let chip = chip_id(&dir, name, &chip_name);
            let chip = ("chip", chip.as_bytes());
            if !clean(&chip_name).is_empty() {
                out.info(&CHIP, &[chip, ("chip_name", clean(&chip_name).as_bytes())]);
            }
            // Some drivers put the readings beside the chip and not into it.
            for dir in [dir.clone(), dir.join("device")] {
                hwmon_dir(out, &dir, chip, buf);
            }
        }
        Ok(())
    }
}

fn hwmon_dir(out: &mut Out<'_>, dir: &Path, chip: (&'static str, &[u8]), buf: &mut Vec<u8>) {
    let files = names(dir);
    for file in files.iter().take(SENSORS_MAX) {
        let Some((kind, sensor, property)) = sensor_file(file) else { continue };
        let sensor_pair = ("sensor", sensor.as_bytes());
        if property == "label" {
            let label = attribute(dir, file, buf).unwrap_or_default();
            out.info(&LABEL, &[chip, sensor_pair, ("label", label.as_bytes())]);
            continue;
        }
        let Some(value) = attribute_value(dir, file, buf) else { continue };
        // The reading itself goes unnamed, unless the bare file is there too.
        let field = match property {
            "" => kind.to_owned(),
            "input" if !files.iter().any(|f| f == sensor) => kind.to_owned(),
            property => format!("{kind}_{}", clean(property)),
        };
        let (suffix, divisor) = sensor_unit(kind, property);
        let metric = if suffix.ends_with("_total") { MetricKind::Counter } else { MetricKind::Gauge };
        let help = "Reading of a sensor chip:";
        let family = Family::of_field("node_hwmon_", field.as_bytes(), suffix, metric, help);
        out.sample(&family, &[chip, sensor_pair], value / divisor);
    }
}

const ZONE: Family<'_> = Family::gauge("node_thermal_zone_temp", "Temperature of a zone in degrees Celsius.");
const COOLING: Family<'_> =
    Family::gauge("node_cooling_device_cur_state", "How hard a cooling device works.");
const COOLING_MAX: Family<'_> =
    Family::gauge("node_cooling_device_max_state", "How hard a cooling device can work.");

/// `/sys/class/thermal`.
pub(crate) struct Thermal(PathBuf);

impl Thermal {
    pub(crate) fn new(roots: &Roots) -> Thermal {
        Thermal(roots.sys("class/thermal"))
    }
}

impl Part for Thermal {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        for name in names_required(&self.0)?.iter().take(SENSORS_MAX) {
            let dir = self.0.join(name);
            let kind = attribute(&dir, "type", buf).unwrap_or_default();
            if let Some(zone) = name.strip_prefix("thermal_zone") {
                if let Some(millis) = attribute_value(&dir, "temp", buf) {
                    out.sample(
                        &ZONE,
                        &[("zone", zone.as_bytes()), ("type", kind.as_bytes())],
                        millis / 1000.0,
                    );
                }
            } else if let Some(device) = name.strip_prefix("cooling_device") {
                let pairs = [("name", device.as_bytes()), ("type", kind.as_bytes())];
                for (family, file) in [(&COOLING, "cur_state"), (&COOLING_MAX, "max_state")] {
                    if let Some(state) = attribute_value(&dir, file, buf) {
                        out.sample(family, &pairs, state);
                    }
                }
            }
        }
        Ok(())
    }
}

const SUPPLY: Family<'_> = Family::gauge("node_power_supply_info", "What a power supply is, always 1.");

/// `/sys/class/power_supply`.
pub(crate) struct PowerSupply(PathBuf);

impl PowerSupply {
    pub(crate) fn new(roots: &Roots) -> PowerSupply {
        PowerSupply(roots.sys("class/power_supply"))
    }
}

/// Files that hold numbers: the name in the family, where it is another, and what the value is divided by.
const SUPPLY_FILES: [(&str, &str, f64); 49] = [
    ("authentic", "", 1.0),
    ("calibrate", "", 1.0),
    ("capacity", "", 1.0),
    ("capacity_alert_max", "", 1.0),
    ("capacity_alert_min", "", 1.0),
    ("charge_control_limit", "", 1e6),
    ("charge_control_limit_max", "", 1e6),
    ("charge_counter", "", 1e6),
    ("charge_empty", "", 1e6),
    ("charge_empty_design", "", 1e6),
    ("charge_full", "", 1e6),
    ("charge_full_design", "", 1e6),
    ("charge_now", "charge_ampere", 1e6),
    ("charge_term_current", "", 1e6),
    ("constant_charge_current", "", 1e6),
    ("constant_charge_current_max", "", 1e6),
    ("constant_charge_voltage", "", 1e6),
    ("constant_charge_voltage_max", "", 1e6),
    ("current_boot", "", 1e6),
    ("current_max", "", 1e6),
    ("current_now", "current_ampere", 1e6),
    ("cycle_count", "cyclecount", 1.0),
    ("energy_empty", "", 1e6),
    ("energy_empty_design", "", 1e6),
    ("energy_full", "", 1e6),
    ("energy_full_design", "", 1e6),
    ("energy_now", "energy_watthour", 1e6),
    ("input_current_limit", "", 1e6),
    ("online", "", 1.0),
    ("power_now", "power_watt", 1e6),
    ("precharge_current", "", 1e6),
    ("present", "", 1.0),
    ("temp", "temp_celsius", 10.0),
    ("temp_alert_max", "temp_alert_max_celsius", 10.0),
    ("temp_alert_min", "temp_alert_min_celsius", 10.0),
    ("temp_ambient", "temp_ambient_celsius", 10.0),
    ("temp_ambient_max", "temp_ambient_max_celsius", 10.0),
    ("temp_ambient_min", "temp_ambient_min_celsius", 10.0),
    ("temp_max", "temp_max_celsius", 10.0),
    ("temp_min", "temp_min_celsius", 10.0),
    ("time_to_empty_now", "time_to_empty_seconds", 1.0),
    ("time_to_full_now", "time_to_full_seconds", 1.0),
    ("voltage_boot", "", 1e6),
    ("voltage_max", "", 1e6),
    ("voltage_max_design", "", 1e6),
    ("voltage_min", "", 1e6),
    ("voltage_min_design", "", 1e6),
    ("voltage_now", "voltage_volt", 1e6),
    ("voltage_ocv", "", 1e6),
];

impl Part for PowerSupply {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        for name in names_required(&self.0)?.iter().take(SENSORS_MAX) {
            let dir = self.0.join(name);
            let supply = ("power_supply", name.as_bytes());
            for (file, other, divisor) in SUPPLY_FILES {
                if let Some(value) = attribute_value(&dir, file, buf) {
                    let field = if other.is_empty() { file } else { other };
                    let help = "Reading of a power supply:";
                    let kind = MetricKind::Gauge;
                    let family = Family::of_field("node_power_supply_", field.as_bytes(), "", kind, help);
                    out.sample(&family, &[supply], value / divisor);
                }
            }
            const TEXTS: [&str; 11] = [
                "capacity_level",
                "charge_type",
                "health",
                "manufacturer",
                "model_name",
                "scope",
                "serial_number",
                "status",
                "technology",
                "type",
                "usb_type",
            ];
            let texts = TEXTS.map(|file| (file, attribute(&dir, file, buf).unwrap_or_default()));
            let mut pairs = vec![supply];
            pairs.extend(texts.iter().map(|(label, text)| (*label, text.as_bytes())));
            out.info(&SUPPLY, &pairs);
        }
        Ok(())
    }
}

/// `/sys/class/powercap`: energy counters, which ordinary users may not read.
pub(crate) struct Rapl(PathBuf);

impl Rapl {
    pub(crate) fn new(roots: &Roots) -> Rapl {
        Rapl(roots.sys("class/powercap"))
    }
}

impl Part for Rapl {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        for name in names_required(&self.0)?.iter().take(SENSORS_MAX) {
            let dir = self.0.join(name);
            let Some(zone) = attribute(&dir, "name", buf) else { continue };
            let Some(micros) = attribute_value(&dir, "energy_uj", buf) else { continue };
            // `package-0` is zone `package` with index 0; others count by their place, `intel-rapl:0:1` say.
            let (zone, index) = match zone.rsplit_once('-') {
                Some((zone, index)) if uint(index.as_bytes()).is_some() => {
                    (zone.to_owned(), index.to_owned())
                }
                _ => (zone, name.split(':').nth(1).unwrap_or("0").to_owned()),
            };
            let path = dir.to_string_lossy();
            let pairs = [("index", index.as_bytes()), ("path", path.as_bytes())];
            let help = "Energy used by a part of the CPU:";
            let family =
                Family::of_field("node_rapl_", zone.as_bytes(), "_joules_total", MetricKind::Counter, help);
            out.sample(&family, &pairs, micros / 1e6);
        }
        Ok(())
    }
}

const CORRECTED: Family<'_> =
    Family::counter("node_edac_correctable_errors_total", "Memory errors that were corrected.");
const UNCORRECTED: Family<'_> =
    Family::counter("node_edac_uncorrectable_errors_total", "Memory errors that could not be corrected.");
const ROW_CORRECTED: Family<'_> = Family::counter(
    "node_edac_csrow_correctable_errors_total",
    "Memory errors of a row that were corrected.",
);
const ROW_UNCORRECTED: Family<'_> = Family::counter(
    "node_edac_csrow_uncorrectable_errors_total",
    "Memory errors of a row that could not be corrected.",
);

/// `/sys/devices/system/edac/mc`.
pub(crate) struct Edac(PathBuf);

impl Edac {
    pub(crate) fn new(roots: &Roots) -> Edac {
        Edac(roots.sys("devices/system/edac/mc"))
    }
}

impl Part for Edac {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        let numbered = |dir: &Path, prefix: &str| -> BTreeSet<(u64, PathBuf)> {
            let number = |name: &str| uint(name.strip_prefix(prefix)?.as_bytes());
            names(dir).iter().filter_map(|n| Some((number(n)?, dir.join(n)))).collect()
        };
        names_required(&self.0)?;
        for (controller, dir) in numbered(&self.0, "mc") {
            let controller = controller.to_string();
            let pair = ("controller", controller.as_bytes());
            // Errors that belong to no row have a row of their own, named unknown.
            for (family, row_family, file, rowless) in [
                (&CORRECTED, &ROW_CORRECTED, "ce_count", "ce_noinfo_count"),
                (&UNCORRECTED, &ROW_UNCORRECTED, "ue_count", "ue_noinfo_count"),
            ] {
                if let Some(count) = attribute_value(&dir, file, buf) {
                    out.sample(family, &[pair], count);
                }
                if let Some(count) = attribute_value(&dir, rowless, buf) {
                    out.sample(row_family, &[pair, ("csrow", b"unknown")], count);
                }
                for (row, dir) in numbered(&dir, "csrow") {
                    if let Some(count) = attribute_value(&dir, file, buf) {
                        out.sample(row_family, &[pair, ("csrow", row.to_string().as_bytes())], count);
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sensors_have_kind_number_and_property() {
        assert_eq!(sensor_file("temp1_input"), Some(("temp", "temp1", "input")));
        assert_eq!(sensor_file("in0_max_alarm"), Some(("in", "in0", "max_alarm")));
        assert_eq!(sensor_file("pwm12"), Some(("pwm", "pwm12", "")));
        assert_eq!(
            (sensor_file("name"), sensor_file("tempx_input"), sensor_file("hwmon3")),
            (None, None, None)
        );
        assert_eq!((sensor_file("1"), sensor_file("temp1x")), (None, None));
        assert_eq!(clean("0000:00:1f.3"), "0000:00:1f_3");
        assert_eq!(sensor_unit("temp", "crit_alarm"), ("_celsius", 1000.0));
    }
}
