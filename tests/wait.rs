//! Waiting for signals.

use crate::common::{self, count, load::Flood, needs, raw, COUNT};
use signal::{install, pending, BlockGuard, Errno, Handler, Pid, Signal, SignalSet};
use signal::{SIGCHLD, SIGHUP, SIGKILL, SIGSTOP, SIGTERM, SIGUSR1, SIGUSR2};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

static TAKEN: AtomicUsize = AtomicUsize::new(0);
static TIMEOUTS: AtomicUsize = AtomicUsize::new(0);

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(60);

fn set(signal: Signal) -> SignalSet {
    signal.into()
}

fn a_pending_signal_is_taken_and_its_handler_does_not_run() {
    install(SIGUSR1, &COUNT).unwrap();
    let guard = BlockGuard::new(SIGUSR1);
    type Take = fn(SignalSet) -> Signal;
    let ways: [Take; 3] = [
        |set| set.wait().unwrap().signal(),
        |set| set.wait_timeout(LONG).unwrap().unwrap().signal(),
        |set| set.wait_timeout(Duration::ZERO).unwrap().unwrap().signal(),
    ];
    for take in ways {
        signal::raise(SIGUSR1).unwrap();
        assert_eq!(take(SIGUSR1 | SIGHUP), SIGUSR1);
        assert!(pending().is_empty());
    }
    drop(guard);
    assert_eq!(count(), 0);
}

fn a_later_signal_ends_the_wait() {
    let guard = BlockGuard::new(SIGUSR1 | SIGTERM);
    let waiter = Pid::current();
    for with_limit in [false, true] {
        let sender = common::fork(|| i32::from(signal::kill(waiter, SIGTERM).is_err()));
        let set = SIGTERM | SIGUSR1;
        let info =
            if with_limit { set.wait_timeout(LONG).unwrap().unwrap() } else { set.wait().unwrap() };
        assert_eq!(info.signal(), SIGTERM);
        #[cfg(has_sigtimedwait)]
        assert_eq!(info.sender_pid(), Some(sender));
        assert!(common::wait_for(sender).success());
    }
    drop(guard);
}

fn wait_blocks_the_signals_while_it_waits_and_no_longer() {
    let look = |_: Signal| {
        let blocked = signal::blocked().contains(SIGUSR1);
        COUNT.fetch_add(usize::from(blocked), SeqCst);
    };
    // SAFETY: an atomic, and `pthread_sigmask`; the set's functions are async-signal-safe.
    install(SIGUSR2, unsafe { Handler::new(look) }).unwrap();
    let _flood = Flood::of(&[SIGUSR2], 10);
    common::eventually("a handler that runs in the wait", || {
        assert!(set(SIGUSR1).wait_timeout(SHORT * 5).unwrap().is_none());
        assert_eq!(signal::blocked(), SignalSet::empty());
        count() > 0
    });
}

fn a_timeout_of_zero_polls_and_expiry_is_none() {
    let _guard = BlockGuard::new(SIGUSR1);
    assert!(set(SIGUSR1).wait_timeout(Duration::ZERO).unwrap().is_none());
    assert!(set(SIGUSR1).wait_timeout(Duration::from_nanos(1)).unwrap().is_none());
    let start = Instant::now();
    assert!(set(SIGUSR1).wait_timeout(SHORT).unwrap().is_none());
    assert!(start.elapsed() >= SHORT);
    signal::raise(SIGUSR1).unwrap();
    assert!(set(SIGUSR1).wait_timeout(Duration::ZERO).unwrap().is_some());
    assert!(set(SIGUSR1).wait_timeout(Duration::ZERO).unwrap().is_none());
}

