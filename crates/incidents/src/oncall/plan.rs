//! The section `on_call`, checked.

use super::config::{HoursConfig, LayerConfig, OnCallConfig, PolicyConfig, ScheduleConfig};
use super::layer::{Hours, Layer, Turns, moment};
use super::schedule::{Override, Schedule};
use alerting::{LabelSet, Matchers, config::Span};
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};

/// People, schedules, policies.
const NAMES_MAX: usize = 1_000;
/// Layers of a schedule, hours of a layer, steps of a policy.
const PARTS_MAX: usize = 50;
/// Participants of a layer, overrides of a schedule, names of a step.
const LIST_MAX: usize = 500;
/// Bytes of a name.
const NAME_BYTES_MAX: usize = 200;
/// How often a policy may repeat.
const REPEAT_MAX: u32 = 100;
/// A step waits so long unless configured, milliseconds.
const WAIT_MS: i64 = 300_000;
/// The shortest and the longest wait, milliseconds.
const WAIT_MS_MIN: i64 = 1_000;
const WAIT_MS_MAX: i64 = 7 * 86_400_000;

/// A step of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Those who are on call.
    pub schedules: Vec<String>,
    /// These people.
    pub people: Vec<String>,
    /// Until the next step, milliseconds.
    pub wait_ms: i64,
}

/// Who is told of incidents that nobody acknowledges.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// Of which incidents.
    pub matchers: Matchers,
    /// Who, one after another.
    pub steps: Vec<Step>,
    /// How often all steps are taken again.
    pub repeat: u32,
}

/// Who is on call, and who is told when.
#[derive(Debug, Clone, Default)]
pub struct OnCall {
    /// Receivers of people.
    pub people: BTreeMap<String, Vec<String>>,
    /// Schedules by name.
    pub schedules: BTreeMap<String, Schedule>,
    /// Policies; the first that matches counts.
    pub policies: Vec<Policy>,
    /// As it was written.
    pub config: OnCallConfig,
}

/// The field that is wrong, and why.
type Wrong = (String, String);

fn wrong<T>(field: impl Into<String>, reason: impl Into<String>) -> Result<T, Wrong> {
    Err((field.into(), reason.into()))
}

fn bounded(field: &str, count: usize, limit: usize) -> Result<(), Wrong> {
    match count {
        n if n > limit => wrong(field, format!("{n} entries, over the limit of {limit}")),
        _ => Ok(()),
    }
}

fn named(field: &str, name: &str) -> Result<(), Wrong> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return wrong(field, format!("{name:?} is no name: it has 1 to {NAME_BYTES_MAX} bytes"));
    }
    Ok(())
}

fn time(field: &str, text: Option<&str>) -> Result<Time, Wrong> {
    let Some(text) = text else { return Ok(Time::midnight()) };
    let wrong_time =
        || (field.to_owned(), format!("{text:?} is not a time of day: write for example '09:00'"));
    let (hour, minute) = text.split_once(':').ok_or_else(wrong_time)?;
    let number = |t: &str| (t.len() == 2).then(|| t.parse::<i8>().ok()).flatten();
    let (hour, minute) = number(hour).zip(number(minute)).ok_or_else(wrong_time)?;
    Time::new(hour, minute, 0, 0).map_err(|_| wrong_time())
}

fn day(field: &str, text: &str) -> Result<Date, Wrong> {
    let wrong_day = || (field.to_owned(), format!("{text:?} is not a day: write for example 2026-01-05"));
    let date: Date = text.parse().map_err(|_| wrong_day())?;
    // Far from all others dates cannot be reckoned with.
    (1970..=2200).contains(&date.year()).then_some(date).ok_or_else(wrong_day)
}

fn turns(field: &str, text: &str) -> Result<Turns, Wrong> {
    let wrong_turns = || {
        (
            field.to_owned(),
            format!("{text:?} is not the length of a turn: write 1w, 3d or 12h, a year at most"),
        )
    };
    let (number, unit) = text.split_at(text.len() - text.chars().next_back().map_or(0, char::len_utf8));
    let number: i64 = number.parse().map_err(|_| wrong_turns())?;
    let (turns, hours) = match unit {
        "w" => (Turns::Days(number.saturating_mul(7)), number.saturating_mul(168)),
        "d" => (Turns::Days(number), number.saturating_mul(24)),
        "h" => (Turns::Hours(number), number),
        _ => return Err(wrong_turns()),
    };
    (1..=366 * 24).contains(&hours).then_some(turns).ok_or_else(wrong_turns)
}

fn weekday(field: &str, text: &str) -> Result<Weekday, Wrong> {
    const DAYS: [(&str, Weekday); 7] = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let found = DAYS.iter().find(|(name, _)| *name == text).map(|(_, day)| *day);
    found.ok_or_else(|| (field.to_owned(), format!("{text:?} is no day of the week: write monday to sunday")))
}

