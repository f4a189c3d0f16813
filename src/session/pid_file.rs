//! The file with the process id of a daemon, which is its lock too.

use crate::errno::{Errno, Result};
use crate::interrupt::retry;
use crate::pid::Pid;
use crate::process;
use crate::session::error::{Error, Step};
use crate::sys;
use std::format;
use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::io::{AsRawFd, FromRawFd, IntoRawFd};
use std::path::Path;

/// A file with the id of this process, locked so that there is one instance only.
/// [`daemonize`](crate::session::daemonize) makes it for a daemon
/// ([`Options::pid_file`](crate::session::Options::pid_file)); this is for a program in the
/// foreground.
///
/// While it lives, the file holds the number and a line end, and [`create`](PidFile::create) fails
/// for everybody else. Dropping it, in the process that made it, empties the file and gives up the
/// lock; the file stays, since removing it could remove another instance's. A process that is
/// killed gives up the lock too, and leaves its number: the lock says whether somebody is there.
///
/// The lock (`flock`) belongs to the open file: reading the file and closing it changes nothing,
/// `exec` gives it up, and where its maker ends without a drop, a forked child keeps it as long as
/// the child lives. On AIX and Solaris it is a POSIX record lock, which a child does not get, and
/// which is lost when the process closes any other descriptor of the file: do not open it there.
/// Redox has neither.
///
/// A daemon is another process: made before [`daemonize`](crate::session::daemonize), the file
/// holds the wrong number.
///
/// ```
/// use signal::session::PidFile;
///
/// let path = std::env::temp_dir().join(format!("mine-{}.pid", std::process::id()));
/// let pid_file = PidFile::create(&path)?;
/// assert_eq!(std::fs::read_to_string(&path)?, format!("{}\n", std::process::id()));
/// drop(pid_file);
/// assert_eq!(std::fs::read_to_string(&path)?, "");
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Source: Stevens, APUE 13.5.
#[derive(Debug)]
#[must_use = "dropping it gives up the lock"]
pub struct PidFile {
    file: File,
    /// The one that made it. A forked child has a copy of this, and perhaps the same pid.
    process: usize,
}

/// How often another file may take its place before it is locked.
const ATTEMPTS: usize = 100;

impl PidFile {
    /// Opens the file or makes it (mode 0644, less the umask), locks it, and writes the id of this
    /// process.
    ///
    /// It must be a regular file with one name: a symbolic link is not followed, a fifo is not
    /// waited for, and none of them is changed. The directory should be writable by nobody who is
    /// not trusted: `/run`, not `/tmp`.
    ///
    /// Errors: see [`Step::OpenPidFile`], [`Step::LockPidFile`] and [`Step::WritePidFile`]; after
    /// the last the file is empty.
    pub fn create(path: impl AsRef<Path>) -> core::result::Result<PidFile, Error> {
        let path = path.as_ref();
        let error = |step| move |errno| Error::with_path(step, errno, Some(path.to_path_buf()));
        for _ in 0..ATTEMPTS {
            let file = open(path).map_err(error(Step::OpenPidFile))?;
            retry(|| sys::file_lock::lock(file.as_raw_fd())).map_err(error(Step::LockPidFile))?;
            // Between the two somebody may have removed it: another instance would lock another
            // file of this name.
            if is_at(&file, path).map_err(error(Step::OpenPidFile))? {
                let mut pid_file = PidFile { file, process: process::token() };
                // If that fails, the drop empties it.
                pid_file.write().map_err(errno).map_err(error(Step::WritePidFile))?;
                return Ok(pid_file);
            }
        }
        Err(error(Step::OpenPidFile)(Errno::from_raw_os_error(libc::ESTALE)))
    }

    /// As long as the process lives.
    pub(super) fn keep(self) {
        core::mem::forget(self);
    }

    fn write(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.write_all(format!("{}\n", Pid::current()).as_bytes())
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if self.process == process::token() {
            // If it cannot be emptied there is nobody to tell; the lock goes all the same.
            let _ = self.file.set_len(0);
            // Closing would leave it with forked children, also those that are about to `exec`.
            sys::file_lock::unlock(self.file.as_raw_fd());
        }
    }
}

/// Above the standard descriptors, in whose place others will be put, and before it is locked:
/// where the lock is a record lock, closing any descriptor gives it up.
fn open(path: &Path) -> Result<File> {
    // To open a device can do something already.
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        found => must_be_ours(&found.map_err(errno)?)?,
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o644);
    let file = options
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .map_err(errno)?;
    must_be_ours(&file.metadata().map_err(errno)?)?;
    let fd = sys::pipe::above_stdio(file.into_raw_fd())?;
    // SAFETY: it was made just now and has no other owner.
    Ok(unsafe { File::from_raw_fd(fd) })
}

/// Not something else of that name, which would be emptied.
fn must_be_ours(metadata: &Metadata) -> Result<()> {
    let is = |kind: fn(&FileType) -> bool| kind(&metadata.file_type());
    let code = if is(FileType::is_symlink) {
        libc::ELOOP
    } else if is(FileType::is_dir) {
        libc::EISDIR
    } else if !is(FileType::is_file) {
        libc::EINVAL
    } else if metadata.nlink() > 1 {
        libc::EMLINK
    } else {
        return Ok(());
    };
    Err(Errno::from_raw_os_error(code))
}

/// Whether the path leads to this very file.
fn is_at(file: &File, path: &Path) -> Result<bool> {
    let file = file.metadata().map_err(errno)?;
    match path.symlink_metadata() {
        Ok(there) => Ok((there.dev(), there.ino()) == (file.dev(), file.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(errno(error)),
    }
}

/// `std` has no number for what it finds itself: a zero byte in a path.
pub(super) fn errno(error: io::Error) -> Errno {
    Errno::try_from(error).unwrap_or(Errno::EINVAL)
}
