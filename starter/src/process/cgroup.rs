//! A cgroup for each service, on Linux, where the starter may make one: nothing of a service leaves
//! it, whatever sessions it makes.

use nix::fcntl::{Flock, FlockArg};
use signal::{kill, Pid, Signal, SIGKILL};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// Of the starter's cgroup, before its process id and a number.
const PREFIX: &str = "starter-";

pub struct Cgroups {
    /// The starter's, below its own.
    base: PathBuf,
    /// It is locked as long as the starter lives, whatever number that has where others see it.
    _lock: Flock<File>,
}

/// How often, and how long each time, the end of what is killed is waited for.
const LOOKS: u32 = 100;
const LOOK: Duration = Duration::from_millis(10);

impl Cgroups {
    /// `None`: this system has none, or they are somebody else's.
    pub fn find() -> Option<Cgroups> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let own = own.lines().find_map(|line| line.strip_prefix("0::/"))?.to_owned();
        let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
        let mount = mounts.lines().find_map(|line| {
            let mut fields = line.split(' ').skip(1);
            fields.next().filter(|_| fields.next() == Some("cgroup2"))
        })?;
        let own = Path::new(mount).join(own);
        // Who may not write here may not move a process from here either.
        File::options().write(true).open(own.join("cgroup.procs")).ok()?;
        sweep(&own);
        // In another container there can be another starter of this number.
        (1..).find_map(|count| {
            let base = own.join(format!("{PREFIX}{}.{count}", std::process::id()));
            match fs::create_dir(&base) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => None,
                Err(_) => Some(None),
                // Another may just have swept it: then there is the next number.
                Ok(()) => lock(&base).map(|_lock| Some(Cgroups { base, _lock })),
            }
        })?
    }

    fn path(&self, name: &str) -> PathBuf {
        // Nothing of the kernel's begins so.
        self.base.join(format!("service-{name}"))
    }

    /// Where a process that is to belong to the service writes itself in.
    pub fn entrance(&mut self, name: &str) -> Option<File> {
        let path = self.path(name);
        // Somebody may have frozen it: who enters stands still before `exec`, and the starter with
        // it, which waits for that.
        if path.exists() {
            let _ = fs::write(path.join("cgroup.freeze"), "0");
        }
        let entrance = fs::create_dir_all(&path)
            .and_then(|()| File::options().write(true).open(path.join("cgroup.procs")));
        let warn = |error| tracing::warn!(service = name, "has no cgroup of its own: {error}");
        entrance.map_err(warn).ok()
    }

    /// Signals those that have left the group `leader`. Returns whether there is anybody in it.
    pub fn signal(&self, name: &str, leader: Pid, signal: Signal) -> Option<bool> {
        let path = self.path(name);
        let members = members(&path)?;
        if signal == SIGKILL && fs::write(path.join("cgroup.kill"), "1").is_ok() {
            return Some(!members.is_empty());
        }
        for &pid in &members {
            let group = nix::unistd::getpgid(Some(nix::unistd::Pid::from_raw(pid.as_raw())));
            if group.map_or(true, |group| group.as_raw() != leader.as_raw()) {
                // It may have ended meanwhile.
                let _ = kill(pid, signal);
            }
        }
        Some(!members.is_empty())
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        remove_all(&self.base);
    }
}

/// Those in a cgroup and below it: a service may be a supervisor that makes cgroups itself.
fn members(path: &Path) -> Option<Vec<Pid>> {
    let text = fs::read_to_string(path.join("cgroup.procs")).ok()?;
    let pid = |line: &str| Pid::from_raw(line.parse().ok()?);
    let mut found: Vec<Pid> = text.lines().filter_map(pid).collect();
    for inner in inner(path) {
        found.extend(members(&inner).into_iter().flatten());
    }
    Some(found)
}

fn inner(path: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let is_directory = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|it| it.is_dir());
    entries.filter(move |entry| is_directory(entry)).map(|entry| entry.path())
}

/// `None`: the starter that made it lives, or it is gone.
fn lock(base: &Path) -> Option<Flock<File>> {
    let lock = Flock::lock(File::open(base).ok()?, FlockArg::LockExclusiveNonblock).ok()?;
    let number = |data: fs::Metadata| data.ino();
    let ours = lock.metadata().map(number).ok()?;
    (ours == fs::symlink_metadata(base).map(number).ok()?).then_some(lock)
}

/// What starters that were killed have left.
fn sweep(own: &Path) {
    for entry in fs::read_dir(own).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('.').next());
        let pid = number.and_then(|number| Pid::from_raw(number.parse().ok()?));
        // One of this process's number is a former process 1. One whose number nobody has here may
        // live in another container: the lock tells.
        if pid.is_some_and(|pid| pid == Pid::current() || !signal::exists(pid)) {
            let base = entry.path();
            if let Some(_lock) = lock(&base) {
                clear(&base);
            }
        }
    }
}

/// Kills what is in it, and removes it.
fn clear(base: &Path) {
    for _ in 0..LOOKS {
        remove_all(base);
        let Some(members) = members(base) else { return };
        if fs::write(base.join("cgroup.kill"), "1").is_err() {
            for pid in members {
                let _ = kill(pid, SIGKILL);
            }
        }
        sleep(LOOK);
    }
    tracing::warn!("{}: what a killed starter has left does not end", base.display());
}

/// With what services have made themselves. What is not empty stays.
fn remove_all(path: &Path) {
    inner(path).for_each(|inner| remove_all(&inner));
    let _ = fs::remove_dir(path);
}
