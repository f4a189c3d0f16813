//! A traced child, which does the same again and again, each time between two marks: it stops
//! itself. It is stepped through once, to note where each instruction is; after that, in each
//! round, it is stopped before one more of them by a breakpoint, and sent the signal.

use super::{process, skip};
use libc::{c_int, pid_t};
use signal::{Signal, SIGKILL};
use std::ptr;

const STOP: c_int = libc::SIGSTOP;

// The C libraries give them different types.
const PEEKTEXT: i64 = libc::PTRACE_PEEKTEXT as i64;
const PEEKUSER: i64 = libc::PTRACE_PEEKUSER as i64;
const POKETEXT: i64 = libc::PTRACE_POKETEXT as i64;
const POKEUSER: i64 = libc::PTRACE_POKEUSER as i64;
const CONTINUE: i64 = libc::PTRACE_CONT as i64;
const STEP: i64 = libc::PTRACE_SINGLESTEP as i64;

/// The exit code where nothing can be traced.
const CANNOT: i32 = 77;

/// In the child: where the tracer begins or ends to step.
pub fn mark() {
    // SAFETY: stops the process; the tracer continues it.
    unsafe { libc::raise(STOP) };
}

/// A child that is stopped.
pub struct Tracee(pid_t);

impl Tracee {
    /// Forks a child that runs `body`, and stops at its first mark.
    pub fn start(body: impl FnOnce() -> i32) -> Tracee {
        let child = super::fork(|| {
            // SAFETY: takes plain values.
            let traced =
                unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, ptr::null_mut::<u8>(), 0usize) };
            if traced == 0 {
                body()
            } else {
                CANNOT
            }
        });
        let status = process::wait_stopped_or_ended(child);
        if !libc::WIFSTOPPED(status) {
            skip("no tracing here");
        }
        let tracee = Tracee(child.as_raw());
        let signal = libc::WSTOPSIG(status);
        assert!(signal == STOP || tracee.to_mark_with(signal), "a mark");
        tracee
    }

    fn ptrace(&self, request: i64, address: usize, data: usize) -> usize {
        // SAFETY: takes plain values; the child is stopped, and its memory and registers are the
        // test's to change.
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
    pub fn to_mark(&self) -> bool {
        self.to_mark_with(0)
    }

    fn to_mark_with(&self, signal: c_int) -> bool {
        let mut pending = signal;
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
    pub fn addresses(&self) -> Vec<usize> {
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

    /// From the mark at the begin of a round to the one at its end, with the signal before the
    /// instruction at index `step`. False: the child has not met that. After `sent`, which is
    /// called before it is sent.
    pub fn interrupt(
        &self,
        addresses: &[usize],
        step: usize,
        signal: Signal,
        sent: impl Fn(),
    ) -> bool {
        let address = addresses[step];
        let times = addresses[..step].iter().filter(|other| **other == address).count();
        if step > 0 && !self.to_instruction(address, times) {
            return false;
        }
        sent();
        // SAFETY: takes plain values.
        assert_eq!(unsafe { libc::kill(self.0, signal.as_raw()) }, 0);
        assert!(self.to_mark(), "{signal} before {address:#x}, step {step}");
        true
    }
}

impl Drop for Tracee {
    fn drop(&mut self) {
        // SAFETY: takes plain values; nobody has waited for the child, or it is gone.
        unsafe {
            libc::kill(self.0, SIGKILL.as_raw());
            libc::waitpid(self.0, ptr::null_mut(), 0);
        }
    }
}

/// The tracer and the child run in turn.
pub fn stay_on_one_processor() {
    // SAFETY: a set made of zeros, and plain values. It may be refused.
    unsafe {
        let mut here: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(libc::sched_getcpu().max(0) as usize, &mut here);
        libc::sched_setaffinity(0, std::mem::size_of_val(&here), &here);
    }
}

/// Of so many instructions of an operation, how many are tried: `SIGNAL_TEST_STEPS`, a number or
/// `all`, or else this. With 0 nothing is stepped, which takes time by itself.
pub fn samples(otherwise: usize) -> usize {
    match std::env::var("SIGNAL_TEST_STEPS") {
        Ok(text) if text == "all" => usize::MAX,
        Ok(text) if text == "0" => skip("SIGNAL_TEST_STEPS=0: stepped elsewhere"),
        Ok(text) => text.parse().expect("SIGNAL_TEST_STEPS is a number or \"all\""),
        Err(_) => otherwise,
    }
}
