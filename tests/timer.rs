//! The alarm.

use crate::common::{self, count, COUNT};
use signal::timer::{start, Previous, Timer};
use signal::{alarm, install, BlockGuard, Errno, SIGALRM, SIGPROF, SIGVTALRM};
use std::time::{Duration, Instant};

/// Sleeps until the alarm has expired so many times.
fn wait_for_alarms(guard: &BlockGuard, times: usize) {
    while count() < times {
        guard.wait();
    }
}

fn the_alarm_expires_once_and_not_early() {
    install(SIGALRM, &COUNT).unwrap();
    let guard = BlockGuard::new(SIGALRM);
    for (round, time) in
        [Duration::from_nanos(1), Duration::from_millis(30)].into_iter().enumerate()
    {
        let start = Instant::now();
        assert_eq!(alarm(time), None);
        wait_for_alarms(&guard, round + 1);
        assert!(start.elapsed() >= time, "{:?}", start.elapsed());
        assert_eq!((alarm(Duration::ZERO), count()), (None, round + 1), "it is over");
    }
}

fn the_alarm_tells_what_was_left_and_can_be_cancelled() {
    install(SIGALRM, &COUNT).unwrap();
    let seconds = Duration::from_secs;
    let within = |left: Option<Duration>, low, high| {
        assert!(
            left.map_or(false, |left| seconds(low) < left && left <= seconds(high)),
            "{left:?}"
        );
    };
    assert_eq!(alarm(seconds(1000)), None);
    within(alarm(seconds(2000)), 900, 1000);
    within(alarm(Duration::ZERO), 1900, 2000);
    assert_eq!((alarm(Duration::ZERO), count()), (None, 0));
    // Three years, which every system accepts.
    for longest in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_secs(1 << 40)] {
        assert_eq!(alarm(longest), None);
        within(alarm(Duration::ZERO), 99_999_900, 100_000_000);
    }
}

fn a_forked_child_has_no_alarm() {
    assert_eq!(alarm(Duration::from_secs(1000)), None);
    common::in_child(|| assert_eq!(alarm(Duration::ZERO), None));
    assert!(alarm(Duration::ZERO).is_some());
}

const STOPPED: Previous = Previous { left: Duration::ZERO, interval: Duration::ZERO };

/// Starts the timer, or skips the test where there is none.
fn started(timer: Timer, first: Duration, interval: Duration) -> Previous {
    start(timer, first, interval).unwrap_or_else(|error| {
        assert!(!cfg!(has_setitimer) && error == Errno::ENOSYS, "{timer:?}: {error}");
        common::skip("no interval timers here")
    })
}

fn an_interval_timer_expires_again_and_again() {
    install(SIGALRM, &COUNT).unwrap();
    let guard = BlockGuard::new(SIGALRM);
    let (before, first, interval) =
        (Instant::now(), Duration::from_millis(30), Duration::from_millis(10));
    assert_eq!(started(Timer::Real, first, interval), STOPPED);
    wait_for_alarms(&guard, 3);
    assert!(before.elapsed() >= first + 2 * interval, "{:?}", before.elapsed());
    let previous = started(Timer::Real, Duration::ZERO, Duration::ZERO);
    assert!(previous.interval == interval && previous.left <= interval, "{previous:?}");
    assert_eq!(started(Timer::Real, Duration::ZERO, Duration::ZERO), STOPPED);
}

fn processor_time_has_two_timers_of_its_own() {
    let tick = Duration::from_millis(1);
    for (timer, signal) in [(Timer::Virtual, SIGVTALRM), (Timer::Profile, SIGPROF)] {
        let before = count();
        install(signal, &COUNT).unwrap();
        assert_eq!(started(timer, tick, tick), STOPPED);
        common::eventually("the time is used", || count() >= before + 3);
        assert_eq!(started(timer, Duration::ZERO, tick).interval, tick);
    }
}

fn what_was_running_is_told_and_can_be_put_back() {
    let seconds = Duration::from_secs;
    for timer in [Timer::Real, Timer::Virtual, Timer::Profile] {
        started(timer, seconds(1000), seconds(7));
        let previous = started(timer, Duration::MAX, Duration::from_nanos(1));
        assert!(previous.left > seconds(900) && previous.left <= seconds(1001), "{previous:?}");
        assert_eq!(previous.interval, seconds(7));
        let longest = started(timer, previous.left, previous.interval);
        assert!(longest.left > seconds(99_999_000), "{longest:?}");
        assert_eq!(longest.interval, Duration::from_micros(1), "rounded up");
        let again = started(timer, Duration::ZERO, Duration::ZERO);
        assert!(again.left > seconds(900) && again.interval == seconds(7), "{again:?}");
    }
    // The alarm is the timer of real time.
    assert_eq!(alarm(seconds(1000)), None);
    assert!(started(Timer::Real, Duration::ZERO, Duration::ZERO).left > seconds(900));
    assert_eq!(alarm(Duration::ZERO), None);
}

tests! {
    an_interval_timer_expires_again_and_again,
    processor_time_has_two_timers_of_its_own,
    what_was_running_is_told_and_can_be_put_back,
    the_alarm_expires_once_and_not_early,
    the_alarm_tells_what_was_left_and_can_be_cancelled,
    a_forked_child_has_no_alarm,
}
