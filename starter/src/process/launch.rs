//! Starting a program without copying the starter's memory, as `posix_spawn` does, which knows too
//! few steps. The copy that `fork` makes, and each page that is written afterwards, cost more than
//! all the rest.
//!
//! The child shares the memory and has a stack of its own; the starter's thread waits until it has
//! called `exec` or has ended. So what runs in the child makes system calls on what was prepared
//! before, and changes nothing that is the starter's. No handler runs there: all but faults is blocked
//! until the handlers are gone.

use nix::errno::Errno;
use signal::{child, session, BlockGuard, Pid, SignalSet};
use std::collections::BTreeMap;
use std::env;
use std::ffi::{c_char, CStr, CString, NulError, OsStr, OsString};
use std::io;
use std::os::fd::RawFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::process::Command;
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

const SHELL: &CStr = c"/bin/sh";

/// Debug builds take 3 KiB of it.
const STACK: usize = 32 * 1024;

pub struct Launcher {
    stack: Vec<u8>,
}

impl Launcher {
    /// Whether this system can do that. Where it cannot, there is `fork`.
    pub const WORKS: bool = cfg!(any(target_os = "linux", target_os = "android"));

    pub fn new() -> Launcher {
        Launcher { stack: vec![0; STACK] }
    }

    /// Starts the program that `command` describes, with `streams` as its first descriptors
    /// (`None`: the starter's own), after `steps`.
    ///
    /// # Safety
    ///
    /// `steps` runs in the child: it must be async-signal-safe and must write nowhere but to its
    /// own stack.
    pub unsafe fn launch(
        &mut self,
        command: &Command,
        streams: [Option<RawFd>; 3],
        mut steps: impl FnMut() -> io::Result<()>,
    ) -> io::Result<Pid> {
        let mut program = Program::new(command)?;
        let error = AtomicI32::new(0);
        let run = || {
            let ready = connect(streams).and_then(|()| program.enter()).and_then(|()| steps());
            let failed = match ready {
                Ok(()) => {
                    session::reset_signals();
                    program.exec().into()
                }
                Err(error) => error,
            };
            error.store(failed.raw_os_error().unwrap_or(libc::EINVAL), Relaxed);
            // SAFETY: ends the child, and runs nothing that is the starter's.
            unsafe { libc::_exit(127) }
        };
        let pid = {
            let _blocked = BlockGuard::new(SignalSet::asynchronous());
            // SAFETY: `run` does not return. It makes system calls, `steps` by the caller's promise.
            unsafe { share_memory(Box::new(run), &mut self.stack) }?
        };
        match error.into_inner() {
            0 => Ok(pid),
            number => {
                // It has ended. Whatever this says, the caller wants to know why.
                let _ = child::wait(pid);
                Err(io::Error::from_raw_os_error(number))
            }
        }
    }
}

/// Runs `child` in a child on `stack`, and returns when it has called `exec` or has ended: what it
/// borrows lives so long.
///
/// # Safety
///
/// `child` must be async-signal-safe, write nowhere but to its own stack and what it borrows, and not
/// return.
#[cfg(any(target_os = "linux", target_os = "android"))]
unsafe fn share_memory(child: Box<dyn FnMut() -> isize + '_>, stack: &mut [u8]) -> io::Result<Pid> {
    use nix::sched::{clone, CloneFlags};
    let flags = CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK;
    // SAFETY: by the caller's promise. This thread waits; the stack is the child's alone, and large
    // enough.
    let pid = unsafe { clone(child, stack, flags, Some(libc::SIGCHLD)) }?;
    Pid::from_raw(pid.as_raw()).ok_or_else(|| io::ErrorKind::Other.into())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
unsafe fn share_memory(_: Box<dyn FnMut() -> isize + '_>, _: &mut [u8]) -> io::Result<Pid> {
    Err(io::ErrorKind::Unsupported.into())
}

fn connect(streams: [Option<RawFd>; 3]) -> io::Result<()> {
    for (number, stream) in (0..).zip(streams) {
        // SAFETY: takes plain values.
        if stream.is_some_and(|stream| unsafe { libc::dup2(stream, number) } == -1) {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// What `execve` takes.
struct Program {
    directory: Option<CString>,
    /// Where it may be.
    paths: Vec<CString>,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    /// The arguments of a shell that runs it as a script, with its name where its path belongs. From
    /// the second on they are its own.
    words: Vec<*const c_char>,
    variables: Vec<*const c_char>,
}

impl Program {
    fn new(command: &Command) -> Result<Program, NulError> {
        let mut environment: BTreeMap<OsString, OsString> = env::vars_os().collect();
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => environment.insert(name.to_owned(), value.to_owned()),
                None => environment.remove(name),
            };
        }
        let name = command.get_program();
        let paths = if name.is_empty() {
            Vec::new()
        } else if name.as_bytes().contains(&b'/') {
            vec![CString::new(name.as_bytes())?]
        } else {
            let path = environment.get(OsStr::new("PATH"));
            let path = path.map_or(OsStr::new("/bin:/usr/bin"), OsString::as_os_str);
            let places = env::split_paths(path).map(|place| place.join(name).into_os_string());
            places.map(|path| CString::new(path.into_vec())).collect::<Result<_, _>>()?
        };
        let directory = command.get_current_dir().map(|path| path.as_os_str().as_bytes());
        let words = [name].into_iter().chain(command.get_args());
        let mut program = Program {
            directory: directory.map(CString::new).transpose()?,
            paths,
            arguments: words.map(|word| CString::new(word.as_bytes())).collect::<Result<_, _>>()?,
            environment: environment
                .into_iter()
                .map(|(name, value)| {
                    CString::new([name.as_bytes(), b"=", value.as_bytes()].concat())
                })
                .collect::<Result<_, _>>()?,
            words: Vec::new(),
            variables: Vec::new(),
        };
        let end = [ptr::null()];
        let arguments = program.arguments.iter().map(|word| word.as_ptr());
        program.words = [SHELL.as_ptr()].into_iter().chain(arguments).chain(end).collect();
        let environment = program.environment.iter().map(|variable| variable.as_ptr());
        program.variables = environment.chain(end).collect();
        Ok(program)
    }

    fn enter(&self) -> io::Result<()> {
        match &self.directory {
            // SAFETY: a path with its zero byte.
            Some(path) if unsafe { libc::chdir(path.as_ptr()) } == -1 => {
                Err(io::Error::last_os_error())
            }
            _ => Ok(()),
        }
    }

    /// As `execvp`, which would look for the program with the starter's own PATH: a file that is no
    /// program is a script of the shell's.
    fn exec(&mut self) -> Errno {
        let mut last = Errno::ENOENT;
        let mut denied = false;
        for path in &self.paths {
            last = execute(path, &self.words[1..], &self.variables);
            match last {
                Errno::ENOEXEC => {
                    self.words[1] = path.as_ptr();
                    return execute(SHELL, &self.words, &self.variables);
                }
                Errno::EACCES => denied = true,
                Errno::ENOENT
                | Errno::ENOTDIR
                | Errno::ENODEV
                | Errno::ESTALE
                | Errno::ETIMEDOUT => {}
                _ => return last,
            }
        }
        if denied {
            Errno::EACCES
        } else {
            last
        }
    }
}

/// Returns if it fails. The lists end with null.
fn execute(path: &CStr, words: &[*const c_char], variables: &[*const c_char]) -> Errno {
    // SAFETY: strings with their zero bytes, which live in `Program`, and lists that end with null.
    unsafe { libc::execve(path.as_ptr(), words.as_ptr(), variables.as_ptr()) };
    Errno::last()
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests;
