//! Starting, stopping, crashing, reloading.

mod common;

use common::{eventually, is_running, pid_in, run, run_with};
use signal::{kill, Pid, SIGHUP, SIGKILL, SIGTERM};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

#[test]
fn services_start_in_order_and_stop_in_reverse() {
    let running = run(r#"
        [service.web]
        command = ["sleep", "100"]
        requires = ["db"]
        [service.db]
        command = ["sh", "-c", "echo >&$NOTIFY_FD; exec sleep 100"]
        ready = "notify"
    "#);
    running.wait_for_line(&["ready", "\"web\""]);
    assert!(running.position(&["ready", "\"db\""]) < running.position(&["started", "\"web\""]));
    let place = running.end();
    let log = place.read("log");
    let at = |text: &str| {
        log.lines().position(|line| line.contains(text)).unwrap_or_else(|| panic!("{text}: {log}"))
    };
    assert!(
        at("killed by SIGTERM service=\"web\"") < at("stopping with SIGTERM service=\"db\""),
        "{log}"
    );
    assert!(!place.join("socket").exists() && !place.join("socket.d").exists());
}

#[test]
fn independent_services_start_in_parallel() {
    // Each is ready only when the other has started.
    let half = |other: &str| {
        format!("command = ['sh', '-c', 'touch $0; until [ -e {other} ]; do sleep 0.01; done; echo >&$NOTIFY_FD; exec sleep 100', '{}']\nready = 'notify'\n", if other == "a" { "b" } else { "a" })
    };
    let running = run(&format!("[service.a]\n{}[service.b]\n{}", half("b"), half("a")));
    running.wait_for_line(&["ready", "\"a\""]);
    running.wait_for_line(&["ready", "\"b\""]);
    running.end();
}

#[test]
fn each_service_leads_a_session_with_clean_signals() {
    // What the starter inherits its services do not.
    signal::install(signal::SIGUSR2, signal::Handler::Ignore).unwrap();
    let running = run("[service.a]\ncommand = ['sleep', '100']\n");
    let pid = pid_in(&running.wait_for_line(&["started", "\"a\""]));
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let own = pid.to_string();
    assert_eq!((fields[2], fields[3]), (own.as_str(), own.as_str()), "{stat}");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    for set in ["SigBlk", "SigIgn", "SigCgt"] {
        let bits =
            status.lines().find_map(|line| line.strip_prefix(set)?.strip_prefix(":\t")).unwrap();
        // 32 and 33 are the C library's: nobody else can change them.
        assert_eq!(u64::from_str_radix(bits, 16).unwrap() & !(3 << 31), 0, "{set} {status}");
    }
    running.end();
}

#[test]
fn a_crash_is_logged_and_followed_by_restarts_until_the_limit() {
    let running = run(
        "[service.a]\ncommand = ['sh', '-c', 'exit 3']\nrestart_delay = 0.02\nrestart_limit = 3\n",
    );
    running.wait_for_line(&["ERROR", "given up: 3 restarts in a row", "\"a\""]);
    let exits = running.lines(&[
        "exited with code 3",
        "service=\"a\"",
        "code=3",
        "cpu_seconds=",
        "peak_memory_kib=",
        "ran_seconds=",
    ]);
    assert_eq!(exits.len(), 4, "{}", running.log());
    for delay in ["in 0.02 s", "in 0.04 s", "in 0.08 s"] {
        assert_eq!(running.lines(&[delay]).len(), 1, "{}", running.log());
    }
    assert_eq!(running.state("a").0, "failed");
    running.end();
}

#[test]
fn a_service_that_ignores_sigterm_is_killed_with_all_its_processes() {
    let running = run(r#"
        [service.a]
        command = ["sh", "-c", "trap '' TERM; sleep 1000 & echo $! > worker; echo >&$NOTIFY_FD; while :; do sleep 1000; done"]
        ready = "notify"
        stop_timeout = 0.2
    "#);
    running.wait_for_line(&["ready", "\"a\""]);
    let worker = Pid::from_raw(running.place.read("worker").trim().parse().unwrap()).unwrap();
    let started = std::time::Instant::now();
    running.ask(&["stop", "a"]);
    assert!(started.elapsed() >= Duration::from_millis(200));
    running.wait_for_line(&["still running after 0.2 s: killed", "\"a\""]);
    running.wait_for_line(&["killed by SIGKILL", "\"a\""]);
    eventually("the worker is gone too", || (!is_running(worker)).then_some(()));
    running.end();
}

#[test]
fn a_service_that_forks_away_is_told_of_and_cleaned_up_after() {
    let running = run(
        "[service.a]\ncommand = ['sh', '-c', 'sleep 1000 & echo $! > worker']\nrestart = 'never'\n",
    );
    running.wait_for_line(&["exited with code 0", "\"a\""]);
    running.wait_for_line(&["WARN", "left processes behind", "\"a\""]);
    running.wait_for_state("a", "done");
    let worker = Pid::from_raw(running.place.read("worker").trim().parse().unwrap()).unwrap();
    eventually("nothing is left", || (!is_running(worker)).then_some(()));
    running.end();
}

#[test]
fn a_missing_program_a_missing_directory_and_a_missing_user_are_named() {
    let config = r#"
        [service.a]
        command = ["/no/such/program"]
        [service.b]
        command = ["true"]
        directory = "/no/such/directory"
        [service.c]
        command = ["true"]
        user = "nobody-of-this-name"
        [service.d]
        command = ["/no/such/add-on"]
        optional = true
        [service.e]
        command = ["sleep", "100"]
        requires = ["d"]
        [service.f]
        command = ["/etc/passwd"]
        [service.g]
        command = ["./script"]
        optional = true
    "#;
    let running = run_with(config, |command| {
        let config = PathBuf::from(command.get_args().nth(1).unwrap());
        let script = config.with_file_name("script");
        std::fs::write(&script, "#!/no/such/shell\n").unwrap();
        std::fs::set_permissions(script, Permissions::from_mode(0o755)).unwrap();
    });
    running.wait_for_line(&["ERROR", "\"g\"", "program `./script`: it is there, but what its"]);
    running.wait_for_line(&["ERROR", "\"a\"", "program `/no/such/program`: No such file"]);
    running.wait_for_line(&["ERROR", "\"b\"", "directory `/no/such/directory`"]);
    running.wait_for_line(&["ERROR", "\"c\"", "there is no user `nobody-of-this-name`"]);
    running.wait_for_line(&["INFO", "\"d\"", "optional, and absent: program `/no/such/add-on`"]);
    running.wait_for_line(&["ready", "\"e\""]);
    running.wait_for_line(&["ERROR", "\"f\"", "program `/etc/passwd`: Permission denied"]);
    let output = running.control(&["start", "a"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("/no/such/program"), "{output:?}");
    running.end();
}

#[test]
fn a_killed_service_is_started_again() {
    let running = run("[service.a]\ncommand = ['sleep', '100']\nrestart_delay = 0\n");
    let first = pid_in(&running.wait_for_line(&["started", "\"a\""]));
    kill(first, SIGKILL).unwrap();
    running.wait_for_line(&["killed by SIGKILL", "signal=\"SIGKILL\""]);
    let second = pid_in(&running.wait_for_lines(2, &["started", "\"a\""])[1]);
    assert_ne!(first, second);
    running.end();
}

#[test]
fn services_do_not_outlive_a_killed_starter() {
    let mut running =
        run("[service.a]\ncommand = ['sleep', '100']\n[service.b]\ncommand = ['sleep', '100']\n");
    let pids =
        running.wait_for_lines(2, &["started"]).iter().map(|line| pid_in(line)).collect::<Vec<_>>();
    running.signal(SIGKILL);
    assert_eq!(running.wait().signal(), Some(SIGKILL));
    for pid in pids {
        eventually("the service is gone", || (!is_running(pid)).then_some(()));
    }
    // The next one takes the socket over.
    let config = running.place.join("starter.toml");
    let mut next = common::starter()
        .arg("run")
        .arg(config)
        .arg("--socket")
        .arg(running.place.join("socket"))
        .spawn()
        .unwrap();
    eventually("it answers", || running.control(&["status"]).status.success().then_some(()));
    kill(Pid::from(&next), SIGTERM).unwrap();
    assert!(next.wait().unwrap().success());
}

#[test]
fn a_reload_restarts_only_what_changed() {
    let running = run("[service.a]\ncommand = ['sleep', '100']\n[service.b]\ncommand = ['sleep', '200']\n[service.c]\ncommand = ['sleep', '300']\n");
    running.wait_for_lines(3, &["ready"]);
    let (a, b) = (running.state("a").1, running.state("b").1);
    running.place.write("starter.toml", "[service.a]\ncommand = ['sleep', '100']\n[service.b]\ncommand = ['sleep', '201']\n[service.d]\ncommand = ['sleep', '400']\n");
    running.signal(SIGHUP);
    running.wait_for_line(&["ready", "\"d\""]);
    running.wait_for_line(&["killed by SIGTERM", "\"c\""]);
    running.wait_for_lines(2, &["ready", "\"b\""]);
    assert_eq!(running.state("a").1, a);
    assert_ne!(running.state("b").1, b);
    assert!(!running.ask(&["status"]).contains("\nc "));
    running.place.write("starter.toml", "[service.a]\nkommand = 1\n");
    running.signal(SIGHUP);
    running.wait_for_line(&["ERROR", "starter.toml:2: unknown key `kommand`"]);
    running.wait_for_line(&["everything stays as it was"]);
    assert_eq!(running.state("a").1, a);
    running.end();
}

#[test]
fn ports_files_and_systemds_protocol_mean_readiness() {
    let port = common::free_port();
    let running = run(&format!(
        r#"
        [service.port]
        command = ["python3", "-c", "import socket,time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(100)"]
        ready = {{ port = {port} }}
        [service.file]
        command = ["sh", "-c", "sleep 0.1; echo > made; exec sleep 100"]
        ready = {{ file = "made" }}
        [service.systemd]
        command = ["python3", "-c", "import os,socket,time; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.sendto(b'STATUS=warm\\nREADY=1', os.environ['NOTIFY_SOCKET']); time.sleep(100)"]
        ready = "notify"
        [service.last]
        command = ["sleep", "100"]
        requires = ["port", "file", "systemd"]
    "#
    ));
    running.wait_for_line(&["ready", "\"last\""]);
    assert!(running.ask(&["status"]).contains("warm"));
    running.end();
}

#[test]
fn a_second_sigterm_kills() {
    let mut running = run("[service.a]\ncommand = ['sh', '-c', \"trap '' TERM; echo >&$NOTIFY_FD; while :; do sleep 1000; done\"]\nready = 'notify'\nstop_timeout = 1000\n");
    running.wait_for_line(&["ready"]);
    running.signal(SIGTERM);
    running.wait_for_line(&["stopping with SIGTERM"]);
    running.signal(SIGTERM);
    assert!(running.wait().success());
    assert_eq!(running.lines(&["killed by SIGKILL"]).len(), 1, "{}", running.log());
}
