//! SIGIO and SIGURG from real descriptors.

use crate::common::{self, bare_fd, eventually, fd, needs, own_group, Latch};
use signal::owner::{clear, get, notify, set, Owner};
use signal::{install, BlockGuard, Cause, Errno, Handler, Pid, Signal, SignalSet};
use signal::{SIGIO, SIGURG, SIGUSR1};
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
    let fd = fd(&socket);
    assert_eq!(get(fd), Ok(None));
    for owner in
        [Owner::Process(Pid::current()), Owner::Group(own_group()), Owner::Process(Pid::current())]
    {
        set(fd, owner).unwrap();
        assert_eq!(get(fd), Ok(Some(owner)));
    }
    // The owner belongs to the open file, not to the descriptor.
    let duplicate = socket.try_clone().unwrap();
    assert_eq!(get(common::fd(&duplicate)), Ok(Some(Owner::Process(Pid::current()))));
    clear(fd).unwrap();
    assert_eq!((get(fd), get(common::fd(&duplicate))), (Ok(None), Ok(None)));
}

fn urgent_data_raises_sigurg() {
    install(SIGURG, &URGENT).unwrap();
    let (client, server) = connection();
    set(fd(&server), Owner::Process(Pid::current())).unwrap();
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
    let fd = fd(&reader);
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
    assert_eq!(unsafe { libc::fcntl(reader.as_raw_fd(), libc::F_GETFL) } & libc::O_NONBLOCK, 0);
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
    set(fd(&terminal), Owner::Process(Pid::current())).unwrap();
    notify(fd(&terminal), true).unwrap();
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
    set(fd(&reader), Owner::Group(own_group())).unwrap();
    notify(fd(&reader), true).unwrap();
    writer.write_all(b"x").unwrap();
    heard.wait();
    assert!(common::wait_for(child).success());
}

/// The signal that was asked for comes, with the events.
fn another_signal_can_tell_of_input() {
    needs(cfg!(has_setsig), "no F_SETSIG here");
    let chosen = Signal::realtime(3).into_iter().chain([SIGUSR1, SIGIO]);
    for signal in chosen {
        // For what comes when the ends are closed.
        install(signal, Handler::Ignore).unwrap();
        let (reader, mut writer) = UnixStream::pair().unwrap();
        let _blocked = BlockGuard::new(signal);
        set(fd(&reader), Owner::Process(Pid::current())).unwrap();
        signal::owner::signal(fd(&reader), Some(signal)).unwrap();
        notify(fd(&reader), true).unwrap();
        writer.write_all(b"x").unwrap();
        let info = SignalSet::from(signal).wait().unwrap();
        assert_eq!((info.signal(), info.cause()), (signal, Cause::Io), "{info:?}");
        let band = info.band().expect("the events");
        assert_eq!(band & libc::c_long::from(libc::POLLIN), libc::POLLIN.into());
        assert_eq!((info.sender_pid(), info.value(), info.status()), (None, None, None));
    }
    // The default again: SIGIO, which does not say what it is for.
    let (reader, mut writer) = UnixStream::pair().unwrap();
    let _blocked = BlockGuard::new(SIGIO | SIGUSR1);
    set(fd(&reader), Owner::Process(Pid::current())).unwrap();
    signal::owner::signal(fd(&reader), Some(SIGUSR1)).unwrap();
    signal::owner::signal(fd(&reader), None).unwrap();
    notify(fd(&reader), true).unwrap();
    writer.write_all(b"x").unwrap();
    let info = (SIGIO | SIGUSR1).wait().unwrap();
    assert_eq!((info.signal(), info.cause(), info.band()), (SIGIO, Cause::Kernel, None));
}

fn nobody_hears_of_a_descriptor_without_an_owner() {
    install(SIGURG, &URGENT).unwrap();
    let (client, server) = connection();
    set(fd(&server), Owner::Process(Pid::current())).unwrap();
    clear(fd(&server)).unwrap();
    // SAFETY: one byte.
    let sent = unsafe { libc::send(client.as_raw_fd(), b"!".as_ptr().cast(), 1, libc::MSG_OOB) };
    assert_eq!(sent, 1);
    let mut entry = libc::pollfd { fd: server.as_raw_fd(), events: libc::POLLPRI, revents: 0 };
    // SAFETY: one entry.
    assert_eq!(unsafe { libc::poll(&mut entry, 1, 60_000) }, 1, "the byte has come");
    assert_eq!(count(&URGENT), 0);
}

fn errors_name_their_cause() {
    // SAFETY: a descriptor that nothing else owns.
    let closed = unsafe {
        let fd = libc::dup(0);
        libc::close(fd);
        bare_fd(fd)
    };
    assert_eq!(set(closed, Owner::Process(Pid::current())), Err(Errno::EBADF));
    assert_eq!(get(closed), Err(Errno::EBADF));
    assert_eq!(notify(closed, true), Err(Errno::EBADF));
    assert_eq!(clear(closed), Err(Errno::EBADF));
    let expected = if cfg!(has_setsig) { Errno::EBADF } else { Errno::ENOSYS };
    for signal in [None, Some(SIGIO)] {
        assert_eq!(signal::owner::signal(closed, signal), Err(expected));
    }
    let (socket, _peer) = connection();
    let gone = common::fork(|| 0);
    common::wait_for(gone);
    // The system refuses a process that is gone, or never signals it; nothing breaks either way.
    match set(fd(&socket), Owner::Process(gone)) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => panic!("{error}"),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn a_file_that_never_tells_is_refused() {
    for path in ["/dev/null", "/"] {
        let file = File::open(path).unwrap();
        set(fd(&file), Owner::Process(Pid::current())).unwrap();
        let refused = notify(fd(&file), true).unwrap_err().raw_os_error();
        // Or by the call that stands in for the flag.
        let expected = if cfg!(has_o_async) { libc::EOPNOTSUPP } else { libc::ENOTTY };
        assert_eq!(refused, expected, "{path}");
        notify(fd(&file), false).unwrap();
    }
}

tests! {
    the_owner_is_what_was_set,
    urgent_data_raises_sigurg,
    input_on_a_socket_raises_sigio_until_it_is_switched_off,
    input_on_a_terminal_raises_sigio,
    a_group_can_be_the_owner,
    another_signal_can_tell_of_input,
    nobody_hears_of_a_descriptor_without_an_owner,
    errors_name_their_cause,
    #[cfg(any(target_os = "linux", target_os = "android"))]
    a_file_that_never_tells_is_refused,
}
