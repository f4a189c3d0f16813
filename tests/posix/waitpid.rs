//! Collecting children.

use super::*;
use crate::common::process::sleeper;
use crate::common::{self, fork};
use signal::child::{self, next_change, reap, reap_any, reap_group, wait_change, Change, Which};
use signal::session::join_group;
use signal::{install, kill, Action, DefaultEffect, Errno, Flags, Handler, Pid};
use signal::{SIGCHLD, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU};

fn killed(pid: Pid) {
    kill(pid, SIGKILL).unwrap();
    assert_eq!(child::wait(pid).unwrap().status.signal(), Some(SIGKILL));
}

/// The status tells with which of the 256 codes a child has exited.
/// XSH waitpid, DESCRIPTION (WIFEXITED, WEXITSTATUS)
fn the_status_tells_the_code() {
    for code in 0..256 {
        let pid = fork(|| code);
        let status = child::wait(pid).unwrap().status;
        assert_eq!((status.code(), status.signal()), (Some(code), None));
    }
}

/// The status tells which signal has ended a child.
/// XSH waitpid, DESCRIPTION (WIFSIGNALED, WTERMSIG)
fn the_status_tells_the_signal() {
    let ends = |effect| matches!(effect, DefaultEffect::Terminate | DefaultEffect::CoreDump);
    for signal in catchable().iter().filter(|signal| ends(signal.default_effect())) {
        install(signal, Handler::Default).unwrap();
        let pid = sleeper();
        kill(pid, signal).unwrap();
        let status = child::wait(pid).unwrap().status;
        assert_eq!((status.code(), status.signal()), (None, Some(signal)));
    }
}

/// With WUNTRACED and WCONTINUED it tells that a child has stopped, by which signal, and that it
/// has continued; each once.
/// XSH waitpid, DESCRIPTION (WUNTRACED, WCONTINUED)
fn stops_and_continuations_are_told_once() {
    for signal in [SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU] {
        // It may have been inherited as ignored.
        let _ = install(signal, Handler::Default);
        let pid = sleeper();
        join_group(pid, pid).unwrap();
        kill(pid, signal).unwrap();
        assert_eq!(wait_change(Which::Pid(pid)), Ok(Change::Stopped(pid, signal)));
        assert_eq!(next_change(Which::Pid(pid)), Ok(None));
        kill(pid, SIGCONT).unwrap();
        assert_eq!(wait_change(Which::Pid(pid)), Ok(Change::Continued(pid)));
        assert_eq!(next_change(Which::Pid(pid)), Ok(None));
        killed(pid);
    }
}

/// With WNOHANG it does not wait.
/// XSH waitpid, DESCRIPTION (WNOHANG)
fn without_waiting_a_child_that_runs_is_told_as_none() {
    let pid = sleeper();
    assert_eq!((reap(pid), next_change(Which::Any), reap_any().next()), (Ok(None), Ok(None), None));
    killed(pid);
}

/// A child can be chosen by its number, its group, the own group, or not at all.
/// XSH waitpid, DESCRIPTION (pid)
fn a_child_is_chosen_by_number_group_or_not_at_all() {
    let [first, second, third] = [1, 2, 3].map(|code| {
        let pid = fork(|| common::process::sleep_forever());
        if code < 3 {
            join_group(pid, pid).unwrap();
        }
        pid
    });
    for pid in [first, second, third] {
        kill(pid, SIGKILL).unwrap();
        common::process::wait_for_zombie(pid);
    }
    let numbers = |reaped: child::Reap| reaped.map(|ended| ended.unwrap().pid).collect::<Vec<_>>();
    assert_eq!(numbers(reap_group(second)), [second]);
    assert_eq!(wait_change(Which::OwnGroup).map(Change::pid), Ok(third));
    assert_eq!(reap(first).unwrap().map(|ended| ended.pid), Some(first));
    assert_eq!(numbers(reap_any()), []);
}

/// A status is told once; then, and for what is no child, the error is ECHILD.
/// XSH waitpid, ERRORS
fn a_status_is_told_once() {
    let pid = fork(|| 0);
    assert!(child::wait(pid).is_ok());
    assert_eq!(child::wait(pid).err(), Some(Errno::ECHILD));
    assert_eq!(reap(Pid::current()).err(), Some(Errno::ECHILD));
    assert_eq!(wait_change(Which::Any), Err(Errno::ECHILD));
}

/// While SIGCHLD is ignored, or with SA_NOCLDWAIT, children leave no status: the call waits until
/// the last has ended, and fails with ECHILD.
/// XSH waitpid, DESCRIPTION; XSH sigaction, DESCRIPTION (SA_NOCLDWAIT)
fn where_sigchld_is_ignored_no_status_is_left() {
    let ignored = Action::new(Handler::Ignore);
    #[cfg(has_sa_nocldwait)]
    let no_status = Action::new(Handler::Default).flags(Flags::NOCLDWAIT);
    #[cfg(not(has_sa_nocldwait))]
    let no_status = ignored;
    for action in [ignored, no_status] {
        install(SIGCHLD, action).unwrap();
        let pid = fork(|| 0);
        assert_eq!(child::wait(pid).err(), Some(Errno::ECHILD));
        // The kernel forgets its number a moment later.
        common::eventually("it is gone", || !signal::exists(pid));
    }
}

/// SIGCHLD is sent when a child ends, and, except with SA_NOCLDSTOP, when it stops.
/// XSH sigaction, DESCRIPTION (SA_NOCLDSTOP); XSH waitpid
fn sigchld_tells_of_children_that_end_or_stop() {
    signal::block(SIGCHLD);
    for (flags, of_stops) in [(Flags::empty(), true), (Flags::NOCLDSTOP, false)] {
        install(SIGCHLD, Action::new(logging()).flags(flags)).unwrap();
        let pid = sleeper();
        kill(pid, SIGSTOP).unwrap();
        assert_eq!(wait_change(Which::Pid(pid)), Ok(Change::Stopped(pid, SIGSTOP)));
        let told = SignalSet::from(SIGCHLD).wait_timeout(std::time::Duration::ZERO).unwrap();
        assert_eq!(told.is_some(), of_stops);
        killed(pid);
        assert_eq!(SignalSet::from(SIGCHLD).wait().unwrap().signal(), SIGCHLD);
    }
}

requirements! {
    the_status_tells_the_code,
    the_status_tells_the_signal,
    stops_and_continuations_are_told_once,
    without_waiting_a_child_that_runs_is_told_as_none,
    a_child_is_chosen_by_number_group_or_not_at_all,
    a_status_is_told_once,
    where_sigchld_is_ignored_no_status_is_left,
    sigchld_tells_of_children_that_end_or_stop,
}
