//! Where the walks of ci/handler-calls begin: each kind of handler, and each function that the
//! library documents as async-signal-safe. Nothing here is run.

mod documented;

#[cfg(feature = "defer")]
use signal::DeferGuard;
use signal::{install, Context, Handler, Info, InfoQueue, Pid, Result, SelfPipe, Signal, SIGUSR1};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

static HITS: AtomicUsize = AtomicUsize::new(0);
static QUEUE: InfoQueue<4> = InfoQueue::new();
static FLAG: AtomicBool = AtomicBool::new(false);

extern "C-unwind" {
    /// It might unwind, for all that the compiler knows: the code that aborts then must be kept.
    fn getppid() -> libc::pid_t;
}

fn hit(_: Signal) {
    HITS.fetch_add(1, Relaxed);
}

fn may_unwind(_: Signal) {
    // SAFETY: takes nothing and cannot fail.
    HITS.fetch_add(unsafe { getppid() } as usize, Relaxed);
}

fn with_info(_: Signal, info: &Info) {
    HITS.fetch_add(info.sender_pid().map_or(1, Pid::as_raw) as usize, Relaxed);
    HITS.fetch_add(info.status().unwrap_or(1) as usize, Relaxed);
    HITS.fetch_add(info.value().unwrap_or(1) as usize, Relaxed);
}

fn with_context(_: Signal, _: &Info, context: &mut Context) {
    HITS.fetch_add(context.instruction_pointer().unwrap_or(1), Relaxed);
}

/// Installs one of each kind of handler: the entries of all end up in the object.
///
#[no_mangle]
pub extern "C" fn probe_entries() -> bool {
    all_entries().is_ok()
}

fn all_entries() -> Result<()> {
    // SAFETY: all only add to an atomic, and call getppid or look at what they are given.
    let functions = unsafe {
        [
            Handler::new(hit),
            Handler::new(may_unwind),
            Handler::with_info(with_info),
            Handler::with_context(with_context),
        ]
    };
    for handler in functions {
        install(SIGUSR1, handler)?;
    }
    install(SIGUSR1, Handler::Flag(&FLAG))?;
    install(SIGUSR1, Handler::FlagOrDefault(&FLAG))?;
    install(SIGUSR1, Handler::Count(&HITS))?;
    let pipe = SelfPipe::with_queue(SIGUSR1, &QUEUE)?;
    #[cfg(feature = "defer")]
    drop(DeferGuard::new());
    drop(pipe);
    Ok(())
}
