//! The units of systemd, by its interface on the system's message bus.

mod bus;
#[cfg(test)]
mod tests;

use super::{Part, Roots};
use crate::Problem;
use crate::parse::dbus::{Property, Unit, property, units};
use crate::sheet::{Family, Out};
use bus::{Answer, Bus, Call};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

const UNIT_STATE: Family<'_> = Family::gauge("node_systemd_unit_state", "Systemd unit.");
const UNITS: Family<'_> = Family::gauge("node_systemd_units", "Summary of systemd unit states.");
const RUNNING: Family<'_> = Family::gauge(
    "node_systemd_system_running",
    "Whether the system is operational (see 'systemctl is-system-running').",
);
const VERSION: Family<'_> = Family::gauge("node_systemd_version", "Detected systemd version.");
const ACCEPTED: Family<'_> = Family::counter(
    "node_systemd_socket_accepted_connections_total",
    "Total number of accepted socket connections.",
);
const CURRENT: Family<'_> =
    Family::gauge("node_systemd_socket_current_connections", "Current number of socket connections.");
const REFUSED: Family<'_> = Family::gauge(
    "node_systemd_socket_refused_connections_total",
    "Total number of refused socket connections.",
);
const LAST_TRIGGER: Family<'_> =
    Family::gauge("node_systemd_timer_last_trigger_seconds", "Seconds since epoch of last trigger.");

/// States a unit can be in, each a series.
const STATES: [&str; 5] = ["active", "activating", "deactivating", "inactive", "failed"];
/// Kinds of units that are only counted, as the node exporter has it by default.
const ONLY_COUNTED: [&str; 5] = [".automount", ".device", ".mount", ".scope", ".slice"];
/// Units with series; those beyond, by name, are only counted.
const UNITS_MAX: usize = 1000;

const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const OBJECT: &str = "/org/freedesktop/systemd1";

/// The units of systemd.
pub(crate) struct Systemd {
    socket: PathBuf,
    bus: Option<Bus>,
    /// Types of services; they change with their file, and then the unit is reloaded under the same name. So this is
    /// forgotten now and then.
    types: HashMap<String, String>,
    age: u32,
}

/// Types are asked for anew after this many collections.
const FORGET_EVERY: u32 = 20;

/// A property that becomes a sample of a unit.
struct Wanted<'a> {
    unit: &'a Unit<'a>,
    interface: &'static str,
    name: &'static str,
    family: &'static Family<'static>,
    divisor: f64,
}

impl Systemd {
    pub(crate) fn new(roots: &Roots) -> Systemd {
        let socket = roots.root.join("run/dbus/system_bus_socket");
        Systemd { socket, bus: None, types: HashMap::new(), age: 0 }
    }

    fn problem(&self, what: String) -> Problem {
        Problem::Malformed { path: self.socket.clone(), what: what.into() }
    }

