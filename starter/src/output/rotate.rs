//! A file of a service that is replaced when it has become too large.

use nix::fcntl::OFlag;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

pub struct Rotating {
    path: PathBuf,
    size: u64,
    count: u32,
    /// With its length.
    file: Option<(File, u64)>,
    /// That it cannot be written has been told.
    told: bool,
    /// How many lines it lacks since then.
    lost: usize,
    /// Whether it ends in the middle of a line.
    torn: bool,
}

impl Rotating {
    pub fn new(path: &Path, size: u64, count: u32) -> Rotating {
        Rotating {
            path: path.to_owned(),
            size,
            count,
            file: None,
            told: false,
            lost: 0,
            torn: false,
        }
    }

    pub fn is(&self, path: &Path, size: u64, count: u32) -> bool {
        (self.path.as_path(), self.size, self.count) == (path, size, count)
    }

    pub fn reopen(&mut self) {
        self.file = None;
    }

    /// Whole lines. Those that find no room are counted, and told of when there is room again.
    pub fn write(&mut self, name: &str, text: &[u8]) {
        let written = self.try_write(text);
        let path = self.path.display();
        match written {
            Ok(()) => {
                if self.lost > 0 {
                    tracing::warn!(service = name, "{path}: lines lost: {}", self.lost);
                }
                (self.told, self.lost) = (false, 0);
            }
            Err(error) => {
                if !self.told {
                    tracing::error!(service = name, "{path}: {error}");
                }
                (self.told, self.file) = (true, None);
            }
        }
    }

    fn try_write(&mut self, text: &[u8]) -> io::Result<()> {
        let mut rest = text;
        let written = self.write_to(&mut rest);
        self.lost += rest.iter().filter(|byte| **byte == b'\n').count();
        let begun = &text[..text.len() - rest.len()];
        self.torn |= !rest.is_empty() && !begun.is_empty() && !begun.ends_with(b"\n");
        written?;
        if self.file.as_ref().is_some_and(|(_, length)| *length >= self.size) {
            self.file = None;
            self.rotate()?;
        }
        Ok(())
    }

    /// Leaves in `rest` what could not be written.
    fn write_to(&mut self, rest: &mut &[u8]) -> io::Result<()> {
        let (file, length) = match &mut self.file {
            Some(open) => open,
            None => self.file.insert(open(&self.path)?),
        };
        if self.torn {
            file.write_all(b"\n")?;
            (self.torn, *length) = (false, *length + 1);
        }
        while !rest.is_empty() {
            match file.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(some) => (*rest, *length) = (&rest[some..], *length + some as u64),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// `.1` is the youngest.
    fn rotate(&self) -> io::Result<()> {
        let old = |number: u32| {
            let mut path = self.path.clone().into_os_string();
            path.push(format!(".{number}"));
            PathBuf::from(path)
        };
        if self.count == 0 {
            return fs::remove_file(&self.path);
        }
        // No further than they go: the count can be any number.
        let free = |number: &u32| fs::symlink_metadata(old(*number)).is_err();
        let last = (1..self.count).find(free).unwrap_or(self.count);
        for number in (1..last).rev() {
            match fs::rename(old(number), old(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, old(1))
    }
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    // A fifo or a terminal would have to be waited for, and could not be rotated.
    let flags = OFlag::O_NONBLOCK.bits();
    let file = File::options().append(true).create(true).custom_flags(flags).open(path)?;
    let data = file.metadata()?;
    if !data.is_file() {
        return Err(io::Error::other("this is not a file"));
    }
    Ok((file, data.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Place;

    #[test]
    fn a_file_is_replaced_by_size_and_so_many_are_kept() {
        let place = Place::new();
        let path = place.join("log");
        let mut file = Rotating::new(&path, 10, 2);
        for number in 0..7 {
            file.write("a", format!("line {number}\n").as_bytes());
        }
        let read = |name: &str| place.read(name);
        assert_eq!(read("log"), "line 6\n");
        assert_eq!(read("log.1"), "line 4\nline 5\n");
        assert_eq!(read("log.2"), "line 2\nline 3\n");
        assert!(!place.join("log.3").exists());
        fs::rename(&path, place.join("away")).unwrap();
        file.reopen();
        file.write("a", b"new\n");
        assert_eq!(read("log"), "new\n");
    }

    #[test]
    fn any_number_may_be_kept() {
        let place = Place::new();
        let mut file = Rotating::new(&place.join("log"), 1, u32::MAX);
        for number in 0..4 {
            file.write("a", format!("{number}\n").as_bytes());
        }
        let read = |name: &str| place.read(name);
        assert_eq!(["log.1", "log.2", "log.3", "log.4"].map(read), ["3\n", "2\n", "1\n", "0\n"]);
    }

    #[test]
    fn what_is_no_file_is_not_replaced() {
        let mut file = Rotating::new(Path::new("/dev/null"), 1, 1);
        assert!(file.try_write(b"x\n").is_err());
        assert!(Path::new("/dev/null").exists());
    }
}
