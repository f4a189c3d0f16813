//! The log: whatever becomes of it, the starter goes on.

mod common;

use common::{eventually, is_running, run_with, Running};
use nix::fcntl::{fcntl, FcntlArg, OFlag};
use signal::{kill, SIGTERM, SIGUSR2, SIGXFSZ};
use std::fs::File;
use std::io::Read;

const SLEEPER: &str = "[service.a]\ncommand = ['sleep', '1000']\n";

/// Asks until it has answered a thousand times, with lines of the log for each.
fn ask_often(running: &Running) {
    for _ in 0..20 {
        running.ask(&["start", "a"]);
        assert_eq!(running.state("a").0, "ready");
    }
}

/// It stops everything and ends, in time.
fn end_in_time(running: Running) {
    end_in_time_while(running, || {});
}

/// A service that says more than any terminal or pipe holds.
fn flood(name: &str) -> String {
    format!("[service.{name}]\ncommand = ['yes', '{}']\n", "y".repeat(200))
}

#[test]
fn a_terminal_that_nobody_reads_stops_nothing() {
    let pty = nix::pty::openpty(None, None).unwrap();
    let terminal = File::from(pty.slave);
    let running = run_with(&(SLEEPER.to_owned() + &flood("b")), |command| {
        command.stderr(terminal);
    });
    ask_often(&running);
    let pid = running.state("a").1.unwrap();
    end_in_time(running);
    assert!(!is_running(pid));
    drop(pty.master);
}

#[test]
fn a_pipe_that_a_flood_shares_stops_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    // It writes to the very pipe that the log goes to, and nobody reads.
    let config = SLEEPER.to_owned() + &flood("b") + "output = 'inherit'\n";
    let running = run_with(&config, |command| {
        command.stderr(writer.try_clone().unwrap()).stdout(writer);
    });
    ask_often(&running);
    end_in_time(running);
    drop(reader);
}

#[test]
fn a_flood_into_the_log_keeps_nobody_waiting_and_loses_no_line() {
    let config =
        SLEEPER.to_owned() + "[service.b]\ncommand = ['seq', '100000']\nrestart = 'never'\n";
    let running = run_with(&config, |_| {});
    running.wait_for_state("b", "done");
    running.wait_for_line(&["b | 100000"]);
    let log = running.log();
    let said = log.lines().filter_map(|line| line.strip_prefix("b | ")?.parse::<u32>().ok());
    assert!(said.eq(1..=100_000));
    running.end();
}

#[test]
fn a_line_longer_than_a_pipe_holds_is_written_whole() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    fcntl(&writer, FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
    let name = "x".repeat(12_000);
    let config = format!("[service.a]\ncommand = ['/{name}']\n");
    let running = run_with(&config, |command| {
        command.stderr(writer);
    });
    running.wait_for_state("a", "failed");
    end_in_time_while(running, || {
        let mut log = String::new();
        reader.read_to_string(&mut log).unwrap();
        let long = log.lines().find(|line| line.contains("cannot start")).expect("the line");
        assert!(long.contains(&name), "{} bytes", long.len());
        assert!(log.contains("INFO ended"));
    });
}

fn end_in_time_while(mut running: Running, read: impl FnOnce()) {
    running.signal(SIGTERM);
    read();
    assert!(running.wait().success());
}

#[test]
fn what_a_full_disk_lost_is_counted_on_a_line_of_its_own() {
    // A pipe cannot be full as a disk is: a file whose size is limited is.
    let running = run_with(SLEEPER, |_| {});
    running.wait_for_line(&["ready"]);
    // In the middle of a line, with SIGXFSZ, which would end it.
    running.limit_file_size(running.log().len() as u64 + 10);
    ask_often(&running);
    let before = running.log();
    assert!(!before.ends_with('\n'), "{before}");
    running.limit_file_size(libc::RLIM_INFINITY);
    let line = loop {
        running.ask(&["start", "a"]);
        let lines = running.lines(&["lines of the log could not be written"]);
        if let Some(line) = lines.first() {
            break line.clone();
        }
    };
    let (count, _) = line.split_once(' ').unwrap();
    assert!(count.parse::<u64>().is_ok_and(|count| count > 0), "{line}");
    running.end();
}

