//! The pipe on which the original process waits for its daemon.

use crate::errno::{check, Errno};
use crate::interrupt::retry;
use crate::mask::{pending, BlockGuard};
use crate::session::error::Step;
use crate::set::SignalSet;
use crate::signal::SIGPIPE;
use core::mem::size_of_val;
use core::time::Duration;
use libc::c_int;

/// What goes through the pipe: the code of a step, and an error number.
pub(super) type Report = [c_int; 2];

/// In place of a step that failed.
pub(super) const READY: c_int = 0;

/// Few enough bytes that they arrive together.
pub(super) fn notify(fd: c_int, report: Report) {
    // If the original process is gone, nobody reads, and SIGPIPE would come of it.
    let _blocked = BlockGuard::new(SIGPIPE);
    let was_pending = pending().contains(SIGPIPE);
    let (bytes, size) = (report.as_ptr().cast(), size_of_val(&report));
    // SAFETY: as many bytes as there are.
    let written = retry(|| check(unsafe { libc::write(fd, bytes, size) } as c_int));
    if written == Err(Errno::EPIPE) && !was_pending {
        let _ = SignalSet::from(SIGPIPE).wait_timeout(Duration::ZERO);
    }
}

/// What failed; nothing, if the daemon is ready.
pub(super) fn wait_ready(fd: c_int) -> Option<(Step, Errno)> {
    let mut report: Report = [READY; 2];
    let (room, size) = (report.as_mut_ptr().cast(), size_of_val(&report));
    // SAFETY: room for as many bytes as asked for. So few arrive together or not at all.
    let read = retry(|| check(unsafe { libc::read(fd, room, size) } as c_int));
    if read != Ok(size as c_int) {
        return Some((Step::Ready, Errno::ECANCELED));
    }
    match report {
        [READY, _] => None,
        [code, errno] => {
            Some((Step::from_code(code).unwrap_or(Step::Ready), Errno::from_raw_os_error(errno)))
        }
    }
}

pub(super) fn close(fd: c_int) {
    // SAFETY: called once for each descriptor that was made here.
    unsafe { libc::close(fd) };
}
