//! Alternate signal stacks.

use super::*;
use crate::common;
use signal::{install, raise, Action, AltStack, Errno, Flags, Handler, Signal};
use std::ops::Range;

/// The alternate stack of the calling thread, if there is one.
fn current() -> Option<Range<usize>> {
    // SAFETY: made of integers and a pointer; changes nothing.
    let stack = unsafe {
        let mut stack: libc::stack_t = std::mem::zeroed();
        assert_eq!(libc::sigaltstack(std::ptr::null(), &mut stack), 0);
        stack
    };
    let start = stack.ss_sp as usize;
    (stack.ss_flags & libc::SS_DISABLE == 0).then(|| start..start + stack.ss_size)
}

static PLACE: AtomicUsize = AtomicUsize::new(0);

fn note_place(_: Signal) {
    let here = 0u8;
    PLACE.store(&here as *const u8 as usize, SeqCst);
}

/// Whether a function with these flags runs on the stack.
fn runs_on(stack: &Range<usize>, signal: Signal, flags: Flags) {
    // SAFETY: an atomic store.
    install(signal, Action::new(unsafe { Handler::new(note_place) }).flags(flags)).unwrap();
    PLACE.store(0, SeqCst);
    raise(signal).unwrap();
    let observe = || match PLACE.load(SeqCst) {
        0 => None,
        place => Some(stack.contains(&place)),
    };
    // Those of stack overflows run on it by default.
    let expected = flags.contains(Flags::ONSTACK) || signal == SIGSEGV || signal == SIGBUS;
    waits(signal, observe, None, Some(expected));
}

/// A function with SA_ONSTACK runs on the alternate stack of the thread, one without it does not.
/// XSH sigaltstack, DESCRIPTION; XSH sigaction, DESCRIPTION (SA_ONSTACK)
fn functions_with_onstack_run_on_it_and_others_do_not() {
    let _stack = AltStack::new().unwrap();
    let stack = current().unwrap();
    for signal in catchable() {
        runs_on(&stack, signal, Flags::ONSTACK);
        runs_on(&stack, signal, Flags::empty());
    }
}

/// The stack of before is told, and can be put back.
/// XSH sigaltstack, DESCRIPTION (oss)
fn the_stack_of_before_comes_back() {
    let before = current();
    let outer = AltStack::new().unwrap();
    let of_outer = current();
    drop(AltStack::with_size(1 << 20).unwrap());
    assert_eq!(current(), of_outer);
    drop(outer);
    assert_eq!(current(), before);
}

/// EPERM: it cannot be changed while a function runs on it.
/// XSH sigaltstack, ERRORS
fn it_cannot_be_changed_while_in_use() {
    fn change(_: Signal) {
        log(AltStack::new().err().map_or(0, Errno::raw_os_error));
    }
    let _stack = AltStack::new().unwrap();
    // SAFETY: it maps memory, which is no allocation of the program, and nothing was interrupted
    // that this could disturb.
    let action = Action::new(unsafe { Handler::new(change) }).flags(Flags::ONSTACK);
    install(signal::SIGUSR1, action).unwrap();
    raise(signal::SIGUSR1).unwrap();
    waits(signal::SIGUSR1, logged, vec![], vec![Errno::EPERM.raw_os_error()]);
}

/// Too small a stack is an error, and nothing changes. (ENOMEM to POSIX, EINVAL here.)
/// XSH sigaltstack, ERRORS
fn too_small_a_stack_is_an_error() {
    let before = current();
    assert_eq!(AltStack::with_size(1024).err(), Some(Errno::EINVAL));
    assert_eq!(current(), before);
}

/// A child of fork has the stack too.
/// XSH fork, DESCRIPTION; XSH sigaltstack, DESCRIPTION
fn a_child_has_it_too() {
    let _stack = AltStack::new().unwrap();
    let before = current();
    common::in_child(|| assert_eq!(current(), before));
}

/// A new thread does not have its creator's.
/// XSH pthread_create, DESCRIPTION; XSH sigaltstack, DESCRIPTION
fn a_new_thread_does_not_have_its_creators() {
    let _stack = AltStack::new().unwrap();
    let before = current();
    let other = std::thread::spawn(current).join().unwrap();
    assert_ne!(other, before);
}

requirements! {
    functions_with_onstack_run_on_it_and_others_do_not,
    the_stack_of_before_comes_back,
    it_cannot_be_changed_while_in_use,
    too_small_a_stack_is_an_error,
    a_child_has_it_too,
    a_new_thread_does_not_have_its_creators,
}
