//! Event loops that wait for signals, each as docs/event-loops.md shows it: what stands between
//! the markers `shown` is printed there.

pub mod async_io;
pub mod calloop;
pub mod glommio;
pub mod mio;
pub mod monoio;
pub mod polling;
pub mod smol;
pub mod tokio;

use signal::{SelfPipe, SignalFd, SignalSet};
use std::error::Error;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

pub type Outcome = Result<(), Box<dyn Error>>;

/// What a loop waits for.
pub trait Signals: AsFd + AsRawFd + Sized + 'static {
    fn open(set: SignalSet) -> signal::Result<Self>;
    fn pending(&self) -> SignalSet;

    /// What a forked child does before it waits.
    fn reopen(&self) -> signal::Result<()>;
}

impl Signals for SelfPipe {
    fn open(set: SignalSet) -> signal::Result<SelfPipe> {
        SelfPipe::new(set)
    }

    fn pending(&self) -> SignalSet {
        SelfPipe::pending(self)
    }

    fn reopen(&self) -> signal::Result<()> {
        SelfPipe::reopen(self)
    }
}

impl Signals for SignalFd {
    fn open(set: SignalSet) -> signal::Result<SignalFd> {
        SignalFd::new(set)
    }

    fn pending(&self) -> SignalSet {
        std::iter::from_fn(|| self.read().expect("no error is known")).map(|i| i.signal()).collect()
    }

    fn reopen(&self) -> signal::Result<()> {
        Ok(())
    }
}

/// A loop, edge-triggered where it can be.
pub trait Loop<S: Signals>: Sized {
    /// What a forked child can have: one of these, unless a process has only one of them.
    type InChild: Loop<S>;

    const NEEDS_IO_URING: bool = false;

    /// How many descriptors one leaves behind each time, by its own fault.
    const LEAKS: usize = 0;

    fn new() -> io::Result<Self>;

    /// Registers the pipe, hands over what arrives until `on_signals` returns false, and
    /// deregisters it.
    fn listen(&mut self, pipe: Arc<S>, on_signals: impl FnMut(SignalSet) -> bool) -> Outcome;
}
