//! The share of requests that are to be good, kept as it was written in decimal, so that its budget is exact.

/// Decimal places of a percentage.
const PLACES: u32 = 8;
const ONE: u64 = 10u64.pow(PLACES);
/// 100 %.
const WHOLE: u64 = 100 * ONE;

/// A target between 1 % and 100 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// In units of 10⁻⁸ per cent.
    units: u64,
}

impl Target {
    /// Reads a percentage such as `99.9` or `99.9%`; the message says what is wrong with it.
    pub fn parse(text: &str) -> Result<Target, String> {
        let number = text.trim().strip_suffix('%').unwrap_or(text.trim()).trim_end();
        let shown: String = text.chars().take(40).collect();
        let unreadable = || format!("{shown:?} is not a percentage: write for example 99.9 or 99.9%");
        let (whole, places) = number.split_once('.').unwrap_or((number, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || whole.len() > 9 || !digits(whole) || !digits(places) {
            return Err(unreadable());
        }
        let places = places.trim_end_matches('0');
        if places.len() > PLACES as usize {
            return Err(format!("{shown} has more than {PLACES} decimal places: write fewer"));
        }
        let whole: u64 = whole.parse().map_err(|_| unreadable())?;
        let padded = format!("{places:0<width$}", width = PLACES as usize);
        let units = whole * ONE + padded.parse::<u64>().map_err(|_| unreadable())?;
        match units {
            WHOLE.. => {
                Err(format!("{shown} leaves no budget for errors: it must be below 100%, for example 99.9"))
            }
            ..ONE => Err(format!(
                "{shown} is below 1%: targets are percentages, so that 0.999 is written 99.9 or 99.9%"
            )),
            _ => Ok(Target { units }),
        }
    }

    /// The share of requests that are to be good.
    pub fn ratio(self) -> f64 {
        self.units as f64 / WHOLE as f64
    }

    /// The share that may fail.
    pub fn budget(self) -> f64 {
        (WHOLE - self.units) as f64 / WHOLE as f64
    }

    /// The share of requests that are to be good, as PromQL has it.
    pub fn ratio_text(self) -> String {
        self.ratio().to_string()
    }

    /// The share that may fail, as PromQL has it.
    pub fn budget_text(self) -> String {
        self.budget().to_string()
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, places) = (self.units / ONE, self.units % ONE);
        let places = format!("{places:0width$}", width = PLACES as usize);
        match places.trim_end_matches('0') {
            "" => write!(f, "{whole}%"),
            places => write!(f, "{whole}.{places}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn targets_are_exact_in_decimal() {
        for (text, ratio, budget, shown) in [
            ("99.9", "0.999", "0.001", "99.9%"),
            ("99.90 %", "0.999", "0.001", "99.9%"),
            ("99%", "0.99", "0.01", "99%"),
            ("99.95", "0.9995", "0.0005", "99.95%"),
            ("99.99999999", "0.9999999999", "0.0000000001", "99.99999999%"),
            ("1", "0.01", "0.99", "1%"),
            ("50", "0.5", "0.5", "50%"),
        ] {
            let target = Target::parse(text).unwrap();
            assert_eq!(
                (target.ratio_text(), target.budget_text(), target.to_string()),
                (ratio.to_owned(), budget.to_owned(), shown.to_owned())
            );
        }
    }

    #[test]
    fn what_is_no_target_is_told() {
        for (text, told) in [
            ("0.999", "0.999 is below 1%: targets are percentages, so that 0.999 is written 99.9 or 99.9%"),
            ("100", "100 leaves no budget for errors: it must be below 100%, for example 99.9"),
            ("12345678901", "\"12345678901\" is not a percentage: write for example 99.9 or 99.9%"),
            ("99,9", "\"99,9\" is not a percentage: write for example 99.9 or 99.9%"),
            ("", "\"\" is not a percentage: write for example 99.9 or 99.9%"),
            ("-1", "\"-1\" is not a percentage: write for example 99.9 or 99.9%"),
            ("99.123456789", "99.123456789 has more than 8 decimal places: write fewer"),
        ] {
            assert_eq!(Target::parse(text).unwrap_err(), told);
        }
    }
}
