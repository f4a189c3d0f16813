//! Waiting for one child to end.

use crate::child::{ended, exited, reap, statuses_are_discarded, Exited, Which};
use crate::deadline::{poll, Deadline};
use crate::errno::{Errno, Result};
use crate::mask::blocked;
use crate::pid::Pid;
use crate::self_pipe::SelfPipe;
use crate::set::SignalSet;
use crate::signal::SIGCHLD;
use crate::sys::pidfd::PidFd;
use crate::sys::timedwait::sigtimedwait;
use core::time::Duration;

/// Sleeps until this child has ended, and collects its status. Handlers run meanwhile and do not
/// end the wait. Any number of threads may wait at once, each for its own child.
///
/// Errors: [`Errno::ECHILD`] if there is no such child, at once; or if its status is gone when it
/// ends, because somebody else has reaped it or SIGCHLD is ignored (see
/// [the module](crate::child)).
///
/// ```
/// use signal::{child, Errno, Pid};
///
/// let child = std::process::Command::new("sh").args(["-c", "exit 3"]).spawn().unwrap();
/// let exited = child::wait(Pid::from(&child))?;
/// assert_eq!(exited.status.code(), Some(3));
/// assert_eq!(child::wait(Pid::from(&child)), Err(Errno::ECHILD));
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// Source: POSIX.1-2024
/// [`waitpid`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/wait.html).
#[doc(alias = "waitpid")]
#[doc(alias = "wait4")]
pub fn wait(pid: Pid) -> Result<Exited> {
    loop {
        if let Some(exited) = ended(Which::Pid(pid), 0)? {
            return Ok(exited);
        }
    }
}

/// As [`wait`], for no longer than `timeout`: `None` when the time is over and the child still
/// runs. `Duration::ZERO` is [`reap`].
///
/// The time is measured on the monotonic clock, once from start to end, however often handlers
/// interrupt. No handler of SIGCHLD is needed, and what one wait costs does not depend on how many
/// children there are: it waits on a descriptor of that very process, which is closed when this
/// returns. Not async-signal-safe.
///
/// Errors: as for [`wait`]. Where there can be no descriptor it waits in another way: see below.
///
/// Platforms: `pidfd_open` on Linux, `kqueue` on macOS and the BSDs. On the others, and where a
/// sandbox, an old kernel (before Linux 5.3) or a full table of descriptors refuses that, a
/// [`SelfPipe`] on SIGCHLD wakes it, so that system calls of other threads can be interrupted; and
/// it looks every 5 milliseconds where there can be none (32 are in use, SIGCHLD is ignored) or
/// this thread blocks SIGCHLD. There the time is rounded up to the next millisecond.
///
/// On Linux, the number of a child that somebody else has reaped can be another process's
/// meanwhile: that one is not waited for, and the error is `ECHILD`.
///
/// ```
/// use signal::{child, kill, Pid, SIGTERM};
/// use std::time::Duration;
///
/// let child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
/// let pid = Pid::from(&child);
/// assert_eq!(child::wait_timeout(pid, Duration::from_millis(10))?, None);
/// kill(pid, SIGTERM)?;
/// let exited = child::wait_timeout(pid, Duration::from_secs(60))?.expect("it ends");
/// assert_eq!(exited.status.signal(), Some(SIGTERM));
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// Source: `pidfd_open(2)` of Linux, `kqueue(2)` of the BSDs; Stevens, UNP 14.9.
#[doc(alias = "pidfd_open")]
#[doc(alias = "kqueue")]
pub fn wait_timeout(pid: Pid, timeout: Duration) -> Result<Option<Exited>> {
    let deadline = Deadline::after(timeout);
    let found = reap(pid)?;
    if found.is_some() || timeout == Duration::ZERO {
        return Ok(found);
    }
    match PidFd::open(pid.as_raw()) {
        Ok(process) => wait_by_descriptor(&process, pid, deadline),
        Err(_) => wait_by_signal(pid, deadline),
    }
}

fn wait_by_descriptor(process: &PidFd, pid: Pid, deadline: Deadline) -> Result<Option<Exited>> {
    let mut has_ended = false;
    loop {
        // In this order, so that the last look comes after the last sleep. The first look makes
        // sure that the descriptor is a child's: somebody else may have reaped that by now.
        let is_over = deadline.is_over();
        match process.collect(pid.as_raw()) {
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
            Ok(Some(report)) => return Ok(exited(report)),
            Ok(None) if is_over => return Ok(None),
            // It has ended, and its status is on the way, or is its tracer's for now.
            Ok(None) if has_ended => sleep(Duration::from_millis(1), deadline),
            Ok(None) => match process.wait(deadline.left()) {
                Ok(ready) => has_ended = ready,
                Err(Errno::EINTR) => {}
                // A sandbox: that again and again would spin.
                Err(_) => return wait_by_signal(pid, deadline),
            },
        }
    }
}

/// How often to look where no signal may come.
const LOOK: Duration = Duration::from_millis(5);
/// And where one should come: somebody may have installed a handler over the pipe, or have blocked
/// the signal in every other thread.
const SELDOM: Duration = Duration::from_millis(100);

fn wait_by_signal(pid: Pid, deadline: Deadline) -> Result<Option<Exited>> {
    // A pipe would keep the statuses that the program has asked the system to throw away.
    let pipe = if statuses_are_discarded() { None } else { SelfPipe::new(SIGCHLD).ok() };
    let interval = if blocked().contains(SIGCHLD) { LOOK } else { SELDOM };
    loop {
        let is_over = deadline.is_over();
        let found = reap(pid)?;
        if found.is_some() || is_over {
            return Ok(found);
        }
        match &pipe {
            // Whatever has come: look again.
            Some(pipe) => {
                if pipe.wait_timeout(shorter(interval, deadline)).is_err() {
                    sleep(LOOK, deadline);
                }
            }
            None => sleep(LOOK, deadline),
        }
    }
}

fn shorter(time: Duration, deadline: Deadline) -> Duration {
    deadline.left().map_or(time, |left| left.min(time))
}

fn sleep(time: Duration, deadline: Deadline) {
    let time = shorter(time, deadline);
    match poll(-1, 0, Deadline::after(time)) {
        Ok(_) | Err(Errno::EINTR) => {}
        // A sandbox: that again and again would spin.
        Err(_) => {
            let _ = sigtimedwait(SignalSet::empty().to_words(), Some(time));
        }
    }
}
