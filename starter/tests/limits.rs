//! What runs out: descriptors, the patience of whoever reads the log, time.

mod common;

use common::{eventually, run, run_with, starter};
use nix::fcntl::{fcntl, FcntlArg, OFlag};
use signal::SIGCONT;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

#[test]
fn nothing_stops_when_nobody_reads_the_log() {
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    let log = writer.try_clone().unwrap();
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let mut full = 0;
    while let Ok(length) = writer.write(&[b'x'; 512]) {
        full += length;
    }
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
    drop(writer);
    let running = run_with("[service.a]\ncommand = ['true']\nrestart = 'never'\n", |command| {
        command.stderr(log);
    });
    let ask = || {
        let mut stream = UnixStream::connect(running.place.join("socket")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(b"{\"command\":\"status\"}\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    };
    eventually("the service has run", || ask().contains("done").then_some(()));
    reader.read_exact(&mut vec![0; full]).unwrap();
    running.end();
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    // It has waited meanwhile.
    assert!(rest.contains("INFO started") && rest.contains("INFO ended"), "{rest}");
    assert!(!rest.contains("could not be written"), "{rest}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_lack_of_descriptors_passes() {
    let running = run("[service.a]\ncommand = ['sh', '-c', 'echo >&3; exec sleep 1000']\nready = 'notify'\nrestart_delay = 0.01\nrestart_delay_max = 0.01\nrestart_limit = 1000000\n");
    running.ask(&["stop", "a"]);
    let allow = |descriptors: usize| {
        let limit = libc::rlimit { rlim_cur: descriptors as _, rlim_max: 1024 };
        // SAFETY: reads one limit and stores none.
        let set = unsafe {
            libc::prlimit(running.pid().as_raw(), libc::RLIMIT_NOFILE, &limit, std::ptr::null_mut())
        };
        assert_eq!(set, 0);
    };
    // One for the request and one for the socket of the service, none for its pipe.
    let fds = format!("/proc/{}/fd", running.pid());
    let used = eventually("the last request is over", || {
        let used = std::fs::read_dir(&fds).unwrap().count();
        let sockets = std::fs::read_dir(&fds).unwrap().flatten();
        let sockets = sockets.filter_map(|fd| std::fs::read_link(fd.path()).ok());
        (sockets.filter(|link| link.to_string_lossy().starts_with("socket")).count() == 1)
            .then_some(used)
    });
    allow(used + 2);
    std::thread::scope(|scope| {
        let start = scope.spawn(|| running.ask(&["start", "a"]));
        running.wait_for_line(&["ERROR", "descriptors in use that it may have: raise `ulimit -n`"]);
        allow(1024);
        assert_eq!(start.join().unwrap(), "a\n");
    });
    running.end();
}

#[test]
fn a_time_limit_that_has_passed_costs_no_time() {
    let running = run(r#"
        [service.a]
        command = ["sh", "-c", "trap '' TERM; sleep 1000 & exit 0"]
        ready = "notify"
        ready_timeout = 0.05
        restart = "never"
        stop_timeout = 2
    "#);
    running.wait_for_line(&["still running after 2 s: killed"]);
    let time = running.cpu_time();
    assert!(time < Duration::from_millis(500), "{time:?} of CPU time");
    running.end();
}

#[test]
fn the_last_words_of_a_service_are_heard_before_its_end() {
    // More than fits into one read. The starter does not listen until the service has ended.
    let running = run(r#"
        [service.a]
        command = ["sh", "-c", "kill -STOP $PPID; printf '%5000d\n' 1 >&3; : > said; exit 0"]
        ready = "notify"
        restart = "never"
    "#);
    let pid = running.pid();
    eventually("it has spoken", || running.place.join("said").exists().then_some(()));
    eventually("it has ended", || {
        running.children().iter().any(|(_, state)| *state == 'Z').then_some(())
    });
    signal::kill(pid, SIGCONT).unwrap();
    running.wait_for_line(&["exited with code 0"]);
    running.wait_for_state("a", "done");
    running.end();
}

#[cfg(target_os = "linux")]
#[test]
fn a_lack_of_threads_is_an_error_that_says_so() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    if !nix::unistd::geteuid().is_root() {
        eprintln!("only root can become somebody else, who has no other processes");
        return;
    }
    let place = common::Place::new();
    std::fs::set_permissions(&place.0, PermissionsExt::from_mode(0o777)).unwrap();
    let config = place.write("starter.toml", "[service.a]\ncommand = ['sleep', '1000']\n");
    let program = place.join("program");
    std::fs::copy(env!("CARGO_BIN_EXE_starter"), &program).unwrap();
    let mut command = std::process::Command::new(program);
    command.arg("run").arg(config).arg("--socket").arg(place.join("socket"));
    command.uid(65534).gid(65534);
    let none = || {
        let limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: reads one limit.
        nix::errno::Errno::result(unsafe { libc::setrlimit(libc::RLIMIT_NPROC, &limit) })?;
        Ok(())
    };
    // SAFETY: one system call.
    unsafe { command.pre_exec(none) };
    // Another test may have forked while the copy was open for writing: then it is busy for a
    // moment.
    let output = eventually("the copy can be run", || command.output().ok());
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        text,
        "no thread can be started for the log: raise `ulimit -u` or the cgroup's pids.max\n"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn who_waits_for_a_reload_is_told_that_no_thread_can_be_started() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    if !nix::unistd::geteuid().is_root() {
        eprintln!("only root can become somebody else, who has no other processes");
        return;
    }
    let open = |path: &std::path::Path| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o777)).unwrap();
    };
    // Nothing runs whose time could come and wake the starter.
    let idle = "[service.a]\ncommand = ['sleep', '1000']\nautostart = false\n";
    let running = run_with(idle, |command| {
        let words: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let place = std::path::Path::new(&words[1]).parent().unwrap();
        open(place);
        // By another process: while the copy is open for writing it cannot be run.
        let copy = place.join("program");
        let words_of_cp = [std::path::Path::new(env!("CARGO_BIN_EXE_starter")), &copy];
        assert!(Command::new("cp").args(words_of_cp).status().unwrap().success());
        let log = std::fs::File::create(place.join("log")).unwrap();
        *command = Command::new(copy);
        command.args(&words).uid(65534).gid(65534).stderr(log);
    });
    let fifo = running.place.join("slow.env");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    open(&fifo);
    running.place.write("starter.toml", &format!("{idle}environment_file = 'slow.env'\n"));
    let reload = || {
        let mut command = starter();
        command.arg("reload").arg("--socket").arg(running.place.join("socket"));
        command.stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let first = reload();
    running.wait_for_line(&["asked for: Reload"]);
    // The files may have changed meanwhile: they are to be read again.
    let second = reload();
    running.wait_for_lines(2, &["asked for: Reload"]);
    let pid = running.pid().as_raw();
    let none = move || {
        let limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: reads one limit and stores none.
        let set = unsafe { libc::prlimit(pid, libc::RLIMIT_NPROC, &limit, std::ptr::null_mut()) };
        nix::errno::Errno::result(set)?;
        Ok(())
    };
    // Only the same user may do that.
    let mut limiter = Command::new("true");
    // SAFETY: one system call.
    unsafe { limiter.uid(65534).gid(65534).pre_exec(none) };
    assert!(limiter.status().unwrap().success());
    std::fs::write(&fifo, "A=1\n").unwrap();
    for mut client in [first, second] {
        eventually("the client is told", || client.try_wait().unwrap());
        let mut text = String::new();
        client.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        assert!(text.starts_with("a thread to read it: "), "{text}");
    }
    running.end();
}
