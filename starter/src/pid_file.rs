//! The pid file of a starter in the foreground; in the background, `daemonize` sees to it in the same way.

use nix::errno::Errno;
use nix::fcntl::{fcntl, FcntlArg};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// A file with the id of this process, locked as long as it is open.
pub fn lock(path: &Path) -> io::Result<File> {
    let about = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let mut file =
        File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(about)?;
    // SAFETY: made of integers.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_WRLCK as _;
    lock.l_whence = libc::SEEK_SET as _;
    fcntl(&file, FcntlArg::F_SETLK(&lock)).map_err(|error| match error {
        Errno::EACCES | Errno::EAGAIN => about(io::Error::other("another process holds it")),
        _ => about(error.into()),
    })?;
    file.set_len(0).map_err(about)?;
    writeln!(file, "{}", std::process::id()).map_err(about)?;
    Ok(file)
}
