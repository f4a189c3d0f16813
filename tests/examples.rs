//! The programs in examples/, as processes: what a person who runs them sees.

mod common;

use signal::child::Status;
use signal::{kill, Handler, Pid, Signal, SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGSTOP, SIGTERM};
use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::io::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Beside the tests cargo puts the examples; where both have been copied to another machine, they lie in one folder.
fn example(name: &str) -> Command {
    let program = env::current_exe().unwrap_or_else(|_| PathBuf::from(env::args_os().next().unwrap()));
    let folder = program.parent().unwrap_or(Path::new("."));
    let places = [folder.join("../examples").join(name), folder.join(format!("example-{name}"))];
    match places.iter().find(|place| place.exists()) {
        Some(place) => {
            common::process::must_start(place, "--help");
            Command::new(place)
        }
        None => panic!("no {} here: cargo build --examples makes it", places[0].display()),
    }
}

fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap().wait_with_output().unwrap()
}

/// A server, in a process group of its own.
struct Server {
    child: Child,
    log: BufReader<ChildStderr>,
    address: SocketAddr,
}

impl Server {
    fn start(options: &[&str]) -> Server {
        Server::start_after(options, || Ok(()))
    }

    /// `before` runs in the child, before it becomes the server.
    fn start_after(
        options: &[&str],
        before: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
    ) -> Server {
        Server::try_start_after(options, before).unwrap_or_else(|error| panic!("{error}"))
    }

    fn try_start_after(
        options: &[&str],
        before: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
    ) -> Result<Server, String> {
        let mut command = example("echo_server");
        command.args(["--port", "0"]).args(options).stdin(Stdio::null()).stderr(Stdio::piped());
        // SAFETY: only system calls run there.
        unsafe { command.pre_exec(own_group).pre_exec(before) };
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening on ").and_then(|rest| rest.split(',').next());
        match address.and_then(|address| address.parse().ok()) {
            Some(address) => Ok(Server { child, log, address }),
            None => {
                child.wait().unwrap();
                Err(line)
            }
        }
    }

    fn send(&self, signal: Signal) {
        kill(Pid::from(&self.child), signal).unwrap();
    }

    /// The next line of the log that contains these words.
    fn logged(&mut self, words: &str) -> String {
        let mut before = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.log.read_line(&mut line).unwrap(), 0, "no {words:?} in the log:\n{before}");
            if line.contains(words) {
                return line;
            }
            before += &line;
        }
    }

    /// A client that is being served, and the pid of the child that serves it.
    fn client(&mut self) -> (TcpStream, Pid) {
        let mut client = TcpStream::connect(self.address).unwrap();
        echoes(&mut client);
        let line = self.logged(&format!(" serves {}", client.local_addr().unwrap()));
        let pid = line.split(' ').nth(1).and_then(|word| word.parse().ok()).and_then(Pid::from_raw);
        (client, pid.unwrap_or_else(|| panic!("no pid in {line:?}")))
    }

    /// How it ended, and the rest of its log. No process of its group may remain, not even a zombie.
    fn ended(mut self) -> (Status, String) {
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap().into();
        let group = Pid::from(&self.child);
        assert_eq!(signal::kill_group(group, SIGCHLD), Err(signal::Errno::ESRCH), "{rest}");
        (status, rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Only after a failure is there anybody left. The pid is free for others once it has been waited for.
        if let Ok(None) = self.child.try_wait() {
            let _ = signal::kill_group(Pid::from(&self.child), SIGKILL);
            let _ = self.child.wait();
        }
    }
}

