//! After EINTR: repeating the call, and connections that continue by themselves.

use crate::common::{self, bare_fd, errno, fd, load::Flood};
use signal::{finish_connect, install, retry, Errno, SIGALRM};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::io::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::SeqCst};

static ALARMS: AtomicUsize = AtomicUsize::new(0);

fn check(returned: i32) -> Result<i32, Errno> {
    match returned {
        -1 => Err(Errno::last()),
        returned => Ok(returned),
    }
}

fn retry_repeats_after_eintr_and_after_nothing_else() {
    fn attempts<E: signal::Interrupted + Clone>(errors: &[E]) -> (Result<usize, E>, usize) {
        let mut calls = 0;
        let result = retry(|| {
            calls += 1;
            errors.get(calls - 1).map_or(Ok(calls), |error| Err(error.clone()))
        });
        (result, calls)
    }
    assert_eq!(attempts::<Errno>(&[]), (Ok(1), 1));
    assert_eq!(attempts(&[Errno::EINTR; 5]), (Ok(6), 6));
    assert_eq!(attempts(&[Errno::EINTR, Errno::EAGAIN, Errno::EINTR]), (Err(Errno::EAGAIN), 2));
}

#[cfg(feature = "std")]
fn retry_repeats_after_interrupted_io() {
    use std::io::{Error, ErrorKind};
    let mut calls = 0;
    let result: std::io::Result<()> = retry(|| {
        calls += 1;
        Err(match calls {
            1 => Error::from_raw_os_error(libc::EINTR),
            2 => Error::from(ErrorKind::Interrupted),
            _ => Error::from_raw_os_error(libc::EAGAIN),
        })
    });
    assert_eq!((result.unwrap_err().raw_os_error(), calls), (Some(libc::EAGAIN), 3));
}

static FEED: AtomicI32 = AtomicI32::new(-1);

/// After ten alarms, writes the byte that the program waits for.
fn on_alarm(_: signal::Signal) {
    if ALARMS.fetch_add(1, SeqCst) == 10 {
        // SAFETY: one byte.
        unsafe { libc::write(FEED.load(SeqCst), b"x".as_ptr().cast(), 1) };
    }
}

fn a_read_that_is_interrupted_repeatedly_succeeds() {
    let (mut reader, writer) = std::os::unix::net::UnixStream::pair().unwrap();
    FEED.store(writer.as_raw_fd(), SeqCst);
    // SAFETY: an atomic and `write`.
    install(SIGALRM, unsafe { signal::Handler::new(on_alarm) }).unwrap();
    let _flood = Flood::of(&[SIGALRM], 2);
    let (mut byte, mut attempts) = ([0], 0);
    let read = retry(|| {
        attempts += 1;
        errno(reader.read(&mut byte))
    });
    assert_eq!((read.unwrap(), byte), (1, *b"x"));
    assert!(attempts > 1);
}

/// The address that a socket is bound to.
fn address(fd: RawFd) -> (libc::sockaddr_storage, libc::socklen_t) {
    let mut size = std::mem::size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    // SAFETY: zero is valid, and there is room for any address.
    unsafe {
        let mut address: libc::sockaddr_storage = std::mem::zeroed();
        let pointer = (&mut address as *mut libc::sockaddr_storage).cast();
        assert_eq!(libc::getsockname(fd, pointer, &mut size), 0);
        (address, size)
    }
}

fn socket(family: i32) -> OwnedFd {
    // SAFETY: takes plain values; the descriptor is new.
    unsafe { OwnedFd::from_raw_fd(check(libc::socket(family, libc::SOCK_STREAM, 0)).unwrap()) }
}

fn set_nonblocking(socket: &OwnedFd) {
    // SAFETY: takes plain values.
    check(unsafe { libc::fcntl(socket.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) }).unwrap();
}

fn connect(socket: &OwnedFd, to: RawFd) -> Result<(), Errno> {
    let (address, size) = address(to);
    let pointer = (&address as *const libc::sockaddr_storage).cast();
    // SAFETY: points to an address of that size.
    check(unsafe { libc::connect(socket.as_raw_fd(), pointer, size) }).map(drop)
}

fn has_peer(socket: &OwnedFd) -> bool {
    // SAFETY: zero is valid, and there is room for any address.
    unsafe {
        let mut address: libc::sockaddr_storage = std::mem::zeroed();
        let mut size = std::mem::size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        libc::getpeername(
            socket.as_raw_fd(),
            (&mut address as *mut libc::sockaddr_storage).cast(),
            &mut size,
        ) == 0
    }
}

fn a_tcp_connection_in_progress_is_finished() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = socket(libc::AF_INET);
    set_nonblocking(&client);
    let started = connect(&client, listener.as_raw_fd());
    assert!([Ok(()), Err(Errno::EINPROGRESS)].contains(&started), "{started:?}");
    assert_eq!(finish_connect(fd(&client)), Ok(()));
    assert_eq!(finish_connect(fd(&client)), Ok(()), "and stays so");
    let (mut accepted, _) = listener.accept().unwrap();
    accepted.write_all(b"hello").unwrap();
    drop(accepted);
    let mut text = String::new();
    let mut client = std::fs::File::from(client);
    retry(|| match errno(client.read_to_string(&mut text)) {
        Err(Errno::EAGAIN) => Err(Errno::EINTR),
        result => result,
    })
    .unwrap();
    assert_eq!(text, "hello");
}

