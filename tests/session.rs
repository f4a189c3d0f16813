//! Sessions, clean signals for children, and the way into the background.

mod common;

use common::process::{is_re_executed, re_exec};
use common::{eventually, fork, in_child, wait_for, Gate};
use signal::child::Status;
use signal::session::{daemonize, new_session, Options};
use signal::{
    blocked, install, kill_group, query, BlockGuard, CommandExt as _, Errno, Handler, Pid, Signal, SIGCHLD,
    SIGHUP, SIGKILL, SIGTERM, SIGUSR1, SIGUSR2,
};
use std::env;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

common::main! {
    new_session_leads_session_and_group_and_fails_for_a_leader,
    steps_of_a_command_work_in_every_order,
    a_builder_that_moves_to_a_session_of_its_own_takes_its_commands_along,
    a_daemon_started_without_standard_descriptors_keeps_its_word,
    reset_signals_leaves_nothing_of_the_parents,
    reset_signals_but_ignored_keeps_what_is_ignored,
    a_blocked_spawn_without_reset_starts_blocked,
    the_parents_mask_comes_back_after_a_spawn_that_works_and_one_that_fails,
    a_signal_between_fork_and_exec_never_runs_the_parents_handler,
    a_daemon_is_cut_off_from_where_it_came_from,
    options_of_a_daemon_are_kept,
    a_daemon_that_fails_says_why,
    a_daemon_that_is_dropped_killed_or_gone_before_it_is_ready_is_told_of,
    the_pid_file_is_locked_while_the_daemon_lives,
    daemonize_fails_before_and_after_the_fork_and_leaves_no_descriptor,
    daemonize_refuses_a_process_with_threads,
}

fn getsid() -> i32 {
    // SAFETY: takes a plain value.
    unsafe { libc::getsid(0) }
}

fn getpgrp() -> i32 {
    // SAFETY: takes nothing.
    unsafe { libc::getpgrp() }
}

fn new_session_leads_session_and_group_and_fails_for_a_leader() {
    in_child(|| {
        let own = Pid::current();
        assert_ne!(getpgrp(), own.as_raw());
        assert_eq!(new_session(), Ok(own));
        assert_eq!((getsid(), getpgrp()), (own.as_raw(), own.as_raw()));
        assert_eq!(new_session(), Err(Errno::EPERM));
    });
}

/// After exec, about the process that exec made, whose child a test is: whether it leads a session and a group, and which
/// session that is.
fn report_kind(path: &str) {
    let own = Pid::parent().unwrap().as_raw();
    // SAFETY: take a plain value.
    let (session, group) = unsafe { (libc::getsid(own), libc::getpgid(own)) };
    fs::write(path, format!("{} {} {}", session == own, group == own, session)).unwrap();
}

fn steps_of_a_command_work_in_every_order() {
    if is_re_executed() {
        return report_kind(&env::var("REPORT").unwrap());
    }
    type Step = fn(&mut Command) -> &mut Command;
    let session: Step = |command| command.new_session();
    let group: Step = |command| command.new_group();
    let reset: Step = |command| command.reset_signals();
    let plain: Step = |command| command.process_group_of_std();
    let path = temporary("kind");
    for (steps, leads_session, leads_group) in [
        (vec![], false, false),
        (vec![session], true, true),
        (vec![group], false, true),
        (vec![group, group], false, true),
        (vec![session, session], true, true),
        (vec![session, group], true, true),
        (vec![group, session], true, true),
        (vec![reset, session, group], true, true),
        (vec![session, reset, group], true, true),
        (vec![group, reset, session], true, true),
        (vec![group, session, reset], true, true),
        (vec![plain, session], true, true),
        (vec![plain, group], false, true),
    ] {
        let mut command = re_exec("steps_of_a_command_work_in_every_order");
        for step in &steps {
            step(&mut command);
        }
        let status = command.env("REPORT", &path).status().unwrap();
        assert!(status.success());
        let report = fs::read_to_string(&path).unwrap();
        let session = if leads_session { "true" } else { "false" };
        let group = if leads_group { "true" } else { "false" };
        assert!(report.starts_with(&format!("{session} {group} ")), "{} steps: {report}", steps.len());
        if !leads_session {
            assert!(report.ends_with(&format!(" {}", getsid())), "{report}");
        }
    }
    fs::remove_file(path).unwrap();
}

trait ProcessGroupOfStd {
    fn process_group_of_std(&mut self) -> &mut Command;
}

impl ProcessGroupOfStd for Command {
    /// As `process_group(0)`, which Rust 1.63 does not have yet.
    fn process_group_of_std(&mut self) -> &mut Command {
        // SAFETY: one system call on plain values.
        unsafe {
            self.pre_exec(|| match libc::setpgid(0, 0) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            })
        }
    }
}

