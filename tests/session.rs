//! Sessions.

pub mod command;
pub mod daemon;
pub mod job;
pub mod pid_file;

use crate::common::{in_child, own_group};
use signal::session::new_session;
use signal::{Errno, Pid};
use std::env;
use std::path::PathBuf;

fn getsid() -> i32 {
    // SAFETY: takes a plain value.
    unsafe { libc::getsid(0) }
}

/// A path of this process alone.
fn temporary(name: &str) -> PathBuf {
    env::temp_dir().join(format!("signal-session-{}-{}", Pid::current(), name))
}

fn new_session_leads_session_and_group_and_fails_for_a_leader() {
    in_child(|| {
        let own = Pid::current();
        assert_ne!(own_group(), own);
        assert_eq!(new_session(), Ok(own));
        assert_eq!((getsid(), own_group()), (own.as_raw(), own));
        assert_eq!(new_session(), Err(Errno::EPERM));
    });
}

tests! {
    new_session_leads_session_and_group_and_fails_for_a_leader,
}
