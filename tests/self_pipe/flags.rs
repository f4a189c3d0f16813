//! What a self-pipe asks for: the flags of its entry, and what it leaves alone.

use crate::common::{self, raw, signal_state, wait_for, FLAG};
use signal::{
    install, query, raise, Action, Errno, Flags, Handler, Pid, SelfPipe, Signal, SignalSet,
    SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGSTOP, SIGTERM, SIGUSR1,
};
use std::io::Write;
use std::os::unix::io::AsRawFd;
use std::sync::atomic::Ordering::SeqCst;

#[cfg(has_sa_restart)]
const RESTART: Flags = Flags::RESTART;
#[cfg(not(has_sa_restart))]
const RESTART: Flags = Flags::empty();

/// Those that can be chosen.
fn chosen(signal: Signal) -> Flags {
    query(signal).unwrap().installed_flags() & (RESTART | Flags::NOCLDSTOP)
}

fn new_and_insert_choose_what_is_documented() {
    let pipe = SelfPipe::new(SIGCHLD | SIGALRM | SIGTERM).unwrap();
    pipe.insert(SIGINT).unwrap();
    assert_eq!(chosen(SIGCHLD), RESTART | Flags::NOCLDSTOP);
    assert_eq!(chosen(SIGALRM), Flags::empty());
    assert_eq!(chosen(SIGTERM), RESTART);
    assert_eq!(chosen(SIGINT), RESTART);
}

fn insert_with_sets_exactly_these() {
    let before = signal_state();
    let pipe = SelfPipe::new(SIGINT).unwrap();
    let both = RESTART | Flags::NOCLDSTOP;
    for flags in [both, RESTART, Flags::NOCLDSTOP, Flags::empty(), both] {
        for signal in [SIGCHLD, SIGALRM, SIGINT, SIGUSR1] {
            pipe.insert_with(signal, flags).unwrap();
            assert_eq!(chosen(signal), flags, "{signal}");
            let mask = query(signal).unwrap().mask();
            assert!((SignalSet::asynchronous() - mask).is_empty(), "{mask:?}");
            raise(signal).unwrap();
            assert_eq!(pipe.wait(), Ok(signal.into()));
        }
    }
    assert_eq!(pipe.watched(), SIGCHLD | SIGALRM | SIGINT | SIGUSR1);
    drop(pipe);
    assert_eq!(signal_state(), before);
}

fn insert_with_decides_over_a_function_and_another_pipe_and_both_are_restored() {
    let found = Action::new(&FLAG).restart(true);
    install(SIGUSR1, found).unwrap();
    let before = query(SIGUSR1).unwrap();
    let one = SelfPipe::new(SIGUSR1).unwrap();
    let two = SelfPipe::new(SignalSet::empty()).unwrap();
    two.insert_with(SIGUSR1, Flags::empty()).unwrap();
    assert_eq!(chosen(SIGUSR1), Flags::empty());
    one.insert(SIGUSR1).unwrap();
    assert_eq!(chosen(SIGUSR1), Flags::empty(), "the last that chose decides");
    raise(SIGUSR1).unwrap();
    assert!(FLAG.swap(false, SeqCst));
    assert_eq!((one.wait(), two.wait()), (Ok(SIGUSR1.into()), Ok(SIGUSR1.into())));
    drop(two);
    drop(one);
    assert_eq!(query(SIGUSR1), Ok(before));
}

fn insert_with_over_a_foreign_function_changes_the_two_flags_alone() {
    extern "C" fn nothing(_: libc::c_int) {}
    let handler = nothing as extern "C" fn(libc::c_int) as usize;
    raw::set(SIGUSR1, handler, libc::SA_ONSTACK, &[SIGHUP]);
    let before = raw::disposition(SIGUSR1);
    let pipe = SelfPipe::new(SIGTERM).unwrap();
    pipe.insert_with(SIGUSR1, RESTART).unwrap();
    let action = query(SIGUSR1).unwrap();
    assert_eq!(chosen(SIGUSR1), RESTART);
    assert!(action.installed_flags().contains(Flags::ONSTACK) && action.mask().contains(SIGHUP));
    pipe.remove(SIGUSR1).unwrap();
    assert_eq!(raw::disposition(SIGUSR1), before);
}

fn other_flags_and_other_signals_are_einval_and_leave_no_trace() {
    let pipe = SelfPipe::new(SIGTERM).unwrap();
    let before = signal_state();
    let bad = [Flags::RESETHAND, Flags::NODEFER, Flags::SIGINFO, Flags::from_bits_retain(0x80)];
    for flags in bad {
        for signal in [SIGTERM, SIGUSR1] {
            assert_eq!(pipe.insert_with(signal, flags | RESTART), Err(Errno::EINVAL));
        }
    }
    for signal in [SIGKILL, SIGSTOP] {
        assert_eq!(pipe.insert_with(signal, RESTART), Err(Errno::EINVAL));
    }
    assert_eq!((signal_state(), pipe.watched()), (before, SIGTERM.into()));
}

