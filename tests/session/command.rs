//! Commands: sessions, groups and clean signals for children.

use super::{getsid, temporary};
use crate::common::process::{is_re_executed, re_exec};
use crate::common::{self, eventually, in_child, own_group, Latch};
use signal::child::Status;
use signal::session::new_session;
use signal::{blocked, install, kill_group, query, BlockGuard, CommandExt as _, Errno, Handler};
use signal::{Pid, Signal, SIGCHLD, SIGHUP, SIGTERM, SIGUSR1, SIGUSR2};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::{env, fs, io};

static HANDLED: AtomicUsize = AtomicUsize::new(0);
/// The pid of the process whose handler it is.
static HOME: AtomicUsize = AtomicUsize::new(0);

/// Writes, in a re-executed test, whether its parent leads a session and a group, and which session
/// that is. The parent is the process that the command has started.
fn report_kind(path: &str) {
    let own = Pid::parent().unwrap().as_raw();
    // SAFETY: take a plain value.
    let (session, group) = unsafe { (libc::getsid(own), libc::getpgid(own)) };
    fs::write(path, format!("{} {} {}", session == own, group == own, session)).unwrap();
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
        let mut command = re_exec();
        for step in &steps {
            step(&mut command);
        }
        let status = command.env("REPORT", &path).status().unwrap();
        assert!(status.success());
        let report = fs::read_to_string(&path).unwrap();
        let session = if leads_session { "true" } else { "false" };
        let group = if leads_group { "true" } else { "false" };
        assert!(
            report.starts_with(&format!("{session} {group} ")),
            "{} steps: {report}",
            steps.len()
        );
        if !leads_session {
            assert!(report.ends_with(&format!(" {}", getsid())), "{report}");
        }
    }
    fs::remove_file(path).unwrap();
}

/// The step must look at its parent when it runs, and not when the command is built.
fn the_steps_see_a_session_that_the_builder_enters_later() {
    if is_re_executed() {
        return report_kind(&env::var("REPORT").unwrap());
    }
    let path = temporary("moved");
    let mut command = re_exec();
    command.new_group().new_session().env("REPORT", &path);
    in_child(|| {
        new_session().unwrap();
        assert!(command.status().unwrap().success());
    });
    let report = fs::read_to_string(&path).unwrap();
    assert!(report.starts_with("true true "), "{report}");
    fs::remove_file(path).unwrap();
}

fn ignored() -> Vec<Signal> {
    let is_ignored = |signal: &Signal| {
        query(*signal).map_or(false, |action| action.handler() == Handler::Ignore)
    };
    Signal::all().filter(is_ignored).collect()
}

/// As far as the system allows it.
fn everything_is(handler: Handler) {
    for signal in Signal::all() {
        let _ = install(signal, handler);
    }
}

fn reset_signals_leaves_nothing_ignored_or_blocked() {
    if is_re_executed() {
        assert_eq!(ignored(), []);
        assert!(blocked().is_empty(), "{:?}", blocked());
        return;
    }
    everything_is(Handler::Ignore);
    install(SIGCHLD, Handler::Default).unwrap();
    let _blocked = BlockGuard::new(signal::SignalSet::full() - SIGCHLD);
    let mut child = re_exec();
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
    let mut child = re_exec();
    let status =
        child.reset_signals_but_ignored().spawn_with_signals_blocked().unwrap().wait().unwrap();
    // (std sets SIGPIPE to its default before the step.)
    assert!(status.success(), "{status}");
}

/// Before Rust 1.66, `std` empties the mask between `fork` and the steps: nothing can be blocked
/// there.
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
    let mut child = re_exec();
    assert!(child.spawn_with_signals_blocked().unwrap().wait().unwrap().success());
}

fn the_parents_mask_is_restored_after_success_and_failure_of_a_spawn() {
    let _blocked = BlockGuard::new(SIGUSR2);
    let before = common::signal_state();
    let mut child =
        Command::new("true").new_session().reset_signals().spawn_with_signals_blocked().unwrap();
    assert_eq!(common::signal_state().1, before.1);
    child.wait().unwrap();
    let error =
        Command::new("/no/such/program").reset_signals().spawn_with_signals_blocked().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert_eq!(common::signal_state(), before);
}

fn on_usr1(_: Signal) {
    HANDLED.fetch_add(1, SeqCst);
    if Pid::current().as_raw() as usize != HOME.load(SeqCst) {
        // SAFETY: ends the process, which must never get here.
        unsafe { libc::_exit(99) }
    }
}

fn a_signal_between_fork_and_exec_never_runs_the_parents_handler() {
    skip_unless_std_keeps_the_mask();
    HOME.store(Pid::current().as_raw() as usize, SeqCst);
    // SAFETY: `on_usr1` makes async-signal-safe calls only.
    install(SIGUSR1, unsafe { Handler::new(on_usr1) }).unwrap();
    let group = own_group();
    for round in 1..=common::scaled(50) {
        let forked = std::sync::Arc::new(Latch::new());
        let sent = std::sync::Arc::new(Latch::new());
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
        eventually("the parent's own handler has run", || HANDLED.load(SeqCst) >= round);
        // Pending in the child, it had its default effect, before or after exec.
        match spawned {
            Ok(mut child) => {
                let status = Status::from(child.wait().unwrap());
                assert_eq!(status.signal(), Some(SIGUSR1), "{status}");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

tests! {
    steps_of_a_command_work_in_every_order,
    the_steps_see_a_session_that_the_builder_enters_later,
    reset_signals_leaves_nothing_ignored_or_blocked,
    reset_signals_but_ignored_keeps_what_is_ignored,
    a_blocked_spawn_without_reset_starts_blocked,
    the_parents_mask_is_restored_after_success_and_failure_of_a_spawn,
    a_signal_between_fork_and_exec_never_runs_the_parents_handler,
}
