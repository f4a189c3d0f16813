//! What needs a process of its own: because it can be done once only, because it forks, or because the signal must find one
//! thread to go to. Each is started anew for each round, and prints its numbers in nanoseconds.

use crate::raw;
use futures_lite::{future, StreamExt};
use libc::{c_int, pid_t};
use nix::sys::wait::{WaitPidFlag, WaitStatus};
use nix::sys::{signal as nix_signal, signalfd::SignalFd};
use signal::{child, Handler, Pid, SelfPipe, Signal, SIGINT};
use signal_hook::iterator::Signals;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime;
use tokio::signal::unix as tokio_signal;

const ALL: &[&str] = &["raw", "posix-signal", "signal-hook", "nix", "tokio", "async-signal", "ctrlc"];

/// The contestants of each kind of worker, the one that the others are compared with first.
pub fn contestants(kind: &str) -> &'static [&'static str] {
    match kind {
        "first" | "latency" => ALL,
        "reap" => &["raw", "raw wait4", "posix-signal", "nix", "rustix", "raw by pid", "by pid"],
        _ => panic!("no worker {kind}"),
    }
}

/// Everything with SIGINT: the only signal that all can do.
const SIGNAL: c_int = libc::SIGINT;

pub fn work(arguments: &[String]) {
    let number = |index: usize| arguments[index].parse::<usize>().unwrap();
    let result = match (arguments[0].as_str(), arguments[1].as_str()) {
        ("group", group) => crate::groups::take_turns(group, number(2)),
        ("first", who) => vec![first(who)],
        ("latency", who) => latency(who, number(2)),
        ("reap", who) => vec![reap(who, number(2), number(3))],
        (kind, _) => panic!("no worker {kind}"),
    };
    let words: Vec<String> = result.iter().map(f64::to_string).collect();
    println!("{}", words.join(" "));
}

fn nanoseconds(time: Duration) -> f64 {
    time.as_nanos() as f64
}

fn count(_: Signal) {
    raw::HITS.fetch_add(1, SeqCst);
}

/// The time that it takes to have a handler, or what stands for one, in a process that has none yet.
fn first(who: &str) -> f64 {
    let runtime = runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let hit = || {
        raw::HITS.fetch_add(1, SeqCst);
    };
    let start = Instant::now();
    match who {
        "raw" => raw::install(SIGNAL, raw::count),
        // SAFETY: `count` adds to an atomic and does nothing else.
        "posix-signal" => assert!(signal::install(SIGINT, unsafe { Handler::new(count) }).is_ok()),
        // SAFETY: as above.
        "signal-hook" => drop(black_box(unsafe { signal_hook::low_level::register(SIGNAL, hit) })),
        "nix" => {
            let handler = nix_signal::SigHandler::Handler(raw::count);
            let (flags, mask) = (nix_signal::SaFlags::SA_RESTART, nix_signal::SigSet::empty());
            let action = nix_signal::SigAction::new(handler, flags, mask);
            // SAFETY: the handler is async-signal-safe.
            unsafe { nix_signal::sigaction(nix_signal::SIGINT, &action) }.unwrap();
        }
        "tokio" => {
            let kind = tokio_signal::SignalKind::interrupt();
            std::mem::forget(runtime.block_on(async { tokio_signal::signal(kind) }).unwrap());
        }
        "async-signal" => {
            std::mem::forget(async_signal::Signals::new([async_signal::Signal::Int]).unwrap());
        }
        "ctrlc" => ctrlc::set_handler(hit).unwrap(),
        _ => panic!("{who} cannot do this"),
    }
    nanoseconds(start.elapsed())
}

/// When the signal was sent, in nanoseconds since `START`.
static SENT: AtomicU64 = AtomicU64::new(0);
static READY: AtomicBool = AtomicBool::new(false);
static DONE: AtomicBool = AtomicBool::new(false);

