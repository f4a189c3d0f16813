//! That no system call is forgotten: what the source calls is in a table here, and what is said to
//! be tried is made by one of the operations.

use super::operations::OPERATIONS;
use super::supervisor::needs_supervision;
use super::{calls_of, daemon, row};
use crate::common;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A function of C, and the system call that it makes on Linux.
#[rustfmt::skip]
const TRIED: &[(&str, &str)] = &[
    ("chdir", "chdir"), ("dup2", "dup2 dup3"), ("eventfd", "eventfd2"), ("fcntl", "fcntl"),
    ("flock", "flock"), ("fork", "clone"), ("kill", "kill"), ("madvise", "madvise"),
    ("mmap", "mmap"), ("mprotect", "mprotect"), ("open", "openat"), ("pipe2", "pipe2"),
    ("poll", "poll ppoll"), ("ppoll", "ppoll"), ("pthread_sigmask", "rt_sigprocmask"),
    ("raise", "tgkill"), ("setpgid", "setpgid"), ("setsid", "setsid"), ("sigaction", "rt_sigaction"),
    ("sigaltstack", "sigaltstack"), ("sigqueue", "rt_sigqueueinfo"),
    ("sigtimedwait", "rt_sigtimedwait"), ("waitpid", "wait4"), ("syscall", "pidfd_open"),
    ("setitimer", "setitimer"), ("signalfd", "signalfd4"), ("wait4", "wait4"),
];

const CANNOT_FAIL: &str = "cannot fail";
const NO_CALL: &str = "makes no system call that can fail";
const ELSEWHERE: &str = "not on Linux";

/// And why the others are left out.
#[rustfmt::skip]
const LEFT_OUT: &[(&str, &str)] = &[
    ("_exit", CANNOT_FAIL), ("abort", CANNOT_FAIL), ("getpid", CANNOT_FAIL),
    ("getppid", CANNOT_FAIL), ("getpgrp", CANNOT_FAIL), ("umask", CANNOT_FAIL),
    ("clock_gettime", CANNOT_FAIL), ("getauxval", NO_CALL), ("sysconf", NO_CALL),
    ("strerror_r", NO_CALL), ("timespec", "a type, and a function of the library"),
    ("getsid", "cannot fail for the caller"),
    ("getpgid", "CommandExt's, in a child that reports it: tests/session/command.rs"),
    ("sigsuspend", "always fails, with EINTR"),
    ("unshare", "its error is the answer: whether there are other threads"),
    ("close", "gives the number up whatever it returns; a failure made here would keep it open"),
    ("munmap", "cannot fail for what was mapped"),
    ("sigpending", "cannot fail with room for the set"),
    ("read", "of an eventfd: what is left finds nothing; of the report: its loss is ECANCELED"),
    ("write", "to an eventfd: what it does not take finds it readable; of the report: ECANCELED"),
    ("pipe", "the same call as pipe2, for old kernels: tests/sandbox.rs"),
    ("nanosleep", "cut short it sleeps less, which its callers bear"),
    ("pthread_kill", "the call of raise, of another thread"),
    ("tcgetpgrp", "wants a terminal: tests/session/job.rs"),
    ("tcsetpgrp", "wants a terminal: tests/session/job.rs"),
    ("getsockopt", "of a connection: tests/interrupt.rs"),
    ("getpeername", "of a connection: tests/interrupt.rs"),
    ("alarm", ELSEWHERE), ("ioctl", ELSEWHERE), ("kevent", ELSEWHERE), ("kqueue", ELSEWHERE),
    ("proc_pidinfo", ELSEWHERE), ("sigwait", ELSEWHERE),
    ("stat", "of /proc: where that is not there, it is not known whether there are other threads"),
];

fn is_no_name(c: char) -> bool {
    !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The functions of C that are called in code.
fn called(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            called(&path, into);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            // `use libc::{c_int, wait4}`: what is called is no type.
            for name in line.split("use libc::").skip(1).flat_map(|names| names.split(is_no_name)) {
                if !name.is_empty() && text.contains(&format!(" {name}(")) {
                    into.insert(name.to_owned());
                }
            }
            for part in line.split("libc::").skip(1) {
                let end = part.find(is_no_name).unwrap_or(part.len());
                if part[end..].starts_with('(') {
                    into.insert(part[..end].to_owned());
                }
            }
        }
    }
}

pub fn every_function_of_c_is_in_a_table() {
    needs_supervision();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    common::needs(source.is_dir(), "the source is not here");
    let mut found = BTreeSet::new();
    called(&source, &mut found);
    let listed: BTreeSet<String> =
        TRIED.iter().chain(LEFT_OUT).map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(listed.len(), TRIED.len() + LEFT_OUT.len(), "a function stands there twice");
    assert_eq!(found, listed, "what the source calls, and what the tables have");
    let mut calls: Vec<_> = OPERATIONS.iter().flat_map(calls_of).collect();
    calls.extend(daemon::calls());
    let made: BTreeSet<&str> = calls.iter().map(|call| row(call.0).1).collect();
    for (function, names) in TRIED {
        let is_made = names.split(' ').any(|name| made.contains(name));
        assert!(is_made, "no operation comes to {function}");
    }
}
