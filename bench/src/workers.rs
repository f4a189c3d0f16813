//! Measurements that need a process of their own: because they happen once in a process, because
//! they fork, or because only one thread may take the signal. Each worker is started anew for each
//! round, and prints its times in nanoseconds.

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
use std::sync::{mpsc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime;
use tokio::signal::unix as tokio_signal;

const ALL: &[&str] =
    &["raw", "posix-signal", "signal-hook", "nix", "tokio", "async-signal", "ctrlc"];

const LATENCY: &[&str] =
    &["raw", "posix-signal", "SignalFd", "signal-hook", "nix", "tokio", "async-signal", "ctrlc"];

/// The contestants of each kind of worker; the others are compared with the first one.
pub fn contestants(kind: &str) -> &'static [&'static str] {
    match kind {
        "first" => ALL,
        "latency" => LATENCY,
        "reap" => &["raw", "raw wait4", "posix-signal", "nix", "rustix", "raw by pid", "by pid"],
        _ => panic!("no worker {kind}"),
    }
}

/// Everything with SIGINT: the only signal that all can do.
const SIGNAL: c_int = libc::SIGINT;

pub fn work(kind: &str, contestant: &str, numbers: &[&str]) {
    let number = |index: usize| numbers[index].parse::<usize>().unwrap();
    let times = match kind {
        // Here it is the name of the group.
        "group" => crate::measure::take_turns(contestant, number(0)),
        "first" => vec![first(contestant)],
        "latency" => latency(contestant, number(0)),
        "reap" => vec![reap(contestant, number(0), number(1))],
        _ => panic!("no worker {kind}"),
    };
    let words: Vec<String> = times.iter().map(f64::to_string).collect();
    println!("{}", words.join(" "));
}

fn nanoseconds(time: Duration) -> f64 {
    time.as_nanos() as f64
}

fn count(_: Signal) {
    raw::HITS.fetch_add(1, SeqCst);
}

/// The time to install a handler, or its equivalent, in a process that has none yet.
fn first(contestant: &str) -> f64 {
    let runtime = runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let hit = || {
        raw::HITS.fetch_add(1, SeqCst);
    };
    let start = Instant::now();
    match contestant {
        "raw" => raw::install(SIGNAL, raw::count),
        "posix-signal" => {
            // SAFETY: `count` adds to an atomic and does nothing else.
            let handler = unsafe { Handler::new(count) };
            assert!(signal::install(SIGINT, handler).is_ok());
        }
        "signal-hook" => {
            // SAFETY: `hit` adds to an atomic and does nothing else.
            drop(black_box(unsafe { signal_hook::low_level::register(SIGNAL, hit) }));
        }
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
        _ => panic!("{contestant} cannot do this"),
    }
    nanoseconds(start.elapsed())
}

/// In nanoseconds since the first call.
fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// When the signal was sent.
static SENT: AtomicU64 = AtomicU64::new(0);
static READY: AtomicBool = AtomicBool::new(false);
static DONE: AtomicBool = AtomicBool::new(false);

