//! Decompression, its limits, and bombs.

use ingest::compress::{Decompressor, Encoding, check_body};
use ingest::{DecodeError, Limits};
use proptest::prelude::*;
use std::io::Write;

fn snappy(b: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(b).unwrap()
}

fn gzip(b: &[u8]) -> Vec<u8> {
    let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    e.write_all(b).unwrap();
    e.finish().unwrap()
}

fn zstd(b: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(b, 1).unwrap()
}

const LIMITS: fn() -> Limits = || Limits { decompressed_bytes_max: 1 << 20, ..Limits::default() };

#[test]
fn bombs_are_refused_by_every_encoding() {
    let bomb = vec![0u8; 32 << 20];
    for (encoding, body) in
        [(Encoding::Snappy, snappy(&bomb)), (Encoding::Zstd, zstd(&bomb)), (Encoding::Gzip, gzip(&bomb))]
    {
        let e = Decompressor::new().decompress(encoding, &body, &LIMITS()).unwrap_err();
        assert!(matches!(&e, DecodeError::TooLarge(l) if l.limit == 1 << 20), "{encoding:?} {e}");
        let m = e.to_string();
        assert!(m.starts_with("the length in bytes of the decompressed body is "), "{m}");
        assert!(
            m.ends_with("over the limit of 1048576: raise ingest.limits.decompressed_bytes_max to allow it"),
            "{m}"
        );
    }
}

#[test]
fn exactly_the_limit_is_within_it() {
    let body = vec![7u8; 1 << 20];
    for (encoding, b) in [
        (Encoding::Snappy, snappy(&body)),
        (Encoding::Zstd, zstd(&body)),
        (Encoding::Gzip, gzip(&body)),
        (Encoding::Identity, body.clone()),
    ] {
        assert_eq!(Decompressor::new().decompress(encoding, &b, &LIMITS()).unwrap(), body, "{encoding:?}");
    }
}

#[test]
fn bad_bodies_are_named() {
    let limits = LIMITS();
    for (encoding, body, want) in [
        (Encoding::Snappy, &b""[..], "snappy body: byte 0: "),
        (
            Encoding::Snappy,
            b"\xff\x06\x00\x00sNaPpY",
            "snappy body: byte 0: it is in the framing format; send the block format",
        ),
        (Encoding::Snappy, b"\xff\xff\x3f", "snappy body: byte 0: 3 bytes cannot hold 1048575 bytes"),
        (Encoding::Snappy, &snappy(b"hello hello hello")[..8], "snappy body: byte 0: "),
        (Encoding::Zstd, b"not zstd", "zstd body: byte 0: Unknown frame descriptor"),
        (Encoding::Zstd, &zstd(b"hello hello hello")[..9], "zstd body: byte 0: it ends within a frame"),
        (Encoding::Zstd, b"", "zstd body: byte 0: it ends within a frame"),
        (Encoding::Gzip, b"not gzip at all", "gzip body: byte 0: invalid gzip header"),
        (Encoding::Gzip, &gzip(b"hello")[..12], "gzip body: byte 0: "),
    ] {
        let m = Decompressor::new().decompress(encoding, body, &limits).unwrap_err().to_string();
        assert!(m.starts_with(want), "{m} / {want}");
    }
    let limits = Limits { body_bytes_max: 3, ..limits };
    assert_eq!(
        Decompressor::new().decompress(Encoding::Identity, b"four", &limits).unwrap_err().to_string(),
        "the length in bytes of the body is 4, over the limit of 3: raise ingest.limits.body_bytes_max to allow it"
    );
    assert!(check_body(3, &limits).is_ok() && check_body(4, &limits).is_err());
}

proptest! {
    #[test]
    fn what_is_compressed_comes_back(bodies in proptest::collection::vec(proptest::collection::vec(0u8..4, 0..5000), 1..5)) {
        let mut d = Decompressor::new();
        for b in &bodies {
            for (e, z) in [(Encoding::Snappy, snappy(b)), (Encoding::Zstd, zstd(b)), (Encoding::Gzip, gzip(b))] {
                prop_assert_eq!(d.decompress(e, &z, &LIMITS()).unwrap(), &b[..]);
            }
        }
    }

    #[test]
    fn foreign_bytes_never_panic(b in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut d = Decompressor::new();
        for e in [Encoding::Snappy, Encoding::Zstd, Encoding::Gzip] {
            let _ = d.decompress(e, &b, &LIMITS());
        }
    }
}