/// In a group of its own, and as from a terminal: a shell has what it puts into the background ignore SIGINT.
fn own_group() -> io::Result<()> {
    for signal in [SIGHUP, SIGINT, SIGTERM, SIGCHLD] {
        signal::install(signal, Handler::Default)?;
    }
    // SAFETY: plain values.
    match unsafe { libc::setpgid(0, 0) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

fn echoes(client: &mut TcpStream) {
    client.write_all(b"ping\n").unwrap();
    let mut reply = [0; 5];
    client.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"ping\n");
}

fn count(log: &str, words: &str) -> usize {
    log.lines().filter(|line| line.contains(words)).count()
}

fn the_demo_succeeds_and_prints_one_summary() {
    let output = output(example("echo_server").arg("--demo"));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for expected in [
        "connections             200 ",
        "children reaped         200",
        "zombies left              0",
        "accepts interrupted",
        "signals delivered",
    ] {
        assert_eq!(count(&text, expected), 1, "{expected:?} in:\n{text}");
    }
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

fn sigterm_lets_clients_finish() {
    let mut server = Server::start(&["--grace", "1000"]);
    let (mut client, pid) = server.client();
    server.send(SIGTERM);
    server.logged("SIGTERM: no more clients; 1 children may finish");
    assert!(TcpStream::connect(server.address).is_err());
    echoes(&mut client);
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    let (status, log) = server.ended();
    assert!(status.success(), "{status}\n{log}");
    assert_eq!(count(&log, &format!("child {pid} for ")), 1, "{log}");
    assert_eq!(count(&log, "exited with code 0: "), 1, "{log}");
}

fn idle_clients_are_ended_after_the_grace_period() {
    let mut server = Server::start(&["--grace", "0.3"]);
    let clients: Vec<_> = (0..5).map(|_| server.client()).collect();
    // The others end by themselves.
    drop(TcpStream::connect(server.address).unwrap());
    server.logged("exited with code 0");
    let start = Instant::now();
    server.send(SIGTERM);
    let (status, log) = server.ended();
    assert!(status.success(), "{status}\n{log}");
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!(count(&log, "killed by SIGTERM: "), 5, "{log}");
    assert_eq!(count(&log, "6 connections, 6 children reaped"), 1, "{log}");
    for (mut client, _) in clients {
        assert_eq!(client.read(&mut [0]).unwrap_or(0), 0);
    }
}

fn a_child_that_does_not_end_is_killed() {
    let mut server = Server::start(&["--grace=0"]);
    let (_client, pid) = server.client();
    // SIGTERM waits until a stopped process goes on.
    kill(pid, SIGSTOP).unwrap();
    common::eventually("stopped", || state(pid) == 'T');
    server.send(SIGINT);
    let (status, log) = server.ended();
    assert!(status.success(), "{status}\n{log}");
    assert_eq!(count(&log, "SIGTERM to 1 children"), 1, "{log}");
    assert_eq!(count(&log, &format!("child {pid} for ")), 1, "{log}");
    assert_eq!(count(&log, "killed by SIGKILL: "), 1, "{log}");
}

/// What `ps` says of another process, who need not be a child: T is stopped.
fn state(pid: Pid) -> char {
    let state = match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        // The name in parentheses can hold anything.
        Ok(text) => text.rsplit(") ").next().and_then(|rest| rest.chars().next()),
        Err(_) => match Command::new("ps").args(["-o", "state=", "-p", &pid.to_string()]).output() {
            Ok(output) if output.status.success() => {
                String::from_utf8_lossy(&output.stdout).trim().chars().next()
            }
            _ => common::skip("neither /proc nor ps"),
        },
    };
    state.unwrap_or('?')
}

fn a_second_ctrl_c_ends_it_at_once() {
    for first in [SIGINT, SIGTERM] {
        let mut server = Server::start(&["--grace", "1000"]);
        let clients: Vec<_> = (0..3).map(|_| server.client()).collect();
        server.send(first);
        server.logged("no more clients");
        // More of these do not.
        server.send(SIGTERM);
        // As from a terminal: to the children too, who leave it to the server.
        signal::kill_group(Pid::from(&server.child), SIGINT).unwrap();
        let (status, log) = server.ended();
        assert_eq!(status.signal(), Some(SIGINT), "{log}");
        assert_eq!(count(&log, "killed by SIGKILL: "), clients.len(), "{log}");
    }
}

fn ctrl_c_leaves_the_children_alone() {
    let mut server = Server::start(&["--grace", "1000"]);
    let (mut client, _) = server.client();
    signal::kill_group(Pid::from(&server.child), SIGINT).unwrap();
    server.logged("SIGINT: no more clients");
    echoes(&mut client);
    drop(client);
    let (status, log) = server.ended();
    assert!(status.success(), "{status}\n{log}");
}

fn no_more_children_than_allowed() {
    let mut server = Server::start(&["--max-children", "2"]);
    let (mut first, _) = server.client();
    let (mut second, _) = server.client();
    let mut third = TcpStream::connect(server.address).unwrap();
    third.write_all(b"ping\n").unwrap();
    // Between two answers it has looked at everything there is to do.
    for _ in 0..3 {
        server.send(SIGHUP);
        server.logged("2 children now; 2 connections, 0 children reaped");
    }
    echoes(&mut second);
    first.shutdown(Shutdown::Write).unwrap();
    assert_eq!(first.read(&mut [0]).unwrap(), 0);
    let mut reply = [0; 5];
    third.read_exact(&mut reply).unwrap();
    server.send(SIGHUP);
    server.logged("2 children now; 3 connections, 1 children reaped");
    drop((second, third));
    server.send(SIGTERM);
    assert!(server.ended().0.success());
}

fn what_nohup_and_background_shells_ignore_stays_ignored() {
    let before = || {
        signal::install(SIGHUP, Handler::Ignore)?;
        signal::install(SIGINT, Handler::Ignore)?;
        Ok(())
    };
    let mut server = Server::start_after(&[], before);
    for _ in 0..2 {
        server.send(SIGHUP);
        server.send(SIGINT);
        drop(server.client());
    }
    server.send(SIGTERM);
    let (status, log) = server.ended();
    assert!(status.success(), "{status}\n{log}");
    assert_eq!(count(&log, "children now"), 0, "{log}");
    assert_eq!(count(&log, "SIGINT"), 0, "{log}");
}

fn what_the_parent_has_blocked_and_ignored_does_no_harm() {
    let before = || {
        signal::install(SIGCHLD, Handler::Ignore)?;
        std::mem::forget(signal::BlockGuard::new(SIGCHLD | SIGTERM | SIGHUP));
        Ok(())
    };
    let mut server = Server::start_after(&[], before);
    drop(server.client());
    server.logged("exited with code 0: ");
    server.send(SIGHUP);
    server.logged("0 children now; 1 connections, 1 children reaped");
    server.send(SIGTERM);
    assert!(server.ended().0.success());
}

fn clients_that_reset_do_no_harm() {
    let mut server = Server::start(&[]);
    for _ in 0..20 {
        let (client, _) = server.client();
        reset(client);
        server.logged(" lost ");
        server.logged("exited with code 1: ");
    }
    // These may be gone before the server gets to them.
    for _ in 0..20 {
        reset(TcpStream::connect(server.address).unwrap());
    }
    server.client();
    server.send(SIGTERM);
    assert!(server.ended().0.success());
}

fn reset(client: TcpStream) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let (pointer, size) = (&linger as *const libc::linger, std::mem::size_of::<libc::linger>());
    // SAFETY: a whole structure, and its size.
    let set = unsafe {
        libc::setsockopt(
            client.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            pointer.cast(),
            size as libc::socklen_t,
        )
    };
    assert_eq!(set, 0);
}

