//! The self-pipe under load: floods, threads, pipes that come and go.

use crate::common::load::{ready, shared, Flood};
use crate::common::process::is_re_executed;
use crate::common::strace::{mark, trace};
use crate::common::{self, fork, wait_for};
use signal::{
    kill, raise, BlockGuard, Pid, SelfPipe, Signal, SignalSet, UnblockGuard, SIGALRM, SIGCHLD,
    SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGWINCH,
};
#[cfg(has_raw_calls)]
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

const KINDS: [Signal; 10] =
    [SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGVTALRM, SIGPROF, SIGWINCH];

fn a_flood_of_sigchld_does_not_lose_one_sigterm() {
    let flood = common::scaled(100_000);
    let me = Pid::current();
    // SIGTERM arrives at the start, in the middle, at the end.
    for place in [0, flood / 2, flood - 1] {
        let pipe = SelfPipe::new(SIGCHLD | SIGTERM).unwrap();
        let child = fork(|| {
            let send = |number| {
                kill(me, SIGCHLD).and(if number == place { kill(me, SIGTERM) } else { Ok(()) })
            };
            i32::from((0..flood).any(|number| send(number).is_err()))
        });
        let mut seen = SignalSet::empty();
        let ended = loop {
            seen |= pipe.wait().unwrap();
            if let Some(ended) = signal::child::reap(child).unwrap() {
                break ended;
            }
        };
        seen |= pipe.pending();
        assert!(ended.status.success());
        assert_eq!(seen, SIGCHLD | SIGTERM);
    }
}

/// Whatever has raised it: between a signal and the return from its handler there is nothing.
fn the_handler_of_a_signal_that_is_yet_to_be_read_makes_no_system_call() {
    common::needs(cfg!(has_wipe_on_fork), "nothing marks a process");
    if is_re_executed() {
        let first = SelfPipe::new(SIGUSR1).unwrap();
        let _second = SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap();
        raise(SIGUSR1).unwrap();
        mark();
        (0..100).for_each(|_| raise(SIGUSR1).unwrap());
        mark();
        assert_eq!(first.pending(), SIGUSR1.into());
        return;
    }
    let text = trace();
    let lines: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("getppid(")).collect();
    let after = |wanted: &'static str| {
        let follow = lines.windows(2).filter(|pair| pair[0].starts_with("--- SIGUSR1 "));
        follow.filter(|pair| pair[1].starts_with(wanted)).count()
    };
    assert_eq!((after(""), after("rt_sigreturn(")), (100, 100), "{text}");
}

#[repr(C)]
struct Shared {
    round: AtomicUsize,
    /// How often a sender has finished a round.
    done: AtomicUsize,
    /// For each kind: counted before the signal is sent.
    sent: [AtomicUsize; KINDS.len()],
}

/// When the pipe reports a kind, the reader has seen all signals of it that are counted by then. At
/// the end of a round the last signal of each kind must have been seen.
fn a_million_signals_of_ten_kinds_from_four_processes_lose_no_kind() {
    const SENDERS: usize = 4;
    const ROUNDS: usize = 250;
    let each = common::scaled(1_000_000) / SENDERS / ROUNDS;
    let each = each.max(KINDS.len());
    let pipe = SelfPipe::new(KINDS.iter().copied().collect::<SignalSet>()).unwrap();
    let me = Pid::current();
    // SAFETY: made of atomics, for which zero is valid.
    let Shared { round, done, sent } = unsafe { shared() };
    let senders: Vec<Pid> = (0..SENDERS)
        .map(|sender| {
            fork(|| {
                for this in 1..=ROUNDS {
                    common::eventually("the next round begins", || round.load(SeqCst) >= this);
                    for number in sender..sender + each {
                        sent[number % KINDS.len()].fetch_add(1, SeqCst);
                        kill(me, KINDS[number % KINDS.len()]).unwrap();
                    }
                    done.fetch_add(1, SeqCst);
                }
                0
            })
        })
        .collect();
    let mut seen = [0; KINDS.len()];
    for this in 1..=ROUNDS {
        round.store(this, SeqCst);
        let mut look = |set: SignalSet| {
            for kind in (0..KINDS.len()).filter(|kind| set.contains(KINDS[*kind])) {
                seen[kind] = sent[kind].load(SeqCst);
            }
        };
        while done.load(SeqCst) < this * SENDERS {
            look(
                pipe.wait_timeout(Duration::from_millis(1))
                    .unwrap()
                    .unwrap_or_else(SignalSet::empty),
            );
        }
        look(pipe.pending());
        let sent: Vec<usize> = sent.iter().map(|sent| sent.load(SeqCst)).collect();
        assert_eq!(seen.to_vec(), sent, "round {this}");
    }
    assert!(senders.into_iter().all(|sender| wait_for(sender).success()));
}

