//! Pressure stall information, of the machine (`/proc/pressure`) or of a control group.

use super::text::{fields, lines, uint};

/// Total stall times in microseconds: some task was stalled, and all tasks were. `full` is absent for CPU on
/// older kernels.
pub fn pressure(bytes: &[u8]) -> Option<(u64, Option<u64>)> {
    Some((total(bytes, b"some ")?, full(bytes)))
}

/// The total in which all tasks were stalled, in microseconds; interrupt pressure has nothing else.
pub fn full(bytes: &[u8]) -> Option<u64> {
    total(bytes, b"full ")
}

fn total(bytes: &[u8], kind: &[u8]) -> Option<u64> {
    let line = lines(bytes).find(|line| line.starts_with(kind))?;
    fields(line).find_map(|field| uint(field.strip_prefix(b"total=")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_in_microseconds() {
        let text = b"some avg10=1.28 avg60=0.37 avg300=0.23 total=6057194\nfull avg10=0.00 total=5772195\n";
        assert_eq!(pressure(text), Some((6057194, Some(5772195))));
        assert_eq!(pressure(b"some avg10=0 total=7\n"), Some((7, None)));
        assert_eq!(pressure(b""), None);
    }
}
