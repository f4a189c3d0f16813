//! The same over each event loop, with a `SelfPipe` and, where the loop takes any descriptor, with
//! a `SignalFd`.

use crate::harness::skip;
use ecosystem::loops::{Loop, Signals};
use ecosystem::process::{self, End};
use signal::{child, kill, query, Handler, Pid, Signal};
use signal::{SIGCHLD, SIGTERM, SIGUSR1, SIGUSR2};
use std::cell::Cell;
use std::collections::HashSet;
use std::io::{pipe, Read, Write};
use std::sync::Arc;

/// A test that hangs dies by SIGALRM after so long.
const LIMIT: u32 = 120;

#[allow(clippy::arc_with_non_send_sync)] // a `SignalFd` stays on its thread
fn open<S: Signals>(set: impl Into<signal::SignalSet>) -> Arc<S> {
    process::limit(LIMIT);
    Arc::new(S::open(set.into()).unwrap())
}

fn new_loop<S: Signals, L: Loop<S>>() -> L {
    if L::NEEDS_IO_URING {
        // SAFETY: no parameters: fails in any case, with EFAULT where there is an io_uring.
        unsafe { libc::syscall(libc::SYS_io_uring_setup, 8, 0) };
        let error = std::io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::EFAULT) {
            skip(&format!("there is no io_uring here: {error}"));
        }
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: room for the limit.
        unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut limit) };
        if limit.rlim_cur < 8 << 20 {
            skip("io_uring may lock too little memory here: ulimit -l");
        }
    }
    L::new().unwrap()
}

/// To the process, so that any thread may take it.
fn send(signal: Signal) {
    kill(Pid::current(), signal).unwrap();
}

pub fn sigterm_arrives<S: Signals, L: Loop<S>>() {
    let signals = open::<S>(SIGTERM);
    let parent = Pid::current();
    let sender = process::fork(|| kill(parent, SIGTERM).map_or(1, |()| 0));
    let mut event_loop = new_loop::<S, L>();
    event_loop.listen(signals, |arrived| !arrived.contains(SIGTERM)).unwrap();
    assert_eq!(process::wait(sender).1, End::Exit(0));
}

pub fn every_child_is_reaped<S: Signals, L: Loop<S>>() {
    const CHILDREN: i32 = 100;
    let signals = open::<S>(SIGCHLD);
    let mut running: HashSet<_> = (0..CHILDREN).map(|code| process::fork(move || code)).collect();
    let mut event_loop = new_loop::<S, L>();
    let reap = |arrived: signal::SignalSet| {
        if arrived.contains(SIGCHLD) {
            for exited in child::reap_any() {
                assert!(running.remove(&exited.unwrap().pid.as_raw()));
            }
        }
        !running.is_empty()
    };
    event_loop.listen(signals, reap).unwrap();
}

const SIGNALS: usize = 100_000;

/// A process sends one, waits until it is acknowledged, and sends the next: one that is lost would
/// be the last.
pub fn every_signal_is_acknowledged<S: Signals, L: Loop<S>>() {
    let signals = open::<S>(SIGUSR1);
    let (mut acknowledged, mut acknowledge) = pipe().unwrap();
    let parent = Pid::current();
    let sender = process::fork(|| {
        process::limit(0);
        for _ in 0..SIGNALS {
            kill(parent, SIGUSR1).unwrap();
            acknowledged.read_exact(&mut [0]).unwrap();
        }
        0
    });
    let (mut seen, mut event_loop) = (0, new_loop::<S, L>());
    let answer = |arrived: signal::SignalSet| {
        if arrived.contains(SIGUSR1) {
            acknowledge.write_all(&[0]).unwrap();
            seen += 1;
        }
        seen < SIGNALS
    };
    event_loop.listen(signals, answer).unwrap();
    assert_eq!(process::wait(sender).1, End::Exit(0));
}

/// Two signals make one edge; one that comes after a look and before the next sleep makes another.
pub fn each_look_makes_room_for_an_edge<S: Signals, L: Loop<S>>() {
    const ROUNDS: usize = 1_000;
    let signals = open::<S>(SIGUSR1 | SIGUSR2);
    send(SIGUSR1);
    send(SIGUSR2);
    let (mut heard, mut event_loop) = (0, new_loop::<S, L>());
    let again = |arrived: signal::SignalSet| {
        if arrived.contains(SIGUSR2) {
            heard += 1;
            send(SIGUSR1);
            send(SIGUSR2);
        }
        heard < ROUNDS
    };
    event_loop.listen(signals.clone(), again).unwrap();
    assert_eq!(signals.pending(), SIGUSR1 | SIGUSR2);
}