type Way = fn(&SelfPipe) -> SignalSet;

const WAIT: Way = |pipe| pipe.wait().unwrap();
const WAIT_SHORTLY: Way =
    |pipe| pipe.wait_timeout(Duration::from_millis(3)).unwrap().unwrap_or_else(SignalSet::empty);
const LOOK: Way = |pipe| {
    std::thread::yield_now();
    pipe.pending()
};

/// Some thread gets each signal before the next one is sent.
fn eight_threads_collect(ways: &[Way]) {
    // Never dropped: a thread can take the last signal when the scope no longer waits for it.
    let pipe = SelfPipe::new(KINDS.iter().copied().collect::<SignalSet>()).unwrap();
    let pipe = std::mem::ManuallyDrop::new(pipe);
    let reported: Vec<AtomicUsize> = KINDS.iter().map(|_| AtomicUsize::new(0)).collect();
    let (stop, ended) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for way in ways.iter().cycle().take(8) {
            let (pipe, reported, stop, ended) = (&*pipe, &reported, &stop, &ended);
            scope.spawn(move || {
                while !stop.load(SeqCst) {
                    let set = way(pipe);
                    for (kind, reported) in KINDS.iter().zip(reported) {
                        reported.fetch_add(usize::from(set.contains(*kind)), SeqCst);
                    }
                }
                ended.fetch_add(1, SeqCst);
            });
        }
        let _blocked = BlockGuard::new(SignalSet::full());
        for number in 0..common::scaled(3000) {
            let (kind, reported) = (KINDS[number % 10], &reported[number % 10]);
            let before = reported.load(SeqCst);
            kill(Pid::current(), kind).unwrap();
            common::eventually("the signal is reported", || reported.load(SeqCst) == before + 1);
        }
        stop.store(true, SeqCst);
        common::eventually("all threads end", || {
            kill(Pid::current(), SIGUSR1).unwrap();
            ended.load(SeqCst) == 8
        });
    });
}

fn eight_threads_that_collect_in_every_way_miss_nothing() {
    eight_threads_collect(&[WAIT, WAIT_SHORTLY, LOOK, WAIT]);
}

/// Nobody looks by chance: nothing would make up for a lost notification.
fn eight_threads_that_wait_are_all_woken() {
    eight_threads_collect(&[WAIT]);
}

/// The second signal arrives at any point while the first is collected. If it were missed, the
/// reader would sleep for ever.
fn a_signal_that_arrives_while_another_is_collected_notifies_again() {
    let rounds = common::scaled(20_000);
    let pipe = SelfPipe::new(SIGUSR1 | SIGUSR2 | SIGCHLD).unwrap();
    let me = Pid::current();
    // SAFETY: an atomic, for which zero is valid.
    let reported: &AtomicUsize = unsafe { shared() };
    let child = fork(|| {
        for round in 1..=rounds {
            kill(me, SIGUSR1).unwrap();
            for _ in 0..round % 512 * 4 {
                std::hint::spin_loop();
            }
            kill(me, SIGUSR2).unwrap();
            common::eventually("both are reported", || reported.load(SeqCst) >= 2 * round);
        }
        0
    });
    loop {
        let set = pipe.wait().unwrap();
        reported.fetch_add((set - SIGCHLD).len(), SeqCst);
        if set.contains(SIGCHLD) {
            break;
        }
    }
    assert!(wait_for(child).success());
    assert_eq!(reported.load(SeqCst), 2 * rounds);
}

/// Foreign descriptors get the numbers of the pipe as soon as these are free.
fn dropping_it_while_threads_take_signals_never_writes_to_foreign_descriptors() {
    let watched = SIGUSR1 | SIGUSR2;
    // Keeps the handler installed throughout.
    let keeps = SelfPipe::new(watched).unwrap();
    let before = common::open_descriptors();
    let stop = AtomicBool::new(false);
    let (mut same_number, rounds) = (0, common::scaled(10_000));
    let blocked = BlockGuard::new(watched);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let _open = UnblockGuard::new(watched);
                while !stop.load(SeqCst) {
                    common::pause(10);
                }
            });
        }
        let flood = [Flood::of(&[SIGUSR1, SIGUSR2], 0), Flood::of(&[SIGUSR2, SIGUSR1], 0)];
        let mut arrived = SignalSet::empty();
        common::eventually("both signals arrive", || {
            arrived |= keeps.pending();
            arrived == watched
        });
        let mut others = std::collections::VecDeque::new();
        let mut round = 0;
        while round < rounds || keeps.pending().is_empty() {
            round += 1;
            let pipe = SelfPipe::new(watched).unwrap();
            let fd = pipe.as_raw_fd();
            if round % 2 == 0 {
                pipe.pending();
            }
            drop(pipe);
            let mut fds = [-1; 2];
            let (family, kind) = (libc::AF_UNIX, libc::SOCK_STREAM);
            // SAFETY: room for two descriptors.
            assert_eq!(unsafe { libc::socketpair(family, kind, 0, fds.as_mut_ptr()) }, 0);
            same_number += usize::from(fds.contains(&fd));
            others.push_back(fds);
            if others.len() > 4 {
                give_back(others.pop_front().unwrap());
            }
        }
        drop(flood);
        stop.store(true, SeqCst);
        others.into_iter().for_each(give_back);
    });
    assert!(same_number > rounds / 20, "{same_number}");
    drop(blocked);
    assert_eq!(common::open_descriptors(), before);
}

