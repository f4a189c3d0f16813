//! Unix signals in safe Rust: stop on Ctrl-C, reload on SIGHUP, reap children, read signals in
//! an event loop, keep them out of critical regions.
//!
//! - **Sound.** No safe call breaks memory. The one promise that you make, that a function may run
//!   in a handler, is made in one `unsafe` constructor and nowhere else.
//! - **Nothing is lost.** Every signal that arrives is reported, every child's status is collected,
//!   and the old handler and the old mask come back bit for bit.
//! - **A good neighbour.** All of this holds next to other libraries that handle the same signal.
//! - **As thin as C.** `install` is one `sigaction`, and the kernel calls the handler directly.
//! - **Async-signal-safe.** What runs in a handler allocates nothing, locks nothing, cannot panic
//!   and keeps `errno`; a check of the compiled code proves it.
//!
//! # To begin
//!
//! ```sh
//! cargo add posix-signal --rename signal
//! ```
//!
//! The package is `posix-signal`, the library `signal`; the registry's crate `signal` is another.
//! It needs Rust 1.63 and a Unix, and brings `libc`, `cfg-if` and `bitflags` (on Debian 12 run
//! `cargo update -p libc --precise 0.2.183` once: [versions]). The feature `std` (default) adds
//! `CommandExt`, `kill_thread`, pid files and conversions to `std`'s types; `defer` adds
//! `DeferGuard`.
//!
//! Stop when asked to, and at once when asked twice:
//!
#![cfg_attr(any(doc, doctest), doc = concat!("```no_run\n", include_str!("../examples/stop.rs"), "```"))]
//!
//! Keep a signal out of a critical region, and wait for it without a race:
//!
#![cfg_attr(any(doc, doctest), doc = concat!("```no_run\n", include_str!("../examples/region.rs"), "```"))]
//!
//! Collect children as they end, in an event loop:
//!
#![cfg_attr(any(doc, doctest), doc = concat!("```no_run\n", include_str!("../examples/children.rs"), "```"))]
//!
//! # Which tool
//!
//! | I want … | use … |
//! |---|---|
//! | to stop on Ctrl-C or SIGTERM | [`install`] with a flag; [chapter](guide::shutdown) |
//! | the second Ctrl-C to end a program that hangs | [`Handler::FlagOrDefault`] |
//! | to reload on SIGHUP | a flag that is swapped; [chapter](guide::shutdown) |
//! | to reap children | [`SelfPipe`] and [`child::reap_any`] or [`child::reap`]; [chapter](guide::children) |
//! | to wait for one child with a deadline | [`child::wait_timeout`] |
//! | to end a service with all that it started | [`CommandExt::new_group`] and [`kill_group`]; [chapter](guide::children) |
//! | to protect a region | [`BlockGuard`], or `DeferGuard` without a system call; [chapter](guide::regions) |
//! | signals in tokio, mio, polling, epoll, kqueue | [`SelfPipe`], whose descriptor suits every loop; [adapters](https://github.com/posix-signal/posix-signal/blob/main/docs/event-loops.md) |
//! | signals in a program with threads | [`block`] and [`SignalSet::wait`]; [chapter](guide::threads) |
//! | to send one, or a value with it | [`kill`], [`kill_group`], `kill_thread`, [`queue`] |
//! | to know who sent it, and the value | [`SignalSet::wait`], [`SelfPipe::with_queue`], [`Handler::with_info`] |
//! | a function that runs at once | [`Handler::new`]; [chapter](guide::handlers) |
//! | to survive `EINTR` | [`retry`], [`finish_connect`]; [chapter](guide::not_restarted) |
//! | a daemon | [`session::daemonize`]; [chapter](guide::daemons) |
//! | a shell, Ctrl-Z, a terminal left in order | [`child::wait_change`], [`stop_by`]; [chapter](guide::job_control) |
//! | a crash report | [`Handler::with_context`] and [`AltStack`]; [chapter](guide::handlers) |
//! | a program without `std` | `default-features = false`; nothing allocates; [program](https://github.com/posix-signal/posix-signal/tree/main/ci/no_std) |
//!
//! # Compared
//!
//! | | posix-signal | [signal-hook] | [nix] | [tokio] | [ctrlc] |
//! |---|---|---|---|---|---|
//! | hears signals without `unsafe` | yes | yes | in part | yes | yes |
//! | several listeners | yes | yes | no | yes | no |
//! | puts the old handler back | yes | no | by hand | no | no |
//! | critical regions | yes | no | by hand | no | no |
//! | children | all | no | all | its own | no |
//! | who sent it | yes | a feature | yes | no | no |
//! | `no_std` | yes | no | no | no | no |
//! | Windows | no | in part | no | yes | yes |
//!
//! A tokio program that only wants Ctrl-C needs `tokio::signal` alone; one for Windows too, `ctrlc`.
//!
//! What to write instead of [libc][from-libc], [nix][from-nix], [signal-hook][from-signal-hook],
//! [ctrlc][from-ctrlc] and [tokio::signal][from-tokio], row by row.
//!
//! # Three numbers
//!
//! In one run against raw `libc`: to install a handler takes 139 ns (×0.99); to raise a signal and
//! read it from a self-pipe 1.72 µs (×0.96, signal-hook ×1.34); a region of a `DeferGuard` 0.71 ns
//! (×0.0028 of blocking and restoring the mask). [All numbers][benchmarks], with the targets missed.
//!
//! # What it is not for
//!
//! - **Counting.** Standard signals do not queue: that one arrived is certain, how often is not.
//! - **Windows.** There the crate is empty.
//! - **Ordinary code in a handler.** One that allocates, locks or prints is undefined behaviour here
//!   as in C: take a flag, a pipe or a thread.
//! - **Overruling others.** A handler that somebody installs over a pipe decides whether the pipe
//!   hears: [with others](guide::neighbours).
//! - **Restarting everything.** `poll`, `select`, `nanosleep` are interrupted whatever the flags.
//!
//! [The guide](guide) has a chapter with a whole program for each task. [Platforms] says where it
//! was run, linked or only compiled; [design] why handlers have no size and how pipes and regions
//! work. [Guarantees] names, for each promise, the test that would fail.
//!
//! [signal-hook]: https://docs.rs/signal-hook
//! [nix]: https://docs.rs/nix
//! [tokio]: https://docs.rs/tokio
//! [ctrlc]: https://docs.rs/ctrlc
//! [from-libc]: https://github.com/posix-signal/posix-signal/blob/main/docs/coming-from/libc.md
//! [from-nix]: https://github.com/posix-signal/posix-signal/blob/main/docs/coming-from/nix.md
//! [from-signal-hook]: https://github.com/posix-signal/posix-signal/blob/main/docs/coming-from/signal-hook.md
//! [from-ctrlc]: https://github.com/posix-signal/posix-signal/blob/main/docs/coming-from/ctrlc.md
//! [from-tokio]: https://github.com/posix-signal/posix-signal/blob/main/docs/coming-from/tokio.md
//! [benchmarks]: https://github.com/posix-signal/posix-signal/blob/main/docs/benchmarks.md
//! [platforms]: https://github.com/posix-signal/posix-signal/blob/main/PLATFORMS.md
//! [guarantees]: https://github.com/posix-signal/posix-signal/blob/main/docs/guarantees.md
//! [versions]: https://github.com/posix-signal/posix-signal/blob/main/docs/versions.md
//! [design]: https://github.com/posix-signal/posix-signal/blob/main/DESIGN.md

