//! Starts three programs and collects each as it ends: SIGCHLD comes through a self-pipe.

use signal::{child, SelfPipe, SIGCHLD, SIGINT, SIGTERM};
use std::process::Command;

fn main() -> std::io::Result<()> {
    let pipe = SelfPipe::new(SIGCHLD | SIGINT | SIGTERM)?; // before the first child
    let mut running = 3;
    for code in 1..=running {
        Command::new("sh").args(["-c", &format!("exit {code}")]).spawn()?;
    }
    while running > 0 {
        // Or poll, epoll, kqueue on pipe.as_raw_fd(), and then pipe.pending().
        let arrived = pipe.wait()?;
        for exited in child::reap_any() {
            let exited = exited?; // one SIGCHLD can stand for many
            println!("child {} {}", exited.pid, exited.status);
            running -= 1;
        }
        if arrived.contains(SIGINT) || arrived.contains(SIGTERM) {
            break;
        }
    }
    Ok(())
}
