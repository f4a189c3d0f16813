//! The self-pipe in one process: what it reports, what it restores, what it says when it cannot.
//! Forks are in `self_pipe_fork`, handlers that were there before in `self_pipe_chain`, threads and floods in
//! `self_pipe_load`.

mod common;

use common::load::{ready, Rain};
use signal::{
    query, raise, Errno, Handler, SelfPipe, Signal, SignalSet, SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGSTOP,
    SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH,
};
use std::os::unix::io::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

static OTHERS: AtomicUsize = AtomicUsize::new(0);

fn reports_every_signal_that_can_be_watched_by_its_number() {
    // The standard library catches SIGSEGV and SIGBUS, and gives up on those that are no faults of its own stack.
    let usable = |signal: &Signal| {
        let plain = |action: signal::Action| matches!(action.handler(), Handler::Default | Handler::Ignore);
        ![SIGKILL, SIGSTOP].contains(signal)
            && SignalSet::full().contains(*signal)
            && query(*signal).map_or(false, plain)
    };
    let all: Vec<Signal> = Signal::all().filter(usable).collect();
    assert!(all.len() > 20);
    let pipe = SelfPipe::new(all.iter().copied().collect::<SignalSet>()).unwrap();
    assert_eq!(pipe.watched().iter().collect::<Vec<_>>(), all);
    for signal in &all {
        raise(*signal).unwrap();
        assert_eq!(pipe.pending(), SignalSet::from(*signal));
    }
    all.iter().for_each(|signal| raise(*signal).unwrap());
    assert_eq!(pipe.wait(), Ok(pipe.watched()));
    assert!(pipe.pending().is_empty());
}

fn is_readable_from_the_first_signal_until_it_is_read() {
    let pipe = SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap();
    for signals in [vec![SIGUSR1], vec![SIGUSR2, SIGUSR1], vec![SIGUSR1; 3]] {
        assert!(!ready(pipe.as_raw_fd()));
        assert!(pipe.pending().is_empty());
        assert!(!ready(pipe.as_raw_fd()));
        signals.iter().for_each(|signal| raise(*signal).unwrap());
        assert!(ready(pipe.as_raw_fd()));
        assert_eq!(pipe.pending(), signals.into_iter().collect());
    }
}

/// Each write to the doorbell, an eventfd or a pipe, would be there to be counted.
fn a_burst_writes_to_the_doorbell_once() {
    let pipe = SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap();
    for _ in 0..3 {
        for _ in 0..1000 {
            raise(SIGUSR1).unwrap();
            raise(SIGUSR2).unwrap();
        }
        let mut rings = [0u64; 8];
        // SAFETY: room for as much as is asked for.
        let read = unsafe { libc::read(pipe.as_raw_fd(), rings.as_mut_ptr().cast(), 64) };
        assert_eq!((read, rings[0]), (8, 1));
        assert_eq!(pipe.pending(), SIGUSR1 | SIGUSR2);
    }
}

fn waiting_ends_at_the_deadline_under_a_rain_of_other_signals() {
    signal::install(SIGUSR2, signal::Action::new(&OTHERS).restart(false)).unwrap();
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    assert_eq!(pipe.wait_timeout(Duration::ZERO), Ok(None));
    let _rain = Rain::of(&[SIGUSR2], 1);
    let timeout = Duration::from_millis(100);
    common::eventually("it rains while it waits", || {
        let (before, start) = (OTHERS.load(SeqCst), Instant::now());
        assert_eq!(pipe.wait_timeout(timeout), Ok(None));
        assert!(start.elapsed() >= timeout);
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        OTHERS.load(SeqCst) > before + 2
    });
    raise(SIGUSR1).unwrap();
    assert_eq!(pipe.wait_timeout(Duration::MAX), Ok(Some(SIGUSR1.into())));
}

fn wait_sleeps_on_through_other_signals() {
    signal::install(SIGUSR2, signal::Action::new(&OTHERS).restart(false)).unwrap();
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    let me = signal::Pid::current();
    let child = common::fork(|| {
        for _ in 0..20 {
            signal::kill(me, SIGUSR2).unwrap();
            // SAFETY: no entries; a pace, nobody relies on it.
            unsafe { libc::poll(std::ptr::null_mut(), 0, 1) };
        }
        i32::from(signal::kill(me, SIGUSR1).is_err())
    });
    assert_eq!(pipe.wait(), Ok(SIGUSR1.into()));
    assert!(OTHERS.load(SeqCst) > 0);
    assert!(common::wait_for(child).success());
}

