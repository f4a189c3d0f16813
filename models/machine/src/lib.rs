//! The machine on which the library runs in a model: threads that shuttle runs one step at a time,
//! memory that each run finds as the program starts, and a kernel (`kernel`) with signals,
//! descriptors and processes.
//!
//! A step is an access to shared memory or a system call. Before each, another thread may run, and
//! then the handlers of the signals that are pending for this thread and not blocked: so that
//! signals arrive at every point, on the thread of the reader too. Memory is sequentially
//! consistent: what weaker orders allow is the business of the models in `ordering`.

pub mod calls;
mod kernel;
mod memory;
mod schedule;

pub use kernel::{
    default_effect, fork, make_readable, open_strange_file, send, vfork, wakes_sent_to,
};
pub use schedule::explore;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::Arc;

/// A step on a value in memory: what `change` returns is written. Between this and the next step
/// nothing else runs.
///
/// # Safety
///
/// `value` must be valid for reads and writes, and nobody may have a reference to it.
pub unsafe fn access<T: Copy + PartialEq>(value: *mut T, change: impl FnOnce(T) -> T) -> T {
    memory::before_access(value);
    // SAFETY: by the caller's promise; this is the only thread that runs.
    unsafe {
        let before = *value;
        *value = change(before);
        memory::after_access(value, *value != before);
        before
    }
}

/// A step on a value that the caller will read or write through the pointer.
pub fn access_by_pointer<T>(value: *mut T) {
    memory::before_access(value);
    memory::after_access(value, true);
}

/// A step that others can see: lets other threads run, and then the handlers of what is pending for
/// this one.
pub fn step() {
    kernel::switch();
    kernel::deliver();
}

/// Lets every other thread run before this one.
pub fn pause() {
    shuttle::thread::yield_now();
    step();
}

/// A thread of the process.
pub fn spawn(body: impl FnOnce() + Send + 'static) -> Thread {
    start(kernel::member(body))
}

/// Something outside of the process that happens at any time: who sends signals.
pub fn meanwhile(body: impl FnOnce() + Send + 'static) -> Thread {
    start(body)
}

fn start(body: impl FnOnce() + Send + 'static) -> Thread {
    let ended = Arc::new(AtomicBool::new(false));
    let thread = Thread(ended.clone());
    shuttle::thread::spawn(move || {
        body();
        ended.store(true, Relaxed);
        kernel::wake_sleepers();
    });
    thread
}

/// Whether it has ended.
pub struct Thread(Arc<AtomicBool>);

impl Thread {
    /// Waits for it to end. Handlers run meanwhile, as in `pthread_join`.
    pub fn join(self) {
        while !self.0.load(Relaxed) {
            kernel::sleep();
        }
        step();
    }
}

/// A condition that does not hold ends the program: the model has found a fault.
#[macro_export]
macro_rules! must {
    ($condition:expr, $($text:tt)*) => {
        if !$condition {
            $crate::violated(format_args!($($text)*));
        }
    };
}

/// Ends the program, also out of a handler, from which nothing may unwind.
pub fn violated(what: std::fmt::Arguments) -> ! {
    println!("VIOLATED: {what} ({})", schedule::place());
    std::process::exit(1)
}
