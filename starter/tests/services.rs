//! What a service may ask for, and what whoever looks after it can do.

mod common;

use common::{free_port, is_running, pid_in, run, run_with};
use signal::{Pid, SIGQUIT, SIGTERM};

#[test]
fn who_starts_what_ends_at_once_is_told() {
    let running = run("[service.a]\ncommand = ['false']\nautostart = false\n\
                       [service.b]\ncommand = ['sh', '-c', 'sleep 0.1; exit 3']\nready = { after = 1000 }\nautostart = false\n\
                       [service.c]\ncommand = ['sleep', '1000']\nready = { after = 0.1 }\nautostart = false\n");
    for (name, code) in [("a", "1"), ("b", "3")] {
        for word in ["start", "restart"] {
            let output = running.control(&[word, name]);
            assert_eq!(output.status.code(), Some(1), "{word} {name}");
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(text.contains(&format!("exited with code {code}")), "{text}");
        }
    }
    assert_eq!(running.ask(&["start", "c"]), "c\n");
    running.end();
}

#[test]
fn sigquit_stops_in_order_and_a_crash_that_stays_is_an_error() {
    let mut running = run("[service.a]\ncommand = ['sleep', '1000']\n[service.b]\ncommand = ['sleep', '1000']\nrequires = ['a']\n\
                           [service.c]\ncommand = ['sh', '-c', 'exit 3']\nrestart = 'never'\n");
    running.wait_for_lines(3, &["ready"]);
    running.wait_for_line(&[
        "ERROR",
        "failed, and is not started again: exited with code 3",
        "\"c\"",
    ]);
    running.signal(SIGQUIT);
    assert!(running.wait().success());
    let at = |parts: &[&str]| running.position(parts);
    assert!(at(&["killed by SIGTERM", "\"b\""]) < at(&["stopping with SIGTERM", "\"a\""]));
}

#[test]
fn a_port_that_somebody_else_holds_does_not_count() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let running =
        run(&format!("[service.a]\ncommand = ['sleep', '1000']\nready = {{ port = {port} }}\n"));
    let line = running.wait_for_line(&["WARN", &format!("port {port} is not its own")]);
    assert!(line.contains(&format!("process {}", std::process::id())), "{line}");
    assert_eq!(running.state("a").0, "starting");
    assert!(running.ask(&["status"]).contains("is not its own"));
    drop(holder);
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    // Somebody has taken it since: that it is the service is not looked at, but not denied.
    running.wait_for_state("a", "ready");
    running.end();
}

#[test]
fn commands_before_and_after_and_checks_are_run() {
    let running = run(r#"
        [service.a]
        command = ["sh", "-c", "test -e prepared && : > running && exec sleep 1000"]
        before_start = ["sh", "-c", ": > prepared; echo preparing"]
        after_stop = ["rm", "running"]
        ready = { exec = ["test", "-e", "running"] }
        health = { exec = ["test", "!", "-e", "sick"], every = 0.05, failures = 2 }
        restart_delay = 0.01
    "#);
    running.wait_for_line(&["ready", "\"a\""]);
    running.wait_for_line(&["a | preparing"]);
    let first = running.state("a").1;
    running.place.write("sick", "");
    running.wait_for_line(&["WARN", "health check failed, 1 of 2"]);
    running.wait_for_line(&["ERROR", "has failed 2 health checks"]);
    std::fs::remove_file(running.place.join("sick")).unwrap();
    running.wait_for_lines(2, &["ready", "\"a\""]);
    assert_ne!(running.wait_for_state("a", "ready"), first);
    running.ask(&["stop", "a"]);
    assert!(!running.place.join("running").exists());
    assert_eq!(running.children(), []);
    running.end();
}

#[test]
fn systemds_messages_are_understood() {
    let running = run(r#"
        [service.a]
        command = ["python3", "-u", "-c", '''
import os, signal, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
say = lambda text: s.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])
assert os.environ["WATCHDOG_USEC"] == "20000000"
say("EXTEND_TIMEOUT_USEC=60000000")
say("READY=1")
def reload(*_):
    say("RELOADING=1")
    while not os.path.exists("reloaded"): time.sleep(0.01)
    say("READY=1\nWATCHDOG=1")
signal.signal(signal.SIGHUP, reload)
while not os.path.exists("stuck"): time.sleep(0.1); say("WATCHDOG=1")
say("WATCHDOG=trigger")
time.sleep(1000)
''']
        ready = "notify"
        watchdog = 20
    "#);
    running.wait_for_state("a", "ready");
    running.ask(&["signal", "a", "HUP"]);
    running.wait_for_state("a", "reloading");
    running.place.write("reloaded", "");
    running.wait_for_state("a", "ready");
    running.place.write("stuck", "");
    running.wait_for_line(&["ERROR", "WATCHDOG=trigger"]);
    running.end();
}

#[test]
fn a_container_ends_with_the_exit_code_of_its_service() {
    for (command, code) in [("exit 7", 7), ("kill -KILL $$", 137)] {
        let mut running = run(&format!(
            "[service.main]\ncommand = ['sh', '-c', 'sleep 0.3; {command}']\nrestart = 'never'\non_failure = 'exit'\n\
             [service.other]\ncommand = ['sleep', '1000']\n"
        ));
        let other = pid_in(&running.wait_for_line(&["started", "\"other\""]));
        assert_eq!(running.wait().code(), Some(code));
        assert!(!is_running(other));
    }
    let mut running = run("[service.a]\ncommand = ['sh', '-c', 'sleep 0.3']\nrestart = 'never'\non_failure = 'exit'\n");
    running.wait_for_state("a", "done");
    running.signal(SIGTERM);
    assert!(running.wait().success());
}

#[test]
fn a_port_is_waited_for_by_health_too() {
    let port = free_port();
    let running = run_with(
        &format!("[service.a]\ncommand = ['sleep', '1000']\nhealth = {{ port = {port}, every = 0.02, failures = 3 }}\nrestart = 'never'\n"),
        |_| {},
    );
    running.wait_for_line(&["ERROR", "has failed 3 health checks"]);
    running.wait_for_state("a", "failed");
    assert_eq!(running.children(), Vec::<(Pid, char)>::new());
    running.end();
}
