//! Whose a TCP port is.

use crate::ready::is_listening;
use crate::supervisor::Probe;
use signal::Pid;

/// Who listened at some time.
#[derive(Debug, Default)]
pub struct Port {
    open: bool,
    /// The sockets, where the system tells which they are.
    sockets: Vec<u64>,
}

pub fn look(port: u16) -> Port {
    let open = is_listening(port);
    Port { open, sockets: if open { sockets::of(port) } else { Vec::new() } }
}

/// Whether it is `leader`'s service that listens there, which has been started after `before`.
pub fn probe(port: u16, before: &Port, leader: Option<Pid>) -> Probe {
    let now = look(port);
    if !now.open {
        return Probe::NotYet;
    }
    if !before.open || now.sockets.iter().any(|socket| !before.sockets.contains(socket)) {
        return Probe::Ready;
    }
    if before.sockets.is_empty() {
        tracing::warn!("somebody listened on port {port} before: whose it is cannot be told here");
        return Probe::Ready;
    }
    match leader.and_then(|leader| sockets::holder(&now.sockets, leader)) {
        Some(sockets::Holder::Service) => Probe::Ready,
        Some(sockets::Holder::Other(who)) => Probe::Odd(format!(
            "port {port} is not its own: {who} has listened there since before it was started"
        )),
        None => Probe::Odd(format!(
            "port {port} is not its own: somebody has listened there since before it was started"
        )),
    }
}

#[cfg(target_os = "linux")]
mod sockets {
    use procfs::net::{tcp, tcp6, TcpState};
    use procfs::process::{all_processes, FDTarget, Process};
    use signal::Pid;
    use std::collections::{HashMap, HashSet};

    pub enum Holder {
        Service,
        Other(String),
    }

    /// Those that listen on a port.
    pub fn of(port: u16) -> Vec<u64> {
        let entries = [tcp(), tcp6()].into_iter().flatten().flatten();
        let listens = |entry: &procfs::net::TcpNetEntry| {
            entry.state == TcpState::Listen && entry.local_address.port() == port
        };
        entries.filter(listens).map(|entry| entry.inode).collect()
    }

    /// Who has one of the sockets open, as far as that can be seen.
    pub fn holder(sockets: &[u64], leader: Pid) -> Option<Holder> {
        let processes: Vec<Process> = all_processes().ok()?.flatten().collect();
        let stats: HashMap<i32, _> = processes
            .iter()
            .filter_map(|process| Some((process.pid, process.stat().ok()?)))
            .collect();
        let mut other = None;
        for process in &processes {
            let Ok(fds) = process.fd() else { continue };
            let has =
                |target| matches!(target, FDTarget::Socket(inode) if sockets.contains(&inode));
            if fds.flatten().any(|fd| has(fd.target)) {
                if descends(process.pid, leader, &stats) {
                    return Some(Holder::Service);
                }
                let name = stats.get(&process.pid).map_or("", |stat| stat.comm.as_str());
                // Its workers come later.
                other.get_or_insert_with(|| {
                    Holder::Other(format!("process {} ({name})", process.pid))
                });
            }
        }
        other
    }

    fn descends(mut pid: i32, leader: Pid, stats: &HashMap<i32, procfs::process::Stat>) -> bool {
        let mut seen = HashSet::new();
        while let Some(stat) = stats.get(&pid) {
            if pid == leader.as_raw() || stat.session == leader.as_raw() {
                return true;
            }
            if !seen.insert(pid) {
                break;
            }
            pid = stat.ppid;
        }
        false
    }
}

#[cfg(not(target_os = "linux"))]
mod sockets {
    pub enum Holder {
        #[allow(dead_code)] // nothing tells here
        Service,
        #[allow(dead_code)]
        Other(String),
    }

    pub fn of(_: u16) -> Vec<u64> {
        Vec::new()
    }

    pub fn holder(_: &[u64], _: signal::Pid) -> Option<Holder> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_a_services_own_if_it_was_taken_after_the_start() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(probe(port, &Port::default(), None), Probe::Ready);
        // It was there before; this process is not the service.
        let before = look(port);
        let nobody = Pid::from_raw(i32::MAX);
        let Probe::Odd(why) = probe(port, &before, nobody) else { panic!("it is not its own") };
        assert!(why.contains(&format!("port {port} is not its own")), "{why}");
        if cfg!(target_os = "linux") {
            assert!(why.contains(&format!("process {}", std::process::id())), "{why}");
            // Inherited from before the start, and its own.
            assert_eq!(probe(port, &before, Some(Pid::current())), Probe::Ready);
        }
        drop(listener);
        assert_eq!(probe(port, &before, nobody), Probe::NotYet);
    }
}
