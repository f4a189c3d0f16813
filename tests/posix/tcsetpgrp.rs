//! The group in the foreground of a terminal.

use super::*;
use crate::common::process::sleeper;
use crate::common::{self, fd};
use crate::session::job::{in_session, pty};
use signal::session::{foreground, join_group, new_group, own_group, set_foreground};
use signal::{install, kill, Errno, Handler, Pid, SIGTTOU};

fn killed(pid: Pid) {
    kill(pid, SIGKILL).unwrap();
    assert_eq!(common::wait_for(pid).signal(), Some(SIGKILL));
}

/// A group of the session becomes that in the foreground, which `tcgetpgrp` tells.
/// XSH tcsetpgrp, DESCRIPTION; XSH tcgetpgrp, DESCRIPTION
fn a_group_of_the_session_comes_to_the_foreground() {
    in_session(|terminal| {
        let job = sleeper();
        join_group(job, job).unwrap();
        assert_eq!(foreground(fd(terminal)), Ok(Some(own_group())));
        for group in [job, own_group()] {
            assert_eq!(set_foreground(fd(terminal), group), Ok(()));
            assert_eq!(foreground(fd(terminal)), Ok(Some(group)));
        }
        killed(job);
    });
}

/// A process in the background that blocks SIGTTOU, as this crate does for the time of the call,
/// may do it too, and gets no SIGTTOU.
/// XSH tcsetpgrp, DESCRIPTION
fn the_background_may_do_it_with_sigttou_blocked() {
    in_session(|terminal| {
        install(SIGTTOU, Handler::Default).unwrap();
        common::in_child(|| {
            let group = new_group().unwrap();
            assert_ne!(foreground(fd(terminal)), Ok(Some(group)));
            assert_eq!(set_foreground(fd(terminal), group), Ok(()));
            assert_eq!(foreground(fd(terminal)), Ok(Some(group)));
            assert!(!signal::pending().contains(SIGTTOU));
        });
    });
}

/// EPERM: the group is none of the session's. ENOTTY: it is not the controlling terminal.
/// XSH tcsetpgrp, ERRORS
fn other_groups_and_other_terminals_are_errors() {
    let other = common::own_group();
    let (not_mine, _person) = pty();
    in_session(|terminal| {
        assert_eq!(set_foreground(fd(terminal), other), Err(Errno::EPERM));
        assert_eq!(set_foreground(fd(&not_mine), own_group()), Err(Errno::ENOTTY));
        let (pipe, _write) = common::pipe();
        assert_eq!(set_foreground(fd(&pipe), own_group()), Err(Errno::ENOTTY));
        assert_eq!(foreground(fd(terminal)), Ok(Some(own_group())));
    });
}

requirements! {
    a_group_of_the_session_comes_to_the_foreground,
    the_background_may_do_it_with_sigttou_blocked,
    other_groups_and_other_terminals_are_errors,
}