/// A listener whose queue is full, the connections in it, and one that waits for room.
fn with_a_connection_that_waits() -> (TcpListener, Vec<OwnedFd>, OwnedFd) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    // SAFETY: takes plain values.
    check(unsafe { libc::listen(listener.as_raw_fd(), 0) }).unwrap();
    let mut queue = Vec::new();
    while queue.len() < 64 {
        let client = socket(libc::AF_INET);
        set_nonblocking(&client);
        match connect(&client, listener.as_raw_fd()) {
            Ok(()) | Err(Errno::EINPROGRESS) => {}
            Err(error) => common::skip(&format!("connections do not wait for room here: {error}")),
        }
        let mut entry = libc::pollfd { fd: client.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
        // SAFETY: one entry.
        if check(unsafe { libc::poll(&mut entry, 1, 100) }) == Ok(0) {
            return (listener, queue, client);
        }
        queue.push(client);
    }
    common::skip("a queue is never full here")
}

fn an_alarm_ends_the_wait_and_the_connection_continues() {
    install(SIGALRM, &ALARMS).unwrap();
    let (listener, queue, client) = with_a_connection_that_waits();
    let flood = Flood::of(&[SIGALRM], 5);
    assert_eq!(finish_connect(fd(&client)), Err(Errno::EINTR));
    assert_eq!(finish_connect(fd(&client)), Err(Errno::EINTR));
    let _accepted: Vec<_> =
        queue.iter().map(|_| retry(|| errno(listener.accept())).unwrap()).collect();
    assert_eq!(retry(|| finish_connect(fd(&client))), Ok(()));
    drop(flood);
    assert!(has_peer(&client));
}

fn a_refused_connection_is_econnrefused() {
    let (listener, queue, client) = with_a_connection_that_waits();
    drop(listener);
    let result = finish_connect(fd(&client));
    assert_eq!(result, Err(Errno::ECONNREFUSED));
    assert!(!has_peer(&client));
    drop(queue);
}

/// On Linux the interruption ends the attempt, yet the socket polls writable without an error.
fn an_interrupted_connect_to_a_unix_socket_is_no_false_success() {
    let path = std::env::temp_dir().join(format!("signal-test-{}.socket", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    // SAFETY: takes plain values.
    check(unsafe { libc::listen(listener.as_raw_fd(), 0) }).unwrap();
    let mut queue = Vec::new();
    let full = loop {
        let client = socket(libc::AF_UNIX);
        set_nonblocking(&client);
        match connect(&client, listener.as_raw_fd()) {
            Ok(()) if queue.len() < 64 => queue.push(client),
            other => break other,
        }
    };
    assert!(full.is_err(), "a queue is never full here");
    install(SIGALRM, &ALARMS).unwrap();
    let flood = Flood::of(&[SIGALRM], 5);
    let client = socket(libc::AF_UNIX);
    let interrupted = connect(&client, listener.as_raw_fd());
    drop(flood);
    std::fs::remove_file(&path).unwrap();
    if interrupted != Err(Errno::EINTR) {
        common::skip("connect to a full queue is not interrupted here");
    }
    match finish_connect(fd(&client)) {
        Ok(()) => assert!(has_peer(&client)),
        Err(error) => assert_eq!(error, Errno::ENOTCONN),
    }
}

fn other_files_and_closed_descriptors_are_refused() {
    let (read, write) = common::pipe();
    let files = [read, write, std::fs::File::open("/dev/null").unwrap()];
    let fds = [0, 1, 2].map(|index: usize| files[index].as_raw_fd());
    for file in &files {
        assert_eq!(finish_connect(fd(file)), Err(Errno::ENOTSOCK));
    }
    drop(files);
    for number in fds.into_iter().chain([i32::MIN, i32::MAX]) {
        assert_eq!(finish_connect(bare_fd(number)), Err(Errno::EBADF));
    }
}

/// On some platforms a socket that has never tried polls writable; it is not connected.
fn a_socket_that_has_never_tried_is_not_connected() {
    install(SIGALRM, &ALARMS).unwrap();
    let _flood = Flood::of(&[SIGALRM], 20);
    for family in [libc::AF_INET, libc::AF_UNIX] {
        let result = finish_connect(fd(&socket(family)));
        assert!([Err(Errno::ENOTCONN), Err(Errno::EINTR)].contains(&result), "{result:?}");
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    assert!(finish_connect(fd(&listener)).is_err());
}

tests! {
    retry_repeats_after_eintr_and_after_nothing_else,
    #[cfg(feature = "std")]
    retry_repeats_after_interrupted_io,
    a_read_that_is_interrupted_repeatedly_succeeds,
    a_tcp_connection_in_progress_is_finished,
    an_alarm_ends_the_wait_and_the_connection_continues,
    a_refused_connection_is_econnrefused,
    an_interrupted_connect_to_a_unix_socket_is_no_false_success,
    other_files_and_closed_descriptors_are_refused,
    a_socket_that_has_never_tried_is_not_connected,
}
