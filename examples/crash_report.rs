//! Last words: a program that crashes, a stack overflow included, says where, and ends by the same
//! signal, so that its parent sees it and a core file is left.

use signal::{die_by, install, AltStack, Context, Handler, Info, Result, Signal};
use signal::{SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV};
use std::fmt::Write;

/// Text in a fixed place: a handler may not allocate.
struct Text {
    bytes: [u8; 256],
    length: usize,
}

impl Write for Text {
    fn write_str(&mut self, more: &str) -> std::fmt::Result {
        for byte in more.bytes() {
            *self.bytes.get_mut(self.length).ok_or(std::fmt::Error)? = byte;
            self.length += 1;
        }
        Ok(())
    }
}

fn report(signal: Signal, info: &Info, context: &mut Context) {
    let mut text = Text { bytes: [0; 256], length: 0 };
    let _ = write!(text, "crash_report: {signal} ({})", signal.description());
    if let Some(address) = info.address() {
        let _ = write!(text, ", address {:#x}", address as usize);
    }
    if let Some(pid) = info.sender_pid() {
        let _ = write!(text, ", sent by process {pid}");
    }
    if let Some(place) = context.instruction_pointer() {
        let _ = write!(text, ", at instruction {place:#x}");
    }
    let _ = writeln!(text);
    // SAFETY: so many bytes are there.
    unsafe { libc::write(libc::STDERR_FILENO, text.bytes.as_ptr().cast(), text.length) };
    die_by(signal)
}

/// To be called in each thread: its handlers run on the stack that is returned.
fn reporting() -> Result<AltStack> {
    for signal in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT] {
        // SAFETY: formatting of numbers and constant texts, `write` and `die_by`.
        install(signal, unsafe { Handler::with_context(report) })?;
    }
    AltStack::new()
}

#[allow(unconditional_recursion)]
fn overflow(depth: u64) -> u64 {
    let room = [depth; 64];
    overflow(room[depth as usize % 64] + 1) + room[0]
}

fn main() -> Result<()> {
    let _stack = reporting()?;
    match std::env::args().nth(1).as_deref() {
        // A field of nothing: for null itself some releases of std abort.
        // SAFETY: none: this is the crash.
        Some("null") => unsafe { std::ptr::null_mut::<u8>().wrapping_add(8).write_volatile(1) },
        Some("abort") => std::process::abort(),
        Some("overflow") => {
            let thread = std::thread::spawn(|| reporting().map(|_stack| overflow(0)));
            let _ = thread.join();
        }
        _ => println!("usage: crash_report null|abort|overflow"),
    }
    Ok(())
}