fn insert_and_remove_change_what_is_watched() {
    let (term, winch) = (query(SIGTERM).unwrap(), query(SIGWINCH).unwrap());
    let pipe = SelfPipe::new(SIGTERM).unwrap();
    pipe.insert(SIGWINCH).unwrap();
    pipe.insert(SIGWINCH).unwrap();
    assert_eq!(pipe.watched(), SIGTERM | SIGWINCH);
    raise(SIGWINCH).unwrap();
    raise(SIGTERM).unwrap();
    pipe.remove(SIGWINCH).unwrap();
    pipe.remove(SIGWINCH).unwrap();
    pipe.remove(SIGHUP).unwrap();
    assert_eq!(pipe.watched(), SIGTERM.into());
    assert_eq!(query(SIGWINCH), Ok(winch));
    raise(SIGWINCH).unwrap();
    assert_eq!(pipe.pending(), SIGTERM | SIGWINCH, "what had arrived stays to be read");
    raise(SIGWINCH).unwrap();
    assert!(pipe.pending().is_empty());
    pipe.remove(SIGTERM).unwrap();
    assert_eq!((query(SIGTERM), pipe.watched().is_empty()), (Ok(term), true));
    assert_eq!(pipe.insert(SIGKILL), Err(Errno::EINVAL));
    pipe.insert(SIGTERM).unwrap();
    raise(SIGTERM).unwrap();
    assert_eq!(pipe.wait(), Ok(SIGTERM.into()));
}

fn several_pipes_on_one_signal_are_each_told_once() {
    let pipes: Vec<_> = (0..32).map(|_| SelfPipe::new(SIGUSR1 | SIGTERM).unwrap()).collect();
    for _ in 0..3 {
        raise(SIGUSR1).unwrap();
        assert!(pipes.iter().all(|pipe| ready(pipe.as_raw_fd())));
        assert!(pipes.iter().all(|pipe| pipe.pending() == SIGUSR1.into()));
        assert!(pipes.iter().all(|pipe| pipe.pending().is_empty() && !ready(pipe.as_raw_fd())));
    }
}

fn pipes_of_different_signals_do_not_meet() {
    let before = common::signal_state();
    let (one, two) = (SelfPipe::new(SIGUSR1).unwrap(), SelfPipe::new(SIGUSR2 | SIGTERM).unwrap());
    raise(SIGUSR2).unwrap();
    assert!(!ready(one.as_raw_fd()) && one.pending().is_empty());
    let three = SelfPipe::new(SIGUSR1).unwrap();
    drop(one);
    raise(SIGUSR1).unwrap();
    assert_eq!((two.pending(), three.pending()), (SIGUSR2.into(), SIGUSR1.into()));
    drop(two);
    raise(SIGUSR1).unwrap();
    assert_eq!(three.pending(), SIGUSR1.into());
    drop(three);
    assert_eq!(common::signal_state(), before);
}

fn sigterm_kills_again_after_the_last_pipe() {
    let killed = |body: fn()| {
        let child = common::fork(|| {
            body();
            0
        });
        common::wait_for(child).signal() == Some(SIGTERM)
    };
    assert!(killed(|| {
        let pipe = SelfPipe::new(SIGTERM).unwrap();
        raise(SIGTERM).unwrap();
        drop(pipe);
        raise(SIGTERM).unwrap();
    }));
    let two_pipes = |drops: usize| {
        let mut pipes = vec![SelfPipe::new(SIGTERM).unwrap(), SelfPipe::new(SIGTERM | SIGINT).unwrap()];
        pipes.truncate(2 - drops);
        raise(SIGTERM).unwrap();
        assert!(pipes.iter().all(|pipe| pipe.pending() == SIGTERM.into()));
    };
    common::in_child(|| two_pipes(0));
    common::in_child(|| two_pipes(1));
    assert!(killed(|| {
        let (one, two) = (SelfPipe::new(SIGTERM).unwrap(), SelfPipe::new(SIGTERM).unwrap());
        drop(one);
        drop(two);
        raise(SIGTERM).unwrap();
    }));
}

