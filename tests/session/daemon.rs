//! The way into the background.

use super::{getsid, temporary};
use crate::common::process::sleep_forever;
use crate::common::{self, eventually, fork, own_group, wait_for, Latch};
use signal::child::Status;
use signal::session::{daemonize, Daemon, Options};
use signal::{Errno, Handler, Pid, SIGKILL, SIGPIPE};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::{env, fs, thread};

/// Runs `daemon` in a child; the status that a shell would see.
fn start(daemon: impl FnOnce() -> i32) -> Status {
    wait_for(fork(daemon))
}

/// Calls `daemonize`; returns the number of the error in the original process, and 0 in the daemon.
fn expect_error(options: Options, daemon: impl FnOnce(Daemon)) -> i32 {
    match daemonize(options) {
        Ok(ready) => {
            daemon(ready);
            0
        }
        Err(error) => error.errno().raw_os_error(),
    }
}

/// For what fails.
fn outcome(options: Options) -> signal::Result<()> {
    daemonize(options).map(drop).map_err(|error| error.errno())
}

fn close_standard_descriptors() {
    for fd in 0..3 {
        // SAFETY: nobody uses them any more.
        unsafe { libc::close(fd) };
    }
}

/// If the caller has closed them, the system gives out their numbers next.
fn a_daemon_can_start_without_standard_descriptors() {
    let path = temporary("closed");
    let options = || Options::new().pid_file(&path);
    let status = start(|| {
        close_standard_descriptors();
        expect_error(options(), |daemon| daemon.fail(Errno::ENOTSOCK))
            - Errno::ENOTSOCK.raw_os_error()
    });
    assert_eq!(status.code(), Some(0), "the error of the daemon");
    let status = start(|| {
        close_standard_descriptors();
        daemonize(options()).unwrap().ready();
        sleep_forever()
    });
    assert_eq!(status.code(), Some(0), "the daemon is ready");
    let second = start(|| i32::from(outcome(options()) != Err(Errno::EAGAIN)));
    assert_eq!(second.code(), Some(0), "the first one holds the lock");
    let daemon: i32 = fs::read_to_string(&path).unwrap().trim().parse().unwrap();
    signal::kill(Pid::from_raw(daemon).unwrap(), SIGKILL).unwrap();
    fs::remove_file(path).unwrap();
}

/// Then the number of `/dev/null` is that of standard error itself.
fn a_daemon_without_standard_error_gets_one() {
    let status = start(|| {
        // SAFETY: nobody uses it any more.
        unsafe { libc::close(2) };
        expect_error(Options::new(), |daemon| {
            // SAFETY: asks for flags.
            let is_open = unsafe { libc::fcntl(2, libc::F_GETFD) } != -1;
            daemon.fail(Errno::from_raw_os_error(100 + i32::from(is_open)))
        })
    });
    assert_eq!(status.code(), Some(101), "it is open");
}

/// Nobody reads what it says: no SIGPIPE comes of that, and one that is pending stays.
fn a_daemon_may_be_ready_when_nobody_waits() {
    for (is_blocked, is_pending) in [(false, false), (true, false), (true, true)] {
        let (mut read, write) = common::pipe();
        let original = fork(|| {
            let original = Pid::current();
            let daemon = daemonize(Options::new()).unwrap();
            signal::install(SIGPIPE, Handler::Default).unwrap();
            if is_blocked {
                signal::block(SIGPIPE);
            }
            if is_pending {
                signal::raise(SIGPIPE).unwrap();
            }
            signal::kill(original, SIGKILL).unwrap();
            eventually("the original process is gone", || !signal::exists(original));
            daemon.ready();
            let kept = signal::pending().contains(SIGPIPE) == is_pending;
            (&write).write_all(&[u8::from(kept)]).unwrap();
            0
        });
        drop(write);
        assert_eq!(wait_for(original).signal(), Some(SIGKILL));
        let mut report = Vec::new();
        read.read_to_end(&mut report).unwrap();
        assert_eq!(report, [1], "blocked: {is_blocked}, one is pending: {is_pending}");
    }
}

