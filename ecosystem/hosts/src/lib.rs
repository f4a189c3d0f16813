//! What a shared object can do with signals, for the hosts beside this file: functions that take a
//! number and return one, each under its own name (host.h) and as a native method of `Host.java`.

use signal::{blocked, query, raise, DeferGuard, Flags, InstallGuard, SelfPipe, Signal, SignalSet};
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::Mutex;
use std::time::Duration;

static PIPE: Mutex<Option<SelfPipe>> = Mutex::new(None);
static INSTALLED: Mutex<Option<InstallGuard>> = Mutex::new(None);
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// For what the host asks in the wrong order, or with a number that is none.
const MISUSE: c_int = -1;

fn number(result: signal::Result<c_int>) -> c_int {
    result.unwrap_or_else(|error| error.raw_os_error())
}

/// Makes the pipe, for one signal: 0, or the error.
fn watch(signal: c_int) -> c_int {
    let Some(signal) = Signal::from_raw(signal) else { return MISUSE };
    number(SelfPipe::new(signal).map(|pipe| {
        *PIPE.lock().unwrap() = Some(pipe);
        0
    }))
}

/// What the pipe hears within so many milliseconds: the number of the signal, or 0.
fn heard(milliseconds: c_int) -> c_int {
    let guard = PIPE.lock().unwrap();
    let Some(pipe) = guard.as_ref() else { return MISUSE };
    let set = pipe.wait_timeout(Duration::from_millis(milliseconds.unsigned_abs().into()));
    set.ok().flatten().and_then(|set| set.iter().next()).map_or(0, Signal::as_raw)
}

/// Drops the pipe.
fn unwatch(_: c_int) -> c_int {
    PIPE.lock().unwrap().take().map_or(MISUSE, |_| 0)
}

/// Raises the signal of the pipe in a section: 0 if all is as it must be, else what is not.
fn section(signal: c_int) -> c_int {
    let guard = PIPE.lock().unwrap();
    let (Some(pipe), Some(signal)) = (guard.as_ref(), Signal::from_raw(signal)) else {
        return MISUSE;
    };
    let before = blocked();
    let section = DeferGuard::new();
    if !(SignalSet::asynchronous() - blocked()).is_empty() {
        return 1;
    }
    if raise(signal).is_err() || !pipe.pending().is_empty() {
        return 2;
    }
    drop(section);
    if !pipe.pending().contains(signal) {
        return 3;
    }
    if blocked() != before {
        return 4;
    }
    0
}

/// Installs a handler that counts.
fn install(signal: c_int) -> c_int {
    let Some(signal) = Signal::from_raw(signal) else { return MISUSE };
    number(InstallGuard::new(signal, &COUNT).map(|installed| {
        *INSTALLED.lock().unwrap() = Some(installed);
        0
    }))
}

/// How many it has counted since this was asked last.
fn counted(_: c_int) -> c_int {
    COUNT.swap(0, SeqCst) as c_int
}

/// Puts back what was there before: 1, or 0 if somebody has installed something else.
fn restore(_: c_int) -> c_int {
    let installed = INSTALLED.lock().unwrap().take();
    installed.map_or(MISUSE, |installed| number(installed.restore().map(c_int::from)))
}

/// Whether the kernel calls the installed handler on the alternate stack.
fn on_stack(signal: c_int) -> c_int {
    let Some(signal) = Signal::from_raw(signal) else { return MISUSE };
    number(query(signal).map(|action| action.installed_flags().contains(Flags::ONSTACK).into()))
}

/// Sends the signal to the calling thread: 0, or the error.
fn send(signal: c_int) -> c_int {
    let Some(signal) = Signal::from_raw(signal) else { return MISUSE };
    number(raise(signal).map(|()| 0))
}

macro_rules! export {
    ($($function:ident $name:literal $method:literal;)*) => { $(
        const _: () = {
            #[export_name = $name]
            extern "C" fn function(argument: c_int) -> c_int {
                $function(argument)
            }

            /// Java's environment and class are not used.
            #[export_name = $method]
            extern "C" fn method(_: *mut c_void, _: *mut c_void, argument: c_int) -> c_int {
                $function(argument)
            }
        };
    )* };
}

export! {
    watch "host_watch" "Java_Host_watch";
    heard "host_heard" "Java_Host_heard";
    unwatch "host_unwatch" "Java_Host_unwatch";
    section "host_section" "Java_Host_section";
    install "host_install" "Java_Host_install";
    counted "host_counted" "Java_Host_counted";
    restore "host_restore" "Java_Host_restore";
    on_stack "host_on_stack" "Java_Host_on_1stack";
    send "host_send" "Java_Host_send";
}
