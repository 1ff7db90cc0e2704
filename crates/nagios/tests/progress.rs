//! Soft and hard states, as data.

use nagios::{Progress, State};
use proptest::prelude::*;

/// Results as letters; a letter in upper case is one that holds, with `!` where what holds has changed.
fn story(results: &str, attempts_max: u32) -> String {
    let mut progress = Progress::default();
    let mut out = String::new();
    for letter in results.chars() {
        let state = match letter {
            'o' => State::Ok,
            'w' => State::Warning,
            'c' => State::Critical,
            _ => State::Unknown,
        };
        let step = progress.step(state, attempts_max);
        out.push(if step.hard { letter.to_ascii_uppercase() } else { letter });
        if step.change.is_some() {
            out.push('!');
        }
    }
    out
}

#[test]
fn a_problem_holds_once_it_was_seen_often_enough() {
    for (results, attempts_max, want) in [
        ("oo", 3, "O!O"),
        ("ococo", 3, "O!cOcO"),
        ("occcco", 3, "O!ccC!CO!"),
        ("owcuo", 3, "O!wcU!O!"),
        ("occcw", 3, "O!ccC!W!"),
        ("cccoo", 3, "ccC!O!O"),
        ("oco", 1, "O!C!O!"),
        ("oco", 0, "O!C!O!"),
    ] {
        assert_eq!(story(results, attempts_max), want, "{results} {attempts_max}");
    }
}

proptest! {
    #[test]
    fn what_holds_follows_from_the_last_results(results in "[owcu]{1,40}", attempts_max in 1u32..5) {
        let mut progress = Progress::default();
        let mut model = None;
        let letters: Vec<char> = results.chars().collect();
        for (i, letter) in letters.iter().enumerate() {
            let state = State::of_exit("owcu".find(*letter).unwrap() as i32);
            let step = progress.step(state, attempts_max);
            let run = letters[..=i].iter().rev().take_while(|l| **l != 'o').count() as u32;
            if state == State::Ok || run >= attempts_max || model.is_some_and(|m| m != State::Ok) {
                model = Some(state);
            }
            prop_assert_eq!(progress.hard, model);
            prop_assert_eq!(step.hard, model == Some(state));
        }
    }
}
