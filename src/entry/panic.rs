//! The end of a handler that panics: before `std` allocates.
//!
//! `std` calls the panic hook before it unwinds, and its own hook allocates (the message, the
//! backtrace): in a handler that has interrupted the allocator, that can wait for ever. So the
//! first function handler puts a hook before the program's. In a panic it walks up the stack, and
//! if one of the entries stands there, it writes the message and aborts. A delivery pays nothing
//! for this, and there is no state that a `fork`, a `vfork` or a jump could leave behind.
//!
//! A message with arguments `std` formats into a `String` before it calls any hook: only that is
//! left of the danger. What the hook does not catch (a hook of the program that does not call the
//! one before), `AbortOnUnwind` does; or `std`, where nothing unwinds: compilers before 1.92 make no
//! unwind tables for `panic = "abort"`.

use super::Entry;
use crate::sys::abort::{abort, Stderr};
use crate::sys::unwind::any_caller;
use core::fmt::Write;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use core::sync::atomic::{AtomicBool, AtomicUsize};
use std::boxed::Box;
use std::panic;
use std::string::String;

/// The entries of function handlers, in the order in which they were chosen; then zeros.
static ENTRIES: [AtomicUsize; 128] = {
    #[allow(clippy::declare_interior_mutable_const)] // the initial value of each element
    const NONE: AtomicUsize = AtomicUsize::new(0);
    [NONE; 128]
};

static HOOKED: AtomicBool = AtomicBool::new(false);

/// Has the hook know an entry. The first time puts it before the program's hook.
#[inline]
pub(crate) fn guard(entry: Entry) {
    // Most programs have few, and choose the same again and again.
    if ENTRIES[0].load(Relaxed) != entry as usize {
        add(entry as usize);
    }
}

#[inline(never)]
fn add(address: usize) {
    for slot in &ENTRIES {
        match slot.compare_exchange(0, address, AcqRel, Acquire) {
            Err(other) if other != address => {}
            _ => break,
        }
    }
    // A panicking thread may not change the hook.
    if !HOOKED.load(Relaxed) && !std::thread::panicking() && !HOOKED.swap(true, AcqRel) {
        let next = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if is_in_handler() {
                let payload = info.payload();
                let message = payload.downcast_ref::<&str>().copied();
                let message = message.or_else(|| payload.downcast_ref().map(String::as_str));
                // Neither formatting a location nor the writer allocates.
                let _ = match info.location() {
                    Some(place) => writeln!(Stderr, "{}: {}", place, message.unwrap_or("panic")),
                    None => Ok(()),
                };
                abort(super::PANICKED);
            }
            next(info);
        }));
    }
}

/// Whether one of the entries stands above on this stack.
fn is_in_handler() -> bool {
    any_caller(|function| {
        // On 32-bit ARM the lowest bit of a function's address is none of the address.
        let is_same = |entry: usize| entry == function || entry == function | 1;
        let mut known = ENTRIES.iter().map(|slot| slot.load(Acquire)).take_while(|&it| it != 0);
        function != 0 && known.any(is_same)
    })
}
