//! The self-pipe in one process: what it reports and what it restores. Previous handlers are in
//! `chain`, failures in `errors`, children in `fork` and `vfork`, threads and floods in `load`.

pub mod chain;
pub mod errors;
pub mod flags;
pub mod fork;
pub mod load;
pub mod queue;
pub mod vfork;
pub mod wake;

use crate::common::load::{ready, Flood};
use crate::common::{self, in_child, raw, status_of};
use signal::{
    query, raise, Errno, Handler, SelfPipe, Signal, SignalSet, SIGCHLD, SIGHUP, SIGINT, SIGKILL,
    SIGSTOP, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH,
};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// What has arrived, by readiness and by content.
fn arrived(pipe: &SelfPipe) -> SignalSet {
    let readable = ready(pipe.as_raw_fd());
    let set = pipe.pending();
    assert_eq!(readable, !set.is_empty(), "{set:?}");
    assert!(pipe.pending().is_empty() && !ready(pipe.as_raw_fd()));
    set
}

pub(crate) fn is_nonblocking_and_closed_on_exec(fd: i32) -> bool {
    // SAFETY: asks for flags.
    let (flags, status) =
        unsafe { (libc::fcntl(fd, libc::F_GETFD), libc::fcntl(fd, libc::F_GETFL)) };
    flags & libc::FD_CLOEXEC != 0 && status & libc::O_NONBLOCK != 0
}

static OTHERS: AtomicUsize = AtomicUsize::new(0);

