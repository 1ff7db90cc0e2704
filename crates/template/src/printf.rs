//! Go's `fmt.Sprintf`.

use crate::number::{exponential, fixed, general};
use crate::output::{Full, Output};
use crate::print;
use crate::quote::{quote, quote_char};
use crate::value::Value;

/// The widest field, and the most decimals.
const WIDTH_MAX: usize = 10_000;

/// One `%` directive.
#[derive(Default)]
struct Spec {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

struct Formatter<'a> {
    rest: &'a str,
    args: &'a [Value],
    next: usize,
    /// Whether an argument was picked by its number: then others may be left over.
    reordered: bool,
    good_index: bool,
}

/// Writes `args` as `format` says. What does not fit is written as `%!v(...)`, never an error.
pub(crate) fn printf(out: &mut Output, format: &str, args: &[Value]) -> Result<(), Full> {
    let mut f = Formatter { rest: format, args, next: 0, reordered: false, good_index: true };
    while let Some(at) = f.rest.find('%') {
        out.push(&f.rest[..at])?;
        f.rest = &f.rest[at + 1..];
        f.directive(out)?;
    }
    out.push(f.rest)?;
    if !f.reordered && f.next < args.len() {
        out.push("%!(EXTRA ")?;
        for (i, arg) in args[f.next..].iter().enumerate() {
            out.push(if i > 0 { ", " } else { "" })?;
            typed(out, arg)?;
        }
        out.push(")")?;
    }
    Ok(())
}

/// `string=hi`
fn typed(out: &mut Output, v: &Value) -> Result<(), Full> {
    if matches!(v, Value::Nil) {
        return out.push("<nil>");
    }
    out.push(v.type_name())?;
    out.push("=")?;
    print::value(out, v)
}

impl Formatter<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn skip(&mut self) {
        let mut chars = self.rest.chars();
        chars.next();
        self.rest = chars.as_str();
    }

    fn number(&mut self) -> Option<usize> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let n = self.rest[..digits].parse::<usize>().ok();
        self.rest = &self.rest[digits..];
        n
    }

    /// `[2]`
    fn argument_index(&mut self) {
        if self.peek() != Some('[') {
            return;
        }
        self.reordered = true;
        let Some(close) = self.rest.find(']') else {
            self.good_index = false;
            self.skip();
            return;
        };
        match self.rest[1..close].parse::<usize>() {
            Ok(n) if n >= 1 && n <= self.args.len() => self.next = n - 1,
            _ => self.good_index = false,
        }
        self.rest = &self.rest[close + 1..];
    }

    /// `*`: the next argument is a width or precision.
    fn star(&mut self) -> Option<i64> {
        let arg = self.args.get(self.next);
        self.next += 1;
        match arg.map(Value::plain) {
            Some(Value::Int(v)) if v.unsigned_abs() <= WIDTH_MAX as u64 => Some(v),
            _ => None,
        }
    }

    fn directive(&mut self, out: &mut Output) -> Result<(), Full> {
        let mut spec = Spec::default();
        self.good_index = true;
        while let Some(c) = self.peek() {
            match c {
                '+' => spec.plus = true,
                '-' => spec.minus = true,
                '#' => spec.sharp = true,
                ' ' => spec.space = true,
                '0' => spec.zero = true,
                _ => break,
            }
            self.skip();
        }
        self.argument_index();
        if self.peek() == Some('*') {
            self.skip();
            match self.star() {
                Some(v) => {
                    spec.minus |= v < 0;
                    spec.width = Some(v.unsigned_abs() as usize);
                }
                None => out.push("%!(BADWIDTH)")?,
            }
        } else {
            spec.width = self.number().map(|w| w.min(WIDTH_MAX));
        }
        if self.peek() == Some('.') {
            self.skip();
            self.argument_index();
            if self.peek() == Some('*') {
                self.skip();
                match self.star() {
                    Some(v) if v >= 0 => spec.precision = Some(v as usize),
                    Some(_) => {}
                    None => out.push("%!(BADPREC)")?,
                }
            } else {
                spec.precision = Some(self.number().unwrap_or(0).min(WIDTH_MAX));
            }
        }
        self.argument_index();
        let Some(verb) = self.peek() else { return out.push("%!(NOVERB)") };
        self.skip();
        if verb == '%' {
            return out.push("%");
        }
        if !self.good_index {
            return out.push(&format!("%!{verb}(BADINDEX)"));
        }
        let Some(arg) = self.args.get(self.next) else { return out.push(&format!("%!{verb}(MISSING)")) };
        self.next += 1;
        spec.zero &= !spec.minus;
        spec.argument(out, verb, arg, 0)
    }
}

