//! `--demo`: a server, 200 clients at once, and a rain of signals on the server. Every byte is
//! checked, and at the end every process is accounted for.

use crate::options::Options;
use crate::{log, Server};
use signal::{
    child, install, kill, Handler, Pid, UnblockGuard, SIGCHLD, SIGKILL, SIGTERM, SIGUSR1,
};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::io::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const CLIENTS: usize = 200;

/// So many connect at the same moment: fewer than fit into a listener's backlog.
const AT_ONCE: usize = 50;

/// How many SIGUSR1 a client sends to the server along with each piece: 12,000 in all, whatever the
/// machine.
const SHOWER: usize = 5;

/// How many are sent at least, unless the machine is so slow that it takes this time.
const RAIN: usize = 30_000;
const RAIN_TIME: Duration = Duration::from_secs(2);

const TEXT: &[u8] = include_bytes!("../../LICENSE-APACHE");

/// What a client sends before it waits for the echo.
const PIECE: usize = 1024;

/// Nothing here takes so long: a wait that takes longer reports failure instead of hanging.
const LIMIT: Duration = Duration::from_secs(60);

pub fn run() -> ExitCode {
    let start = Instant::now();
    match demo() {
        Ok(report) => {
            println!("{report}\nall well in {:.2} s", start.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("echo_server --demo FAILED: {error}");
            ExitCode::FAILURE
        }
    }
}

fn demo() -> Result<String, String> {
    let io = |error: io::Error| error.to_string();
    raise_limits();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(io)?;
    let address = listener.local_addr().map_err(io)?;
    let (log_reader, log_writer) = UnixStream::pair().map_err(io)?;
    log_reader.set_read_timeout(Some(LIMIT)).map_err(io)?;
    // The parent may have ignored the one, and the server's status would be lost, and
    // blocked the other.
    install(SIGCHLD, Handler::Default).map_err(|error| error.to_string())?;
    let _unblocked = UnblockGuard::new(SIGUSR1);
    // Here already, so that the server is never without it.
    install(SIGUSR1, &DELIVERED).map_err(|error| error.to_string())?;

    // SAFETY: this process has one thread. The threads start later.
    let server = match unsafe { libc::fork() } {
        0 => server(listener, log_writer),
        pid => Pid::from_raw(pid).ok_or_else(|| format!("fork: {}", io::Error::last_os_error()))?,
    };
    drop((listener, log_writer));

    let (clients, log) = thread::scope(|scope| {
        let log = scope.spawn(|| read_log(log_reader));
        let clients_done = AtomicBool::new(false);
        let clients = thread::scope(|scope| {
            scope.spawn(|| rain(server, &clients_done));
            let clients = clients(server, address);
            clients_done.store(true, Ordering::Release);
            clients
        });
        let _ = kill(server, SIGTERM);
        (clients, log.join())
    });
    // The log ends when all processes that could write to it have ended. If it did not end in time,
    // they end now.
    let log = log.map_err(|_| "the log reader panicked")?;
    if log.is_err() {
        let _ = kill(server, SIGKILL);
    }
    let mut status = 0;
    // SAFETY: room for the status.
    signal::retry(|| match unsafe { libc::waitpid(server.as_raw(), &mut status, 0) } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(pid),
    })
    .map_err(io)?;
    let log = log.map_err(|error| format!("the server's log did not end: {error}"))?;
    let status = child::Status::from_raw(status);

    let failed =
        |what: String| format!("{what}\nthe server {status}; the end of its log:\n{}", tail(&log));
    clients.map_err(failed)?;
    check(status, &log).map_err(failed)
}

/// How often SIGUSR1 was delivered to the server. In the other processes nobody looks.
static DELIVERED: AtomicUsize = AtomicUsize::new(0);

/// How often it was sent.
static SENT: AtomicUsize = AtomicUsize::new(0);

/// The server's process: the same server as without `--demo`, whose log goes into the pipe, and a
/// last line of numbers.
fn server(listener: TcpListener, log_writer: UnixStream) -> ! {
    // SAFETY: both descriptors are open.
    unsafe { libc::dup2(log_writer.as_raw_fd(), libc::STDERR_FILENO) };
    drop(log_writer);
    let options = Options { port: 0, grace: LIMIT, max_children: CLIENTS };
    let code = match Server::new(listener, options).and_then(Server::run) {
        Ok(counts) => {
            let delivered = DELIVERED.load(Ordering::Acquire);
            // What can still be collected was left.
            let zombies = child::reap_any().count();
            log(format_args!(
                "numbers {} {} {zombies} {} {delivered} {}",
                counts.connections, counts.reaped, counts.interrupted, counts.signals
            ));
            0
        }
        Err(error) => {
            log(format_args!("{error}"));
            1
        }
    };
    // SAFETY: ends the process, without what the demo has registered for its own end.
    unsafe { libc::_exit(code) }
}

fn read_log(log: UnixStream) -> io::Result<Vec<String>> {
    BufReader::new(log).lines().collect()
}

