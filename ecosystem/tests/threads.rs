//! A signal that is being delivered on one thread while a pipe stops watching on another.

use ecosystem::neighbours::{self, CHAINS, NUMBER};
use ecosystem::process::{self, End};
use signal::{query, raise, Handler, SelfPipe, SIGUSR1};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;

const ROUNDS: u32 = 5_000;

/// Where two threads meet, without a system call: the two then go on at once.
struct Meeting(AtomicU32);

impl Meeting {
    const fn new() -> Meeting {
        Meeting(AtomicU32::new(0))
    }

    fn meet(&self, round: u32) {
        self.0.fetch_add(1, SeqCst);
        let mut turns = 0_u32;
        while self.0.load(SeqCst) < 2 * round {
            turns += 1;
            if turns.is_multiple_of(1_000) {
                thread::yield_now();
            }
            std::hint::spin_loop();
        }
    }
}

/// Now one of the two is a little later, now the other.
fn wait_a_little(round: u32) {
    (0..round % 61 * 8).for_each(|_| std::hint::spin_loop());
}

/// The end of a process in which the signal comes while the last pipe stops watching, with this
/// code if it hears.
fn last_pipe_leaves(round: u32, heard: i32) -> End {
    process::run(|| {
        let meeting = &Meeting::new();
        let pipe = SelfPipe::new(SIGUSR1).unwrap();
        thread::scope(|scope| {
            scope.spawn(move || {
                meeting.meet(1);
                wait_a_little(round);
                raise(SIGUSR1).unwrap();
            });
            meeting.meet(1);
            wait_a_little(round / 61);
            pipe.remove(SIGUSR1).unwrap();
        });
        if pipe.pending().contains(SIGUSR1) {
            heard
        } else {
            0
        }
    })
}

/// `remove`, look, drop, over the default: the pipe has heard, or the process dies.
fn the_last_pipe_or_the_default_gets_the_signal() {
    let (mut heard, mut died) = (0, 0);
    for round in 0..ROUNDS {
        match last_pipe_leaves(round, 7) {
            End::Exit(7) => heard += 1,
            End::Signal(NUMBER) => died += 1,
            other => panic!("round {round}: {other:?}, after {heard} heard and {died} died"),
        }
    }
    println!("{heard} heard, {died} died");
    assert!(heard > 0 && died > 0, "the two did not meet: {heard} heard, {died} died");
}

/// Rounds in which a thread raises the signal while this one drops a pipe; then `is_heard`.
fn while_a_pipe_leaves(is_heard: impl Fn(u32)) {
    let meeting = &Meeting::new();
    thread::scope(|scope| {
        scope.spawn(move || {
            for round in 0..ROUNDS {
                meeting.meet(2 * round + 1);
                wait_a_little(round);
                raise(SIGUSR1).unwrap();
                meeting.meet(2 * round + 2);
            }
        });
        for round in 0..ROUNDS {
            let pipe = SelfPipe::new(SIGUSR1).unwrap();
            meeting.meet(2 * round + 1);
            wait_a_little(round / 61);
            drop(pipe);
            meeting.meet(2 * round + 2);
            is_heard(round);
        }
    });
}

fn the_function_below_gets_each_signal_once() {
    neighbours::install_chains();
    while_a_pipe_leaves(|round| assert_eq!(CHAINS.swap(0, SeqCst), 1, "round {round}"));
}

fn the_pipe_of_another_version_below_gets_each_signal() {
    let below = second::SelfPipe::new(second::SIGUSR1).unwrap();
    while_a_pipe_leaves(|round| assert!(!below.pending().is_empty(), "round {round}"));
}

fn the_other_pipe_gets_each_signal() {
    let other = SelfPipe::new(SIGUSR1).unwrap();
    while_a_pipe_leaves(|round| assert_eq!(other.pending(), SIGUSR1.into(), "round {round}"));
    drop(other);
    assert_eq!(query(SIGUSR1).unwrap().handler(), Handler::Default);
}

tests! {
    the_last_pipe_or_the_default_gets_the_signal,
    the_function_below_gets_each_signal_once,
    the_pipe_of_another_version_below_gets_each_signal,
    the_other_pipe_gets_each_signal,
}
