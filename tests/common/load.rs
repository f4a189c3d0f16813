//! Load: floods of signals from other processes, memory that processes share, few descriptors.

use signal::{Pid, Signal};

/// Whether there is something to read, now.
pub fn ready(fd: i32) -> bool {
    let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry.
    unsafe { libc::poll(&mut entry, 1, 0) == 1 && entry.revents & libc::POLLIN != 0 }
}

/// A process that sends signals to this one until it is dropped.
pub struct Flood(Pid);

impl Flood {
    /// `pause` in milliseconds after each signal.
    pub fn of(signals: &[Signal], pause: i32) -> Flood {
        let target = Pid::current();
        Flood(super::fork(|| {
            for signal in signals.iter().cycle() {
                if signal::kill(target, *signal).is_err() {
                    break;
                }
                if pause > 0 {
                    super::pause(pause);
                }
            }
            0
        }))
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        signal::kill(self.0, signal::SIGKILL).unwrap();
        super::wait_for(self.0);
    }
}

/// Memory that this process shares with the children that it forks from now on. Never unmapped.
///
/// # Safety
/// - Zero is a valid `T`.
/// - `T` may be used by several processes at once: it is made of atomics.
pub unsafe fn shared<T>() -> &'static T {
    let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANON);
    // SAFETY: asks for fresh memory, which is zeroed, aligned to a page, and stays for ever; zero
    // is a valid `T` by the caller's promise.
    unsafe {
        let memory =
            libc::mmap(std::ptr::null_mut(), std::mem::size_of::<T>(), access, flags, -1, 0);
        assert_ne!(memory, libc::MAP_FAILED);
        &*memory.cast()
    }
}

/// While it lives this process may open `spare` more descriptors: all other numbers below the limit
/// are taken.
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
