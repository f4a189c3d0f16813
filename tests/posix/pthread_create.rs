//! What a new thread has of its creator.

use super::*;
use crate::common::count;
use signal::{block, blocked, install, pending, raise, SIGTERM, SIGUSR1};
use std::thread;

/// A new thread has its creator's mask.
/// XSH pthread_create, DESCRIPTION
fn a_thread_has_the_mask() {
    for signal in catchable() {
        signal::set_blocked(signal | SIGTERM);
        assert_eq!(thread::spawn(blocked).join().unwrap(), signal | SIGTERM);
    }
}

/// A new thread has its creator's mask also after another signal has come.
/// XSH pthread_create, DESCRIPTION
fn a_thread_has_the_mask_after_another_signal() {
    something_arrives();
    block(SIGTERM);
    let mask = thread::spawn(blocked).join().unwrap();
    let everything = SignalSet::asynchronous() & catchable();
    differs(STARTED, mask, SIGTERM.into(), everything);
}

/// Nothing is pending for a new thread.
/// XSH pthread_create, DESCRIPTION
fn nothing_is_pending_for_a_thread() {
    block(SignalSet::full());
    for signal in catchable() {
        install(signal, logging()).unwrap();
        raise(signal).unwrap();
    }
    assert_eq!(thread::spawn(pending).join().unwrap(), SignalSet::empty());
}

/// Actions are those of the process: a function that one thread installs runs in each.
/// XSH 2.4.1 Signal Generation and Delivery
fn actions_are_those_of_the_process() {
    for signal in catchable() {
        clear();
        let elsewhere = thread::spawn(move || {
            install(signal, logging()).unwrap();
            raise(signal).unwrap();
            count()
        });
        assert_eq!(elsewhere.join().unwrap(), 1, "{signal}");
        clear();
        raise(signal).unwrap();
        waits(signal, count, 0, 1);
    }
}

/// A signal for the process is delivered to a thread that does not block it.
/// XSH 2.4.1 Signal Generation and Delivery
fn a_signal_for_the_process_goes_to_a_thread_that_lets_it_through() {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let open = thread::spawn(move || wait.recv());
    block(SignalSet::full());
    install(SIGUSR1, logging()).unwrap();
    for times in 1..=20 {
        crate::common::raw::send_to_self(SIGUSR1);
        crate::common::eventually("it runs", || count() == times);
    }
    drop(done);
    assert!(open.join().unwrap().is_err());
}

requirements! {
    a_thread_has_the_mask,
    a_thread_has_the_mask_after_another_signal,
    nothing_is_pending_for_a_thread,
    actions_are_those_of_the_process,
    a_signal_for_the_process_goes_to_a_thread_that_lets_it_through,
}
