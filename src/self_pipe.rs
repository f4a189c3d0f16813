//! The self-pipe: signals as something to read, for event loops.

mod registry;

use self::registry::{unwatch, watch, watchers, How, CHOSEN, REGISTRY};
use crate::action::Flags;
use crate::deadline::{poll, Deadline};
use crate::entry::pipe::{Slot, Taken, PIPES, SLOTS};
use crate::entry::queue::{InfoQueue, Ring};
use crate::errno::{Errno, KeepErrno, Result};
use crate::info::Info;
use crate::lock::Locked;
use crate::set::SignalSet;
use crate::signal::Signal;
use crate::sys::wake_fd::WakeFd;
use core::fmt;
use core::time::Duration;
use libc::c_int;

/// Turns signals into something to read: a descriptor for any event loop, and the set of signals
/// that have arrived.
///
/// The handler puts the signal into a bitmap and notifies a descriptor, an `eventfd` or a pipe; the
/// reader drains the descriptor and takes the bitmap. Who sent a signal, and with which value, is
/// known with a queue ([`with_queue`](SelfPipe::with_queue)).
///
/// ```
/// use signal::{SelfPipe, SIGCHLD, SIGTERM};
///
/// let pipe = SelfPipe::new(SIGCHLD | SIGTERM)?;
/// signal::raise(SIGTERM)?;
///
/// let mut fds = [libc::pollfd { fd: pipe.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
/// // SAFETY: one entry.
/// signal::retry(|| match unsafe { libc::poll(fds.as_mut_ptr(), 1, -1) } {
///     -1 => Err(signal::Errno::last()),
///     ready => Ok(ready),
/// })?;
/// for signal in pipe.pending() {
///     assert_eq!(signal, SIGTERM);
/// }
/// # Ok::<(), signal::Errno>(())
/// ```
///
/// # What is promised
///
/// - **No signal number is lost**, however many arrive: each one that came since the last look is
///   in the set. How often it came is not told, as the kernel does not tell it either: reap in a
///   loop.
/// - The descriptor is notified once until it is drained, so that it never fills. In a storm, the
///   handler makes no system call for a signal that is yet to be read (with a queue, and where
///   nothing marks a process, one: `getpid`).
/// - It keeps its number and its open file as long as the pipe lives (except that
///   [`reopen`](SelfPipe::reopen) in a child gives that a file of its own), is never 0, 1 or 2, and
///   works edge-triggered: each [`pending`](SelfPipe::pending) or [`infos`](SelfPipe::infos) arms
///   it again, and what arrives after that makes a new edge.
/// - Several pipes may watch the same signal, and each is told. A function that was installed
///   before (or a `Flag`, or a `Count`) is called too, with all signals blocked. A default or
///   ignoring disposition is replaced.
/// - After `fork` the child neither wakes its parent nor takes from it, and what the child receives
///   is not lost: call [`reopen`](SelfPipe::reopen), or just use the pipe, and the same descriptor
///   numbers are the child's own. (An `epoll` or `kqueue` made before the fork still watches the
///   parent's: make a new one.) What the parent had received and not yet read stays with the
///   parent.
/// - Dropping it restores the dispositions and closes the descriptors.
///
/// # What it asks for
///
/// - **The signal must be unblocked in some thread.** What inherits a block never hears: a program
///   that was started with a signal blocked (`env --block-signal`, a careless supervisor) calls
///   [`unblock`](crate::unblock) first, or `session::reset_signals`.
/// - **It restarts interrupted system calls**, except after SIGALRM: a `read` at a terminal
///   continues after SIGINT. Flags of your own: [`insert_with`](SelfPipe::insert_with).
/// - **It asks for no SIGCHLD when a child stops or continues** (`SA_NOCLDSTOP`). A shell takes
///   [`insert_with`](SelfPipe::insert_with).
/// - **While its handler runs everything is blocked** that can be without harm
///   ([`SignalSet::asynchronous`]), also while it calls a function that was there before, and in a
///   program that this executes; and it runs on the alternate stack, if the thread has one. Over a
///   function, the flags of its owner stay.
/// - A signal that is ignored is watched all the same, unless
///   [`new_unless_ignored`](SelfPipe::new_unless_ignored) leaves it out.
///
/// # What is not promised
///
/// - A handler that somebody installs over a watched signal decides whether the pipe hears.
///   signal-hook and tokio call on what they replace, and so do other versions of this crate: all
///   hear. ctrlc, nix and most C code do not: make the pipe after them, or
///   [`insert`](SelfPipe::insert) the signal again: [with others](crate::guide::neighbours).
/// - A fault (SIGSEGV, SIGBUS, SIGFPE or SIGILL that was not sent) cannot be watched: where no
///   other handler was there before, it has its default effect, and the process ends.
/// - What has arrived and was not read is gone with the pipe. To lose nothing at the end,
///   [`remove`](SelfPipe::remove) the signals, look once more with [`pending`](SelfPipe::pending),
///   and drop the pipe: a signal under way meanwhile is either in that look or has the effect of
///   before.
/// - A child that closes descriptors that it inherited must drop the pipe first: dropping or
///   reopening it later would hit whatever has been given the numbers since.
/// - Its functions are not async-signal-safe. All may be called from several threads at once.
///
/// Guide: [children](crate::guide::children), [with others](crate::guide::neighbours). In tokio, mio
/// and other loops:
/// [adapters](https://github.com/posix-signal/posix-signal/blob/main/docs/event-loops.md).
///
/// Source: D. J. Bernstein, [the self-pipe trick](https://cr.yp.to/docs/selfpipe.html); Stevens,
/// UNP 22.3 to 22.5.
#[must_use = "the signals are watched until it is dropped"]
pub struct SelfPipe {
    index: usize,
}

