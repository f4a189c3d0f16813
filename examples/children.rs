//! Starts three programs and collects each as it ends: SIGCHLD comes through a self-pipe.

use signal::{child, Pid, SelfPipe, SIGCHLD, SIGINT, SIGTERM};
use std::{collections::HashMap, io, process::Command};

fn main() -> io::Result<()> {
    let pipe = SelfPipe::new(SIGCHLD | SIGINT | SIGTERM)?; // before the first child
    let mut running = HashMap::new();
    for code in 1..=3 {
        let child = Command::new("sh").args(["-c", &format!("exit {code}")]).spawn()?;
        running.insert(Pid::from(&child), code);
    }
    while !running.is_empty() {
        // Or poll, epoll, kqueue on pipe.as_raw_fd(), next to sockets, and then pipe.pending().
        let arrived = pipe.wait()?;
        // One SIGCHLD can stand for many children: collect until no more have ended.
        for exited in child::reap_any() {
            let exited = exited?;
            if let Some(code) = running.remove(&exited.pid) {
                println!("child {code} {}", exited.status);
            }
        }
        if arrived.contains(SIGINT) || arrived.contains(SIGTERM) {
            break;
        }
    }
    Ok(())
}
