//! A signal after each single instruction of the guards.
//!
//! Where all of them take too long, in a build that is not optimized, it takes a sample:
//! `SIGNAL_TEST_STEPS` says of how many instructions of each operation, or `all`.

use super::needs_deferral;

#[cfg(all(has_deferral, target_arch = "x86_64"))]
mod child;

#[cfg(all(has_deferral, target_arch = "x86_64"))]
mod tracer {
    use super::child::{self, Fault, Operation};
    use crate::common::tracer::{samples, stay_on_one_processor, Tracee};
    use signal::{Signal, SIGBUS, SIGUSR1};

    pub(super) fn each(signal: Signal, fault: Fault) {
        super::needs_deferral();
        stay_on_one_processor();
        let all = samples(if cfg!(debug_assertions) { 200 } else { usize::MAX });
        let (mut operations, mut rounds) = (0, 0);
        for (operation, arrived) in Operation::all(fault) {
            let what = format!("{operation:?}, after an arrival: {arrived}");
            let tracee = Tracee::start(|| child::run(operation, arrived, fault));
            // To the begin of a round. Those before, without a signal, bind and load what is bound
            // and loaded late.
            for _ in 0..9 {
                assert!(tracee.to_mark(), "{what}: without a signal");
            }
            let addresses = tracee.addresses();
            assert!(tracee.to_mark(), "{what}: without a signal");
            let stride = (addresses.len() / all).max(1);
            let (mut hits, mut misses) = (0, 0);
            for step in (std::process::id() as usize % stride..addresses.len()).step_by(stride) {
                if tracee.interrupt(&addresses, step, signal, || {}) {
                    hits += 1;
                } else {
                    misses += 1;
                }
                // The round is checked before the next begins.
                assert!(tracee.to_mark(), "{what}: {signal} before {:#x}", addresses[step]);
            }
            println!("{what}: {} instructions, {hits} tried, {misses} not met", addresses.len());
            assert!(misses <= hits / 20);
            operations += 1;
            rounds += hits;
        }
        println!("{rounds} rounds");
        assert!(rounds > 10 * operations);
    }

    pub(super) fn a_deferrable_signal() {
        each(SIGUSR1, Fault::Ours);
    }

    pub(super) fn a_fault() {
        each(SIGBUS, Fault::Ours);
    }

    pub(super) fn a_fault_with_a_foreign_handler() {
        each(SIGBUS, Fault::Foreign);
    }

    pub(super) fn a_fault_that_leaves_open() {
        each(SIGBUS, Fault::LeavesOpen);
    }
}

macro_rules! steps {
    ($($name:ident $body:ident),*) => {$(
        #[cfg(all(has_deferral, target_arch = "x86_64"))]
        fn $name() {
            tracer::$body()
        }

        #[cfg(not(all(has_deferral, target_arch = "x86_64")))]
        fn $name() {
            needs_deferral();
            crate::common::skip("where instructions are repeated until nothing interrupts them, none can be stepped")
        }
    )*};
}

steps! {
    a_signal_may_come_after_each_instruction a_deferrable_signal,
    a_fault_may_come_after_each_instruction a_fault,
    a_fault_with_a_foreign_handler_may_come_after_each_instruction a_fault_with_a_foreign_handler,
    a_fault_that_leaves_a_section_open_may_come_after_each_instruction a_fault_that_leaves_open
}

tests! {
    a_signal_may_come_after_each_instruction,
    a_fault_may_come_after_each_instruction,
    a_fault_with_a_foreign_handler_may_come_after_each_instruction,
    a_fault_that_leaves_a_section_open_may_come_after_each_instruction,
}
