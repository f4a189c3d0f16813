//! What services use: each has a session of its own, with the number of its first process.

use std::collections::HashMap;

#[derive(Clone, Copy, Default)]
pub struct Usage {
    pub cpu_seconds: f64,
    /// Resident bytes; what processes share counts for each.
    pub memory: u64,
}

#[cfg(target_os = "linux")]
pub fn by_session() -> HashMap<i32, Usage> {
    let mut sessions: HashMap<i32, Usage> = HashMap::new();
    let ticks = procfs::ticks_per_second() as f64;
    for process in procfs::process::all_processes().into_iter().flatten().flatten() {
        // It may have ended meanwhile.
        let Ok(stat) = process.stat() else { continue };
        let usage = sessions.entry(stat.session).or_default();
        usage.cpu_seconds += (stat.utime + stat.stime) as f64 / ticks;
        usage.memory += stat.rss * procfs::page_size();
    }
    sessions
}

/// Only Linux tells it in files.
#[cfg(not(target_os = "linux"))]
pub fn by_session() -> HashMap<i32, Usage> {
    HashMap::new()
}
