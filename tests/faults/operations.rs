//! The functions of the library that can fail, and what comes of each failure of a system call.

use super::Outcome::{self, *};
use crate::common::{self, fork, pipe, FLAG};
use signal::session::PidFile;
use signal::timer::{self, Timer};
use signal::{child, install, owner, session, AltStack, BlockGuard, Errno, Flags, Handler};
use signal::{InfoQueue, InstallGuard, Pid, SelfPipe, SignalFd, SignalSet};
use signal::{SIGCHLD, SIGUSR1, SIGUSR2};
use std::any::Any;
use std::time::Duration;

/// One attempt; what it returns is undone when it is dropped.
pub type Attempt = Box<dyn FnMut() -> Result<Box<dyn Any>, Errno>>;

pub struct Operation {
    pub name: &'static str,
    pub prepare: fn() -> Attempt,
    /// What is not `Reported`: a call, perhaps one error only, and what comes of that.
    except: &'static [(&'static str, i32, Outcome)],
    /// It cannot be done twice.
    pub is_once: bool,
}

const ANY: i32 = 0;

/// The first use of the library in a process asks for a page that is never given back.
pub const THE_FIRST: &str = "SelfPipe::new, the first";

/// What holds everywhere.
#[rustfmt::skip]
const COMMON: &[(&str, i32, Outcome)] = &[
    ("rt_sigprocmask", ANY, Aborts),
    // An old kernel or a sandbox: a pipe, or the pid, does it as well.
    ("eventfd2", libc::EINVAL, Done), ("eventfd2", libc::ENOSYS, Done), ("eventfd2", libc::ENODEV, Done),
    // The first use of the library; the pid does it.
    ("mmap", ANY, Done), ("madvise", ANY, Done),
];

impl Operation {
    pub fn outcome(&self, call: &str, _nth: usize, errno: i32) -> Outcome {
        let fits = |row: &&(&str, i32, Outcome)| row.0 == call && (row.1 == ANY || row.1 == errno);
        self.except.iter().chain(COMMON).find(fits).map_or(Reported, |row| row.2)
    }

    /// Left out: a notification and a drain that fail. One that the descriptor does not take finds
    /// it readable, one that finds nothing to read is the last; nothing else comes of an eventfd.
    pub fn is_tried(&self, call: &str, _nth: usize, _errno: i32) -> bool {
        !matches!(call, "read" | "write") || self.name.starts_with("session")
    }
}

fn anything<T: 'static>(result: Result<T, Errno>) -> Result<Box<dyn Any>, Errno> {
    result.map(|value| Box::new(value) as Box<dyn Any>)
}

struct Undo<F: FnMut()>(F);

impl<F: FnMut()> Drop for Undo<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn undone_by(
    result: Result<(), Errno>,
    undo: impl FnMut() + 'static,
) -> Result<Box<dyn Any>, Errno> {
    anything(result.map(|()| Undo(undo)))
}

/// The process has made a pipe before, as after its first moments.
fn warm() {
    drop(SelfPipe::new(SIGUSR2).unwrap());
}

/// Children that have ended.
fn ended_children() -> impl FnMut() -> Pid {
    let children: Vec<Pid> = (0..3).map(|_| fork(|| 0)).collect();
    children.iter().for_each(|child| common::process::wait_for_zombie(*child));
    move || children[0]
}

const fn operation(
    name: &'static str,
    prepare: fn() -> Attempt,
    except: &'static [(&'static str, i32, Outcome)],
) -> Operation {
    Operation { name, prepare, except, is_once: false }
}

const fn once(
    name: &'static str,
    prepare: fn() -> Attempt,
    except: &'static [(&'static str, i32, Outcome)],
) -> Operation {
    Operation { name, prepare, except, is_once: true }
}

static QUEUE: InfoQueue<4> = InfoQueue::new();

/// Where it waits: a handler that has run is no failure.
const GOES_ON: (&str, i32, Outcome) = ("poll", libc::EINTR, Done);

