//! Load: signals that rain from other processes, counters that several processes share, readiness.

use signal::{Pid, Signal};
use std::sync::atomic::AtomicUsize;

/// Whether there is something to read, now.
pub fn ready(fd: i32) -> bool {
    let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry.
    unsafe { libc::poll(&mut entry, 1, 0) == 1 && entry.revents & libc::POLLIN != 0 }
}

/// A process that sends signals to this one until it is dropped.
pub struct Rain(Pid);

impl Rain {
    /// `pause` in milliseconds between two signals: 0 is a downpour.
    pub fn of(signals: &[Signal], pause: i32) -> Rain {
        let target = Pid::current();
        Rain(super::fork(|| {
            for signal in signals.iter().cycle() {
                if signal::kill(target, *signal).is_err() {
                    break;
                }
                if pause > 0 {
                    // SAFETY: no entries; a pace, nobody relies on it.
                    unsafe { libc::poll(std::ptr::null_mut(), 0, pause) };
                }
            }
            0
        }))
    }
}

impl Drop for Rain {
    fn drop(&mut self) {
        signal::kill(self.0, signal::SIGKILL).unwrap();
        super::wait_for(self.0);
    }
}

/// Counters that this process shares with the children that it forks from now on. Never given back.
pub fn shared_counters() -> &'static [AtomicUsize; 64] {
    let size = std::mem::size_of::<[AtomicUsize; 64]>();
    let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANON);
    // SAFETY: asks for fresh memory, which is zeroed, aligned to a page, and stays for ever.
    unsafe {
        let memory = libc::mmap(std::ptr::null_mut(), size, access, flags, -1, 0);
        assert_ne!(memory, libc::MAP_FAILED);
        &*memory.cast()
    }
}

/// While it lives this process may open `spare` descriptors more: it takes the numbers below the limit that are free.
pub struct FewDescriptors {
    before: libc::rlimit,
    taken: Vec<i32>,
}

impl FewDescriptors {
    pub fn new(spare: usize) -> FewDescriptors {
        let mut before = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: room for the structure, and a whole one; descriptors that are ours.
        unsafe {
            assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut before), 0);
            let few = libc::rlimit { rlim_cur: 64, rlim_max: before.rlim_max };
            assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &few), 0);
            let mut taken = Vec::with_capacity(64);
            loop {
                match libc::dup(2) {
                    -1 => break,
                    fd => taken.push(fd),
                }
            }
            assert_eq!(signal::Errno::last(), signal::Errno::EMFILE);
            for _ in 0..spare {
                libc::close(taken.pop().expect("a descriptor to give back"));
            }
            FewDescriptors { before, taken }
        }
    }
}

impl Drop for FewDescriptors {
    fn drop(&mut self) {
        // SAFETY: descriptors that are ours; a whole structure.
        unsafe {
            self.taken.iter().for_each(|fd| assert_eq!(libc::close(*fd), 0));
            assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &self.before), 0);
        }
    }
}
