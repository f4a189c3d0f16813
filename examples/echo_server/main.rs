//! The concurrent echo server of Stevens' UNP, chapter 5: one process for each connection,
//! surviving everything that the chapter warns of. Read it from top to bottom;
//! `cargo run --example echo_server -- --demo` shows it at work.
//!
//! All signals come through one self-pipe, next to the listening socket, in one poll loop. A
//! handler therefore never runs in the middle of the server's own work, except for the pipe's,
//! which touches nothing of it. One critical region remains, around `fork`.
//!
//! The server has one thread, and relies on that: see [`Server::fork`].

mod demo;
mod options;

use options::{Command, Options};
use signal::{
    child, die_by, install, kill, query, BlockGuard, Errno, Handler, Pid, SelfPipe, Signal,
    SignalSet, UnblockGuard, SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGTERM,
};
use std::collections::HashMap;
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::io::AsRawFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How long children that got SIGTERM may take before they get SIGKILL.
const LAST_CHANCE: Duration = Duration::from_secs(1);

/// How long clients wait in the backlog when the system is out of descriptors, processes or memory.
const PAUSE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1);
    match options::parse(arguments.map(|argument| argument.to_string_lossy().into_owned())) {
        Ok(Command::Help) => {
            let _ = io::stdout().write_all(options::HELP.as_bytes());
            ExitCode::SUCCESS
        }
        Ok(Command::Demo) => demo::run(),
        Ok(Command::Serve(options)) => match listen(options.port).and_then(|it| serve(it, options))
        {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                log(format_args!("echo_server: {error}"));
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            log(format_args!("echo_server: {error}; --help says more"));
            ExitCode::from(2)
        }
    }
}

fn listen(port: u16) -> Result<TcpListener, String> {
    // The standard library sets SO_REUSEADDR, so that the children of an earlier server do not keep
    // us from the port.
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => {
            format!("port {port} is in use: choose another with --port, 0 for a free one")
        }
        _ => format!("cannot listen on 127.0.0.1:{port}: {error}"),
    })
}

fn serve(listener: TcpListener, options: Options) -> Result<(), String> {
    let server =
        Server::new(listener, options).map_err(|error| format!("cannot start: {error}"))?;
    let counts = server.run().map_err(|error| format!("cannot continue: {error}"))?;
    log(format_args!("stopped: {counts}"));
    Ok(())
}

/// One line, written in one piece: the children write to the same place. If nobody can read it any
/// more (the terminal is gone, say), that is no reason to fail.
fn log(line: fmt::Arguments) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

struct Server {
    options: Options,
    pipe: SelfPipe,
    phase: Phase,
    /// Whom each child serves. A child stands here until it has been reaped, so that its pid is its
    /// own.
    children: HashMap<Pid, SocketAddr>,
    /// Not accepting before this time, or the end of a child.
    pause: Option<Instant>,
    counts: Counts,
    _unblocked: UnblockGuard,
}

enum Phase {
    Serving(TcpListener),
    /// The children may finish until then.
    Finishing(Instant),
    /// They have been sent SIGTERM.
    Terminating(Instant),
    /// They have been sent SIGKILL.
    Killing,
}

#[derive(Default)]
struct Counts {
    connections: usize,
    reaped: usize,
    /// How often a signal interrupted the wait for a client.
    interrupted: usize,
    /// What the self-pipe reported.
    signals: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Counts { connections, reaped, interrupted, signals } = self;
        write!(f, "{connections} connections, {reaped} children reaped, ")?;
        write!(f, "{interrupted} accepts interrupted, {signals} signals")
    }
}

impl Server {
    fn new(listener: TcpListener, options: Options) -> io::Result<Server> {
        let address = listener.local_addr()?;
        // A client can be gone again between `poll` and `accept`, which would then block.
        listener.set_nonblocking(true)?;
        let pipe = SelfPipe::new(SIGCHLD | SIGTERM)?;
        // The parent may wish us to ignore these: `nohup` does the one, a shell that puts
        // us into the background the other.
        for signal in [SIGHUP, SIGINT] {
            if query(signal)?.handler() != Handler::Ignore {
                pipe.insert(signal)?;
            }
        }
        // The parent may have blocked them, and `exec` keeps that.
        let _unblocked = UnblockGuard::new(pipe.watched());
        log(format_args!("listening on {address}, pid {}", Pid::current()));
        let (phase, children, counts) =
            (Phase::Serving(listener), HashMap::new(), Counts::default());
        Ok(Server { options, pipe, phase, children, pause: None, counts, _unblocked })
    }

