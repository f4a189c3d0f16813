//! A file server: a client sends a name in a line and gets the file. It has no handlers: a signal that is not meant for it
//! ends it.
//!
//! usage: fileserver PORT DIRECTORY

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (port, directory) =
        arguments.next().zip(arguments.next()).ok_or("usage: fileserver PORT DIRECTORY")?;
    let listener = TcpListener::bind(("127.0.0.1", port.parse()?))?;
    for client in listener.incoming() {
        if let Err(error) = client.and_then(|client| serve(client, Path::new(&directory))) {
            eprintln!("fileserver: {error}");
        }
    }
    Ok(())
}

fn serve(mut client: TcpStream, directory: &Path) -> io::Result<()> {
    client.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut name = String::new();
    BufReader::new(&client).take(256).read_line(&mut name)?;
    let name = name.trim_end();
    if name.is_empty() {
        return Ok(());
    }
    // Names of this directory only.
    if name.contains('/') || name.starts_with('.') {
        return client.write_all(b"no such file\n");
    }
    match File::open(directory.join(name)) {
        Ok(mut file) => io::copy(&mut file, &mut client).map(drop),
        Err(_) => client.write_all(b"no such file\n"),
    }
}
