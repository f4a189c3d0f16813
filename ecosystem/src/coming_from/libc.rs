//! Coming from libc: `check` makes an error of −1.

mod handlers;
mod masks;
mod processes;
mod sending;
mod waiting;

use super::rows;
use crate::process::End;
use handlers::*;
use libc::c_int;
use masks::*;
use processes::*;
use sending::*;
use std::io;
use waiting::*;

fn check(result: c_int) -> io::Result<c_int> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        result => Ok(result),
    }
}

rows! {
    "libc",
    "libc/handlers.rs" "libc/masks.rs" "libc/waiting.rs" "libc/sending.rs" "libc/processes.rs":
    function, function_with_info, extern_function, flag, ignore, for_a_while, ask, alt_stack,
    block_region, block_for_good, look_at_pending, suspend,
    wait_for_one, wait_with_limit, signal_fd, self_pipe, interrupted,
    send, send_to_group, ask_for_process, send_to_thread, send_value,
    die => [End::Signal(libc::SIGTERM); 2],
    alarm_once, timer_again,
    reap_all, wait_for_child, child_with_limit, stopped_child, new_session, background,
    terminal,
}
