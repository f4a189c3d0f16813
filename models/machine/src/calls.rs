//! The system calls that the models come to, in C's form. Each is one step.

use crate::kernel::{bit, deliver, kernel, Action, Kernel};
use crate::memory::touch;
use crate::step;
use libc::{c_int, c_short, c_void, pollfd, sigset_t, size_t, ssize_t};
use std::cell::UnsafeCell;
use std::mem::MaybeUninit;

fn fail(error: c_int) -> c_int {
    // SAFETY: the thread's own errno. The library looks at it without a step in between.
    unsafe { *libc::__errno_location() = error };
    -1
}

/// # Safety
///
/// Points to a set, of which the kernel's part is filled in.
unsafe fn words(set: *const sigset_t) -> u64 {
    // SAFETY: by the caller's promise; the kernel's part is 64 bits.
    unsafe { set.cast::<u64>().read() }
}

/// # Safety
///
/// As for C's.
pub unsafe fn sigaction(
    signal: c_int,
    new: *const libc::sigaction,
    old: *mut libc::sigaction,
) -> c_int {
    step();
    if matches!(signal, libc::SIGKILL | libc::SIGSTOP) && !new.is_null() {
        return fail(libc::EINVAL);
    }
    let found = kernel(|kernel| kernel.action(signal));
    // SAFETY: by the caller's promise.
    unsafe {
        if !new.is_null() {
            let (handler, flags) = ((*new).sa_sigaction, (*new).sa_flags);
            let mask = words(&raw const (*new).sa_mask);
            kernel(|kernel| kernel.set_action(signal, Action { handler, flags, mask }));
        }
        if !old.is_null() {
            (*old).sa_sigaction = found.handler;
            (*old).sa_flags = found.flags;
            (&raw mut (*old).sa_mask).cast::<u64>().write(found.mask);
        }
    }
    0
}

/// # Safety
///
/// As for C's.
pub unsafe fn pthread_sigmask(how: c_int, new: *const sigset_t, old: *mut sigset_t) -> c_int {
    // The thread's own: nobody else sees it.
    deliver();
    let found = kernel(Kernel::mask);
    // SAFETY: by the caller's promise.
    unsafe {
        if !new.is_null() {
            let set = words(new);
            let mask = match how {
                libc::SIG_BLOCK => found | set,
                libc::SIG_UNBLOCK => found & !set,
                _ => set,
            } & !(bit(libc::SIGKILL) | bit(libc::SIGSTOP));
            kernel(|kernel| kernel.set_mask(mask));
        }
        if !old.is_null() {
            old.cast::<u64>().write(found);
        }
    }
    // What is let through is delivered before the call returns.
    deliver();
    0
}

/// # Safety
///
/// None here.
pub unsafe fn raise(signal: c_int) -> c_int {
    step();
    kernel(|kernel| kernel.send_to_thread(signal));
    deliver();
    0
}

/// # Safety
///
/// None here.
pub unsafe fn getpid() -> c_int {
    // No step: neither changes nor shows anything that another thread does.
    kernel(Kernel::pid)
}

/// # Safety
///
/// None here.
pub unsafe fn eventfd(_: u32, _: c_int) -> c_int {
    step();
    kernel(Kernel::open_eventfd)
}

/// # Safety
///
/// None here: the bytes are not read.
pub unsafe fn write(fd: c_int, _: *const c_void, size: size_t) -> ssize_t {
    step();
    kernel(|kernel| kernel.write(fd));
    crate::kernel::wake_sleepers();
    size as ssize_t
}

/// # Safety
///
/// None here: no bytes are written.
pub unsafe fn read(fd: c_int, _: *mut c_void, _: size_t) -> ssize_t {
    step();
    if kernel(|kernel| kernel.read(fd)) {
        size_of::<u64>() as ssize_t
    } else {
        fail(libc::EAGAIN) as ssize_t
    }
}

/// # Safety
///
/// None here.
pub unsafe fn close(fd: c_int) -> c_int {
    step();
    kernel(|kernel| kernel.close(fd));
    0
}

/// # Safety
///
/// None here.
pub unsafe fn dup2(fd: c_int, number: c_int) -> c_int {
    step();
    kernel(|kernel| kernel.put(fd, number));
    number
}

/// Without entries a pause; with one, until it is readable or a handler has run.
///
/// # Safety
///
/// As for C's.
pub unsafe fn poll(entries: *mut pollfd, count: libc::nfds_t, timeout: c_int) -> c_int {
    let handled = kernel(Kernel::handled);
    step();
    if count == 0 {
        shuttle::thread::yield_now();
        return 0;
    }
    // SAFETY: by the caller's promise.
    let entry = unsafe { &mut *entries };
    loop {
        if kernel(|kernel| kernel.is_over()) {
            return fail(libc::EBADF);
        }
        if kernel(|kernel| kernel.is_readable(entry.fd)) {
            entry.revents = entry.events & libc::POLLIN as c_short;
            return 1;
        }
        if kernel(Kernel::handled) != handled {
            return fail(libc::EINTR);
        }
        if timeout == 0 {
            return 0;
        }
        crate::kernel::sleep();
    }
}

/// The one page that a process asks for, and that a fork wipes.
struct Page(UnsafeCell<MaybeUninit<[usize; 512]>>);

// SAFETY: a machine runs on one thread.
unsafe impl Sync for Page {}

static PAGE: Page = Page(UnsafeCell::new(MaybeUninit::zeroed()));

pub(crate) fn wipe() {
    touch(PAGE.0.get());
    // SAFETY: the library keeps one number in it, for which zero is valid.
    unsafe { PAGE.0.get().write(MaybeUninit::zeroed()) };
}

/// # Safety
///
/// None here.
pub unsafe fn mmap(_: *mut c_void, _: size_t, _: c_int, _: c_int, _: c_int, _: i64) -> *mut c_void {
    step();
    touch(PAGE.0.get());
    PAGE.0.get().cast()
}

/// # Safety
///
/// None here.
pub unsafe fn madvise(_: *mut c_void, _: size_t, advice: c_int) -> c_int {
    step();
    if advice == libc::MADV_WIPEONFORK {
        0
    } else {
        fail(libc::EINVAL)
    }
}

/// # Safety
///
/// None here.
pub unsafe fn munmap(_: *mut c_void, _: size_t) -> c_int {
    step();
    0
}

/// # Safety
///
/// None here.
pub unsafe fn abort() -> ! {
    crate::violated(format_args!("aborts"))
}
