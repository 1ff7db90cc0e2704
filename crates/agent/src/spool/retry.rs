//! What an answer means, and how long to wait before the next try.

use env::Random;
use std::time::Duration;

/// What to do after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The server has it.
    Delivered,
    /// The server will never take it.
    Rejected,
    /// Too large for the server as it is.
    TooLarge,
    /// Try again, not before this.
    Again(Option<Duration>),
}

/// The longest pause a server can ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(600);

/// What a status means. A refusal of the sender or of the address (401, 403, 404, ...) says nothing about the
/// batch, and passes when somebody mends the configuration: giving the batch up would lose what the spool is
/// there to keep.
pub(super) fn verdict(status: u16, retry_after: Option<&str>, now_ms: i64) -> Verdict {
    let after = retry_after.and_then(|text| parse_retry_after(text, now_ms)).map(|d| d.min(RETRY_AFTER_MAX));
    match status {
        200..=299 => Verdict::Delivered,
        413 => Verdict::TooLarge,
        401 | 403 | 404 | 405 | 407 | 408 | 421 | 425 | 429 | 500..=599 => Verdict::Again(after),
        _ => Verdict::Rejected,
    }
}

/// Seconds, or a date of the form `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 10.2.3).
fn parse_retry_after(text: &str, now_ms: i64) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let mut words = text.split_ascii_whitespace().skip(1);
    let day: i64 = words.next()?.parse().ok()?;
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let name = words.next()?;
    let month = MONTHS.iter().position(|m| *m == name)? as i64 + 1;
    let year: i64 = words.next()?.parse().ok().filter(|y| (1970..=9999).contains(y))?;
    let mut clock = words.next()?.split(':').map(|n| n.parse::<i64>().ok().filter(|n| (0..=60).contains(n)));
    let seconds = clock.next()?? * 3600 + clock.next()?? * 60 + clock.next()??;
    // Days since 1970 by counting years from March, so that the leap day comes last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day.clamp(1, 31) - 1 - 719_468;
    let at_ms = (days * 86_400 + seconds) * 1000;
    Some(Duration::from_millis(at_ms.saturating_sub(now_ms).max(0) as u64))
}

/// Pauses that double, each with a random part so that many agents do not come back at the same moment.
pub(super) struct Backoff {
    min: Duration,
    max: Duration,
    failures: u32,
}

impl Backoff {
    pub(super) fn new(min: Duration, max: Duration) -> Backoff {
        Backoff { min: min.max(Duration::from_millis(1)), max: max.max(min), failures: 0 }
    }

    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// The next pause: between half and all of the doubled minimum, and never less than the server asks for.
    pub(super) fn pause(&mut self, asked: Option<Duration>, random: &dyn Random) -> Duration {
        let full = self.min.saturating_mul(1 << self.failures.min(20)).min(self.max);
        self.failures = self.failures.saturating_add(1);
        let share = (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        full.mul_f64(0.5 + share / 2.0).max(asked.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use env::SimRandom;

    #[test]
    fn statuses() {
        let of = |status| verdict(status, None, 0);
        assert_eq!(
            (of(200), of(204), of(400), of(422)),
            (Verdict::Delivered, Verdict::Delivered, Verdict::Rejected, Verdict::Rejected)
        );
        assert_eq!(
            (of(413), of(429), of(503), of(401)),
            (Verdict::TooLarge, Verdict::Again(None), Verdict::Again(None), Verdict::Again(None))
        );
        assert_eq!(verdict(429, Some("7"), 0), Verdict::Again(Some(Duration::from_secs(7))));
        assert_eq!(verdict(503, Some("99999999"), 0), Verdict::Again(Some(RETRY_AFTER_MAX)));
        assert_eq!(verdict(503, Some("soon"), 0), Verdict::Again(None));
    }

    #[test]
    fn dates() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(parse_retry_after(date, 784_111_777_000 - 5000), Some(Duration::from_secs(5)));
        assert_eq!(parse_retry_after(date, 784_111_777_000 + 5000), Some(Duration::ZERO));
        assert_eq!(
            parse_retry_after("Thu, 29 Feb 2024 00:00:00 GMT", 1_709_164_800_000),
            Some(Duration::ZERO)
        );
        assert_eq!(
            parse_retry_after("Thu, 29 Feb 2024 00:00:01 GMT", 1_709_164_800_000),
            Some(Duration::from_secs(1))
        );
        assert_eq!(parse_retry_after("Sun, 06 Foo 1994 08:49:37 GMT", 0), None);
    }

    #[test]
    fn pauses_double_up_to_the_greatest_and_begin_anew() {
        let random = SimRandom::new(1);
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        for full in [100, 200, 400, 800, 1000, 1000] {
            let pause = backoff.pause(None, &random).as_millis();
            assert!((full / 2..=full).contains(&pause), "{pause} of {full}");
        }
        assert_eq!(backoff.pause(Some(Duration::from_secs(9)), &random), Duration::from_secs(9));
        backoff.succeeded();
        assert!(backoff.pause(None, &random) <= Duration::from_millis(100));
    }
}
