//! Keeps a directory in which the others work, with a file that says that it is there, and takes that away when it is told to
//! stop.
//!
//! usage: spool DIRECTORY

use signal::{SelfPipe, SIGINT, SIGTERM};
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args().nth(1).ok_or("usage: spool DIRECTORY")?;
    let mark = Path::new(&directory).join("open");
    let stop = SelfPipe::new(SIGTERM | SIGINT)?;
    fs::create_dir_all(&directory)?;
    fs::write(&mark, format!("{}\n", std::process::id()))?;
    stop.wait()?;
    Ok(fs::remove_file(&mark)?)
}
