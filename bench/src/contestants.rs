//! One operation, done by each contestant as its documentation says.

use crate::raw;
use futures_lite::{future, StreamExt};
use libc::c_int;
use nix::sys::signal as nix_signal;
use nix::sys::signalfd::SignalFd;
use signal::{
    BlockGuard, DeferGuard, Handler, InstallGuard, SelfPipe, Signal, SignalSet, SIGALRM, SIGHUP,
    SIGTERM, SIGUSR2,
};
use signal_hook::iterator::Signals;
use signal_hook::low_level;
use std::hint::black_box;
use std::sync::atomic::Ordering::Relaxed;
use tokio::runtime;
use tokio::signal::unix as tokio_signal;

/// Repeats it as often as the argument says.
pub type Operation = Box<dyn FnMut(u64)>;

/// Each contestant has a signal of its own, so that their handlers do not meet.
const RAW: c_int = libc::SIGUSR1;
const NOTHING: c_int = libc::SIGVTALRM;
const NIX: nix_signal::Signal = nix_signal::Signal::SIGWINCH;
const HOOK: c_int = libc::SIGURG;
const TOKIO: c_int = libc::SIGIO;
const ASYNC: async_signal::Signal = async_signal::Signal::Prof;
const BURST: usize = 1000;

const PIPES: &[&str] =
    &["nothing", "raw", "posix-signal", "SignalFd", "signal-hook", "nix", "tokio", "async-signal"];

fn each(mut once: impl FnMut() + 'static) -> Operation {
    Box::new(move |count| {
        for _ in 0..count {
            once();
        }
    })
}

/// The contestants of each group; the others are compared with the first one.
pub fn group(name: &str) -> &'static [&'static str] {
    match name {
        "install" | "raise" => &["raw", "posix-signal", "signal-hook", "nix"],
        "query" => &["raw", "posix-signal"],
        "block" => &["raw", "posix-signal", "nix", "DeferGuard"],
        "hit" => &["raw", "posix-signal", "nix", "DeferGuard"],
        "pipe" => &PIPES[1..],
        "burst" => PIPES,
        _ => panic!("no group {name}"),
    }
}

pub fn operation(group: &str, contestant: &str) -> Operation {
    match group {
        "install" => install(contestant),
        "query" => match contestant {
            "raw" => each(|| {
                black_box(&raw::query(RAW));
            }),
            _ => each(|| {
                let _ = black_box(&signal::query(SIGUSR2));
            }),
        },
        "raise" => raise(contestant),
        "block" => block(contestant),
        "hit" => hit(contestant),
        "pipe" => pipe(contestant, 1),
        "burst" if contestant == "nothing" => {
            raw::install(NOTHING, raw::nothing);
            each(|| (0..BURST).for_each(|_| raw::raise(NOTHING)))
        }
        "burst" => pipe(contestant, BURST),
        _ => panic!("no group {group}"),
    }
}

fn count(_: Signal) {
    raw::HITS.fetch_add(1, Relaxed);
}

fn handler() -> Handler {
    // SAFETY: `count` adds to an atomic and does nothing else.
    unsafe { Handler::new(count) }
}

fn nix_install(signal: nix_signal::Signal, handler: extern "C" fn(c_int)) {
    let handler = nix_signal::SigHandler::Handler(handler);
    let flags = nix_signal::SaFlags::SA_RESTART;
    let action = nix_signal::SigAction::new(handler, flags, nix_signal::SigSet::empty());
    // SAFETY: the handlers of `raw` are async-signal-safe.
    unsafe { nix_signal::sigaction(signal, &action) }.unwrap();
}

fn hook_register(signal: c_int) -> signal_hook::SigId {
    let action = || {
        raw::HITS.fetch_add(1, Relaxed);
    };
    // SAFETY: the action adds to an atomic and does nothing else.
    unsafe { low_level::register(signal, action) }.unwrap()
}

fn install(contestant: &str) -> Operation {
    match contestant {
        "raw" => each(|| raw::install(RAW, raw::count)),
        "posix-signal" => each(|| {
            let _ = black_box(&signal::install(SIGUSR2, handler()));
        }),
        "nix" => each(|| nix_install(NIX, raw::count)),
        // Adds an action and removes it. Its handler stays.
        "signal-hook" => each(|| assert!(low_level::unregister(hook_register(HOOK)))),
        _ => panic!("{contestant} cannot do this"),
    }
}

/// Removes an action of signal-hook.
struct Unregister(signal_hook::SigId);

impl Drop for Unregister {
    fn drop(&mut self) {
        low_level::unregister(self.0);
    }
}

fn raise(contestant: &str) -> Operation {
    match contestant {
        "raw" => {
            raw::install(RAW, raw::count);
            each(|| raw::raise(RAW))
        }
        "posix-signal" => {
            let guard = InstallGuard::new(SIGUSR2, handler()).unwrap();
            each(move || {
                let _ = &guard;
                raw::raise(libc::SIGUSR2);
            })
        }
        "nix" => {
            nix_install(NIX, raw::count);
            each(|| raw::raise(NIX as c_int))
        }
        "signal-hook" => {
            let registered = Unregister(hook_register(HOOK));
            each(move || {
                let _ = &registered;
                raw::raise(HOOK);
            })
        }
        _ => panic!("{contestant} cannot do this"),
    }
}

