//! Dispositions and masks without the crate: as libc alone sees them.

use libc::{c_int, c_void, siginfo_t};
use signal::Signal;
use std::mem::{size_of, zeroed, MaybeUninit};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

pub type Plain = extern "C" fn(c_int);
pub type WithInfo = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

/// Calls `sigaction` with a handler's address (or `SIG_IGN`), flags and a mask.
pub fn set(signal: Signal, handler: usize, flags: c_int, mask: &[Signal]) {
    // SAFETY: zero is valid for every field, libc makes the mask, and the handlers of the tests are
    // async-signal-safe.
    unsafe {
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = handler as _;
        action.sa_flags = flags as _;
        libc::sigemptyset(&mut action.sa_mask);
        mask.iter().for_each(|member| {
            assert_eq!(libc::sigaddset(&mut action.sa_mask, member.as_raw()), 0);
        });
        assert_eq!(libc::sigaction(signal.as_raw(), &action, ptr::null_mut()), 0);
    }
}

/// What `sigaction` returns, with `sa_restorer` where there is one: the members of the mask, and
/// every other byte. (A C library may leave garbage in the part of the mask that the kernel does
/// not know.)
pub fn disposition(signal: Signal) -> (Vec<c_int>, Vec<u8>) {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: room for the structure, whose bytes are all zero or written.
    unsafe {
        assert_eq!(libc::sigaction(signal.as_raw(), ptr::null(), action.as_mut_ptr()), 0);
        let mask = ptr::addr_of_mut!((*action.as_mut_ptr()).sa_mask);
        let members = (1..=128).filter(|number| libc::sigismember(mask, *number) == 1).collect();
        ptr::write_bytes(mask, 0, 1);
        let bytes =
            std::slice::from_raw_parts(action.as_ptr().cast::<u8>(), size_of::<libc::sigaction>());
        (members, bytes.to_vec())
    }
}

/// The address that the kernel calls, or 0 (`SIG_DFL`), or 1 (`SIG_IGN`).
pub fn handler(signal: Signal) -> usize {
    // SAFETY: zero is valid for every field, and there is room for the structure.
    unsafe {
        let mut action: libc::sigaction = zeroed();
        assert_eq!(libc::sigaction(signal.as_raw(), ptr::null(), &mut action), 0);
        action.sa_sigaction as usize
    }
}

static PUT_BACK: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

/// Installs a handler over one with SA_SIGINFO that puts that back and calls it, as if it took the
/// number alone: in the place of the other arguments it finds what is left in the registers.
pub fn put_back_and_call_by_number(signal: Signal, left: usize) {
    extern "C" fn puts_back(number: c_int) {
        let signal = Signal::from_raw(number).expect("a signal");
        let [handler, left] = [&PUT_BACK[0], &PUT_BACK[1]].map(|value| value.load(SeqCst));
        set(signal, handler, libc::SA_SIGINFO as c_int, &[]);
        let on_the_stack = [left; 64];
        let near = on_the_stack.as_ptr() as usize;
        let left = if left == 0 { near } else { left };
        // SAFETY: that it bears this is what the tests are for.
        unsafe {
            std::mem::transmute::<usize, extern "C" fn(c_int, usize, usize)>(handler)(
                number, left, left,
            );
        }
    }
    PUT_BACK[0].store(handler(signal), SeqCst);
    PUT_BACK[1].store(left, SeqCst);
    set(signal, puts_back as Plain as usize, 0, &[]);
}

/// Ignores the signal and then puts back what was there, as C code does with `signal`, which knows
/// nothing but the address.
pub fn put_back_by_signal(signal: Signal) {
    // SAFETY: takes plain values; the address is a handler's that bears it.
    unsafe {
        let before = libc::signal(signal.as_raw(), libc::SIG_IGN);
        assert_ne!(before, libc::SIG_ERR);
        assert_eq!(libc::signal(signal.as_raw(), before), libc::SIG_IGN);
    }
}

/// Has the handler run without SA_SIGINFO, on an alternate stack on which each word is the number:
/// Linux leaves that in the place of the siginfo_t.
#[cfg(has_sa_onstack)]
pub fn put_back_over_numbers(signal: Signal) {
    let stack = alternate_stack(256 << 10);
    for at in stack.step_by(size_of::<c_int>()) {
        // SAFETY: within the memory, of which nobody has a reference.
        unsafe { (at as *mut c_int).write(signal.as_raw()) };
    }
    set(signal, handler(signal), libc::SA_ONSTACK as c_int, &[]);
}

/// A system call that fails, so that `errno` is EBADF.
pub fn fail_with_ebadf() {
    // SAFETY: there is no such descriptor.
    assert_eq!(unsafe { libc::close(-1) }, -1);
}

/// Sends a signal to this process without the crate; with one thread, its handler has run when this
/// returns.
pub fn send_to_self(signal: Signal) {
    // SAFETY: takes plain values.
    assert_eq!(unsafe { libc::kill(libc::getpid(), signal.as_raw()) }, 0);
}

/// Gives this thread an alternate stack that is never freed; the addresses of its bytes.
#[cfg(has_sa_onstack)]
pub fn alternate_stack(size: usize) -> std::ops::Range<usize> {
    let memory = vec![0u8; size].leak();
    // SAFETY: zero is valid; the memory stays for ever.
    unsafe {
        let mut stack: libc::stack_t = zeroed();
        stack.ss_sp = memory.as_mut_ptr().cast();
        stack.ss_size = size;
        assert_eq!(libc::sigaltstack(&stack, ptr::null_mut()), 0);
    }
    let range = memory.as_ptr_range();
    range.start as usize..range.end as usize
}

/// Makes handlers run on the stack of the thread: the alternate stack that `std` makes is small.
pub fn no_alternate_stack() {
    #[cfg(has_sa_onstack)]
    // SAFETY: a structure of integers and a pointer, of which the system reads only the flag.
    unsafe {
        let mut off: libc::stack_t = zeroed();
        off.ss_flags = libc::SS_DISABLE;
        off.ss_size = 1 << 20; // macOS checks the size even so
        assert_eq!(libc::sigaltstack(&off, ptr::null_mut()), 0);
    }
}

/// The mask of this thread, without the crate.
pub fn kernel_mask() -> Vec<c_int> {
    // SAFETY: a set made of zeros, which the call fills.
    unsafe {
        let mut set: libc::sigset_t = zeroed();
        assert_eq!(libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), &mut set), 0);
        (1..=128).filter(|number| libc::sigismember(&set, *number) == 1).collect()
    }
}
