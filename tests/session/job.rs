//! Process groups and the terminal, on a pty.

use super::getsid;
use crate::common::process::sleeper;
use crate::common::{self, fork, in_child, own_group, signal_state, Latch};
use signal::child::{self, wait_change, Change, Which};
use signal::session::{foreground, join_group, new_group, new_session, set_foreground};
use signal::{install, kill, query, session, BlockGuard, CommandExt, Errno, Handler, Pid};
use signal::{SignalSet, SIGHUP, SIGKILL, SIGTERM, SIGTTOU, SIGUSR1};
use std::fs::File;
use std::os::unix::io::{AsRawFd, FromRawFd};
use std::process::Command;

/// The two ends of a new pty: the terminal, and what stands for the person at it.
pub fn pty() -> (File, File) {
    let (mut person, mut terminal) = (-1, -1);
    let null = std::ptr::null_mut();
    // SAFETY: room for two descriptors, which have no other owner.
    unsafe {
        assert_eq!(libc::openpty(&mut person, &mut terminal, null, null as _, null as _), 0);
        (File::from_raw_fd(terminal), File::from_raw_fd(person))
    }
}

/// Runs `body` as the leader of a new session, with a controlling terminal.
pub fn in_session(body: impl FnOnce(&File)) {
    let (terminal, _person) = pty();
    in_child(|| {
        new_session().unwrap();
        // SAFETY: takes plain values.
        assert_eq!(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY as _, 0) }, 0);
        // SIGHUP comes when the session's leader ends.
        install(SIGHUP, Handler::Ignore).unwrap();
        body(&terminal);
    });
}

fn killed(child: Pid) {
    kill(child, SIGKILL).unwrap();
    assert_eq!(child::wait(child).unwrap().status.signal(), Some(SIGKILL));
}

fn a_process_leads_a_group_and_joins_another() {
    in_child(|| {
        let before = own_group();
        assert_ne!(before, Pid::current());
        assert_eq!((session::own_group(), new_group()), (before, Ok(Pid::current())));
        assert_eq!((session::own_group(), new_group()), (Pid::current(), Ok(Pid::current())));
        assert_eq!(join_group(Pid::current(), before), Ok(()));
        assert_eq!(session::own_group(), before);
        let child = sleeper();
        assert_eq!(join_group(child, child), Ok(()));
        // SAFETY: takes a plain value.
        assert_eq!(unsafe { libc::getpgid(child.as_raw()) }, child.as_raw());
        killed(child);
    });
}

fn what_cannot_join_says_why_and_stays() {
    let child = sleeper();
    let parent = Pid::parent().unwrap();
    let before = own_group();
    assert_eq!(join_group(parent, before), Err(Errno::ESRCH));
    assert_eq!(join_group(child, child), Ok(()));
    in_child(|| {
        assert_eq!(new_session(), Ok(Pid::current()));
        assert_eq!(new_group(), Err(Errno::EPERM));
        assert_eq!(join_group(Pid::current(), before), Err(Errno::EPERM));
        assert_eq!(session::own_group(), Pid::current());
    });
    killed(child);
    assert_eq!(join_group(Pid::current(), child), Err(Errno::EPERM), "a group that is gone");
    let mut cat = Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
    assert_eq!(join_group(Pid::from(&cat), Pid::from(&cat)), Err(Errno::EACCES), "after exec");
    drop(cat.stdin.take());
    assert!(cat.wait().unwrap().success());
    assert_eq!(session::own_group(), before);
}

fn the_terminal_is_lent_and_taken_back() {
    in_session(|terminal| {
        let own = session::own_group();
        assert_eq!(foreground(terminal), Ok(Some(own)));
        let job = sleeper();
        join_group(job, job).unwrap();
        assert_eq!(set_foreground(terminal, job), Ok(()));
        assert_eq!(foreground(terminal), Ok(Some(job)));
        // The caller is in the background now, where this would stop it.
        assert_eq!(query(SIGTTOU).unwrap().handler(), Handler::Default);
        let state = signal_state();
        assert_eq!(set_foreground(terminal, own), Ok(()));
        assert_eq!((foreground(terminal), signal_state()), (Ok(Some(own)), state));
        assert!(signal::pending().is_empty());
        set_foreground(terminal, job).unwrap();
        killed(job);
        assert_eq!(foreground(terminal), Ok(None), "nobody is in it");
        set_foreground(terminal, own).unwrap();
    });
}

/// The first program of a pipeline may be the first to end.
fn a_group_whose_leader_has_ended_is_in_the_foreground() {
    in_session(|terminal| {
        let (job, other) = (sleeper(), sleeper());
        join_group(job, job).unwrap();
        join_group(other, job).unwrap();
        set_foreground(terminal, job).unwrap();
        killed(job);
        assert_eq!(foreground(terminal), Ok(Some(job)));
        killed(other);
        assert_eq!(foreground(terminal), Ok(None));
    });
}