fn give_back(fds: [i32; 2]) {
    for fd in fds {
        assert!(!ready(fd), "a foreign descriptor was written to");
    }
    // SAFETY: both are ours.
    let closed = unsafe { (libc::close(fds[0]), libc::close(fds[1])) };
    assert_eq!(closed, (0, 0), "a foreign descriptor was closed");
}

/// Threads make and drop pipes: each pipe reports its signals, and no disposition is left behind.
fn threads_make_and_drop_pipes_at_once() {
    let before = common::signal_state();
    std::thread::scope(|scope| {
        for kind in [SIGUSR1, SIGUSR2, SIGUSR1, SIGWINCH] {
            scope.spawn(move || {
                for _ in 0..common::scaled(1000) {
                    let pipe = SelfPipe::new(kind).unwrap();
                    signal::raise(kind).unwrap();
                    assert!(pipe.wait().unwrap().contains(kind));
                }
            });
        }
    });
    assert_eq!(common::signal_state(), before);
}

/// C code cancels it, while it runs where it cannot end yet; then the signal comes. A handler that
/// ended with it would keep the descriptors of its pipe for ever.
#[cfg(has_raw_calls)]
fn a_handler_outlives_the_cancellation_of_its_thread() {
    static QUEUE: signal::InfoQueue<4> = signal::InfoQueue::new();
    static HEARD: AtomicBool = AtomicBool::new(false);
    extern "C" {
        fn pthread_cancel(thread: libc::pthread_t) -> libc::c_int;
    }
    extern "C" fn runs(_: *mut c_void) -> *mut c_void {
        while !HEARD.load(SeqCst) {
            std::hint::spin_loop();
        }
        std::ptr::null_mut()
    }
    let before = common::open_descriptors();
    for queue in [false, true] {
        let pipe = match queue {
            false => SelfPipe::new(SIGUSR1).unwrap(),
            true => SelfPipe::with_queue(SIGUSR1, &QUEUE).unwrap(),
        };
        let blocked = BlockGuard::new(SIGUSR1);
        HEARD.store(false, SeqCst);
        // SAFETY: a function that touches an atomic, and what the calls ask for.
        unsafe {
            let mut thread = std::mem::zeroed();
            let (none, argument) = (std::ptr::null(), std::ptr::null_mut());
            let unblocked = UnblockGuard::new(SIGUSR1);
            assert_eq!(libc::pthread_create(&mut thread, none, runs, argument), 0);
            drop(unblocked);
            assert_eq!(pthread_cancel(thread), 0);
            assert_eq!(libc::pthread_kill(thread, SIGUSR1.as_raw()), 0);
            assert_eq!(pipe.wait(), Ok(SIGUSR1.into()));
            HEARD.store(true, SeqCst);
            assert_eq!(libc::pthread_join(thread, argument.cast()), 0);
        }
        drop(blocked);
        drop(pipe);
        assert_eq!(common::open_descriptors(), before, "with a queue: {queue}");
    }
}

#[cfg(not(has_raw_calls))]
fn a_handler_outlives_the_cancellation_of_its_thread() {
    common::skip("the C library's own write is a cancellation point");
}

tests! {
    a_flood_of_sigchld_does_not_lose_one_sigterm,
    the_handler_of_a_signal_that_is_yet_to_be_read_makes_no_system_call,
    a_million_signals_of_ten_kinds_from_four_processes_lose_no_kind,
    eight_threads_that_collect_in_every_way_miss_nothing,
    eight_threads_that_wait_are_all_woken,
    a_signal_that_arrives_while_another_is_collected_notifies_again,
    dropping_it_while_threads_take_signals_never_writes_to_foreign_descriptors,
    threads_make_and_drop_pipes_at_once,
    a_handler_outlives_the_cancellation_of_its_thread,
}
