use super::{Loop, Outcome, Signals};
use monoio::net::UnixStream;
use monoio::{FusionDriver, FusionRuntime, RuntimeBuilder};
use signal::SignalSet;
use std::io;
use std::sync::Arc;

type Runtime = FusionRuntime<monoio::IoUringDriver, monoio::LegacyDriver>;

pub struct Monoio(Runtime);

impl<S: Signals> Loop<S> for Monoio {
    type InChild = Monoio;

    fn new() -> io::Result<Monoio> {
        RuntimeBuilder::<FusionDriver>::new().build().map(Monoio)
    }

    fn listen(&mut self, pipe: Arc<S>, mut on_signals: impl FnMut(SignalSet) -> bool) -> Outcome {
        self.0.block_on(async {
            // shown:begin
            // A duplicate, of which monoio only asks whether it is readable.
            let duplicate = pipe.as_fd().try_clone_to_owned()?;
            let readiness = UnixStream::from_std(duplicate.into())?;
            while on_signals(pipe.pending()) {
                readiness.readable(false).await?;
            }
            // shown:end
            Ok(())
        })
    }
}
