use super::{Loop, Outcome, Signals};
use polling::{Event, Events, PollMode, Poller};
use signal::SignalSet;
use std::io;
use std::sync::Arc;

pub struct Polling(Poller);

const SIGNALS: usize = 0;

impl<S: Signals> Loop<S> for Polling {
    type InChild = Polling;

    fn new() -> io::Result<Polling> {
        Poller::new().map(Polling)
    }

    fn listen(&mut self, pipe: Arc<S>, mut on_signals: impl FnMut(SignalSet) -> bool) -> Outcome {
        let (poller, mut events) = (&self.0, Events::new());
        // shown:begin
        // SAFETY: deleted at the end of this block, before the pipe is dropped.
        unsafe { poller.add_with_mode(&pipe, Event::readable(SIGNALS), PollMode::Edge)? };
        scopeguard::defer! { let _ = poller.delete(&pipe); }
        while on_signals(pipe.pending()) {
            events.clear();
            poller.wait(&mut events, None)?;
            // Then the other events.
        }
        // shown:end
        Ok(())
    }
}
