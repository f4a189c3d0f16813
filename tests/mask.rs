//! The signal mask: critical regions, and waiting in them.

use crate::common::{self, count, load::Flood, raw, COUNT, FLAG};
use signal::{blocked, install, pending, BlockGuard, Handler, Pid, SignalSet, UnblockGuard};
use signal::{SIGHUP, SIGINT, SIGKILL, SIGSTOP, SIGTERM, SIGUSR1, SIGUSR2};
use std::panic::{catch_unwind, panic_any};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;

static OTHER_COUNT: AtomicUsize = AtomicUsize::new(0);

fn what_arrives_in_a_region_is_delivered_before_it_is_left() {
    install(SIGUSR1, &COUNT).unwrap();
    let guard = BlockGuard::new(SIGUSR1);
    assert!(!pending().contains(SIGUSR1));
    raw::send_to_self(SIGUSR1);
    assert_eq!((count(), pending().contains(SIGUSR1)), (0, true));
    drop(guard);
    assert_eq!((count(), pending().contains(SIGUSR1)), (1, false));
}

fn a_standard_signal_that_arrives_twice_in_a_region_is_delivered_once() {
    install(SIGUSR1, &COUNT).unwrap();
    let guard = BlockGuard::new(SIGUSR1);
    (0..2).for_each(|_| raw::send_to_self(SIGUSR1));
    drop(guard);
    assert_eq!(count(), 1);
}

fn guards_nest_and_know_the_previous_mask() {
    assert_eq!(blocked(), SignalSet::empty());
    let outer = BlockGuard::new(SIGHUP | SIGINT);
    {
        let inner = BlockGuard::new(SIGINT | SIGTERM);
        assert_eq!(blocked(), SIGHUP | SIGINT | SIGTERM);
        {
            let open = UnblockGuard::new(SIGHUP | SIGUSR1);
            assert_eq!((blocked(), open.previous()), (SIGINT | SIGTERM, SIGHUP | SIGINT | SIGTERM));
        }
        assert_eq!((blocked(), inner.previous()), (SIGHUP | SIGINT | SIGTERM, SIGHUP | SIGINT));
    }
    assert_eq!((blocked(), outer.previous()), (SIGHUP | SIGINT, SignalSet::empty()));
    let expected = format!("BlockGuard(previous: {:?})", SignalSet::empty());
    assert_eq!(format!("{outer:?}"), expected);
    drop(outer);
    assert_eq!(blocked(), SignalSet::empty());
}

fn every_signal_can_be_blocked_by_itself() {
    for set in SignalSet::full().iter().filter(|signal| *signal != SIGKILL && *signal != SIGSTOP) {
        // Some systems keep their thread library's signals unblocked.
        if set.name() == Some("SIGTHR") || set.name() == Some("SIGLIBRT") {
            continue;
        }
        let _guard = BlockGuard::new(set);
        assert_eq!(blocked(), SignalSet::from(set));
    }
    assert_eq!(blocked(), SignalSet::empty());
}

fn the_whole_mask_comes_back() {
    let _outer = BlockGuard::new([SIGHUP, SIGUSR2]);
    drop(BlockGuard::new(SignalSet::full()));
    assert_eq!(blocked(), SIGHUP | SIGUSR2);
    drop(UnblockGuard::new(SignalSet::full()));
    assert_eq!(blocked(), SIGHUP | SIGUSR2);
    drop(BlockGuard::new(SignalSet::empty()));
    assert_eq!(blocked(), SIGHUP | SIGUSR2);
}

fn signals_that_cannot_be_blocked_are_left_out() {
    let _guard = BlockGuard::new(SIGKILL | SIGSTOP | SIGHUP);
    assert_eq!(blocked(), SignalSet::from(SIGHUP));
    let status = common::status_of(|| {
        let _guard = BlockGuard::new(SignalSet::full());
        raw::send_to_self(SIGKILL);
    });
    assert_eq!(status.signal(), Some(SIGKILL));
}

fn a_panic_leaves_the_region_too() {
    let left = catch_unwind(|| {
        let _guard = BlockGuard::new(SIGUSR1);
        let _inner = UnblockGuard::new(SIGHUP);
        panic_any(());
    });
    assert!(left.is_err());
    assert_eq!(blocked(), SignalSet::empty());
}

fn an_unblock_guard_lets_pending_signals_through() {
    install(SIGUSR1, &COUNT).unwrap();
    let _guard = BlockGuard::new(SIGUSR1 | SIGUSR2);
    signal::raise(SIGUSR1).unwrap();
    assert_eq!(count(), 0);
    let open = UnblockGuard::new(SIGUSR1);
    assert_eq!((count(), blocked()), (1, SignalSet::from(SIGUSR2)));
    drop(open);
    signal::raise(SIGUSR1).unwrap();
    assert_eq!(count(), 1);
}

