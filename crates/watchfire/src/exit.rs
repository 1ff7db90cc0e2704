//! How the program ends.

use std::process::ExitCode;

/// An end other than success.
#[derive(Debug)]
pub struct Exit {
    code: u8,
    message: String,
}

/// Done, and the answer is no.
pub fn no(message: impl Into<String>) -> Exit {
    Exit { code: 1, message: message.into() }
}

/// It could not be done.
pub fn unable(message: impl std::fmt::Display) -> Exit {
    Exit { code: 3, message: message.to_string() }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl Exit {
    /// Says why on stderr and gives the code.
    pub fn report(self) -> ExitCode {
        if !self.message.is_empty() {
            eprintln!("{}", self.message);
        }
        ExitCode::from(self.code)
    }
}

/// The end after writing to stdout. A reader that went away has seen enough.
pub fn written(result: std::io::Result<()>) -> Result<(), Exit> {
    match result {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(unable(format!("cannot write: {e}"))),
        _ => Ok(()),
    }
}
