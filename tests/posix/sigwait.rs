//! Taking a signal: `sigwait`, `sigwaitinfo` and `sigtimedwait` are one function with and without a
//! time limit here.

use super::*;
use crate::common::{self, count};
use signal::{block, blocked, install, kill, pending, raise, Cause, Pid, Signal};
use signal::{SIGTERM, SIGUSR1, SIGUSR2};
use std::time::{Duration, Instant};

/// A pending signal of the set is taken at once, and is then not pending; its function does not
/// run, and the others stay pending.
/// XSH sigwait, DESCRIPTION
fn a_pending_signal_of_the_set_is_taken() {
    block(SignalSet::full());
    for signal in catchable() {
        let other = if signal == SIGUSR1 { SIGUSR2 } else { SIGUSR1 };
        install(signal, logging()).unwrap();
        install(other, logging()).unwrap();
        raise(signal).unwrap();
        kill(Pid::current(), other).unwrap();
        assert_eq!((signal | SIGTERM).wait().unwrap().signal(), signal);
        assert_eq!(pending(), other.into());
        assert_eq!(SignalSet::from(other).wait().unwrap().signal(), other);
    }
    assert_eq!((pending(), count()), (SignalSet::empty(), 0));
}

/// If no signal of the set is pending the call waits until one comes.
/// XSH sigwait, DESCRIPTION
fn it_waits_until_one_comes() {
    block(SignalSet::full());
    for signal in catchable() {
        install(signal, logging()).unwrap();
        let waiter = Pid::current();
        let sender = common::fork(|| i32::from(kill(waiter, signal).is_err()));
        assert_eq!(SignalSet::from(signal).wait().unwrap().signal(), signal);
        assert!(common::wait_for(sender).success());
    }
    assert_eq!(count(), 0);
}

/// The mask is the same before the call and after it.
/// XSH sigwait, DESCRIPTION
fn the_mask_is_the_same_after_it() {
    for signal in catchable() {
        install(signal, logging()).unwrap();
        block(signal);
        raise(signal).unwrap();
        SignalSet::from(signal).wait().unwrap();
        assert_eq!(blocked(), signal.into());
        signal::unblock(signal);
    }
}

/// The call tells number, cause, sender and value.
/// XSH sigwaitinfo, DESCRIPTION
fn it_tells_number_cause_sender_and_value() {
    needs_queue();
    if !cfg!(has_sigtimedwait) {
        skip("the substitute tells the number alone");
    }
    block(SignalSet::full());
    for signal in catchable() {
        install(signal, logging()).unwrap();
        let take = || SignalSet::from(signal).wait().unwrap();
        kill(Pid::current(), signal).unwrap();
        let killed = take();
        signal::queue(Pid::current(), signal, signal.as_raw()).unwrap();
        let queued = take();
        for info in [&killed, &queued] {
            assert_eq!(
                (info.signal(), info.sender_pid()),
                (signal, Some(Pid::current())),
                "{info:?}"
            );
        }
        assert_eq!((killed.cause(), queued.cause()), (Cause::User, Cause::Queue), "{signal}");
        assert_eq!(queued.value(), Some(signal.as_raw()));
    }
}

/// Of several realtime signals the one with the lowest number is taken first, and each as often as
/// it was queued, in that order.
/// XSH sigwaitinfo, DESCRIPTION
fn the_lowest_realtime_signal_is_taken_first_and_each_in_order() {
    needs_queue();
    let realtime: Vec<Signal> = catchable().iter().filter(|signal| signal.is_realtime()).collect();
    let all: SignalSet = realtime.iter().copied().collect();
    block(all);
    for signal in realtime.iter().rev() {
        (0..3).for_each(|value| signal::queue(Pid::current(), *signal, value).unwrap());
    }
    for signal in realtime {
        for value in 0..3 {
            let info = all.wait().unwrap();
            assert_eq!(info.signal(), signal);
            if cfg!(has_sigtimedwait) {
                assert_eq!(info.value(), Some(value));
            }
            assert_eq!(pending().contains(signal), value < 2, "pending while more are queued");
        }
    }
}

/// With a time of zero the call does not wait.
/// XSH sigtimedwait, DESCRIPTION (timeout of zero)
fn a_time_of_zero_only_looks() {
    block(SignalSet::full());
    for signal in catchable() {
        install(signal, logging()).unwrap();
        let look = || SignalSet::from(signal).wait_timeout(Duration::ZERO).unwrap();
        assert!(look().is_none());
        raise(signal).unwrap();
        assert_eq!(look().map(|info| info.signal()), Some(signal));
        assert!(look().is_none());
    }
}

/// The call ends when the time is over and nothing has come, and not before.
/// XSH sigtimedwait, DESCRIPTION (timeout)
fn it_ends_when_the_time_is_over() {
    let (start, time) = (Instant::now(), Duration::from_millis(10));
    assert!(SignalSet::from(SIGUSR1).wait_timeout(time).unwrap().is_none());
    assert!(start.elapsed() >= time);
}

/// Of several threads that wait for a signal one takes it.
/// XSH sigwait, DESCRIPTION
fn one_of_several_threads_takes_it() {
    block(SIGUSR1 | SIGUSR2);
    let waiting = || {
        std::thread::spawn(|| {
            block(SIGUSR1 | SIGUSR2);
            while (SIGUSR1 | SIGUSR2).wait().unwrap().signal() == SIGUSR1 {
                COUNT.fetch_add(1, SeqCst);
            }
        })
    };
    let threads = [waiting(), waiting()];
    for round in 1..=10 {
        kill(Pid::current(), SIGUSR1).unwrap();
        common::eventually("one takes it", || count() == round);
    }
    for thread in threads {
        kill(Pid::current(), SIGUSR2).unwrap();
        common::eventually("one takes it", || !pending().contains(SIGUSR2));
        drop(thread);
    }
}

requirements! {
    a_pending_signal_of_the_set_is_taken,
    it_waits_until_one_comes,
    the_mask_is_the_same_after_it,
    it_tells_number_cause_sender_and_value,
    the_lowest_realtime_signal_is_taken_first_and_each_in_order,
    a_time_of_zero_only_looks,
    it_ends_when_the_time_is_over,
    one_of_several_threads_takes_it,
}
