//! `alarm` and `setitimer`.

use super::*;
use crate::common;
use signal::timer::{start, Timer};
use signal::{alarm, block, Errno, Signal, SIGALRM, SIGPROF, SIGVTALRM};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(1000);
const SHORT: Duration = Duration::from_millis(5);

fn take(signal: Signal) {
    assert_eq!(SignalSet::from(signal).wait().unwrap().signal(), signal);
}

fn started(timer: Timer, first: Duration, interval: Duration) -> (Duration, Duration) {
    match start(timer, first, interval) {
        Ok(previous) => (previous.left, previous.interval),
        Err(error) => {
            assert!(!cfg!(has_setitimer) && error == Errno::ENOSYS, "{timer:?}: {error}");
            skip("no interval timers here")
        }
    }
}

/// SIGALRM comes when the time is over, and not before, and once.
/// XSH alarm, DESCRIPTION
fn sigalrm_comes_once_when_the_time_is_over() {
    block(SIGALRM);
    let before = Instant::now();
    assert_eq!(alarm(SHORT), None);
    take(SIGALRM);
    assert!(before.elapsed() >= SHORT);
    assert_eq!(alarm(Duration::ZERO), None);
}

/// There is one alarm: a new one takes the place of the old one, and zero cancels it; what was left
/// of the old one is returned.
/// XSH alarm, DESCRIPTION and RETURN VALUE
fn a_new_alarm_takes_the_place_of_the_old_one() {
    assert_eq!(alarm(LONG), None);
    for time in [LONG, LONG, Duration::ZERO] {
        let left = alarm(time).unwrap();
        assert!(left <= LONG && left > LONG / 2, "{left:?}");
    }
    assert_eq!(alarm(Duration::ZERO), None);
}

/// The three timers send SIGALRM, SIGVTALRM and SIGPROF, again after each interval.
/// XSH setitimer (POSIX.1-2017), DESCRIPTION
fn each_timer_sends_its_signal_again_and_again() {
    let timers = [(Timer::Real, SIGALRM), (Timer::Virtual, SIGVTALRM), (Timer::Profile, SIGPROF)];
    for (timer, signal) in timers {
        block(signal);
        started(timer, SHORT, SHORT);
        for _ in 0..2 {
            common::eventually("the time is used", || signal::pending().contains(signal));
            take(signal);
        }
        started(timer, Duration::ZERO, Duration::ZERO);
    }
}

/// What a timer was about to do before is returned, and zero stops it.
/// XSH setitimer (POSIX.1-2017), DESCRIPTION
fn what_a_timer_was_about_to_do_is_returned() {
    for timer in [Timer::Real, Timer::Virtual, Timer::Profile] {
        assert_eq!(started(timer, LONG, SHORT), (Duration::ZERO, Duration::ZERO));
        let (left, interval) = started(timer, Duration::ZERO, SHORT);
        // The kernel may round up by a tick.
        assert!(left > LONG / 2 && left <= LONG + Duration::from_secs(1), "{left:?}");
        assert_eq!(interval, SHORT);
        assert_eq!(started(timer, Duration::ZERO, Duration::ZERO).0, Duration::ZERO);
    }
}

requirements! {
    sigalrm_comes_once_when_the_time_is_over,
    a_new_alarm_takes_the_place_of_the_old_one,
    each_timer_sends_its_signal_again_and_again,
    what_a_timer_was_about_to_do_is_returned,
}