fn hours(field: &str, config: &HoursConfig) -> Result<Hours, Wrong> {
    let days = config.days.iter().map(|d| weekday(&format!("{field}.days"), d)).collect::<Result<_, _>>()?;
    let to = config.to.as_deref().filter(|t| *t != "24:00");
    Ok(Hours {
        days,
        from: time(&format!("{field}.from"), config.from.as_deref())?,
        to: time(&format!("{field}.to"), to)?,
    })
}

impl OnCall {
    /// What a section says, or the field that is wrong and why. `receivers` are those that there are.
    pub fn new(config: &OnCallConfig, receivers: &BTreeSet<&str>) -> Result<OnCall, Wrong> {
        let mut oncall = OnCall { config: config.clone(), ..OnCall::default() };
        bounded("on_call.people", config.people.len(), NAMES_MAX)?;
        bounded("on_call.schedules", config.schedules.len(), NAMES_MAX)?;
        bounded("on_call.policies", config.policies.len(), NAMES_MAX)?;
        for (i, person) in config.people.iter().enumerate() {
            let field = format!("on_call.people[{i}]");
            named(&format!("{field}.name"), &person.name)?;
            bounded(&format!("{field}.receivers"), person.receivers.len(), PARTS_MAX)?;
            if person.receivers.is_empty() {
                return wrong(
                    format!("{field}.receivers"),
                    "name one at least, of those of alerting.config_file",
                );
            }
            if let Some(unknown) = person.receivers.iter().find(|r| !receivers.contains(r.as_str())) {
                let reason = format!("{unknown:?} is no receiver of alerting.config_file");
                return wrong(format!("{field}.receivers"), reason);
            }
            if oncall.people.insert(person.name.clone(), person.receivers.clone()).is_some() {
                return wrong(
                    format!("{field}.name"),
                    format!("somebody else is called {:?}, too", person.name),
                );
            }
        }
        for (i, schedule) in config.schedules.iter().enumerate() {
            let field = format!("on_call.schedules[{i}]");
            let made = oncall.schedule(&field, schedule)?;
            if oncall.schedules.insert(schedule.name.clone(), made).is_some() {
                return wrong(
                    format!("{field}.name"),
                    format!("another one is called {:?}, too", schedule.name),
                );
            }
        }
        for (i, policy) in config.policies.iter().enumerate() {
            let made = oncall.policy_of(&format!("on_call.policies[{i}]"), policy)?;
            oncall.policies.push(made);
        }
        Ok(oncall)
    }

    fn known(&self, field: &str, name: &str) -> Result<(), Wrong> {
        match self.people.contains_key(name) {
            true => Ok(()),
            false => wrong(field, format!("on_call.people has nobody called {name:?}")),
        }
    }

    fn schedule(&self, field: &str, config: &ScheduleConfig) -> Result<Schedule, Wrong> {
        named(&format!("{field}.name"), &config.name)?;
        let time_zone = config.time_zone.clone().unwrap_or_else(|| "UTC".to_owned());
        let zone = TimeZone::get(&time_zone)
            .map_err(|e| (format!("{field}.time_zone"), format!("{e}: write for example Europe/Berlin")))?;
        bounded(&format!("{field}.layers"), config.layers.len(), PARTS_MAX)?;
        bounded(&format!("{field}.overrides"), config.overrides.len(), LIST_MAX)?;
        let mut layers: Vec<Layer> = Vec::new();
        for (i, layer) in config.layers.iter().enumerate() {
            let made = self.layer(&format!("{field}.layers[{i}]"), i, layer, &zone)?;
            if layers.iter().any(|l| l.name == made.name) {
                let reason = format!("another layer is called {:?}, too", made.name);
                return wrong(format!("{field}.layers[{i}].name"), reason);
            }
            layers.push(made);
        }
        let mut overrides = Vec::new();
        for (i, o) in config.overrides.iter().enumerate() {
            let field = format!("{field}.overrides[{i}]");
            self.known(&format!("{field}.person"), &o.person)?;
            let at = |name: &str, text: &str| {
                local_time(&zone, text).map_err(|reason| (format!("{field}.{name}"), reason))
            };
            let (from_ms, to_ms) = (at("from", &o.from)?, at("to", &o.to)?);
            if to_ms <= from_ms {
                return wrong(format!("{field}.to"), format!("{:?} is not after from", o.to));
            }
            overrides.push(Override {
                id: format!("configured/{i}"),
                schedule: config.name.clone(),
                person: o.person.clone(),
                from_ms,
                to_ms,
                by: String::new(),
                comment: String::new(),
                made_ms: 0,
            });
        }
        Ok(Schedule { name: config.name.clone(), time_zone, layers, overrides })
    }