fn block(contestant: &str) -> Operation {
    match contestant {
        "raw" => {
            let set = raw::set(&[libc::SIGALRM, libc::SIGTERM]);
            each(move || raw::restore(&raw::block(black_box(&set))))
        }
        "posix-signal" => {
            let set = SIGALRM | SIGTERM;
            each(move || drop(BlockGuard::new(black_box(&set))))
        }
        "nix" => {
            let set: nix_signal::SigSet = nix_signal::Signal::SIGALRM | nix_signal::Signal::SIGTERM;
            each(move || nix_block(black_box(&set)).thread_set_mask().unwrap())
        }
        "DeferGuard" => each(|| {
            let _guard = DeferGuard::new();
            black_box(());
        }),
        _ => panic!("{contestant} cannot do this"),
    }
}

fn nix_block(set: &nix_signal::SigSet) -> nix_signal::SigSet {
    set.thread_swap_mask(nix_signal::SigmaskHow::SIG_BLOCK).unwrap()
}

fn hit(contestant: &str) -> Operation {
    match contestant {
        "raw" => {
            raw::install(RAW, raw::count);
            let set = raw::set(&[RAW]);
            each(move || {
                let old = raw::block(&set);
                raw::raise(RAW);
                raw::restore(&old);
            })
        }
        "posix-signal" => {
            let installed = InstallGuard::new(SIGUSR2, handler()).unwrap();
            let set = SignalSet::from(SIGUSR2);
            each(move || {
                let _ = &installed;
                let _guard = BlockGuard::new(set);
                raw::raise(libc::SIGUSR2);
            })
        }
        "DeferGuard" => {
            let installed = InstallGuard::new(SIGALRM, handler()).unwrap();
            each(move || {
                let _ = &installed;
                let _guard = DeferGuard::new();
                raw::raise(libc::SIGALRM);
            })
        }
        "nix" => {
            nix_install(NIX, raw::count);
            let set = nix_signal::SigSet::from(NIX);
            each(move || {
                let old = nix_block(&set);
                raw::raise(NIX as c_int);
                old.thread_set_mask().unwrap();
            })
        }
        _ => panic!("{contestant} cannot do this"),
    }
}

/// Restores a mask.
struct Restore(nix_signal::SigSet);

impl Drop for Restore {
    fn drop(&mut self) {
        self.0.thread_set_mask().unwrap();
    }
}

/// Raises some signals, then looks once, and must find that they came.
fn pipe(contestant: &str, signals: usize) -> Operation {
    match contestant {
        "raw" => {
            let pipe = raw::SelfPipe::new(RAW);
            raise_then(RAW, signals, move || pipe.drain())
        }
        "posix-signal" => {
            let pipe = SelfPipe::new(SIGUSR2).unwrap();
            raise_then(libc::SIGUSR2, signals, move || {
                assert!(pipe.pending().contains(SIGUSR2));
            })
        }
        "SignalFd" => {
            let pipe = signal::SignalFd::new(SIGHUP).unwrap();
            raise_then(libc::SIGHUP, signals, move || {
                assert!(pipe.read().unwrap().is_some());
            })
        }
        "signal-hook" => {
            let mut pipe = Signals::new([HOOK]).unwrap();
            raise_then(HOOK, signals, move || assert_eq!(pipe.pending().next(), Some(HOOK)))
        }
        // It has signalfd: no handler, but the signal is blocked.
        "nix" => {
            let set = nix_signal::SigSet::from(NIX);
            let pipe = SignalFd::new(&set).unwrap();
            let blocked = Restore(nix_block(&set));
            raise_then(NIX as c_int, signals, move || {
                let _ = &blocked;
                assert!(pipe.read_signal().unwrap().is_some());
            })
        }
        "tokio" => {
            let runtime = runtime::Builder::new_current_thread().enable_io().build().unwrap();
            let kind = tokio_signal::SignalKind::from_raw(TOKIO);
            let mut pipe = runtime.block_on(async { tokio_signal::signal(kind) }).unwrap();
            raise_then(TOKIO, signals, move || assert!(runtime.block_on(pipe.recv()).is_some()))
        }
        "async-signal" => {
            let mut pipe = async_signal::Signals::new([ASYNC]).unwrap();
            raise_then(libc::SIGPROF, signals, move || {
                assert!(future::block_on(pipe.next()).is_some());
            })
        }
        _ => panic!("{contestant} cannot do this"),
    }
}

fn raise_then(signal: c_int, signals: usize, mut look: impl FnMut() + 'static) -> Operation {
    each(move || {
        (0..signals).for_each(|_| raw::raise(signal));
        look();
    })
}
