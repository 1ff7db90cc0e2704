//! A future that another thread completes. Runtime-agnostic, so that the store needs none.

use parking_lot::Mutex;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

enum State<T> {
    Waiting(Option<Waker>),
    Done(T),
    Taken,
}

/// The side that completes. Dropped without completing, it leaves its future pending.
pub(crate) struct Completer<T>(Arc<Mutex<State<T>>>);

/// The side that waits.
pub(crate) struct Completion<T>(Arc<Mutex<State<T>>>);

pub(crate) fn completion<T>() -> (Completer<T>, Completion<T>) {
    let state = Arc::new(Mutex::new(State::Waiting(None)));
    (Completer(state.clone()), Completion(state))
}

impl<T> Completer<T> {
    pub fn complete(self, value: T) {
        let before = std::mem::replace(&mut *self.0.lock(), State::Done(value));
        if let State::Waiting(Some(waker)) = before {
            waker.wake();
        }
    }
}

impl<T> Future for Completion<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut state = self.0.lock();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Done(value) => Poll::Ready(value),
            State::Waiting(_) | State::Taken => {
                *state = State::Waiting(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }
}