fn a_daemon_is_detached() {
    let path = temporary("cut-off");
    let status = start(|| {
        let daemon = daemonize(Options::new()).unwrap();
        // SAFETY: plain system calls.
        let (mask, terminal) =
            unsafe { (libc::umask(0), libc::open(b"/dev/tty\0".as_ptr().cast(), libc::O_RDWR)) };
        let own = Pid::current().as_raw();
        let links: Vec<String> = (0..3)
            .map(|fd| {
                fs::read_link(format!("/proc/self/fd/{fd}"))
                    .map_or(String::new(), |link| link.display().to_string())
            })
            .collect();
        let report = format!(
            "{mask:o} {terminal} {} {} {} {}",
            getsid() != own,
            own_group().as_raw() != own,
            env::current_dir().unwrap().display(),
            links.join(",")
        );
        fs::write(&path, report).unwrap();
        daemon.ready();
        0
    });
    assert_eq!(status.code(), Some(0), "{status}");
    let report = fs::read_to_string(&path).unwrap();
    let expected = "22 -1 true true / ";
    assert!(report.starts_with(expected), "{report}");
    if cfg!(target_os = "linux") {
        assert!(report.ends_with("/dev/null,/dev/null,/dev/null"), "{report}");
    }
    fs::remove_file(path).unwrap();
}

fn options_of_a_daemon_are_kept() {
    let path = temporary("options");
    let directory = temporary("directory");
    fs::create_dir(&directory).unwrap();
    let directory = directory.canonicalize().unwrap();
    let status = start(|| {
        let options = Options::new().umask(0o077).directory(&directory).keep_standard_descriptors();
        let daemon = daemonize(options).unwrap();
        // SAFETY: plain system calls.
        let (mask, kept) = unsafe { (libc::umask(0), libc::fcntl(1, libc::F_GETFL) != -1) };
        fs::write(&path, format!("{mask:o} {kept} {}", env::current_dir().unwrap().display()))
            .unwrap();
        println!("the descriptors are the test's");
        daemon.ready();
        0
    });
    assert!(status.success(), "{status}");
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("77 true {}", directory.display()));
    fs::remove_file(path).unwrap();
    fs::remove_dir(directory).unwrap();
}

/// Above the standard ones: for neither end of the pipe to the daemon, or for the first alone.
#[cfg(target_os = "linux")]
fn without_numbers_for_the_pipe_there_is_no_daemon() {
    for numbers in [3, 4] {
        let status = start(|| {
            for fd in 0..64 {
                // SAFETY: nobody uses it any more.
                unsafe { libc::close(fd) };
            }
            let limit = libc::rlimit { rlim_cur: numbers, rlim_max: numbers };
            // SAFETY: points to a whole structure.
            unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
            let error = expect_error(Options::new(), Daemon::ready);
            // SAFETY: plain values.
            let is_open = |fd: &i32| unsafe { libc::fcntl(*fd, libc::F_GETFD) } != -1;
            error + 100 * (0..4).filter(is_open).count() as i32
        });
        assert_eq!(status.code(), Some(libc::EMFILE), "{numbers}");
    }
}

fn default_options_are_new_ones() {
    assert_eq!(format!("{:?}", Options::default()), format!("{:?}", Options::new()));
}

fn a_daemon_that_fails_says_why() {
    for error in [Errno::EPERM, Errno::ECONNREFUSED, Errno::from_raw_os_error(libc::EADDRINUSE)] {
        let status = start(|| expect_error(Options::new(), |daemon| daemon.fail(error)));
        assert_eq!(status.code(), Some(error.raw_os_error()));
    }
}

fn a_daemon_that_ends_before_it_is_ready_is_an_error() {
    let ends: [fn(Daemon); 3] = [
        drop,
        |_daemon| signal::kill(Pid::current(), SIGKILL).unwrap(),
        // SAFETY: ends the process.
        |_daemon| unsafe { libc::_exit(0) },
    ];
    for end in ends {
        let status = start(|| expect_error(Options::new(), end));
        assert_eq!(status.code(), Some(libc::ECANCELED), "{status}");
    }
}