fn a_slot_that_is_used_again_has_forgotten_the_pipe_before() {
    for _ in 0..100 {
        let pipe = SelfPipe::new(SIGUSR1).unwrap();
        raise(SIGUSR1).unwrap();
        drop(pipe);
        let pipe = SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap();
        assert!(!ready(pipe.as_raw_fd()) && pipe.pending().is_empty());
        raise(SIGUSR2).unwrap();
        assert_eq!(pipe.pending(), SIGUSR2.into());
    }
}

/// Fills the doorbell, an eventfd or a pipe, from outside.
fn errno_stays_although_the_doorbell_takes_no_more() {
    let before = common::open_descriptors();
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    let ours = common::open_descriptors();
    let write = *ours.iter().rev().find(|fd| !before.contains(fd)).unwrap();
    for _ in 0..2 {
        common::raw::fail_with_ebadf();
        common::raw::send_to_self(SIGUSR1);
        assert_eq!(Errno::last(), Errno::EBADF);
        assert_eq!(pipe.pending(), SIGUSR1.into());
        let most = u64::MAX - 1;
        // SAFETY: eight bytes.
        while unsafe { libc::write(write, (&most as *const u64).cast(), 8) } == 8 {}
        assert_eq!(Errno::last(), Errno::EAGAIN);
        common::raw::fail_with_ebadf();
        common::raw::send_to_self(SIGUSR1);
        assert_eq!(Errno::last(), Errno::EBADF);
        assert_eq!(pipe.wait(), Ok(SIGUSR1.into()));
        assert!(!ready(pipe.as_raw_fd()), "silenced, however loud it was");
    }
}

fn its_descriptors_do_not_block_and_do_not_survive_exec() {
    let before = common::open_descriptors();
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    for fd in common::open_descriptors().into_iter().filter(|fd| !before.contains(fd)) {
        // SAFETY: asks for flags.
        let (flags, status) = unsafe { (libc::fcntl(fd, libc::F_GETFD), libc::fcntl(fd, libc::F_GETFL)) };
        assert_eq!(
            (flags & libc::FD_CLOEXEC, status & libc::O_NONBLOCK),
            (libc::FD_CLOEXEC, libc::O_NONBLOCK)
        );
    }
    fn shareable<T: Send + Sync + AsFd + AsRawFd + std::fmt::Debug>(_: &T) {}
    shareable(&pipe);
    assert_eq!(AsRawFd::as_raw_fd(&pipe), pipe.as_fd().as_raw_fd());
    assert_eq!(pipe.as_raw_fd(), pipe.as_fd().as_raw_fd());
}

fn an_ignored_signal_is_heard_and_then_ignored_again() {
    signal::install(SIGCHLD, Handler::Ignore).unwrap();
    let pipe = SelfPipe::new(SIGCHLD).unwrap();
    let child = common::fork(|| 7);
    assert_eq!(pipe.wait(), Ok(SIGCHLD.into()));
    assert_eq!(common::wait_for(child).code(), Some(7), "while it is watched, statuses are kept");
    drop(pipe);
    assert_eq!(query(SIGCHLD).unwrap().handler(), Handler::Ignore);
}

common::main! {
    reports_every_signal_that_can_be_watched_by_its_number, is_readable_from_the_first_signal_until_it_is_read,
    a_burst_writes_to_the_doorbell_once, waiting_ends_at_the_deadline_under_a_rain_of_other_signals,
    wait_sleeps_on_through_other_signals, insert_and_remove_change_what_is_watched,
    several_pipes_on_one_signal_are_each_told_once, pipes_of_different_signals_do_not_meet,
    sigterm_kills_again_after_the_last_pipe, a_slot_that_is_used_again_has_forgotten_the_pipe_before,
    errno_stays_although_the_doorbell_takes_no_more, its_descriptors_do_not_block_and_do_not_survive_exec,
    an_ignored_signal_is_heard_and_then_ignored_again,
}
