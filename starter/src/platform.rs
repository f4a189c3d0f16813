//! What not every system has: children that do not outlive their parent, orphans that come to an
//! ancestor.

use signal::{Errno, Pid, Signal};

/// Has the calling process told by `signal` that its parent, which is `parent`, has died, where the
/// system can do that. It must come after every change of user. Async-signal-safe.
pub fn die_with_parent(parent: Pid, signal: Signal) -> Result<(), Errno> {
    tell_of_death(signal)?;
    // It may have died before it was asked for.
    if Pid::parent() == Some(parent) {
        Ok(())
    } else {
        Err(Errno::ECANCELED)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn tell_of_death(signal: Signal) -> Result<(), Errno> {
    // SAFETY: takes plain values.
    match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal.as_raw() as libc::c_ulong) } {
        -1 => Err(Errno::last()),
        _ => Ok(()),
    }
}

#[cfg(any(target_os = "freebsd", target_os = "dragonfly"))]
fn tell_of_death(signal: Signal) -> Result<(), Errno> {
    let mut number = signal.as_raw();
    // SAFETY: the command reads one int.
    match unsafe {
        libc::procctl(libc::P_PID, 0, libc::PROC_PDEATHSIG_CTL, (&raw mut number).cast())
    } {
        -1 => Err(Errno::last()),
        _ => Ok(()),
    }
}

#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_os = "dragonfly"
)))]
fn tell_of_death(_: Signal) -> Result<(), Errno> {
    Ok(())
}

/// Makes orphans below this process its children. Process 1 gets them anyway.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn adopt_orphans() -> std::io::Result<()> {
    Ok(nix::sys::prctl::set_child_subreaper(true)?)
}

/// Makes orphans below this process its children. Process 1 gets them anyway.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn adopt_orphans() -> std::io::Result<()> {
    match Pid::current().as_raw() {
        1 => Ok(()),
        _ => Err(std::io::Error::other("only process 1 gets the orphans of this system")),
    }
}
