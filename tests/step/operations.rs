//! The functions that a signal may interrupt. Not here: those that end, stop or replace the process
//! (`die_by`, `stop_by`, `daemonize`, `CommandExt`), or reset what is installed
//! (`reset_signals`); `kill_thread`, whose handler would run into the tracer's breakpoints in a
//! thread that is not traced; and those that only compute.

use super::child::{Desk, ABOVE, BELOW, OTHER, SECOND_QUEUE, SIGNAL};
use crate::common::bare_fd;
use signal::{
    block, blocked, child, finish_connect, install, install_unless_ignored, owner, pending, query,
    raise, retry, session, set_blocked, suspend, timer, unblock, AltStack, BlockGuard, Errno,
    Flags, InstallGuard, Pid, SelfPipe, SignalFd, SignalSet, UnblockGuard, SIGURG, SIGUSR2,
};
use std::os::unix::io::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

pub struct Operation {
    pub name: &'static str,
    /// Whether a pipe watches the signal, beside the handler that counts.
    pub piped: bool,
    /// Whether a process does it once only, with the pipe of its parent.
    pub once: bool,
    pub before: fn(&mut Desk),
    pub body: fn(&mut Desk),
    pub after: fn(&mut Desk),
}

fn nothing(_: &mut Desk) {}

macro_rules! operations {
    ($($name:literal $piped:ident: $before:expr; $body:expr; $after:expr;)*) => {
        &[$(Operation {
            name: $name,
            piped: $piped,
            once: false,
            before: $before,
            body: $body,
            after: $after,
        }),*]
    };
}

/// In a child; each child does it once.
pub const REOPEN: &[Operation] = &[Operation {
    name: "SelfPipe::reopen in a child",
    piped: true,
    once: true,
    before: nothing,
    body: |desk| desk.pipe().reopen().unwrap(),
    after: nothing,
}];

#[allow(non_upper_case_globals)]
const piped: bool = true;
#[allow(non_upper_case_globals)]
const alone: bool = false;

fn over(desk: &mut Desk) {
    desk.guard = Some(InstallGuard::new(SIGNAL, &ABOVE).unwrap());
}

fn no_guard(desk: &mut Desk) {
    desk.guard = None;
}

fn second(desk: &mut Desk) {
    desk.second = Some(SelfPipe::new(SIGNAL | SIGUSR2).unwrap());
}

fn no_second(desk: &mut Desk) {
    desk.second = None;
}

fn blocking(desk: &mut Desk) {
    desk.block = Some(BlockGuard::new(SIGNAL));
}

fn no_block(desk: &mut Desk) {
    desk.block = None;
}

fn fd(desk: &mut Desk) {
    desk.fd = Some(SignalFd::new(SIGNAL).unwrap());
}

fn no_fd(desk: &mut Desk) {
    if let Some(info) = desk.fd.as_ref().and_then(|fd| fd.read().unwrap()) {
        desk.take(info);
    }
    desk.fd = None;
}

