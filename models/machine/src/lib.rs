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
mod schedule;

pub use kernel::{default_effect, fork, open_strange_file, send, vfork, wakes_sent_to};
pub use schedule::{explore, Effort};

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::Arc;

thread_local! {
    /// The bytes that a run has touched, as the program starts with them.
    static BEFORE: RefCell<HashMap<usize, Box<[u8]>>> = RefCell::default();
}

/// Says that the run may change this value.
pub fn touch<T>(value: *const T) {
    BEFORE.with_borrow_mut(|before| {
        before.entry(value as usize).or_insert_with(|| {
            // SAFETY: the caller has a reference to it. Padding is copied as what it happens to be.
            unsafe { std::slice::from_raw_parts(value.cast::<u8>(), size_of::<T>()) }.into()
        });
    });
}

/// Gives memory back as the program starts with it.
fn restore_memory() {
    for (address, bytes) in BEFORE.take() {
        // SAFETY: what is touched is static, and no thread of the run is left.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), address as *mut u8, bytes.len()) };
    }
}

/// Lets other threads run, and then the handlers of what is pending for this one.
pub fn step() {
    kernel::switch();
    kernel::deliver();
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
