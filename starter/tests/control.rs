//! The control socket: who may use it, and what a hostile client can do, which is nothing.

mod common;

use common::{eventually, run, run_with};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;

const SLEEPER: &str = "[service.a]\ncommand = ['sleep', '1000']\n";

#[test]
fn the_socket_is_for_its_owner_alone() {
    let running = run(SLEEPER);
    let mode = std::fs::metadata(running.place.join("socket")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    running.end();
}

#[test]
fn another_user_is_refused_even_if_the_file_lets_him_in() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("only root can become somebody else");
        return;
    }
    let running = run(SLEEPER);
    let socket = running.place.join("socket");
    std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o666)).unwrap();
    std::fs::set_permissions(&running.place.0, PermissionsExt::from_mode(0o755)).unwrap();
    let program = running.place.join("program");
    std::fs::copy(env!("CARGO_BIN_EXE_starter"), &program).unwrap();
    let mut command = std::process::Command::new(program);
    command.args(["stop-all", "--socket"]).arg(&socket).uid(65534).gid(65534);
    // Another test may have forked while the copy was open for writing: then it is busy for a
    // moment.
    let output = eventually("the copy can be run", || command.output().ok());
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("only the user"), "{output:?}");
    running.wait_for_line(&["WARN", "control socket: refused", "uid=65534"]);
    assert_eq!(running.state("a").0, "ready");
    running.end();
}

#[test]
fn a_hostile_client_disturbs_nobody() {
    let running = run(SLEEPER);
    let connect = || UnixStream::connect(running.place.join("socket")).unwrap();
    // Slow: the beginning of a request, and then nothing.
    let slow: Vec<UnixStream> = (0..20).map(|_| connect()).collect();
    slow.iter().for_each(|mut stream| stream.write_all(b"{\"com").unwrap());
    // Garbage of all kinds.
    for garbage in [
        &b"\n"[..],
        b"\0\0\0\n",
        b"{}\n",
        b"[1]\n",
        b"{\"command\":\"no\"}\n",
        b"\xff\xfe\n",
        b"{\"command\":\"stop\"}\n",
    ] {
        let mut stream = connect();
        stream.write_all(garbage).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("error"), "{garbage:?} {answer}");
    }
    // A line without end: cut off, the writer is told by EPIPE or reads why.
    let mut stream = connect();
    while stream.write_all(&[b'x'; 65536]).is_ok() {}
    // Gone before the answer, and in the middle of the request.
    for text in
        [&b"{\"command\":\"status\"}\n"[..], b"{\"command\":\"restart\",\"names\":[\"a\"]}\n", b"{"]
    {
        connect().write_all(text).unwrap();
    }
    running.wait_for_lines(2, &["ready", "\"a\""]);
    assert_eq!(running.state("a").0, "ready");
    drop(slow);
    // More connections than it takes: the surplus waits, and nothing fails.
    let many: Vec<UnixStream> = (0..100).map(|_| connect()).collect();
    drop(many);
    assert_eq!(running.state("a").0, "ready");
    running.end();
}

#[test]
fn two_controllers_at_once_get_both_what_they_asked_for() {
    let config = ["a", "b", "c"]
        .map(|name| format!("[service.{name}]\ncommand = ['sleep', '1000']\n"))
        .concat();
    let running = run(&config);
    running.wait_for_lines(3, &["ready"]);
    std::thread::scope(|scope| {
        for name in ["a", "b"] {
            let running = &running;
            scope.spawn(move || {
                for _ in 0..5 {
                    assert_eq!(running.ask(&["stop", name]), format!("{name}\n"));
                    assert_eq!(running.ask(&["start", name]), format!("{name}\n"));
                }
            });
        }
    });
    for name in ["a", "b", "c"] {
        assert_eq!(running.state(name).0, "ready");
    }
    running.ask(&["stop-all"]);
    assert_eq!(running.children(), []);
    running.ask(&["start", "b"]);
    assert_eq!(running.state("b").0, "ready");
    running.end();
}

