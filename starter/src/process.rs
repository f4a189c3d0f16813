//! Services as processes: started, signalled, looked at.

use crate::config::{Ready, Service};
use crate::notify::{Message, Notifier};
use crate::platform;
use crate::ready;
use crate::supervisor::{Kernel, SpawnError, Target};
use indexmap::IndexMap;
use nix::unistd::{Gid, Uid, User};
use signal::{CommandExt as _, Pid, Signal};
use std::collections::HashMap;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

pub struct Processes {
    /// Services share the starter's process group, as all did in 2001.
    pub shared_group: bool,
    /// Where the sockets are on which services say that they are ready.
    notify_directory: PathBuf,
    notifiers: IndexMap<String, Notifier>,
    /// The state of the file that a service will make, before it was started.
    stamps: HashMap<String, ready::Stamp>,
    /// Nothing else is to get the number `NOTIFY_FD`, if it was free.
    _placeholder: File,
}

impl Processes {
    /// `placeholder` was opened before anything else.
    pub fn new(notify_directory: PathBuf, shared_group: bool, placeholder: File) -> Processes {
        Processes {
            shared_group,
            notify_directory,
            notifiers: IndexMap::new(),
            stamps: HashMap::new(),
            _placeholder: placeholder,
        }
    }

    /// What to wait for: descriptors on which services speak, with their names.
    pub fn listening(&self) -> impl Iterator<Item = (&str, BorrowedFd<'_>)> {
        self.notifiers
            .iter()
            .flat_map(|(name, notifier)| notifier.fds().map(move |fd| (name.as_str(), fd)))
    }

    /// What a service has said.
    pub fn hear(&mut self, name: &str) -> Vec<Message> {
        self.notifiers.get_mut(name).map_or_else(Vec::new, Notifier::hear)
    }

    fn prepare(
        &mut self,
        name: &str,
        service: &Service,
        account: Option<&User>,
    ) -> io::Result<Command> {
        let mut command = Command::new(&service.command[0]);
        command.args(&service.command[1..]).stdin(Stdio::null());
        // Those are the starter's own, if it has them.
        command.env_remove("NOTIFY_SOCKET").env_remove("NOTIFY_FD").envs(&service.environment);
        if let Some(directory) = &service.directory {
            command.current_dir(directory);
        }
        if let Some(account) = account {
            become_user(&mut command, account, service)?;
        }
        if service.ready == Ready::Notify {
            let owner = account.map(|account| account.uid);
            self.notifiers.insert(
                name.to_owned(),
                Notifier::new(&self.notify_directory, owner, &mut command)?,
            );
        }
        if !self.shared_group {
            command.new_session();
        }
        let (parent, last_word) = (Pid::current(), service.stop_signal);
        // SAFETY: two system calls, no allocation and no lock.
        unsafe { command.pre_exec(move || Ok(platform::die_with_parent(parent, last_word)?)) };
        command.reset_signals();
        Ok(command)
    }
}

impl Kernel for Processes {
    fn spawn(&mut self, name: &str, service: &Service) -> Result<Pid, SpawnError> {
        let account = service.user.as_deref().map(account).transpose()?;
        if let Ready::File(file) = &service.ready {
            self.stamps.insert(name.to_owned(), ready::stamp(file));
        }
        let started = self
            .prepare(name, service, account.as_ref())
            .map_err(|error| classify(&error, error.to_string()))
            .and_then(|mut command| {
                command.spawn_with_signals_blocked().map_err(|error| explain(service, &error))
            });
        match started {
            Ok(child) => {
                if let Some(notifier) = self.notifiers.get_mut(name) {
                    notifier.started();
                }
                Ok(Pid::from(&child))
            }
            Err(error) => {
                self.ended(name);
                Err(error)
            }
        }
    }

    fn signal(&mut self, target: Target, signal: Signal) -> bool {
        match (target, self.shared_group) {
            (Target::Service(pid), true) => signal::kill(pid, signal).is_ok(),
            // Who belonged to it cannot be told.
            (Target::LeftBy(_), true) => false,
            (Target::Service(pid) | Target::LeftBy(pid), false) => {
                signal::kill_group(pid, signal).is_ok()
            }
        }
    }

