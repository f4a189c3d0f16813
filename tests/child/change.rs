//! Children that stop, go on, and end.

use crate::common::process::sleeper;
use crate::common::{self, count, eventually, fork, COUNT};
#[cfg(target_os = "linux")]
use crate::common::{process, wait_for};
use signal::child::{next_change, reap, reap_any, wait_change, Change, Status, Which};
use signal::{install, kill, session, Action, Errno, Flags, Pid, Signal};
use signal::{SIGCHLD, SIGCONT, SIGKILL, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1};

fn ended(change: Change) -> (Pid, Option<i32>, Option<Signal>) {
    match change {
        Change::Ended(exited) => (exited.pid, exited.status.code(), exited.status.signal()),
        other => panic!("{other:?}"),
    }
}

fn killed(child: Pid) {
    kill(child, SIGKILL).unwrap();
    assert_eq!(ended(wait_change(Which::Pid(child)).unwrap()), (child, None, Some(SIGKILL)));
}

fn a_child_that_stops_goes_on_and_ends_is_told_each_time_once() {
    let child = sleeper();
    let which = Which::Pid(child);
    assert_eq!(next_change(which), Ok(None));
    for _ in 0..3 {
        kill(child, SIGSTOP).unwrap();
        assert_eq!(wait_change(which), Ok(Change::Stopped(child, SIGSTOP)));
        assert_eq!((next_change(which), reap(child)), (Ok(None), Ok(None)));
        kill(child, SIGCONT).unwrap();
        assert_eq!(wait_change(which), Ok(Change::Continued(child)));
        assert_eq!((next_change(which), reap(child)), (Ok(None), Ok(None)));
    }
    killed(child);
    assert_eq!((next_change(which), wait_change(which)), (Err(Errno::ECHILD), Err(Errno::ECHILD)));
}

/// A group whose parent is in another one of the session is not orphaned: the others stop too.
fn every_signal_that_stops_is_told() {
    for signal in [SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU] {
        let child = sleeper();
        session::join_group(child, child).unwrap();
        kill(child, signal).unwrap();
        let change = wait_change(Which::Pid(child)).unwrap();
        assert_eq!((change, change.pid()), (Change::Stopped(child, signal), child));
        killed(child);
    }
}

/// Code 3 for a child in no group of its own.
fn each_way_to_choose_finds_its_own() {
    let in_group = fork(|| 1);
    session::join_group(in_group, in_group).unwrap();
    let own = fork(|| 3);
    let child = sleeper();
    session::join_group(child, in_group).unwrap();
    let change = wait_change(Which::Group(in_group)).unwrap();
    assert_eq!(ended(change), (in_group, Some(1), None));
    assert_eq!(next_change(Which::Group(in_group)), Ok(None));
    assert_eq!(ended(wait_change(Which::OwnGroup).unwrap()), (own, Some(3), None));
    assert_eq!(next_change(Which::OwnGroup), Err(Errno::ECHILD));
    assert_eq!(next_change(Which::Any), Ok(None));
    kill(child, SIGKILL).unwrap();
    assert_eq!(ended(wait_change(Which::Any).unwrap()), (child, None, Some(SIGKILL)));
    assert_eq!(wait_change(Which::Any), Err(Errno::ECHILD));
}

fn a_wrong_choice_is_an_error_and_takes_nothing() {
    let child = fork(|| 2);
    let first = Pid::from_raw(1).unwrap();
    for (which, error) in [
        (Which::Pid(Pid::current()), Errno::ECHILD),
        (Which::Group(first), Errno::EINVAL),
        (Which::Group(child), Errno::ECHILD),
    ] {
        assert_eq!((next_change(which), wait_change(which)), (Err(error), Err(error)));
    }
    assert_eq!(ended(wait_change(Which::Any).unwrap()), (child, Some(2), None));
}

