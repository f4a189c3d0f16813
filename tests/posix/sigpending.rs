//! What has come and waits.

use super::*;
use signal::{block, install, kill, pending, raise, Pid, Signal};

/// The set holds the signals that are blocked and pending, for the thread or for the process, and
/// no others.
/// XSH sigpending, DESCRIPTION
fn it_is_the_set_of_what_is_pending_for_the_thread_or_the_process() {
    let sends: [fn(Signal); 2] =
        [|signal| raise(signal).unwrap(), |signal| kill(Pid::current(), signal).unwrap()];
    block(SignalSet::full());
    for send in sends {
        for signal in catchable() {
            install(signal, logging()).unwrap();
            assert_eq!(pending(), SignalSet::empty());
            send(signal);
            assert_eq!(pending(), signal.into());
            SignalSet::from(signal).wait().unwrap();
        }
    }
}

/// What has been delivered is not pending.
/// XSH sigpending, DESCRIPTION; XSH 2.4.1 Signal Generation and Delivery
fn what_has_been_delivered_is_not_pending() {
    for signal in catchable() {
        install(signal, logging()).unwrap();
        raise(signal).unwrap();
        waits(signal, pending, signal.into(), SignalSet::empty());
    }
}

/// What is pending for another thread is not in the set.
/// XSH sigpending, DESCRIPTION
fn what_is_pending_for_another_thread_is_not_in_it() {
    block(SignalSet::full());
    let here = || {
        for signal in catchable() {
            install(signal, logging()).unwrap();
            raise(signal).unwrap();
            assert!(pending().contains(signal));
        }
    };
    std::thread::spawn(move || {
        here();
        std::thread::spawn(|| assert_eq!(pending(), SignalSet::empty())).join().unwrap();
    })
    .join()
    .unwrap();
    assert_eq!(pending(), SignalSet::empty());
}

requirements! {
    it_is_the_set_of_what_is_pending_for_the_thread_or_the_process,
    what_has_been_delivered_is_not_pending,
    what_is_pending_for_another_thread_is_not_in_it,
}
