//! Writes the seeds of every target to `DIR/TARGET/`, and prints the targets' names: where libFuzzer begins.

use std::io::Write;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let dir = std::env::args_os().nth(1).ok_or_else(|| std::io::Error::other("usage: seeds DIR"))?;
    let mut out = std::io::stdout().lock();
    for target in fuzz::TARGETS {
        let dir = Path::new(&dir).join(target.name);
        std::fs::create_dir_all(&dir)?;
        for (i, seed) in (target.seeds)().iter().enumerate() {
            std::fs::write(dir.join(format!("seed-{i:02}")), seed)?;
        }
        writeln!(out, "{} {}", target.name, target.memory_mib)?;
    }
    Ok(())
}
