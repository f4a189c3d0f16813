//! The self-pipe when it cannot: what it says, and that it leaves no trace.

mod common;

use common::load::{ready, FewDescriptors};
use common::{in_child, process, signal_state, wait_for, Gate};
use signal::{
    install, raise, Errno, Handler, SelfPipe, SignalSet, SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGSTOP, SIGTERM,
    SIGUSR1, SIGUSR2,
};
use std::process::Command;
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
            Ok(pipe) => assert_eq!((spare, pipe.pending().is_empty()), (1, true), "an eventfd needs one"),
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
    // SAFETY: the test is about what happens then.
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
        assert_eq!(pipe.pending(), SIGUSR1.into(), "what came here is here");
        raise(SIGUSR2).unwrap();
        drop(few);
        pipe.reopen().unwrap();
        assert!(ready(pipe.as_raw_fd()));
        assert_eq!(pipe.pending(), SIGUSR2.into());
    });
    assert!(!ready(pipe.as_raw_fd()) && pipe.pending().is_empty());
}

/// SIGINT is watched before SIGKILL is refused: whoever sends it meanwhile must not find it swallowed.
fn a_signal_that_comes_while_new_fails_has_its_effect() {
    for _ in 0..20 {
        let gate = Gate::new();
        let child = common::fork(|| {
            // What a shell starts in the background ignores it.
            install(SIGINT, Handler::Default).unwrap();
            let start = std::time::Instant::now();
            let in_time = |_: &u64| start.elapsed() < Duration::from_secs(60);
            for number in (0..).take_while(in_time) {
                assert_eq!(SelfPipe::new(SIGINT | SIGKILL).map(drop), Err(Errno::EINVAL));
                if number == 10 {
                    gate.open();
                }
            }
            1
        });
        gate.wait();
        signal::kill(child, SIGINT).unwrap();
        assert_eq!(wait_for(child).signal(), Some(SIGINT));
    }
}

/// No process without privileges can fill the table of files of the system: strace lets the calls fail as if it were full.
fn a_full_system_is_enfile_and_leaves_no_trace() {
    if process::is_re_executed() {
        let before = signal_state();
        assert_eq!(SelfPipe::new(SIGTERM | SIGUSR1).map(drop), Err(Errno::ENFILE));
        assert_eq!(signal_state(), before);
        return;
    }
    under_strace("a_full_system_is_enfile_and_leaves_no_trace", "1+");
}

fn reopen_in_a_full_system_is_enfile_and_changes_nothing() {
    if process::is_re_executed() {
        let pipe = SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap();
        in_child(|| {
            // strace counts the calls of each process.
            drop(SelfPipe::new(SIGTERM).unwrap());
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
    under_strace("reopen_in_a_full_system_is_enfile_and_changes_nothing", "2+");
}

/// The test of this name, begun anew, where the calls that make a doorbell fail with ENFILE: which of them, says `when`.
fn under_strace(test: &str, when: &str) {
    let inject = format!("inject=/^(eventfd2?|pipe2?)$:error=ENFILE:when={when}");
    let strace = |program: &Command| {
        let mut command = Command::new("strace");
        command.args([
            "-f",
            "-q",
            "-o",
            "/dev/null",
            "-e",
            "trace=/^(eventfd2?|pipe2?)$",
            "-e",
            &inject,
            "--",
        ]);
        command.arg(program.get_program()).args(program.get_args());
        program.get_envs().for_each(|(name, value)| {
            command.env(name, value.unwrap());
        });
        command
    };
    let works = strace(&Command::new("true")).status().map_or(false, |status| status.success());
    if !works {
        common::skip("no strace here that can make a system call fail");
    }
    let output = strace(&process::re_exec(test)).output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

common::main! {
    the_thirty_third_pipe_is_enospc_until_one_is_dropped, sigkill_and_sigstop_are_einval_and_leave_no_trace,
    no_descriptor_left_is_emfile_and_leaves_no_trace, a_descriptor_closed_under_it_is_ebadf,
    without_descriptors_reopen_is_emfile_changes_nothing_and_works_later,
    a_signal_that_comes_while_new_fails_has_its_effect, a_full_system_is_enfile_and_leaves_no_trace,
    reopen_in_a_full_system_is_enfile_and_changes_nothing,
}
