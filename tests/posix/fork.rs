//! What a child of fork has of its parent.

use super::*;
use crate::common::in_child;
use signal::timer::{start, Timer};
use signal::{alarm, block, blocked, install, pending, query, raise, Action, Flags, Handler};
use signal::{SIGCHLD, SIGTERM, SIGUSR1, SIGUSR2};
use std::time::Duration;

/// A child has its parent's actions: functions, flags, masks, and what is ignored.
/// XSH fork, DESCRIPTION (the child is a copy)
fn a_child_has_the_actions() {
    for signal in catchable() {
        let action = match signal.as_raw() % 3 {
            // Where SIGCHLD is ignored children leave no status.
            0 if signal != SIGCHLD => Action::new(Handler::Ignore),
            1 => Action::new(Handler::Default),
            _ => Action::new(logging()).block(SIGTERM).flags(Flags::NODEFER),
        };
        install(signal, action).unwrap();
    }
    let actions = || catchable().iter().map(|signal| query(signal).unwrap()).collect::<Vec<_>>();
    let before = actions();
    in_child(|| assert_eq!(actions(), before));
}

/// A child has its parent's mask.
/// XSH fork, DESCRIPTION
fn a_child_has_the_mask() {
    for signal in catchable() {
        signal::set_blocked(signal | SIGTERM);
        in_child(|| assert_eq!(blocked(), signal | SIGTERM));
    }
}

/// A child has its parent's mask also after another signal has come.
/// XSH fork, DESCRIPTION
fn a_child_has_the_mask_after_another_signal() {
    something_arrives();
    a_child_has_the_mask();
}

/// A child has no pending signals.
/// XSH fork, DESCRIPTION
fn a_child_has_nothing_pending() {
    block(SignalSet::full());
    for signal in catchable() {
        install(signal, logging()).unwrap();
        raise(signal).unwrap();
    }
    assert!(catchable()
        .iter()
        .all(|signal| pending().contains(signal) || pending().contains(SIGUSR1)));
    in_child(|| assert_eq!(pending(), SignalSet::empty()));
}

/// A child does not get what its parent's handlers wait for.
/// XSH fork, DESCRIPTION
fn a_child_does_not_run_the_functions_of_its_parents_signals() {
    install(SIGUSR1, logging()).unwrap();
    install(SIGUSR2, logging()).unwrap();
    block(SIGUSR1 | SIGUSR2);
    raise(SIGUSR1).unwrap();
    raise(SIGUSR2).unwrap();
    in_child(|| {
        signal::unblock(SIGUSR1 | SIGUSR2);
        assert_eq!(logged(), []);
    });
}

/// A child has neither the alarm nor the timers of its parent.
/// XSH fork, DESCRIPTION; XSH alarm; XSH setitimer (POSIX.1-2017)
fn a_child_has_no_alarm_and_no_timers() {
    let long = Duration::from_secs(1000);
    let stop = |timer| start(timer, Duration::ZERO, Duration::ZERO).map(|previous| previous.left);
    for timer in [Timer::Virtual, Timer::Profile] {
        let _ = start(timer, long, long);
    }
    alarm(long);
    in_child(|| {
        assert_eq!(alarm(Duration::ZERO), None);
        for timer in [Timer::Virtual, Timer::Profile] {
            assert!(stop(timer).map_or(true, |left| left == Duration::ZERO));
        }
    });
    assert!(alarm(Duration::ZERO).is_some());
}

requirements! {
    a_child_has_the_actions,
    a_child_has_the_mask,
    a_child_has_the_mask_after_another_signal,
    a_child_has_nothing_pending,
    a_child_does_not_run_the_functions_of_its_parents_signals,
    a_child_has_no_alarm_and_no_timers,
}
