//! Waiting, and something to read.

use super::check;
use crate::coming_from::{arrange, not_shown, Outcome};
use libc::{c_int, c_void};
use signal::{retry, SelfPipe, SignalFd, SIGHUP, SIGTERM};
use std::io::{self, Read, Write};
use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;
use std::{mem, ptr};

/// Taking a signal, without a handler
pub mod wait_for_one {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { arrange::pending(SIGTERM); }
        // SAFETY: room for the set and the number.
        let number = unsafe {
            let (mut set, mut number) = (mem::zeroed(), 0);
            libc::sigemptyset(&mut set);
            libc::sigaddset(&mut set, libc::SIGTERM);
            libc::sigaddset(&mut set, libc::SIGHUP);
            libc::sigwait(&set, &mut number);
            number
        };
        not_shown! { assert_eq!(number, libc::SIGTERM); }
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { arrange::pending(SIGTERM); }
        let signal = (SIGTERM | SIGHUP).wait()?.signal();
        not_shown! { assert_eq!(signal, SIGTERM); }
        Ok(())
    }
}

/// … for no longer than a second, and with what is known of it
pub mod wait_with_limit {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { arrange::pending(SIGTERM); }
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
        not_shown! { assert_eq!(sender, Some(std::process::id() as i32)); }
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { arrange::pending(SIGTERM); }
        let set = signal::SignalSet::from(SIGTERM);
        let info = set.wait_timeout(Duration::from_secs(1))?;
        let sender = info.and_then(|info| info.sender_pid());
        not_shown! { assert_eq!(sender, Some(signal::Pid::current())); }
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
            not_shown! { signal::raise(SIGTERM)?; }
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
        not_shown! { signal::raise(SIGTERM)?; }
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
            WRITE_END.store(writer.into_raw_fd(), Ordering::Release);
            let mut action: libc::sigaction = mem::zeroed();
            action.sa_sigaction = write_number as *const () as usize;
            action.sa_flags = libc::SA_RESTART;
            check(libc::sigaction(libc::SIGTERM, &action, ptr::null_mut()))?;
            reader
        };
        not_shown! { arrange::arrives(SIGTERM); }
        let mut number = [0];
        reader.read_exact(&mut number)?;
        not_shown! { assert_eq!(c_int::from(number[0]), libc::SIGTERM); }
        Ok(())
    }

    pub fn here() -> Outcome {
        let pipe = SelfPipe::new(SIGTERM)?;
        not_shown! { arrange::arrives(SIGTERM); }
        let arrived = pipe.wait()?;
        not_shown! { assert_eq!(arrived, SIGTERM.into()); }
        Ok(())
    }
}

/// A system call that a handler may interrupt
pub mod interrupted {
    use super::*;

    pub fn there() -> Outcome {
        not_shown! { let (mut reader, mut writer) = UnixStream::pair()?; }
        not_shown! { writer.write_all(b"x")?; }
        let mut buffer = [0];
        let count = loop {
            match reader.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        not_shown! { assert_eq!(count, 1); }
        Ok(())
    }

    pub fn here() -> Outcome {
        not_shown! { let (mut reader, mut writer) = UnixStream::pair()?; }
        not_shown! { writer.write_all(b"x")?; }
        let mut buffer = [0];
        let count = retry(|| reader.read(&mut buffer))?;
        not_shown! { assert_eq!(count, 1); }
        Ok(())
    }
}
