//! Sending signals: one name for each kind of target.

use crate::errno::{check, Errno, Result};
use crate::handler::Handler;
use crate::install::{install, InstallGuard};
use crate::pid::Pid;
use crate::sigmask;
use crate::signal::{DefaultEffect, Signal, SIGSTOP};
use crate::sys;
use crate::sys::queue::Value;
use libc::{c_int, c_void};

/// Sends a signal to the calling thread. If it is not blocked its handler has run when this
/// returns. Async-signal-safe.
///
/// Errors: [`Errno::EINVAL`] for a signal that the C library reserves, where it refuses to send that
/// (glibc).
///
/// Source: POSIX.1-2024
/// [`raise`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/raise.html).
pub fn raise(signal: Signal) -> Result<()> {
    // SAFETY: takes a plain value. What the signal does was decided by the one that installed its
    // action.
    match unsafe { libc::raise(signal.as_raw()) } {
        0 => Ok(()),
        _ => Err(Errno::last()),
    }
}

/// Sends a signal to a process, to any of its threads that does not block it. Async-signal-safe.
///
/// Errors: [`Errno::ESRCH`] if there is no such process, [`Errno::EPERM`] if it belongs to somebody
/// else.
///
/// ```no_run
/// use signal::{kill, Pid, SIGTERM};
///
/// let child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
/// kill(Pid::from(&child), SIGTERM)?;
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// Source: POSIX.1-2024
/// [`kill`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/kill.html).
pub fn kill(pid: Pid, signal: Signal) -> Result<()> {
    // SAFETY: takes plain values.
    check(unsafe { libc::kill(pid.as_raw(), signal.as_raw()) }).map(drop)
}

/// Sends a signal to every process of a group. Async-signal-safe.
///
/// Errors: [`Errno::ESRCH`] if there is no such group, [`Errno::EPERM`] if all of it belongs to
/// somebody else, [`Errno::EINVAL`] for group 1 unless it is the caller's own: to the system, that
/// would mean every process there is.
///
/// Source: POSIX.1-2024
/// [`killpg`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/killpg.html).
#[doc(alias = "killpg")]
pub fn kill_group(group: Pid, signal: Signal) -> Result<()> {
    if group.as_raw() == 1 {
        // SAFETY: takes nothing and cannot fail.
        return if unsafe { libc::getpgrp() } == 1 {
            kill_own_group(signal)
        } else {
            Err(Errno::EINVAL)
        };
    }
    // SAFETY: takes plain values.
    check(unsafe { libc::kill(-group.as_raw(), signal.as_raw()) }).map(drop)
}

/// Sends a signal to every process of the caller's own group, the caller included.
/// Async-signal-safe.
///
/// Be sure that the group is your own. In 2001 the sending of one mail killed every file server of
/// a machine: all services had been started by one parent and shared its process group, and the
/// mail service called `kill(0, SIGUSR1)` to tell its own children that mail had come. The default
/// effect of SIGUSR1 is to terminate. The cure was `setsid()` in the child, after `fork` and before
/// `exec`.
///
/// Source: POSIX.1-2024
/// [`kill`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/kill.html) with pid 0.
pub fn kill_own_group(signal: Signal) -> Result<()> {
    // SAFETY: takes plain values.
    check(unsafe { libc::kill(0, signal.as_raw()) }).map(drop)
}

/// Whether there is a process with this id, whatever its owner. A zombie is one.
/// Async-signal-safe.
///
/// The id may belong to another process a moment later, unless it is that of a child not reaped
/// yet.
///
/// Source: POSIX.1-2024
/// [`kill`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/kill.html) with signal 0.
pub fn exists(pid: Pid) -> bool {
    // SAFETY: takes plain values; signal 0 is never sent.
    check(unsafe { libc::kill(pid.as_raw(), 0) }) != Err(Errno::ESRCH)
}

/// Sends a signal to a process, with a value for [`Info::value`](crate::Info::value). Realtime
/// signals queue, each with its own. Async-signal-safe.
///
/// Errors: those of [`kill`]; [`Errno::EAGAIN`] when the queue is full (`RLIMIT_SIGPENDING`), but on
/// Linux a signal that is not a realtime signal is sent all the same then, without its value;
/// [`Errno::ENOSYS`] on macOS, OpenBSD, DragonFly and Hurd, which have no `sigqueue`.
///
/// ```
/// use signal::{queue, BlockGuard, Pid, SignalSet, SIGUSR1};
///
/// let _guard = BlockGuard::new(SIGUSR1);
/// match queue(Pid::current(), SIGUSR1, 42) {
///     Ok(()) => assert_eq!(SignalSet::from(SIGUSR1).wait()?.value(), Some(42)),
///     Err(error) => assert_eq!(error, signal::Errno::ENOSYS),
/// }
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// Source: POSIX.1-2024
/// [`sigqueue`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigqueue.html).
#[doc(alias = "sigqueue")]
pub fn queue(pid: Pid, signal: Signal, value: c_int) -> Result<()> {
    sys::queue::sigqueue(pid.as_raw(), signal.as_raw(), Value::Int(value))
}

