//! The mail notifier of the story: hears on a UDP port that mail has come, and tells its workers so by a signal to its
//! process group. In a session of its own that reaches its workers and nobody else.
//!
//! usage: comsat PORT [WORKERS]

use signal::{install, kill_own_group, Handler, Pid, SelfPipe, SIGTERM, SIGUSR1};
use std::io::{BufRead, BufReader, Write};
use std::net::UdpSocket;
use std::process::{Command, Stdio};

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
    let socket = UdpSocket::bind(("127.0.0.1", port))?;
    for _ in 0..workers {
        let mut worker = Command::new(std::env::current_exe()?);
        let mut worker = worker.arg("--worker").stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        // It listens when it says so.
        let mut line = String::new();
        BufReader::new(worker.stdout.take().ok_or("no pipe")?).read_line(&mut line)?;
    }
    say_ready()?;
    loop {
        // As comsat(8) has it: `user@offset`.
        let mut mail = [0; 256];
        let length = socket.recv(&mut mail)?;
        eprintln!(
            "comsat {}: mail for {}",
            Pid::current(),
            String::from_utf8_lossy(&mail[..length]).escape_default()
        );
        kill_own_group(SIGUSR1)?;
    }
}

fn work() -> Result<()> {
    let signals = SelfPipe::new([SIGUSR1, SIGTERM])?;
    println!("listening");
    loop {
        let arrived = signals.wait()?;
        if arrived.contains(SIGTERM) {
            return Ok(());
        }
        eprintln!("comsat worker {}: has heard of mail", Pid::current());
    }
}

/// A line to the descriptor that the starter has made for this.
fn say_ready() -> Result<()> {
    if let Some(number) = std::env::var_os("NOTIFY_FD") {
        let path = std::path::Path::new("/dev/fd").join(number);
        std::fs::File::options().write(true).open(path)?.write_all(b"ready\n")?;
    }
    Ok(())
}
