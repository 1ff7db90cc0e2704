//! Which of the two messages of remote write to send: 2.0 where the server takes it, else 1.0.
//!
//! A server of 2.0 tells how much it has written, and refuses a message it does not know with 415. One of 1.0 may do
//! anything with a message of 2.0: refuse it, or find nothing it knows in it and answer that all is well. So 2.0 is
//! proven only by an answer that counts, and until then every other answer is checked with the message of 1.0.

use super::retry::Verdict;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// A message of remote write, by its name in the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RemoteWriteMessage {
    /// Remote write 1.0.
    #[serde(rename = "prometheus.WriteRequest")]
    V1,
    /// Remote write 2.0.
    #[serde(rename = "io.prometheus.write.v2.Request")]
    V2,
}

/// A server that knew only 1.0 is asked again after this time: it may have been updated.
const ASK_AGAIN: std::time::Duration = std::time::Duration::from_secs(3600);

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    /// By configuration.
    Fixed(RemoteWriteMessage),
    /// 2.0 was not answered in a way that proves anything.
    Untried,
    /// 2.0 was not understood, or refused for another reason: 1.0 will tell.
    Doubted,
    Two,
    /// Since then.
    One(Instant),
}

/// What is known about the server.
#[derive(Debug)]
pub(super) struct Protocol(State);

/// What to make of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// It means what it says.
    Plain,
    /// The same must be sent with the other message.
    Other,
}

impl Protocol {
    pub(super) fn new(configured: Option<RemoteWriteMessage>) -> Protocol {
        Protocol(configured.map_or(State::Untried, State::Fixed))
    }

    /// The message for the next request.
    pub(super) fn message(&mut self, now: Instant) -> RemoteWriteMessage {
        if let State::One(since) = self.0
            && now.duration_since(since) >= ASK_AGAIN
        {
            self.0 = State::Untried;
        }
        match self.0 {
            State::Fixed(message) => message,
            State::Untried | State::Two => RemoteWriteMessage::V2,
            State::Doubted | State::One(_) => RemoteWriteMessage::V1,
        }
    }

    /// The one in use, as far as it is known.
    pub(super) fn known(&self) -> Option<RemoteWriteMessage> {
        match self.0 {
            State::Fixed(message) => Some(message),
            State::Two => Some(RemoteWriteMessage::V2),
            State::One(_) => Some(RemoteWriteMessage::V1),
            State::Untried | State::Doubted => None,
        }
    }

    /// Takes an answer to `message`. `counted` says whether the server told how much it has written.
    pub(super) fn answered(
        &mut self,
        message: RemoteWriteMessage,
        status: u16,
        verdict: Verdict,
        counted: bool,
        now: Instant,
    ) -> Reading {
        let refused = matches!(verdict, Verdict::Rejected);
        match (self.0, message) {
            (State::Fixed(_), _) => Reading::Plain,
            (_, RemoteWriteMessage::V2) if counted => {
                self.0 = State::Two;
                Reading::Plain
            }
            // Also of a server that went back to an older version.
            (_, RemoteWriteMessage::V2) if status == 415 || verdict == Verdict::Delivered => {
                self.0 = State::Doubted;
                Reading::Other
            }
            (State::Untried, RemoteWriteMessage::V2) if refused => {
                self.0 = State::Doubted;
                Reading::Other
            }
            (State::Doubted, RemoteWriteMessage::V1) if verdict == Verdict::Delivered => {
                self.0 = State::One(now);
                Reading::Plain
            }
            // Refused either way: the batch is at fault, and nothing is known about the server.
            (State::Doubted, RemoteWriteMessage::V1) if refused => {
                self.0 = State::Untried;
                Reading::Plain
            }
            _ => Reading::Plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RemoteWriteMessage::{V1, V2};
    use super::*;

    /// Sends and takes answers: status and whether it counted; what was sent and how the answer was read.
    fn talk(protocol: &mut Protocol, answers: &[(u16, bool)]) -> Vec<(RemoteWriteMessage, Reading)> {
        let now = Instant::now();
        let step = |(status, counted): &(u16, bool)| {
            let message = protocol.message(now);
            let verdict = super::super::retry::verdict(*status, None, 0);
            (message, protocol.answered(message, *status, verdict, *counted, now))
        };
        answers.iter().map(step).collect()
    }

    #[test]
    fn a_server_of_2_is_known_by_its_counts() {
        let mut p = Protocol::new(None);
        assert_eq!(talk(&mut p, &[(503, false), (204, true), (204, true)]), [(V2, Reading::Plain); 3]);
        assert_eq!(p.known(), Some(V2));
        // It is trusted from then on.
        assert_eq!(talk(&mut p, &[(400, false), (400, true)]), [(V2, Reading::Plain); 2]);
    }

    #[test]
    fn a_server_of_1_is_found_out_however_it_answers() {
        for status in [415, 400, 204, 501, 422] {
            let mut p = Protocol::new(None);
            let first = talk(&mut p, &[(status, false)])[0];
            if status == 501 {
                assert_eq!(
                    first,
                    (V2, Reading::Plain),
                    "an error of the server is no answer to the question"
                );
                continue;
            }
            assert_eq!(first, (V2, Reading::Other), "{status}");
            assert_eq!(talk(&mut p, &[(503, false), (204, false)]), [(V1, Reading::Plain); 2], "{status}");
            assert_eq!(p.known(), Some(V1));
        }
    }

    #[test]
    fn what_both_refuse_proves_nothing() {
        let mut p = Protocol::new(None);
        let talked = talk(&mut p, &[(400, false), (400, false), (204, true)]);
        assert_eq!(talked, [(V2, Reading::Other), (V1, Reading::Plain), (V2, Reading::Plain)]);
        assert_eq!(p.known(), Some(V2));
    }

    #[test]
    fn servers_are_updated_and_set_back() {
        let mut p = Protocol::new(None);
        talk(&mut p, &[(415, false), (204, false)]);
        assert_eq!(p.message(Instant::now() + ASK_AGAIN), V2);
        assert_eq!(talk(&mut p, &[(204, true), (415, false), (204, false)])[1].1, Reading::Other);
        assert_eq!(p.known(), Some(V1));
    }

    #[test]
    fn a_configured_message_is_not_doubted() {
        for message in [V1, V2] {
            let mut p = Protocol::new(Some(message));
            assert_eq!(talk(&mut p, &[(415, false), (204, false)]), [(message, Reading::Plain); 2]);
        }
    }
}
