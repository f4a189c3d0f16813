//! Signals to the calling thread.

use super::*;
use crate::common::{self, count};
use signal::{block, install, pending, raise};

/// The function of the signal has run before the call returns.
/// XSH raise, DESCRIPTION
fn the_function_has_run_before_it_returns() {
    for signal in catchable() {
        install(signal, logging()).unwrap();
        clear();
        for times in 1..=3 {
            raise(signal).unwrap();
            waits(signal, count, times - 1, times);
        }
    }
}

/// The calling thread gets the signal, also where another one would let it through.
/// XSH raise, DESCRIPTION
fn the_calling_thread_gets_it() {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    // It blocks nothing.
    let other = std::thread::spawn(move || wait.recv());
    block(SignalSet::full());
    for signal in catchable() {
        install(signal, logging()).unwrap();
        raise(signal).unwrap();
        assert!(pending().contains(signal));
    }
    drop(done);
    assert!(other.join().unwrap().is_err());
    assert_eq!(count(), 0);
}

/// SIGKILL ends the process.
/// XSH raise, DESCRIPTION
fn sigkill_is_the_end() {
    let status = common::status_of(|| raise(SIGKILL).unwrap());
    assert_eq!(status.signal(), Some(SIGKILL));
}

requirements! {
    the_function_has_run_before_it_returns,
    the_calling_thread_gets_it,
    sigkill_is_the_end,
}