pub fn deregisters_and_registers_again<S: Signals, L: Loop<S>>() {
    let signals = open::<S>(SIGUSR1);
    let mut event_loop = new_loop::<S, L>();
    for _ in 0..20 {
        // In between, when nobody waits; and then while it waits.
        send(SIGUSR1);
        for _ in 0..2 {
            let parent = Pid::current();
            let heard = |arrived: signal::SignalSet| !arrived.contains(SIGUSR1);
            event_loop.listen(signals.clone(), heard).unwrap();
            let sender = process::fork(|| kill(parent, SIGUSR1).map_or(1, |()| 0));
            event_loop.listen(signals.clone(), heard).unwrap();
            assert_eq!(process::wait(sender).1, End::Exit(0));
            send(SIGUSR1);
        }
        assert_eq!(signals.pending(), SIGUSR1.into());
    }
}

/// What a forked child does: the pipe becomes its own, and a new loop waits for it, on a thread
/// that the parent's loop has never run on.
fn in_child<S: Signals + Send + Sync, L: Loop<S>>(pipe: Arc<S>, parent: Pid) -> i32 {
    pipe.reopen().unwrap();
    std::thread::spawn(move || {
        let (mut left, mut event_loop) = (100, L::InChild::new().unwrap());
        let hear = |arrived: signal::SignalSet| {
            if arrived.contains(SIGUSR1) {
                left -= 1;
            }
            if left > 0 {
                send(SIGUSR1);
            }
            left > 0
        };
        event_loop.listen(pipe, hear).unwrap();
    })
    .join()
    .unwrap();
    kill(parent, SIGTERM).unwrap();
    0
}

pub fn a_forked_child_has_a_loop_of_its_own<S: Signals + Send + Sync, L: Loop<S>>() {
    let pipe = open::<S>(SIGUSR1 | SIGTERM);
    let (parent, child) = (Pid::current(), Cell::new(None));
    let mut event_loop = new_loop::<S, L>();
    send(SIGUSR1);
    let fork_once = |arrived: signal::SignalSet| {
        if arrived.contains(SIGUSR1) {
            assert_eq!(child.get(), None, "the parent has heard what its child did");
            let forked = process::fork(|| in_child::<S, L>(pipe.clone(), parent));
            child.set(Some(forked));
        }
        !arrived.contains(SIGTERM)
    };
    event_loop.listen(pipe.clone(), fork_once).unwrap();
    assert_eq!(process::wait(child.get().unwrap()).1, End::Exit(0));
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// How many descriptors there are more after `round`.
fn left_behind(round: impl FnOnce()) -> usize {
    let before = descriptors();
    round();
    descriptors() - before
}

pub fn nothing_is_left_behind<S: Signals, L: Loop<S>>() {
    let round = |pipe_first: bool| {
        let (signals, mut event_loop) = (open::<S>(SIGTERM), new_loop::<S, L>());
        send(SIGTERM);
        let listened = event_loop.listen(signals.clone(), |set| !set.contains(SIGTERM));
        listened.unwrap();
        if pipe_first {
            drop(signals);
            drop(event_loop);
        } else {
            drop(event_loop);
            drop(signals);
        }
    };
    // For what stays: a reactor that is one for the process.
    round(true);
    for pipe_first in [true, false, true] {
        assert_eq!(left_behind(|| round(pipe_first)), L::LEAKS);
        assert_eq!(query(SIGTERM).unwrap().handler(), Handler::Default);
        assert!(!signal::blocked().contains(SIGTERM));
    }
}

macro_rules! over {
    ($signals:ident with $event_loop:ty: $($name:ident)*) => {
        $(fn $name() {
            super::super::$name::<$signals, $event_loop>();
        })*
        tests! { $($name),* }
    };
}

macro_rules! loops {
    ($($module:ident: $file:ident::$event_loop:ident $(and $signal_fd:ident)?),* $(,)?) => {
        $(pub mod $module {
            pub mod self_pipe {
                use ecosystem::loops::$file::$event_loop;
                use signal::SelfPipe;
                over! { SelfPipe with $event_loop:
                    sigterm_arrives every_child_is_reaped every_signal_is_acknowledged
                    each_look_makes_room_for_an_edge deregisters_and_registers_again
                    a_forked_child_has_a_loop_of_its_own nothing_is_left_behind
                }
            }
            $(pub mod signal_fd {
                use ecosystem::loops::$file::$event_loop;
                use signal::$signal_fd;
                over! { $signal_fd with $event_loop:
                    sigterm_arrives every_child_is_reaped every_signal_is_acknowledged
                    each_look_makes_room_for_an_edge deregisters_and_registers_again
                    nothing_is_left_behind
                }
            })?
        })*
        pub const TESTS: &[&[crate::harness::Test]] = &[
            $($module::self_pipe::TESTS, $(loops!(@ $module $signal_fd),)?)*
        ];
    };
    (@ $module:ident $signal_fd:ident) => { $module::signal_fd::TESTS };
}

loops! {
    async_io: async_io::AsyncIo and SignalFd,
    calloop: calloop::Calloop and SignalFd,
    glommio: glommio::Glommio,
    mio: mio::Mio and SignalFd,
    monoio: monoio::OverUring and SignalFd,
    monoio_epoll: monoio::OverEpoll and SignalFd,
    polling: polling::Polling and SignalFd,
    smol: smol::Smol and SignalFd,
    tokio: tokio::Tokio and SignalFd,
}
