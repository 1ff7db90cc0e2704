//! Systemd, played by a thread that speaks its protocol.

use super::bus::{put_field, put_signature, put_string};
use super::number;
use crate::recorder::Recorder;
use crate::{Collector, Options};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

/// Name, load state, active state and properties of a unit.
type Played = (&'static str, &'static str, &'static str, &'static [(&'static str, Value)]);

#[derive(Clone, Copy)]
enum Value {
    Text(&'static str),
    Small(u32),
    Large(u64),
}

const UNITS: [Played; 6] = [
    ("ssh.service", "loaded", "active", &[("Type", Value::Text("notify"))]),
    ("broken.service", "loaded", "failed", &[]),
    ("gone.service", "not-found", "inactive", &[]),
    (
        "dbus.socket",
        "loaded",
        "active",
        &[("NAccepted", Value::Small(7)), ("NConnections", Value::Small(2)), ("NRefused", Value::Small(1))],
    ),
    ("daily.timer", "loaded", "active", &[("LastTriggerUSec", Value::Large(1_500_000))]),
    ("data.mount", "loaded", "active", &[]),
];

/// What a client asked, as far as it matters: the serial of the call, the object, and all strings after that.
fn asked(message: &[u8]) -> (u32, String) {
    let serial = u32::from_le_bytes(message[8..12].try_into().unwrap());
    (serial, String::from_utf8_lossy(&message[16..]).into_owned())
}

fn answer(serial: u32, signature: &str, body: &[u8]) -> Vec<u8> {
    let mut fields = Vec::new();
    put_field(&mut fields, 5, "u");
    fields.resize(fields.len().next_multiple_of(4), 0);
    fields.extend_from_slice(&serial.to_le_bytes());
    put_field(&mut fields, 8, "g");
    put_signature(&mut fields, signature);
    whole(2, &fields, body)
}

fn error(serial: u32, name: &str) -> Vec<u8> {
    let mut fields = Vec::new();
    put_field(&mut fields, 4, "s");
    put_string(&mut fields, name);
    put_field(&mut fields, 5, "u");
    fields.resize(fields.len().next_multiple_of(4), 0);
    fields.extend_from_slice(&serial.to_le_bytes());
    whole(3, &fields, b"")
}

fn whole(kind: u8, fields: &[u8], body: &[u8]) -> Vec<u8> {
    let mut out = vec![b'l', kind, 1, 1];
    for n in [body.len() as u32, 1, fields.len() as u32] {
        out.extend_from_slice(&n.to_le_bytes());
    }
    out.extend_from_slice(fields);
    out.resize(out.len().next_multiple_of(8), 0);
    out.extend_from_slice(body);
    out
}

fn list() -> Vec<u8> {
    let mut units = Vec::new();
    for (name, load, active, _) in UNITS {
        units.resize(units.len().next_multiple_of(8), 0);
        for text in [name, "What it is.", load, active, "sub", "", &format!("/unit/{name}")] {
            put_string(&mut units, text);
        }
        units.resize(units.len().next_multiple_of(4), 0);
        units.extend_from_slice(&0u32.to_le_bytes());
        put_string(&mut units, "");
        put_string(&mut units, "/");
    }
    let mut body = (units.len() as u32).to_le_bytes().to_vec();
    body.resize(8, 0);
    body.extend_from_slice(&units);
    body
}

fn variant(value: Value) -> Vec<u8> {
    let mut body = Vec::new();
    match value {
        Value::Text(text) => {
            put_signature(&mut body, "s");
            put_string(&mut body, text);
        }
        Value::Small(n) => {
            put_signature(&mut body, "u");
            body.resize(body.len().next_multiple_of(4), 0);
            body.extend_from_slice(&n.to_le_bytes());
        }
        Value::Large(n) => {
            put_signature(&mut body, "t");
            body.resize(body.len().next_multiple_of(8), 0);
            body.extend_from_slice(&n.to_le_bytes());
        }
    }
    body
}

fn property(asked: &str) -> Option<Value> {
    if asked.contains("SystemState") {
        return Some(Value::Text("degraded"));
    }
    if asked.contains("Version") {
        return Some(Value::Text("252.36-1~deb12u1"));
    }
    let unit = UNITS.iter().find(|u| asked.contains(&format!("/unit/{}", u.0)))?;
    unit.3.iter().find(|(name, _)| asked.contains(name)).map(|(_, value)| *value)
}

fn line(stream: &mut UnixStream) -> String {
    let mut out = String::new();
    let mut byte = [0];
    while !out.ends_with("\r\n") && stream.read_exact(&mut byte).is_ok() {
        out.push(byte[0] as char);
    }
    out
}

/// Answers one connection until it ends.
fn play(mut stream: UnixStream) {
    assert!(line(&mut stream).starts_with("\0AUTH EXTERNAL 3"));
    stream.write_all(b"OK 0123\r\n").unwrap();
    assert_eq!(line(&mut stream), "BEGIN\r\n");
    let mut fixed = [0; 16];
    while stream.read_exact(&mut fixed).is_ok() {
        let mut bytes = fixed.to_vec();
        bytes.resize(crate::parse::dbus::message_len(&fixed).unwrap(), 0);
        stream.read_exact(&mut bytes[16..]).unwrap();
        let (serial, text) = asked(&bytes);
        let said = if text.contains("ListUnits") {
            answer(serial, "a(ssssssouso)", &list())
        } else if text.contains("Hello") {
            // Before its answer there comes a signal.
            [whole(4, &[], b""), answer(serial, "s", b"\x02\0\0\0:1\0")].concat()
        } else {
            match property(&text) {
                Some(value) => answer(serial, "v", &variant(value)),
                None => error(serial, "org.freedesktop.DBus.Error.UnknownProperty"),
            }
        };
        if stream.write_all(&said).is_err() {
            return;
        }
    }
}

fn collector(root: &Path) -> Collector {
    Collector::new(Options {
        root: root.into(),
        slow: Duration::ZERO,
        enabled: vec!["systemd".into()],
        ..crate::tests::options(root)
    })
}

fn systemd(recorder: &Recorder) -> Vec<String> {
    recorder.lines().into_iter().filter(|l| l.starts_with("node_systemd_")).collect()
}

#[test]
fn units_become_series_as_the_node_exporter_has_them() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("run/dbus")).unwrap();
    let listener = UnixListener::bind(dir.path().join("run/dbus/system_bus_socket")).unwrap();
    let bus = std::thread::spawn(move || {
        // The second collection comes over the connection of the first.
        play(listener.accept().unwrap().0);
    });
    let mut collector = collector(dir.path());
    let mut recorder = Recorder::default();
    collector.collect(1_700_000_000_000, &mut recorder);
    let first = systemd(&recorder);
    let mut again = Recorder::default();
    collector.collect(1_700_000_001_000, &mut again);
    assert_eq!(systemd(&again), first);
    let status = collector.status().into_iter().find(|c| c.name == "systemd").unwrap();
    assert!(status.success, "{}", status.problem);
    drop(collector);
    bus.join().unwrap();

    let states = ["activating", "active", "deactivating", "failed", "inactive"];
    let unit = |name: &str, is: &str, kind: &str| -> Vec<String> {
        let one = |s: &&str| {
            format!("node_systemd_unit_state{{name=\"{name}\", state=\"{s}\"{kind}}} {}", u8::from(*s == is))
        };
        states.iter().map(one).collect()
    };
    let mut wanted: Vec<String> = [
        r#"node_systemd_socket_accepted_connections_total{name="dbus.socket"} 7"#,
        r#"node_systemd_socket_current_connections{name="dbus.socket"} 2"#,
        r#"node_systemd_socket_refused_connections_total{name="dbus.socket"} 1"#,
        "node_systemd_system_running 0",
        r#"node_systemd_timer_last_trigger_seconds{name="daily.timer"} 1.5"#,
        r#"node_systemd_units{state="activating"} 0"#,
        r#"node_systemd_units{state="active"} 4"#,
        r#"node_systemd_units{state="deactivating"} 0"#,
        r#"node_systemd_units{state="failed"} 1"#,
        r#"node_systemd_units{state="inactive"} 1"#,
        r#"node_systemd_version{version="252.36-1~deb12u1"} 252.36"#,
    ]
    .map(str::to_owned)
    .to_vec();
    wanted.extend(unit("ssh.service", "active", ", type=\"notify\""));
    wanted.extend(unit("broken.service", "failed", ""));
    wanted.extend(unit("dbus.socket", "active", ""));
    wanted.extend(unit("daily.timer", "active", ""));
    wanted.sort();
    // Metrics without labels are written without braces or with empty ones.
    let got: Vec<String> = first.iter().map(|l| l.replace("{}", "")).collect();
    assert_eq!(got, wanted);
}

#[test]
fn a_machine_without_systemd_lacks_it_and_a_bus_that_hangs_up_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut without = collector(dir.path());
    without.collect(1_700_000_000_000, &mut Recorder::default());
    let status = |c: &Collector| c.status().into_iter().find(|s| s.name == "systemd").unwrap();
    assert!(!status(&without).success && status(&without).problem.is_empty());
    std::fs::create_dir_all(dir.path().join("run/dbus")).unwrap();
    let listener = UnixListener::bind(dir.path().join("run/dbus/system_bus_socket")).unwrap();
    let bus = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        line(&mut stream);
        stream.write_all(b"REJECTED EXTERNAL\r\n").unwrap();
    });
    without.collect(1_700_000_001_000, &mut Recorder::default());
    bus.join().unwrap();
    assert!(status(&without).problem.contains("REJECTED"), "{}", status(&without).problem);
    // It is not among those that run by themselves.
    assert!(!Collector::new(Options::default()).status().iter().any(|c| c.name == "systemd"));
}

#[test]
fn versions_begin_with_a_number() {
    for (text, want) in [
        ("252.36-1~deb12u1", Some(252.36)),
        ("249", Some(249.0)),
        ("v255.4.1", Some(255.4)),
        ("", None),
        ("x", None),
    ] {
        assert_eq!(number(text), want, "{text}");
    }
}
