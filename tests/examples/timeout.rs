//! `timeout`, against the one of coreutils.

use super::{coreutils, example, helps, output, start_until_ready};
use signal::{kill, Pid, SIGHUP, SIGKILL, SIGTERM};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

fn ours() -> Command {
    example("timeout")
}

/// Both end so.
fn end(arguments: &[&str], expected: ExitStatus) {
    assert_eq!(output(ours().args(arguments)).status, expected, "{arguments:?}");
    if let Some(mut theirs) = coreutils("timeout") {
        assert_eq!(output(theirs.args(arguments)).status, expected, "coreutils: {arguments:?}");
    }
}

fn code(code: i32) -> ExitStatus {
    ExitStatus::from_raw(code << 8)
}

fn a_command_in_time_ends_as_by_itself() {
    end(&["60", "true"], code(0));
    end(&["60", "sh", "-c", "exit 7"], code(7));
    end(&["0", "true"], code(0));
    end(&["--preserve-status", "1.5m", "sh", "-c", "exit 124"], code(124));
    end(&["60", "sh", "-c", "kill -TERM $$"], ExitStatus::from_raw(SIGTERM.as_raw()));
    end(&["60", "sh", "-c", "kill -KILL $$"], ExitStatus::from_raw(SIGKILL.as_raw()));
}

fn a_command_beyond_its_time_is_124() {
    end(&["0.1", "sleep", "60"], code(124));
    end(&["-s", "HUP", ".1s", "sleep", "60"], code(124));
    end(&["-sint", "0.1", "sleep", "60"], code(124));
    end(&["--foreground", "0.1", "sleep", "60"], code(124));
    end(&["-k", "60", "0.1", "sleep", "60"], code(124));
    end(&["--preserve-status", "0.1", "sleep", "60"], code(143));
    end(&["--preserve-status", "--signal=9", "--foreground", "0.1", "sleep", "60"], code(137));
    end(&["--foreground", "-s", "KILL", "0.1", "sleep", "60"], code(137));
    // To the whole group: it is killed too.
    end(&["-s", "KILL", "0.1", "sleep", "60"], ExitStatus::from_raw(SIGKILL.as_raw()));
}

fn what_cannot_be_is_125_to_127() {
    end(&["60", "/dev/null"], code(126));
    end(&["60", "/no/such/program"], code(127));
    for arguments in [
        &["60"][..],
        &[],
        &["soon", "true"],
        &["-1", "true"],
        &["-s", "NOSUCH", "60", "true"],
        &["--no-such-option", "60", "true"],
        &["-k", "x", "60", "true"],
    ] {
        end(arguments, code(125));
    }
    helps("timeout");
}

// The other may not know its child yet when the signal comes, and exits with 128 and its number: it
// cannot be compared with here.

fn a_signal_is_passed_on() {
    let script = "trap 'exit 9' HUP; echo ready; while :; do sleep 0.02; done";
    let (mut child, _output) = start_until_ready(ours().args(["60", "sh", "-c", script]));
    kill(Pid::from(&child), SIGHUP).unwrap();
    assert_eq!(child.wait().unwrap(), code(9));
}

/// The limit is a signal from here, which comes when the program ignores it for sure.
fn what_ignores_the_signal_is_killed_after() {
    let script = "trap '' TERM; echo ready; exec sleep 60";
    let status = |options: &[&str]| {
        let mut program = ours();
        program.args(options).args(["-k", "0.1", "60", "sh", "-c", script]);
        let (mut child, _output) = start_until_ready(&mut program);
        kill(Pid::from(&child), SIGTERM).unwrap();
        child.wait().unwrap()
    };
    assert_eq!(status(&["--foreground"]), code(137));
    // To the whole group: it is killed too.
    assert_eq!(status(&[]), ExitStatus::from_raw(SIGKILL.as_raw()));
}

/// Somebody ignores or blocks SIGCHLD and starts it.
fn it_works_whatever_it_inherits() {
    signal::block(signal::SIGCHLD | SIGTERM);
    signal::install(signal::SIGCHLD, signal::Handler::Ignore).unwrap();
    let mut child = ours().args(["60", "sh", "-c", "exit 7"]).spawn().unwrap();
    // The status is lost here: the test's own SIGCHLD is ignored until now.
    signal::install(signal::SIGCHLD, signal::Handler::Default).unwrap();
    if let Ok(status) = child.wait() {
        assert_eq!(status, code(7));
    }
}

tests! {
    a_command_in_time_ends_as_by_itself,
    a_command_beyond_its_time_is_124,
    what_cannot_be_is_125_to_127,
    a_signal_is_passed_on,
    what_ignores_the_signal_is_killed_after,
    it_works_whatever_it_inherits,
}
