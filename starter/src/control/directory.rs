//! The directory next to the control socket, for the sockets of services. It is locked as long as
//! the starter lives: that there is only one.

use nix::fcntl::{Flock, FlockArg};
use nix::unistd::geteuid;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub struct Directory {
    pub path: PathBuf,
    lock: Flock<File>,
}

impl Directory {
    /// Fails if the starter of this socket lives; what a dead one has left is removed.
    pub fn lock(socket: &Path) -> io::Result<Directory> {
        Directory::take(socket, sweep)
    }

    fn take(socket: &Path, clear: fn(&Path) -> io::Result<()>) -> io::Result<Directory> {
        let mut name = socket.as_os_str().to_owned();
        name.push(".d");
        let path = PathBuf::from(name);
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let running = || io::Error::new(ErrorKind::AddrInUse, "another starter is running");
        let lock =
            Flock::lock(open(&path)?, FlockArg::LockExclusiveNonblock).map_err(|_| running())?;
        // One that is just ending may have removed it.
        let there = fs::symlink_metadata(&path).map_err(|_| running())?;
        if !is_same(&lock, &path) {
            return Err(running());
        }
        if there.uid() != geteuid().as_raw() {
            let text = format!("{} belongs to somebody else", path.display());
            return Err(io::Error::new(ErrorKind::PermissionDenied, text));
        }
        clear(&path)?;
        // Services of other users must be able to enter it, whatever the umask is.
        lock.set_permissions(Permissions::from_mode(0o711))?;
        Ok(Directory { path, lock })
    }

    /// Makes it again if somebody has swept it away. Sockets that are in it by now are of services
    /// that have been started since.
    pub fn restore(&mut self, socket: &Path) -> io::Result<()> {
        if !is_same(&self.lock, &self.path) {
            *self = Directory::take(socket, |_| Ok(()))?;
        }
        Ok(())
    }
}

/// Whoever may write where the socket is can have put anything there: a fifo would be waited for,
/// and by then no signal ends the starter.
fn open(path: &Path) -> io::Result<File> {
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
    let opened = File::options().read(true).custom_flags(flags).open(path);
    opened.map_err(|error| match error.raw_os_error() {
        Some(libc::ENOTDIR | libc::ELOOP) => io::Error::new(
            ErrorKind::AlreadyExists,
            format!("{} is not a directory: choose another --socket", path.display()),
        ),
        _ => error,
    })
}

/// Removes the sockets of a starter that has died.
fn sweep(path: &Path) -> io::Result<()> {
    // Somebody may have had a directory of this name for something else.
    let entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    for entry in &entries {
        if !entry.file_type()?.is_socket() {
            let text =
                format!("{} is not a starter's: choose another --socket", entry.path().display());
            return Err(io::Error::new(ErrorKind::AlreadyExists, text));
        }
    }
    entries.into_iter().try_for_each(|entry| fs::remove_file(entry.path()))
}

fn is_same(lock: &File, path: &Path) -> bool {
    let Ok((ours, there)) = lock.metadata().and_then(|it| Ok((it, fs::symlink_metadata(path)?)))
    else {
        return false;
    };
    (ours.dev(), ours.ino()) == (there.dev(), there.ino())
}

impl Drop for Directory {
    fn drop(&mut self) {
        if is_same(&self.lock, &self.path) {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Place;
    use std::os::unix::net::UnixDatagram;

    #[test]
    fn what_is_no_directory_is_not_waited_for() {
        use std::os::unix::fs::symlink;
        let place = Place::new();
        let socket = place.join("socket");
        let path = socket.with_extension("d");
        let fails = || {
            let error = Directory::lock(&socket).map(|_| ()).unwrap_err().to_string();
            assert!(error.ends_with(".d is not a directory: choose another --socket"), "{error}");
            fs::remove_file(&path).unwrap();
        };
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        fails();
        symlink("/", &path).unwrap();
        fails();
    }

    #[test]
    fn what_services_have_made_since_it_was_swept_away_stays() {
        let place = Place::new();
        let socket = place.join("socket");
        let mut directory = Directory::lock(&socket).unwrap();
        let path = directory.path.clone();
        fs::remove_dir(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let _service = UnixDatagram::bind(path.join("1")).unwrap();
        directory.restore(&socket).unwrap();
        assert!(path.join("1").exists() && is_same(&directory.lock, &path));
        drop(directory);
        assert!(!path.exists());
    }
}
