//! The small programs of the guide's chapters, each asked for what its chapter says.

use super::{example, output};
use crate::common::{self, needs};
use signal::child::Status;
use signal::{kill, Pid, Signal, SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};
use std::{env, fs};

/// What it prints when it runs by itself.
fn prints(name: &str, text: &str) {
    let output = output(&mut example(name));
    assert!(output.status.success(), "{name}: {output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), text);
}

/// With so much work that it does not end by itself.
fn busy(name: &str) -> (Child, Pid, Lines<BufReader<ChildStdout>>) {
    let mut command = example(name);
    let mut child = command.arg("1000000").stdout(Stdio::piped()).spawn().unwrap();
    let (pid, lines) = (Pid::from(&child), BufReader::new(child.stdout.take().unwrap()).lines());
    (child, pid, lines)
}

fn stop_leaves_its_loop_at_the_first_signal() {
    let mut command = example("stop");
    let output = output(command.arg("0"));
    assert!(output.status.success());
    for signal in [SIGINT, SIGTERM] {
        let (mut child, pid, mut lines) = busy("stop");
        // It prints after it has installed its handlers.
        lines.next().unwrap().unwrap();
        kill(pid, signal).unwrap();
        let line = lines.next().unwrap().unwrap();
        assert!(line.starts_with("stopped after "), "{line}");
        assert!(child.wait().unwrap().success());
    }
}

/// Stopped while both arrive, so that it cannot look at the flag in between.
fn the_second_signal_ends_stop_at_once() {
    let (mut child, pid, mut lines) = busy("stop");
    lines.next().unwrap().unwrap();
    kill(pid, signal::SIGSTOP).unwrap();
    signal::child::wait_change(signal::child::Which::Pid(pid)).unwrap();
    kill(pid, SIGINT).unwrap();
    kill(pid, SIGTERM).unwrap();
    kill(pid, signal::SIGCONT).unwrap();
    let ended = Status::from(child.wait().unwrap()).signal();
    assert!([Some(SIGINT), Some(SIGTERM)].contains(&ended), "{ended:?}");
    assert!(lines.next().is_none());
}

fn the_region_keeps_the_signal_out() {
    prints("region", "in the region: false\nafter the wait: true\n");
}

fn all_children_are_collected() {
    let output = output(&mut example("children"));
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let ends = [1, 2, 3].map(|code| format!(" exited with code {code}"));
    assert!(text.lines().count() == 3 && ends.iter().all(|end| text.contains(end)), "{text}");
}

fn one_thread_takes_the_signals() {
    let (mut child, pid, mut lines) = busy("threads");
    assert_eq!(lines.next().unwrap().unwrap(), format!("try: kill -USR1 {pid}"));
    let mut answer = |signal: Signal| {
        kill(pid, signal).unwrap();
        lines.next().unwrap().unwrap()
    };
    assert!(answer(SIGUSR1).ends_with(" pieces so far"));
    assert_eq!(answer(SIGTERM), "SIGTERM: stopping");
    assert!(lines.next().unwrap().unwrap().ends_with(" pieces done"));
    assert!(child.wait().unwrap().success());
}

fn the_daemon_is_ready_when_the_command_ends() {
    let mut command = example("daemon");
    let folder = env::temp_dir().join(format!("signal-daemon-{}", Pid::current()));
    fs::create_dir(&folder).unwrap();
    assert!(output(command.arg(&folder)).status.success());
    let log = || fs::read_to_string(folder.join("daemon.log")).unwrap();
    let wait_for = |text: &str| common::eventually("the daemon logs it", || log() == text);
    let pid_file = folder.join("daemon.pid");
    let pid = fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
    let pid = Pid::from_raw(pid).unwrap();
    // A second one is refused, and says why.
    let second = output(example("daemon").arg(&folder));
    assert_eq!(second.status.code(), Some(1));
    assert!(second.stderr.starts_with(b"daemon: "), "{second:?}");
    wait_for("started\n");
    kill(pid, SIGHUP).unwrap();
    wait_for("started\nreopened\n");
    kill(pid, SIGTERM).unwrap();
    wait_for("started\nreopened\nstopped\n");
    fs::remove_dir_all(folder).unwrap();
}

fn a_daemon_that_cannot_start_says_so() {
    let output = output(example("daemon").arg("/no/such/folder"));
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("/no/such/folder"), "{text}");
}

fn poll_is_interrupted_and_read_is_not() {
    needs(cfg!(has_setitimer), "no repeating timer here");
    let output = output(&mut example("not_restarted"));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((output.status.success(), lines.len()), (true, 4), "{text}");
    assert_eq!(lines[0], "read: was restarted");
    assert_eq!(lines[1], format!("poll: {}", signal::Errno::EINTR));
    assert_eq!(lines[2..], ["poll until a deadline: false", "read to the end: 0 bytes"]);
}

fn the_handler_hands_on_what_it_learns() {
    prints("handler", "caught\ncaught\ncaught\n3 calls, sent by this process: true\n");
}

fn a_neighbour_and_the_pipe_both_hear() {
    prints("neighbours", "with the pipe: theirs 1, ours true\nwithout: theirs 1\n");
}

tests! {
    stop_leaves_its_loop_at_the_first_signal,
    the_second_signal_ends_stop_at_once,
    the_region_keeps_the_signal_out,
    all_children_are_collected,
    one_thread_takes_the_signals,
    the_daemon_is_ready_when_the_command_ends,
    a_daemon_that_cannot_start_says_so,
    poll_is_interrupted_and_read_is_not,
    the_handler_hands_on_what_it_learns,
    a_neighbour_and_the_pipe_both_hear,
}
