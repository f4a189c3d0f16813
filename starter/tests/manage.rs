//! What whoever looks after services can ask for, and is answered.

mod common;

use common::{eventually, run, Running};
use signal::{SIGHUP, SIGKILL};
use std::os::unix::net::UnixStream;

/// The whole of what is known about a service.
fn status(running: &Running, name: &str) -> serde_json::Value {
    let output = running.control(&["status", "--json", name]);
    let services: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    services[0].clone()
}

#[test]
fn status_tells_how_it_was_and_will_be_and_has_an_exit_code() {
    let running =
        run("[service.a]\ncommand = ['sh', '-c', 'echo bye; exit 3']\nrestart_delay = 50\n\
                       [service.b]\ncommand = ['sleep', '1000']\n\
                       [service.c]\ncommand = ['true']\nautostart = false\n");
    running.wait_for_state("a", "backing off");
    let a = status(&running, "a");
    assert_eq!((&a["exit_code"], &a["signal"]), (&3.into(), &serde_json::Value::Null));
    assert_eq!((&a["restarts"], &a["wanted"]), (&0.into(), &true.into()));
    assert!(a["next_start"].as_f64().is_some_and(|seconds| (1.0..=50.0).contains(&seconds)), "{a}");
    assert_eq!(a["last_line"], "bye");
    let b = status(&running, "b");
    assert_eq!(
        (&b["exit_code"], &b["next_start"]),
        (&serde_json::Value::Null, &serde_json::Value::Null)
    );
    signal::kill(running.state("b").1.unwrap(), SIGKILL).unwrap();
    running.wait_for_lines(2, &["started", "\"b\""]);
    let b = status(&running, "b");
    assert_eq!((&b["signal"], &b["restarts"]), (&"SIGKILL".into(), &1.into()));
    // What was is no remark on what is.
    assert_eq!(b["remark"], serde_json::Value::Null);
    assert_eq!(status(&running, "c")["wanted"], false);
    for (names, code) in [(&["b"][..], 0), (&["a"], 3), (&["b", "c"], 3), (&["z"], 1), (&[], 0)] {
        let mut words = vec!["status"];
        words.extend(names);
        assert_eq!(running.control(&words).status.code(), Some(code), "{names:?}");
    }
    running.end();
}

#[test]
fn reload_answers_what_changes_and_what_is_wrong() {
    let sleeper =
        |name: &str, time: u32| format!("[service.{name}]\ncommand = ['sleep', '{time}']\n");
    let running = run(&["a", "b", "c", "e"].map(|name| sleeper(name, 1000)).concat());
    running.wait_for_lines(4, &["ready"]);
    assert_eq!(running.ask(&["reload"]), "nothing changes\n");
    let new = sleeper("a", 1000)
        + &sleeper("b", 1001)
        + &sleeper("c", 1000)
        + "stop_timeout = 3\n"
        + &sleeper("d", 1000);
    running.place.write("starter.toml", &new);
    assert_eq!(running.ask(&["reload"]), "added d\nremoved e\nrestarted b\nchanged c\n");
    running.place.write("starter.toml", "[service.a]\nkommand = 1\n");
    let output = running.control(&["reload"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("starter.toml:2: unknown key `kommand`") && text.lines().count() == 2,
        "{text}"
    );
    assert_eq!(running.state("a").0, "ready");
    running.end();
}

#[test]
fn signals_are_sent_and_mistakes_are_told() {
    let running = run(r#"
        [service.a]
        command = ["sh", "-c", "trap 'echo got it' USR1; echo >&$NOTIFY_FD; while :; do sleep 0.02; done"]
        ready = "notify"
        stop_signal_to = "leader"
        [service.b]
        command = ["true"]
        autostart = false
    "#);
    running.wait_for_line(&["ready"]);
    running.ask(&["signal", "a", "USR1"]);
    running.wait_for_line(&["a | got it"]);
    for (words, message) in [
        (["signal", "a", "NONE"], "no signal of this system is called `NONE`"),
        (["signal", "b", "HUP"], "`b` does not run"),
        (["signal", "z", "HUP"], "there is no service `z`"),
    ] {
        let output = running.control(&words);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains(message), "{output:?}");
    }
    running.end();
}

#[test]
fn a_socket_that_has_been_swept_away_comes_back() {
    let running = run("[service.a]\ncommand = ['sh', '-c', 'test -S $NOTIFY_SOCKET && echo >&$NOTIFY_FD && exec sleep 1000']\nready = 'notify'\n");
    let sweep = || {
        std::fs::remove_file(running.place.join("socket")).unwrap();
        let _ = std::fs::remove_dir_all(running.place.join("socket.d"));
    };
    let answers = || {
        eventually("it answers", || {
            UnixStream::connect(running.place.join("socket")).ok().map(drop)
        });
        assert_eq!(running.state("a").0, "ready");
    };
    running.wait_for_line(&["ready"]);
    sweep();
    answers();
    running.ask(&["restart", "a"]);
    // It is noticed at a reload too.
    sweep();
    running.signal(SIGHUP);
    answers();
    eventually("the lock is back", || running.place.join("socket.d").exists().then_some(()));
    let second = common::starter()
        .arg("run")
        .arg(running.place.join("starter.toml"))
        .arg("--socket")
        .arg(running.place.join("socket"))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&second.stderr).contains("another starter is running"));
    running.end();
}

#[test]
fn clients_that_wait_keep_status_from_nobody() {
    use std::io::{ErrorKind, Read, Write};
    let running = run("[service.a]\ncommand = ['sleep', '1000']\nready = 'notify'\n");
    let connect = || UnixStream::connect(running.place.join("socket")).unwrap();
    let waiting: Vec<UnixStream> = (0..200)
        .map(|_| {
            let mut stream = connect();
            stream.write_all(b"{\"command\":\"start\",\"names\":[\"a\"]}\n").unwrap();
            stream
        })
        .collect();
    running.wait_for_lines(200, &["asked for"]);
    // Silent ones are left after some seconds. It answers before, unless the machine is too busy to
    // ask so soon.
    eventually("it has not waited for the silent ones", || {
        let silent: Vec<UnixStream> = (0..200).map(|_| connect()).collect();
        assert_eq!(running.state("a").0, "starting");
        let mut youngest = silent.last().unwrap();
        youngest.set_nonblocking(true).unwrap();
        youngest
            .read(&mut [0])
            .is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
            .then_some(())
    });
    drop(waiting);
    running.end();
}

#[test]
fn a_user_data_base_that_does_not_answer_keeps_nobody_waiting() {
    // The file that the configuration includes is a pipe that nobody writes to.
    let running = run("[service.a]\ncommand = ['sleep', '1000']\n");
    let fifo = running.place.join("slow.env");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    let config = "[service.a]\ncommand = ['sleep', '1000']\nenvironment_file = 'slow.env'\n";
    running.place.write("starter.toml", config);
    std::thread::scope(|scope| {
        let reload = scope.spawn(|| running.ask(&["reload"]));
        running.wait_for_line(&["asked for: Reload"]);
        assert_eq!(running.state("a").0, "ready");
        std::fs::write(&fifo, "A=1\n").unwrap();
        assert_eq!(reload.join().unwrap(), "restarted a\n");
    });
    running.end();
}