/// A file name of this test's own.
/// What the step needs to know of the parent it must find out when it is taken, and not when the command was built.
fn a_builder_that_moves_to_a_session_of_its_own_takes_its_commands_along() {
    if is_re_executed() {
        return report_kind(&env::var("REPORT").unwrap());
    }
    let path = temporary("moved");
    let mut command = re_exec("a_builder_that_moves_to_a_session_of_its_own_takes_its_commands_along");
    command.new_group().new_session().env("REPORT", &path);
    in_child(|| {
        new_session().unwrap();
        assert!(command.status().unwrap().success());
    });
    let report = fs::read_to_string(&path).unwrap();
    assert!(report.starts_with("true true "), "{report}");
    fs::remove_file(path).unwrap();
}

fn close_standard_descriptors() {
    for fd in 0..3 {
        // SAFETY: nobody writes to them any more.
        unsafe { libc::close(fd) };
    }
}

/// A caller may have closed them: then they are the next numbers that the system gives out.
fn a_daemon_started_without_standard_descriptors_keeps_its_word() {
    let path = temporary("closed");
    let options = || Options::new().pid_file(&path);
    let status = start(|| {
        close_standard_descriptors();
        expect_error(options(), |daemon| daemon.fail(Errno::ENOTSOCK)) - Errno::ENOTSOCK.raw_os_error()
    });
    assert_eq!(status.code(), Some(0), "the error of the daemon");
    let status = start(|| {
        close_standard_descriptors();
        daemonize(options()).unwrap().ready();
        // SAFETY: sleeps until a signal.
        unsafe { libc::pause() };
        0
    });
    assert_eq!(status.code(), Some(0), "the daemon is ready");
    let second = start(|| i32::from(outcome(options()) != Err(Errno::EAGAIN)));
    assert_eq!(second.code(), Some(0), "the first one holds the lock");
    let daemon: i32 = fs::read_to_string(&path).unwrap().trim().parse().unwrap();
    signal::kill(Pid::from_raw(daemon).unwrap(), SIGKILL).unwrap();
    fs::remove_file(path).unwrap();
}

fn temporary(name: &str) -> PathBuf {
    env::temp_dir().join(format!("signal-session-{}-{}", Pid::current(), name))
}

fn ignored() -> Vec<Signal> {
    let is_ignored =
        |signal: &Signal| query(*signal).map_or(false, |action| action.handler() == Handler::Ignore);
    Signal::all().filter(is_ignored).collect()
}

/// As far as the system lets it be.
fn everything_is(handler: Handler) {
    for signal in Signal::all() {
        let _ = install(signal, handler);
    }
}

fn reset_signals_leaves_nothing_of_the_parents() {
    if is_re_executed() {
        assert_eq!(ignored(), []);
        assert!(blocked().is_empty(), "{:?}", blocked());
        return;
    }
    everything_is(Handler::Ignore);
    install(SIGCHLD, Handler::Default).unwrap();
    let _blocked = BlockGuard::new(signal::SignalSet::full() - SIGCHLD);
    let mut child = re_exec("reset_signals_leaves_nothing_of_the_parents");
    let status = child.reset_signals().spawn_with_signals_blocked().unwrap().wait().unwrap();
    assert!(status.success(), "{status}");
}

fn reset_signals_but_ignored_keeps_what_is_ignored() {
    if is_re_executed() {
        assert_eq!(ignored(), [SIGHUP, SIGUSR2]);
        assert!(blocked().is_empty());
        return;
    }
    everything_is(Handler::Default);
    install(SIGHUP, Handler::Ignore).unwrap();
    install(SIGUSR2, Handler::Ignore).unwrap();
    install(SIGUSR1, &HANDLED).unwrap();
    let _blocked = BlockGuard::new(SIGUSR1);
    let mut child = re_exec("reset_signals_but_ignored_keeps_what_is_ignored");
    let status = child.reset_signals_but_ignored().spawn_with_signals_blocked().unwrap().wait().unwrap();
    // (std sets SIGPIPE to its default before the step.)
    assert!(status.success(), "{status}");
}

/// Before Rust 1.66, `std` empties the mask between `fork` and the steps: nothing can be blocked there.
fn skip_unless_std_keeps_the_mask() {
    let _guard = BlockGuard::new(SIGUSR2);
    let mut command = Command::new("true");
    let step = || match blocked().contains(SIGUSR2) {
        true => Ok(()),
        false => Err(io::Error::from(Errno::EINVAL)),
    };
    // SAFETY: reads the mask.
    if unsafe { command.pre_exec(step) }.status().is_err() {
        common::skip("this std unblocks signals by itself");
    }
}

fn a_blocked_spawn_without_reset_starts_blocked() {
    if is_re_executed() {
        assert!(blocked().contains(SIGTERM));
        return;
    }
    skip_unless_std_keeps_the_mask();
    let mut child = re_exec("a_blocked_spawn_without_reset_starts_blocked");
    assert!(child.spawn_with_signals_blocked().unwrap().wait().unwrap().success());
}