fn reports_every_signal_that_can_be_watched_by_its_number() {
    // The standard library catches SIGSEGV and SIGBUS, and restores the default for all but faults
    // in the guard page of a stack.
    let usable = |signal: &Signal| {
        let plain =
            |action: signal::Action| matches!(action.handler(), Handler::Default | Handler::Ignore);
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

/// An eventfd and a pipe alike would show more than one write.
fn a_burst_notifies_once() {
    let pipe = SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap();
    for _ in 0..3 {
        for _ in 0..1000 {
            raise(SIGUSR1).unwrap();
            raise(SIGUSR2).unwrap();
        }
        let mut writes = [0u64; 8];
        // SAFETY: room for as much as is asked for.
        let read = unsafe { libc::read(pipe.as_raw_fd(), writes.as_mut_ptr().cast(), 64) };
        assert_eq!((read, writes[0]), (8, 1));
        assert_eq!(pipe.pending(), SIGUSR1 | SIGUSR2);
    }
}

fn waiting_ends_at_the_deadline_under_a_flood_of_other_signals() {
    signal::install(SIGUSR2, signal::Action::new(&OTHERS).restart(false)).unwrap();
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    assert_eq!(pipe.wait_timeout(Duration::ZERO), Ok(None));
    let _flood = Flood::of(&[SIGUSR2], 1);
    let timeout = Duration::from_millis(100);
    common::eventually("other signals arrive while it waits", || {
        let (before, start) = (OTHERS.load(SeqCst), Instant::now());
        assert_eq!(pipe.wait_timeout(timeout), Ok(None));
        assert!(start.elapsed() >= timeout);
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        OTHERS.load(SeqCst) > before + 2
    });
    raise(SIGUSR1).unwrap();
    assert_eq!(pipe.wait_timeout(Duration::MAX), Ok(Some(SIGUSR1.into())));
}

fn wait_continues_after_other_signals() {
    signal::install(SIGUSR2, signal::Action::new(&OTHERS).restart(false)).unwrap();
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    let me = signal::Pid::current();
    let child = common::fork(|| {
        for _ in 0..20 {
            signal::kill(me, SIGUSR2).unwrap();
            common::pause(1);
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
    assert_eq!(pipe.pending(), SIGTERM | SIGWINCH, "a signal that had arrived can still be read");
    raise(SIGWINCH).unwrap();
    assert!(pipe.pending().is_empty());
    pipe.remove(SIGTERM).unwrap();
    assert_eq!((query(SIGTERM), pipe.watched().is_empty()), (Ok(term), true));
    assert_eq!(pipe.insert(SIGKILL), Err(Errno::EINVAL));
    pipe.insert(SIGTERM).unwrap();
    raise(SIGTERM).unwrap();
    assert_eq!(pipe.wait(), Ok(SIGTERM.into()));
}

fn several_pipes_on_one_signal_are_each_notified_once() {
    let pipes: Vec<_> = (0..32).map(|_| SelfPipe::new(SIGUSR1 | SIGTERM).unwrap()).collect();
    for _ in 0..3 {
        raise(SIGUSR1).unwrap();
        assert!(pipes.iter().all(|pipe| ready(pipe.as_raw_fd())));
        assert!(pipes.iter().all(|pipe| pipe.pending() == SIGUSR1.into()));
        assert!(pipes.iter().all(|pipe| pipe.pending().is_empty() && !ready(pipe.as_raw_fd())));
    }
}

fn pipes_on_different_signals_do_not_disturb_each_other() {
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
    let killed = |body: fn()| status_of(body).signal() == Some(SIGTERM);
    assert!(killed(|| {
        let pipe = SelfPipe::new(SIGTERM).unwrap();
        raise(SIGTERM).unwrap();
        drop(pipe);
        raise(SIGTERM).unwrap();
    }));
    let two_pipes = |left: usize| {
        let mut pipes =
            vec![SelfPipe::new(SIGTERM).unwrap(), SelfPipe::new(SIGTERM | SIGINT).unwrap()];
        pipes.truncate(left);
        raise(SIGTERM).unwrap();
        assert!(pipes.iter().all(|pipe| pipe.pending() == SIGTERM.into()));
    };
    in_child(|| two_pipes(2));
    in_child(|| two_pipes(1));
    assert!(killed(|| {
        let (one, two) = (SelfPipe::new(SIGTERM).unwrap(), SelfPipe::new(SIGTERM).unwrap());
        drop(one);
        drop(two);
        raise(SIGTERM).unwrap();
    }));
}

fn a_slot_that_is_used_again_has_nothing_of_the_previous_pipe() {
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

/// Fills the wake descriptor, an eventfd or a pipe, from outside.
fn errno_is_kept_although_the_wake_descriptor_is_full() {
    let before = common::open_descriptors();
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    let ours = common::open_descriptors();
    let write = *ours.iter().rev().find(|fd| !before.contains(fd)).unwrap();
    for _ in 0..2 {
        raw::fail_with_ebadf();
        raw::send_to_self(SIGUSR1);
        assert_eq!(Errno::last(), Errno::EBADF);
        assert_eq!(pipe.pending(), SIGUSR1.into());
        let most = u64::MAX - 1;
        // SAFETY: eight bytes.
        while unsafe { libc::write(write, (&most as *const u64).cast(), 8) } == 8 {}
        assert_eq!(Errno::last(), Errno::EAGAIN);
        raw::fail_with_ebadf();
        raw::send_to_self(SIGUSR1);
        assert_eq!(Errno::last(), Errno::EBADF);
        assert_eq!(pipe.wait(), Ok(SIGUSR1.into()));
        assert!(!ready(pipe.as_raw_fd()), "all of it is drained");
    }
}

fn its_descriptors_do_not_block_and_do_not_survive_exec() {
    let before = common::open_descriptors();
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    for fd in common::open_descriptors().into_iter().filter(|fd| !before.contains(fd)) {
        assert!(is_nonblocking_and_closed_on_exec(fd));
    }
    fn shareable<T: Send + Sync + std::fmt::Debug>(_: &T) {}
    shareable(&pipe);
}

#[cfg(feature = "std")]
fn its_descriptor_can_be_borrowed() {
    use std::os::unix::io::{AsFd, AsRawFd};
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    assert_eq!(AsRawFd::as_raw_fd(&pipe), pipe.as_fd().as_raw_fd());
    assert_eq!(pipe.as_raw_fd(), pipe.as_fd().as_raw_fd());
}

fn an_ignored_signal_is_watched_and_then_ignored_again() {
    signal::install(SIGCHLD, Handler::Ignore).unwrap();
    let pipe = SelfPipe::new(SIGCHLD).unwrap();
    let child = common::fork(|| 7);
    assert_eq!(pipe.wait(), Ok(SIGCHLD.into()));
    assert_eq!(common::wait_for(child).code(), Some(7), "while it is watched, statuses are kept");
    drop(pipe);
    assert_eq!(query(SIGCHLD).unwrap().handler(), Handler::Ignore);
}

/// Whichever of their numbers the system would give out.
fn its_descriptor_is_never_a_standard_one() {
    for closed in 0..3 {
        in_child(|| {
            // SAFETY: nobody uses it any more.
            unsafe { libc::close(closed) };
            let pipe = SelfPipe::new(SIGHUP).unwrap();
            assert!(pipe.as_raw_fd() > 2);
            assert!(!common::open_descriptors().contains(&closed));
            raise(SIGHUP).unwrap();
            assert_eq!(pipe.pending(), SIGHUP.into());
        });
    }
}

fn what_it_is_for_can_be_printed() {
    let pipe = SelfPipe::new(SIGHUP | SIGTERM).unwrap();
    let expected =
        format!("SelfPipe {{ fd: {}, watched: {:?} }}", pipe.as_raw_fd(), SIGHUP | SIGTERM);
    assert_eq!(format!("{pipe:?}"), expected);
}

tests! {
    its_descriptor_is_never_a_standard_one,
    what_it_is_for_can_be_printed,
    reports_every_signal_that_can_be_watched_by_its_number,
    is_readable_from_the_first_signal_until_it_is_read,
    a_burst_notifies_once,
    waiting_ends_at_the_deadline_under_a_flood_of_other_signals,
    wait_continues_after_other_signals,
    insert_and_remove_change_what_is_watched,
    several_pipes_on_one_signal_are_each_notified_once,
    pipes_on_different_signals_do_not_disturb_each_other,
    sigterm_kills_again_after_the_last_pipe,
    a_slot_that_is_used_again_has_nothing_of_the_previous_pipe,
    errno_is_kept_although_the_wake_descriptor_is_full,
    its_descriptors_do_not_block_and_do_not_survive_exec,
    #[cfg(feature = "std")]
    its_descriptor_can_be_borrowed,
    an_ignored_signal_is_watched_and_then_ignored_again,
}
