//! What services write: in the log, in files, and for `starter logs`.

mod common;

use common::{eventually, run, starter, Running};
use signal::{kill, Pid, SIGUSR2};
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};

#[test]
fn each_line_in_the_log_has_the_name_before_it() {
    let running = run(r#"
        [service.web]
        command = ["sh", "-c", "echo one; echo two >&2; printf 'no end'"]
        restart = "never"
        [service.quiet]
        command = ["echo", "unheard"]
        output = "nowhere"
        restart = "never"
        [service.loud]
        command = ["echo", "as it is"]
        output = "inherit"
        restart = "never"
    "#);
    for name in ["web", "quiet", "loud"] {
        running.wait_for_state(name, "done");
    }
    for line in ["web | one", "web | two", "web | no end"] {
        running.wait_for_line(&[line]);
    }
    // Its last words come before its end. The thread that writes the log may be behind.
    running.wait_for_line(&["exited", "\"web\""]);
    assert!(running.position(&["web | no end"]) < running.position(&["exited", "\"web\""]));
    assert_eq!(running.lines(&["unheard"]), [""; 0]);
    running.end();
}

#[test]
fn a_file_each_is_rotated_by_size_and_count() {
    let running = run(r#"
        [service.web]
        command = ["sh", "-c", "seq 1 2000; exec sleep 1000"]
        output = { file = "web.log", size = "1kB", count = 2 }
    "#);
    eventually("all has been written", || {
        let text = running.place.read("web.log") + &running.place.read("web.log.1");
        text.contains("\n2000\n").then_some(())
    });
    assert!(!running.place.join("web.log.3").exists());
    assert_eq!(running.ask(&["logs", "web", "-n", "2"]), "1999\n2000\n");
    assert_eq!(running.lines(&["web |"]), [""; 0]);
    // Another program may move it away, too.
    std::fs::rename(running.place.join("web.log.1"), running.place.join("moved")).unwrap();
    let moved = running.place.read("moved");
    running.signal(SIGUSR2);
    running.wait_for_line(&["opened again"]);
    running.ask(&["restart", "web"]);
    eventually("it is written again", || running.place.join("web.log.1").exists().then_some(()));
    assert_eq!(running.place.read("moved"), moved);
    running.end();
}

#[test]
fn a_file_that_cannot_be_written_is_told_of_and_stops_nothing() {
    let running = run(r#"
        [service.a]
        command = ["sh", "-c", "while echo word; do sleep 0.01; done"]
        output = { file = "/no/such/directory/log" }
    "#);
    running.wait_for_line(&["ERROR", "/no/such/directory/log: No such file", "\"a\""]);
    eventually("it goes on", || running.ask(&["logs", "a"]).contains("word\nword").then_some(()));
    assert_eq!(running.lines(&["/no/such/directory/log"]).len(), 1, "told once");
    running.end();
}

#[test]
fn lines_that_a_file_lacks_are_counted() {
    let running = run(r#"
        [service.a]
        command = ["sh", "-c", "seq 3; read go <go; echo more; exec sleep 1000"]
        output = { file = "late/log" }
        restart = "never"
        before_start = ["mkfifo", "go"]
    "#);
    running.wait_for_line(&["ERROR", "late/log: No such file"]);
    eventually("all are there", || (running.ask(&["logs", "a"]) == "1\n2\n3\n").then_some(()));
    std::fs::create_dir(running.place.join("late")).unwrap();
    std::fs::write(running.place.join("go"), "\n").unwrap();
    running.wait_for_line(&["WARN", "late/log: lines lost: 3", "\"a\""]);
    assert_eq!(running.place.read("late/log"), "more\n");
    running.end();
}

/// A file of limited size is full as a disk is.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_was_full_goes_on_with_a_new_line() {
    let running = run(r#"
        [service.a]
        command = ["sh", "-c", "read go <one; printf 'one\ntwo\n'; read go <two; echo more; exec sleep 1000"]
        output = { file = "a.log" }
        restart = "never"
        before_start = ["mkfifo", "one", "two"]
    "#);
    let go = |fifo: &str| std::fs::write(running.place.join(fifo), "\n").unwrap();
    let file_is = |text: &str| {
        eventually("it is written", || (running.place.read("a.log") == text).then_some(()));
    };
    running.wait_for_state("a", "ready");
    running.limit_file_size(5);
    go("one");
    // What it answers comes after what it has tried to write.
    eventually("it is heard", || (running.ask(&["logs", "a"]) == "one\ntwo\n").then_some(()));
    file_is("one\nt");
    running.limit_file_size(libc::RLIM_INFINITY);
    go("two");
    file_is("one\nt\nmore\n");
    running.wait_for_line(&["WARN", "a.log: lines lost: 1", "\"a\""]);
    running.end();
}

/// `starter logs -f`, and the lines that it prints.
fn follow(running: &Running, words: &[&str]) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut logs = starter();
    logs.args(["logs", "-f", "--socket"]).arg(running.place.join("socket")).args(words);
    let mut follower = logs.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    (follower, lines)
}

#[test]
fn logs_are_shown_and_followed() {
    let running = run(r#"
        [service.a]
        command = ["sh", "-c", "seq 1 30; trap 'echo heard' HUP; echo >&$NOTIFY_FD; while :; do sleep 0.02; done"]
        ready = "notify"
        stop_signal_to = "leader"
        [service.b]
        command = ["true"]
        autostart = false
    "#);
    running.wait_for_line(&["a | 30"]);
    let ten: String = (21..=30).map(|number| format!("{number}\n")).collect();
    assert_eq!(running.ask(&["logs", "a"]), ten);
    assert_eq!(running.ask(&["logs", "a", "-n", "0"]), "");
    assert_eq!(running.ask(&["logs", "b"]), "");
    let unknown = running.control(&["logs", "z"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("there is no service `z`"));
    let (mut follower, mut lines) = follow(&running, &["-n", "1", "a"]);
    assert_eq!(lines.next().unwrap().unwrap(), "30");
    running.ask(&["signal", "a", "HUP"]);
    assert_eq!(lines.next().unwrap().unwrap(), "heard");
    running.ask(&["signal", "a", "SIGHUP"]);
    assert_eq!(lines.next().unwrap().unwrap(), "heard");
    running.end();
    // The starter has gone, and so goes whoever followed.
    assert!(lines.next().is_none());
    assert!(follower.wait().unwrap().success());
}

#[test]
fn who_follows_what_is_removed_is_let_go() {
    let running = run("[service.a]\ncommand = ['sh', '-c', 'echo word; exec sleep 1000']\n\
                       [service.b]\ncommand = ['sleep', '1000']\n");
    running.wait_for_line(&["a | word"]);
    let (mut follower, mut lines) = follow(&running, &["a"]);
    assert_eq!(lines.next().unwrap().unwrap(), "word");
    running.place.write("starter.toml", "[service.b]\ncommand = ['sleep', '1000']\n");
    running.ask(&["reload"]);
    assert!(lines.next().is_none());
    assert!(follower.wait().unwrap().success());
    running.end();
}

#[test]
fn who_writes_without_an_end_keeps_nobody_waiting() {
    let running = run(r#"
        [service.flood]
        command = ["yes"]
        [service.endless]
        command = ["sh", "-c", "tr '\\0' x < /dev/zero"]
        output = { file = "endless", size = "100kB", count = 1 }
        [service.a]
        command = ["sleep", "1000"]
    "#);
    for _ in 0..10 {
        running.ask(&["restart", "a"]);
        assert_eq!(running.state("a").0, "ready");
    }
    let pid = running.state("flood").1.unwrap();
    kill(Pid::from_raw(pid.as_raw()).unwrap(), signal::SIGKILL).unwrap();
    running.wait_for_line(&["killed by SIGKILL", "flood"]);
    running.end();
}
