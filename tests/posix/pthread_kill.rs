//! Signals to one thread.

#![cfg_attr(not(feature = "std"), allow(unused_imports, dead_code))]

use super::*;
use crate::common::count;
use signal::{block, install, pending};
use std::sync::mpsc::channel;

/// The signal is sent to that thread, and to no other that would let it through.
/// XSH pthread_kill, DESCRIPTION
#[cfg(feature = "std")]
fn it_reaches_that_thread() {
    let own = block(SignalSet::full());
    let (sent, wait) = channel();
    let (took, taken) = channel();
    let thread = std::thread::spawn(move || {
        for signal in wait {
            let here = pending().contains(signal);
            took.send(here && SignalSet::from(signal).wait().unwrap().signal() == signal).unwrap();
        }
    });
    signal::set_blocked(own);
    for signal in catchable() {
        install(signal, logging()).unwrap();
        signal::kill_thread(&thread, signal).unwrap();
        sent.send(signal).unwrap();
        assert!(taken.recv().unwrap(), "{signal}");
    }
    drop(sent);
    thread.join().unwrap();
    assert_eq!(count(), 0);
}

/// A signal whose function runs in another thread than the one that is in a section runs there.
/// XSH pthread_kill, DESCRIPTION
#[cfg(feature = "std")]
fn the_function_runs_in_that_thread() {
    let (done, wait) = channel::<()>();
    let thread = std::thread::spawn(move || wait.recv());
    for signal in catchable() {
        install(signal, logging()).unwrap();
        clear();
        signal::kill_thread(&thread, signal).unwrap();
        crate::common::eventually("it runs", || logged() == [signal.as_raw()]);
    }
    drop(done);
    assert!(thread.join().unwrap().is_err());
}

requirements! {
    #[cfg(feature = "std")]
    it_reaches_that_thread,
    #[cfg(feature = "std")]
    the_function_runs_in_that_thread,
}