fn without_restart_a_read_ends_with_eintr_and_with_it_continues() {
    common::needs(cfg!(has_sa_restart), "no SA_RESTART here");
    let pipe = SelfPipe::new(SignalSet::empty()).unwrap();
    let me = Pid::current();
    for restart in [false, true] {
        let flags = if restart { RESTART } else { Flags::empty() };
        pipe.insert_with(SIGINT, flags).unwrap();
        let (read, write) = common::pipe();
        let child = common::fork(|| {
            // Until the reader has seen one: the first may come before it reads.
            for round in 0..20 {
                common::pause(5);
                signal::kill(me, SIGINT).unwrap();
                if restart && round == 5 {
                    (&write).write_all(b"x").unwrap();
                    return 0;
                }
            }
            0
        });
        let mut byte = 0u8;
        // SAFETY: room for a byte.
        let got = unsafe { libc::read(read.as_raw_fd(), (&mut byte as *mut u8).cast(), 1) };
        let error = Errno::last();
        match restart {
            true => assert_eq!((got, byte), (1, b'x')),
            false => assert_eq!((got, error), (-1, Errno::EINTR)),
        }
        wait_for(child);
        assert!(pipe.pending().contains(SIGINT));
    }
}

fn without_nocldstop_a_child_that_stops_is_heard() {
    let pipe = SelfPipe::new(SIGCHLD).unwrap();
    pipe.insert_with(SIGCHLD, RESTART).unwrap();
    let child = common::process::sleeper();
    signal::kill(child, SIGSTOP).unwrap();
    assert_eq!(pipe.wait(), Ok(SIGCHLD.into()));
    assert!(libc::WIFSTOPPED(common::process::wait_stopped_or_ended(child)));
    signal::kill(child, SIGKILL).unwrap();
    wait_for(child);
}

fn what_is_ignored_is_left_out() {
    let before = query(SIGTERM).unwrap();
    raw::set(SIGHUP, libc::SIG_IGN, libc::SA_RESTART, &[]);
    let ignored = raw::disposition(SIGHUP);
    let pipe = SelfPipe::new_unless_ignored(SIGHUP | SIGTERM).unwrap();
    assert_eq!(pipe.watched(), SIGTERM.into());
    assert_eq!(raw::disposition(SIGHUP), ignored);
    raise(SIGHUP).unwrap();
    raise(SIGTERM).unwrap();
    assert_eq!(pipe.wait(), Ok(SIGTERM.into()));
    drop(pipe);
    assert_eq!((raw::disposition(SIGHUP), query(SIGTERM)), (ignored, Ok(before)));
}

/// Another pipe, perhaps a library's, has replaced the ignoring disposition.
fn what_was_ignored_before_a_pipe_came_is_left_out_too() {
    install(SIGHUP, Handler::Ignore).unwrap();
    install(SIGTERM, Handler::Default).unwrap();
    let careless = SelfPipe::new(SIGHUP | SIGTERM).unwrap();
    let pipe = SelfPipe::new_unless_ignored(SIGHUP | SIGTERM).unwrap();
    assert_eq!(pipe.watched(), SIGTERM.into());
    drop(careless);
    assert_eq!(query(SIGHUP).unwrap().handler(), Handler::Ignore);
    raise(SIGHUP).unwrap();
    assert!(pipe.pending().is_empty());
}

fn unless_ignored_fails_as_new_does() {
    install(SIGHUP, Handler::Ignore).unwrap();
    let before = signal_state();
    for bad in [SIGKILL, SIGSTOP] {
        let made = SelfPipe::new_unless_ignored(SIGHUP | SIGTERM | bad);
        assert_eq!(made.map(drop), Err(Errno::EINVAL));
        assert_eq!(signal_state(), before);
    }
}

tests! {
    new_and_insert_choose_what_is_documented,
    insert_with_sets_exactly_these,
    insert_with_decides_over_a_function_and_another_pipe_and_both_are_restored,
    insert_with_over_a_foreign_function_changes_the_two_flags_alone,
    other_flags_and_other_signals_are_einval_and_leave_no_trace,
    without_restart_a_read_ends_with_eintr_and_with_it_continues,
    without_nocldstop_a_child_that_stops_is_heard,
    what_is_ignored_is_left_out,
    what_was_ignored_before_a_pipe_came_is_left_out_too,
    unless_ignored_fails_as_new_does,
}
