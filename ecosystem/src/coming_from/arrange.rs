//! What the rows are there for: signals that arrive, children that end.

use crate::process;
use signal::{kill, query, raise, Handler, Pid, Signal, SignalSet};
use std::fs::File;
use std::os::fd::FromRawFd;
use std::ptr::{null, null_mut};
use std::time::Duration;

/// One that is pending, since it is blocked.
pub fn pending(signal: Signal) {
    signal::block(signal);
    raise(signal).expect("sent");
}

/// One that arrives as soon as this process catches it.
pub fn arrives(signal: Signal) {
    let before = signal::block(SignalSet::asynchronous());
    std::thread::spawn(move || {
        while query(signal).is_ok_and(|action| action.handler() == Handler::Default) {
            std::thread::sleep(Duration::from_millis(1));
        }
        kill(Pid::current(), signal)
    });
    signal::set_blocked(before);
}

/// A child that ends with this code.
pub fn child(code: i32) -> Pid {
    Pid::from_raw(process::fork(move || code)).expect("a child")
}

/// A child that has ended with this code, and waits to be reaped.
pub fn ended(code: i32) -> Pid {
    let child = child(code);
    // SAFETY: room for the info.
    let result = unsafe {
        let mut info = std::mem::zeroed();
        let id = child.as_raw() as libc::id_t;
        libc::waitid(libc::P_PID, id, &mut info, libc::WEXITED | libc::WNOWAIT)
    };
    assert_eq!(result, 0);
    child
}

/// One that runs until it is killed.
pub fn sleeper() -> Pid {
    Pid::from_raw(process::fork(|| forever())).expect("a child")
}

pub fn forever() -> ! {
    loop {
        std::thread::park();
    }
}

/// The controlling terminal of this process, in a session of its own. The other end stays open.
pub fn terminal() -> File {
    signal::session::new_session().expect("it leads no group");
    let (mut other, mut terminal) = (-1, -1);
    // SAFETY: room for two descriptors.
    unsafe {
        let opened = libc::openpty(&mut other, &mut terminal, null_mut(), null(), null());
        assert!(opened == 0 && libc::ioctl(terminal, libc::TIOCSCTTY, 0) == 0);
        File::from_raw_fd(terminal)
    }
}