fn each_thread_has_its_own_mask() {
    let (to_main, from_thread) = mpsc::channel();
    let (to_thread, from_main) = mpsc::channel();
    let thread = thread::spawn(move || {
        assert_eq!(blocked(), SignalSet::empty());
        let _guard = BlockGuard::new(SIGUSR1);
        to_main.send(()).unwrap();
        from_main.recv().unwrap();
        assert_eq!(
            blocked(),
            SignalSet::from(SIGUSR1),
            "what another thread blocks is not blocked here"
        );
    });
    from_thread.recv().unwrap();
    assert_eq!(blocked(), SignalSet::empty(), "what another thread blocks is not blocked here");
    let guard = BlockGuard::new(SIGUSR2);
    to_thread.send(()).unwrap();
    thread.join().unwrap();

    let inherited = thread::spawn(blocked).join().unwrap();
    assert_eq!(inherited, SignalSet::from(SIGUSR2), "a new thread inherits its creator's");
    drop(guard);
}

fn a_raised_signal_is_pending_for_its_thread_alone() {
    install(SIGUSR1, &COUNT).unwrap();
    let _guard = BlockGuard::new(SIGUSR1);
    let elsewhere = thread::spawn(|| {
        signal::raise(SIGUSR1).unwrap();
        pending().contains(SIGUSR1)
    });
    assert!(elsewhere.join().unwrap());
    assert!(!pending().contains(SIGUSR1));
    raw::send_to_self(SIGUSR1);
    assert!(pending().contains(SIGUSR1));
}

fn wait_returns_at_once_for_a_pending_signal() {
    install(SIGUSR1, &COUNT).unwrap();
    let guard = BlockGuard::new(SIGUSR1);
    for round in 1..=1000 {
        signal::raise(SIGUSR1).unwrap();
        while count() < round {
            guard.wait();
        }
        assert_eq!((count(), blocked()), (round, SignalSet::from(SIGUSR1)), "blocked again");
    }
}

fn wait_leaves_the_signals_of_outer_guards_blocked() {
    install(SIGUSR1, &COUNT).unwrap();
    install(SIGUSR2, &OTHER_COUNT).unwrap();
    let outer = BlockGuard::new(SIGUSR1);
    let inner = BlockGuard::new(SIGUSR2);
    signal::raise(SIGUSR1).unwrap();
    signal::raise(SIGUSR2).unwrap();
    while OTHER_COUNT.load(SeqCst) == 0 {
        inner.wait();
    }
    assert_eq!((count(), pending().contains(SIGUSR1)), (0, true));
    drop(inner);
    while count() == 0 {
        outer.wait();
    }
    assert_eq!(blocked(), SignalSet::from(SIGUSR1));
}

/// An ignored signal does not end the wait.
/// XSH sigsuspend, DESCRIPTION
fn any_handler_ends_the_wait_and_an_ignored_signal_does_not() {
    install(SIGUSR1, &COUNT).unwrap();
    install(SIGHUP, Handler::Ignore).unwrap();
    let waited_for = SIGTERM | SIGUSR1;
    let guard = BlockGuard::new(waited_for);
    let waiter = Pid::current();
    let sender = common::fork(|| {
        for signal in [SIGHUP, SIGHUP, SIGUSR1] {
            signal::kill(waiter, signal).unwrap();
        }
        0
    });
    while count() == 0 {
        guard.wait();
    }
    assert_eq!(blocked(), waited_for);
    assert!(common::wait_for(sender).success());
}

/// The classic race: the signal of the partner may arrive between the test of the flag and the
/// sleep. If one is lost, this hangs.
fn ten_thousand_rounds_of_ping_pong_never_hang() {
    let rounds = common::scaled(10_000);
    install(SIGUSR1, &FLAG).unwrap();
    let guard = BlockGuard::new(SIGUSR1);
    let take = |guard: &BlockGuard| {
        while !FLAG.swap(false, SeqCst) {
            guard.wait();
        }
    };
    let one = Pid::current();
    let other = common::fork(|| {
        for _ in 0..rounds {
            take(&guard);
            signal::kill(one, SIGUSR1).unwrap();
        }
        0
    });
    for _ in 0..rounds {
        signal::kill(other, SIGUSR1).unwrap();
        take(&guard);
    }
    assert!(common::wait_for(other).success());
}

fn no_handler_runs_in_a_region() {
    install(SIGUSR1, &COUNT).unwrap();
    let _flood = Flood::of(&[SIGUSR1], 0);
    for _ in 0..common::scaled(2000) {
        let guard = BlockGuard::new(SIGUSR1);
        let first = count();
        (0..50).for_each(|_| assert_eq!(count(), first));
        drop(guard);
    }
    common::eventually("a signal outside the region", || count() > 100);
}

tests! {
    what_arrives_in_a_region_is_delivered_before_it_is_left,
    a_standard_signal_that_arrives_twice_in_a_region_is_delivered_once,
    guards_nest_and_know_the_previous_mask,
    every_signal_can_be_blocked_by_itself,
    the_whole_mask_comes_back,
    signals_that_cannot_be_blocked_are_left_out,
    a_panic_leaves_the_region_too,
    an_unblock_guard_lets_pending_signals_through,
    each_thread_has_its_own_mask,
    a_raised_signal_is_pending_for_its_thread_alone,
    wait_returns_at_once_for_a_pending_signal,
    wait_leaves_the_signals_of_outer_guards_blocked,
    any_handler_ends_the_wait_and_an_ignored_signal_does_not,
    ten_thousand_rounds_of_ping_pong_never_hang,
    no_handler_runs_in_a_region,
}
