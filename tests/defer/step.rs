//! A signal after each single instruction of the guards.
//!
//! The test traces a child, which does the same again and again, between two marks: it stops
//! itself. First it steps through, and notes where each instruction is; then, in each round, it
//! stops before one more of them by a breakpoint, and sends the signal. Where that takes too long,
//! in a build that is not optimized, it takes a sample: `SIGNAL_TEST_STEPS` says of how many
//! instructions of each operation, or `all`.

use super::needs_deferral;

#[cfg(all(has_deferral, target_arch = "x86_64"))]
mod child;

#[cfg(all(has_deferral, target_arch = "x86_64"))]
mod tracer {
    use super::child::{self, Operation};
    use crate::common::{self, skip};
    use libc::{c_int, pid_t};
    use signal::{Signal, SIGBUS, SIGKILL, SIGUSR1};
    use std::ptr;

    const STOP: c_int = libc::SIGSTOP;

    // The C libraries give them different types.
    const PEEKTEXT: i64 = libc::PTRACE_PEEKTEXT as i64;
    const PEEKUSER: i64 = libc::PTRACE_PEEKUSER as i64;
    const POKETEXT: i64 = libc::PTRACE_POKETEXT as i64;
    const POKEUSER: i64 = libc::PTRACE_POKEUSER as i64;
    const CONTINUE: i64 = libc::PTRACE_CONT as i64;
    const STEP: i64 = libc::PTRACE_SINGLESTEP as i64;

    /// A child that is stopped.
    struct Tracee(pid_t);

    impl Tracee {
        fn ptrace(&self, request: i64, address: usize, data: usize) -> usize {
            // SAFETY: takes plain values; the child is stopped, and its memory and registers are
            // the test's to change.
            unsafe { libc::ptrace(request as _, self.0, address as *mut u8, data) as usize }
        }

        /// Continues with a signal, or without one (0), to the next stop; the signal of that.
        fn go(&self, how: i64, signal: c_int) -> Option<c_int> {
            assert_eq!(self.ptrace(how, 0, signal as usize), 0, "ptrace");
            let mut status = 0;
            // SAFETY: room for the status.
            assert_eq!(unsafe { libc::waitpid(self.0, &mut status, 0) }, self.0);
            Some(libc::WSTOPSIG(status)).filter(|_| libc::WIFSTOPPED(status))
        }

        /// To the next mark. False: the child has ended.
        fn to_mark(&self) -> bool {
            let mut pending = 0;
            loop {
                match self.go(CONTINUE, pending) {
                    Some(STOP) => return true,
                    Some(signal) => pending = signal,
                    None => return false,
                }
            }
        }

        fn instruction(&self) -> usize {
            self.ptrace(PEEKUSER, 8 * libc::RIP as usize, 0)
        }

        /// The address of each instruction up to the next mark.
        fn addresses(&self) -> Vec<usize> {
            let (mut addresses, mut pending) = (vec![self.instruction()], 0);
            loop {
                match self.go(STEP, pending).expect("a round without a signal") {
                    STOP => return addresses,
                    libc::SIGTRAP => {
                        addresses.push(self.instruction());
                        pending = 0;
                    }
                    signal => pending = signal,
                }
            }
        }

        /// From a mark to an instruction that has been executed `times` before, by a breakpoint.
        /// False: it has come to the next mark instead, on another way.
        fn to_instruction(&self, address: usize, times: usize) -> bool {
            let code = self.ptrace(PEEKTEXT, address, 0);
            let breakpoint = code & !0xff | 0xcc;
            let (mut left, mut pending) = (times, 0);
            loop {
                self.ptrace(POKETEXT, address, breakpoint);
                let stop = self.go(CONTINUE, pending).expect("the child waits for the signal");
                self.ptrace(POKETEXT, address, code);
                pending = 0;
                match stop {
                    STOP => return false,
                    libc::SIGTRAP => {
                        self.ptrace(POKEUSER, 8 * libc::RIP as usize, address);
                        if left == 0 {
                            return true;
                        }
                        left -= 1;
                        match self.go(STEP, 0).expect("the child waits for the signal") {
                            STOP => return false,
                            libc::SIGTRAP => {}
                            signal => pending = signal,
                        }
                    }
                    signal => pending = signal,
                }
            }
        }
    }

