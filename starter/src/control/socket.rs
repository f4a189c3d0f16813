//! The socket itself. It comes back if somebody sweeps it away.

use super::directory::Directory;
use crate::watched::{Source, Watched};
use nix::sys::stat::{umask, Mode};
use polling::Poller;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub struct Socket {
    listening: Listening,
    directory: Directory,
    poller: Arc<Poller>,
    path: PathBuf,
}

struct Listening {
    listener: Watched<UnixListener>,
    /// Which file it is.
    number: u64,
    /// Becomes readable when that is removed, where the system can tell.
    watch: Option<sweep::Watch>,
}

impl Socket {
    /// Takes it over from a starter that has died, not from one that lives.
    pub fn bind(poller: &Arc<Poller>, path: &Path) -> io::Result<Socket> {
        let about =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let directory = Directory::lock(path).map_err(about)?;
        if fs::symlink_metadata(path).is_ok_and(|data| data.file_type().is_socket()) {
            fs::remove_file(path).map_err(about)?;
        }
        let listening = listen(poller, path).map_err(about)?;
        Ok(Socket { listening, directory, poller: Arc::clone(poller), path: path.to_owned() })
    }

    pub fn listener(&mut self) -> &mut Watched<UnixListener> {
        &mut self.listening.listener
    }

    /// For the sockets of the services.
    pub fn directory(&self) -> &Path {
        &self.directory.path
    }

    /// Makes again what is not there any more. Returns whether anything was not.
    pub fn restore(&mut self) -> bool {
        if let Some(watch) = &self.listening.watch {
            sweep::drain(watch);
        }
        match self.try_restore() {
            Ok(false) => false,
            Ok(true) => {
                tracing::warn!("{} had been removed: made again", self.path.display());
                true
            }
            Err(error) => {
                tracing::error!("{}: {error}", self.path.display());
                false
            }
        }
    }

    fn try_restore(&mut self) -> io::Result<bool> {
        self.directory.restore(&self.path)?;
        match fs::symlink_metadata(&self.path) {
            Ok(data) if data.ino() == self.listening.number => Ok(false),
            Ok(_) => Err(io::Error::other("this is somebody else's now")),
            Err(_) => {
                self.listening = listen(&self.poller, &self.path)?;
                Ok(true)
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Before the directory, with which the lock goes.
        if fs::symlink_metadata(&self.path).is_ok_and(|data| data.ino() == self.listening.number) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn listen(poller: &Arc<Poller>, path: &Path) -> io::Result<Listening> {
    // From the first moment nobody else can connect. At most the log is opened meanwhile, and then
    // for its owner alone.
    let before = umask(Mode::from_bits_truncate(0o177));
    let listener = UnixListener::bind(path);
    umask(before);
    let listener = listener.map_err(|error| match error.kind() {
        ErrorKind::InvalidInput => io::Error::other("too long a path: choose a shorter --socket"),
        ErrorKind::AddrInUse => {
            io::Error::other("something else is there: remove it, or choose another --socket")
        }
        _ => error,
    })?;
    listener.set_nonblocking(true)?;
    let number = fs::symlink_metadata(path)?.ino();
    let listener = Watched::new(poller, listener, Source::Newcomers)?;
    Ok(Listening { listener, number, watch: sweep::watch(poller, path) })
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod sweep {
    use crate::watched::{Source, Watched};
    use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
    use polling::Poller;
    use std::path::Path;
    use std::sync::Arc;

    pub type Watch = Watched<Inotify>;

    /// Hears of the number of its names, not of what else happens in the directory.
    pub fn watch(poller: &Arc<Poller>, path: &Path) -> Option<Watch> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok()?;
        let events =
            AddWatchFlags::IN_ATTRIB | AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF;
        inotify.add_watch(path, events).ok()?;
        Watched::new(poller, inotify, Source::Socket).ok()
    }

    pub fn drain(watch: &Watch) {
        let _ = watch.get().read_events();
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod sweep {
    use polling::Poller;
    use std::path::Path;
    use std::sync::Arc;

    pub enum Watch {}

    pub fn watch(_: &Arc<Poller>, _: &Path) -> Option<Watch> {
        None
    }

    pub fn drain(watch: &Watch) {
        match *watch {}
    }
}
