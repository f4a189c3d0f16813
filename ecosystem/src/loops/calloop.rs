use super::{Loop, Outcome, Signals};
use calloop::generic::Generic;
use calloop::{EventLoop, Interest, Mode, PostAction};
use signal::SignalSet;
use std::io;
use std::mem::take;
use std::sync::Arc;

pub struct Calloop(EventLoop<'static, SignalSet>);

impl<S: Signals> Loop<S> for Calloop {
    type InChild = Calloop;

    fn new() -> io::Result<Calloop> {
        Ok(Calloop(EventLoop::try_new()?))
    }

    fn listen(&mut self, pipe: Arc<S>, mut on_signals: impl FnMut(SignalSet) -> bool) -> Outcome {
        let (event_loop, mut arrived) = (&mut self.0, SignalSet::empty());
        // shown:begin
        let source = Generic::new(pipe, Interest::READ, Mode::Edge);
        let token = event_loop.handle().insert_source(source, |_, pipe, arrived| {
            *arrived |= pipe.pending();
            Ok(PostAction::Continue)
        })?;
        while on_signals(take(&mut arrived)) {
            event_loop.dispatch(None, &mut arrived)?;
        }
        event_loop.handle().remove(token);
        // shown:end
        Ok(())
    }
}