    impl Drop for Tracee {
        fn drop(&mut self) {
            // SAFETY: takes plain values; nobody has waited for the child, or it is gone.
            unsafe { libc::kill(self.0, SIGKILL.as_raw()) };
        }
    }

    fn start(operation: Operation, arrived: bool, foreign: bool) -> Tracee {
        let child = common::fork(|| {
            // SAFETY: takes plain values.
            let traced =
                unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, ptr::null_mut::<u8>(), 0usize) };
            match traced {
                0 => child::run(operation, arrived, foreign),
                _ => child::CANNOT,
            }
        });
        let status = common::process::wait_stopped_or_ended(child);
        if !libc::WIFSTOPPED(status) {
            skip("no tracing here");
        }
        Tracee(child.as_raw())
    }

    /// The tracer and the child run in turn.
    fn stay_on_one_processor() {
        // SAFETY: a set made of zeros, and plain values. It may be refused.
        unsafe {
            let mut here: libc::cpu_set_t = std::mem::zeroed();
            libc::CPU_SET(libc::sched_getcpu().max(0) as usize, &mut here);
            libc::sched_setaffinity(0, std::mem::size_of_val(&here), &here);
        }
    }

    /// Of so many instructions of an operation, how many are tried.
    fn samples() -> usize {
        match std::env::var("SIGNAL_TEST_STEPS") {
            Ok(text) if text == "all" => usize::MAX,
            Ok(text) => text.parse().expect("SIGNAL_TEST_STEPS is a number or \"all\""),
            Err(_) if cfg!(debug_assertions) => 200,
            Err(_) => usize::MAX,
        }
    }

    pub(super) fn each(signal: Signal, foreign: bool) {
        super::needs_deferral();
        stay_on_one_processor();
        let mut rounds = 0;
        for (operation, arrived) in Operation::all() {
            let what = format!("{operation:?}, after an arrival: {arrived}");
            let tracee = start(operation, arrived, foreign);
            // To the begin of a round. Those before, without a signal, bind and load what is bound
            // and loaded late.
            for _ in 0..9 {
                assert!(tracee.to_mark(), "{what}: without a signal");
            }
            let addresses = tracee.addresses();
            assert!(tracee.to_mark(), "{what}: without a signal");
            let stride = (addresses.len() / samples()).max(1);
            let (mut hits, mut misses) = (0, 0);
            for step in (std::process::id() as usize % stride..addresses.len()).step_by(stride) {
                let address = addresses[step];
                let times = addresses[..step].iter().filter(|other| **other == address).count();
                if step == 0 || tracee.to_instruction(address, times) {
                    // SAFETY: takes plain values.
                    assert_eq!(unsafe { libc::kill(tracee.0, signal.as_raw()) }, 0);
                    hits += 1;
                    assert!(tracee.to_mark(), "{what}: {signal} before {address:#x}, step {step}");
                } else {
                    misses += 1;
                }
                // The round is checked before the next begins.
                assert!(tracee.to_mark(), "{what}: {signal} before {address:#x}, step {step}");
            }
            println!("{what}: {} instructions, {hits} tried, {misses} not met", addresses.len());
            assert!(misses <= hits / 20);
            rounds += hits;
        }
        println!("{rounds} rounds");
        assert!(rounds > 100);
    }

    pub(super) fn a_deferrable_signal() {
        each(SIGUSR1, false);
    }

    pub(super) fn a_fault() {
        each(SIGBUS, false);
    }

    pub(super) fn a_fault_with_a_foreign_handler() {
        each(SIGBUS, true);
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
    a_fault_with_a_foreign_handler_may_come_after_each_instruction a_fault_with_a_foreign_handler
}

tests! {
    a_signal_may_come_after_each_instruction,
    a_fault_may_come_after_each_instruction,
    a_fault_with_a_foreign_handler_may_come_after_each_instruction,
}
