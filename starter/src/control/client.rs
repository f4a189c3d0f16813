//! The side of the person who asks.

use super::{Answer, Request};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

pub fn ask(socket: &Path, request: &Request) -> io::Result<Answer> {
    let mut first = None;
    follow(socket, request, |answer| {
        first = Some(answer);
        Ok(false)
    })?;
    first.ok_or_else(|| io::Error::other("the starter ended without an answer"))
}

/// All answers, as long as they are wanted and come.
pub fn follow(
    socket: &Path,
    request: &Request,
    mut hear: impl FnMut(Answer) -> io::Result<bool>,
) -> io::Result<()> {
    let about = |error: io::Error| {
        let hint = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ": is a starter running?",
            _ => "",
        };
        io::Error::other(format!("{}: {error}{hint}", socket.display()))
    };
    let mut stream = UnixStream::connect(socket).map_err(about)?;
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    // The other side may have refused already, and then says why.
    let sent = stream.write_all(line.as_bytes());
    let mut answers = BufReader::new(stream).lines();
    let Some(mut answer) = answers.next() else {
        sent?;
        return Ok(());
    };
    while hear(serde_json::from_str(&answer.map_err(about)?)?)? {
        match answers.next() {
            Some(next) => answer = next,
            None => break,
        }
    }
    Ok(())
}