    /// Serves until a signal stops it and no child is left.
    fn run(mut self) -> io::Result<Counts> {
        while matches!(self.phase, Phase::Serving(_)) || !self.children.is_empty() {
            let client_waits = self.wait()?;
            for signal in self.pipe.pending() {
                self.counts.signals += 1;
                match (signal, &self.phase) {
                    (SIGCHLD, _) => self.reap(),
                    (SIGHUP, _) => {
                        log(format_args!("{} children now; {}", self.children.len(), self.counts));
                    }
                    (SIGINT | SIGTERM, Phase::Serving(_)) => self.stop(signal),
                    (SIGINT, _) => self.end_at_once(),
                    _ => {} // asked to stop, stopping
                }
            }
            self.look_at_the_clock();
            if client_waits {
                if let Some((client, peer)) = self.accept() {
                    self = self.fork(client, peer);
                }
            }
        }
        Ok(self.counts)
    }

    /// Sleeps until a signal has arrived, a client waits (then it returns true), or it is time for
    /// something.
    fn wait(&mut self) -> io::Result<bool> {
        let room = self.children.len() < self.options.max_children;
        let listener = match &self.phase {
            Phase::Serving(listener) if room && self.pause.is_none() => listener.as_raw_fd(),
            _ => -1, // `poll` passes over it
        };
        let time = match self.phase {
            Phase::Serving(_) => self.pause,
            Phase::Finishing(end) | Phase::Terminating(end) => Some(end),
            Phase::Killing => None,
        };
        // Rounded up, or it would wake too early and spin.
        let left =
            |end: Instant| (end.saturating_duration_since(Instant::now()).as_micros() + 999) / 1000;
        let timeout =
            time.map_or(-1, |end| libc::c_int::try_from(left(end)).unwrap_or(libc::c_int::MAX));

        let entry = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let mut fds = [entry(self.pipe.as_raw_fd()), entry(listener)];
        // SAFETY: two entries.
        match unsafe { libc::poll(fds.as_mut_ptr(), 2, timeout) } {
            -1 if Errno::last() == Errno::EINTR => {
                // `poll` is never restarted. If the pipe watches the signal, the next call returns
                // at once.
                self.counts.interrupted += usize::from(listener != -1);
                Ok(false)
            }
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(fds[1].revents != 0),
        }
    }

