//! Each system call of the library fails in turn, with each error that it can have by its manual
//! page: the error is reported or the substitute is taken, everything is as before, and a second
//! attempt succeeds.

mod complete;
pub mod daemon;
pub mod limits;
mod operations;
mod supervisor;

use crate::common::{self, in_child, signal_state, status_of};
use complete::every_function_of_c_is_in_a_table;
use operations::{Operation, OPERATIONS};
use signal::Errno;
use std::fs;
use supervisor::{needs_supervision, supervise, Call, Plan};

/// A system call, and what it can fail with. EFAULT, and what comes of wrong arguments alone, is
/// left out where the library has no such arguments. EINVAL stands for "not in this kernel".
#[rustfmt::skip]
const ERRORS: &[(libc::c_long, &str, &[i32])] = &[
    (libc::SYS_rt_sigaction, "rt_sigaction", &[libc::EINVAL]),
    // As a sandbox would: with the library's arguments it cannot fail.
    (libc::SYS_rt_sigprocmask, "rt_sigprocmask", &[libc::EPERM]),
    (libc::SYS_rt_sigtimedwait, "rt_sigtimedwait", &[libc::EAGAIN, libc::EINTR, libc::EINVAL]),
    (libc::SYS_rt_sigqueueinfo, "rt_sigqueueinfo", &[libc::EAGAIN, libc::EPERM, libc::ESRCH, libc::EINVAL]),
    (libc::SYS_kill, "kill", &[libc::EPERM, libc::ESRCH, libc::EINVAL]),
    (libc::SYS_tgkill, "tgkill", &[libc::EAGAIN, libc::EPERM, libc::ESRCH]),
    (libc::SYS_eventfd2, "eventfd2", &[libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ENODEV, libc::EINVAL, libc::ENOSYS]),
    (libc::SYS_signalfd4, "signalfd4", &[libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ENODEV, libc::EINVAL]),
    (libc::SYS_pipe2, "pipe2", &[libc::EMFILE, libc::ENFILE, libc::ENOMEM]),
    (libc::SYS_dup3, "dup3", &[libc::EMFILE, libc::EBUSY, libc::EINTR]),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_dup2, "dup2", &[libc::EMFILE, libc::EBUSY, libc::EINTR]),
    (libc::SYS_fcntl, "fcntl", &[libc::EMFILE, libc::EPERM, libc::EINVAL, libc::ESRCH]),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_poll, "poll", &[libc::EINTR, libc::ENOMEM]),
    (libc::SYS_ppoll, "ppoll", &[libc::EINTR, libc::ENOMEM]),
    (libc::SYS_setitimer, "setitimer", &[libc::EINVAL]),
    (libc::SYS_mmap, "mmap", &[libc::ENOMEM, libc::EAGAIN, libc::EPERM]),
    (libc::SYS_madvise, "madvise", &[libc::EINVAL, libc::ENOMEM, libc::EAGAIN]),
    (libc::SYS_mprotect, "mprotect", &[libc::ENOMEM, libc::EACCES]),
    (libc::SYS_sigaltstack, "sigaltstack", &[libc::EPERM, libc::ENOMEM, libc::EINVAL]),
    (libc::SYS_wait4, "wait4", &[libc::ECHILD, libc::EINTR]),
    (libc::SYS_waitid, "waitid", &[libc::ECHILD, libc::EINTR, libc::EINVAL]),
    (libc::SYS_pidfd_open, "pidfd_open", &[libc::EMFILE, libc::ENFILE, libc::ENODEV, libc::ENOMEM, libc::ESRCH, libc::EINVAL, libc::ENOSYS]),
    (libc::SYS_setpgid, "setpgid", &[libc::EACCES, libc::EPERM, libc::ESRCH]),
    (libc::SYS_setsid, "setsid", &[libc::EPERM]),
    (libc::SYS_clone, "clone", &[libc::EAGAIN, libc::ENOMEM]),
    (libc::SYS_chdir, "chdir", &[libc::EACCES, libc::EIO, libc::ENOENT, libc::ENOMEM]),
    (libc::SYS_openat, "openat", &[libc::EACCES, libc::EINTR, libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ENOSPC, libc::EROFS]),
    (libc::SYS_flock, "flock", &[libc::EAGAIN, libc::EINTR, libc::ENOLCK]),
    (libc::SYS_ftruncate, "ftruncate", &[libc::EINTR, libc::EIO, libc::EFBIG]),
    (libc::SYS_write, "write", &[libc::EINTR, libc::EIO, libc::ENOSPC, libc::EDQUOT]),
    (libc::SYS_read, "read", &[libc::EINTR, libc::EIO]),
    (libc::SYS_statx, "statx", &[libc::EACCES, libc::ENOMEM]),
];

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// The function fails with that error.
    Reported,
    /// The function fails with another one.
    Instead(i32),
    /// The function does what it promises.
    Done,
    /// The process ends: to continue with the wrong mask would be worse.
    Aborts,
}