/// [`queue`] with a pointer as the value, for [`Info::pointer_value`](crate::Info::pointer_value).
/// It is a number to the system, and means something to this process alone. Async-signal-safe;
/// errors as for [`queue`].
///
/// ```
/// use signal::{queue_pointer, BlockGuard, Pid, SignalSet, SIGUSR1};
///
/// static JOB: u64 = 42;
/// let _guard = BlockGuard::new(SIGUSR1);
/// match queue_pointer(Pid::current(), SIGUSR1, &JOB as *const u64 as *mut _) {
///     Ok(()) => {
///         let job = SignalSet::from(SIGUSR1).wait()?.pointer_value();
///         assert_eq!(job, Some(&JOB as *const u64 as *mut _));
///     }
///     Err(error) => assert_eq!(error, signal::Errno::ENOSYS),
/// }
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// Source: POSIX.1-2024
/// [`sigqueue`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigqueue.html).
#[doc(alias = "sigqueue")]
pub fn queue_pointer(pid: Pid, signal: Signal, value: *mut c_void) -> Result<()> {
    sys::queue::sigqueue(pid.as_raw(), signal.as_raw(), Value::Pointer(value))
}

/// Sends a signal to one thread of this process. A thread that has ended but was not joined keeps
/// its id: nothing happens then, or it is [`Errno::ESRCH`]. Async-signal-safe.
///
/// The signal interrupts a system call of that thread, if its action does not restart them. Other
/// errors are those of [`raise`].
///
/// ```
/// use signal::{install, kill_thread, Action, SIGUSR1};
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use std::time::Duration;
///
/// static CAUGHT: AtomicUsize = AtomicUsize::new(0);
/// install(SIGUSR1, Action::new(&CAUGHT).restart(false))?;
/// let sleeper = std::thread::spawn(|| {
///     while CAUGHT.load(Ordering::Acquire) == 0 {
///         std::thread::sleep(Duration::from_millis(1));
///     }
/// });
/// kill_thread(&sleeper, SIGUSR1)?;
/// sleeper.join().unwrap();
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// Source: POSIX.1-2024
/// [`pthread_kill`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/pthread_kill.html).
#[cfg(feature = "std")]
#[doc(alias = "pthread_kill")]
pub fn kill_thread<T>(thread: &std::thread::JoinHandle<T>, signal: Signal) -> Result<()> {
    use std::os::unix::thread::JoinHandleExt;
    // SAFETY: the handle is borrowed, so that nobody joins or detaches the thread meanwhile.
    unsafe { sys::threads::kill(thread.as_pthread_t(), signal.as_raw()) }
}

/// Ends the process by this signal, so that its parent sees just that: default disposition,
/// unblock, raise. Async-signal-safe.
///
/// This is how a program that catches SIGINT to clean up should end, or a shell script that runs it
/// continues. If the signal does not end a process (SIGCHLD, SIGSTOP once it is continued, most
/// signals to process 1), it exits with 128 + its number as shells report it. `atexit` functions
/// and destructors do not run.
///
/// ```
/// use signal::{child, die_by, SIGTERM};
///
/// // SAFETY: this process has one thread.
/// let pid = match signal::Pid::from_raw(unsafe { libc::fork() }) {
///     Some(child) => child,
///     None => die_by(SIGTERM),
/// };
/// let exited = loop {
///     if let Some(exited) = child::reap(pid)? {
///         break exited;
///     }
/// };
/// assert_eq!(exited.status.signal(), Some(SIGTERM));
/// # Ok::<(), signal::Errno>(())
/// ```
pub fn die_by(signal: Signal) -> ! {
    // SIGKILL has no other disposition, and fails here.
    let _ = install(signal, Handler::Default);
    sigmask::set(libc::SIG_UNBLOCK, signal.into());
    let _ = raise(signal);
    // SAFETY: takes a plain value and does not return.
    unsafe { libc::_exit(128 + signal.as_raw()) }
}

/// Stops the process by this signal, as its default effect would, and returns when SIGCONT has
/// continued it. The mask and the signal's handler are then what they were. Async-signal-safe.
///
/// For programs that catch SIGTSTP to leave the terminal in order before they stop: an editor, a
/// pager. The handler sets a flag, or a self-pipe hears it; then:
///
/// ```no_run
/// use signal::{stop_by, SelfPipe, SIGTSTP};
/// # fn restore_terminal() {}
/// # fn redraw() {}
///
/// let pipe = SelfPipe::new(SIGTSTP)?;
/// while pipe.wait()?.contains(SIGTSTP) {
///     restore_terminal();
///     stop_by(SIGTSTP)?; // the shell says "Stopped", and `fg` lets it return
///     redraw();
/// }
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// All threads stop. A handler that another thread installs meanwhile stays.
///
/// Errors: [`Errno::EINVAL`] for a signal whose default effect is not to stop (it is SIGTSTP,
/// SIGTTIN, SIGTTOU or SIGSTOP).
///
/// It returns at once where the default effect would not stop either: for all but SIGSTOP in a
/// process group that is orphaned, since no shell could continue it; and in process 1 of a
/// container.
///
/// Source: Stevens, APUE 10.21.
#[doc(alias = "SIGTSTP")]
pub fn stop_by(signal: Signal) -> Result<()> {
    if signal.default_effect() != DefaultEffect::Stop {
        return Err(Errno::EINVAL);
    }
    if signal == SIGSTOP {
        return raise(SIGSTOP);
    }
    // Pending and then unblocked, so that one that is pending already does not stop it twice:
    // SIGCONT takes back whatever would stop.
    let before = sigmask::swap(libc::SIG_BLOCK, signal.into());
    let stopped = InstallGuard::new(signal, Handler::Default).and_then(|_installed| {
        raise(signal)?;
        sigmask::set(libc::SIG_UNBLOCK, signal.into());
        // Blocked again before the handler is back.
        sigmask::set(libc::SIG_BLOCK, signal.into());
        Ok(())
    });
    sigmask::set(libc::SIG_SETMASK, before);
    stopped
}
