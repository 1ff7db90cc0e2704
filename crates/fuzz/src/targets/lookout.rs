//! Modules of probes and what comes back from targets, outputs of plugins, the state of heartbeats.

use heartbeats::{Beat, Report, Schedule, state};
use nagios::Output;
use probe::config::Modules;
use probe::{Leaf, dns_records, grpc_wire, icmp_packet};
use std::collections::BTreeMap;

/// What is taken can be written and read back to the same.
pub fn probe_modules(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(modules) = Modules::from_yaml(text) else { return };
    modules.check().expect("what is read was checked");
}

pub fn probe_modules_seeds() -> Vec<Vec<u8>> {
    vec![
        b"modules:\n  m:\n    prober: http\n    timeout: 5s\n    http: {method: POST, headers: {A: b}, fail_if_body_matches_regexp: [a+]}\n".to_vec(),
        b"modules: {d: {prober: dns, dns: {query_name: a.test, query_type: A}}, i: {prober: icmp}}".to_vec(),
        b"modules: {t: {prober: tcp, tcp: {query_response: [{expect: '^a(.*)', send: 'b$1'}, {send: !!binary AAEC}]}}}".to_vec(),
    ]
}

/// A certificate: whatever it is, nothing of it panics.
pub fn certificate(data: &[u8]) {
    if let Some(leaf) = Leaf::read(data) {
        assert_eq!(leaf.fingerprint_sha256.len(), 64);
    }
}

pub fn certificate_seeds() -> Vec<Vec<u8>> {
    // The skeleton of a certificate: number, algorithm, names, times, a key, one name that it is for.
    let wrap = |tag: u8, parts: &[&[u8]]| {
        let inner = parts.concat();
        let mut out = vec![tag];
        match inner.len() {
            n @ 0..0x80 => out.push(n as u8),
            n => out.extend([0x82, (n >> 8) as u8, n as u8]),
        }
        out.extend(inner);
        out
    };
    let name = wrap(0x30, &[&wrap(0x31, &[&wrap(0x30, &[&[6, 3, 0x55, 4, 3], &wrap(0x0c, &[b"a fire"])])])]);
    let times = wrap(0x30, &[&wrap(0x17, &[b"200101000000Z"]), &wrap(0x18, &[b"20400101000000Z"])]);
    let names = wrap(0x30, &[&wrap(0x82, &[b"localhost"])]);
    let extension = wrap(0x30, &[&[6, 3, 0x55, 0x1d, 0x11], &wrap(0x04, &[&names])]);
    let extensions = wrap(0xa3, &[&wrap(0x30, &[&extension])]);
    let algorithm: &[u8] = &[0x30, 4, 6, 2, 0x2a, 3];
    let key = wrap(0x30, &[algorithm, &[3, 1, 0]]);
    let tbs = wrap(
        0x30,
        &[&[0xa0, 3, 2, 1, 2], &[2, 2, 0x0a, 0xff], algorithm, &name, &times, &name, &key, &extensions],
    );
    let whole = wrap(0x30, &[&tbs, algorithm, &[3, 1, 0]]);
    let read = Leaf::read(&whole).expect("the seed is a certificate");
    assert_eq!((read.names, read.expiry), (vec!["localhost".to_owned()], 2_208_988_800));
    vec![whole]
}

/// An answer of a name server, and each of its records as a line.
pub fn dns_answer(data: &[u8]) {
    let Ok(message) = dns_records::read(data) else { return };
    for record in message.all_sections() {
        assert!(dns_records::line(record).matches('\t').count() >= 4);
    }
}

pub fn dns_answer_seeds() -> Vec<Vec<u8>> {
    let head: &[u8] = &[0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    let name: &[u8] = &[3, b'w', b'w', b'w', 4, b't', b'e', b's', b't', 0];
    let a: &[u8] = &[0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1];
    let txt: &[u8] = &[0xc0, 12, 0, 16, 0, 1, 0, 0, 1, 44, 0, 4, 3, b'a', b'"', b'c'];
    vec![[head, name, &[0, 1, 0, 1], a].concat(), [head, name, &[0, 16, 0, 1], txt].concat()]
}

/// What may be the reply to an echo, with and without the head of its packet; and an answer about health.
pub fn probe_replies(data: &[u8]) {
    let echo = icmp_packet::Echo { v6: false, id: 1, sequence: 2, payload: b"x" };
    let _ = echo.is_reply(data, true);
    if let Some((inner, _)) = icmp_packet::behind_ipv4(data) {
        let _ = echo.is_reply(inner, false);
    }
    let _ = grpc_wire::response(data);
}

pub fn probe_replies_seeds() -> Vec<Vec<u8>> {
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1];
    packet.resize(20, 0);
    packet.extend([0, 0, 0, 0, 0, 1, 0, 2, b'x']);
    vec![packet, vec![0, 0, 0, 0, 2, 8, 1], grpc_wire::request("service")]
}

/// What a plugin prints. Perfdata that is read can be written and read to the same.
pub fn nagios_output(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let output = Output::read(&text);
    assert!(!output.summary.contains('|') && !output.summary.contains('\n'));
    for perfdata in output.perfdata.iter().filter(|p| !p.label.contains('|')) {
        let again = Output::read(&format!("x | {}", perfdata.write()));
        assert_eq!(again.perfdata.first(), Some(perfdata), "{}", perfdata.write());
        let _ = perfdata.quantity();
        let value = perfdata.value.unwrap_or(0.0);
        assert!(perfdata.warning.is_none_or(|r| r.low <= r.high && (r.alerts(value) || !r.alerts(value))));
    }
}

pub fn nagios_output_seeds() -> Vec<Vec<u8>> {
    [
        "DISK OK - free | /=2643MB;5948;5958;0;5968\n/ 15272 MB\n/boot 68 MB | /boot=68MB;88;93;0;98\n/home=69357MB;253404;;0;1",
        "PING OK | 'it''s'=0%;@40:50;~:80;0 rta=0.80ms;100.0;500.0;0 U=U",
        "OK | a=1,5s;10:;:20 b=1e-3c",
    ]
    .map(|s| s.as_bytes().to_vec())
    .to_vec()
}

/// The state of heartbeats: what is read can be written and read to the same.
pub fn heartbeat_state(data: &[u8]) {
    if let Ok(beats) = state::decode(data) {
        assert_eq!(state::decode(&state::encode(&beats)).as_ref(), Ok(&beats));
    }
}

pub fn heartbeat_state_seeds() -> Vec<Vec<u8>> {
    let mut beat = Beat::new(1_700_000_000_000);
    beat.report(Report::Start, None, 1_700_000_001_000);
    beat.report(Report::Exit(3), None, 1_700_000_002_000);
    vec![state::encode(&BTreeMap::new()), state::encode(&BTreeMap::from([("backup".to_owned(), beat)]))]
}

/// An expression of cron, and its next turn.
pub fn cron(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(schedule) = Schedule::cron(text, "UTC") {
        let now = 1_700_000_000_000;
        assert!(schedule.next_ms(now) > now);
    }
}

pub fn cron_seeds() -> Vec<Vec<u8>> {
    ["0 3 * * *", "*/15 9-17 * JAN-MAR MON-FRI", "0 0 29 2 *", "5,10 0 L * 5#3"]
        .map(|s| s.as_bytes().to_vec())
        .to_vec()
}
