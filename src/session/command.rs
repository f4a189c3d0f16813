//! What a child does between `fork` and `exec`.

use crate::errno::{check, Result};
use crate::handler::Handler;
use crate::install::{install, query};
use crate::mask::BlockGuard;
use crate::session::new_session;
use crate::set::SignalSet;
use crate::sigmask;
use crate::signal::Signal;
use crate::sys::number::HIGHEST;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};

mod sealed {
    pub trait Sealed {}
    impl Sealed for std::process::Command {}
}

/// Sessions, groups and signals of the programs that a [`Command`] starts.
///
/// Each function adds a step between `fork` and `exec`, made of async-signal-safe calls only. They
/// can be combined in any order, with each other and with those of `std`. If a step fails, so does
/// `spawn`.
///
/// What they cost: with such a step `std` must `fork`, which copies the page tables, where it uses
/// `posix_spawn` otherwise. In a process of 1 GiB (Linux 6.18, x86_64, pages of 4 KiB) `spawn` took
/// 33 to 58 ms instead of 0.1 to 0.2; in one of 10 MiB, 0.5 ms instead of 0.1.
/// [`new_group`](CommandExt::new_group) alone costs nothing, from Rust 1.64 on.
pub trait CommandExt: sealed::Sealed {
    /// The child leads a new session and a new process group, without a controlling terminal: no
    /// signal to the parent's group or from its terminal reaches it, nor the other way round. Its
    /// group id is its process id, for [`kill_group`](crate::kill_group). Costs a `fork`.
    fn new_session(&mut self) -> &mut Command;

    /// The child leads a new process group in the parent's session, as a shell's job does.
    ///
    /// From Rust 1.64 on this is `std`'s own `process_group(0)`, of which the last call counts.
    /// Before, it costs a `fork`.
    fn new_group(&mut self) -> &mut Command;

    /// The child starts with every signal at its default effect and none blocked. Costs a `fork`.
    ///
    /// `exec` itself resets only what is caught. Ignored and blocked signals are inherited, so that
    /// a child of a program that ignores SIGCHLD or blocks SIGTERM would do so too; and, after a
    /// signal has come in a `DeferGuard` section, a child that is started in that section would
    /// have everything blocked for good. Signals reserved by the C library cannot be reset.
    fn reset_signals(&mut self) -> &mut Command;

    /// As [`reset_signals`](CommandExt::reset_signals), but what is ignored stays ignored: for
    /// programs that run others on behalf of somebody, as `nohup` wants it. Costs a `fork`.
    fn reset_signals_but_ignored(&mut self) -> &mut Command;

    /// `spawn`, with all signals blocked in the calling thread meanwhile.
    ///
    /// With a plain `spawn`, a signal to the group between `fork` and `exec` runs the parent's
    /// handler in the child. Combined with [`reset_signals`](CommandExt::reset_signals), which
    /// unblocks when the handlers are gone, this makes that impossible; without it the child starts
    /// with everything blocked. (Before Rust 1.66 `std` unblocks by itself, a moment too early.)
    fn spawn_with_signals_blocked(&mut self) -> io::Result<Child>;
}

impl CommandExt for Command {
    fn new_session(&mut self) -> &mut Command {
        before_exec(self, lead_session)
    }

    fn new_group(&mut self) -> &mut Command {
        lead_group(self)
    }

    fn reset_signals(&mut self) -> &mut Command {
        before_exec(self, || reset(true))
    }

    fn reset_signals_but_ignored(&mut self) -> &mut Command {
        before_exec(self, || reset(false))
    }

    fn spawn_with_signals_blocked(&mut self) -> io::Result<Child> {
        let _blocked = BlockGuard::new(SignalSet::asynchronous());
        self.spawn()
    }
}

fn before_exec(
    command: &mut Command,
    step: impl Fn() -> Result<()> + Send + Sync + 'static,
) -> &mut Command {
    // SAFETY: the steps below make system calls and touch nothing but their own stack: no
    // allocation, no lock.
    unsafe { command.pre_exec(move || Ok(step()?)) }
}

fn lead_session() -> Result<()> {
    // SAFETY: take plain values.
    unsafe {
        // It leads a session already: `setsid` would fail, and there is nothing to do.
        if libc::getsid(0) == libc::getpid() {
            return Ok(());
        }
        // It leads a group already, made by `new_group`, and must leave that first: for the
        // parent's.
        if libc::getpgrp() == libc::getpid() {
            check(libc::setpgid(0, check(libc::getpgid(libc::getppid()))?))?;
        }
    }
    new_session().map(drop)
}

cfg_if::cfg_if! {
    if #[cfg(has_process_group)] {
        /// Before the steps, and without giving up `posix_spawn`.
        fn lead_group(command: &mut Command) -> &mut Command {
            command.process_group(0)
        }
    } else {
        fn lead_group(command: &mut Command) -> &mut Command {
            before_exec(command, || {
                // SAFETY: take plain values. Who leads a session leads its group too, and may not
                // make another.
                unsafe {
                    if libc::getpgrp() != libc::getpid() {
                        check(libc::setpgid(0, 0))?;
                    }
                }
                Ok(())
            })
        }
    }
}

fn reset(ignored_too: bool) -> Result<()> {
    for signal in (1..=HIGHEST).filter_map(Signal::from_raw) {
        if ignored_too || query(signal).map_or(false, |action| action.handler() != Handler::Ignore)
        {
            // SIGKILL, SIGSTOP and what the C library keeps for itself have no other.
            let _ = install(signal, Handler::Default);
        }
    }
    // After that: what is pending meets the default effect.
    sigmask::set(libc::SIG_SETMASK, SignalSet::empty());
    Ok(())
}
