//! Tells the seconds since 1970 to whoever sends a datagram. Says that it is ready as programs written for systemd do.
//!
//! usage: daytime PORT

use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).ok_or("usage: daytime PORT")?;
    let socket = UdpSocket::bind(("127.0.0.1", port.parse()?))?;
    if let Some(path) = std::env::var_os("NOTIFY_SOCKET") {
        UnixDatagram::unbound()?.send_to(b"STATUS=knows what time it is\nREADY=1", path)?;
    }
    loop {
        let (_, client) = socket.recv_from(&mut [0; 16])?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let _ = socket.send_to(format!("{now}\n").as_bytes(), client);
    }
}
