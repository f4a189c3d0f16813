//! What services write to their standard output and error: a pipe each, read by the loop, and passed
//! on line by line. The last lines are kept, for `starter logs`.

mod recent;
mod rotate;

use self::recent::Recent;
use self::rotate::Rotating;
use crate::config::{Output, Service};
use crate::log::{self, Room};
use crate::watched::{Source, Watched};
use nix::fcntl::{fcntl, FcntlArg, OFlag};
use polling::Poller;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind, PipeReader, Read};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A longer line is cut into pieces.
const LONGEST: usize = 16 * 1024;

/// So much of one service is read before the others have their turn. Even if it is all short lines,
/// each with a long name before it, the log has room for it.
const AT_ONCE: usize = 8 * 1024;

/// How often that, for one that has ended: as much as a pipe holds.
const LAST_WORDS: usize = 8;

/// How long services wait before it is seen again whether the log has room.
const PAUSE: Duration = Duration::from_millis(10);

pub struct Outputs {
    poller: Arc<Poller>,
    next: usize,
    /// By number. A service can have more than one, if a former process of it still writes.
    streams: HashMap<usize, Stream>,
    kept: HashMap<String, Kept>,
    /// Those that wait until the log has room.
    paused: Vec<usize>,
    resume_at: Option<Instant>,
    buffer: Vec<u8>,
}

struct Stream {
    name: String,
    pipe: Watched<PipeReader>,
    /// A line without its end.
    partial: Vec<u8>,
}

#[derive(Default)]
struct Kept {
    /// The numbers of its streams.
    streams: Vec<usize>,
    recent: Recent,
    file: Option<Rotating>,
}

/// What a service has written, in whole lines.
pub struct Heard {
    pub name: String,
    pub text: Vec<u8>,
}

impl Outputs {
    pub fn new(poller: &Arc<Poller>) -> Outputs {
        Outputs {
            poller: Arc::clone(poller),
            next: 1,
            streams: HashMap::new(),
            kept: HashMap::new(),
            paused: Vec::new(),
            resume_at: None,
            buffer: Vec::new(),
        }
    }

    /// Connects a service, or a command that is run for it, that is about to be started. Returns
    /// the number of the stream, and where it is to write, if not where the starter does.
    pub fn connect(
        &mut self,
        name: &str,
        service: &Service,
    ) -> io::Result<(Option<usize>, Option<OwnedFd>)> {
        let file = match &service.output {
            Output::Inherit => return Ok((None, None)),
            Output::Nowhere => {
                let nowhere = File::options().write(true).open("/dev/null")?;
                return Ok((None, Some(nowhere.into())));
            }
            Output::Log => None,
            Output::File { path, size, count } => Some((path, *size, *count)),
        };
        let (pipe, writer) = io::pipe()?;
        // This end is nobody else's.
        fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let id = self.next;
        self.next += 1;
        let pipe = Watched::new(&self.poller, pipe, Source::Output(id))?;
        let name = name.to_owned();
        self.streams.insert(id, Stream { name: name.clone(), pipe, partial: Vec::new() });
        let kept = self.kept.entry(name).or_default();
        kept.streams.push(id);
        match file {
            Some((path, size, count))
                if !kept.file.as_ref().is_some_and(|it| it.is(path, size, count)) =>
            {
                kept.file = Some(Rotating::new(path, size, count));
            }
            Some(_) => {}
            None => kept.file = None,
        }
        Ok((Some(id), Some(writer.into())))
    }

    /// It could not be started.
    pub fn disconnect(&mut self, id: usize) {
        if let Some(stream) = self.streams.remove(&id) {
            if let Some(kept) = self.kept.get_mut(&stream.name) {
                kept.streams.retain(|other| *other != id);
            }
        }
    }

    /// There is something to read.
    pub fn hear(&mut self, id: usize, now: Instant) -> Option<Heard> {
        let stream = self.streams.get_mut(&id)?;
        let kept = self.kept.get_mut(&stream.name)?;
        if kept.file.is_none() && log::room() == Room::Later {
            stream.pipe.pause();
            self.paused.push(id);
            self.resume_at = Some(now + PAUSE);
            return None;
        }
        self.buffer.resize(AT_ONCE, 0);
        let (text, open) = match stream.pipe.get().read(&mut self.buffer) {
            Ok(0) => (stream.take(&[], true), false),
            Ok(length) => (stream.take(&self.buffer[..length], false), true),
            Err(error) => {
                let later = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted);
                (Vec::new(), later)
            }
        };
        let name = stream.name.clone();
        if !open {
            self.streams.remove(&id);
            kept.streams.retain(|other| *other != id);
        }
        if text.is_empty() {
            return None;
        }
        kept.recent.add(&text);
        match &mut kept.file {
            Some(file) => file.write(&name, &text),
            None => log::output(&name, &text),
        }
        Some(Heard { name, text })
    }

    /// The last words of a process that has ended.
    pub fn drain(&mut self, name: &str, now: Instant) -> Vec<Heard> {
        let ids = self.kept.get(name).map(|kept| kept.streams.clone()).unwrap_or_default();
        let mut all = Vec::new();
        for id in ids {
            all.extend(std::iter::from_fn(|| self.hear(id, now)).take(LAST_WORDS));
        }
        all
    }

    /// Lets those go on that wait for the log.
    pub fn step(&mut self, now: Instant) {
        if self.resume_at.is_none_or(|at| at > now) {
            return;
        }
        self.resume_at = None;
        if log::room() == Room::Later {
            self.resume_at = Some(now + PAUSE);
            return;
        }
        for id in std::mem::take(&mut self.paused) {
            if let Some(stream) = self.streams.get_mut(&id) {
                if let Err(error) = stream.pipe.resume() {
                    tracing::error!(service = stream.name, "its output is lost: {error}");
                    self.disconnect(id);
                }
            }
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.resume_at
    }

    /// The last lines of a service.
    pub fn recent(&self, name: &str, lines: usize) -> String {
        self.kept.get(name).map(|kept| kept.recent.last(lines)).unwrap_or_default()
    }

    pub fn last_line(&self, name: &str) -> Option<String> {
        let line = self.recent(name, 1);
        (!line.is_empty()).then(|| line.trim_end().to_owned())
    }

    /// Somebody has moved the files away.
    pub fn reopen(&mut self) {
        self.kept.values_mut().filter_map(|kept| kept.file.as_mut()).for_each(Rotating::reopen);
    }

    /// A service that there is no more.
    pub fn forget(&mut self, name: &str) {
        for id in self.kept.remove(name).into_iter().flat_map(|kept| kept.streams) {
            self.streams.remove(&id);
        }
    }
}

impl Stream {
    /// The lines that are complete, each with its end.
    fn take(&mut self, text: &[u8], end: bool) -> Vec<u8> {
        self.partial.extend_from_slice(text);
        let complete = self.partial.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut lines = self.partial.drain(..complete).collect::<Vec<u8>>();
        if end && !self.partial.is_empty() || self.partial.len() >= LONGEST {
            lines.append(&mut self.partial);
            lines.push(b'\n');
        }
        lines
    }
}
