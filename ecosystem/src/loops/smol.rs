use super::polling::Polling;
use super::{Loop, Outcome, Signals};
use signal::SignalSet;
use smol::{Async, LocalExecutor};
use std::io;
use std::sync::Arc;

/// Its reactor is async-io's, one for the process.
pub struct Smol;

impl<S: Signals> Loop<S> for Smol {
    type InChild = Polling;

    fn new() -> io::Result<Smol> {
        Ok(Smol)
    }

    fn listen(&mut self, pipe: Arc<S>, mut on_signals: impl FnMut(SignalSet) -> bool) -> Outcome {
        let executor = LocalExecutor::new();
        let task = executor.spawn(async {
            // shown:begin
            let pipe = Async::new_nonblocking(pipe)?;
            while on_signals(pipe.get_ref().pending()) {
                pipe.readable().await?;
            }
            // shown:end
            Ok(())
        });
        smol::block_on(executor.run(task))
    }
}