fn handlers_do_not_end_a_wait() {
    install(SIGUSR1, Action::new(&COUNT).restart(false)).unwrap();
    let parent = Pid::current();
    let child = fork(|| {
        for _ in 0..10 {
            kill(parent, SIGUSR1).unwrap();
            common::pause(2);
        }
        5
    });
    assert_eq!(ended(wait_change(Which::Pid(child)).unwrap()), (child, Some(5), None));
    assert!(count() > 0);
}

/// As a shell does it: after each SIGCHLD, until there is no more.
fn sigchld_tells_when_to_look() {
    install(SIGCHLD, Action::new(&COUNT).flags(Flags::empty())).unwrap();
    let children = [sleeper(), sleeper(), sleeper()];
    children.iter().for_each(|child| kill(*child, SIGSTOP).unwrap());
    let mut stopped = Vec::new();
    eventually("all have stopped", || {
        assert!(stopped.is_empty() || count() > 0);
        while let Some(change) = next_change(Which::Any).unwrap() {
            assert_eq!(change, Change::Stopped(change.pid(), SIGSTOP));
            stopped.push(change.pid());
        }
        stopped.len() == children.len()
    });
    stopped.sort_unstable();
    assert_eq!(stopped, children);
    children.iter().for_each(|child| killed(*child));
    assert_eq!(reap_any().next(), None);
}

fn statuses_say_what_they_are() {
    let child = sleeper();
    let raw = |options| Status::from_raw(common::process::wait(child, options));
    kill(child, SIGSTOP).unwrap();
    let stopped = raw(libc::WUNTRACED);
    kill(child, SIGCONT).unwrap();
    let continued = raw(libc::WCONTINUED);
    kill(child, SIGKILL).unwrap();
    let killed = raw(0);
    let exited = common::status_of(|| ());
    // Nothing has this number. `waitpid` does not store it, but anybody can write it.
    assert_eq!(Status::from_raw(0xff7f).to_string(), "wait status 0xff7f");
    let all = [stopped, continued, killed, exited];
    assert_eq!(all.map(Status::stopped_by), [Some(SIGSTOP), None, None, None]);
    assert_eq!(all.map(Status::continued), [false, true, false, false]);
    assert_eq!(all.map(Status::signal), [None, None, Some(SIGKILL), None]);
    assert_eq!(all.map(Status::code), [None, None, None, Some(0)]);
    assert_eq!(
        all.map(|status| status.to_string()),
        ["stopped by SIGSTOP", "continued", "killed by SIGKILL", "exited with code 0"]
    );
}

/// The number of the signal has a bit more then, so that a tracer can tell a system call.
#[cfg(target_os = "linux")]
fn the_stops_of_a_tracer_that_no_signal_makes_are_no_changes() {
    let child = process::traced(|| loop {
        // SAFETY: takes nothing.
        unsafe { libc::getppid() };
    });
    let which = Which::Pid(child);
    assert_eq!(next_change(which), Ok(Some(Change::Stopped(child, SIGSTOP))));
    let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_EXITKILL;
    assert_eq!(process::trace(libc::PTRACE_SETOPTIONS, Some(child), options), 0);
    let next_system_call = || {
        assert_eq!(process::trace(libc::PTRACE_SYSCALL, Some(child), 0), 0);
        eventually("it has stopped again", || process::is_in_state(child, 't'));
    };
    next_system_call();
    assert_eq!(next_change(which), Ok(None));
    next_system_call();
    let parent = Pid::current();
    let killer = fork(|| {
        eventually("the parent waits", || process::is_in_state(parent, 'S'));
        kill(child, SIGKILL).unwrap();
        0
    });
    assert_eq!(ended(wait_change(which).unwrap()), (child, None, Some(SIGKILL)));
    assert!(wait_for(killer).success());
}

tests! {
    a_child_that_stops_goes_on_and_ends_is_told_each_time_once,
    every_signal_that_stops_is_told,
    each_way_to_choose_finds_its_own,
    a_wrong_choice_is_an_error_and_takes_nothing,
    handlers_do_not_end_a_wait,
    sigchld_tells_when_to_look,
    statuses_say_what_they_are,
    #[cfg(target_os = "linux")]
    the_stops_of_a_tracer_that_no_signal_makes_are_no_changes,
}
