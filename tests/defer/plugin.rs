//! Not a part of the tests: a shared object that uses the crate, which `shared_object` compiles and
//! loads.

use signal::{DeferGuard, Handler, Signal, SIGUSR1};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// From now on SIGUSR1 is counted.
#[no_mangle]
pub extern "C" fn plugin_install() -> i32 {
    // SAFETY: an atomic addition.
    let handler = unsafe { Handler::new(|_: Signal| drop(COUNT.fetch_add(1, SeqCst))) };
    signal::install(SIGUSR1, handler).map_or(1, |_| 0)
}

#[no_mangle]
pub extern "C" fn plugin_count() -> usize {
    COUNT.load(SeqCst)
}

/// Calls the function in a section.
#[no_mangle]
pub extern "C" fn plugin_section(body: extern "C" fn()) {
    let _section = DeferGuard::new();
    body();
}