impl Spec {
    fn argument(&self, out: &mut Output, verb: char, arg: &Value, depth: u32) -> Result<(), Full> {
        if depth > 50 {
            return out.push("...");
        }
        match (verb, arg) {
            ('T', arg) => return self.padded(out, arg.type_name()),
            ('v', Value::Nil) => return self.padded(out, "<nil>"),
            (_, Value::Nil) => return out.push(&format!("%!{verb}(<nil>)")),
            _ => {}
        }
        match arg {
            Value::Bool(b) if matches!(verb, 't' | 'v') => {
                self.padded(out, if *b { "true" } else { "false" })
            }
            Value::Int(v) => self.integer(out, verb, *v),
            Value::Float(v) => self.float(out, verb, *v),
            Value::String(s) => self.string(out, verb, s, arg),
            Value::List(list) => {
                out.push("[")?;
                for (i, item) in list.iter().enumerate() {
                    out.push(if i > 0 { " " } else { "" })?;
                    self.argument(out, verb, item, depth + 1)?;
                }
                out.push("]")
            }
            Value::Map(map) => {
                out.push("map[")?;
                for (i, (name, item)) in map.entries.iter().enumerate() {
                    out.push(if i > 0 { " " } else { "" })?;
                    self.argument(out, verb, &Value::from(name.as_str()), depth + 1)?;
                    out.push(":")?;
                    self.argument(out, verb, item, depth + 1)?;
                }
                out.push("]")
            }
            Value::Object(o) => match (verb, o.content()) {
                ('v' | 's' | 'q' | 'x' | 'X', _) => self.string(out, verb, &o.print(), arg),
                (_, Some(inner)) => self.argument(out, verb, &inner, depth + 1),
                _ => bad(out, verb, arg),
            },
            _ => bad(out, verb, arg),
        }
    }

    /// Pads a text to the width, by characters.
    fn padded(&self, out: &mut Output, text: &str) -> Result<(), Full> {
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        if self.minus {
            out.push(text)?;
            return out.repeat(' ', missing);
        }
        out.repeat(if self.zero { '0' } else { ' ' }, missing)?;
        out.push(text)
    }

    /// Pads a number: zeros come after its sign.
    fn signed(&self, out: &mut Output, negative: bool, body: &str, zeros: bool) -> Result<(), Full> {
        let sign = match negative {
            true => "-",
            false if self.plus => "+",
            false if self.space => " ",
            false => "",
        };
        let missing = self.width.unwrap_or(0).saturating_sub(sign.len() + body.chars().count());
        if self.minus || !(self.zero && zeros) {
            let pad = |out: &mut Output, now| if now { out.repeat(' ', missing) } else { Ok(()) };
            pad(out, !self.minus)?;
            out.push(sign)?;
            out.push(body)?;
            return pad(out, self.minus);
        }
        out.push(sign)?;
        out.repeat('0', missing)?;
        out.push(body)
    }

