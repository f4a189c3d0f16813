use super::{Loop, Outcome, Signals};
use signal::SignalSet;
use std::io;
use std::sync::Arc;
use tokio::io::unix::AsyncFd;
use tokio::io::Interest;
use tokio::runtime::{Builder, Runtime};

pub struct Tokio(Runtime);

impl<S: Signals> Loop<S> for Tokio {
    type InChild = Tokio;

    fn new() -> io::Result<Tokio> {
        Builder::new_current_thread().enable_io().build().map(Tokio)
    }

    fn listen(&mut self, pipe: Arc<S>, mut on_signals: impl FnMut(SignalSet) -> bool) -> Outcome {
        self.0.block_on(async {
            // shown:begin
            // SAFETY: a pipe keeps its descriptor and its open file as long as it lives.
            let pipe = unsafe { AsyncFd::register_with_interest(pipe, Interest::READABLE) }?;
            while on_signals(pipe.get_ref().pending()) {
                pipe.readable().await?.clear_ready();
            }
            // shown:end
            Ok(())
        })
    }
}
