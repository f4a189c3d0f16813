use super::{Loop, Outcome, Signals};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use signal::{retry, SignalSet};
use std::io;
use std::sync::Arc;

pub struct Mio(Poll);

const SIGNALS: Token = Token(0);

impl<S: Signals> Loop<S> for Mio {
    type InChild = Mio;

    fn new() -> io::Result<Mio> {
        Poll::new().map(Mio)
    }

    fn listen(&mut self, pipe: Arc<S>, mut on_signals: impl FnMut(SignalSet) -> bool) -> Outcome {
        let (poll, mut events) = (&mut self.0, Events::with_capacity(8));
        // shown:begin
        let fd = pipe.as_raw_fd();
        poll.registry().register(&mut SourceFd(&fd), SIGNALS, Interest::READABLE)?;
        while on_signals(pipe.pending()) {
            retry(|| poll.poll(&mut events, None))?;
            // Then the other events.
        }
        poll.registry().deregister(&mut SourceFd(&fd))?;
        // shown:end
        Ok(())
    }
}
