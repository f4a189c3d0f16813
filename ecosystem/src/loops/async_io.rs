use super::polling::Polling;
use super::{Loop, Outcome, Signals};
use async_io::{block_on, Async};
use signal::SignalSet;
use std::io;
use std::sync::Arc;

/// Its reactor is one for the process.
pub struct AsyncIo;

impl<S: Signals> Loop<S> for AsyncIo {
    type InChild = Polling;

    fn new() -> io::Result<AsyncIo> {
        Ok(AsyncIo)
    }

    fn listen(&mut self, pipe: Arc<S>, mut on_signals: impl FnMut(SignalSet) -> bool) -> Outcome {
        block_on(async {
            // shown:begin
            let pipe = Async::new_nonblocking(pipe)?;
            while on_signals(pipe.get_ref().pending()) {
                pipe.readable().await?;
            }
            // shown:end
            Ok(())
        })
    }
}
