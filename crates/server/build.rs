//! Packs the built console into the binary: every file of `console/dist` with its type and a gzip copy. Needs
//! no Node: without a built console the list is empty and the server says how to build it.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    let manifest = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    let dist = manifest.join("../../console/dist");
    // Cargo takes a watched path that is missing as always changed and would build the server anew each time.
    // Where the directory cannot be made, that is what happens.
    let _ = fs::create_dir_all(&dist);
    println!("cargo:rerun-if-changed={}", dist.display());
    println!("cargo:rerun-if-changed=build.rs");

    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        walk(&dist, &dist, &mut files)?;
    }
    files.sort();
    let packed = out.join("console");
    let _ = fs::remove_dir_all(&packed);
    fs::create_dir_all(&packed)?;
    let mut code = String::from("pub static ASSETS: &[Asset] = &[\n");
    for (at, name) in files.iter().enumerate() {
        let bytes = fs::read(dist.join(name))?;
        let plain = packed.join(format!("{at}"));
        fs::write(&plain, &bytes)?;
        let gzip = pack(&bytes, name, &packed.join(format!("{at}.gz")))?;
        let _ = writeln!(
            code,
            "    Asset {{ path: {name:?}, etag: \"\\\"{:016x}\\\"\", plain: include_bytes!({plain:?}), gzip: {gzip} }},",
            fnv1a(&bytes)
        );
    }
    code.push_str("];\n");
    fs::write(out.join("assets.rs"), code)
}

fn walk(root: &Path, dir: &Path, files: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(root, &path, files)?;
        } else if let Ok(name) = path.strip_prefix(root)
            && path.extension().is_none_or(|e| e != "map")
        {
            files.push(name.to_string_lossy().replace('\\', "/"));
        }
    }
    Ok(())
}

/// A gzip copy where it is smaller, as the expression that includes it.
fn pack(bytes: &[u8], name: &str, to: &Path) -> io::Result<String> {
    let text = [".html", ".js", ".css", ".svg", ".json", ".txt", ".wasm", ".webmanifest"];
    if !text.iter().any(|e| name.ends_with(e)) {
        return Ok("None".to_owned());
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    let packed = encoder.finish()?;
    if packed.len() >= bytes.len() {
        return Ok("None".to_owned());
    }
    fs::write(to, packed)?;
    Ok(format!("Some(include_bytes!({to:?}))"))
}

/// Tells versions of a file apart; nothing depends on it being hard to forge.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
}
