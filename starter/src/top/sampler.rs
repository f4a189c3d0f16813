//! Asks once a second, in a thread of its own: a starter that does not answer keeps no key waiting.

use super::usage::{self, Usage};
use crate::control::{self, Answer, Request, Status};
use indexmap::IndexSet;
use std::collections::HashMap;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_secs(1);

/// What there was to see, or why there was nothing.
pub type Sample = Result<Vec<Row>, String>;

pub struct Row {
    pub status: Status,
    /// Of one processor, since the last look.
    pub cpu_percent: Option<f64>,
    pub memory: Option<u64>,
}

pub struct Sampler {
    samples: Receiver<Sample>,
    /// A byte for each sample.
    told: PipeReader,
}

impl Sampler {
    pub fn start(socket: PathBuf) -> io::Result<Sampler> {
        let (told, mut tell) = io::pipe()?;
        let (sender, samples) = mpsc::channel();
        std::thread::Builder::new().spawn(move || {
            let mut before = Usages::take();
            loop {
                let sample = sample(&socket, &mut before);
                if sender.send(sample).is_err() || tell.write_all(b".").is_err() {
                    return;
                }
                std::thread::sleep(EVERY);
            }
        })?;
        Ok(Sampler { samples, told })
    }

    pub fn first(&self) -> Result<Vec<Row>, String> {
        self.samples.recv().map_err(|error| error.to_string())?
    }

    /// The byte of a sample may come after it.
    pub fn newest(&self) -> Option<Sample> {
        let newest = self.samples.try_iter().last();
        if newest.is_some() {
            // It is there, or about to be.
            let _ = (&self.told).read(&mut [0; 64]);
        }
        newest
    }
}

impl AsFd for Sampler {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.told.as_fd()
    }
}

struct Usages {
    by_session: HashMap<i32, Usage>,
    at: Instant,
}

impl Usages {
    fn take() -> Usages {
        Usages { by_session: usage::by_session(), at: Instant::now() }
    }
}

fn sample(socket: &Path, before: &mut Usages) -> Sample {
    let services = match control::ask(socket, &Request::Status { names: IndexSet::new() }) {
        Ok(Answer::Services(services)) => services,
        Ok(Answer::Error(error)) => return Err(error),
        Ok(_) => return Err("an answer to another question".to_owned()),
        Err(error) => return Err(error.to_string()),
    };
    let now = Usages::take();
    let passed = now.at.duration_since(before.at).as_secs_f64();
    let row = |status: Status| {
        let usage = status.pid.and_then(|pid| now.by_session.get(&pid));
        let earlier = status.pid.and_then(|pid| before.by_session.get(&pid));
        let cpu_percent = usage.zip(earlier).map(|(now, earlier)| {
            // Less, if one of its processes has ended.
            (now.cpu_seconds - earlier.cpu_seconds).max(0.0) / passed.max(0.001) * 100.0
        });
        Row { status, cpu_percent, memory: usage.map(|usage| usage.memory) }
    };
    let rows = services.into_iter().map(row).collect();
    *before = now;
    Ok(rows)
}