impl SelfPipe {
    /// Watches the signals of `set`, with the flags that suit a pipe: system calls are restarted,
    /// except after SIGALRM; SIGCHLD comes for children that end, not for those that stop. Over a
    /// function that was installed before, the flags of its owner stay.
    ///
    /// Errors, after which dispositions and descriptors are as before: [`Errno::EMFILE`] and
    /// [`Errno::ENFILE`] when there is no descriptor left, [`Errno::ENOSPC`] when the process has
    /// 32 pipes already, [`Errno::EINVAL`] for SIGKILL and SIGSTOP, [`Errno::ELOOP`] when pipes
    /// have been made over four different handlers of a signal already, and now a fifth is there.
    pub fn new(set: impl Into<SignalSet>) -> Result<SelfPipe> {
        SelfPipe::open(set.into(), How::Usual, None)
    }

    /// As [`new`](SelfPipe::new), but leaves out the signals that are ignored, and those that were
    /// before a pipe of this process came to watch them: [`watched`](SelfPipe::watched) says which
    /// remain.
    ///
    /// `nohup` has SIGHUP ignored, and a shell without job control SIGINT and SIGQUIT of what it
    /// starts in the background. A program that watches them all the same can no longer be left
    /// running.
    ///
    /// ```
    /// use signal::{install, Handler, SelfPipe, SIGHUP, SIGTERM};
    ///
    /// install(SIGHUP, Handler::Ignore)?; // as nohup does
    /// let pipe = SelfPipe::new_unless_ignored(SIGHUP | SIGTERM)?;
    /// assert_eq!(pipe.watched(), SIGTERM.into());
    /// # Ok::<(), signal::Errno>(())
    /// ```
    ///
    /// Source: Stevens, APUE 10.7; POSIX.1-2024
    /// [`nohup`](https://pubs.opengroup.org/onlinepubs/9799919799/utilities/nohup.html).
    pub fn new_unless_ignored(set: impl Into<SignalSet>) -> Result<SelfPipe> {
        SelfPipe::open(set.into(), How::UnlessIgnored, None)
    }