#[rustfmt::skip]
pub const OTHERS: &[Operation] = operations! {
    // Dispositions.
    "install" alone: nothing; |_| { install(SIGNAL, &ABOVE).unwrap(); };
        |_| { install(SIGNAL, &BELOW).unwrap(); };
    "install_unless_ignored" alone: nothing;
        |_| { install_unless_ignored(SIGNAL, &ABOVE).unwrap(); };
        |_| { install(SIGNAL, &BELOW).unwrap(); };
    "install of another signal" piped: nothing; |_| { install(SIGUSR2, &ABOVE).unwrap(); };
        |_| { install(SIGUSR2, &OTHER).unwrap(); };
    "query" piped: nothing; |_| { query(SIGNAL).unwrap(); }; nothing;
    "InstallGuard::new" alone: nothing; over; no_guard;
    "InstallGuard's drop" alone: over; no_guard; nothing;
    "InstallGuard::restore" alone: over;
        |desk| assert!(desk.guard.take().unwrap().restore().unwrap()); nothing;
    // Masks.
    "blocked" piped: nothing; |_| assert!(blocked().is_empty()); nothing;
    "block" piped: nothing; |_| { block(SIGNAL); }; |_| { unblock(SIGNAL); };
    "unblock" piped: |_| { block(SIGNAL); }; |_| { unblock(SIGNAL); }; nothing;
    "set_blocked" piped: nothing; |_| { set_blocked(SIGNAL); }; |_| { unblock(SIGNAL); };
    "BlockGuard::new" piped: nothing; blocking; no_block;
    "BlockGuard's drop" piped: blocking; no_block; nothing;
    "UnblockGuard::new" piped: blocking;
        |desk| desk.unblock = Some(UnblockGuard::new(SIGNAL));
        |desk| { desk.unblock = None; desk.block = None; };
    "UnblockGuard's drop" piped:
        |desk| { blocking(desk); desk.unblock = Some(UnblockGuard::new(SIGNAL)); };
        |desk| desk.unblock = None; no_block;
    "pending" piped: blocking; |_| assert!((pending() - SIGNAL).is_empty()); no_block;
    "suspend" piped: |desk| desk.other_is_pending(SIGNAL);
        |_| suspend(SignalSet::empty()); Desk::take_other;
    "BlockGuard::wait" piped: |desk| desk.other_is_pending(SIGNAL);
        |desk| desk.block.as_ref().unwrap().wait(); Desk::take_other;
    // Waits.
    "SignalSet::wait" piped: |desk| desk.other_is_pending(SIGNAL);
        |desk| { let info = (SIGNAL | SIGUSR2).wait().unwrap(); desk.take(info); };
        Desk::take_other;
    "SignalSet::wait_timeout" piped: blocking;
        |desk| if let Some(info) = SignalSet::from(SIGNAL).wait_timeout(Duration::ZERO).unwrap() {
            desk.take(info);
        }; no_block;
    "SignalSet::wait_timeout for a time" piped: |desk| desk.other_is_pending(SIGNAL);
        |desk| {
            let info = (SIGNAL | SIGUSR2).wait_timeout(Duration::from_secs(60)).unwrap();
            desk.take(info.unwrap());
        }; Desk::take_other;
    "SignalFd::new" alone: nothing; fd; no_fd;
    "SignalFd's drop" alone: fd; |desk| desk.fd = None; nothing;
    "SignalFd::read" alone: fd;
        |desk| if let Some(info) = desk.fd.as_ref().unwrap().read().unwrap() { desk.take(info); };
        no_fd;
    // Sending.
    "raise" piped: nothing; |_| raise(SIGUSR2).unwrap(); nothing;
    "kill" piped: nothing; |_| signal::kill(Pid::current(), SIGUSR2).unwrap(); nothing;
    "queue" piped: nothing; |_| signal::queue(Pid::current(), SIGUSR2, 1).unwrap(); nothing;
    "queue_pointer" piped: nothing;
        |_| signal::queue_pointer(Pid::current(), SIGUSR2, std::ptr::null_mut()).unwrap(); nothing;
    "kill_group" piped: Desk::sleeping_group;
        |desk| signal::kill_group(desk.child(), SIGURG).unwrap(); Desk::end_sleeper;
    "kill_own_group" piped: |_| { session::new_group().unwrap(); };
        |_| signal::kill_own_group(SIGUSR2).unwrap(); nothing;
    "exists" piped: nothing; |_| assert!(signal::exists(Pid::current())); nothing;
    "alarm" piped: nothing; |_| { signal::alarm(Duration::from_secs(600)); };
        |_| { signal::alarm(Duration::ZERO); };
    "timer::start" piped: nothing;
        |_| { timer::start(timer::Timer::Profile, Duration::from_secs(600), Duration::ZERO).unwrap(); };
        |_| { timer::start(timer::Timer::Profile, Duration::ZERO, Duration::ZERO).unwrap(); };
    // Children.
    "child::reap" piped: Desk::zombie;
        |desk| { let exited = child::reap(desk.child()).unwrap(); desk.reaped(exited); }; nothing;
    "child::reap_any" piped: Desk::zombie;
        |desk| {
            let exited = child::reap_any().next().map(|exited| exited.unwrap());
            desk.reaped(exited);
        }; nothing;
    "child::reap_group" piped: Desk::zombie_group;
        |desk| {
            let exited = child::reap_group(desk.child()).next().map(|exited| exited.unwrap());
            desk.reaped(exited);
        }; nothing;
    "child::wait" piped: Desk::zombie;
        |desk| { let exited = child::wait(desk.child()).unwrap(); desk.reaped(Some(exited)); };
        nothing;
    "child::wait_timeout" piped: Desk::zombie;
        |desk| {
            let exited = child::wait_timeout(desk.child(), Duration::from_secs(60)).unwrap();
            desk.reaped(exited);
        }; nothing;
    "child::wait_timeout that ends first" piped: Desk::sleeper;
        |desk| {
            let exited = child::wait_timeout(desk.child(), Duration::from_micros(1)).unwrap();
            assert_eq!(exited, None);
        }; Desk::end_sleeper;
    "child::wait_change" piped: Desk::zombie;
        |desk| match child::wait_change(child::Which::Pid(desk.child())).unwrap() {
            child::Change::Ended(exited) => desk.reaped(Some(exited)),
            other => panic!("{other:?}"),
        }; nothing;
    "child::next_change" piped: Desk::zombie;
        |desk| match child::next_change(child::Which::Pid(desk.child())).unwrap() {
            Some(child::Change::Ended(exited)) => desk.reaped(Some(exited)),
            other => panic!("{other:?}"),
        }; nothing;
    // The rest.
    "retry" piped: nothing; |_| assert!(retry(|| Err::<(), _>(Errno::EAGAIN)).is_err()); nothing;
    "AltStack" piped: nothing; |_| drop(AltStack::new().unwrap()); nothing;
    "finish_connect" piped: nothing;
        |_| {
            let end = UnixStream::pair().unwrap().0;
            finish_connect(bare_fd(end.as_raw_fd())).unwrap();
        }; nothing;
    "new_group" piped: nothing; |_| { session::new_group().unwrap(); }; nothing;
    "join_group" piped: nothing;
        |_| session::join_group(Pid::current(), session::own_group()).unwrap(); nothing;
    "new_session of a group's leader" piped: |_| { session::new_group().unwrap(); };
        |_| assert_eq!(session::new_session(), Err(Errno::EPERM)); nothing;
    "foreground" piped: nothing;
        |desk| assert_eq!(session::foreground(bare_fd(desk.pipe().as_raw_fd())), Err(Errno::ENOTTY)); nothing;
    "set_foreground" piped: nothing;
        |desk| {
            let taken = session::set_foreground(bare_fd(desk.pipe().as_raw_fd()), session::own_group());
            assert_eq!(taken, Err(Errno::ENOTTY));
        }; nothing;
    "own_group" piped: nothing; |_| assert!(session::own_group().as_raw() > 0); nothing;
    "owner" piped: nothing;
        |_| {
            let end = UnixStream::pair().unwrap().0;
            let end = bare_fd(end.as_raw_fd());
            owner::set(end, owner::Owner::Process(Pid::current())).unwrap();
            owner::signal(end, Some(SIGUSR2)).unwrap();
            owner::notify(end, true).unwrap();
            owner::clear(end).unwrap();
        }; nothing;
    "owner::get" piped: nothing; |desk| assert_eq!(owner::get(bare_fd(desk.pipe().as_raw_fd())), Ok(None)); nothing;
};

