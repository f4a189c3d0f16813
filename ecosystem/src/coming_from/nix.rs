//! Coming from nix.

mod handlers;
mod masks;
mod processes;

use super::rows;
use handlers::*;
use masks::*;
use processes::*;

rows! {
    "nix",
    "nix/handlers.rs" "nix/masks.rs" "nix/processes.rs":
    function, function_with_info, ignore, for_a_while,
    sets, block_region, block_for_good, wait_for_one, suspend, signal_fd,
    send, ask_for_process, reap_all, wait_for_child, stopped_child, names,
}
