use super::{Loop, Outcome};
use glommio::{executor, LocalExecutor, LocalExecutorBuilder, Placement};
use signal::{SelfPipe, SignalSet};
use std::io;
use std::sync::Arc;

pub struct Glommio(LocalExecutor);

impl Loop<SelfPipe> for Glommio {
    type InChild = Glommio;

    const NEEDS_IO_URING: bool = true;

    // An eventfd: glommio 0.9.0.
    const LEAKS: usize = 1;

    fn new() -> io::Result<Glommio> {
        let builder = LocalExecutorBuilder::new(Placement::Unbound);
        builder.make().map(Glommio).map_err(io::Error::from)
    }

    fn listen(
        &mut self,
        pipe: Arc<SelfPipe>,
        mut on_signals: impl FnMut(SignalSet) -> bool,
    ) -> Outcome {
        self.0.run(async {
            // shown:begin
            let mut arrived = pipe.pending();
            while on_signals(arrived) {
                let pipe = pipe.clone();
                arrived = executor().spawn_blocking(move || pipe.wait()).await?;
            }
            // shown:end
            Ok(())
        })
    }
}
