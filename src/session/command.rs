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
/// Each function adds a step between `fork` and `exec`, made of async-signal-safe calls only. They can be combined in any
/// order, with each other and with those of `std`. If a step fails, so does `spawn`.
pub trait CommandExt: sealed::Sealed {
    /// The child leads a new session and a new process group, without a controlling terminal: no signal to the parent's group
    /// or from its terminal reaches it, nor the other way round. Its group id is its process id, for
    /// [`kill_group`](crate::kill_group).
    fn new_session(&mut self) -> &mut Command;

    /// The child leads a new process group in the parent's session, as a shell's job does.
    fn new_group(&mut self) -> &mut Command;

    /// The child starts with every signal at its default effect and none blocked.
    ///
    /// `exec` itself resets only what is caught. What is ignored and what is blocked it hands on, so that a child of a
    /// program that ignores SIGCHLD or blocks SIGTERM would do so too. The signals that the C library keeps for itself it lets
    /// nobody reset.
    fn reset_signals(&mut self) -> &mut Command;

    /// As [`reset_signals`](CommandExt::reset_signals), but what is ignored stays ignored: for programs that run others
    /// on behalf of somebody, as `nohup` wants it.
    fn reset_signals_but_ignored(&mut self) -> &mut Command;

    /// `spawn`, with all signals blocked in the calling thread meanwhile.
    ///
    /// With a plain `spawn`, a signal to the group between `fork` and `exec` runs the parent's handler in the child. Combined
    /// with [`reset_signals`](CommandExt::reset_signals), which unblocks when the handlers are gone, this makes that impossible;
    /// without it the child starts with everything blocked. (Before Rust 1.66 `std` unblocks by itself, a moment too early.)
    fn spawn_with_signals_blocked(&mut self) -> io::Result<Child>;
}

impl CommandExt for Command {
    fn new_session(&mut self) -> &mut Command {
        before_exec(self, lead_session)
    }

    fn new_group(&mut self) -> &mut Command {
        before_exec(self, lead_group)
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

fn before_exec(command: &mut Command, step: impl Fn() -> Result<()> + Send + Sync + 'static) -> &mut Command {
    // SAFETY: the steps below make system calls and touch nothing but their own stack: no allocation, no lock.
    unsafe { command.pre_exec(move || Ok(step()?)) }
}

fn lead_session() -> Result<()> {
    // SAFETY: take plain values.
    unsafe {
        // It leads a session already: `setsid` would fail, and there is nothing to do.
        if libc::getsid(0) == libc::getpid() {
            return Ok(());
        }
        // It leads a group already, made by `new_group`, and must leave that first: for the parent's.
        if libc::getpgrp() == libc::getpid() {
            check(libc::setpgid(0, check(libc::getpgid(libc::getppid()))?))?;
        }
    }
    new_session().map(drop)
}

fn lead_group() -> Result<()> {
    // SAFETY: take plain values. Who leads a session leads its group too, and may not make another.
    unsafe {
        if libc::getpgrp() != libc::getpid() {
            check(libc::setpgid(0, 0))?;
        }
    }
    Ok(())
}

fn reset(ignored_too: bool) -> Result<()> {
    for signal in (1..=HIGHEST).filter_map(Signal::from_raw) {
        if ignored_too || query(signal).map_or(false, |action| action.handler() != Handler::Ignore) {
            // SIGKILL, SIGSTOP and what the C library keeps for itself have no other.
            let _ = install(signal, Handler::Default);
        }
    }
    // After that: what is pending meets the default effect.
    sigmask::set(libc::SIG_SETMASK, SignalSet::empty());
    Ok(())
}