#[test]
fn a_start_that_overtakes_a_stop_is_told_to_who_stopped() {
    let config = "[service.a]\ncommand = ['sh', '-c', \"trap '' TERM; echo >&$NOTIFY_FD; while :; do sleep 1000; done\"]\nready = 'notify'\nstop_timeout = 0.5\n";
    let running = run(config);
    running.wait_for_line(&["ready", "\"a\""]);
    std::thread::scope(|scope| {
        let stop = scope.spawn(|| running.control(&["stop", "a"]));
        running.wait_for_line(&["stopping with SIGTERM"]);
        running.ask(&["start", "a"]);
        let output = stop.join().unwrap();
        assert!(!output.status.success());
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("started again meanwhile"),
            "{output:?}"
        );
    });
    running.end();
}

#[test]
fn a_second_starter_does_not_take_the_socket() {
    let running = run(SLEEPER);
    let socket = running.place.join("socket");
    let second = common::starter()
        .arg("run")
        .arg(running.place.join("starter.toml"))
        .arg("--socket")
        .arg(&socket)
        .output();
    let second = second.unwrap();
    assert!(!second.status.success());
    assert!(
        String::from_utf8_lossy(&second.stderr).contains("another starter is running"),
        "{second:?}"
    );
    assert_eq!(running.state("a").0, "ready");
    running.end();
}

#[test]
fn nothing_stops_when_the_log_is_full() {
    let running = run_with("[service.a]\ncommand = ['true']\nrestart = 'never'\n", |command| {
        command.stderr(std::fs::File::options().write(true).open("/dev/full").unwrap());
    });
    eventually("the service has run", || (running.state("a").0 == "done").then_some(()));
    assert_eq!(running.log(), "");
    running.end();
}

#[test]
fn the_log_can_be_json() {
    let running = run_with(
        "[service.a]\ncommand = ['sh', '-c', 'kill -KILL $$']\nrestart = 'never'\n",
        |command| {
            command.args(["--log", "json"]);
        },
    );
    let line = running.wait_for_line(&["killed by SIGKILL"]);
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["service"], &line["signal"]), (&"a".into(), &"SIGKILL".into()));
    assert!(
        line["pid"].is_u64() && line["ran_seconds"].is_f64() && line["peak_memory_kib"].is_u64(),
        "{line}"
    );
    running.end();
}

#[test]
fn in_the_foreground_one_instance_holds_the_pid_file() {
    let place = common::Place::new();
    let path = place.join("pid");
    let running = common::run_with(SLEEPER, |command| {
        command.arg("--pid-file").arg(&path);
    });
    assert_eq!(place.read("pid"), format!("{}\n", running.pid()));
    let mut second = common::starter();
    second.arg("run").arg(running.place.join("starter.toml")).arg("--pid-file").arg(&path);
    let second = second.arg("--socket").arg(place.join("socket")).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let words = format!(
        "cannot lock the pid file {}: another instance holds it (EAGAIN)\n",
        path.display()
    );
    assert_eq!(String::from_utf8_lossy(&second.stderr), words);
    running.end();
    assert_eq!(place.read("pid"), "");
}

#[test]
fn in_the_background_the_exit_code_tells_the_truth() {
    let place = common::Place::new();
    let config = place.write("starter.toml", SLEEPER);
    let start = || {
        let mut command = common::starter();
        command.arg("run").arg("--daemon").arg(&config).arg("--socket").arg(place.join("socket"));
        command.arg("--pid-file").arg(place.join("pid")).output().unwrap()
    };
    let first = start();
    assert!(first.status.success(), "{first:?}");
    let pid = signal::Pid::from_raw(place.read("pid").trim().parse().unwrap()).unwrap();
    let second = start();
    assert_eq!(second.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&second.stderr).contains("another instance holds it"),
        "{second:?}"
    );
    let status =
        common::starter().arg("status").arg("--socket").arg(place.join("socket")).output().unwrap();
    assert!(String::from_utf8_lossy(&status.stdout).contains("ready"), "{status:?}");
    signal::kill(pid, signal::SIGTERM).unwrap();
    eventually("it has ended", || (!common::is_running(pid)).then_some(()));
    assert!(!place.join("socket").exists());
}