    /// As [`new`](SelfPipe::new), and its handlers put what they know of each signal into `queue`:
    /// who sent it, and the values of [`queue`](crate::queue). [`infos`](SelfPipe::infos) reads it.
    ///
    /// A signal that is not a realtime signal has one info for all that came while it was pending.
    /// What finds no room is counted ([`InfoQueue::lost`]), and its number reported all the same.
    /// The queue begins empty, and is free for another pipe when this one is dropped.
    ///
    /// Errors, after which everything is as before: those of [`new`](SelfPipe::new), and
    /// [`Errno::EBUSY`] for a queue that another pipe has.
    ///
    /// ```
    /// use signal::{InfoQueue, Pid, SelfPipe, Signal};
    ///
    /// static QUEUE: InfoQueue<100> = InfoQueue::new();
    ///
    /// if let Some(job) = Signal::realtime(0) {
    ///     let pipe = SelfPipe::with_queue(job, &QUEUE)?;
    ///     for number in 1..=3 {
    ///         signal::queue(Pid::current(), job, number)?;
    ///     }
    ///     pipe.wait()?;
    ///     let values: Vec<_> = pipe.infos().filter_map(|info| info.value()).collect();
    ///     assert_eq!((values, QUEUE.lost()), (vec![1, 2, 3], 0));
    /// }
    /// # Ok::<(), signal::Errno>(())
    /// ```
    ///
    /// Platforms: the [`Info`] is the kernel's, with what that fills in. Where another handler
    /// stands over the pipe's own and passes a signal on, or C's `signal` has put that back without
    /// its flags, it tells the number alone.
    ///
    /// Source: POSIX.1-2024 XSH 2.4, Signal Concepts; Stevens, APUE 10.20.
    pub fn with_queue<const N: usize>(
        set: impl Into<SignalSet>,
        queue: &'static InfoQueue<N>,
    ) -> Result<SelfPipe> {
        SelfPipe::open(set.into(), How::Usual, Some(queue.ring()))
    }

    fn open(set: SignalSet, how: How, queue: Option<&'static Ring>) -> Result<SelfPipe> {
        let registry = REGISTRY.lock();
        if queue.map_or(false, |queue| PIPES.iter().any(|slot| slot.uses(queue))) {
            return Err(Errno::EBUSY);
        }
        let index = PIPES.iter().position(Slot::is_free).ok_or(Errno::ENOSPC)?;
        PIPES[index].open(WakeFd::new()?, queue);
        let pipe = SelfPipe { index };
        for signal in set {
            if let Err(error) = watch(&registry, index, signal, how) {
                // While the lock blocks what arrives: that must not come to a pipe which nobody
                // will read.
                pipe.close(&registry);
                core::mem::forget(pipe);
                return Err(error);
            }
        }
        Ok(pipe)
    }

