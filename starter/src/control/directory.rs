//! The directory next to the control socket, for the sockets of services. It is locked as long as the starter lives: that
//! there is only one.

use nix::fcntl::{Flock, FlockArg};
use nix::unistd::geteuid;
use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

pub struct Directory {
    pub path: PathBuf,
    _lock: Flock<File>,
}

impl Directory {
    /// Fails if the starter of this socket lives; what a dead one has left is removed.
    pub fn lock(socket: &Path) -> io::Result<Directory> {
        let mut name = socket.as_os_str().to_owned();
        name.push(".d");
        let path = PathBuf::from(name);
        // Services of other users must be able to enter it.
        match DirBuilder::new().mode(0o711).create(&path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let running = || io::Error::new(ErrorKind::AddrInUse, "another starter is running");
        let lock = Flock::lock(File::open(&path)?, FlockArg::LockExclusiveNonblock).map_err(|_| running())?;
        // One that is just ending may have removed it.
        let (ours, there) = (lock.metadata()?, fs::symlink_metadata(&path).map_err(|_| running())?);
        if (ours.dev(), ours.ino()) != (there.dev(), there.ino()) {
            return Err(running());
        }
        if there.uid() != geteuid().as_raw() {
            let text = format!("{} belongs to somebody else", path.display());
            return Err(io::Error::new(ErrorKind::PermissionDenied, text));
        }
        for entry in fs::read_dir(&path)? {
            fs::remove_file(entry?.path())?;
        }
        Ok(Directory { path, _lock: lock })
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