/// What the daemon does afterwards is nobody's business.
fn a_daemon_that_is_dropped_is_an_error_at_once() {
    let latch = Latch::new();
    let status = start(|| {
        expect_error(Options::new(), |daemon| {
            drop(daemon);
            latch.wait();
        })
    });
    assert_eq!(status.code(), Some(libc::ECANCELED), "{status}");
    latch.open();
}

fn a_daemon_has_one_descriptor_more() {
    let status = start(|| {
        let before = common::open_descriptors().len() as i32;
        expect_error(Options::new(), |daemon| {
            let more = common::open_descriptors().len() as i32 - before;
            daemon.fail(Errno::from_raw_os_error(100 + more))
        })
    });
    assert_eq!(status.code(), Some(101), "by which it tells that it is ready");
}

fn the_pid_file_is_locked_while_the_daemon_lives() {
    let path = temporary("pid");
    // The end of a longer number must not remain.
    fs::write(&path, "123456789012345\n").unwrap();
    let directory = path.parent().unwrap().to_owned();
    let relative = PathBuf::from(path.file_name().unwrap());
    let first = || {
        env::set_current_dir(&directory).unwrap();
        expect_error(Options::new().pid_file(&relative), |daemon| {
            daemon.ready();
            sleep_forever()
        })
    };
    assert_eq!(start(first).code(), Some(0));
    let text = fs::read_to_string(&path).unwrap();
    let daemon = text
        .strip_suffix('\n')
        .and_then(|pid| pid.parse().ok())
        .and_then(Pid::from_raw)
        .expect("a pid");
    assert!(signal::exists(daemon));
    let again = || expect_error(Options::new().pid_file(&path), |daemon| daemon.ready());
    assert_eq!(start(again).code(), Some(libc::EAGAIN));
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "the second one leaves it alone");
    signal::kill(daemon, SIGKILL).unwrap();
    eventually("the lock is free", || start(again).code() == Some(0));
    fs::remove_file(path).unwrap();
}

fn daemonize_fails_before_and_after_the_fork_and_leaves_no_descriptor() {
    let before = common::signal_state();
    assert_eq!(outcome(Options::new().directory("a\0b")), Err(Errno::EINVAL));
    assert_eq!(common::signal_state(), before);
    let missing = Options::new().directory("/no/such/directory");
    assert_eq!(outcome(missing), Err(Errno::from_raw_os_error(libc::ENOENT)));
    let no_file = Options::new().pid_file("/no/such/directory/pid");
    assert_eq!(outcome(no_file), Err(Errno::from_raw_os_error(libc::ENOENT)));
    assert_eq!(common::signal_state(), before);
    // No child is left to be reaped.
    assert!(signal::child::reap_any().next().is_none());
}

fn daemonize_refuses_a_process_with_threads() {
    let latch = Arc::new(Latch::new());
    let thread = {
        let latch = latch.clone();
        thread::spawn(move || latch.wait())
    };
    if cfg!(any(target_os = "linux", target_os = "android", target_vendor = "apple")) {
        assert_eq!(outcome(Options::new()), Err(Errno::EBUSY));
    }
    latch.open();
    thread.join().unwrap();
}

tests! {
    a_daemon_can_start_without_standard_descriptors,
    a_daemon_without_standard_error_gets_one,
    a_daemon_may_be_ready_when_nobody_waits,
    a_daemon_is_detached,
    options_of_a_daemon_are_kept,
    #[cfg(target_os = "linux")]
    without_numbers_for_the_pipe_there_is_no_daemon,
    default_options_are_new_ones,
    a_daemon_that_fails_says_why,
    a_daemon_that_ends_before_it_is_ready_is_an_error,
    a_daemon_that_is_dropped_is_an_error_at_once,
    a_daemon_has_one_descriptor_more,
    the_pid_file_is_locked_while_the_daemon_lives,
    daemonize_fails_before_and_after_the_fork_and_leaves_no_descriptor,
    daemonize_refuses_a_process_with_threads,
}