/// The times from a `kill` on another thread, which blocks the signal, until the main thread,
/// which waits for it, returns.
fn latency(contestant: &str, count: usize) -> Vec<f64> {
    let sender = thread::spawn(|| {
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
    // The sender sends nothing before `READY`: the reader is set up by then.
    let mut wait = reader(contestant);
    let mut measure = || {
        READY.store(true, SeqCst);
        let woken = wait();
        (woken - SENT.load(SeqCst)) as f64
    };
    let times = (0..count).map(|_| measure()).collect();
    DONE.store(true, SeqCst);
    sender.join().unwrap();
    times
}

/// Waits for one signal and returns the time of its wake-up.
type Wait = Box<dyn FnMut() -> u64>;

fn woken_by(mut wait: impl FnMut() + 'static) -> Wait {
    Box::new(move || {
        wait();
        now()
    })
}

fn reader(contestant: &str) -> Wait {
    match contestant {
        "raw" => {
            let pipe = raw::SelfPipe::new(SIGNAL);
            woken_by(move || pipe.wait())
        }
        "posix-signal" => {
            let pipe = SelfPipe::new(SIGINT).unwrap();
            woken_by(move || assert!(pipe.wait().unwrap().contains(SIGINT)))
        }
        "SignalFd" => {
            let pipe = signal::SignalFd::new(SIGINT).unwrap();
            woken_by(move || assert_eq!(pipe.wait().unwrap().signal(), SIGINT))
        }
        "signal-hook" => {
            let mut pipe = Signals::new([SIGNAL]).unwrap();
            woken_by(move || while pipe.wait().count() == 0 {})
        }
        "nix" => {
            let set = nix_signal::SigSet::from(nix_signal::SIGINT);
            set.thread_block().unwrap();
            let pipe = SignalFd::new(&set).unwrap();
            woken_by(move || assert!(pipe.read_signal().unwrap().is_some()))
        }
        "tokio" => {
            let runtime = runtime::Builder::new_current_thread().enable_io().build().unwrap();
            let kind = tokio_signal::SignalKind::interrupt();
            let mut pipe = runtime.block_on(async { tokio_signal::signal(kind) }).unwrap();
            woken_by(move || assert!(runtime.block_on(pipe.recv()).is_some()))
        }
        "async-signal" => {
            let mut pipe = async_signal::Signals::new([async_signal::Signal::Int]).unwrap();
            woken_by(move || assert!(future::block_on(pipe.next()).is_some()))
        }
        // Its handler is the reader: it runs on a thread of its own.
        "ctrlc" => {
            let (sender, receiver) = mpsc::channel();
            ctrlc::set_handler(move || sender.send(now()).unwrap()).unwrap();
            Box::new(move || receiver.recv().unwrap())
        }
        _ => panic!("{contestant} cannot do this"),
    }
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

/// Waits until the child has ended, and leaves its status to be reaped.
fn wait_ended(pid: pid_t) {
    let mut info = MaybeUninit::uninit();
    let flags = libc::WEXITED | libc::WNOWAIT;
    // SAFETY: `info` is valid for writes of the structure.
    let result = unsafe { libc::waitid(libc::P_PID, pid as libc::id_t, info.as_mut_ptr(), flags) };
    assert_eq!(result, 0);
}

fn waitpid(pid: pid_t, flags: c_int) -> pid_t {
    let mut status = 0;
    // SAFETY: `status` is valid for writes.
    let pid = unsafe { libc::waitpid(pid, &mut status, flags) };
    black_box(status);
    pid
}

/// The time to reap one of `dead` children that have ended, while `live` others live.
fn reap(contestant: &str, live: usize, dead: usize) -> f64 {
    let living: Vec<pid_t> = (0..live).map(|_| fork(true)).collect();
    let zombies: Vec<pid_t> = (0..dead).map(|_| fork(false)).collect();
    zombies.iter().for_each(|pid| wait_ended(*pid));
    let start = Instant::now();
    let reaped = reap_all(contestant, &zombies);
    let time = nanoseconds(start.elapsed());
    assert_eq!(reaped, dead);
    for pid in living {
        // SAFETY: takes plain values; the child has not been reaped.
        unsafe { libc::kill(pid, libc::SIGKILL) };
        waitpid(pid, 0);
    }
    time / dead as f64
}

/// Returns the number of children reaped.
fn reap_all(contestant: &str, zombies: &[pid_t]) -> usize {
    match contestant {
        "raw" => count_while(|| waitpid(-1, libc::WNOHANG) > 0),
        "raw by pid" => zombies.iter().filter(|pid| waitpid(**pid, libc::WNOHANG) > 0).count(),
        "raw wait4" => count_while(|| {
            let (mut status, mut usage) = (0, MaybeUninit::uninit());
            // SAFETY: both are valid for writes.
            let pid = unsafe { libc::wait4(-1, &mut status, libc::WNOHANG, usage.as_mut_ptr()) };
            black_box(status);
            pid > 0
        }),
        "posix-signal" => child::reap_any().filter(|exited| black_box(exited).is_ok()).count(),
        "by pid" => {
            let pids = zombies.iter().map(|pid| Pid::from_raw(*pid).unwrap());
            pids.filter(|pid| black_box(child::reap(*pid)).unwrap().is_some()).count()
        }
        "nix" => count_while(|| match nix::sys::wait::waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(_) => false,
            Ok(status) => {
                black_box(status);
                true
            }
        }),
        "rustix" => count_while(|| {
            let status = rustix::process::wait(rustix::process::WaitOptions::NOHANG);
            black_box(status.ok().flatten()).is_some()
        }),
        _ => panic!("{contestant} cannot do this"),
    }
}

fn count_while(mut reap: impl FnMut() -> bool) -> usize {
    std::iter::from_fn(|| reap().then_some(())).count()
}
