//! The mail notifier of the story: hears on a UDP port that mail has come, and tells its workers so by a signal to its
//! process group. In a session of its own that reaches its workers and nobody else.
//!
//! usage: comsat PORT [WORKERS]

use nix::errno::Errno;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use signal::{install, kill, kill_own_group, Handler, Pid, SelfPipe, SIGINT, SIGTERM, SIGUSR1};
use std::io::{BufRead, BufReader, Write};
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().ok_or("usage: comsat PORT [WORKERS]")?.as_str() {
        "--worker" => work(),
        port => listen(port.parse()?, arguments.next().map_or(Ok(2), |count| count.parse())?),
    }
}

fn listen(port: u16, workers: u32) -> Result<()> {
    // It hears its own signal, and survives.
    install(SIGUSR1, Handler::Ignore)?;
    let stop = SelfPipe::new(SIGTERM | SIGINT)?;
    let socket = UdpSocket::bind(("127.0.0.1", port))?;
    socket.set_nonblocking(true)?;
    let workers = (0..workers).map(|_| start_worker()).collect::<Result<Vec<Child>>>()?;
    say_ready()?;
    while stop.pending().is_empty() {
        let mut entries = [
            PollFd::new(stop.as_fd(), PollFlags::POLLIN),
            PollFd::new(socket.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut entries, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => tell_of_mail(&socket)?,
            Err(error) => return Err(error.into()),
        }
    }
    for mut worker in workers {
        kill(Pid::from(&worker), SIGTERM)?;
        worker.wait()?;
    }
    Ok(())
}

fn start_worker() -> Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut worker = command.arg("--worker").stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    // It listens when it says so.
    BufReader::new(worker.stdout.take().ok_or("no pipe")?).read_line(&mut String::new())?;
    Ok(worker)
}

fn tell_of_mail(socket: &UdpSocket) -> Result<()> {
    // As comsat(8) has it: `user@offset`.
    let mut mail = [0; 256];
    while let Ok(length) = socket.recv(&mut mail) {
        let whom = String::from_utf8_lossy(&mail[..length]);
        say(&format!("comsat {}: mail for {}\n", Pid::current(), whom.escape_default()))?;
        kill_own_group(SIGUSR1)?;
    }
    Ok(())
}

fn work() -> Result<()> {
    let signals = SelfPipe::new([SIGUSR1, SIGTERM])?;
    println!("listening");
    loop {
        let arrived = signals.wait()?;
        if arrived.contains(SIGTERM) {
            return Ok(());
        }
        say(&format!("comsat worker {}: has heard of mail\n", Pid::current()))?;
    }
}

/// In one piece: others write there too.
fn say(line: &str) -> Result<()> {
    Ok(std::io::stderr().write_all(line.as_bytes())?)
}

/// A line to the descriptor that the starter has made for this.
fn say_ready() -> Result<()> {
    if let Some(number) = std::env::var_os("NOTIFY_FD") {
        let path = std::path::Path::new("/dev/fd").join(number);
        std::fs::File::options().write(true).open(path)?.write_all(b"ready\n")?;
    }
    Ok(())
}