fn numbers() -> Vec<libc::c_long> {
    ERRORS.iter().map(|(number, ..)| *number).collect()
}

fn row(number: libc::c_long) -> &'static (libc::c_long, &'static str, &'static [i32]) {
    ERRORS.iter().find(|row| row.0 == number).expect("a row for each number of the filter")
}

/// What every failure must leave as it was; and the number of memory maps. (What is on the heap is
/// the test's own.)
fn state() -> (impl PartialEq + std::fmt::Debug, usize) {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    (signal_state(), maps.lines().filter(|line| !line.contains("[heap]")).count())
}

/// The calls that the first attempt makes.
fn calls_of(operation: &Operation) -> Vec<Call> {
    let plan = Plan::new();
    in_child(|| {
        let mut attempt = (operation.prepare)();
        supervise(plan, &numbers());
        plan.fail((-1, 0), 0);
        plan.arm(true);
        let result = attempt();
        plan.arm(false);
        assert!(result.is_ok(), "{}: {:?}", operation.name, result.err());
    });
    plan.calls()
}

/// What is wrong, in words.
fn check(operation: &Operation, call: Call, errno: i32) -> Option<String> {
    let name = row(call.0).1;
    let expected = operation.outcome(name, call.1, errno);
    let what =
        format!("{}, {name} {}, {:?}", operation.name, call.1, Errno::from_raw_os_error(errno));
    let status = status_of(|| {
        common::process::no_core_file();
        // SAFETY: takes a plain value. What waits for ever has failed too.
        unsafe { libc::alarm(20) };
        let plan = Plan::new();
        let mut attempt = (operation.prepare)();
        supervise(plan, &numbers());
        let (before, maps) = state();
        let pages = usize::from(
            operation.name == operations::THE_FIRST
                && !(name == "mmap" || (name, call.1) == ("madvise", 1)),
        );
        let must_be_as_before = |when: &str| {
            let (now, maps_now) = state();
            assert_eq!(now, before, "{what}: {when}");
            assert_eq!(maps_now, maps + pages, "{what}: {when}: memory maps");
        };
        plan.fail(call, errno);
        plan.arm(true);
        let result = attempt();
        plan.arm(false);
        let outcome = match &result {
            Ok(_) => Outcome::Done,
            Err(error) if error.raw_os_error() == errno => Outcome::Reported,
            Err(error) => Outcome::Instead(error.raw_os_error()),
        };
        assert_eq!(outcome, expected, "{what}");
        let is_done = result.is_ok();
        drop(result);
        if is_done && operation.is_once {
            return;
        }
        must_be_as_before("afterwards");
        drop(attempt().unwrap_or_else(|error| panic!("{what}: then {error:?}")));
        if !operation.is_once {
            must_be_as_before("after a second attempt");
        }
    });
    let is_right = match expected {
        Outcome::Aborts => status.signal() == Some(signal::SIGABRT),
        _ => status.success(),
    };
    if is_right {
        None
    } else {
        Some(format!("{what}: should be {expected:?}, {status}"))
    }
}

fn each_call_fails_with_each_error() {
    needs_supervision();
    let mut wrong = Vec::new();
    for operation in OPERATIONS {
        let calls = calls_of(operation);
        assert!(!calls.is_empty(), "{} makes no system call", operation.name);
        for call in calls {
            for errno in row(call.0).2 {
                if operation.is_tried(row(call.0).1, call.1, *errno) {
                    wrong.extend(check(operation, call, *errno));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

tests! {
    each_call_fails_with_each_error,
    every_function_of_c_is_in_a_table,
}