fn what_is_no_terminal_and_no_group_is_an_error() {
    let (terminal, _person) = pty();
    let own = own_group();
    let other_session = fork(|| {
        new_session().unwrap();
        common::process::sleep_forever()
    });
    let (file, _other) = common::pipe();
    let state = signal_state();
    for file in [&terminal, &file] {
        assert_eq!(foreground(file), Err(Errno::ENOTTY), "not the controlling terminal");
        assert_eq!(set_foreground(file, own), Err(Errno::ENOTTY));
    }
    // SAFETY: no such descriptor is used: that is the point.
    let closed = unsafe { std::os::unix::io::BorrowedFd::borrow_raw(1_000_000) };
    assert_eq!(foreground(closed), Err(Errno::EBADF));
    assert_eq!(set_foreground(closed, own), Err(Errno::EBADF));
    assert_eq!(signal_state(), state);
    in_session(|terminal| {
        let own = session::own_group();
        assert_eq!(set_foreground(terminal, other_session), Err(Errno::EPERM));
        let gone = fork(|| 0);
        child::wait(gone).unwrap();
        let error = set_foreground(terminal, gone).unwrap_err();
        assert!([Errno::ESRCH, Errno::EPERM].contains(&error), "{error}");
        assert_eq!(foreground(terminal), Ok(Some(own)));
    });
    killed(other_session);
}

/// The group of a command's child, as it sees it itself, and the one in the foreground.
fn groups_of(command: &mut Command) -> (Pid, Vec<i32>) {
    let child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let pid = Pid::from(&child);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    (pid, text.split_whitespace().map(|word| word.parse().unwrap()).collect())
}

fn commands_join_a_group_and_take_the_terminal() {
    in_session(|terminal| {
        // Fields 5 and 8 of stat: the group, and the group in the foreground. After the name.
        let shell = || {
            let mut command = Command::new("sh");
            command.args([
                "-c",
                "read -r _ _ _ _ group _ _ front _ </proc/self/stat; echo $group $front",
            ]);
            command
        };
        if !std::path::Path::new("/proc/self/stat").exists() {
            common::skip("no /proc here");
        }
        let own = session::own_group();
        let (pid, seen) = groups_of(shell().new_group());
        assert_eq!(seen, [pid.as_raw(), own.as_raw()]);
        let (pid, seen) = groups_of(shell().new_group().foreground());
        assert_eq!(seen, [pid.as_raw(), pid.as_raw()]);
        set_foreground(terminal, own).unwrap();
        let leader = sleeper();
        join_group(leader, leader).unwrap();
        let (_, seen) = groups_of(shell().join_group(leader));
        assert_eq!(seen, [leader.as_raw(), own.as_raw()]);
        let (_, seen) = groups_of(shell().reset_signals().join_group(leader).foreground());
        assert_eq!(seen, [leader.as_raw(), leader.as_raw()]);
        set_foreground(terminal, own).unwrap();
        killed(leader);
        let error = shell().join_group(leader).spawn().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EPERM));
        assert_eq!(foreground(terminal), Ok(Some(own)));
    });
    in_child(|| {
        new_session().unwrap();
        let error = Command::new("true").new_group().foreground().spawn().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENXIO), "no terminal: {error}");
    });
}

fn reset_signals_undoes_what_was_inherited() {
    in_child(|| {
        for signal in [SIGHUP, SIGTERM, SIGUSR1] {
            install(signal, Handler::Ignore).unwrap();
        }
        install(signal::SIGUSR2, &common::COUNT).unwrap();
        std::mem::forget(BlockGuard::new(SignalSet::full()));
        session::reset_signals();
        let set = |signal: &signal::Signal| {
            query(*signal).map_or(false, |action| action.handler() != Handler::Default)
        };
        assert_eq!(signal::Signal::all().filter(set).collect::<Vec<_>>(), []);
        assert!(signal::blocked().is_empty());
    });
    // What was pending meets its default effect.
    let status = common::status_of(|| {
        install(SIGTERM, Handler::Ignore).unwrap();
        let _blocked = BlockGuard::new(SIGTERM | SIGUSR1);
        install(SIGUSR1, &common::COUNT).unwrap();
        signal::raise(SIGUSR1).unwrap();
        session::reset_signals();
    });
    assert_eq!(status.signal(), Some(SIGUSR1));
}

/// A person's Ctrl-Z reaches the job that has the terminal, and not the shell.
fn control_z_stops_the_job_in_the_foreground() {
    let (terminal, person) = pty();
    let ready = Latch::new();
    let shell = fork(|| {
        new_session().unwrap();
        // SAFETY: takes plain values.
        assert_eq!(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY as _, 0) }, 0);
        let job = sleeper();
        join_group(job, job).unwrap();
        set_foreground(&terminal, job).unwrap();
        ready.open();
        assert_eq!(wait_change(Which::Pid(job)), Ok(Change::Stopped(job, signal::SIGTSTP)));
        set_foreground(&terminal, session::own_group()).unwrap();
        killed(job);
        assert_eq!(getsid(), Pid::current().as_raw());
        0
    });
    ready.wait();
    std::io::Write::write_all(&mut &person, b"\x1a").unwrap();
    assert!(child::wait(shell).unwrap().status.success());
}

tests! {
    a_process_leads_a_group_and_joins_another,
    what_cannot_join_says_why_and_stays,
    the_terminal_is_lent_and_taken_back,
    a_group_whose_leader_has_ended_is_in_the_foreground,
    what_is_no_terminal_and_no_group_is_an_error,
    commands_join_a_group_and_take_the_terminal,
    reset_signals_undoes_what_was_inherited,
    control_z_stops_the_job_in_the_foreground,
}
