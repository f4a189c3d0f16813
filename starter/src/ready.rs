//! Whether a service that cannot speak for itself is ready: a port, a file.

use nix::errno::Errno;
use nix::sys::socket::{
    connect, socket, AddressFamily, SockFlag, SockType, SockaddrIn, SockaddrIn6, SockaddrLike,
};
use signal::finish_connect;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Which file it is and when it was last written; `None`: there is none.
pub type Stamp = Option<(u64, u64, i64, i64)>;

pub fn stamp(file: &Path) -> Stamp {
    let data = std::fs::metadata(file).ok()?;
    Some((data.dev(), data.ino(), data.mtime(), data.mtime_nsec()))
}

/// Whether this machine accepts connections on this TCP port. Never waits.
pub fn is_listening(port: u16) -> bool {
    let v4 = SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
    let v6 = SockaddrIn6::from(SocketAddrV6::new(Ipv6Addr::LOCALHOST, port, 0, 0));
    accepts(AddressFamily::Inet, &v4) || accepts(AddressFamily::Inet6, &v6)
}

fn accepts(family: AddressFamily, address: &dyn SockaddrLike) -> bool {
    let Ok(socket) = socket(family, SockType::Stream, SockFlag::empty(), None) else {
        return false;
    };
    if set_nonblocking(&socket).is_err() {
        return false;
    }
    match connect(socket.as_raw_fd(), address) {
        // Within the machine the answer is there at once, if the other side takes connections at
        // all.
        Err(Errno::EINPROGRESS) => is_writable(&socket) && finish_connect(&socket).is_ok(),
        // A port that nobody has taken yet can be connected to itself.
        Ok(()) => finish_connect(&socket).is_ok(),
        Err(_) => false,
    }
}

fn set_nonblocking(socket: &OwnedFd) -> nix::Result<()> {
    use nix::fcntl::{fcntl, FcntlArg, FdFlag, OFlag};
    fcntl(socket, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    fcntl(socket, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map(drop)
}

fn is_writable(socket: &OwnedFd) -> bool {
    use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
    use std::os::fd::AsFd;
    let mut entry = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
    poll(&mut entry, PollTimeout::ZERO) == Ok(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Place;

    #[test]
    fn a_port_is_ready_while_somebody_listens() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(is_listening(port));
        drop(listener);
        assert!(!is_listening(port));
    }

    #[test]
    fn a_file_that_is_written_anew_has_another_stamp() {
        let place = Place::new();
        let path = place.join("stamped");
        assert_eq!(stamp(&path), None);
        place.write("stamped", "1");
        let first = stamp(&path);
        assert!(first.is_some() && first == stamp(&path));
        std::fs::remove_file(&path).unwrap();
        assert_ne!(stamp(&path), first);
    }
}
