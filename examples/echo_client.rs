//! The client of Stevens' UNP: standard input goes to the echo server, what comes back to standard
//! output.
//!
//! It says nothing but the truth with its exit code: 0 if all that was sent came back, 1 if not, 2
//! for a wrong command line; and it dies from SIGPIPE if nobody reads its output, as `cat` does.

use signal::{alarm, die_by, finish_connect, Errno, SelfPipe, UnblockGuard, SIGALRM, SIGPIPE};
use std::io::{self, ErrorKind, Read, Write};
use std::mem::{size_of, zeroed};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::io::{AsRawFd, FromRawFd};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const HELP: &str = "\
The client of Stevens' UNP: sends standard input to an echo server, and what comes back to standard output.

usage: echo_client [--timeout SECONDS] [HOST:PORT]
       echo_client --demo

  HOST:PORT          the server (default 127.0.0.1:9877)
  --timeout SECONDS  how long to wait for the connection (default: as long as the system does)
  --demo             talk to a little server of its own
  --help             this text
";

enum Command {
    Talk { server: String, timeout: Option<Duration> },
    Demo,
    Help,
}

fn main() -> ExitCode {
    let arguments =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    let done = match parse(arguments) {
        Ok(Command::Help) => {
            let _ = io::stdout().write_all(HELP.as_bytes());
            Ok(())
        }
        Ok(Command::Demo) => demo(),
        Ok(Command::Talk { server, timeout }) => {
            connect(&server, timeout).and_then(|socket| talk(socket, io::stdin()))
        }
        Err(error) => {
            complain(&format!("{error}; --help says more"));
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn complain(error: &str) {
    let _ = io::stderr().write_all(format!("echo_client: {error}\n").as_bytes());
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let (mut server, mut timeout) = (None, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-h" | "--help" => return Ok(Command::Help),
            "--demo" => return Ok(Command::Demo),
            "--timeout" => {
                timeout = Some(seconds(&arguments.next().ok_or("--timeout wants a value")?)?);
            }
            other => match other.strip_prefix("--timeout=") {
                Some(value) => timeout = Some(seconds(value)?),
                None if other.starts_with('-') || server.is_some() => {
                    return Err(format!("unknown argument {other:?}"))
                }
                None => server = Some(argument),
            },
        }
    }
    Ok(Command::Talk { server: server.unwrap_or_else(|| "127.0.0.1:9877".to_owned()), timeout })
}

fn seconds(value: &str) -> Result<Duration, String> {
    match value.parse::<f64>() {
        Ok(number) if number > 0.0 && number <= 1_000_000.0 => Ok(Duration::from_secs_f64(number)),
        _ => Err(format!("--timeout wants a number of seconds above 0, not {value:?}")),
    }
}

/// Connects to the first address of the server that answers, within this time for all of them.
fn connect(server: &str, timeout: Option<Duration>) -> Result<TcpStream, String> {
    let addresses =
        server.to_socket_addrs().map_err(|error| format!("cannot find {server:?}: {error}"))?;
    // A handler that only set a flag would not do: a SIGALRM that came after the flag was tested
    // and before the sleep began would be missed, and the sleep without end. In the pipe it waits
    // to be read.
    let expired = SelfPipe::new(SIGALRM).map_err(|error| error.to_string())?;
    // The parent may have blocked it, and `exec` keeps that.
    let _unblocked = UnblockGuard::new(SIGALRM);
    let limit = timeout.unwrap_or(Duration::ZERO); // no limit
    alarm(limit);
    let mut result = Err(format!("{server:?} has no address"));
    for address in addresses {
        result = match try_connect(&address, &expired) {
            Ok(Some(socket)) => Ok(socket),
            Ok(None) => Err(format!("{address} did not answer within {} s", limit.as_secs_f64())),
            Err(error) => {
                result = Err(format!("cannot connect to {address}: {error}"));
                continue;
            }
        };
        break;
    }
    alarm(Duration::ZERO);
    result
}

/// `None`: SIGALRM came first.
fn try_connect(address: &SocketAddr, expired: &SelfPipe) -> io::Result<Option<TcpStream>> {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    // SAFETY: takes plain values.
    let socket = match unsafe { libc::socket(family, libc::SOCK_STREAM, 0) } {
        -1 => return Err(io::Error::last_os_error()),
        // SAFETY: made just now, and nobody else's.
        fd => unsafe { TcpStream::from_raw_fd(fd) },
    };
    socket.set_nonblocking(true)?;
    // An attempt that has begun continues by itself, also when a signal interrupts the call.
    // Calling `connect` again would fail on most systems: instead, wait until the socket is
    // writable, and ask how it went.
    match begin_connect(&socket, address) {
        Ok(()) => {}
        Err(Errno::EINPROGRESS | Errno::EINTR) => {
            let entry = |fd, events| libc::pollfd { fd, events, revents: 0 };
            let mut fds = [
                entry(socket.as_raw_fd(), libc::POLLOUT),
                entry(expired.as_raw_fd(), libc::POLLIN),
            ];
            loop {
                // SAFETY: two entries.
                signal::retry(|| match unsafe { libc::poll(fds.as_mut_ptr(), 2, -1) } {
                    -1 => Err(Errno::last()),
                    ready => Ok(ready),
                })?;
                if fds[0].revents != 0 {
                    break;
                }
                // The descriptor can be readable although nothing has arrived.
                if expired.pending().contains(SIGALRM) {
                    return Ok(None);
                }
            }
            signal::retry(|| finish_connect(&socket))?;
        }
        Err(error) => return Err(error.into()),
    }
    socket.set_nonblocking(false)?;
    Ok(Some(socket))
}

/// The standard library's `connect` continues after a signal: it cannot be interrupted.
fn begin_connect(socket: &TcpStream, address: &SocketAddr) -> Result<(), Errno> {
    fn call<T>(socket: &TcpStream, address: &T) -> Result<(), Errno> {
        let pointer = (address as *const T).cast();
        // SAFETY: a whole address of its family, and its size.
        match unsafe {
            libc::connect(socket.as_raw_fd(), pointer, size_of::<T>() as libc::socklen_t)
        } {
            -1 => Err(Errno::last()),
            _ => Ok(()),
        }
    }
    match address {
        SocketAddr::V4(address) => {
            // SAFETY: made of integers. Where it also holds its own length, the system fills that
            // in.
            let mut raw: libc::sockaddr_in = unsafe { zeroed() };
            raw.sin_family = libc::AF_INET as libc::sa_family_t;
            raw.sin_port = address.port().to_be();
            raw.sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
            call(socket, &raw)
        }
        SocketAddr::V6(address) => {
            // SAFETY: as above.
            let mut raw: libc::sockaddr_in6 = unsafe { zeroed() };
            raw.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            raw.sin6_port = address.port().to_be();
            raw.sin6_addr.s6_addr = address.ip().octets();
            raw.sin6_flowinfo = address.flowinfo();
            raw.sin6_scope_id = address.scope_id();
            call(socket, &raw)
        }
    }
}

/// UNP's `str_cli`. It sends and receives at the same time: a client that sent all before it
/// received would wait for ever for a server that waits for it to receive. And it notices at once
/// when the server ends, while input is still awaited.
fn talk(socket: TcpStream, input: impl Read + Send + 'static) -> Result<(), String> {
    let socket = Arc::new(socket);
    let sent = Arc::new(Sent::default());
    let (sender_socket, sender_sent) = (Arc::clone(&socket), Arc::clone(&sent));
    // Not waited for: it may be waiting for input that never comes, and ends with the process.
    thread::spawn(move || send(&sender_socket, input, &sender_sent));

    let mut received = 0;
    let mut buffer = [0; 8192];
    let ended = loop {
        match signal::retry(|| (&*socket).read(&mut buffer)) {
            Ok(0) => break "the server closed the connection".to_owned(),
            Ok(length) => {
                received += length as u64;
                let mut output = io::stdout();
                match output.write_all(&buffer[..length]).and_then(|()| output.flush()) {
                    // Rust ignores SIGPIPE. The shell shall see what it sees of other programs.
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => die_by(SIGPIPE),
                    Err(error) => return Err(format!("cannot write to standard output: {error}")),
                    Ok(()) => {}
                }
            }
            Err(error) => break format!("the connection was lost: {error}"),
        }
    };
    if let Some(error) = &*sent.input_error.lock().unwrap() {
        return Err(format!("cannot read standard input: {error}"));
    }
    let (bytes, complete) = (*sent.bytes.lock().unwrap(), sent.complete.load(Ordering::Acquire));
    match (complete, received == bytes) {
        (true, true) => Ok(()),
        (true, false) => Err(format!("{ended}: {received} of {bytes} bytes came back")),
        (false, _) => Err(format!("{ended} before all was sent; {received} bytes came back")),
    }
}

/// What the sending thread has done.
#[derive(Default)]
struct Sent {
    /// Not an atomic: some processors have none of 64 bits.
    bytes: Mutex<u64>,
    /// The input has ended, all of it has been sent, and the server has been told so.
    complete: AtomicBool,
    input_error: Mutex<Option<io::Error>>,
}

fn send(mut socket: &TcpStream, mut input: impl Read, sent: &Sent) {
    let mut buffer = [0; 8192];
    loop {
        match signal::retry(|| input.read(&mut buffer)) {
            Ok(0) => break,
            Ok(length) => {
                // Counted before the echo can be back.
                *sent.bytes.lock().unwrap() += length as u64;
                if socket.write_all(&buffer[..length]).is_err() {
                    return; // the receiving side finds out, and says so
                }
            }
            Err(error) => {
                *sent.input_error.lock().unwrap() = Some(error);
                let _ = socket.shutdown(Shutdown::Both);
                return;
            }
        }
    }
    // Before the server can be told, and end.
    sent.complete.store(true, Ordering::Release);
    // Half: what is on its way back still comes.
    let _ = socket.shutdown(Shutdown::Write);
}

fn demo() -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    thread::spawn(move || {
        let (mut client, _) = listener.accept()?;
        io::copy(&mut client.try_clone()?, &mut client)
    });
    let socket = connect(&address.to_string(), Some(Duration::from_secs(30)))?;
    talk(socket, &b"What goes to the server\ncomes back from the server.\n"[..])
}
