//! The life of alerts against a model that looks at the whole past of one alert each time, instead of keeping a state.

use model::Labels;
use proptest::prelude::*;
use rules::{Alert, AlertPolicy, Alerts, Observation, Phase, RESOLVED_RETENTION_MS};
use std::sync::Arc;

const SECOND: i64 = 1000;

fn labels(i: usize) -> Labels {
    Labels::from_pairs([("alertname", "A".to_owned()), ("i", i.to_string())]).unwrap()
}

fn observation(i: usize, value: f64) -> Observation {
    Observation { labels: labels(i), annotations: Arc::from([("v".to_owned(), value.to_string())]), value }
}

fn policy(for_s: i64, keep_s: i64) -> AlertPolicy {
    AlertPolicy {
        for_ms: for_s * SECOND,
        keep_firing_for_ms: keep_s * SECOND,
        limit: None,
        resolved_retention_ms: RESOLVED_RETENTION_MS,
    }
}

/// What an outsider can tell: nothing, "pending", "firing" or "inactive", and since when the alert is active.
type Seen = Option<(&'static str, i64)>;

/// Says from the whole past, pairs of time and whether the condition was true, what there is now. An episode is a run
/// of evaluations that begins with a true condition and ends when nothing is pending or firing any more.
fn modelled(past: &[(i64, bool)], policy: &AlertPolicy) -> Seen {
    let mut begin = 0;
    let mut ended: Option<(i64, i64)> = None;
    while begin < past.len() {
        if !past[begin].1 {
            begin += 1;
            continue;
        }
        let active = past[begin].0;
        let mut end = None;
        for at in begin..past.len() {
            let (now, is_true) = past[at];
            if is_true {
                continue;
            }
            // Did it ever fire in this episode, at a true condition that was old enough?
            let fired = past[begin..at].iter().any(|(t, x)| *x && t - active >= policy.for_ms);
            let first_false =
                past[begin..=at].iter().rev().take_while(|(_, x)| !x).last().map_or(now, |(t, _)| *t);
            let kept = now - first_false < policy.keep_firing_for_ms;
            if !fired || !kept {
                end = Some((at, fired));
                break;
            }
        }
        match end {
            None => {
                let fired = past[begin..].iter().any(|(t, x)| *x && t - active >= policy.for_ms);
                return Some((if fired { "firing" } else { "pending" }, active));
            }
            Some((at, fired)) => {
                ended = if fired { Some((past[at].0, active)) } else { None };
                begin = at + 1;
            }
        }
    }
    let now = past.last().map_or(0, |p| p.0);
    // It is looked at once at each evaluation, so it is gone at the first one after the retention.
    ended
        .filter(|(at, _)| !past.iter().any(|(t, _)| *t <= now && t - at > policy.resolved_retention_ms))
        .map(|(_, active)| ("inactive", active))
}

fn seen(alerts: &Alerts, i: usize) -> Seen {
    alerts.iter().find(|a| a.labels == labels(i)).map(|a| (a.phase.as_str(), a.active_at_ms))
}

proptest! {
    #[test]
    fn the_state_follows_from_the_past(
        for_s in prop_oneof![Just(0i64), Just(60), Just(150)],
        keep_s in prop_oneof![Just(0i64), Just(60), Just(200)],
        steps in proptest::collection::vec((prop_oneof![9 => 15i64..120, 1 => 600i64..1200], any::<[bool; 3]>()), 1..40),
    ) {
        let policy = policy(for_s, keep_s);
        let mut alerts = Alerts::default();
        let mut past: [Vec<(i64, bool)>; 3] = Default::default();
        let mut phases: [Option<Phase>; 3] = [None; 3];
        let mut now = 0;
        for (gap, conditions) in steps {
            now += gap * SECOND;
            let observed = (0..3).filter(|i| conditions[*i]).map(|i| observation(i, now as f64)).collect();
            let transitions = alerts.step(now, &policy, observed).unwrap();
            for i in 0..3 {
                past[i].push((now, conditions[i]));
                prop_assert_eq!(seen(&alerts, i), modelled(&past[i], &policy), "alert {} at {}: {:?}", i, now, past[i]);
                let phase = alerts.iter().find(|a| a.labels == labels(i)).map(|a| a.phase);
                let told: Vec<_> = transitions.iter().filter(|t| t.labels == labels(i)).map(|t| (t.from, t.to)).collect();
                let expected = if phase == phases[i] { vec![] } else { vec![(phases[i], phase)] };
                prop_assert_eq!(told, expected);
                phases[i] = phase;
            }
            // What was kept over a restart goes on as if nothing had happened.
            alerts = Alerts::restored(alerts.iter().cloned().collect::<Vec<_>>());
        }
    }
}

#[test]
fn an_alert_lives_through_all_phases() {
    let policy = policy(60, 120);
    let mut alerts = Alerts::default();
    let mut phases = Vec::new();
    for (at_s, is_true) in
        [(0, true), (60, true), (120, false), (180, true), (240, false), (300, false), (360, false)]
    {
        let observed = if is_true { vec![observation(0, 1.0)] } else { Vec::new() };
        alerts.step(at_s * SECOND, &policy, observed).unwrap();
        phases.push(alerts.iter().next().map(|a| a.phase).unwrap());
    }
    let firing = Phase::Firing { since_ms: 60_000 };
    assert_eq!(
        phases,
        [
            Phase::Pending,
            firing,
            Phase::Recovering { since_ms: 60_000, ended_ms: 120_000 },
            firing,
            Phase::Recovering { since_ms: 60_000, ended_ms: 240_000 },
            Phase::Recovering { since_ms: 60_000, ended_ms: 240_000 },
            Phase::Resolved { at_ms: 360_000 },
        ]
    );
    alerts.step(360_000 + RESOLVED_RETENTION_MS, &policy, Vec::new()).unwrap();
    assert_eq!(alerts.iter().count(), 1);
    alerts.step(361_000 + RESOLVED_RETENTION_MS, &policy, Vec::new()).unwrap();
    assert_eq!(alerts.iter().count(), 0);
}

#[test]
fn the_last_evaluation_gives_value_and_texts() {
    let mut alerts = Alerts::default();
    alerts.step(0, &policy(0, 60), vec![observation(0, 1.0)]).unwrap();
    alerts.step(1000, &policy(0, 60), vec![observation(0, 2.0)]).unwrap();
    let alert: &Alert = alerts.iter().next().unwrap();
    assert_eq!((alert.value, alert.annotations[0].1.as_str(), alert.active_at_ms), (2.0, "2", 0));
    // While it recovers, the last texts stay.
    alerts.step(2000, &policy(0, 60), Vec::new()).unwrap();
    assert_eq!(alerts.iter().next().unwrap().value, 2.0);
}

#[test]
fn a_longer_for_makes_a_firing_alert_pending_again() {
    let mut alerts = Alerts::default();
    alerts.step(0, &policy(0, 0), vec![observation(0, 1.0)]).unwrap();
    assert!(alerts.iter().next().unwrap().phase.is_firing());
    alerts.step(60_000, &policy(300, 0), vec![observation(0, 1.0)]).unwrap();
    assert_eq!(alerts.iter().next().unwrap().phase, Phase::Pending);
    alerts.step(300_000, &policy(300, 0), vec![observation(0, 1.0)]).unwrap();
    assert_eq!(alerts.iter().next().unwrap().phase, Phase::Firing { since_ms: 300_000 });
}

#[test]
fn over_the_limit_all_alerts_are_dropped() {
    let mut alerts = Alerts::default();
    let limited = AlertPolicy { limit: Some(1), ..policy(60, 0) };
    alerts.step(0, &limited, vec![observation(0, 1.0)]).unwrap();
    let error = alerts.step(60_000, &limited, vec![observation(0, 1.0), observation(1, 1.0)]).unwrap_err();
    assert_eq!(error.to_string(), "exceeded limit of 1 with 2 alerts");
    assert_eq!(alerts.iter().count(), 0);
}
