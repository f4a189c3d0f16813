//! What a program has of the one that was there before it in the process.

use super::*;
use crate::common::process::re_exec;
use crate::common::{self, pipe};
use signal::{alarm, block, blocked, install, pending, query, raise, SIGTERM};
use signal::{SIGPIPE, SIGUSR1};
use std::ffi::CString;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::io::AsRawFd;
use std::time::Duration;

const PROBE: &str = "SIGNAL_TEST_PROBE";

/// What std sets when a program starts.
const OF_STD: SignalSet = SignalSet::empty().with(SIGPIPE).with(SIGSEGV).with(SIGBUS);

/// What a program finds when it starts: what is ignored, caught, blocked and pending, and whether
/// an alarm runs.
fn state() -> String {
    let with = |kind: fn(Handler) -> bool| -> SignalSet {
        let all = catchable() - OF_STD;
        all.iter().filter(|signal| kind(query(*signal).unwrap().handler())).collect()
    };
    let ignored = with(|handler| handler == Handler::Ignore);
    let caught = with(|handler| handler != Handler::Ignore && handler != Handler::Default);
    format!("{:?}", (ignored, caught, blocked(), pending(), alarm(Duration::ZERO).is_some()))
}

/// In `main`, before anything else.
pub fn probe() {
    if std::env::var_os(PROBE).is_some() {
        print!("{}", state());
        std::process::exit(0);
    }
}

/// What a program finds that is started in the place of this one, after `prepare`.
fn found(prepare: impl FnOnce()) -> String {
    let program = CString::new(re_exec().get_program().as_bytes()).unwrap();
    let (mut read, write) = pipe();
    let child = common::fork(|| {
        std::env::set_var(PROBE, "1");
        // A job in the background of a shell has inherited some as ignored.
        set(catchable() - OF_STD, Handler::Default);
        prepare();
        let arguments = [program.as_ptr(), std::ptr::null()];
        // SAFETY: a descriptor that is ours; strings and an array that end as they should.
        unsafe {
            libc::dup2(write.as_raw_fd(), 1);
            libc::execv(program.as_ptr(), arguments.as_ptr());
        }
        panic!("execv: {}", std::io::Error::last_os_error());
    });
    drop(write);
    let mut text = String::new();
    read.read_to_string(&mut text).unwrap();
    assert!(common::wait_for(child).success(), "{text}");
    text
}

fn set(signals: SignalSet, handler: Handler) {
    signals.iter().for_each(|signal| assert!(install(signal, handler).is_ok()));
}

const NONE: SignalSet = SignalSet::empty();

/// What was caught has its default action again; what was ignored stays ignored; what had the
/// default keeps it.
/// XSH exec, DESCRIPTION
fn what_is_caught_is_default_again_and_what_is_ignored_stays_so() {
    // Whether SIGCHLD stays ignored is the system's choice.
    let some = |rest: i32| -> SignalSet {
        let all = catchable() - OF_STD - signal::SIGCHLD;
        all.iter().filter(|signal| signal.as_raw() % 3 == rest).collect()
    };
    let found = found(|| {
        set(some(0), Handler::Ignore);
        set(some(1), Handler::Default);
        set(some(2), logging());
    });
    assert_eq!(found, format!("{:?}", (some(0), NONE, NONE, NONE, false)));
}

/// A new program has the mask of the one before.
/// XSH exec, DESCRIPTION
fn the_mask_stays() {
    let all: SignalSet = catchable();
    for mask in [NONE, SIGTERM | SIGUSR1, all] {
        let found = found(|| assert!(signal::set_blocked(mask).is_empty()));
        assert_eq!(found, format!("{:?}", (NONE, NONE, mask, NONE, false)));
    }
}

/// A new program has that mask also after another signal has come.
/// XSH exec, DESCRIPTION
fn the_mask_stays_after_another_signal() {
    something_arrives();
    let mask_found = found(|| assert!(block(SIGTERM).is_empty()));
    let finds = |mask: SignalSet| format!("{:?}", (NONE, NONE, mask, NONE, false));
    let everything = SignalSet::asynchronous() & catchable();
    differs(STARTED, mask_found, finds(SIGTERM.into()), finds(everything));
}

/// What is pending stays pending for the new program.
/// XSH exec, DESCRIPTION
fn what_is_pending_stays_pending() {
    let all: SignalSet = catchable();
    // A pending SIGCONT takes back what would stop, and std ignores SIGPIPE when it starts.
    let sent = all - (signal::SIGTSTP | signal::SIGTTIN | signal::SIGTTOU | SIGPIPE);
    let found = found(|| {
        block(all);
        // Not ignored by default.
        set(sent, logging());
        sent.iter().for_each(|signal| raise(signal).unwrap());
    });
    assert_eq!(found, format!("{:?}", (NONE, NONE, all, sent, false)));
}

/// The alarm runs on in the new program.
/// XSH exec, DESCRIPTION; XSH alarm, APPLICATION USAGE
fn the_alarm_stays() {
    let found = found(|| assert_eq!(alarm(Duration::from_secs(1000)), None));
    assert_eq!(found, format!("{:?}", (NONE, NONE, NONE, NONE, true)));
}

requirements! {
    what_is_caught_is_default_again_and_what_is_ignored_stays_so,
    the_mask_stays,
    the_mask_stays_after_another_signal,
    what_is_pending_stays_pending,
    the_alarm_stays,
}