#![no_std]
#![cfg(unix)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Of the conditions, the features are what a reader can choose.
#![cfg_attr(
    docsrs,
    doc(auto_cfg(hide(
        unix,
        doc,
        doctest,
        has_sa_interrupt,
        has_sa_nocldwait,
        has_sa_onstack,
        has_sa_restart,
        has_sigcld,
        has_sigemt,
        has_siginfo,
        has_sigio,
        has_siglibrt,
        has_siglost,
        has_sigpoll,
        has_sigpwr,
        has_sigstkflt,
        has_sigthr
    )))
)]
// The guide speaks of what `std` adds.
#![cfg_attr(not(feature = "std"), allow(rustdoc::broken_intra_doc_links))]
#![warn(missing_docs, unreachable_pub)]

#[cfg(feature = "std")]
extern crate std;

#[cfg(not(has_known_system))]
compile_error!(
    "posix-signal does not know this system: build.rs and src/sys must learn what it has"
);

mod action;
mod alt_stack;
pub mod child;
mod context;
mod deadline;
#[cfg(feature = "defer")]
mod defer;
mod entry;
mod errno;
mod fd;
#[cfg(any(doc, doctest))]
pub mod guide;
mod handler;
mod info;
mod install;
mod interrupt;
mod lock;
mod mask;
mod name;
pub mod owner;
mod pid;
mod process;
mod self_pipe;
mod send;
pub mod session;
mod set;
mod sigmask;
mod signal;
mod signal_fd;
mod sys;
pub mod timer;
mod wait;