    fn is_ready(&mut self, name: &str, service: &Service) -> bool {
        match &service.ready {
            Ready::Started => true,
            Ready::Notify => false,
            Ready::Port(port) => ready::is_listening(*port),
            Ready::File(file) => {
                self.stamps.get(name) != Some(&ready::stamp(file)) && file.exists()
            }
        }
    }

    fn ended(&mut self, name: &str) {
        self.notifiers.shift_remove(name);
        self.stamps.remove(name);
    }
}

fn account(name: &str) -> Result<User, SpawnError> {
    let found = User::from_name(name)
        .map_err(|error| SpawnError::Passing(format!("user `{name}`: {error}")))?;
    let account =
        found.ok_or_else(|| SpawnError::Hopeless(format!("there is no user `{name}`")))?;
    if Uid::effective().is_root() || Uid::effective() == account.uid {
        Ok(account)
    } else {
        Err(SpawnError::Hopeless(format!("only root can start it as user `{name}`")))
    }
}

fn become_user(command: &mut Command, account: &User, service: &Service) -> io::Result<()> {
    for (variable, value) in [
        ("HOME", account.dir.as_os_str()),
        ("USER", account.name.as_ref()),
        ("LOGNAME", account.name.as_ref()),
    ] {
        if !service.environment.contains_key(variable) {
            command.env(variable, value);
        }
    }
    if Uid::effective() == account.uid {
        return Ok(());
    }
    let (uid, gid) = (account.uid, account.gid);
    let groups = groups(&CString::new(account.name.as_str())?, gid)?;
    // SAFETY: three system calls, no allocation and no lock: the groups have been looked up before.
    unsafe { command.pre_exec(move || Ok(take_identity(&groups, gid, uid)?)) };
    Ok(())
}

#[cfg(not(target_vendor = "apple"))]
fn groups(name: &std::ffi::CStr, gid: Gid) -> nix::Result<Vec<Gid>> {
    nix::unistd::getgrouplist(name, gid)
}

#[cfg(target_vendor = "apple")]
fn groups(_: &std::ffi::CStr, _: Gid) -> nix::Result<Vec<Gid>> {
    Ok(Vec::new())
}

fn take_identity(groups: &[Gid], gid: Gid, uid: Uid) -> nix::Result<()> {
    #[cfg(not(target_vendor = "apple"))]
    nix::unistd::setgroups(groups)?;
    #[cfg(target_vendor = "apple")]
    let _ = groups;
    nix::unistd::setgid(gid)?;
    nix::unistd::setuid(uid)
}

/// Names what could not be started: the system's error does not.
fn explain(service: &Service, error: &io::Error) -> SpawnError {
    if let Some(directory) = service.directory.as_deref().filter(|directory| !directory.is_dir()) {
        return SpawnError::Hopeless(format!("directory `{}`: {error}", directory.display()));
    }
    let text = format!("program `{}`: {error}", service.command[0]);
    match error.kind() {
        io::ErrorKind::NotFound => SpawnError::Absent(text),
        _ => classify(error, text),
    }
}

/// Whether it is worth another try.
fn classify(error: &io::Error, text: String) -> SpawnError {
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::ENOMEM | libc::EMFILE | libc::ENFILE | libc::ETXTBSY) => {
            SpawnError::Passing(text)
        }
        _ => SpawnError::Hopeless(text),
    }
}

/// The descriptor on which a service can say that it is ready: one digit, for shells know no
/// others.
pub const NOTIFY_FD: i32 = 3;

/// Has the child find this descriptor under the number `NOTIFY_FD`. In the starter that number must
/// be taken (`Processes::new` sees to it), or it could be that of the pipe by which `Command` tells
/// of errors.
pub fn pass_on(command: &mut Command, fd: &impl AsRawFd) {
    let fd = fd.as_raw_fd();
    // SAFETY: one system call on plain values.
    unsafe {
        command.pre_exec(move || match libc::dup2(fd, NOTIFY_FD) {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        })
    };
}
