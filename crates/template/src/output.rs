//! Text that may not grow without bound.

/// Collects text up to a limit.
#[derive(Debug)]
pub(crate) struct Output {
    pub text: String,
    limit: usize,
}

/// The text is over its limit.
#[derive(Debug)]
pub(crate) struct Full;

impl Output {
    pub fn new(limit: usize) -> Output {
        Output { text: String::new(), limit }
    }

    pub fn push(&mut self, text: &str) -> Result<(), Full> {
        if self.text.len() + text.len() > self.limit {
            return Err(Full);
        }
        self.text.push_str(text);
        Ok(())
    }

    pub fn push_char(&mut self, c: char) -> Result<(), Full> {
        self.push(c.encode_utf8(&mut [0; 4]))
    }

    /// Pads with a character that takes one byte.
    pub fn repeat(&mut self, c: char, times: usize) -> Result<(), Full> {
        if self.text.len() + times > self.limit {
            return Err(Full);
        }
        self.text.extend(std::iter::repeat_n(c, times));
        Ok(())
    }
}
