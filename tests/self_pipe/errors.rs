//! The self-pipe when it fails: the errors, and that nothing has changed.

use crate::common::load::{ready, FewDescriptors};
use crate::common::process::is_re_executed;
use crate::common::strace::with_failing;
use crate::common::{fork, in_child, signal_state, wait_for, Latch};
use signal::{
    install, raise, Errno, Handler, SelfPipe, SignalSet, SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGSTOP,
    SIGTERM, SIGUSR1, SIGUSR2,
};
use std::time::Duration;

fn the_thirty_third_pipe_is_enospc_until_one_is_dropped() {
    let mut pipes: Vec<_> = (0..32).map(|_| SelfPipe::new(SIGUSR1).unwrap()).collect();
    let before = signal_state();
    assert_eq!(SelfPipe::new(SIGUSR1 | SIGUSR2).map(drop), Err(Errno::ENOSPC));
    assert_eq!(signal_state(), before);
    drop(pipes.remove(7));
    pipes.push(SelfPipe::new(SIGUSR2).unwrap());
    assert_eq!(SelfPipe::new(SignalSet::empty()).map(drop), Err(Errno::ENOSPC));
    raise(SIGUSR2).unwrap();
    raise(SIGUSR1).unwrap();
    let last = pipes.pop().unwrap();
    assert_eq!(last.pending(), SIGUSR2.into());
    assert!(pipes.iter().all(|pipe| pipe.pending() == SIGUSR1.into()));
}

fn sigkill_and_sigstop_are_einval_and_leave_no_trace() {
    let _term = SelfPipe::new(SIGTERM).unwrap();
    let before = signal_state();
    for bad in [SIGKILL, SIGSTOP] {
        for set in [SignalSet::from(bad), SignalSet::full(), SIGHUP | SIGTERM | SIGCHLD | bad] {
            assert_eq!(SelfPipe::new(set).map(drop), Err(Errno::EINVAL));
            assert_eq!(signal_state(), before);
        }
    }
    raise(SIGTERM).unwrap();
}

fn no_descriptor_left_is_emfile_and_leaves_no_trace() {
    for spare in 0..2 {
        let few = FewDescriptors::new(spare);
        let before = signal_state();
        match SelfPipe::new(SIGTERM | SIGUSR1) {
            Err(error) => assert_eq!(error, Errno::EMFILE),
            Ok(pipe) => {
                assert_eq!((spare, pipe.pending().is_empty()), (1, true), "an eventfd needs one");
            }
        }
        assert_eq!(signal_state(), before);
        drop(few);
    }
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    raise(SIGUSR1).unwrap();
    assert_eq!(pipe.wait(), Ok(SIGUSR1.into()));
}

fn a_descriptor_closed_under_it_is_ebadf() {
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    // SAFETY: a pipe whose descriptor is gone only fails, which the test shows.
    assert_eq!(unsafe { libc::close(pipe.as_raw_fd()) }, 0);
    assert_eq!(pipe.wait(), Err(Errno::EBADF));
    assert_eq!(pipe.wait_timeout(Duration::from_secs(3600)), Err(Errno::EBADF));
    assert!(pipe.pending().is_empty());
}

fn without_descriptors_reopen_is_emfile_changes_nothing_and_works_later() {
    let pipe = SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap();
    in_child(|| {
        raise(SIGUSR1).unwrap();
        let few = FewDescriptors::new(0);
        let before = signal_state();
        assert_eq!(pipe.reopen(), Err(Errno::EMFILE));
        assert_eq!(pipe.wait(), Err(Errno::EMFILE));
        assert_eq!(signal_state(), before);
        assert_eq!(pipe.pending(), SIGUSR1.into(), "what arrived in the child is there");
        raise(SIGUSR2).unwrap();
        drop(few);
        pipe.reopen().unwrap();
        assert!(ready(pipe.as_raw_fd()));
        assert_eq!(pipe.pending(), SIGUSR2.into());
    });
    assert!(!ready(pipe.as_raw_fd()) && pipe.pending().is_empty());
}

/// SIGINT is watched before SIGKILL is refused: one that arrives in between must not be lost.
fn a_signal_that_arrives_while_new_fails_has_its_effect() {
    for _ in 0..20 {
        let latch = Latch::new();
        let child = fork(|| {
            // A shell has background jobs ignore it.
            install(SIGINT, Handler::Default).unwrap();
            let start = std::time::Instant::now();
            let in_time = |_: &u64| start.elapsed() < Duration::from_secs(60);
            for number in (0..).take_while(in_time) {
                assert_eq!(SelfPipe::new(SIGINT | SIGKILL).map(drop), Err(Errno::EINVAL));
                if number == 10 {
                    latch.open();
                }
            }
            1
        });
        latch.wait();
        signal::kill(child, SIGINT).unwrap();
        assert_eq!(wait_for(child).signal(), Some(SIGINT));
    }
}

/// No process without privileges can fill the file table of the system: strace makes the calls fail
/// as if it were full.
fn a_full_system_is_enfile_and_leaves_no_trace() {
    if is_re_executed() {
        let before = signal_state();
        assert_eq!(SelfPipe::new(SIGTERM | SIGUSR1).map(drop), Err(Errno::ENFILE));
        assert_eq!(signal_state(), before);
        return;
    }
    in_a_full_system("1+");
}

fn reopen_in_a_full_system_is_enfile_and_changes_nothing() {
    if is_re_executed() {
        let pipe = SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap();
        in_child(|| {
            // strace counts the calls of each process, and each kind by itself.
            drop(SelfPipe::new(SIGTERM).unwrap());
            #[cfg(all(has_eventfd, has_pipe2))]
            // SAFETY: room for two descriptors, which are closed.
            unsafe {
                let mut fds = [-1; 2];
                assert_eq!(libc::pipe2(fds.as_mut_ptr(), 0), 0);
                fds.iter().for_each(|fd| assert_eq!(libc::close(*fd), 0));
            }
            raise(SIGUSR1).unwrap();
            let before = signal_state();
            assert_eq!(pipe.reopen(), Err(Errno::ENFILE));
            assert_eq!(pipe.wait_timeout(Duration::ZERO), Err(Errno::ENFILE));
            assert_eq!(signal_state(), before);
            assert_eq!(pipe.pending(), SIGUSR1.into());
        });
        raise(SIGUSR2).unwrap();
        assert_eq!(pipe.wait(), Ok(SIGUSR2.into()));
        return;
    }
    in_a_full_system("2+");
}

/// Starts the current test again, where making a wake descriptor fails; `when` says from which call
/// on.
fn in_a_full_system(when: &str) {
    with_failing("/^(eventfd2?|pipe2?)$", "ENFILE", when);
}

tests! {
    the_thirty_third_pipe_is_enospc_until_one_is_dropped,
    sigkill_and_sigstop_are_einval_and_leave_no_trace,
    no_descriptor_left_is_emfile_and_leaves_no_trace,
    a_descriptor_closed_under_it_is_ebadf,
    without_descriptors_reopen_is_emfile_changes_nothing_and_works_later,
    a_signal_that_arrives_while_new_fails_has_its_effect,
    a_full_system_is_enfile_and_leaves_no_trace,
    reopen_in_a_full_system_is_enfile_and_changes_nothing,
}
