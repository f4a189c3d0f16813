//! `daemonize`, whose system calls are made by three processes.

use super::supervisor::{needs_supervision, supervise, Call, Plan};
use super::{numbers, row, signal_state};
use crate::common::{in_child, process::no_core_file, status_of};
use signal::session::{daemonize, Error, Options};
use signal::Pid;
use std::path::PathBuf;
use std::sync::atomic::Ordering::SeqCst;
use std::{env, fs};

/// A directory for the pid files: each attempt has its own, for the daemon before may not have
/// ended.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let path = env::temp_dir().join(format!("signal-daemon-{}-{name}", Pid::current()));
        fs::create_dir(&path).unwrap();
        Place(path)
    }

    fn options(&self) -> Options {
        Options::new().pid_file(self.0.join(Pid::current().to_string()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The daemon, which is ready and ends; the original process ends in `daemonize`.
fn become_daemon(place: &Place) -> Error {
    match daemonize(place.options()) {
        Ok(daemon) => {
            daemon.ready();
            // SAFETY: ends the daemon.
            unsafe { libc::_exit(0) }
        }
        Err(error) => error,
    }
}

/// What it calls, in all processes.
pub fn calls() -> Vec<Call> {
    let place = Place::new("calls");
    let plan = Plan::new();
    in_child(|| {
        supervise(plan, &numbers());
        plan.fail((-1, 0), 0);
        plan.arm(true);
        panic!("{}", become_daemon(&place));
    });
    plan.calls()
}

/// Left out: the masks, for a wrong one ends the process; the report and what waits for it, whose
/// loss is told as `ECANCELED`; the pid file's own calls, which `PidFile` has.
const LEFT_OUT: &[&str] = &["rt_sigprocmask", "rt_sigaction", "read", "write", "wait4", "poll"];

/// The error, or 0 where it does not matter.
fn expected(name: &str, nth: usize, errno: i32) -> i32 {
    match (name, nth, errno) {
        // A plain pipe is asked for then.
        ("pipe2", 0, _) => 0,
        // The mark of the process: the pid does it.
        ("mmap" | "madvise", ..) => 0,
        // The pid file's; the open of /dev/null after it cannot be interrupted.
        ("flock" | "ftruncate", _, libc::EINTR) | ("openat", 0, libc::EINTR) => 0,
        _ => errno,
    }
}

/// What the error says first.
fn words(name: &str, nth: usize) -> &'static str {
    match (name, nth) {
        ("clone", _) => "cannot make a process: ",
        ("setsid", _) => "cannot make a session: ",
        ("openat", 0) | ("statx", _) => "cannot use the pid file /",
        ("flock", _) => "cannot lock the pid file /",
        ("ftruncate", _) => "cannot write the pid file /",
        ("chdir", _) => "cannot change to the directory /: ",
        _ => "cannot put /dev/null in place of the standard descriptors: ",
    }
}

fn daemonize_reports_each_failure_and_works_afterwards() {
    needs_supervision();
    let place = Place::new("faults");
    let mut wrong = Vec::new();
    for call in calls() {
        let (_, name, errors) = row(call.0);
        for errno in errors.iter().filter(|_| !LEFT_OUT.contains(name)) {
            let plan = Plan::new();
            let status = status_of(|| {
                no_core_file();
                // SAFETY: takes a plain value.
                unsafe { libc::alarm(20) };
                supervise(plan, &numbers());
                let before = signal_state();
                plan.fail(call, *errno);
                plan.arm(true);
                let error = become_daemon(&place);
                plan.result.store(error.errno().raw_os_error(), SeqCst);
                plan.arm(false);
                let found = error.to_string();
                assert!(found.starts_with(words(name, call.1)), "{name} {}: {found}", call.1);
                assert_eq!(signal_state(), before);
                panic!("the second attempt: {}", become_daemon(&place));
            });
            let found = plan.result.load(SeqCst);
            if !status.success() || found != expected(name, call.1, *errno) {
                wrong.push(format!("{name} {}, {errno}: {found}, {status}", call.1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

tests! {
    daemonize_reports_each_failure_and_works_afterwards,
}
