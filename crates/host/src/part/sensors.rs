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

/// A chip goes by the device it sits on, as `hwmon3` may be another chip after the next start.
fn chip_id(dir: &Path, name: &str) -> String {
    let Ok(device) = std::fs::canonicalize(dir.join("device")) else { return clean(name) };
    let last = |path: &Path| path.file_name().map(|n| clean(&n.to_string_lossy())).unwrap_or_default();
    let own = last(&device);
    match device.parent().map(last) {
        Some(parent) if !parent.is_empty() => format!("{parent}_{own}"),
        _ => own,
    }
}

/// The alphabet of label values that the node exporter uses for chips.
fn clean(name: &str) -> String {
    let lower = name.trim().to_ascii_lowercase();
    let joined: String =
        lower.chars().map(|c| if c.is_ascii_alphanumeric() || c == ':' { c } else { '_' }).collect();
    joined.trim_matches('_').to_owned()
}

/// `temp1_input` gives `temp1` and `input`.
fn sensor_file(name: &str) -> Option<(&str, &str)> {
    let (sensor, property) = name.split_once('_').unwrap_or((name, ""));
    let kind = sensor.trim_end_matches(|c: char| c.is_ascii_digit());
    const KINDS: [&str; 13] = [
        "vrm",
        "beep",
        "update",
        "in",
        "cpu",
        "fan",
        "pwm",
        "temp",
        "curr",
        "power",
        "energy",
        "humidity",
        "intrusion",
    ];
    let numbered = uint(&sensor.as_bytes()[kind.len()..]).is_some();
    (KINDS.contains(&kind) && numbered).then_some((sensor, property))
}

/// Name parts and divisor for a property of a sensor; what is in no known unit keeps its plain number.
fn sensor_unit(sensor: &str, property: &str) -> (&'static str, &'static str, f64) {
    let kind = sensor.trim_end_matches(|c: char| c.is_ascii_digit());
    let flags = ["alarm", "fault", "beep", "type", "enable"];
    let plain = flags.iter().any(|flag| property.ends_with(flag));
    match kind {
        _ if plain => ("", "", 1.0),
        "temp" => ("_temp", "_celsius", 1000.0),
        "in" | "cpu" => ("_in", "_volts", 1000.0),
        "curr" => ("_curr", "_amps", 1000.0),
        "power" if property.contains("interval") => ("_power", "_seconds", 1000.0),
        "power" => ("_power", "_watt", 1e6),
        "energy" => ("_energy", "_joule_total", 1e6),
        "fan" => ("_fan", "_rpm", 1.0),
        "humidity" => ("_humidity", "", 1e6),
        _ => ("", "", 1.0),
    }
}

impl Part for Hwmon {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        for name in names_required(&self.0)?.iter().take(SENSORS_MAX) {
            let dir = self.0.join(name);
            let chip = chip_id(&dir, name);
            let chip_pair = ("chip", chip.as_bytes());
            if let Some(chip_name) = attribute(&dir, "name", buf) {
                out.info(&CHIP, &[chip_pair, ("chip_name", clean(&chip_name).as_bytes())]);
            }
            for file in names(&dir).iter().take(SENSORS_MAX) {
                let Some((sensor, property)) = sensor_file(file) else { continue };
                let sensor_pair = ("sensor", sensor.as_bytes());
                if property == "label" {
                    let label = attribute(&dir, file, buf).unwrap_or_default();
                    out.info(&LABEL, &[chip_pair, sensor_pair, ("label", label.as_bytes())]);
                } else if let Some(value) = attribute_value(&dir, file, buf) {
                    hwmon_sample(out, &[chip_pair, sensor_pair], sensor, property, value);
                }
            }
        }
        Ok(())
    }
}

fn hwmon_sample(
    out: &mut Out<'_>,
    pairs: &[(&'static str, &[u8])],
    sensor: &str,
    property: &str,
    value: f64,
) {
    let kind = sensor.trim_end_matches(|c: char| c.is_ascii_digit());
    let (known, unit, divisor) = sensor_unit(sensor, property);
    // `input` is the reading itself and not named; of an energy meter it is a counter.
    let mut field = if known.is_empty() { format!("_{kind}") } else { known.to_owned() };
    if property != "input" && !property.is_empty() {
        field = format!("{field}_{property}");
    }
    let metric = if unit.ends_with("_total") { MetricKind::Counter } else { MetricKind::Gauge };
    let family = Family::of_field("node_hwmon", field.as_bytes(), unit, metric, "Reading of a sensor chip:");
    out.sample(&family, pairs, value / divisor);
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

/// Files that hold numbers, with the suffix and divisor of their families.
const SUPPLY_FILES: [(&str, &str, f64); 24] = [
    ("capacity", "", 1.0),
    ("capacity_alert_max", "", 1.0),
    ("capacity_alert_min", "", 1.0),
    ("cyclecount", "", 1.0),
    ("online", "", 1.0),
    ("present", "", 1.0),
    ("charge_full", "_ampere", 1e6),
    ("charge_full_design", "_ampere", 1e6),
    ("charge_now", "_ampere", 1e6),
    ("current_avg", "_ampere", 1e6),
    ("current_max", "_ampere", 1e6),
    ("current_now", "_ampere", 1e6),
    ("energy_full", "_watthour", 1e6),
    ("energy_full_design", "_watthour", 1e6),
    ("energy_now", "_watthour", 1e6),
    ("power_avg", "_watt", 1e6),
    ("power_now", "_watt", 1e6),
    ("temp", "_celsius", 10.0),
    ("temp_ambient", "_celsius", 10.0),
    ("time_to_empty_now", "_seconds", 1.0),
    ("time_to_full_now", "_seconds", 1.0),
    ("voltage_max_design", "_volt", 1e6),
    ("voltage_min_design", "_volt", 1e6),
    ("voltage_now", "_volt", 1e6),
];

impl Part for PowerSupply {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        for name in names_required(&self.0)?.iter().take(SENSORS_MAX) {
            let dir = self.0.join(name);
            let supply = ("power_supply", name.as_bytes());
            for (file, suffix, divisor) in SUPPLY_FILES {
                if let Some(value) = attribute_value(&dir, file, buf) {
                    let help = "Reading of a power supply:";
                    let field = file.as_bytes();
                    let family =
                        Family::of_field("node_power_supply_", field, suffix, MetricKind::Gauge, help);
                    out.sample(&family, &[supply], value / divisor);
                }
            }
            const TEXTS: [&str; 8] = [
                "capacity_level",
                "charge_type",
                "health",
                "manufacturer",
                "model_name",
                "status",
                "technology",
                "type",
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
        assert_eq!(sensor_file("temp1_input"), Some(("temp1", "input")));
        assert_eq!(sensor_file("in0_max_alarm"), Some(("in0", "max_alarm")));
        assert_eq!(sensor_file("pwm1"), Some(("pwm1", "")));
        assert_eq!(
            (sensor_file("name"), sensor_file("tempx_input"), sensor_file("subsystem")),
            (None, None, None)
        );
        assert_eq!(clean("0000:00:1f.3"), "0000:00:1f_3");
    }
}
