//! Waiting for a handler.

use super::*;
use crate::common::{count, status_of};
use signal::{block, blocked, install, kill, raise, suspend, Handler, SIGTERM, SIGUSR1, SIGUSR2};

/// The mask is replaced until a function has run; then the call returns, and the mask is what it
/// was before.
/// XSH sigsuspend, DESCRIPTION
fn it_returns_after_a_function_with_the_mask_of_before() {
    let ended = ends(|| {
        for signal in catchable() {
            install(signal, logging()).unwrap();
            block(signal | SIGTERM);
            raise(signal).unwrap();
            clear();
            while count() == 0 {
                suspend(SignalSet::from(SIGUSR2) - signal);
            }
            assert_eq!(blocked(), SIGTERM | signal);
            signal::set_blocked(SignalSet::empty());
        }
    });
    differs(WAITING, ended, true, false);
}

/// A signal that the new mask blocks does not end the wait.
/// XSH sigsuspend, DESCRIPTION
fn what_its_mask_blocks_stays_pending() {
    let ended = ends(|| {
        install(SIGUSR1, logging()).unwrap();
        install(SIGUSR2, logging()).unwrap();
        block(SIGUSR1 | SIGUSR2);
        raise(SIGUSR1).unwrap();
        raise(SIGUSR2).unwrap();
        while count() == 0 {
            suspend(SIGUSR1);
        }
        assert_eq!(logged(), [SIGUSR2.as_raw()]);
        assert_eq!(signal::pending(), SIGUSR1.into());
    });
    differs(WAITING, ended, true, false);
}

/// If the action is to end the process, the call does not return.
/// XSH sigsuspend, DESCRIPTION
fn it_does_not_return_where_the_process_ends() {
    let ended = ends(|| {
        install(SIGTERM, Handler::Default).unwrap();
        let ended = status_of(|| {
            block(SIGTERM);
            raise(SIGTERM).unwrap();
            loop {
                suspend(SignalSet::empty());
            }
        });
        assert_eq!(ended.signal(), Some(SIGTERM));
    });
    differs(WAITING, ended, true, false);
}

/// SIGKILL cannot be blocked by its mask either.
/// XSH sigsuspend, DESCRIPTION
fn its_mask_cannot_block_sigkill() {
    let child = crate::common::fork(|| loop {
        suspend(SignalSet::full());
    });
    kill(child, SIGKILL).unwrap();
    assert_eq!(crate::common::wait_for(child).signal(), Some(SIGKILL));
}

requirements! {
    it_returns_after_a_function_with_the_mask_of_before,
    what_its_mask_blocks_stays_pending,
    it_does_not_return_where_the_process_ends,
    its_mask_cannot_block_sigkill,
}
