//! Reads a file and those that it includes.

use super::parse::{self, Lines, Parsed};
use super::problem::Place;
use super::{environment, Output, Problem, Problems, Services};
use nix::fcntl::OFlag;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// All that is wrong is reported at once.
pub fn load(path: &Path) -> Result<Services, Problems> {
    let mut parsed = Parsed::default();
    // A shell makes it a pipe: `starter check <(generate)`.
    let include = add(path, std::fs::read(path), &mut parsed);
    // Patterns can overlap, and mean this very file.
    let mut seen = HashSet::from([identity(path)]);
    for (pattern, place) in include {
        match matches(path, &pattern) {
            Ok(files) => {
                for file in files.into_iter().filter(|file| seen.insert(identity(file))) {
                    for (_, place) in add(&file, read_regular(&file), &mut parsed) {
                        let message = "only the main file includes others".to_owned();
                        parsed.problems.push(Problem { place: Some(place), message });
                    }
                }
            }
            Err(message) => parsed.problems.push(Problem { place: Some(place), message }),
        }
    }
    let nothing = parsed.problems.is_empty() && parsed.lines.service.is_empty();
    if nothing {
        let message =
            "no services: a service is a table [service.NAME] with at least a `command`".to_owned();
        let place = Place { file: Rc::new(path.to_owned()), line: None };
        parsed.problems.push(Problem { place: Some(place), message });
    }
    check(parsed).map_err(Problems)
}

/// A fifo that a pattern means by mistake would be waited for.
fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlag::O_NONBLOCK.bits();
    let mut file = File::options().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("only a regular file can be included"));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Adds what a file says. Returns what it includes.
fn add(path: &Path, bytes: io::Result<Vec<u8>>, parsed: &mut Parsed) -> Vec<(String, Place)> {
    let file = Rc::new(path.to_owned());
    let fail = |parsed: &mut Parsed, line, message: String| {
        let place = Some(Place { file: Rc::clone(&file), line });
        parsed.problems.push(Problem { place, message });
        Vec::new()
    };
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(error) => return fail(parsed, None, error.to_string()),
    };
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text,
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            let byte = bytes[error.valid_up_to()];
            return fail(
                parsed,
                Some(line),
                format!("byte 0x{byte:02x} is not UTF-8: save it as UTF-8"),
            );
        }
    };
    let known = parsed.services.len();
    let include = parse::parse(text, &file, parsed);
    let base = match std::path::absolute(path) {
        Ok(path) => path.parent().unwrap_or(Path::new("/")).to_owned(),
        Err(error) => return fail(parsed, None, error.to_string()),
    };
    for index in known..parsed.services.len() {
        let Some((name, service)) = parsed.services.get_index_mut(index) else { break };
        environment::complete(name, service, &base, &parsed.lines, &mut parsed.problems);
        service.locate(&base);
    }
    include
}

/// The files that a pattern means, in the order of their names.
fn matches(path: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let directory = path.parent().unwrap_or(Path::new("")).to_str();
    let directory = glob::Pattern::escape(directory.ok_or("the directory's name is not UTF-8")?);
    let whole = Path::new(&directory).join(pattern).to_string_lossy().into_owned();
    let paths = glob::glob(&whole).map_err(|error| format!("include `{pattern}`: {error}"))?;
    let files = paths.collect::<Result<Vec<_>, _>>();
    let files = files.map_err(|error| format!("include `{pattern}`: {error}"))?;
    if files.is_empty() && !pattern.contains(['*', '?', '[']) {
        return Err(format!("include `{pattern}`: there is no such file"));
    }
    Ok(files)
}

pub(super) fn check(parsed: Parsed) -> Result<Services, Vec<Problem>> {
    let Parsed { services, lines, mut problems } = parsed;
    problems.extend(crate::graph::problems(&services, &lines));
    problems.extend(shared_files(&services, &lines));
    if problems.is_empty() {
        return Ok(services);
    }
    problems.sort_by(|a, b| a.place.partial_cmp(&b.place).unwrap_or(std::cmp::Ordering::Equal));
    Err(problems)
}

/// Each service replaces its file when that is too large: not one that another writes into.
fn shared_files(services: &Services, lines: &Lines) -> Vec<Problem> {
    let mut writers: HashMap<PathBuf, (&str, &Place)> = HashMap::new();
    let mut problems = Vec::new();
    for (name, service) in services {
        let (Output::File { path, .. }, Some(place)) = (&service.output, lines.output.get(name))
        else {
            continue;
        };
        let path = identity(path);
        let Some((other, there)) = writers.get(&path) else {
            writers.insert(path, (name, place));
            continue;
        };
        let (file, line) = (there.file.display(), there.line.unwrap_or_default());
        let message = format!(
            "service `{name}` writes into {}, as `{other}` does ({file}:{line}): each would rotate \
             it under the other",
            path.display()
        );
        problems.push(Problem { place: Some(place.clone()), message });
    }
    problems
}

/// Where a file is, or will be, by whatever path.
fn identity(path: &Path) -> PathBuf {
    let made = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    path.canonicalize().ok().or_else(made).unwrap_or_else(|| path.to_owned())
}
