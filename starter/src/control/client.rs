//! The side of the person who asks.

use super::{Answer, Request};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

pub fn ask(socket: &Path, request: &Request) -> io::Result<Answer> {
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
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).map_err(about)?;
    if answer.is_empty() {
        sent?;
        return Err(io::Error::other("the starter ended without an answer"));
    }
    Ok(serde_json::from_str(&answer)?)
}