pub const OPERATIONS: &[Operation] = &[
    operation(
        "install",
        || {
            Box::new(|| {
                let before = install(SIGUSR1, &FLAG)?;
                anything(Ok(Undo(move || _ = install(SIGUSR1, before).unwrap())))
            })
        },
        &[],
    ),
    operation("query", || Box::new(|| anything(signal::query(SIGUSR1))), &[]),
    operation(
        "install_unless_ignored",
        || {
            Box::new(|| {
                let before = signal::install_unless_ignored(SIGUSR1, &FLAG)?.expect("not ignored");
                anything(Ok(Undo(move || _ = install(SIGUSR1, before).unwrap())))
            })
        },
        &[],
    ),
    operation(
        "InstallGuard::new",
        || Box::new(|| anything(InstallGuard::new(SIGUSR1, &FLAG))),
        &[],
    ),
    operation(
        "InstallGuard::restore",
        || {
            Box::new(|| {
                let guard = InstallGuard::new(SIGUSR1, &FLAG)?;
                let previous = guard.previous();
                // What it could not put back the caller still has.
                anything(guard.restore().map_err(|error| {
                    install(SIGUSR1, previous).unwrap();
                    error
                }))
            })
        },
        &[],
    ),
    operation(THE_FIRST, || Box::new(|| anything(SelfPipe::new(SIGUSR1 | SIGCHLD))), &[]),
    operation(
        "SelfPipe::new",
        || {
            warm();
            Box::new(|| anything(SelfPipe::new(SIGUSR1 | SIGCHLD)))
        },
        &[],
    ),
    operation(
        "SelfPipe::with_queue",
        || {
            warm();
            Box::new(|| anything(SelfPipe::with_queue(SIGUSR1, &QUEUE)))
        },
        &[],
    ),
    operation(
        "SelfPipe::new_unless_ignored",
        || {
            warm();
            Box::new(|| anything(SelfPipe::new_unless_ignored(SIGUSR1)))
        },
        &[],
    ),
    operation(
        "SelfPipe::insert_with",
        || {
            let pipe: &SelfPipe = Box::leak(Box::new(SelfPipe::new(SIGUSR2).unwrap()));
            Box::new(move || {
                undone_by(pipe.insert_with(SIGUSR1, Flags::RESTART), move || {
                    pipe.remove(SIGUSR1).unwrap();
                })
            })
        },
        &[],
    ),
    operation(
        "SelfPipe::remove",
        || {
            let pipe: &SelfPipe = Box::leak(Box::new(SelfPipe::new(SIGUSR1).unwrap()));
            Box::new(move || undone_by(pipe.remove(SIGUSR1), move || pipe.insert(SIGUSR1).unwrap()))
        },
        &[],
    ),
    operation(
        "SelfPipe::wait",
        || {
            let pipe = SelfPipe::new(SIGUSR1).unwrap();
            Box::new(move || {
                signal::raise(SIGUSR1)?;
                anything(pipe.wait())
            })
        },
        &[GOES_ON, ("ppoll", libc::EINTR, Done)],
    ),
    once(
        "SelfPipe::reopen",
        || {
            let pipe = SelfPipe::new(SIGUSR1).unwrap();
            // The attempts are a child's.
            become_child();
            Box::new(move || anything(pipe.reopen()))
        },
        &[],
    ),
    operation(
        "SignalFd::new",
        || {
            warm();
            Box::new(|| anything(SignalFd::new(SIGUSR1)))
        },
        &[],
    ),
    operation(
        "SignalFd::wait",
        || {
            signal::block(SIGUSR1);
            let fd = SignalFd::new(SIGUSR1).unwrap();
            Box::new(move || {
                signal::raise(SIGUSR1)?;
                anything(fd.wait())
            })
        },
        &[GOES_ON, ("ppoll", libc::EINTR, Done), ("rt_sigtimedwait", libc::EINTR, Done)],
    ),
    operation(
        "SignalSet::wait",
        || {
            signal::block(SIGUSR1);
            Box::new(|| {
                signal::raise(SIGUSR1)?;
                anything(SignalSet::from(SIGUSR1).wait())
            })
        },
        &[("rt_sigtimedwait", libc::EINTR, Done)],
    ),
    operation(
        "SignalSet::wait_timeout",
        || {
            signal::block(SIGUSR1);
            Box::new(|| {
                signal::raise(SIGUSR1)?;
                anything(SignalSet::from(SIGUSR1).wait_timeout(Duration::from_secs(60)))
            })
        },
        &[("rt_sigtimedwait", libc::EINTR, Done), ("rt_sigtimedwait", libc::EAGAIN, Done)],
    ),
    operation("BlockGuard::new", || Box::new(|| anything(Ok(BlockGuard::new(SIGUSR1)))), &[]),
    operation(
        "raise",
        || {
            install(SIGUSR1, Handler::Ignore).unwrap();
            Box::new(|| anything(signal::raise(SIGUSR1)))
        },
        &[],
    ),
    operation(
        "kill",
        || {
            install(SIGUSR1, Handler::Ignore).unwrap();
            Box::new(|| anything(signal::kill(Pid::current(), SIGUSR1)))
        },
        &[],
    ),
    operation(
        "kill_own_group",
        || {
            install(SIGCHLD, Handler::Ignore).unwrap();
            Box::new(|| anything(signal::kill_own_group(SIGCHLD)))
        },
        &[],
    ),
    operation(
        "queue",
        || {
            install(SIGUSR1, Handler::Ignore).unwrap();
            Box::new(|| anything(signal::queue(Pid::current(), SIGUSR1, 1)))
        },
        &[],
    ),
    operation(
        "timer::start",
        || Box::new(|| anything(timer::start(Timer::Virtual, Duration::ZERO, Duration::ZERO))),
        &[],
    ),
    operation(
        "AltStack::new",
        || Box::new(|| anything(AltStack::new())),
        &[("mmap", ANY, Reported)],
    ),
    once(
        "child::reap",
        || {
            let mut child = ended_children();
            Box::new(move || anything(child::reap(child())?.ok_or(Errno::ECHILD)))
        },
        &[("wait4", libc::EINTR, Done)],
    ),
    once(
        "child::wait",
        || {
            let mut child = ended_children();
            Box::new(move || anything(child::wait(child())))
        },
        &[("wait4", libc::EINTR, Done)],
    ),
    // It does not end: what is tried is the way to the end of the time.
    operation(
        "child::wait_timeout",
        || {
            warm();
            let child = common::process::sleeper();
            Box::new(move || anything(child::wait_timeout(child, Duration::from_millis(20))))
        },
        &[
            ("wait4", libc::EINTR, Done),
            ("waitid", libc::EINTR, Done),
            ("waitid", libc::EINVAL, Done),
            ("pidfd_open", ANY, Done),
            ("ppoll", ANY, Done),
            ("poll", ANY, Done),
        ],
    ),
    once(
        "child::wait_change",
        || {
            let mut child = ended_children();
            Box::new(move || anything(child::wait_change(child::Which::Pid(child()))))
        },
        &[("wait4", libc::EINTR, Done)],
    ),
    operation(
        "owner::set",
        || {
            let (read, _write) = pipe();
            Box::new(move || {
                anything(owner::set(common::fd(&read), owner::Owner::Process(Pid::current())))
            })
        },
        &[],
    ),
    operation(
        "owner::notify",
        || {
            let (read, _write) = pipe();
            Box::new(move || anything(owner::notify(common::fd(&read), false)))
        },
        &[],
    ),
    operation(
        "owner::signal",
        || {
            let (read, _write) = pipe();
            Box::new(move || anything(owner::signal(common::fd(&read), None)))
        },
        &[],
    ),
    operation("session::new_group", || Box::new(|| anything(session::new_group())), &[]),
    once(
        "session::new_session",
        || {
            become_child();
            Box::new(|| anything(session::new_session()))
        },
        &[],
    ),
    operation(
        "session::PidFile",
        || {
            warm();
            let path = std::env::temp_dir().join(format!("signal-faults-{}", Pid::current()));
            let path: &std::path::Path = Box::leak(path.into_boxed_path());
            Box::new(move || {
                let file = PidFile::create(path).map_err(|error| error.errno())?;
                anything(Ok((file, Undo(move || drop(std::fs::remove_file(path))))))
            })
        },
        &[
            ("flock", libc::EINTR, Done),
            ("openat", libc::EINTR, Done),
            ("write", libc::EINTR, Done),
            ("ftruncate", libc::EINTR, Done),
        ],
    ),
];

/// Continues in a child; the parent ends as that does.
fn become_child() {
    // SAFETY: the test has one thread.
    match unsafe { libc::fork() } {
        0 => {}
        child => {
            let status = common::wait_for(Pid::from_raw(child).expect("fork"));
            match status.signal() {
                Some(signal) => signal::die_by(signal),
                // SAFETY: ends the process.
                None => unsafe { libc::_exit(status.code().unwrap_or(101)) },
            }
        }
    }
}
