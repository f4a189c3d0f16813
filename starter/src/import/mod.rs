//! `starter import`: what the files of other supervisors say, in the words of ours, and a list of
//! what cannot be said.

mod draft;
mod ini;
mod procfile;
mod supervisord;
mod systemd;

pub use self::draft::Imported;

use std::io;
use std::path::{Path, PathBuf};

/// One file of another supervisor.
struct Source {
    path: PathBuf,
    text: String,
}

enum Kind {
    Supervisord,
    Systemd,
    Procfile,
}

/// Units may name each other: all files are read before any is translated.
pub fn import(files: &[PathBuf]) -> io::Result<Imported> {
    let sources = files.iter().map(|path| read(path)).collect::<io::Result<Vec<Source>>>()?;
    let mut imported = Imported::default();
    let mut units = Vec::new();
    for source in sources {
        match kind(&source) {
            Kind::Supervisord => supervisord::import(&source, &mut imported),
            Kind::Systemd => units.push(source),
            Kind::Procfile => procfile::import(&source, &mut imported),
        }
    }
    systemd::import(&units, &mut imported);
    imported.finish();
    Ok(imported)
}

fn read(path: &Path) -> io::Result<Source> {
    let file = if path.exists() { path.to_owned() } else { systemd::template(path) };
    let about = |error| io::Error::other(format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(file).map_err(about)?;
    Ok(Source { path: path.to_owned(), text })
}

/// The name of a unit tells its kind, and of the others only those with sections are of
/// supervisord.
fn kind(source: &Source) -> Kind {
    let headers = ["[Unit]", "[Service]", "[Install]"];
    let first = source
        .text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with(';'));
    match first {
        _ if systemd::is_unit(&source.path) => Kind::Systemd,
        Some(line) if headers.contains(&line) => Kind::Systemd,
        Some(line) if line.starts_with('[') => Kind::Supervisord,
        _ => Kind::Procfile,
    }
}

/// Text that is to arrive as it is: `${NAME}` is the program's.
fn literal(text: &str) -> String {
    text.replace("${", "$${")
}