fn without_descriptors_clients_wait_and_the_server_does_not_spin() {
    // The least that it starts with: nothing is left for a client.
    let server = (3..32).find_map(|limit| {
        let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
        let before = move || {
            (3..64).for_each(close_on_exec);
            // SAFETY: a whole structure.
            match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) } {
                -1 => Err(io::Error::last_os_error()),
                _ => Ok(()),
            }
        };
        Server::try_start_after(&[], before).ok()
    });
    let mut server = server.expect("starts with 32 descriptors");
    let _client = TcpStream::connect(server.address).unwrap();
    let start = Instant::now();
    server.logged("accept: ");
    server.logged("accept: ");
    // It tries again, but not before a second has passed.
    assert!(start.elapsed() >= Duration::from_millis(900));
    server.send(SIGTERM);
    let (status, log) = server.ended();
    assert!(status.success(), "{status}\n{log}");
    assert!(count(&log, "0 connections, 0 children reaped, ") == 1, "{log}");
}

fn close_on_exec(fd: i32) {
    // SAFETY: plain values; harmless for a number that is not open.
    unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
}

fn bad_options_of_the_server() {
    for (arguments, message) in [
        (&["--port", "65536"][..], "--port wants a number from 0 to 65535, not \"65536\""),
        (&["--port"], "--port wants a value"),
        (&["--port=x"], "--port wants a number"),
        (&["--grace", "-1"], "--grace wants a number from 0 to 1000000, not \"-1\""),
        (&["--grace", "nan"], "--grace wants a number"),
        (&["--max-children", "0"], "--max-children wants a number from 1 to"),
        (&["--demo", "--port", "1"], "--demo takes no other options"),
        (&["--demo=1"], "unknown argument \"--demo=1\""),
        (&["7"], "unknown argument \"7\""),
    ] {
        refused("echo_server", arguments, message);
    }
    helps("echo_server");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let output = output(example("echo_server").args(["--port", &port.to_string()]));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&format!("port {port} is in use: choose another with --port")), "{text}");
}

