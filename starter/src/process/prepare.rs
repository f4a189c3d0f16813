//! What happens to a process before it is the service's program.

use super::launch::Launcher;
use super::Processes;
use crate::accounts::{Account, Identity};
use crate::config::Service;
use crate::platform;
use libc::rlim_t;
use nix::errno::Errno;
use nix::sys::resource::{getrlimit, setrlimit, Resource};
use nix::sys::stat::{umask, Mode};
use nix::unistd::Uid;
use signal::{session, CommandExt as _, Pid, Signal};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

/// The descriptor on which a service can say that it is ready: one digit, for shells know no
/// others.
pub const NOTIFY_FD: i32 = 3;

/// How many descriptors there may be.
#[derive(Clone, Copy)]
pub struct Limits {
    /// What the starter was started with, and services are.
    soft: rlim_t,
    hard: rlim_t,
}

impl Limits {
    /// Takes as many for the starter as it may have: each service costs one or two.
    pub fn raise() -> io::Result<Limits> {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
        let limits = Limits { soft, hard };
        if setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_err() {
            return Ok(Limits { hard: soft, ..limits });
        }
        Ok(limits)
    }

    pub fn allowed(&self) -> rlim_t {
        getrlimit(Resource::RLIMIT_NOFILE).map_or(self.hard, |(soft, _)| soft)
    }
}

/// The descriptors that are open, as far as a service can ask for them: those that the starter was
/// started with, when it asks before it opens its own.
pub fn open_descriptors() -> Vec<RawFd> {
    // SAFETY: takes plain values.
    let is_open = |fd: &RawFd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } != -1;
    (NOTIFY_FD + 1..1024).filter(is_open).collect()
}

#[derive(Clone, Copy)]
enum Nofile {
    Set(u64),
    /// What the starter was started with.
    AsBefore(Limits),
}

/// The steps that can fail, for the message. They travel in the upper half of an error's number:
/// nothing else comes out of the child.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    Descriptor = 1,
    Nice,
    Limit,
    Cgroup,
    Identity,
}

impl Step {
    pub const ALL: [Step; 5] =
        [Step::Descriptor, Step::Nice, Step::Limit, Step::Cgroup, Step::Identity];

    fn mark(self, error: Errno) -> io::Error {
        io::Error::from_raw_os_error(error as i32 | (self as i32) << 16)
    }

    /// Which step an error comes from, and the error.
    pub fn of(error: &io::Error) -> Option<(Step, io::Error)> {
        let number = error.raw_os_error()?;
        let step = Step::ALL.into_iter().find(|step| *step as i32 == number >> 16)?;
        Some((step, io::Error::from_raw_os_error(number & 0xffff)))
    }
}

/// All that it takes, looked up before.
pub struct Steps {
    pub command: Command,
    /// Where it writes; `None`: where the starter does.
    pub output: Option<OwnedFd>,
    pub inside: Inside,
}

/// What the new process does before it is the program.
pub struct Inside {
    /// The service's end of the pipe on which it says that it is ready.
    pub notify: Option<RawFd>,
    new_session: bool,
    parent: Pid,
    descriptors: Vec<RawFd>,
    umask: Option<u32>,
    nice: Option<i32>,
    nofile: Nofile,
    core: Option<u64>,
    /// Where it writes itself into its cgroup.
    cgroup: Option<File>,
    identity: Option<Identity>,
    last_word: Signal,
}

impl Processes {
    pub(super) fn prepare(
        &mut self,
        name: &str,
        service: &Service,
        words: &[String],
        main: bool,
    ) -> io::Result<Steps> {
        // Under such a number there could be one of the starter's own, or of `Command`.
        if let Some(fd) = service.descriptors.iter().find(|fd| !self.inherited.contains(fd)) {
            let text = format!("`descriptors`: the starter was started without {fd}");
            return Err(io::Error::other(text));
        }
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        // Those are the starter's own, if it has them.
        for variable in ["NOTIFY_SOCKET", "NOTIFY_FD", "WATCHDOG_USEC", "WATCHDOG_PID"] {
            command.env_remove(variable);
        }
        command.envs(&service.environment);
        if let Some(watchdog) = service.watchdog {
            command.env("WATCHDOG_USEC", watchdog.as_micros().to_string());
        }
        if let Some(directory) = &service.directory {
            command.current_dir(directory);
        }
        let identity = match &service.account {
            Some(Account::Unknown(why)) => return Err(io::Error::other(why.clone())),
            Some(Account::Known(identity)) => Some(introduce(&mut command, identity, service)?),
            None => None,
        };
        let cgroup = self.cgroups.as_mut().filter(|_| main);
        let inside = Inside {
            notify: None,
            new_session: !self.shared_group,
            parent: Pid::current(),
            descriptors: service.descriptors.clone(),
            umask: service.umask,
            nice: service.nice,
            nofile: match service.nofile {
                Some(number) => Nofile::Set(number),
                None => Nofile::AsBefore(self.limits),
            },
            core: service.core,
            cgroup: cgroup.and_then(|cgroups| cgroups.entrance(name)),
            identity: identity.flatten(),
            last_word: service.stop_signal,
        };
        Ok(Steps { command, output: None, inside })
    }
}

