//! The mask of a thread.

use super::*;
use crate::common::count;
use signal::{block, blocked, install, pending, raise, set_blocked, unblock, Signal, SIGTERM};

fn without_sigterm() -> impl Iterator<Item = Signal> {
    catchable().iter().filter(|signal| *signal != SIGTERM)
}

/// SIG_BLOCK makes the mask the union with the set, SIG_UNBLOCK takes the set out of it,
/// SIG_SETMASK makes it the set; each returns the mask of before.
/// XSH pthread_sigmask, DESCRIPTION
fn the_mask_becomes_the_union_the_difference_or_the_set() {
    for signal in without_sigterm() {
        assert_eq!(set_blocked(SIGTERM), SignalSet::empty());
        assert_eq!(block(signal), SIGTERM.into());
        assert_eq!(block(SIGTERM), SIGTERM | signal);
        assert_eq!(unblock(SIGTERM), SIGTERM | signal);
        assert_eq!(unblock(SIGTERM), signal.into());
        assert_eq!(set_blocked(SIGTERM), signal.into());
        assert_eq!(set_blocked(SignalSet::empty()), SIGTERM.into());
    }
}

/// The mask changes in the same way after another signal has come.
/// XSH pthread_sigmask, DESCRIPTION
fn the_mask_changes_as_well_after_another_signal() {
    something_arrives();
    the_mask_becomes_the_union_the_difference_or_the_set();
}

/// Without a new set the mask is returned and does not change.
/// XSH pthread_sigmask, DESCRIPTION (set is null)
fn the_mask_can_be_looked_at() {
    for signal in catchable() {
        set_blocked(signal);
        assert_eq!((blocked(), blocked()), (signal.into(), signal.into()));
    }
}

/// SIGKILL and SIGSTOP are not blocked, without an error.
/// XSH pthread_sigmask, DESCRIPTION
fn sigkill_and_sigstop_are_left_out() {
    assert_eq!(block(SIGKILL | SIGSTOP), SignalSet::empty());
    assert_eq!(set_blocked(SIGKILL | SIGSTOP | SIGTERM), SignalSet::empty());
    assert_eq!(blocked(), SIGTERM.into());
}

/// If signals are pending that the new mask lets through, at least one is delivered before the
/// call returns.
/// XSH pthread_sigmask, DESCRIPTION
fn what_is_let_through_is_delivered_before_the_call_returns() {
    for signal in catchable() {
        install(signal, logging()).unwrap();
        block(signal);
        raise(signal).unwrap();
        assert_eq!(count(), 0);
        unblock(signal);
        if !NEVER_WAIT.contains(signal) {
            differs(UNBLOCK_GUARD, count(), 1, 0);
        }
        waits(signal, count, 0, 1);
        clear();
    }
}

/// A blocked signal stays pending until it is unblocked; a standard signal that comes again
/// meanwhile may be one with it.
/// XSH 2.4.1 Signal Generation and Delivery
fn a_blocked_signal_stays_pending() {
    set_blocked(SignalSet::full());
    for signal in catchable() {
        install(signal, logging()).unwrap();
        (0..2).for_each(|_| raise(signal).unwrap());
        assert!(pending().contains(signal), "{signal}");
        assert_eq!(count(), 0);
    }
}

/// Each thread has a mask of its own.
/// XSH pthread_sigmask, DESCRIPTION
fn each_thread_has_a_mask_of_its_own() {
    set_blocked(SIGTERM);
    let others = std::thread::spawn(|| {
        for signal in catchable() {
            set_blocked(signal);
        }
        set_blocked(SignalSet::full());
    });
    others.join().unwrap();
    assert_eq!(blocked(), SIGTERM.into());
}

requirements! {
    the_mask_becomes_the_union_the_difference_or_the_set,
    the_mask_changes_as_well_after_another_signal,
    the_mask_can_be_looked_at,
    sigkill_and_sigstop_are_left_out,
    what_is_let_through_is_delivered_before_the_call_returns,
    a_blocked_signal_stays_pending,
    each_thread_has_a_mask_of_its_own,
}
