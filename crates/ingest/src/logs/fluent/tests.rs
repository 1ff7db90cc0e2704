use super::handshake::hex_digest;
use super::*;
use crate::logs::testing::{records, writer};
use rmp::encode as e;

/// MessagePack of a few shapes.
#[derive(Clone)]
enum P {
    Nil,
    Int(i64),
    Float(f64),
    Str(&'static str),
    Bin(Vec<u8>),
    Time(u32, u32),
    List(Vec<P>),
    Map(Vec<(&'static str, P)>),
}

fn put(out: &mut Vec<u8>, p: &P) {
    match p {
        P::Nil => e::write_nil(out).unwrap(),
        P::Int(i) => drop(e::write_sint(out, *i).unwrap()),
        P::Float(x) => e::write_f64(out, *x).unwrap(),
        P::Str(s) => e::write_str(out, s).unwrap(),
        P::Bin(b) => e::write_bin(out, b).unwrap(),
        P::Time(s, ns) => {
            e::write_ext_meta(out, 8, 0).unwrap();
            out.extend_from_slice(&s.to_be_bytes());
            out.extend_from_slice(&ns.to_be_bytes());
        }
        P::List(items) => {
            e::write_array_len(out, items.len() as u32).unwrap();
            items.iter().for_each(|i| put(out, i));
        }
        P::Map(pairs) => {
            e::write_map_len(out, pairs.len() as u32).unwrap();
            for (n, v) in pairs {
                e::write_str(out, n).unwrap();
                put(out, v);
            }
        }
    }
}

fn packed(all: &[P]) -> Vec<u8> {
    let mut out = Vec::new();
    all.iter().for_each(|p| put(&mut out, p));
    out
}

fn line(text: &'static str) -> P {
    P::Map(vec![("message", P::Str(text)), ("level", P::Str("warn"))])
}

fn entry(seconds: u32, text: &'static str) -> P {
    P::List(vec![P::Time(seconds, 5), line(text)])
}

fn session(secret: Option<Secret>) -> Session {
    Session::new(Limits { body_bytes_max: 4000, ..Limits::default() }, Roles::default(), secret)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut z = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    z.write_all(bytes).unwrap();
    z.finish().unwrap()
}

fn all_modes() -> Vec<u8> {
    let inner = packed(&[entry(1_795_256_431, "packed 1"), entry(1_795_256_432, "packed 2")]);
    let k8s = P::Map(vec![
        ("log", P::Str("of a container")),
        (
            "kubernetes",
            P::Map(vec![
                ("pod_name", P::Str("p")),
                ("labels", P::Map(vec![])),
                ("x", P::List(vec![P::Int(1), P::Map(vec![("a", P::Nil)])])),
            ]),
        ),
        ("n", P::Float(0.5)),
    ]);
    packed(&[
        P::List(vec![P::Str("app.a"), P::Int(1_795_256_430), line("one message")]),
        P::List(vec![P::Str("app.a"), P::Time(1_795_256_430, 7), k8s, P::Map(vec![("chunk", P::Str("c1"))])]),
        P::Nil,
        P::List(vec![
            P::Str("app.b"),
            P::List(vec![
                entry(1_795_256_433, "forward"),
                P::List(vec![P::List(vec![P::Time(9, 9), P::Map(vec![])]), line("of Fluent Bit")]),
            ]),
        ]),
        P::List(vec![
            P::Str("app.c"),
            P::Bin(inner.clone()),
            P::Map(vec![("size", P::Int(2)), ("chunk", P::Str("c2"))]),
        ]),
        P::List(vec![
            P::Str("app.d"),
            P::Bin(gzip(&inner)),
            P::Map(vec![("compressed", P::Str("gzip")), ("chunk", P::Str("c3"))]),
        ]),
        P::List(vec![
            P::Str("app.e"),
            P::List(vec![
                P::Int(1),
                P::List(vec![P::Str("noon"), line("x")]),
                P::List(vec![P::Nil, P::Map(vec![("only", P::Str("fields"))])]),
            ]),
        ]),
    ])
}

#[test]
fn every_mode_however_bytes_arrive() {
    let bytes = all_modes();
    let mut shown = Vec::new();
    for piece in [bytes.len(), 1, 7] {
        let (mut w, mut outputs, mut session) = (writer(), Vec::new(), session(None));
        assert_eq!(session.greeting(), None);
        for piece in bytes.chunks(piece) {
            session.step(piece, &mut w, &mut outputs).unwrap();
        }
        let acknowledged: Vec<String> = outputs
            .iter()
            .map(|o| match o {
                Output::Acknowledge(b) => String::from_utf8_lossy(b).replace('\u{fffd}', "?"),
                Output::Send(_) => "sent".to_owned(),
            })
            .collect();
        shown.push(format!("{}{acknowledged:?}", records(w)));
    }
    assert_eq!(shown[0], shown[1]);
    assert_eq!(shown[0], shown[2]);
    insta::assert_snapshot!(shown[0]);
}

#[test]
fn what_is_wrong_ends_the_connection() {
    let mut deep = vec![0x93, 0xa1, b'a', 0x01];
    deep.extend([0x81, 0xa1, b'k'].repeat(40));
    deep.push(0xc0);
    let mut out = String::new();
    for (name, bytes) in [
        ("not MessagePack", vec![0xc1]),
        ("HTTP", b"GET / HTTP/1.1\r\n".to_vec()),
        ("no entries", packed(&[P::List(vec![P::Str("a")])])),
        ("no tag", packed(&[P::List(vec![P::Int(1), P::Int(2), line("x")])])),
        ("too long", vec![0xdb, 0x00, 0x10, 0x00, 0x00].into_iter().chain(vec![b'x'; 5000]).collect()),
        ("cut entries", packed(&[P::List(vec![P::Str("a"), P::Bin(vec![0x92, 0x01])])])),
        (
            "odd compression",
            packed(&[P::List(vec![P::Str("a"), P::Bin(vec![]), P::Map(vec![("compressed", P::Str("br"))])])]),
        ),
        (
            "broken gzip",
            packed(&[P::List(vec![
                P::Str("a"),
                P::Bin(vec![1, 2]),
                P::Map(vec![("compressed", P::Str("gzip"))]),
            ])]),
        ),
        ("too deep", deep),
    ] {
        let mut w = writer();
        let done = session(None).step(&bytes, &mut w, &mut Vec::new());
        out += &format!(
            "{name}: {} {}\n",
            done.map_or_else(|e| e.to_string(), |()| "ok".into()),
            records(w).trim()
        );
    }
    insta::assert_snapshot!(out);
}

#[test]
fn the_shared_key_is_asked_for() {
    let secret = || Secret { hostname: "server".into(), shared_key: "key".into(), nonce: [7; 16] };
    let ping = |key: &str| {
        let digest = hex_digest(&[b"salt", b"client", &[7; 16], key.as_bytes()]);
        let digest: &'static str = Box::leak(digest.into_boxed_str());
        packed(&[P::List(vec![
            P::Str("PING"),
            P::Str("client"),
            P::Bin(b"salt".to_vec()),
            P::Str(digest),
            P::Str(""),
            P::Str(""),
        ])])
    };
    let message = packed(&[P::List(vec![P::Str("a"), P::Int(1), line("x")])]);
    let pong = |outputs: &[Output]| match outputs {
        [Output::Send(bytes)] => String::from_utf8_lossy(bytes).into_owned(),
        other => panic!("{other:?}"),
    };

    let (mut w, mut outputs, mut good) = (writer(), Vec::new(), session(Some(secret())));
    assert!(String::from_utf8_lossy(&good.greeting().unwrap()).contains("HELO"));
    good.step(&[ping("key"), message.clone()].concat(), &mut w, &mut outputs).unwrap();
    let own = hex_digest(&[b"salt", b"server", &[7; 16], b"key"]);
    assert!(pong(&outputs).contains(&own), "the server proves that it knows the key too");
    assert_eq!(w.len(), 1);

    for first in [ping("other"), message] {
        let (mut w, mut outputs, mut bad) = (writer(), Vec::new(), session(Some(secret())));
        assert!(bad.step(&first, &mut w, &mut outputs).is_err());
        assert!(pong(&outputs).contains("PONG") && w.is_empty());
    }
}
