//! Times of the week, month and year by name.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Deserializer, de};

/// Times by name.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NamedTimes {
    /// The name.
    pub name: String,
    /// Any of these.
    pub time_intervals: Vec<Times>,
}

/// Times that satisfy all of these conditions; an empty one always holds.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Times {
    /// Of the day.
    pub times: Vec<OfDay>,
    /// Of the week.
    pub weekdays: Vec<Days>,
    /// Of the month, from its end where negative.
    pub days_of_month: Vec<MonthDays>,
    /// Of the year.
    pub months: Vec<Months>,
    /// Years.
    pub years: Vec<Years>,
    /// Where; UTC if absent.
    pub location: Zone,
}

/// From a minute of the day until another, which is not part of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OfDay {
    from: i32,
    until: i32,
}

/// Days of the week from Sunday, both ends included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Days(i32, i32);
/// Days of the month, both ends included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MonthDays(i32, i32);
/// Months, both ends included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Months(i32, i32);
/// Years, both ends included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Years(i32, i32);

/// A time zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Zone {
        Zone(TimeZone::UTC)
    }
}

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// `a:b`, or one value for both.
fn range(text: &str, one: impl Fn(&str) -> Option<i32>, what: &str) -> Result<(i32, i32), String> {
    let value = |t: &str| one(t.trim()).ok_or_else(|| format!("{t:?} is not a valid {what}"));
    let (from, until) = text.split_once(':').unwrap_or((text, text));
    let (from, until) = (value(from)?, value(until)?);
    match from > until && (from > 0) == (until > 0) {
        true => Err(format!("start {what} cannot be after its end in {text:?}")),
        false => Ok((from, until)),
    }
}

fn named(names: &'static [&'static str], first: i32) -> impl Fn(&str) -> Option<i32> {
    move |t| {
        let lower = t.to_ascii_lowercase();
        names.iter().position(|n| *n == lower).map(|i| i as i32 + first)
    }
}

macro_rules! ranges {
    ($name:ident, $what:literal, $one:expr) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                range(&text, $one, $what).map(|(a, b)| $name(a, b)).map_err(de::Error::custom)
            }
        }
    };
}
ranges!(Days, "day of the week", named(&WEEKDAYS, 0));
ranges!(MonthDays, "day of the month", |t: &str| t.parse().ok().filter(|d: &i32| *d != 0 && d.abs() <= 31));
ranges!(Months, "month", |t: &str| t
    .parse()
    .ok()
    .filter(|m| (1..=12).contains(m))
    .or_else(|| named(&MONTHS, 1)(t)));
ranges!(Years, "year", |t: &str| t.parse().ok().filter(|y| *y >= 0));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    start_time: String,
    end_time: String,
}

fn minute(text: &str) -> Option<i32> {
    let (h, m) = text.split_once(':')?;
    if h.len() != 2 || m.len() != 2 {
        return None;
    }
    let (h, m): (i32, i32) = (h.parse().ok()?, m.parse().ok()?);
    let minute = h * 60 + m;
    (m < 60 && minute <= 24 * 60).then_some(minute)
}

impl<'de> Deserialize<'de> for OfDay {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<OfDay, D::Error> {
        let written = Written::deserialize(d)?;
        let read = |t: &str| {
            minute(t).ok_or_else(|| {
                de::Error::custom(format!("couldn't parse time {t:?}, invalid format: write HH:MM"))
            })
        };
        let (from, until) = (read(&written.start_time)?, read(&written.end_time)?);
        match from >= until {
            true => Err(de::Error::custom("start time cannot be equal or greater than end time")),
            false => Ok(OfDay { from, until }),
        }
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Zone, D::Error> {
        let name = String::deserialize(d)?;
        match name.as_str() {
            "" | "UTC" => Ok(Zone::default()),
            "Local" => Ok(Zone(TimeZone::system())),
            _ => TimeZone::get(&name)
                .map(Zone)
                .map_err(|e| de::Error::custom(format!("unable to load the time zone {name:?}: {e}"))),
        }
    }
}

impl NamedTimes {
    /// Whether this time is among them.
    pub fn contains(&self, time_ms: i64) -> bool {
        self.time_intervals.iter().any(|t| t.contains(time_ms))
    }
}

impl Times {
    fn contains(&self, time_ms: i64) -> bool {
        let Ok(at) = Timestamp::from_millisecond(time_ms) else { return false };
        let at = at.to_zoned(self.location.0.clone());
        let any = |empty: bool, found: bool| empty || found;
        let minute = i32::from(at.hour()) * 60 + i32::from(at.minute());
        let (month, year) = (i32::from(at.month()), i32::from(at.year()));
        let weekday = i32::from(at.weekday().to_sunday_zero_offset());
        any(self.times.is_empty(), self.times.iter().any(|t| (t.from..t.until).contains(&minute)))
            && any(self.days_of_month.is_empty(), self.days_of_month.iter().any(|d| d.contains(&at)))
            && any(self.months.is_empty(), self.months.iter().any(|m| (m.0..=m.1).contains(&month)))
            && any(self.weekdays.is_empty(), self.weekdays.iter().any(|d| (d.0..=d.1).contains(&weekday)))
            && any(self.years.is_empty(), self.years.iter().any(|y| (y.0..=y.1).contains(&year)))
    }
}

impl MonthDays {
    fn contains(&self, at: &Zoned) -> bool {
        let last = i32::from(at.days_in_month());
        let from_start = |d: i32| if d < 0 { last + d + 1 } else { d };
        let (from, until) = (from_start(self.0).max(1), from_start(self.1).min(last));
        (from..=until).contains(&i32::from(at.day()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(text: &str, at: &str) -> bool {
        let named: NamedTimes =
            serde_saphyr::from_str(&format!("name: n\ntime_intervals: [{text}]\n")).unwrap();
        named.contains(at.parse::<Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn times_are_met_where_they_are() {
        for (text, at, met) in [
            (
                "{weekdays: ['monday:friday'], times: [{start_time: '09:00', end_time: '17:00'}]}",
                "2026-11-20T16:59:59Z",
                true,
            ),
            (
                "{weekdays: ['monday:friday'], times: [{start_time: '09:00', end_time: '17:00'}]}",
                "2026-11-20T17:00:00Z",
                false,
            ),
            ("{weekdays: ['Saturday']}", "2026-11-21T00:00:00Z", true),
            ("{weekdays: [saturday, sunday], location: 'Asia/Shanghai'}", "2026-11-20T17:00:00Z", true),
            ("{days_of_month: ['-1']}", "2026-02-28T12:00:00Z", true),
            ("{days_of_month: ['-3:-1']}", "2026-02-25T12:00:00Z", false),
            ("{days_of_month: ['1:5'], months: ['november:december', '2']}", "2026-02-03T12:00:00Z", true),
            ("{years: ['2020:2022', '2026']}", "2026-02-03T12:00:00Z", true),
            ("{times: [{start_time: '23:00', end_time: '24:00'}]}", "2026-02-03T23:59:00Z", true),
            ("{}", "2026-02-03T23:59:00Z", true),
        ] {
            assert_eq!(contains(text, at), met, "{text} {at}");
        }
        for bad in [
            "{weekdays: [someday]}",
            "{times: [{start_time: '9:00', end_time: '17:00'}]}",
            "{times: [{start_time: '17:00', end_time: '09:00'}]}",
            "{months: ['5:3']}",
            "{days_of_month: ['32']}",
            "{location: Nowhere/Here}",
        ] {
            assert!(serde_saphyr::from_str::<Times>(bad).is_err(), "{bad}");
        }
    }
}
