//! What docs/coming-from/ shows does, on both sides, what it is there for.

use ::signal::session::reset_signals;
use ecosystem::coming_from::{ctrlc, libc, nix, signal_hook, tokio, Outcome, Peer};
use ecosystem::process;

fn both_sides(peer: &Peer) {
    for row in peer.rows {
        let sides = [("there", row.there), ("here", row.here)];
        for ((side, function), end) in sides.into_iter().zip(row.ends) {
            let run = |function: fn() -> Outcome| match function() {
                Ok(()) => 0,
                Err(error) => {
                    println!("{error}");
                    process::WRONG
                }
            };
            // A job in the background of a shell has inherited some as ignored.
            let run = |function| {
                reset_signals();
                run(function)
            };
            println!("{}, {side}", row.name);
            assert_eq!(process::run(|| run(function)), end, "{}, {side}", row.name);
        }
    }
}

fn from_ctrlc() {
    both_sides(&ctrlc::PEER);
}

fn from_libc() {
    both_sides(&libc::PEER);
}

fn from_nix() {
    both_sides(&nix::PEER);
}

fn from_signal_hook() {
    both_sides(&signal_hook::PEER);
}

fn from_tokio() {
    both_sides(&tokio::PEER);
}

tests! { from_ctrlc, from_libc, from_nix, from_signal_hook, from_tokio }
