//! A signal after each single instruction of the public functions: it is heard exactly once, and
//! the state afterwards is that without it.
//!
//! `cargo test` takes a sample: `SIGNAL_TEST_STEPS` says of how many instructions of each
//! operation, or `all`. The sections have a test of their own, `defer::step`.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod child;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod operations;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod tracer {
    use super::child::{self, Desk, SIGNAL};
    use super::operations::Operation;
    use crate::common::tracer::{samples, stay_on_one_processor, Tracee};
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    /// Where a process does an operation once only, each round has a process of its own.
    struct Rounds<'a> {
        operation: &'a Operation,
        sent: &'a AtomicU32,
        /// Of a process that does it once.
        inherited: Option<Desk>,
        tracee: Option<Tracee>,
    }

    impl Rounds<'_> {
        /// At the begin of a round. Rounds without a signal have bound and loaded before what is
        /// bound and loaded late.
        fn begin(&mut self) -> &Tracee {
            self.sent.store(0, SeqCst);
            if self.tracee.is_none() || self.operation.once {
                let tracee = Tracee::start(|| {
                    let desk = self.inherited.take();
                    let mut desk = desk.unwrap_or_else(|| child::desk(self.operation));
                    child::run(self.operation, self.sent, &mut desk)
                });
                for _ in 0..if self.operation.once { 0 } else { 8 } {
                    assert!(tracee.to_mark(), "{}: without a signal", self.operation.name);
                }
                self.tracee = Some(tracee);
            }
            self.tracee.as_ref().expect("started")
        }

        /// From the end of a round, which the child checks now, to the next.
        fn end(&self, at: usize) {
            let tracee = self.tracee.as_ref().expect("started");
            assert!(tracee.to_mark(), "{}: {SIGNAL} before {at:#x}", self.operation.name);
        }
    }

    /// How many instructions were tried.
    fn interrupt(operation: &Operation, sent: &AtomicU32, samples: usize) -> usize {
        let inherited = operation.once.then(|| child::desk(operation));
        let mut rounds = Rounds { operation, sent, inherited, tracee: None };
        // Where a clock is read, the way is longer if the clock is set meanwhile, as on a busy
        // machine it mostly is: a way that is hardly ever met again.
        (0..8)
            .find_map(|_| interrupt_each(&mut rounds, samples))
            .expect("a way that can be met again")
    }

    fn interrupt_each(rounds: &mut Rounds, samples: usize) -> Option<usize> {
        let addresses = rounds.begin().addresses();
        rounds.end(0);
        let stride = (addresses.len() / samples).max(1);
        let (mut hits, mut misses) = (0, 0);
        for step in (stride / 2..addresses.len()).step_by(stride) {
            // Where a clock is read, the way differs now and then.
            let met = (0..3).any(|_| {
                let sent = rounds.sent;
                let tracee = rounds.begin();
                let met = tracee.interrupt(&addresses, step, SIGNAL, || sent.store(1, SeqCst));
                rounds.end(addresses[step]);
                met
            });
            hits += usize::from(met);
            misses += usize::from(!met);
        }
        let name = rounds.operation.name;
        println!("{name}: {} instructions, {hits} tried, {misses} not met", addresses.len());
        if misses <= 1 + hits / 10 {
            Some(hits)
        } else {
            None
        }
    }

    pub(super) fn each(operations: &[Operation]) {
        stay_on_one_processor();
        let (sent, samples) = (child::shared(), samples(15));
        let tried: usize =
            operations.iter().map(|operation| interrupt(operation, sent, samples)).sum();
        println!("{} operations, {tried} rounds", operations.len());
        assert!(tried >= operations.len());
    }
}

macro_rules! steps {
    ($($name:ident $operations:ident),* $(,)?) => {
        $(fn $name() {
            #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
            tracer::each(operations::$operations);
            #[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
            crate::common::skip("stepped on Linux on x86-64 alone");
        })*

        tests! { $($name),* }
    };
}

steps! {
    a_signal_may_come_after_each_instruction_of_making_pipes MAKING,
    a_signal_may_come_after_each_instruction_of_pipes PIPES,
    a_signal_may_come_after_each_instruction_of_a_reopening REOPEN,
    a_signal_may_come_after_each_instruction_of_other_functions OTHERS,
}
