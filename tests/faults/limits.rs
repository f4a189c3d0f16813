//! Limits that the process has reached, and a disk that is full: the error is reported, nothing is
//! left behind, and when there is room again a second attempt succeeds.

use crate::common::load::FewDescriptors;
use crate::common::process::sleeper;
use crate::common::{self, in_child, open_descriptors, realtime_or_skip, signal_state, status_of};
use signal::session::{daemonize, Options, PidFile, Step};
use signal::{child, Errno, InfoQueue, Pid, SelfPipe, SignalFd, SIGKILL, SIGUSR1};
use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A directory, gone when it is dropped.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let path = std::env::temp_dir().join(format!("signal-limits-{}-{name}", Pid::current()));
        fs::create_dir(&path).unwrap();
        Place(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Sets the limit; how it was.
fn limit(which: u32, now: libc::rlim_t) -> libc::rlimit {
    let mut before = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: room for the structure, and a whole one.
    unsafe {
        assert_eq!(libc::getrlimit(which as _, &mut before), 0);
        let new = libc::rlimit { rlim_cur: now, rlim_max: before.rlim_max };
        assert_eq!(libc::setrlimit(which as _, &new), 0);
    }
    before
}

/// Becomes a daemon that ends at once; the original process ends with code 0.
fn become_daemon(options: Options) -> signal::session::Error {
    match daemonize(options) {
        Ok(daemon) => {
            daemon.ready();
            // SAFETY: ends the daemon.
            unsafe { libc::_exit(0) }
        }
        Err(error) => error,
    }
}

/// `SelfPipe` is among the tests of its own module.
fn without_descriptors_each_function_fails_or_does_without() {
    common::needs(cfg!(all(has_signalfd, has_wait4)), "the library is built for another system");
    let place = Place::new("descriptors");
    let path = place.0.join("pid");
    let child = sleeper();
    let few = FewDescriptors::new(0);
    let before = signal_state();
    assert_eq!(SignalFd::new(SIGUSR1).map(drop), Err(Errno::EMFILE));
    let error = PidFile::create(&path).unwrap_err();
    assert_eq!((error.step(), error.errno()), (Step::OpenPidFile, Errno::EMFILE));
    let error = become_daemon(Options::new());
    assert_eq!((error.step(), error.errno()), (Step::Pipe, Errno::EMFILE));
    assert_eq!(child::wait_timeout(child, Duration::from_millis(10)), Ok(None));
    assert_eq!(signal_state(), before);
    signal::kill(child, SIGKILL).unwrap();
    let exited = child::wait_timeout(child, Duration::from_secs(60)).unwrap().unwrap();
    assert_eq!(exited.status.signal(), Some(SIGKILL));
    drop(few);
    drop(SignalFd::new(SIGUSR1).unwrap());
    drop(PidFile::create(&path).unwrap());
    in_child(|| panic!("{}", become_daemon(Options::new())));
}

fn a_full_queue_of_signals_is_eagain_and_works_later() {
    common::needs(cfg!(has_sigqueue), "no sigqueue");
    let signal = realtime_or_skip(0);
    signal::block(signal);
    let before = limit(libc::RLIMIT_SIGPENDING as _, 0);
    assert_eq!(signal::queue(Pid::current(), signal, 1), Err(Errno::EAGAIN));
    assert_eq!(signal::raise(signal), Err(Errno::EAGAIN));
    assert!(!signal::pending().contains(signal));
    limit(libc::RLIMIT_SIGPENDING as _, before.rlim_cur);
    signal::queue(Pid::current(), signal, 7).unwrap();
    let info = signal::SignalSet::from(signal).wait().unwrap();
    assert_eq!((info.signal(), info.value()), (signal, Some(7)));
}

/// The kernel then knows that the signal has come, and no more.
fn with_a_full_queue_of_signals_a_pipe_hears_the_number() {
    static QUEUE: InfoQueue<4> = InfoQueue::new();
    common::needs(cfg!(has_sigqueue), "no sigqueue");
    let signal = realtime_or_skip(1);
    let pipe = SelfPipe::with_queue(SIGUSR1 | signal, &QUEUE).unwrap();
    let before = limit(libc::RLIMIT_SIGPENDING as _, 0);
    signal::queue(Pid::current(), SIGUSR1, 5).unwrap();
    signal::kill(Pid::current(), signal).unwrap();
    let infos: Vec<_> = pipe.infos().map(|info| (info.signal(), info.value())).collect();
    assert_eq!(infos, [(SIGUSR1, None), (signal, None)]);
    assert_eq!((pipe.pending(), QUEUE.lost()), (SIGUSR1 | signal, 0));
    limit(libc::RLIMIT_SIGPENDING as _, before.rlim_cur);
    signal::queue(Pid::current(), SIGUSR1, 6).unwrap();
    assert_eq!(pipe.infos().next().and_then(|info| info.value()), Some(6));
}

/// The limit does not bind root. (The end of the original process is that of the test.)
fn without_processes_daemonize_is_eagain_and_works_later() {
    // SAFETY: takes plain values.
    unsafe {
        if libc::geteuid() == 0 {
            let nobody = 65534;
            common::needs(libc::setresuid(nobody, nobody, nobody) == 0, "root cannot change");
        }
    }
    let before = limit(libc::RLIMIT_NPROC as _, 0);
    // SAFETY: the child, if there is one, ends at once.
    let bound = unsafe {
        match libc::fork() {
            0 => libc::_exit(0),
            pid => pid == -1,
        }
    };
    common::needs(bound, "the number of processes is not limited here");
    let state = signal_state();
    let error = become_daemon(Options::new());
    assert_eq!((error.step(), error.errno()), (Step::Fork, Errno::EAGAIN));
    assert_eq!(signal_state(), state);
    limit(libc::RLIMIT_NPROC as _, before.rlim_cur);
    panic!("{}", become_daemon(Options::new()));
}

/// Mounts a small file system of its own on the directory, in a name space of its own.
fn mount_a_small_disk(on: &Path) -> bool {
    // SAFETY: takes plain values.
    let id = unsafe { libc::geteuid() };
    let kinds = if id == 0 { libc::CLONE_NEWNS } else { libc::CLONE_NEWUSER | libc::CLONE_NEWNS };
    let path = CString::new(on.as_os_str().as_bytes()).unwrap();
    let tmpfs = b"tmpfs\0".as_ptr().cast();
    // SAFETY: plain values and C strings. What is mounted here nobody else sees.
    unsafe {
        libc::unshare(kinds) == 0
            && libc::mount(
                b"none\0".as_ptr().cast(),
                b"/\0".as_ptr().cast(),
                std::ptr::null(),
                libc::MS_REC | libc::MS_PRIVATE,
                std::ptr::null(),
            ) == 0
            && libc::mount(
                tmpfs,
                path.as_ptr(),
                tmpfs,
                0,
                b"size=4096,nr_inodes=3\0".as_ptr().cast(),
            ) == 0
    }
}

fn on_a_full_disk_a_pid_file_is_enospc_empty_and_works_later() {
    let place = Place::new("disk");
    let works = status_of(|| assert!(mount_a_small_disk(&place.0))).success();
    common::needs(works, "no file system can be mounted here");
    in_child(|| {
        assert!(mount_a_small_disk(&place.0));
        let (filler, path) = (place.0.join("filler"), place.0.join("pid"));
        fs::write(&filler, [0; 4096]).unwrap();
        let before = open_descriptors();
        let options = || Options::new().pid_file(&path);
        for error in [PidFile::create(&path).unwrap_err(), become_daemon(options())] {
            assert_eq!((error.step(), error.errno()), (Step::WritePidFile, Errno::ENOSPC));
            assert_eq!(error.path(), Some(path.as_path()));
            assert_eq!(fs::read_to_string(&path).unwrap(), "");
        }
        // No room for a file at all.
        let other = place.0.join("other");
        let error = PidFile::create(&other).unwrap_err();
        assert_eq!((error.step(), error.errno()), (Step::OpenPidFile, Errno::ENOSPC));
        assert!(!other.exists());
        assert_eq!(open_descriptors(), before);
        fs::remove_file(&filler).unwrap();
        let file = PidFile::create(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", Pid::current()));
        drop(file);
        panic!("{}", become_daemon(options()));
    });
}

tests! {
    without_descriptors_each_function_fails_or_does_without,
    a_full_queue_of_signals_is_eagain_and_works_later,
    with_a_full_queue_of_signals_a_pipe_hears_the_number,
    without_processes_daemonize_is_eagain_and_works_later,
    on_a_full_disk_a_pid_file_is_enospc_empty_and_works_later,
}