    fn layer(
        &self,
        field: &str,
        place: usize,
        config: &LayerConfig,
        zone: &TimeZone,
    ) -> Result<Layer, Wrong> {
        let name = config.name.clone().unwrap_or_else(|| (place + 1).to_string());
        named(&format!("{field}.name"), &name)?;
        bounded(&format!("{field}.participants"), config.participants.len(), LIST_MAX)?;
        bounded(&format!("{field}.hours"), config.hours.len(), PARTS_MAX)?;
        if config.participants.is_empty() {
            return wrong(format!("{field}.participants"), "name one at least, of on_call.people");
        }
        for person in &config.participants {
            self.known(&format!("{field}.participants"), person)?;
        }
        let hours = config.hours.iter().enumerate().map(|(i, h)| hours(&format!("{field}.hours[{i}]"), h));
        Ok(Layer {
            name,
            participants: config.participants.clone(),
            turns: turns(&format!("{field}.every"), &config.every)?,
            start: day(&format!("{field}.start"), &config.start)?,
            handoff: time(&format!("{field}.handoff"), config.handoff.as_deref())?,
            hours: hours.collect::<Result<_, _>>()?,
            zone: zone.clone(),
        })
    }

    fn policy_of(&self, field: &str, config: &PolicyConfig) -> Result<Policy, Wrong> {
        named(&format!("{field}.name"), &config.name)?;
        if self.policies.iter().any(|p| p.name == config.name) {
            return wrong(format!("{field}.name"), format!("another one is called {:?}, too", config.name));
        }
        bounded(&format!("{field}.matchers"), config.matchers.len(), PARTS_MAX)?;
        let mut matchers = Vec::new();
        for text in &config.matchers {
            let read = Matchers::parse(text).map_err(|e| (format!("{field}.matchers"), e.to_string()))?;
            matchers.extend(read.0);
        }
        bounded(&format!("{field}.steps"), config.steps.len(), PARTS_MAX)?;
        if config.steps.is_empty() {
            return wrong(format!("{field}.steps"), "one step at least says who is told");
        }
        if config.repeat > REPEAT_MAX {
            let reason = format!("{} times, over the limit of {REPEAT_MAX}", config.repeat);
            return wrong(format!("{field}.repeat"), reason);
        }
        let mut steps = Vec::new();
        for (i, step) in config.steps.iter().enumerate() {
            let field = format!("{field}.steps[{i}]");
            bounded(&field, step.schedules.len() + step.people.len(), LIST_MAX)?;
            if step.schedules.is_empty() && step.people.is_empty() {
                return wrong(field, "it tells nobody: name schedules or people");
            }
            if let Some(unknown) = step.schedules.iter().find(|s| !self.schedules.contains_key(*s)) {
                let reason = format!("on_call.schedules has none called {unknown:?}");
                return wrong(format!("{field}.schedules"), reason);
            }
            for person in &step.people {
                self.known(&format!("{field}.people"), person)?;
            }
            let wait_ms = match &step.wait {
                None => WAIT_MS,
                Some(text) => text.parse::<Span>().map_err(|e| (format!("{field}.wait"), e))?.0,
            };
            if !(WAIT_MS_MIN..=WAIT_MS_MAX).contains(&wait_ms) {
                let reason = format!("{} is not from 1s to 7d", step.wait.as_deref().unwrap_or(""));
                return wrong(format!("{field}.wait"), reason);
            }
            steps.push(Step { schedules: step.schedules.clone(), people: step.people.clone(), wait_ms });
        }
        Ok(Policy { name: config.name.clone(), matchers: Matchers(matchers), steps, repeat: config.repeat })
    }

    /// The policy of incidents with these labels.
    pub fn policy(&self, labels: &LabelSet) -> Option<&Policy> {
        self.policies.iter().find(|p| p.matchers.matches(labels))
    }

    /// The policy of a name.
    pub fn policy_named(&self, name: &str) -> Option<&Policy> {
        self.policies.iter().find(|p| p.name == name)
    }

    /// The people that a step reaches at a moment, each once.
    pub fn reached<'s>(
        &'s self,
        step: &'s Step,
        at_ms: i64,
        made: impl Iterator<Item = &'s Override>,
    ) -> Vec<String> {
        let made: Vec<&Override> = made.collect();
        let on_call = step.schedules.iter().filter_map(|name| {
            let schedule = self.schedules.get(name)?;
            Some(schedule.at(at_ms, &made)?.person)
        });
        let mut out: Vec<String> = Vec::new();
        for person in on_call.chain(step.people.iter().map(String::as_str)) {
            // Somebody may have left since an override was made.
            if self.people.contains_key(person) && !out.iter().any(|p| p == person) {
                out.push(person.to_owned());
            }
        }
        out
    }
}

/// A moment written with an offset, or without one in a time zone.
pub fn local_time(zone: &TimeZone, text: &str) -> Result<i64, String> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(at.as_millisecond());
    }
    let at: DateTime =
        text.parse().map_err(|_| format!("{text:?} is not a time: write for example 2026-12-24T00:00"))?;
    moment(zone, at).ok_or_else(|| format!("{text:?} is too far away"))
}

impl Schedule {
    /// A moment as people write it: with an offset, or in the schedule's time zone.
    pub fn time(&self, text: &str) -> Result<i64, String> {
        let zone = TimeZone::get(&self.time_zone).map_err(|e| e.to_string())?;
        local_time(&zone, text)
    }
}