fn tail(log: &[String]) -> String {
    log[log.len().saturating_sub(10)..].join("\n")
}

fn send(server: Pid) -> signal::Result<()> {
    SENT.fetch_add(1, Ordering::Relaxed);
    kill(server, SIGUSR1)
}

fn rain(server: Pid, clients_done: &AtomicBool) {
    let start = Instant::now();
    let enough = || SENT.load(Ordering::Relaxed) >= RAIN || start.elapsed() >= RAIN_TIME;
    while !(clients_done.load(Ordering::Acquire) && enough()) && send(server).is_ok() {
        // A signal that comes before the last one was delivered is one with it: let the server run.
        thread::yield_now();
    }
}

/// All clients: first each connects and is served one line; when all are being served at the same
/// time, each has the rest echoed, and closes.
fn clients(server: Pid, address: SocketAddr) -> Result<(), String> {
    let mut connected = Vec::new();
    while connected.len() < CLIENTS {
        let count = AT_ONCE.min(CLIENTS - connected.len());
        connected.extend(in_threads((0..count).map(|_| || connect(server, address)))?);
    }
    in_threads(connected.into_iter().map(|client| move || finish(server, client)))?;
    Ok(())
}

fn in_threads<T: Send>(
    jobs: impl Iterator<Item = impl FnOnce() -> io::Result<T> + Send>,
) -> Result<Vec<T>, String> {
    thread::scope(|scope| {
        let threads: Vec<_> = jobs.map(|job| scope.spawn(job)).collect();
        let results = threads.into_iter().map(|thread| match thread.join() {
            Ok(result) => result.map_err(|error| format!("a client failed: {error}")),
            Err(_) => Err("a client panicked".to_owned()),
        });
        results.collect()
    })
}

fn connect(server: Pid, address: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    exchange(server, &mut stream, b"hello\n")?;
    Ok(stream)
}

fn finish(server: Pid, mut stream: TcpStream) -> io::Result<()> {
    for piece in TEXT.chunks(PIECE) {
        exchange(server, &mut stream, piece)?;
    }
    stream.shutdown(Shutdown::Write)?;
    match signal::retry(|| stream.read(&mut [0]))? {
        0 => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "more came back than was sent")),
    }
}

fn exchange(server: Pid, stream: &mut TcpStream, piece: &[u8]) -> io::Result<()> {
    for _ in 0..SHOWER {
        send(server)?;
    }
    stream.write_all(piece)?;
    let mut echo = [0; PIECE];
    let echo = &mut echo[..piece.len()];
    stream.read_exact(echo)?;
    if echo == piece {
        Ok(())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "the echo differs from what was sent"))
    }
}

/// The summary, if everything is as it must be.
fn check(status: child::Status, log: &[String]) -> Result<String, String> {
    let numbers = log.last().and_then(|line| line.strip_prefix("numbers ")).unwrap_or_default();
    let numbers: Vec<usize> = numbers.split(' ').filter_map(|number| number.parse().ok()).collect();
    let (connections, reaped, zombies, interrupted, delivered, others) = match numbers[..] {
        [a, b, c, d, e, f] => (a, b, c, d, e, f),
        _ => return Err("the server did not end as it should".to_owned()),
    };
    let sent = SENT.load(Ordering::Relaxed);
    let summary = format!(
        "connections          {connections:>6}  at the same time; {} bytes echoed, each checked\n\
         children reaped      {reaped:>6}\n\
         zombies left         {zombies:>6}\n\
         accepts interrupted  {interrupted:>6}\n\
         signals delivered    {delivered:>6}  SIGUSR1, of {sent} sent; and {others} times {SIGCHLD} or {SIGTERM}",
        connections * (TEXT.len() + b"hello\n".len()),
    );
    let good_ends = log.iter().filter(|line| line.contains(" exited with code 0: ")).count();
    let fine = status.success()
        && (connections, reaped, good_ends, zombies) == (CLIENTS, CLIENTS, CLIENTS, 0)
        && delivered > 0;
    if fine {
        Ok(summary)
    } else {
        Err(format!(
            "these numbers are wrong ({good_ends} children logged with code 0):\n{summary}"
        ))
    }
}

/// Some systems allow a user fewer processes or descriptors than this takes, but more for the
/// asking.
fn raise_limits() {
    macro_rules! raise {
        ($limit:ident) => {
            // SAFETY: made of integers; the pointers lead to it.
            unsafe {
                let mut limit: libc::rlimit = std::mem::zeroed();
                if libc::getrlimit(libc::$limit, &mut limit) == 0 && limit.rlim_cur < 1024 {
                    limit.rlim_cur = limit.rlim_max.min(1024);
                    libc::setrlimit(libc::$limit, &limit);
                }
            }
        };
    }
    raise!(RLIMIT_NOFILE);
    #[cfg(any(
        target_os = "linux",
        target_os = "macos",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "dragonfly"
    ))]
    raise!(RLIMIT_NPROC);
}
