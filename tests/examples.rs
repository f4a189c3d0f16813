//! The programs in examples/, as processes: what a person who runs them sees.

pub mod client;
pub mod guide;
pub mod init;
pub mod nohup;
pub mod progress;
pub mod registry;
pub mod reports;
pub mod server;
pub mod shell;
pub mod timeout;

use crate::common::process::must_start;
use signal::child::Status;
use signal::{kill, Handler, Pid, Signal, SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGTERM};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::{env, io};

/// Cargo puts the examples beside the tests; on another machine, copies of both lie in one folder.
fn example(name: &str) -> Command {
    let program =
        env::current_exe().unwrap_or_else(|_| PathBuf::from(env::args_os().next().unwrap()));
    let folder = program.parent().unwrap_or(Path::new("."));
    let places = [folder.join("../examples").join(name), folder.join(format!("example-{name}"))];
    match places.iter().find(|place| place.exists()) {
        Some(place) => {
            must_start(place, "--help");
            Command::new(place)
        }
        None => panic!("no {} here: cargo build --examples makes it", places[0].display()),
    }
}

fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap().wait_with_output().unwrap()
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

/// The system's own program of this name, if it is that of coreutils: the one to compare with.
fn coreutils(name: &str) -> Option<Command> {
    let output = Command::new(name).arg("--version").output().ok()?;
    let is_it = String::from_utf8_lossy(&output.stdout).contains("GNU coreutils");
    is_it.then(|| Command::new(name))
}

/// Starts it, and waits for the line `ready` on its standard output.
fn start_until_ready(command: &mut Command) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    (child, output)
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
            assert_ne!(
                self.log.read_line(&mut line).unwrap(),
                0,
                "no {words:?} in the log:\n{before}"
            );
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

    /// How it ended, and the rest of its log. No process of its group may remain, not even a
    /// zombie.
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
        // The server is left only after a failure. Once it has been waited for, its pid can be
        // reused.
        if let Ok(None) = self.child.try_wait() {
            let _ = signal::kill_group(Pid::from(&self.child), SIGKILL);
            let _ = self.child.wait();
        }
    }
}

/// In a group of its own, and as from a terminal: a shell has background jobs ignore SIGINT.
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
