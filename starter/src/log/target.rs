//! Where the thread writes: it may wait there as long as it must.

use super::REOPEN;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

pub struct Target {
    file: File,
    /// `None`: standard error.
    path: Option<PathBuf>,
}

impl Target {
    pub fn open(path: Option<PathBuf>) -> io::Result<Target> {
        let file = match &path {
            Some(path) => open(path)?,
            // Not by way of `std::io::stderr`, whose lock others wait for.
            None => File::from(io::stderr().as_fd().try_clone_to_owned()?),
        };
        Ok(Target { file, path })
    }

    pub fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if let Some(path) = &self.path {
            if REOPEN.swap(false, Ordering::Relaxed) {
                // If that fails it stays where it is.
                if let Ok(file) = open(path) {
                    self.file = file;
                }
            }
        }
        loop {
            match io::Write::write(&mut self.file, text) {
                // Whoever else has it open has set O_NONBLOCK.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let mut entry = [PollFd::new(self.file.as_fd(), PollFlags::POLLOUT)];
                    let _ = poll(&mut entry, PollTimeout::NONE);
                }
                result => return result,
            }
        }
    }
}

fn open(path: &PathBuf) -> io::Result<File> {
    let about =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    File::options().append(true).create(true).open(path).map_err(about)
}
