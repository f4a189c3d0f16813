//! A timer's signal comes fifty times a second: which calls it interrupts although its handler
//! restarts them, and how to continue.

use signal::timer::{self, Timer};
use signal::{install, retry, Action, Errno, SIGALRM};
use std::io::{self, Read, Write};
use std::os::unix::io::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

static TICKS: AtomicUsize = AtomicUsize::new(0);

fn main() -> io::Result<()> {
    let (mut reader, mut writer) = UnixStream::pair()?;
    // SIGALRM is the one signal whose handlers do not restart unless they are asked to.
    install(SIGALRM, Action::new(&TICKS).restart(true))?;
    timer::start(Timer::Real, Duration::from_millis(20), Duration::from_millis(20))?;

    // A read of a pipe, a socket or a terminal is restarted by the kernel.
    let late = thread::spawn(move || {
        while TICKS.load(Ordering::Acquire) < 5 {
            thread::sleep(Duration::from_millis(1)); // std continues it after each signal
        }
        writer.write_all(b"!").map(|()| writer)
    });
    reader.read_exact(&mut [0])?;
    println!("read: was restarted");
    let writer = late.join().expect("it does not panic")?;

    // poll never is.
    let error = poll(&reader, Duration::from_secs(600)).unwrap_err();
    println!("poll: {error}");

    // `retry` would begin each time with the whole 100 ms, and never end: a deadline does.
    let end = Instant::now() + Duration::from_millis(100);
    let ready = retry(|| poll(&reader, end.saturating_duration_since(Instant::now())))?;
    println!("poll until a deadline: {ready}");

    // A handler without restarting: `retry` is for calls without a limit.
    install(SIGALRM, Action::new(&TICKS).restart(false))?;
    drop(writer);
    println!("read to the end: {} bytes", retry(|| reader.read(&mut [0]))?);
    timer::start(Timer::Real, Duration::ZERO, Duration::ZERO)?;
    Ok(())
}

/// Whether there is something to read within this time.
fn poll(stream: &UnixStream, timeout: Duration) -> Result<bool, Errno> {
    let mut fd = libc::pollfd { fd: stream.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry.
    match unsafe { libc::poll(&mut fd, 1, timeout.as_millis() as libc::c_int) } {
        -1 => Err(Errno::last()),
        ready => Ok(ready > 0),
    }
}