#[rustfmt::skip]
pub const MAKING: &[Operation] = operations! {
    "SelfPipe::new" piped: nothing; second; no_second;
    "SelfPipe::new over a handler" alone: nothing; second; no_second;
    "SelfPipe::new_unless_ignored" piped: nothing;
        |desk| desk.second = Some(SelfPipe::new_unless_ignored(SIGNAL).unwrap()); no_second;
    "SelfPipe::with_queue" piped: nothing;
        |desk| desk.second = Some(SelfPipe::with_queue(SIGNAL, &SECOND_QUEUE).unwrap()); no_second;
    "SelfPipe's drop" piped: second; no_second; nothing;
    "SelfPipe's drop over a handler" alone: second; no_second; nothing;
    "the drop of one with a queue" alone:
        |desk| desk.second = Some(SelfPipe::with_queue(SIGNAL, &SECOND_QUEUE).unwrap());
        no_second; nothing;
};

#[rustfmt::skip]
pub const PIPES: &[Operation] = operations! {
    "SelfPipe::insert" alone:
        |desk| desk.second = Some(SelfPipe::new(SignalSet::empty()).unwrap());
        |desk| desk.second().insert(SIGNAL).unwrap(); no_second;
    "SelfPipe::insert_with" piped: second;
        |desk| desk.second().insert_with(SIGNAL, Flags::RESTART).unwrap(); no_second;
    "SelfPipe::remove" alone: second; |desk| desk.second().remove(SIGNAL).unwrap(); no_second;
    "SelfPipe::watched" piped: nothing; |desk| assert_eq!(desk.pipe().watched(), SIGNAL.into());
        nothing;
    "SelfPipe::pending" piped: nothing;
        |desk| { let set = desk.pipe().pending(); desk.report(set); }; nothing;
    "SelfPipe::pending of what has come" piped: |desk| desk.pipe().wake();
        |desk| { let set = desk.pipe().pending(); desk.report(set); }; nothing;
    "SelfPipe::infos" piped: nothing; |desk| desk.infos += desk.pipe().infos().count(); nothing;
    "SelfPipe::wait" piped: |desk| desk.pipe().wake();
        |desk| { let set = desk.pipe().wait().unwrap(); desk.report(set); }; nothing;
    "SelfPipe::wait_timeout" piped: nothing;
        |desk| {
            let set = desk.pipe().wait_timeout(Duration::ZERO).unwrap();
            desk.report(set.unwrap_or_default());
        }; nothing;
    "SelfPipe::wake" piped: nothing; |desk| desk.pipe().wake(); nothing;
};