    fn slot(&self) -> &'static Slot {
        // The remainder changes nothing; with it, the compiler sees no way to panic.
        &PIPES[self.index % SLOTS]
    }

    /// The descriptor to wait for: becomes readable when something arrives; it may also be readable
    /// spuriously. Read it through [`pending`](SelfPipe::pending), [`infos`](SelfPipe::infos) and
    /// the two that wait.
    pub fn as_raw_fd(&self) -> c_int {
        self.slot().fd()
    }

    /// The signals that it watches.
    pub fn watched(&self) -> SignalSet {
        let watches = |signal: &Signal| watchers(*signal) & self.bit() != 0;
        SignalSet::full().iter().filter(watches).collect()
    }

    /// What has arrived since the last look, perhaps nothing. Never blocks.
    pub fn pending(&self) -> SignalSet {
        self.take().signals
    }

    fn take(&self) -> Taken {
        // Where that fails (no descriptor left in a child) the descriptor stays the parent's and is
        // left alone.
        let _ = self.reopen();
        self.slot().take()
    }

    /// Sleeps until something has arrived, and returns it. Handlers of other signals run meanwhile
    /// and do not end the wait. The set is empty if [`wake`](SelfPipe::wake) was called and no
    /// signal has arrived.
    ///
    /// Errors: those of [`reopen`](SelfPipe::reopen); [`Errno::EBADF`] if somebody has closed the
    /// descriptor.
    pub fn wait(&self) -> Result<SignalSet> {
        // Without a limit the time cannot be over.
        self.wait_until(Deadline::NEVER)?.ok_or(Errno::EAGAIN)
    }

    /// As [`wait`](SelfPipe::wait), for no longer than `timeout`: `None` when the time is over.
    /// Measured on the monotonic clock, once from start to end.
    pub fn wait_timeout(&self, timeout: Duration) -> Result<Option<SignalSet>> {
        self.wait_until(Deadline::after(timeout))
    }

    fn wait_until(&self, deadline: Deadline) -> Result<Option<SignalSet>> {
        self.reopen()?;
        // `infos` leaves the set where it is, and the descriptor not readable.
        if self.slot().has_queue() {
            let taken = self.take();
            if taken.woken || !taken.signals.is_empty() {
                return Ok(Some(taken.signals));
            }
        }
        loop {
            match poll(self.as_raw_fd(), libc::POLLIN, deadline) {
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error),
                Ok(false) if !deadline.is_over() => {}
                Ok(false) => return Ok(None),
                Ok(true) => {
                    let taken = self.take();
                    // Another thread may have been faster.
                    if taken.woken || !taken.signals.is_empty() {
                        return Ok(Some(taken.signals));
                    }
                }
            }
        }
    }

    /// What is known of the signals that have arrived, the oldest first, as far as the queue had
    /// room (see [`with_queue`](SelfPipe::with_queue)): empty for a pipe without a queue. Never
    /// blocks; what arrives while it is read is read too.
    ///
    /// Call it each time that the descriptor is readable or [`wait`](SelfPipe::wait) returns. It
    /// makes the descriptor unreadable until more arrives, so that an event loop that wants no more
    /// than infos need not ask for the set. The set stays until [`pending`](SelfPipe::pending) or
    /// [`wait`](SelfPipe::wait) takes it; a thread that sleeps in `wait` meanwhile is not woken for
    /// what this one has read.
    ///
    /// **An event loop that wants both takes them in turn, the set first, until the set is empty.**
    /// Each of the two makes the descriptor unreadable, even if something has arrived in between
    /// that the other has yet to take.
    ///
    /// Infos stand in the order in which the handlers began: for realtime signals in the order of
    /// sending, if one thread alone has them unblocked. Several threads may read; each info is for
    /// one of them. In a forked child it begins empty. (Those that came for the child before it
    /// made the pipe its own count as lost.)
    ///
    /// ```
    /// use signal::{InfoQueue, SelfPipe, SIGHUP, SIGTERM};
    ///
    /// static QUEUE: InfoQueue<16> = InfoQueue::new();
    ///
    /// let pipe = SelfPipe::with_queue(SIGTERM | SIGHUP, &QUEUE)?;
    /// signal::raise(SIGTERM)?;
    /// for signal in pipe.wait()? {
    ///     println!("{signal} has arrived");
    /// }
    /// for info in pipe.infos() {
    ///     println!("{} was sent by {:?}", info.signal(), info.sender_pid());
    /// }
    /// # Ok::<(), signal::Errno>(())
    /// ```
    ///
    /// Source: as for [`with_queue`](SelfPipe::with_queue).
    pub fn infos(&self) -> impl Iterator<Item = Info> + '_ {
        // As in `pending`; until it succeeds there are none.
        let _ = self.reopen();
        self.slot().quiet();
        core::iter::from_fn(move || self.slot().next_info())
    }

    /// Ends a [`wait`](SelfPipe::wait) without a signal: the next one to return, or one that sleeps
    /// now, returns an empty set, unless signals have arrived too. The descriptor becomes readable,
    /// as for a signal; [`pending`](SelfPipe::pending) takes the wake-up back with what else it
    /// takes. Several calls before that count as one.
    ///
    /// For other threads that have work for the reader, and for handlers. Async-signal-safe; keeps
    /// `errno`.
    ///
    /// ```
    /// use signal::{SelfPipe, SignalSet, SIGTERM};
    ///
    /// let pipe = SelfPipe::new(SIGTERM)?;
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| pipe.wake());
    ///     assert_eq!(pipe.wait(), Ok(SignalSet::empty()));
    /// });
    /// # Ok::<(), signal::Errno>(())
    /// ```
    ///
    /// Source: D. J. Bernstein, [the self-pipe trick](https://cr.yp.to/docs/selfpipe.html).
    pub fn wake(&self) {
        let _errno = KeepErrno::new();
        self.slot().wake();
    }

    /// Watches one more signal, with the flags that [`new`](SelfPipe::new) would choose. Errors as
    /// there.
    pub fn insert(&self, signal: Signal) -> Result<()> {
        watch(&REGISTRY.lock(), self.index, signal, How::Usual)
    }

    /// Watches one more signal, or one that it watches already, with exactly these of
    /// [`Flags::RESTART`] and [`Flags::NOCLDSTOP`]: also where another pipe watches the signal, or
    /// a handler was there before. The disposition belongs to the process: the last call decides
    /// for all.
    ///
    /// For programs that want a system call to fail with EINTR when the signal comes (a line editor
    /// in `read`), or want to hear of children that stop (a shell).
    ///
    /// Errors, after which everything is as before: those of [`new`](SelfPipe::new), and
    /// [`Errno::EINVAL`] for other flags.
    ///
    /// ```
    /// use signal::{query, Flags, SelfPipe, SIGCHLD, SIGINT};
    ///
    /// let pipe = SelfPipe::new(SIGCHLD | SIGINT)?;
    /// assert!(query(SIGCHLD)?.installed_flags().contains(Flags::NOCLDSTOP));
    /// pipe.insert_with(SIGCHLD, Flags::RESTART)?;
    /// assert!(!query(SIGCHLD)?.installed_flags().contains(Flags::NOCLDSTOP));
    /// pipe.insert_with(SIGINT, Flags::empty())?;
    /// assert!(!query(SIGINT)?.installed_flags().contains(Flags::RESTART));
    /// # Ok::<(), signal::Errno>(())
    /// ```
    ///
    /// Platforms: QNX has no `RESTART`.
    ///
    /// Source: POSIX.1-2024
    /// [`sigaction`](https://pubs.opengroup.org/onlinepubs/9799919799/functions/sigaction.html).
    pub fn insert_with(&self, signal: Signal, flags: Flags) -> Result<()> {
        if !CHOSEN.contains(flags) {
            return Err(Errno::EINVAL);
        }
        watch(&REGISTRY.lock(), self.index, signal, How::With(flags))
    }

    /// Stops watching a signal and, unless another pipe watches it, restores its disposition. What
    /// has arrived already stays to be read.
    pub fn remove(&self, signal: Signal) -> Result<()> {
        unwatch(&REGISTRY.lock(), self.index, signal)
    }

    /// After `fork`, in the child: makes the pipe the child's own, under the same descriptor
    /// numbers. In the process that owns it already it does nothing. The first use in a child does
    /// this too; an event loop must call it before it waits, since until then the descriptor is the
    /// parent's.
    ///
    /// Errors: [`Errno::EMFILE`] and [`Errno::ENFILE`]; it may be tried again.
    ///
    /// ```
    /// use signal::{SelfPipe, SIGUSR1};
    ///
    /// let pipe = SelfPipe::new(SIGUSR1)?;
    /// // SAFETY: this process has one thread, and the child calls `_exit`.
    /// match unsafe { libc::fork() } {
    ///     0 => {
    ///         let mine = pipe.reopen().and_then(|()| signal::raise(SIGUSR1)).is_ok();
    ///         let heard = pipe.pending().contains(SIGUSR1);
    ///         // SAFETY: ends the child at once.
    ///         unsafe { libc::_exit(i32::from(!(mine && heard))) }
    ///     }
    ///     child => {
    ///         let mut status = -1;
    ///         // SAFETY: room for the status.
    ///         unsafe { libc::waitpid(child, &mut status, 0) };
    ///         assert_eq!(status, 0);
    ///         assert!(pipe.pending().is_empty());
    ///     }
    /// }
    /// # Ok::<(), signal::Errno>(())
    /// ```
    pub fn reopen(&self) -> Result<()> {
        if self.slot().is_own() {
            return Ok(());
        }
        let _registry = REGISTRY.lock();
        // Another thread may have been faster.
        if self.slot().is_own() {
            return Ok(());
        }
        self.slot().reopen()
    }

    /// To be called once.
    fn close(&self, registry: &Locked<'_>) {
        for signal in self.watched() {
            // Cannot fail: the kernel has accepted this action for this signal before.
            let _ = unwatch(registry, self.index, signal);
        }
        self.slot().close();
    }

    fn bit(&self) -> u32 {
        1 << self.index
    }
}

impl Drop for SelfPipe {
    fn drop(&mut self) {
        self.close(&REGISTRY.lock());
    }
}

impl fmt::Debug for SelfPipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelfPipe")
            .field("fd", &self.as_raw_fd())
            .field("watched", &self.watched())
            .finish()
    }
}

#[cfg(feature = "std")]
impl std::os::unix::io::AsRawFd for SelfPipe {
    fn as_raw_fd(&self) -> c_int {
        SelfPipe::as_raw_fd(self)
    }
}

#[cfg(feature = "std")]
impl std::os::unix::io::AsFd for SelfPipe {
    fn as_fd(&self) -> std::os::unix::io::BorrowedFd<'_> {
        // SAFETY: the descriptor is open as long as the pipe lives.
        unsafe { std::os::unix::io::BorrowedFd::borrow_raw(self.as_raw_fd()) }
    }
}