/// Who it is in its environment. Returns whom it has to become.
fn introduce(
    command: &mut Command,
    identity: &Identity,
    service: &Service,
) -> io::Result<Option<Identity>> {
    if let Some((name, home)) = &identity.entry {
        for (variable, value) in
            [("HOME", home.as_os_str()), ("USER", name.as_ref()), ("LOGNAME", name.as_ref())]
        {
            if !service.environment.contains_key(variable) {
                command.env(variable, value);
            }
        }
    }
    let own = Uid::effective();
    if own.is_root() {
        Ok(Some(identity.clone()))
    } else if own == identity.uid && service.group.is_none() {
        Ok(None)
    } else {
        let who = service.user.as_deref().or(service.group.as_deref()).unwrap_or_default();
        Err(io::Error::other(format!("only root can start it as `{who}`")))
    }
}

impl Steps {
    /// Whose the sockets of the service are to be.
    pub fn owner(&self) -> Option<Uid> {
        self.inside.identity.as_ref().map(|identity| identity.uid)
    }

    /// `null` is open for reading and has nothing to say.
    pub fn start(self, launcher: &mut Launcher, null: &File) -> io::Result<Pid> {
        let Steps { mut command, output, mut inside } = self;
        // The C library changes the user of all threads that it sees, and those are the starter's.
        if inside.identity.is_none() && Launcher::WORKS {
            let output = output.as_ref().map(AsRawFd::as_raw_fd);
            let streams = [Some(null.as_raw_fd()), output, output];
            // SAFETY: system calls, no allocation and no lock: everything has been looked up before.
            return unsafe { launcher.launch(&command, streams, || inside.take_steps()) };
        }
        command.stdin(Stdio::null());
        if let Some(output) = output {
            command.stdout(output.try_clone()?).stderr(output);
        }
        // SAFETY: as above.
        unsafe { command.pre_exec(move || inside.take_steps()) };
        command.reset_signals();
        command.spawn_with_signals_blocked().map(|child| Pid::from(&child))
    }
}

impl Inside {
    fn take_steps(&mut self) -> io::Result<()> {
        if self.new_session {
            session::new_session()?;
        }
        pass_on(self.notify, &self.descriptors).map_err(|error| Step::Descriptor.mark(error))?;
        if let Some(mask) = self.umask {
            umask(Mode::from_bits_truncate(mask as _));
        }
        set_nice(self.nice).map_err(|error| Step::Nice.mark(error))?;
        limit(self.nofile, self.core).map_err(|error| Step::Limit.mark(error))?;
        if let Some(cgroup) = &mut self.cgroup {
            let joined = cgroup.write_all(b"0");
            let number = |error: io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(0));
            joined.map_err(|error| Step::Cgroup.mark(number(error)))?;
        }
        if let Some(identity) = &self.identity {
            take(identity).map_err(|error| Step::Identity.mark(error))?;
        }
        // After the change of user, which would undo it.
        Ok(platform::die_with_parent(self.parent, self.last_word)?)
    }
}

/// Has the child find its end of the pipe under the number `NOTIFY_FD`, and what else it is to
/// inherit. In the starter that number must be taken (`Processes::new` sees to it), or it could be
/// that of the pipe by which `Command` tells of errors.
fn pass_on(notify: Option<RawFd>, descriptors: &[RawFd]) -> Result<(), Errno> {
    for fd in descriptors {
        // SAFETY: takes plain values.
        Errno::result(unsafe { libc::fcntl(*fd, libc::F_SETFD, 0) })?;
    }
    if let Some(fd) = notify {
        // SAFETY: takes plain values.
        Errno::result(unsafe { libc::dup2(fd, NOTIFY_FD) })?;
    }
    Ok(())
}

fn set_nice(nice: Option<i32>) -> Result<(), Errno> {
    let Some(nice) = nice else { return Ok(()) };
    // SAFETY: takes plain values.
    Errno::result(unsafe { libc::setpriority(libc::PRIO_PROCESS as _, 0, nice) }).map(drop)
}

fn limit(nofile: Nofile, core: Option<u64>) -> Result<(), Errno> {
    match nofile {
        Nofile::Set(number) => {
            setrlimit(Resource::RLIMIT_NOFILE, number as rlim_t, number as rlim_t)?;
        }
        // Somebody may have lowered the starter's own meanwhile.
        Nofile::AsBefore(Limits { soft, hard }) => {
            let _ = setrlimit(Resource::RLIMIT_NOFILE, soft, hard);
        }
    }
    match core {
        Some(size) => setrlimit(Resource::RLIMIT_CORE, size as rlim_t, size as rlim_t),
        None => Ok(()),
    }
}

fn take(identity: &Identity) -> Result<(), Errno> {
    #[cfg(not(target_vendor = "apple"))]
    nix::unistd::setgroups(&identity.groups)?;
    nix::unistd::setgid(identity.gid)?;
    nix::unistd::setuid(identity.uid)
}