fn the_longest_times_do_not_overflow() {
    let _guard = BlockGuard::new(SIGUSR1);
    let waiter = Pid::current();
    let far = [
        Duration::MAX,
        Duration::from_secs(u64::MAX),
        Duration::from_secs(1 << 40),
        Duration::from_secs(1 << 31),
    ];
    for far in far {
        signal::raise(SIGUSR1).unwrap();
        assert!(set(SIGUSR1).wait_timeout(far).unwrap().is_some());
        let sender = common::fork(|| i32::from(signal::kill(waiter, SIGUSR1).is_err()));
        assert!(set(SIGUSR1).wait_timeout(far).unwrap().is_some(), "{far:?}");
        assert!(common::wait_for(sender).success());
    }
}

fn handlers_of_other_signals_run_and_do_not_end_the_wait() {
    install(SIGUSR2, &COUNT).unwrap();
    let _guard = BlockGuard::new(SIGUSR1);
    let waiter = Pid::current();
    let sender = common::fork(|| {
        for _ in 0..20 {
            signal::kill(waiter, SIGUSR2).unwrap();
            common::pause(5);
        }
        i32::from(signal::kill(waiter, SIGUSR1).is_err())
    });
    assert_eq!(set(SIGUSR1).wait().unwrap().signal(), SIGUSR1);
    assert!(count() > 0);
    assert!(common::wait_for(sender).success());
}

/// A wait that started again after each interruption would last as long as the flood.
fn one_deadline_is_kept_however_often_handlers_interrupt() {
    const LIMIT: Duration = Duration::from_millis(300);
    install(SIGUSR2, &COUNT).unwrap();
    let _guard = BlockGuard::new(SIGUSR1);
    let _flood = Flood::of(&[SIGUSR2], 10);
    // On a busy machine both the signals and the end come late.
    common::eventually("three interruptions, and an end within a tenth of a second", || {
        let (start, before) = (Instant::now(), count());
        assert!(set(SIGUSR1).wait_timeout(LIMIT).unwrap().is_none());
        let (elapsed, signals) = (start.elapsed(), count() - before);
        assert!(elapsed >= LIMIT, "{elapsed:?}");
        signals >= 3 && elapsed < LIMIT + Duration::from_millis(100)
    });
}

fn a_signal_outside_the_set_stays_pending() {
    install(SIGUSR2, &COUNT).unwrap();
    let _guard = BlockGuard::new(SIGUSR1 | SIGUSR2);
    signal::raise(SIGUSR2).unwrap();
    assert!(set(SIGUSR1).wait_timeout(SHORT).unwrap().is_none());
    assert_eq!(pending(), set(SIGUSR2));
}

fn sets_without_a_signal_to_wait_for_are_refused() {
    let reserved = common::reserved_signals().into_iter().map(SignalSet::from);
    let sets = [SignalSet::empty(), set(SIGKILL), set(SIGSTOP), SIGKILL | SIGSTOP];
    for set in sets.into_iter().chain(reserved) {
        let before = common::signal_state();
        assert_eq!(set.wait().unwrap_err(), Errno::EINVAL);
        assert_eq!(set.wait_timeout(LONG).unwrap_err(), Errno::EINVAL);
        assert_eq!(set.wait_timeout(Duration::ZERO).unwrap_err(), Errno::EINVAL);
        assert_eq!(common::signal_state(), before);
    }
    // Together with others they do no harm.
    let _guard = BlockGuard::new(SIGUSR1);
    signal::raise(SIGUSR1).unwrap();
    assert_eq!((SIGKILL | SIGSTOP | SIGUSR1).wait().unwrap().signal(), SIGUSR1);
}

fn every_realtime_signal_can_be_waited_for() {
    let realtime: Vec<Signal> = Signal::all().filter(|signal| signal.is_realtime()).collect();
    let all: SignalSet = realtime.iter().copied().collect();
    let _guard = BlockGuard::new(all);
    for signal in &realtime {
        signal::raise(*signal).unwrap();
        assert_eq!(set(*signal).wait().unwrap().signal(), *signal);
        signal::raise(*signal).unwrap();
        assert_eq!(all.wait_timeout(LONG).unwrap().unwrap().signal(), *signal);
    }
}

