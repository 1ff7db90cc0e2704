//! From results to hard states: a problem counts once it was seen several times in a row.

/// What a plugin says of what it looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// All is well.
    Ok,
    /// Something is near a limit.
    Warning,
    /// Something is beyond.
    Critical,
    /// The plugin could not tell.
    Unknown,
}

impl State {
    /// By the exit code of a plugin; codes that mean nothing are [`State::Unknown`].
    pub fn of_exit(code: i32) -> State {
        match code {
            0 => State::Ok,
            1 => State::Warning,
            2 => State::Critical,
            _ => State::Unknown,
        }
    }

    /// 0 to 3.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// In lower case.
    pub fn name(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Critical => "critical",
            State::Unknown => "unknown",
        }
    }
}

/// Where a check stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// What the last result was.
    pub current: Option<State>,
    /// What holds.
    pub hard: Option<State>,
    /// Results in a row that are a problem, up to the number that makes it hard; 0 when all is well.
    pub attempt: u32,
}

/// What a result came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Whether what the result says holds now.
    pub hard: bool,
    /// What held before and what holds now, where that differs.
    pub change: Option<(Option<State>, State)>,
}

impl Progress {
    /// Takes a result. A problem holds once it came `attempts_max` times in a row, whatever problem it was each time;
    /// that all is well holds at once.
    pub fn step(&mut self, result: State, attempts_max: u32) -> Step {
        let before = self.hard;
        self.current = Some(result);
        let in_problem = before.is_some_and(|s| s != State::Ok);
        self.attempt = match result {
            State::Ok => 0,
            _ if in_problem => attempts_max.max(1),
            _ => (self.attempt + 1).min(attempts_max.max(1)),
        };
        let hard = result == State::Ok || self.attempt >= attempts_max.max(1);
        if hard {
            self.hard = Some(result);
        }
        let change = (hard && before != Some(result)).then_some((before, result));
        Step { hard, change }
    }

    /// Whether what the last result says does not hold yet, so that another look should come soon.
    pub fn is_soft(&self) -> bool {
        self.current != self.hard && self.attempt > 0
    }
}
