//! What a child does between `fork` and `exec`.

use crate::errno::{check, Result};
use crate::handler::Handler;
use crate::interrupt::retry;
use crate::mask::BlockGuard;
use crate::pid::Pid;
use crate::session::{lend_terminal, new_session, reset_actions};
use crate::set::SignalSet;
use crate::sigmask;
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
/// [`new_group`](CommandExt::new_group) and [`join_group`](CommandExt::join_group) alone cost
/// nothing, from Rust 1.64 on.
pub trait CommandExt: sealed::Sealed {
    /// The child leads a new session and a new process group, without a controlling terminal: no
    /// signal to the parent's group or from its terminal reaches it, nor the other way round. Its
    /// group id is its process id, for [`kill_group`](crate::kill_group). Costs a `fork`.
    ///
    /// For the first process of a pid namespace, leave [`new_group`](CommandExt::new_group) out,
    /// which this includes: with both, `spawn` fails with `EPERM` there.
    fn new_session(&mut self) -> &mut Command;

    /// The child leads a new process group in the parent's session, as a shell's job does.
    ///
    /// From Rust 1.64 on this is `std`'s own `process_group(0)`, of which the last call counts.
    /// Before, it costs a `fork`.
    fn new_group(&mut self) -> &mut Command;

    /// The child joins a process group of the parent's session, as the later programs of a
    /// pipeline join the first one's. `spawn` fails with `EPERM` if that has no process any more.
    ///
    /// From Rust 1.64 on this is `std`'s own `process_group(group)`, of which the last call counts,
    /// with [`new_group`](CommandExt::new_group). Before, it costs a `fork`.
    ///
    /// ```
    /// use signal::{CommandExt, Pid};
    /// use std::process::{Command, Stdio};
    ///
    /// let mut first = Command::new("cat").new_group().stdin(Stdio::piped()).spawn()?;
    /// let mut second = Command::new("true").join_group(Pid::from(&first)).spawn()?;
    /// assert!(second.wait()?.success());
    /// assert!(first.wait()?.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn join_group(&mut self, group: Pid) -> &mut Command;

    /// The child's process group becomes the one in the foreground of the controlling terminal,
    /// before the program starts, so that it can read at once. For a job's first program, with
    /// [`new_group`](CommandExt::new_group); before Rust 1.64, call it after that. Costs a `fork`.
    ///
    /// Without a controlling terminal `spawn` fails with `ENXIO`. The parent takes the terminal
    /// back with [`set_foreground`](crate::session::set_foreground), also when `spawn` has failed:
    /// a program that is not found had the terminal already.
    ///
    /// ```no_run
    /// use signal::{session, CommandExt};
    ///
    /// let mut job = std::process::Command::new("vi").new_group().foreground().spawn()?;
    /// job.wait()?;
    /// session::set_foreground(std::fs::File::open("/dev/tty")?, session::own_group())?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn foreground(&mut self) -> &mut Command;

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
        enter_group(self, None)
    }

    fn join_group(&mut self, group: Pid) -> &mut Command {
        enter_group(self, Some(group))
    }

    fn foreground(&mut self) -> &mut Command {
        before_exec(self, take_terminal)
    }

    fn reset_signals(&mut self) -> &mut Command {
        before_exec(self, || reset(|_| true))
    }

    fn reset_signals_but_ignored(&mut self) -> &mut Command {
        before_exec(self, || reset(|handler| handler != Handler::Ignore))
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
        /// Before the steps, and without giving up `posix_spawn`. `None`: a new one.
        fn enter_group(command: &mut Command, group: Option<Pid>) -> &mut Command {
            command.process_group(group.map_or(0, Pid::as_raw))
        }
    } else {
        fn enter_group(command: &mut Command, group: Option<Pid>) -> &mut Command {
            before_exec(command, move || {
                // SAFETY: take plain values. A session's leader leads its group too, and may not
                // enter another.
                unsafe {
                    if libc::getsid(0) != libc::getpid() {
                        check(libc::setpgid(0, group.map_or(0, Pid::as_raw)))?;
                    }
                }
                Ok(())
            })
        }
    }
}

fn take_terminal() -> Result<()> {
    let flags = libc::O_RDWR | libc::O_CLOEXEC | libc::O_NOCTTY;
    // SAFETY: a path with its zero byte.
    let terminal = retry(|| check(unsafe { libc::open(b"/dev/tty\0".as_ptr().cast(), flags) }))?;
    // SAFETY: takes nothing and cannot fail.
    let taken = lend_terminal(terminal, unsafe { libc::getpgrp() });
    // SAFETY: opened above.
    unsafe { libc::close(terminal) };
    taken
}

fn reset(chosen: impl Fn(Handler) -> bool) -> Result<()> {
    reset_actions(chosen);
    // After that: what is pending meets the default effect. As the kernel has it: a program does
    // not inherit what a deferred section would put back.
    sigmask::set(libc::SIG_SETMASK, SignalSet::empty());
    Ok(())
}
