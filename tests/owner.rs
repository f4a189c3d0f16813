//! SIGIO and SIGURG from real descriptors.

use crate::common::{self, eventually, own_group, Latch};
use signal::owner::{get, notify, set, Owner};
use signal::{install, Errno, Handler, Pid, SIGIO, SIGURG};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::io::{AsRawFd, FromRawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

static IO: AtomicUsize = AtomicUsize::new(0);
static URGENT: AtomicUsize = AtomicUsize::new(0);

fn count(counter: &AtomicUsize) -> usize {
    counter.load(SeqCst)
}

fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

fn the_owner_is_what_was_set() {
    let (socket, _peer) = connection();
    let fd = socket.as_raw_fd();
    assert_eq!(get(fd), Ok(None));
    for owner in
        [Owner::Process(Pid::current()), Owner::Group(own_group()), Owner::Process(Pid::current())]
    {
        set(fd, owner).unwrap();
        assert_eq!(get(fd), Ok(Some(owner)));
    }
    // The owner belongs to the open file, not to the descriptor.
    assert_eq!(
        get(socket.try_clone().unwrap().as_raw_fd()),
        Ok(Some(Owner::Process(Pid::current())))
    );
}

fn urgent_data_raises_sigurg() {
    install(SIGURG, &URGENT).unwrap();
    let (client, server) = connection();
    set(server.as_raw_fd(), Owner::Process(Pid::current())).unwrap();
    for sent in 1..=3 {
        // SAFETY: one byte.
        let written =
            unsafe { libc::send(client.as_raw_fd(), b"!".as_ptr().cast(), 1, libc::MSG_OOB) };
        assert_eq!(written, 1);
        eventually("SIGURG arrives", || count(&URGENT) >= sent);
        let mut byte = [0u8];
        // SAFETY: room for one byte.
        let read =
            unsafe { libc::recv(server.as_raw_fd(), byte.as_mut_ptr().cast(), 1, libc::MSG_OOB) };
        assert_eq!((read, byte), (1, *b"!"));
    }
}

fn input_on_a_socket_raises_sigio_until_it_is_switched_off() {
    install(SIGIO, &IO).unwrap();
    let (mut reader, mut writer) = UnixStream::pair().unwrap();
    let fd = reader.as_raw_fd();
    writer.write_all(b"before anybody asked").unwrap();
    assert_eq!(count(&IO), 0);
    set(fd, Owner::Process(Pid::current())).unwrap();
    notify(fd, true).unwrap();
    writer.write_all(b"x").unwrap();
    eventually("SIGIO arrives", || count(&IO) > 0);
    notify(fd, false).unwrap();
    let before = count(&IO);
    reader.read_exact(&mut [0; 21]).unwrap();
    writer.write_all(b"y").unwrap();
    // This arrives after any signal that the write would have raised.
    signal::kill(Pid::current(), SIGIO).unwrap();
    eventually("the last one arrives", || count(&IO) > before);
    assert_eq!(count(&IO), before + 1);
    // The other flags are as they were.
    // SAFETY: asks for flags.
    assert_eq!(unsafe { libc::fcntl(fd, libc::F_GETFL) } & libc::O_NONBLOCK, 0);
}

fn input_on_a_terminal_raises_sigio() {
    install(SIGIO, &IO).unwrap();
    // SAFETY: plain system calls; each descriptor gets one owner.
    let (mut master, terminal) = unsafe {
        let master = libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY);
        if master == -1 || libc::grantpt(master) != 0 || libc::unlockpt(master) != 0 {
            common::skip("there are no pseudo-terminals here");
        }
        let terminal = libc::open(libc::ptsname(master), libc::O_RDWR | libc::O_NOCTTY);
        assert_ne!(terminal, -1);
        (File::from_raw_fd(master), File::from_raw_fd(terminal))
    };
    set(terminal.as_raw_fd(), Owner::Process(Pid::current())).unwrap();
    notify(terminal.as_raw_fd(), true).unwrap();
    master.write_all(b"typed\n").unwrap();
    eventually("SIGIO arrives", || count(&IO) > 0);
}

fn a_group_can_be_the_owner() {
    let heard = Latch::new();
    let listening = Latch::new();
    install(SIGIO, Handler::Ignore).unwrap();
    // In the group of the test, which has no other members.
    let child = common::fork(|| {
        install(SIGIO, &IO).unwrap();
        listening.open();
        eventually("SIGIO arrives in the child", || count(&IO) > 0);
        heard.open();
        0
    });
    listening.wait();
    let (reader, mut writer) = UnixStream::pair().unwrap();
    set(reader.as_raw_fd(), Owner::Group(own_group())).unwrap();
    notify(reader.as_raw_fd(), true).unwrap();
    writer.write_all(b"x").unwrap();
    heard.wait();
    assert!(common::wait_for(child).success());
}

fn errors_name_their_cause() {
    // SAFETY: a descriptor that nothing else owns.
    let closed = unsafe {
        let fd = libc::dup(0);
        libc::close(fd);
        fd
    };
    assert_eq!(set(closed, Owner::Process(Pid::current())), Err(Errno::EBADF));
    assert_eq!(get(closed), Err(Errno::EBADF));
    assert_eq!(notify(closed, true), Err(Errno::EBADF));
    let (socket, _peer) = connection();
    let gone = common::fork(|| 0);
    common::wait_for(gone);
    // The system refuses a process that is gone, or never signals it; nothing breaks either way.
    match set(socket.as_raw_fd(), Owner::Process(gone)) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => panic!("{error}"),
    }
}

tests! {
    the_owner_is_what_was_set,
    urgent_data_raises_sigurg,
    input_on_a_socket_raises_sigio_until_it_is_switched_off,
    input_on_a_terminal_raises_sigio,
    a_group_can_be_the_owner,
    errors_name_their_cause,
}