/// POSIX: the lowest realtime signal first, each in the order of sending.
fn realtime_signals_are_taken_in_order() {
    needs(cfg!(has_sigqueue), "no signals that queue");
    let [low, high] = [1, 2].map(common::realtime_or_skip);
    let _guard = BlockGuard::new(low | high);
    for value in 0..10 {
        signal::queue(Pid::current(), high, value).unwrap();
        signal::queue(Pid::current(), low, value).unwrap();
    }
    for signal in [low, high] {
        for value in 0..10 {
            let info = (low | high).wait().unwrap();
            assert_eq!(info.signal(), signal);
            #[cfg(has_sigtimedwait)]
            assert_eq!((info.value(), info.sender_pid()), (Some(value), Some(Pid::current())));
            let _ = value;
        }
    }
}

/// SIGCHLD is ignored by default, and some systems then discard it even if it is blocked: install a
/// handler.
fn the_end_of_a_child_can_be_waited_for() {
    install(SIGCHLD, &COUNT).unwrap();
    let _guard = BlockGuard::new(SIGCHLD);
    let child = common::fork(|| 0);
    assert_eq!(set(SIGCHLD).wait().unwrap().signal(), SIGCHLD);
    assert!(common::wait_for(child).success());
}

fn two_threads_share_the_signals() {
    let _guard = BlockGuard::new(SIGUSR1 | SIGUSR2);
    let waiting = || {
        let waits = || {
            while (SIGUSR1 | SIGUSR2).wait().unwrap().signal() == SIGUSR1 {
                TAKEN.fetch_add(1, SeqCst);
            }
        };
        thread::spawn(waits)
    };
    let threads = [waiting(), waiting()];
    for round in 1..=common::scaled(1000) {
        raw::send_to_self(SIGUSR1);
        common::eventually("one thread takes it", || TAKEN.load(SeqCst) == round);
    }
    for thread in threads {
        raw::send_to_self(SIGUSR2);
        common::eventually("one thread takes it", || !pending().contains(SIGUSR2));
        drop(thread);
    }
}

/// A thread that is woken for nothing must not sleep beyond its own timeout.
fn a_thread_with_a_limit_keeps_it_beside_one_without() {
    let _guard = BlockGuard::new(SIGUSR1);
    let take = || TAKEN.fetch_add(1, SeqCst);
    thread::spawn(move || loop {
        set(SIGUSR1).wait().unwrap();
        take();
    });
    thread::spawn(move || loop {
        match set(SIGUSR1).wait_timeout(Duration::from_micros(200)).unwrap() {
            Some(_) => take(),
            None => TIMEOUTS.fetch_add(1, SeqCst),
        };
    });
    for round in 1..=common::scaled(1000) {
        raw::send_to_self(SIGUSR1);
        common::eventually("one thread takes it", || TAKEN.load(SeqCst) == round);
        let before = TIMEOUTS.load(SeqCst);
        common::eventually("the limit is kept", || TIMEOUTS.load(SeqCst) > before);
    }
}

tests! {
    a_pending_signal_is_taken_and_its_handler_does_not_run,
    a_later_signal_ends_the_wait,
    wait_blocks_the_signals_while_it_waits_and_no_longer,
    a_timeout_of_zero_polls_and_expiry_is_none,
    the_longest_times_do_not_overflow,
    handlers_of_other_signals_run_and_do_not_end_the_wait,
    one_deadline_is_kept_however_often_handlers_interrupt,
    a_signal_outside_the_set_stays_pending,
    sets_without_a_signal_to_wait_for_are_refused,
    every_realtime_signal_can_be_waited_for,
    realtime_signals_are_taken_in_order,
    the_end_of_a_child_can_be_waited_for,
    two_threads_share_the_signals,
    a_thread_with_a_limit_keeps_it_beside_one_without,
}
