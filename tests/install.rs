//! Dispositions, on a real kernel.

mod common;

use signal::{install, query, Handler, SIGTERM};

fn sigterm_kills_again_after_the_guard() {
    let child = common::fork(|| {
        drop(signal::InstallGuard::new(SIGTERM, Handler::Ignore).unwrap());
        signal::raise(SIGTERM).unwrap();
        0
    });
    assert_eq!(common::wait_for(child).signal(), Some(SIGTERM));
}

fn query_changes_nothing() {
    let before = query(SIGTERM).unwrap();
    assert_eq!(query(SIGTERM), Ok(before));
    assert_eq!(install(SIGTERM, before), Ok(before));
}

common::main! { sigterm_kills_again_after_the_guard, query_changes_nothing }
