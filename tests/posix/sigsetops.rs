//! The functions of sets, for every signal.

use super::*;

/// The empty set has no member, the full one every signal that the system defines.
/// XSH sigemptyset, DESCRIPTION; XSH sigfillset, DESCRIPTION
fn the_empty_and_the_full_set() {
    for signal in catchable().iter().chain([SIGKILL, SIGSTOP]) {
        assert!(!SignalSet::empty().contains(signal));
        assert!(SignalSet::full().contains(signal));
    }
}

/// Adding makes a signal a member, taking out makes it none, and the others stay what they are.
/// XSH sigaddset, DESCRIPTION; XSH sigdelset, DESCRIPTION; XSH sigismember, DESCRIPTION
fn adding_and_taking_out_change_one_member() {
    for signal in catchable().iter().chain([SIGKILL, SIGSTOP]) {
        for before in [SignalSet::empty(), SignalSet::full()] {
            let (mut with, mut without) = (before, before);
            assert_eq!(with.insert(signal), !before.contains(signal));
            assert_eq!(without.remove(signal), before.contains(signal));
            assert!(with.contains(signal) && !without.contains(signal));
            assert_eq!(with - signal, before - signal);
            assert_eq!(without, before - signal);
        }
    }
}

/// A set is to the system what `sigaddset` makes of its members.
/// XSH sigaddset, DESCRIPTION; XBD signal.h (sigset_t)
fn the_system_sees_the_same_members() {
    for signal in catchable().iter().chain([SIGKILL, SIGSTOP]) {
        // SAFETY: a set made of zeros, which the calls fill.
        let (raw, is_member) = unsafe {
            let mut raw: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut raw);
            assert_eq!(libc::sigaddset(&mut raw, signal.as_raw()), 0);
            (raw, libc::sigismember(&SignalSet::from(signal).to_raw(), signal.as_raw()))
        };
        assert_eq!((SignalSet::from_raw(&raw), is_member), (signal.into(), 1));
    }
}

requirements! {
    the_empty_and_the_full_set,
    adding_and_taking_out_change_one_member,
    the_system_sees_the_same_members,
}