    fn integer(&self, out: &mut Output, verb: char, v: i64) -> Result<(), Full> {
        let magnitude = v.unsigned_abs();
        let mut digits = match verb {
            'd' | 'v' => magnitude.to_string(),
            'b' => format!("{magnitude:b}"),
            'o' | 'O' => format!("{magnitude:o}"),
            'x' => format!("{magnitude:x}"),
            'X' => format!("{magnitude:X}"),
            'c' | 'q' | 'U' => return self.character(out, verb, v),
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' | 's' | 't' => return bad(out, verb, &Value::Int(v)),
            _ => return bad(out, verb, &Value::Int(v)),
        };
        if let Some(least) = self.precision {
            if least == 0 && v == 0 {
                return out.repeat(' ', self.width.unwrap_or(0));
            }
            digits = format!("{digits:0>least$}");
        }
        let prefix = match verb {
            'O' => "0o",
            'b' if self.sharp => "0b",
            'o' if self.sharp => "0",
            'x' if self.sharp => "0x",
            'X' if self.sharp => "0X",
            _ => "",
        };
        self.signed(out, v < 0, &format!("{prefix}{digits}"), self.precision.is_none())
    }

    fn character(&self, out: &mut Output, verb: char, v: i64) -> Result<(), Full> {
        let c = u32::try_from(v).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
        match verb {
            'c' => self.padded(out, &c.to_string()),
            'q' => self.padded(out, &quote_char(c)),
            _ => self.padded(out, &format!("U+{v:04X}")),
        }
    }

    fn float(&self, out: &mut Output, verb: char, v: f64) -> Result<(), Full> {
        let magnitude = v.abs();
        let body = match verb {
            'v' => general(magnitude, self.precision, false, 'e'),
            'g' => general(magnitude, self.precision, self.sharp, 'e'),
            'G' => general(magnitude, self.precision, self.sharp, 'E'),
            'e' | 'E' => exponential(magnitude, Some(self.precision.unwrap_or(6)), verb),
            'f' | 'F' => fixed(magnitude, Some(self.precision.unwrap_or(6))),
            _ => return bad(out, verb, &Value::Float(v)),
        };
        if v.is_finite() {
            return self.signed(out, v.is_sign_negative(), &body, true);
        }
        // Neither infinity nor NaN is padded with zeros; infinity always shows its sign.
        let sign = match (v.is_nan(), v < 0.0) {
            (false, true) => "-",
            _ if self.plus => "+",
            _ if self.space => " ",
            (true, _) => "",
            (false, false) => "+",
        };
        let word = if v.is_nan() { "NaN" } else { "Inf" };
        let plain = Spec { width: self.width, minus: self.minus, ..Spec::default() };
        plain.padded(out, &format!("{sign}{word}"))
    }

    fn string(&self, out: &mut Output, verb: char, s: &str, arg: &Value) -> Result<(), Full> {
        let cut = |s: &str| match self.precision {
            Some(p) => s.chars().take(p).collect::<String>(),
            None => s.to_owned(),
        };
        match verb {
            'v' if self.sharp => self.padded(out, &quote(s)),
            'v' | 's' => self.padded(out, &cut(s)),
            'q' if self.sharp && !s.contains('`') && !s.chars().any(|c| c.is_control() && c != '\t') => {
                self.padded(out, &format!("`{}`", cut(s)))
            }
            'q' => self.padded(out, &quote(&cut(s))),
            'x' | 'X' => {
                let bytes = &s.as_bytes()[..self.precision.unwrap_or(s.len()).min(s.len())];
                let mut hex = Output::new(usize::MAX);
                for (i, b) in bytes.iter().enumerate() {
                    if self.space && i > 0 {
                        hex.push(" ")?;
                    }
                    if self.sharp && (i == 0 || self.space) {
                        hex.push(if verb == 'x' { "0x" } else { "0X" })?;
                    }
                    hex.push(&if verb == 'x' { format!("{b:02x}") } else { format!("{b:02X}") })?;
                }
                self.padded(out, &hex.text)
            }
            _ => bad(out, verb, arg),
        }
    }
}

/// A verb that does not suit the value.
fn bad(out: &mut Output, verb: char, arg: &Value) -> Result<(), Full> {
    out.push(&format!("%!{verb}("))?;
    typed(out, arg)?;
    out.push(")")
}
