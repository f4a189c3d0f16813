//! The alarm.

use crate::common::{self, count, COUNT};
use signal::{alarm, install, BlockGuard, SIGALRM};
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

tests! {
    the_alarm_expires_once_and_not_early,
    the_alarm_tells_what_was_left_and_can_be_cancelled,
    a_forked_child_has_no_alarm,
}
