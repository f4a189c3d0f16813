//! `init`, as process 1 of a pid namespace where that is permitted, and as any process.

use super::{example, helps, output, start_until_ready};
use crate::common::skip;
use signal::child::Status;
use signal::{kill, Pid, SIGHUP, SIGKILL, SIGTERM, SIGUSR1};
use std::io::Read;
use std::process::Command;

fn status(arguments: &[&str]) -> Status {
    Status::from(output(example("init").args(arguments)).status)
}

/// What this process starts from now on is process 1 of its own namespace.
fn namespace() -> bool {
    #[cfg(has_pidfd)]
    // SAFETY: takes a plain value.
    return unsafe { libc::unshare(libc::CLONE_NEWPID) } == 0;
    #[cfg(not(has_pidfd))]
    false
}

fn it_exits_as_the_command_does() {
    assert_eq!(status(&["true"]).code(), Some(0));
    assert_eq!(status(&["sh", "-c", "exit 7"]).code(), Some(7));
    assert_eq!(status(&["/dev/null"]).code(), Some(126));
    assert_eq!(status(&["/no/such/program"]).code(), Some(127));
    assert_eq!(status(&[]).code(), Some(125));
    assert_eq!(status(&["sh", "-c", "kill -KILL $$"]).signal(), Some(SIGKILL));
    assert_eq!(status(&["sh", "-c", "kill -TERM $$"]).signal(), Some(SIGTERM));
    helps("init");
}

fn every_signal_is_passed_on_even_if_it_was_ignored_or_blocked() {
    // What this process has is inherited.
    signal::install(SIGHUP, signal::Handler::Ignore).unwrap();
    signal::block(SIGTERM | SIGUSR1);
    for (signal, name) in [(SIGTERM, "TERM"), (SIGHUP, "HUP"), (SIGUSR1, "USR1")] {
        let script = format!("trap 'exit 9' {name}; echo ready; while :; do sleep 0.02; done");
        let mut command = example("init");
        let (mut child, _output) = start_until_ready(command.args(["sh", "-c", &script]));
        kill(Pid::from(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(9), "{name}");
    }
}

/// The program's child starts an orphan, which ends: until it is reaped, it can be sent signals.
fn process_1_reaps_orphans() {
    let mut command: Command = example("init");
    if !namespace() {
        skip("a pid namespace is not permitted");
    }
    let script = "orphan=$(sh -c 'sleep 0.05 >&2 & echo $!'); echo ready; \
                  while kill -0 $orphan 2>&-; do sleep 0.02; done; echo $$; exit 5";
    let (mut child, mut rest) = start_until_ready(command.args(["sh", "-c", script]));
    let mut pid = String::new();
    rest.read_to_string(&mut pid).unwrap();
    assert_eq!((child.wait().unwrap().code(), pid.trim()), (Some(5), "2"));
}

fn process_1_passes_signals_on_and_reports_a_death() {
    let mut command: Command = example("init");
    if !namespace() {
        skip("a pid namespace is not permitted");
    }
    // One that the program does not catch would do nothing to it as process 1.
    let (mut child, _output) =
        start_until_ready(command.args(["sh", "-c", "echo ready; exec sleep 60"]));
    kill(Pid::from(&child), SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(128 + SIGTERM.as_raw()));
}

tests! {
    it_exits_as_the_command_does,
    every_signal_is_passed_on_even_if_it_was_ignored_or_blocked,
    process_1_reaps_orphans,
    process_1_passes_signals_on_and_reports_a_death,
}
