//! Signals with a value.

use super::*;
use crate::common::{self, count};
use signal::{block, install, queue, Errno, Pid, Signal, SIGTERM};

fn realtime() -> Vec<Signal> {
    needs_queue();
    catchable().iter().filter(|signal| signal.is_realtime()).collect()
}

/// The function is told the value that was sent.
/// XSH sigqueue, DESCRIPTION
fn the_function_is_told_the_value() {
    needs_queue();
    for signal in catchable() {
        install(signal, logging_values()).unwrap();
        clear();
        queue(Pid::current(), signal, 1000 + signal.as_raw()).unwrap();
        waits(signal, logged, vec![], vec![1000 + signal.as_raw()]);
    }
}

/// A realtime signal queues: each that was sent arrives with its value, in the order of sending.
/// XSH sigqueue, DESCRIPTION; XSH 2.4.2 Realtime Signal Generation and Delivery
fn realtime_signals_queue_in_order() {
    for signal in realtime() {
        install(signal, logging_values()).unwrap();
        clear();
        block(signal);
        (0..5).for_each(|value| queue(Pid::current(), signal, value).unwrap());
        signal::unblock(signal);
        waits(signal, logged, vec![], vec![0, 1, 2, 3, 4]);
    }
}

/// If the sender does not block the signal, and is the only thread, it has arrived before the call
/// returns.
/// XSH sigqueue, DESCRIPTION
fn it_arrives_before_the_call_returns() {
    for signal in realtime() {
        install(signal, logging()).unwrap();
        clear();
        for times in 1..=3 {
            queue(Pid::current(), signal, 0).unwrap();
            waits(signal, count, times - 1, times);
        }
    }
}

/// Of several realtime signals that are pending the one with the lowest number arrives first.
/// XSH 2.4.2 Realtime Signal Generation and Delivery
fn the_lowest_realtime_signal_arrives_first() {
    let realtime = realtime();
    let all: SignalSet = realtime.iter().copied().collect();
    for signal in &realtime {
        // One at a time: the others are blocked while it runs.
        install(*signal, signal::Action::new(logging()).block(all)).unwrap();
    }
    block(all);
    realtime.iter().rev().for_each(|signal| queue(Pid::current(), *signal, 0).unwrap());
    signal::unblock(all);
    waits(realtime[0], logged, vec![], realtime.iter().map(|signal| signal.as_raw()).collect());
}

/// ESRCH: there is no such process.
/// XSH sigqueue, ERRORS
fn a_process_that_is_gone_is_esrch() {
    needs_queue();
    let gone = common::fork(|| 0);
    common::wait_for(gone);
    assert_eq!(queue(gone, SIGTERM, 0), Err(Errno::ESRCH));
}

/// EAGAIN: there is no room to queue.
/// XSH sigqueue, ERRORS
fn a_full_queue_is_eagain() {
    #[cfg(target_os = "linux")]
    for signal in realtime() {
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: a whole structure.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_SIGPENDING, &none) }, 0);
        block(signal);
        assert_eq!(queue(Pid::current(), signal, 0), Err(Errno::EAGAIN));
        assert!(!signal::pending().contains(signal));
    }
    if !cfg!(target_os = "linux") {
        skip("no limit that a test may set");
    }
}

requirements! {
    the_function_is_told_the_value,
    realtime_signals_queue_in_order,
    it_arrives_before_the_call_returns,
    the_lowest_realtime_signal_arrives_first,
    a_process_that_is_gone_is_esrch,
    a_full_queue_is_eagain,
}