fn refused(name: &str, arguments: &[&str], message: &str) {
    let output = output(example(name).args(arguments));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    assert!(text.starts_with(&format!("{name}: {message}")), "{arguments:?}: {text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

fn helps(name: &str) {
    let output = output(example(name).arg("--help"));
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains(&format!("usage: {name} ")));
}

/// A client with this standard input, the end of which is sent if `ends`; its exit code, output and errors.
fn client(arguments: &[&str], input: Vec<u8>, ends: bool) -> (Status, Vec<u8>, String) {
    // The client may be gone before it has read all. What it inherits itself, the standard library puts right.
    signal::install(signal::SIGPIPE, Handler::Ignore).unwrap();
    let mut command = example("echo_client");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = thread::spawn(move || {
        let _ = stdin.write_all(&input);
        (!ends).then_some(stdin)
    });
    let mut stderr = child.stderr.take().unwrap();
    let errors = thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    let mut output = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut output).unwrap();
    let status = child.wait().unwrap().into();
    let errors = errors.join().unwrap().unwrap();
    drop(writer.join().unwrap());
    (status, output, errors)
}

fn the_client_gets_back_what_it_sends() {
    let server = Server::start(&[]);
    let address = server.address.to_string();
    // More than all buffers on the way hold.
    let large = common::scaled(20_000_000);
    for size in [0, 1, 100_000, large] {
        let input: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
        let (status, output, errors) = client(&[&address, "--timeout", "60"], input.clone(), true);
        assert!(status.success(), "{status}: {errors}");
        assert!(output == input, "{} of {} bytes", output.len(), input.len());
        assert_eq!(errors, "");
    }
    server.send(SIGTERM);
    assert!(server.ended().0.success());
}

fn the_client_notices_when_the_server_ends() {
    let mut server = Server::start(&["--grace", "0"]);
    let address = server.address.to_string();
    let talk = thread::spawn(move || client(&[&address], b"ping\n".to_vec(), false));
    server.logged(" serves ");
    server.send(SIGTERM);
    let (status, _, errors) = talk.join().unwrap();
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(errors.contains("closed the connection") || errors.contains("was lost"), "{errors}");
    assert!(server.ended().0.success());
}