#[test]
fn a_full_disk_and_a_closed_pipe_stop_nothing() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let (reader, closed) = std::io::pipe().unwrap();
    drop(reader);
    for log in [std::process::Stdio::from(full), closed.into()] {
        let running = run_with(SLEEPER, |command| {
            command.stderr(log);
        });
        ask_often(&running);
        end_in_time(running);
    }
}

#[test]
fn a_limit_on_the_size_of_files_ends_neither_it_nor_its_services_protection() {
    let running = run_with(SLEEPER, |_| {});
    let pid = running.state("a").1.unwrap();
    kill(running.pid(), SIGXFSZ).unwrap();
    ask_often(&running);
    // Services have the default effect.
    kill(pid, SIGXFSZ).unwrap();
    running.wait_for_line(&["killed by SIGXFSZ"]);
    running.end();
}

#[test]
fn a_reader_that_made_the_pipe_nonblocking_loses_nothing() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let config = "[service.a]\ncommand = ['seq', '20000']\nrestart = 'never'\n";
    let running = run_with(config, |command| {
        command.stderr(writer);
    });
    let collected = std::thread::spawn(move || {
        let mut log = String::new();
        reader.read_to_string(&mut log).unwrap();
        log
    });
    running.wait_for_state("a", "done");
    end_in_time(running);
    let log = collected.join().unwrap();
    assert_eq!(log.lines().filter(|line| line.starts_with("a | ")).count(), 20_000);
}

#[test]
fn its_threads_hear_no_signal() {
    let running = run_with(SLEEPER, |_| {});
    let tasks = std::fs::read_dir(format!("/proc/{}/task", running.pid())).unwrap();
    let mut others = 0;
    for task in tasks.flatten() {
        if *task.file_name() == *running.pid().to_string() {
            continue;
        }
        others += 1;
        let status = std::fs::read_to_string(task.path().join("status")).unwrap();
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:\t")).unwrap();
        let blocked = u64::from_str_radix(blocked, 16).unwrap();
        // SIGKILL and SIGSTOP cannot be, and two are the C library's.
        assert_eq!(!blocked & !(1 << 8 | 1 << 18 | 3 << 31), 0, "{blocked:x}");
    }
    assert_eq!(others, 1);
    running.end();
}

#[test]
fn a_file_is_opened_again_when_it_has_been_moved() {
    let place = common::Place::new();
    let running = run_with(SLEEPER, |command| {
        command.arg("--log-file").arg(place.join("starter.log"));
    });
    eventually("it is written", || place.read("starter.log").contains("ready").then_some(()));
    std::fs::rename(place.join("starter.log"), place.join("old")).unwrap();
    running.signal(SIGUSR2);
    eventually("it is written again", || {
        running.ask(&["start", "a"]);
        place.read("starter.log").contains("asked for").then_some(())
    });
    assert!(!place.read("old").contains("could not"));
    running.end();
    assert!(place.read("starter.log").contains("INFO ended"));
}

#[test]
fn lines_of_services_are_json_too() {
    let config = "[service.a]\ncommand = ['echo', 'a \"word\"']\nrestart = 'never'\n";
    let running = run_with(config, |command| {
        command.args(["--log", "json"]);
    });
    let line = running.wait_for_line(&["\"output\""]);
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["service"], &line["output"]), (&"a".into(), &"a \"word\"".into()));
    running.end();
}

#[test]
fn in_the_background_what_services_say_goes_to_the_log() {
    let place = common::Place::new();
    let config = "[service.a]\ncommand = ['sh', '-c', 'echo hello; exec sleep 1000']\n";
    let config = place.write("starter.toml", config);
    let mut command = common::starter();
    command.arg("run").arg("--daemon").arg(config).arg("--socket").arg(place.join("socket"));
    command.arg("--log-file").arg(place.join("log")).arg("--pid-file").arg(place.join("pid"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    eventually("it is in the log", || place.read("log").contains("a | hello\n").then_some(()));
    let pid = signal::Pid::from_raw(place.read("pid").trim().parse().unwrap()).unwrap();
    kill(pid, SIGTERM).unwrap();
    eventually("it has ended", || (!is_running(pid)).then_some(()));
    assert!(place.read("log").contains("INFO ended"));
}