fn the_parents_mask_comes_back_after_a_spawn_that_works_and_one_that_fails() {
    let _blocked = BlockGuard::new(SIGUSR2);
    let before = common::signal_state();
    let mut child = Command::new("true").new_session().reset_signals().spawn_with_signals_blocked().unwrap();
    assert_eq!(common::signal_state().1, before.1);
    child.wait().unwrap();
    let error = Command::new("/no/such/program").reset_signals().spawn_with_signals_blocked().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert_eq!(common::signal_state(), before);
}

static HANDLED: AtomicUsize = AtomicUsize::new(0);

/// The process whose handler it is.
static HOME: AtomicUsize = AtomicUsize::new(0);

fn on_usr1(_: Signal) {
    HANDLED.fetch_add(1, Ordering::SeqCst);
    if Pid::current().as_raw() as usize != HOME.load(Ordering::SeqCst) {
        // SAFETY: ends the process, which must never come here.
        unsafe { libc::_exit(99) }
    }
}

fn a_signal_between_fork_and_exec_never_runs_the_parents_handler() {
    skip_unless_std_keeps_the_mask();
    HOME.store(Pid::current().as_raw() as usize, Ordering::SeqCst);
    // SAFETY: `on_usr1` makes async-signal-safe calls only.
    install(SIGUSR1, unsafe { Handler::new(on_usr1) }).unwrap();
    let group = Pid::from_raw(getpgrp()).unwrap();
    for round in 1..=common::scaled(50) {
        let forked = std::sync::Arc::new(Gate::new());
        let sent = std::sync::Arc::new(Gate::new());
        let sender = {
            let (forked, sent) = (forked.clone(), sent.clone());
            std::thread::spawn(move || {
                forked.wait();
                kill_group(group, SIGUSR1).unwrap();
                sent.open();
            })
        };
        let mut command = Command::new("true");
        // SAFETY: a write and a read on pipes that the fork has copied.
        unsafe {
            command.pre_exec(move || {
                forked.open();
                sent.wait();
                Ok(())
            });
        }
        let spawned = command.new_session().reset_signals().spawn_with_signals_blocked();
        sender.join().unwrap();
        eventually("the parent's own handler has run", || HANDLED.load(Ordering::SeqCst) >= round);
        // Pending in the child, it met the default effect, before or after exec.
        match spawned {
            Ok(mut child) => {
                let status = Status::from(child.wait().unwrap());
                assert_eq!(status.signal(), Some(SIGUSR1), "{status}");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Runs `daemon` in a process of its own, whose exit status is what a shell would see, and returns that.
fn start(daemon: impl FnOnce() -> i32) -> Status {
    wait_for(fork(daemon))
}

fn a_daemon_is_cut_off_from_where_it_came_from() {
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
            getpgrp() != own,
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
        fs::write(&path, format!("{mask:o} {kept} {}", env::current_dir().unwrap().display())).unwrap();
        println!("the descriptors are the test's");
        daemon.ready();
        0
    });
    assert!(status.success(), "{status}");
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("77 true {}", directory.display()));
    fs::remove_file(path).unwrap();
    fs::remove_dir(directory).unwrap();
}

/// Calls `daemonize`, and returns in the original process only: the number of the error.
fn expect_error(options: Options, daemon: impl FnOnce(signal::session::Daemon)) -> i32 {
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

fn a_daemon_that_fails_says_why() {
    for error in [Errno::EPERM, Errno::ECONNREFUSED, Errno::from_raw_os_error(libc::EADDRINUSE)] {
        let status = start(|| expect_error(Options::new(), |daemon| daemon.fail(error)));
        assert_eq!(status.code(), Some(error.raw_os_error()));
    }
}

fn a_daemon_that_is_dropped_killed_or_gone_before_it_is_ready_is_told_of() {
    let ends: [fn(signal::session::Daemon); 3] = [
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

fn the_pid_file_is_locked_while_the_daemon_lives() {
    let path = temporary("pid");
    // A number that is longer than the next one must not shine through.
    fs::write(&path, "123456789012345\n").unwrap();
    let directory = path.parent().unwrap().to_owned();
    let relative = PathBuf::from(path.file_name().unwrap());
    let first = || {
        env::set_current_dir(&directory).unwrap();
        expect_error(Options::new().pid_file(&relative), |daemon| {
            daemon.ready();
            loop {
                // SAFETY: takes nothing.
                unsafe { libc::pause() };
            }
        })
    };
    assert_eq!(start(first).code(), Some(0));
    let text = fs::read_to_string(&path).unwrap();
    let daemon =
        text.strip_suffix('\n').and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw).expect("a pid");
    assert!(signal::exists(daemon));
    let again = || expect_error(Options::new().pid_file(&path), |daemon| daemon.ready());
    assert_eq!(start(again).code(), Some(libc::EAGAIN));
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "the second one has not touched it");
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
    let gate = std::sync::Arc::new(Gate::new());
    let thread = {
        let gate = gate.clone();
        std::thread::spawn(move || gate.wait())
    };
    if cfg!(any(target_os = "linux", target_os = "android", target_vendor = "apple")) {
        assert_eq!(outcome(Options::new()), Err(Errno::EBUSY));
    }
    gate.open();
    thread.join().unwrap();
}
