//! Memory: each run finds it as the program starts, and what one thread alone uses takes no turn.

use crate::kernel;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

#[derive(Default)]
struct Memory {
    /// The bytes that this run has touched, as the program starts with them.
    before: HashMap<usize, Box<[u8]>>,
    /// Who has used each place in any run of this model.
    users: HashMap<usize, Users>,
    /// Where another thread can make a difference, or a handler on the same thread.
    shared: HashSet<usize>,
}

struct Users {
    first: usize,
    are_several: bool,
    is_written: bool,
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

/// Gives memory back as the program starts with it.
pub(crate) fn restore() {
    for (address, bytes) in MEMORY.with_borrow_mut(|memory| std::mem::take(&mut memory.before)) {
        // SAFETY: what is touched is static, and no thread of the run is left.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), address as *mut u8, bytes.len()) };
    }
}

/// Begins another model.
pub(crate) fn forget() {
    restore();
    MEMORY.take();
}

/// What the runs up to now have shown to be shared takes turns from now on; whether that is more
/// than before.
pub(crate) fn learn() -> bool {
    MEMORY.with_borrow_mut(|memory| {
        let is_shared = |users: &Users| users.are_several && users.is_written;
        let shared = memory.users.iter().filter(|(_, users)| is_shared(users));
        let shared: HashSet<usize> = shared.map(|(address, _)| *address).collect();
        let grows = !shared.is_subset(&memory.shared);
        memory.shared.extend(shared);
        grows
    })
}

pub(crate) fn before_access<T>(value: *const T) {
    if MEMORY.with_borrow(|memory| memory.shared.contains(&(value as usize))) {
        kernel::switch();
    }
    kernel::deliver();
    touch(value);
}

pub(crate) fn after_access<T>(value: *const T, is_written: bool) {
    let user = kernel::user();
    MEMORY.with_borrow_mut(|memory| {
        let new = Users { first: user, are_several: false, is_written };
        let users = memory.users.entry(value as usize).or_insert(new);
        users.are_several |= users.first != user;
        users.is_written |= is_written;
    });
}

/// Says that the run may change this value.
pub(crate) fn touch<T>(value: *const T) {
    MEMORY.with_borrow_mut(|memory| {
        memory.before.entry(value as usize).or_insert_with(|| {
            // SAFETY: the caller has a reference to it. Padding is copied as what it happens to be.
            unsafe { std::slice::from_raw_parts(value.cast::<u8>(), size_of::<T>()) }.into()
        });
    });
}