// rustdoc finds the alias of what a private module defines only here (ci/aliases).
pub use crate::action::{Action, IntoAction};
// Here, since the oldest `bitflags` takes no aliases of the constants.
#[doc(alias = "SA_NOCLDSTOP")]
#[doc(alias = "SA_NOCLDWAIT")]
#[doc(alias = "SA_ONSTACK")]
#[doc(alias = "SA_RESETHAND")]
#[doc(alias = "SA_NODEFER")]
#[doc(alias = "SA_RESTART")]
#[doc(alias = "SA_INTERRUPT")]
#[doc(alias = "SA_SIGINFO")]
pub use crate::action::Flags;
#[doc(alias = "sigaltstack")]
pub use crate::alt_stack::AltStack;
pub use crate::context::Context;
#[cfg(feature = "defer")]
pub use crate::defer::DeferGuard;
pub use crate::entry::queue::InfoQueue;
pub use crate::errno::{Errno, Result};
pub use crate::handler::{Function, Handler};
pub use crate::info::Cause;
#[doc(alias = "siginfo_t")]
pub use crate::info::Info;
#[doc(alias = "sigaction")]
pub use crate::install::install;
pub use crate::install::{install_unless_ignored, query, InstallGuard};
#[doc(alias = "EINTR")]
pub use crate::interrupt::retry;
pub use crate::interrupt::{finish_connect, Interrupted};
#[doc(alias = "sigprocmask")]
#[doc(alias = "pthread_sigmask")]
pub use crate::mask::{block, set_blocked, unblock, BlockGuard};
pub use crate::mask::{blocked, pending, suspend, UnblockGuard};
pub use crate::name::ParseSignalError;
pub use crate::pid::Pid;
#[doc(alias = "self-pipe")]
#[doc(alias = "eventfd")]
#[doc(alias = "AsyncFd")]
#[doc(alias = "tokio")]
#[doc(alias = "mio")]
pub use crate::self_pipe::SelfPipe;
#[doc(alias = "killpg")]
pub use crate::send::kill_group;
#[cfg(feature = "std")]
#[doc(alias = "pthread_kill")]
#[doc(alias = "tgkill")]
pub use crate::send::kill_thread;
pub use crate::send::{die_by, exists, kill, kill_own_group, raise, stop_by};
#[doc(alias = "sigqueue")]
pub use crate::send::{queue, queue_pointer};
#[cfg(feature = "std")]
pub use crate::session::CommandExt;
pub use crate::set::{Iter, SignalSet};
pub use crate::signal::*;
#[doc(alias = "signalfd")]
pub use crate::signal_fd::SignalFd;
pub use crate::timer::alarm;
