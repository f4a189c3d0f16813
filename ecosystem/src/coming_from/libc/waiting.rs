//! Waiting, and something to read.

use super::check;
use crate::coming_from::{arrange, Outcome};
use libc::{c_int, c_void};
use signal::{retry, SelfPipe, SignalFd, SIGHUP, SIGTERM};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;
use std::{mem, ptr};

/// Taking a signal, without a handler
pub mod wait_for_one {
    use super::*;

    pub fn there() -> Outcome {
        arrange::pending(SIGTERM); // not shown
                                   // SAFETY: room for the set and the number.
        let number = unsafe {
            let (mut set, mut number) = (mem::zeroed(), 0);
            libc::sigemptyset(&mut set);
            libc::sigaddset(&mut set, libc::SIGTERM);
            libc::sigaddset(&mut set, libc::SIGHUP);
            libc::sigwait(&set, &mut number);
            number
        };
        assert_eq!(number, libc::SIGTERM); // not shown
        Ok(())
    }

    pub fn here() -> Outcome {
        arrange::pending(SIGTERM); // not shown
        let signal = (SIGTERM | SIGHUP).wait()?.signal();
        assert_eq!(signal, SIGTERM); // not shown
        Ok(())
    }
}

/// … for no longer than a second, and with what is known of it
pub mod wait_with_limit {
    use super::*;

    pub fn there() -> Outcome {
        arrange::pending(SIGTERM); // not shown
                                   // SAFETY: room for the set and the info.
        let sender = unsafe {
            let mut set = mem::zeroed();
            libc::sigemptyset(&mut set);
            libc::sigaddset(&mut set, libc::SIGTERM);
            let mut info: libc::siginfo_t = mem::zeroed();
            let limit = libc::timespec { tv_sec: 1, tv_nsec: 0 };
            // Starts anew after EINTR, if in a loop.
            match libc::sigtimedwait(&set, &mut info, &limit) {
                -1 => None,
                _ => Some(info.si_pid()),
            }
        };
        assert_eq!(sender, Some(std::process::id() as i32)); // not shown
        Ok(())
    }

    pub fn here() -> Outcome {
        arrange::pending(SIGTERM); // not shown
        let set = signal::SignalSet::from(SIGTERM);
        let info = set.wait_timeout(Duration::from_secs(1))?;
        let sender = info.and_then(|info| info.sender_pid());
        assert_eq!(sender, Some(signal::Pid::current())); // not shown
        Ok(())
    }
}

/// `signalfd`
pub mod signal_fd {
    use super::*;

    pub fn there() -> Outcome {
        // SAFETY: room for the set and for one structure.
        unsafe {
            let mut set = mem::zeroed();
            libc::sigemptyset(&mut set);
            libc::sigaddset(&mut set, libc::SIGTERM);
            check(libc::sigprocmask(libc::SIG_BLOCK, &set, ptr::null_mut()))?;
            let fd = check(libc::signalfd(-1, &set, libc::SFD_CLOEXEC))?;
            signal::raise(SIGTERM)?; // not shown
            let mut info: libc::signalfd_siginfo = mem::zeroed();
            let pointer = ptr::addr_of_mut!(info).cast::<c_void>();
            libc::read(fd, pointer, mem::size_of_val(&info));
            assert_eq!(info.ssi_signo as c_int, libc::SIGTERM);
            libc::close(fd);
        }
        Ok(())
    }

    pub fn here() -> Outcome {
        let signals = SignalFd::new(SIGTERM)?;
        signal::raise(SIGTERM)?; // not shown
        assert_eq!(signals.wait()?.signal(), SIGTERM);
        Ok(())
    }
}

static WRITE_END: AtomicI32 = AtomicI32::new(-1);

extern "C" fn write_number(number: c_int) {
    // SAFETY: the place of errno is the thread's own, and the byte is there.
    unsafe {
        let errno = *libc::__errno_location();
        let byte = number as u8;
        libc::write(WRITE_END.load(Ordering::Acquire), ptr::addr_of!(byte).cast(), 1);
        *libc::__errno_location() = errno;
    }
}

/// A self-pipe by hand: the handler (`write_number`) keeps `errno` and writes a byte to
/// `WRITE_END`. It says how often, until the pipe is full, and then loses signals; a forked child
/// writes into its parent's.
pub mod self_pipe {
    use super::*;

    pub fn there() -> Outcome {
        // SAFETY: zero is valid; the handler is async-signal-safe.
        let mut reader = unsafe {
            let (reader, writer) = UnixStream::pair()?;
            writer.set_nonblocking(true)?;
            let writer = std::os::fd::IntoRawFd::into_raw_fd(writer);
            WRITE_END.store(writer, Ordering::Release);
            let mut action: libc::sigaction = mem::zeroed();
            action.sa_sigaction = write_number as *const () as usize;
            action.sa_flags = libc::SA_RESTART;
            check(libc::sigaction(libc::SIGTERM, &action, ptr::null_mut()))?;
            reader
        };
        arrange::arrives(SIGTERM); // not shown
        let mut number = [0];
        reader.read_exact(&mut number)?;
        assert_eq!(c_int::from(number[0]), libc::SIGTERM); // not shown
        Ok(())
    }

    pub fn here() -> Outcome {
        let pipe = SelfPipe::new(SIGTERM)?;
        arrange::arrives(SIGTERM); // not shown
        let arrived = pipe.wait()?;
        assert_eq!(arrived, SIGTERM.into()); // not shown
        Ok(())
    }
}

/// A system call that a handler may interrupt
pub mod interrupted {
    use super::*;

    pub fn there() -> Outcome {
        let (mut reader, mut writer) = UnixStream::pair()?; // not shown
        writer.write_all(b"x")?; // not shown
        let mut buffer = [0];
        let count = loop {
            match reader.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        assert_eq!(count, 1); // not shown
        Ok(())
    }

    pub fn here() -> Outcome {
        let (mut reader, mut writer) = UnixStream::pair()?; // not shown
        writer.write_all(b"x")?; // not shown
        let mut buffer = [0];
        let count = retry(|| reader.read(&mut buffer))?;
        assert_eq!(count, 1); // not shown
        Ok(())
    }
}