    fn calls(&mut self, calls: &[Call<'_>]) -> Result<Vec<Answer>, Problem> {
        let done = match &mut self.bus {
            Some(bus) => bus.calls(calls),
            None => Bus::connect(&self.socket).and_then(|bus| self.bus.insert(bus).calls(calls)),
        };
        done.map_err(|error| {
            // Answers may still be on their way: they would be taken for those of the next call.
            self.bus = None;
            Problem::read(&self.socket, error)
        })
    }

    /// Asks services for their type, those that were not asked before.
    fn learn_types(&mut self, units: &[&Unit<'_>]) -> Result<(), Problem> {
        if self.age == 0 {
            self.types.clear();
        }
        self.age = (self.age + 1) % FORGET_EVERY;
        let new: Vec<&&Unit<'_>> = units
            .iter()
            .filter(|u| u.name.ends_with(".service") && !self.types.contains_key(u.name))
            .collect();
        let calls: Vec<Call<'_>> =
            new.iter().map(|u| get(u.path, &["org.freedesktop.systemd1.Service", "Type"])).collect();
        for (unit, answer) in new.iter().zip(self.calls(&calls)?) {
            if let Some(Property::Text(kind)) = answer.read().ok().as_ref().and_then(property) {
                self.types.insert(unit.name.to_owned(), kind.to_owned());
            }
        }
        Ok(())
    }

    fn describe(&mut self, out: &mut Out<'_>, units: &[&Unit<'_>]) -> Result<(), Problem> {
        self.learn_types(units)?;
        for unit in units {
            let kind = self.types.get(unit.name).map_or("", String::as_str);
            for state in STATES {
                let mut pairs = vec![("name", unit.name.as_bytes()), ("state", state.as_bytes())];
                // An empty label is no label.
                if !kind.is_empty() {
                    pairs.push(("type", kind.as_bytes()));
                }
                out.sample(&UNIT_STATE, &pairs, f64::from(u8::from(unit.active_state == state)));
            }
        }
        let wanted: Vec<Wanted<'_>> = units.iter().flat_map(|u| of_unit(u)).collect();
        let names: Vec<[&str; 2]> = wanted.iter().map(|w| [w.interface, w.name]).collect();
        let calls: Vec<Call<'_>> = wanted.iter().zip(&names).map(|(w, n)| get(w.unit.path, n)).collect();
        for (w, answer) in wanted.iter().zip(self.calls(&calls)?) {
            // A unit may end between the list and this.
            if let Some(Property::Number(n)) = answer.read().ok().as_ref().and_then(property) {
                out.sample(w.family, &[("name", w.unit.name.as_bytes())], n as f64 / w.divisor);
            }
        }
        Ok(())
    }
}

impl Part for Systemd {
    fn collect(&mut self, out: &mut Out<'_>, _: &mut Vec<u8>) -> Result<(), Problem> {
        let list = Call { path: OBJECT, interface: MANAGER, method: "ListUnits", arguments: &[] };
        let calls = [list, get(OBJECT, &[MANAGER, "SystemState"]), get(OBJECT, &[MANAGER, "Version"])];
        let answers = self.calls(&calls)?;
        let read = |answer: &Answer| answer.read().map(|_| ());
        if let Some(error) = answers.iter().find_map(|a| read(a).err()) {
            return Err(self.problem(format!("systemd answers {error}")));
        }
        let listed = answers[0].read().ok().and_then(|m| units(&m));
        let Some(mut listed) = listed else {
            return Err(self.problem("the list of units is not one".to_owned()));
        };
        listed.sort_by_key(|u| u.name);
        let text = |answer: &Answer| match answer.read().ok().as_ref().and_then(property) {
            Some(Property::Text(text)) => text.to_owned(),
            _ => String::new(),
        };
        let (state, version) = (text(&answers[1]), text(&answers[2]));
        out.sample(&RUNNING, &[], f64::from(u8::from(state == "running")));
        if let Some(number) = number(&version) {
            out.sample(&VERSION, &[("version", version.as_bytes())], number);
        }
        let mut counts: BTreeMap<&str, u64> = STATES.iter().map(|s| (*s, 0)).collect();
        for unit in &listed {
            *counts.entry(unit.active_state).or_default() += 1;
        }
        for (state, count) in counts {
            out.sample(&UNITS, &[("state", state.as_bytes())], count as f64);
        }
        let with_series = |u: &&Unit<'_>| {
            u.load_state == "loaded" && !ONLY_COUNTED.iter().any(|kind| u.name.ends_with(kind))
        };
        let chosen: Vec<&Unit<'_>> = listed.iter().filter(with_series).take(UNITS_MAX).collect();
        self.describe(out, &chosen)
    }
}

/// The number in a version: 252.36 of `252.36-1~deb12u1`.
fn number(version: &str) -> Option<f64> {
    let from = version.find(|c: char| c.is_ascii_digit())?;
    let mut dots = 0;
    let digits = &version[from..];
    let end =
        digits.find(|c: char| !(c.is_ascii_digit() || (c == '.' && std::mem::replace(&mut dots, 1) == 0)));
    let end = end.unwrap_or(digits.len());
    digits[..end].trim_end_matches('.').parse().ok()
}

fn get<'a>(path: &'a str, interface_and_name: &'a [&'a str; 2]) -> Call<'a> {
    Call { path, interface: PROPERTIES, method: "Get", arguments: interface_and_name }
}

/// What sockets and timers count.
fn of_unit<'a>(unit: &'a Unit<'a>) -> Vec<Wanted<'a>> {
    let wanted = |interface, name, family, divisor| Wanted { unit, interface, name, family, divisor };
    if unit.name.ends_with(".socket") {
        let socket = "org.freedesktop.systemd1.Socket";
        return vec![
            wanted(socket, "NAccepted", &ACCEPTED, 1.0),
            wanted(socket, "NConnections", &CURRENT, 1.0),
            wanted(socket, "NRefused", &REFUSED, 1.0),
        ];
    }
    if unit.name.ends_with(".timer") {
        return vec![wanted("org.freedesktop.systemd1.Timer", "LastTriggerUSec", &LAST_TRIGGER, 1e6)];
    }
    Vec::new()
}