fn the_client_says_when_not_all_came_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let talk = thread::spawn(move || client(&[&address], vec![b'x'; 10], true));
    let (mut socket, _) = listener.accept().unwrap();
    let mut all = Vec::new();
    socket.read_to_end(&mut all).unwrap();
    socket.write_all(&all[..4]).unwrap();
    drop(socket);
    let (status, output, errors) = talk.join().unwrap();
    assert_eq!((status.code(), output.len()), (Some(1), 4), "{errors}");
    assert!(errors.contains("the server closed the connection: 4 of 10 bytes came back"), "{errors}");
}

fn the_client_says_when_it_is_refused() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (status, _, errors) = client(&["--timeout=60", &address], Vec::new(), true);
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(errors.contains(&format!("cannot connect to {address}: ")), "{errors}");
    assert!(errors.to_lowercase().contains("connection refused"), "{errors}");
}

fn the_client_waits_no_longer_than_it_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // A listener that accepts nothing, until nobody gets an answer any more.
    // SAFETY: a descriptor and a plain value.
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
    let mut backlog = Vec::new();
    while let Ok(client) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        backlog.push(client);
        if backlog.len() > 500 {
            common::skip("this system's backlog has no end");
        }
    }
    let start = Instant::now();
    let (status, _, errors) = client(&["--timeout", "0.5", &address.to_string()], Vec::new(), true);
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(errors.contains(&format!("{address} did not answer within 0.5 s")), "{errors}");
    assert!(start.elapsed() >= Duration::from_millis(500));
}

fn the_client_dies_of_a_broken_pipe_as_others_do() {
    let server = Server::start(&[]);
    let mut command = example("echo_client");
    command.arg(server.address.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(b"ping\n").unwrap();
    assert_eq!(Status::from(child.wait().unwrap()).signal(), Some(signal::SIGPIPE));
}

fn bad_options_of_the_client() {
    for (arguments, message) in [
        (&["--timeout", "0"][..], "--timeout wants a number of seconds above 0, not \"0\""),
        (&["--timeout"], "--timeout wants a value"),
        (&["--timeout=soon"], "--timeout wants a number"),
        (&["127.0.0.1:1", "127.0.0.1:2"], "unknown argument \"127.0.0.1:2\""),
        (&["--verbose"], "unknown argument \"--verbose\""),
    ] {
        refused("echo_client", arguments, message);
    }
    helps("echo_client");
    let (status, _, errors) = client(&["127.0.0.1"], Vec::new(), true);
    assert_eq!(status.code(), Some(1));
    assert!(errors.contains("cannot find \"127.0.0.1\""), "{errors}");
}

fn the_client_demo_succeeds() {
    let output = output(example("echo_client").arg("--demo"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.ends_with(b"comes back from the server.\n"));
}

common::main! {
    the_demo_succeeds_and_prints_one_summary,
    sigterm_lets_clients_finish,
    idle_clients_are_ended_after_the_grace_period,
    a_child_that_does_not_end_is_killed,
    a_second_ctrl_c_ends_it_at_once,
    ctrl_c_leaves_the_children_alone,
    no_more_children_than_allowed,
    what_nohup_and_background_shells_ignore_stays_ignored,
    what_the_parent_has_blocked_and_ignored_does_no_harm,
    clients_that_reset_do_no_harm,
    without_descriptors_clients_wait_and_the_server_does_not_spin,
    bad_options_of_the_server,
    the_client_gets_back_what_it_sends,
    the_client_notices_when_the_server_ends,
    the_client_says_when_not_all_came_back,
    the_client_says_when_it_is_refused,
    the_client_waits_no_longer_than_it_is_told,
    the_client_dies_of_a_broken_pipe_as_others_do,
    bad_options_of_the_client,
    the_client_demo_succeeds,
}
