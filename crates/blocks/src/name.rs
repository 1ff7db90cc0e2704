//! Which strings name a part.

use std::io::{self, ErrorKind};

/// Longer names are refused; file systems stop at 255 bytes a piece.
const PIECE_BYTES_MAX: usize = 200;

/// Refuses everything that could leave the directory or meet a file of our own making.
pub(crate) fn check(name: &str) -> io::Result<()> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.split('/').any(str::is_empty) {
        "it has an empty piece"
    } else if name.split('/').any(|piece| piece.len() > PIECE_BYTES_MAX) {
        "a piece of it is longer than 200 bytes"
    } else if name.split('/').any(|piece| piece.starts_with('.')) {
        "a piece of it starts with a dot"
    } else if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b)) {
        "it has a character other than letters, digits, '.', '_', '-' and '/'"
    } else {
        return Ok(());
    };
    Err(io::Error::new(ErrorKind::InvalidInput, format!("block name {name:?}: {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside() {
        let long = "x".repeat(201);
        for bad in ["", "/a", "a/", "a//b", "..", "a/../b", ".tmp", "a/.hidden", "a b", "ä", "a\\b", &long] {
            assert_eq!(check(bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad:?}");
        }
        for good in ["a", "a/b", "0001-2.chunks", "x..y", &"x".repeat(200)] {
            check(good).unwrap();
        }
    }
}