    fn accept(&mut self) -> Option<(TcpStream, SocketAddr)> {
        let listener = match &self.phase {
            Phase::Serving(listener) => listener,
            _ => return None, // a signal has stopped us since
        };
        match listener.accept() {
            Ok(client) => return Some(client),
            // The client was faster than we, and is gone again; or nothing has happened at all.
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::ConnectionAborted | ErrorKind::Interrupted => {}
                // EMFILE, ENFILE, ENOBUFS: the client stays in the backlog, and `poll` would report
                // it again and again.
                _ => self.pause("accept", &error),
            },
        }
        None
    }

    fn pause(&mut self, what: &str, error: &io::Error) {
        log(format_args!(
            "{what}: {error}; clients wait until a child ends, or {} s",
            PAUSE.as_secs()
        ));
        self.pause = Some(Instant::now() + PAUSE);
    }

    /// Starts a child for this client. The parent gets its `self` back, the child never comes back.
    fn fork(mut self, client: TcpStream, peer: SocketAddr) -> Server {
        // The critical region. In the parent it lasts until the child is in the table; in the
        // child, until it has dispositions of its own: a signal that was meant for the child must
        // not run a handler of the parent.
        let region = BlockGuard::new(SignalSet::asynchronous());
        // SAFETY: this process has one thread, so that no lock is held and no data half written by
        // one that does not exist in the child: the child may use all that the parent may.
        match unsafe { libc::fork() } {
            0 => self.become_child(client, peer, region),
            -1 => self.pause("fork", &io::Error::last_os_error()),
            pid => {
                let pid = Pid::from_raw(pid).expect("fork returns a positive number to the parent");
                self.counts.connections += 1;
                self.children.insert(pid, peer);
                log(format_args!("child {pid} serves {peer}"));
            }
        }
        // The parent's copy of the client's socket is closed here, or the client would never see
        // the end.
        self
    }

    fn become_child(self, client: TcpStream, peer: SocketAddr, region: BlockGuard) -> ! {
        let Server { pipe, phase, .. } = self;
        // Puts back the dispositions and closes the parent's descriptors here, the listener's among
        // them.
        drop((pipe, phase));
        // A terminal sends these to the parent and to all its children. What becomes of the
        // children the parent decides, with SIGTERM. SIGPIPE is ignored already, by the standard
        // library: a client that is gone is an error of `write`.
        for (signal, handler) in [
            (SIGINT, Handler::Ignore),
            (SIGHUP, Handler::Ignore),
            (SIGTERM, Handler::Default),
            (SIGCHLD, Handler::Default),
        ] {
            install(signal, handler).expect("this signal can be set");
        }
        // A SIGTERM that has come since the fork ends the child here.
        drop(region);
        let code = match echo(client) {
            Ok(()) => 0,
            Err(error) => {
                log(format_args!("child {} lost {peer}: {error}", Pid::current()));
                1
            }
        };
        // SAFETY: ends the child, without what the parent has registered for its own end.
        unsafe { libc::_exit(code) }
    }

    /// One SIGCHLD can stand for many children: collects until nothing is left.
    fn reap(&mut self) {
        for exited in child::reap_any() {
            match exited {
                Ok(exited) => self.reaped(&exited),
                Err(error) => log(format_args!("cannot reap: {error}")),
            }
        }
    }

    fn reaped(&mut self, exited: &child::Exited) {
        let (pid, status) = (exited.pid, exited.status);
        let usage = exited.usage.map_or("usage unknown".to_owned(), |usage| {
            let cpu = (usage.user + usage.system).as_secs_f64();
            format!("{cpu:.3} s CPU, {} KiB at most", usage.peak_memory / 1024)
        });
        match self.children.remove(&pid) {
            Some(peer) => {
                self.counts.reaped += 1;
                self.pause = None;
                log(format_args!("child {pid} for {peer} {status}: {usage}"));
            }
            // Started by the program that we were before an `exec`.
            None => log(format_args!("child {pid}, not one of ours, {status}: {usage}")),
        }
    }

    fn stop(&mut self, signal: Signal) {
        // Closes the listener: who comes now is refused.
        self.phase = Phase::Finishing(Instant::now() + self.options.grace);
        let (children, grace) = (self.children.len(), self.options.grace.as_secs_f64());
        log(format_args!(
            "{signal}: no more clients; {children} children may finish for {grace} s"
        ));
    }

    fn look_at_the_clock(&mut self) {
        let now = Instant::now();
        match self.phase {
            Phase::Serving(_) => self.pause = self.pause.filter(|end| now < *end),
            Phase::Finishing(end) if end <= now => {
                self.signal_children(SIGTERM);
                self.phase = Phase::Terminating(now + LAST_CHANCE);
            }
            Phase::Terminating(end) if end <= now => {
                self.signal_children(SIGKILL);
                self.phase = Phase::Killing;
            }
            _ => {}
        }
    }

    fn signal_children(&self, signal: Signal) {
        log(format_args!("{signal} to {} children", self.children.len()));
        for pid in self.children.keys() {
            // One that has just ended is a zombie until it is reaped, and takes signals without
            // complaint.
            if let Err(error) = kill(*pid, signal) {
                log(format_args!("cannot send {signal} to {pid}: {error}"));
            }
        }
    }

    /// The second Ctrl-C. The shell shall see a death by SIGINT, as of any other program.
    fn end_at_once(&mut self) -> ! {
        self.signal_children(SIGKILL);
        self.reap();
        while !self.children.is_empty() && self.pipe.wait().is_ok() {
            self.reap();
        }
        die_by(SIGINT)
    }
}

/// What a child does: UNP's `str_echo`.
fn echo(mut client: TcpStream) -> io::Result<()> {
    // On some systems an accepted socket is non-blocking because its listener is.
    client.set_nonblocking(false)?;
    let mut buffer = [0; 4096];
    loop {
        match signal::retry(|| client.read(&mut buffer))? {
            0 => return Ok(()),
            // Goes on by itself after a signal.
            length => client.write_all(&buffer[..length])?,
        }
    }
}
