use super::{Loop, Outcome, Signals};
use monoio::net::UnixStream;
use monoio::{IoUringDriver, LegacyDriver, Runtime, RuntimeBuilder};
use signal::SignalSet;
use std::io::{self, ErrorKind};
use std::sync::Arc;

pub struct OverUring(Runtime<IoUringDriver>);

pub struct OverEpoll(Runtime<LegacyDriver>);

impl<S: Signals> Loop<S> for OverUring {
    type InChild = OverUring;

    const NEEDS_IO_URING: bool = true;

    fn new() -> io::Result<OverUring> {
        RuntimeBuilder::<IoUringDriver>::new().build().map(OverUring)
    }

    fn listen(&mut self, pipe: Arc<S>, on_signals: impl FnMut(SignalSet) -> bool) -> Outcome {
        self.0.block_on(listen(pipe, on_signals))
    }
}

impl<S: Signals> Loop<S> for OverEpoll {
    type InChild = OverEpoll;

    fn new() -> io::Result<OverEpoll> {
        RuntimeBuilder::<LegacyDriver>::new().build().map(OverEpoll)
    }

    fn listen(&mut self, pipe: Arc<S>, on_signals: impl FnMut(SignalSet) -> bool) -> Outcome {
        self.0.block_on(listen(pipe, on_signals))
    }
}

async fn listen<S: Signals>(
    pipe: Arc<S>,
    mut on_signals: impl FnMut(SignalSet) -> bool,
) -> Outcome {
    // shown:begin
    // A duplicate, of which monoio only asks whether it is readable.
    let duplicate = pipe.as_fd().try_clone_to_owned()?;
    let readiness = UnixStream::from_std(duplicate.into())?;
    while on_signals(pipe.pending()) {
        match readiness.readable(false).await {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
    }
    // shown:end
    Ok(())
}