/// The times between a `kill` by another thread, which blocks the signal, and the return of what the main thread waits in.
fn latency(who: &str, count: usize) -> Vec<f64> {
    let start = Instant::now();
    let now = move || start.elapsed().as_nanos() as u64;
    let sender = thread::spawn(move || {
        raw::block(&raw::set(&[SIGNAL]));
        while !DONE.load(SeqCst) {
            if READY.swap(false, SeqCst) {
                // Until the reader sleeps.
                thread::sleep(Duration::from_micros(200));
                SENT.store(now(), SeqCst);
                // SAFETY: takes plain values.
                unsafe { libc::kill(libc::getpid(), SIGNAL) };
            }
            thread::yield_now();
        }
    });
    let mut times = Vec::new();
    let mut measure = |wait: &mut dyn FnMut() -> u64| {
        for _ in 0..count {
            READY.store(true, SeqCst);
            let woken = wait();
            times.push((woken - SENT.load(SeqCst)) as f64);
        }
    };
    // The sender waits until all is set up.
    match who {
        "raw" => {
            let pipe = raw::SelfPipe::new(SIGNAL);
            measure(&mut || {
                pipe.wait();
                now()
            });
        }
        "posix-signal" => {
            let pipe = SelfPipe::new(SIGINT).unwrap();
            measure(&mut || {
                assert!(pipe.wait().unwrap().contains(SIGINT));
                now()
            });
        }
        "signal-hook" => {
            let mut pipe = Signals::new([SIGNAL]).unwrap();
            measure(&mut || {
                while pipe.wait().count() == 0 {}
                now()
            });
        }
        "nix" => {
            let set = nix_signal::SigSet::from(nix_signal::SIGINT);
            set.thread_block().unwrap();
            let pipe = SignalFd::new(&set).unwrap();
            measure(&mut || {
                assert!(pipe.read_signal().unwrap().is_some());
                now()
            });
        }
        "tokio" => {
            let runtime = runtime::Builder::new_current_thread().enable_io().build().unwrap();
            let kind = tokio_signal::SignalKind::interrupt();
            let mut pipe = runtime.block_on(async { tokio_signal::signal(kind) }).unwrap();
            measure(&mut || {
                assert!(runtime.block_on(pipe.recv()).is_some());
                now()
            });
        }
        "async-signal" => {
            let mut pipe = async_signal::Signals::new([async_signal::Signal::Int]).unwrap();
            measure(&mut || {
                assert!(future::block_on(pipe.next()).is_some());
                now()
            });
        }
        // Its handler is the reader: it runs on a thread of its own.
        "ctrlc" => {
            let (sender, receiver) = mpsc::channel();
            ctrlc::set_handler(move || sender.send(now()).unwrap()).unwrap();
            measure(&mut || receiver.recv().unwrap());
        }
        _ => panic!("{who} cannot do this"),
    }
    DONE.store(true, SeqCst);
    sender.join().unwrap();
    times
}

/// A child that ends at once, or lives until it is killed.
fn fork(lives: bool) -> pid_t {
    // SAFETY: this process has one thread, and the child calls async-signal-safe functions only.
    match unsafe { libc::fork() } {
        // SAFETY: take plain values.
        0 => unsafe {
            if lives {
                libc::pause();
            }
            libc::_exit(0)
        },
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        pid => pid,
    }
}

/// The time for each of so many children that have ended, while so many others live.
fn reap(who: &str, live: usize, dead: usize) -> f64 {
    let living: Vec<pid_t> = (0..live).map(|_| fork(true)).collect();
    let zombies: Vec<pid_t> = (0..dead).map(|_| fork(false)).collect();
    for pid in &zombies {
        let mut info = MaybeUninit::uninit();
        let flags = libc::WEXITED | libc::WNOWAIT;
        // SAFETY: room for the structure.
        assert_eq!(unsafe { libc::waitid(libc::P_PID, *pid as libc::id_t, info.as_mut_ptr(), flags) }, 0);
    }
    let mut status = 0;
    let start = Instant::now();
    // SAFETY: room for the status.
    let waitpid = |pid, status: &mut c_int| unsafe { libc::waitpid(pid, status, libc::WNOHANG) };
    let reaped = match who {
        "raw" => std::iter::from_fn(|| (waitpid(-1, &mut status) > 0).then_some(())).count(),
        "raw by pid" => zombies.iter().filter(|pid| waitpid(**pid, &mut status) > 0).count(),
        "raw wait4" => {
            let mut usage = MaybeUninit::uninit();
            let mut wait = || {
                // SAFETY: room for both.
                unsafe { libc::wait4(-1, &mut status, libc::WNOHANG, usage.as_mut_ptr()) > 0 }
            };
            std::iter::from_fn(|| wait().then_some(())).count()
        }
        "posix-signal" => child::reap_any().filter(|exited| black_box(exited).is_ok()).count(),
        "by pid" => {
            let pids = zombies.iter().map(|pid| Pid::from_raw(*pid).unwrap());
            pids.filter(|pid| black_box(child::reap(*pid)).unwrap().is_some()).count()
        }
        "nix" => {
            let wait = || match nix::sys::wait::waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(_) => None,
                Ok(status) => Some(black_box(status)),
            };
            std::iter::from_fn(wait).count()
        }
        "rustix" => {
            let wait = || rustix::process::wait(rustix::process::WaitOptions::NOHANG).ok().flatten();
            std::iter::from_fn(|| black_box(wait())).count()
        }
        _ => panic!("{who} cannot do this"),
    };
    let time = nanoseconds(start.elapsed());
    assert_eq!(reaped, dead);
    for pid in living {
        // SAFETY: takes plain values; a child that has not been reaped.
        unsafe { libc::kill(pid, libc::SIGKILL) };
        // SAFETY: room for the status.
        unsafe { libc::waitpid(pid, &mut status, 0) };
    }
    black_box(status);
    time / dead as f64
}
