//! What errors say at run time, word for word, each from a call that fails.

use crate::common;
use crate::common::load::FewDescriptors;
#[cfg(feature = "std")]
use crate::common::process;
#[cfg(feature = "std")]
use signal::session::PidFile;
use signal::{child, BlockGuard, Errno, Handler, InfoQueue, Pid, SelfPipe, Signal, SignalSet};
use signal::{SIGKILL, SIGPIPE, SIGTERM, SIGUSR1, SIGUSR2};
#[cfg(feature = "std")]
use std::fs;
use std::io::{Read, Write};
use std::os::unix::io::AsRawFd;
use std::sync::atomic::Ordering::SeqCst;

/// Each call with the words of its error.
fn expect(calls: &[(&str, Result<(), Errno>, &str)]) {
    for (call, result, words) in calls {
        let error = result.expect_err(call);
        assert_eq!(error.to_string(), *words, "{call}");
        let (words, name) = words.strip_suffix(')').unwrap().rsplit_once(" (").unwrap();
        assert_eq!(format!("{error:?}"), format!("{name} ({words})"), "{call}");
    }
}

const EINVAL: &str =
    "invalid argument: for install and SelfPipe, SIGKILL and SIGSTOP, a signal that the C library \
     reserves, or a function found on another signal; for wait and SignalFd, a set with nothing to \
     wait for; for kill_group and child, group 1; for stop_by, a signal that does not stop; for \
     insert_with, a flag other than RESTART and NOCLDSTOP; for try_from, a number that is no signal \
     or process id; for AltStack, a size that is too small; for timer::start, a timer that this \
     system lacks (EINVAL)";

const EPERM: &str =
    "not permitted: for kill, a process that belongs to somebody else; for new_session, the caller \
     leads a process group already; for groups and set_foreground, one of another session; for \
     AltStack, the thread runs on an alternate stack; for others, a sandbox refuses the call (EPERM)";

/// The words go by function: each is there.
fn a_wrong_argument_is_told_for_each_function() {
    let empty = SignalSet::empty();
    let first = Pid::from_raw(1).unwrap();
    let found = signal::query(SIGTERM).and_then(|_| {
        // SAFETY: does nothing.
        signal::install(SIGTERM, unsafe { Handler::new(|_: Signal| ()) })?;
        signal::install(SIGUSR1, signal::query(SIGTERM)?)
    });
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    expect(&[
        ("install", signal::install(SIGKILL, Handler::Ignore).map(drop), EINVAL),
        ("install what was found", found.map(drop), EINVAL),
        ("SelfPipe", SelfPipe::new(SIGKILL).map(drop), EINVAL),
        ("insert_with", pipe.insert_with(SIGTERM, signal::Flags::NODEFER).map(drop), EINVAL),
        ("wait", empty.wait().map(drop), EINVAL),
        ("kill_group", signal::kill_group(first, SIGTERM), EINVAL),
        ("child", child::reap_group(first).next().unwrap().map(drop), EINVAL),
        ("stop_by", signal::stop_by(SIGTERM), EINVAL),
        ("Signal::try_from", Signal::try_from(0).map(drop), EINVAL),
        ("Pid::try_from", Pid::try_from(-1).map(drop), EINVAL),
    ]);
    #[cfg(any(has_signalfd, has_kqueue))]
    expect(&[("SignalFd", signal::SignalFd::new(empty).map(drop), EINVAL)]);
    #[cfg(has_sigaltstack)]
    expect(&[("AltStack", signal::AltStack::with_size(1).map(drop), EINVAL)]);
}

fn each_error_says_what_it_means_and_what_to_do() {
    static QUEUE: InfoQueue<1> = InfoQueue::new();
    let _pipe = SelfPipe::with_queue(SIGUSR1, &QUEUE).unwrap();
    let (mut read, write) = common::pipe();
    let gone = common::fork(|| 0);
    child::wait(gone).unwrap();
    // SAFETY: the descriptor is ours.
    unsafe { libc::fcntl(read.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    expect(&[
        ("kill", signal::kill(gone, SIGTERM), "no such process or process group (ESRCH)"),
        (
            "child::wait",
            child::wait(gone).map(drop),
            "no child with a status to collect: not a child of this process, reaped already, or \
             SIGCHLD is ignored (perhaps since before this program started), in which case the \
             system keeps no statuses (ECHILD)",
        ),
        // Each test leads a process group.
        ("new_session", signal::session::new_session().map(drop), EPERM),
        (
            "with_queue",
            SelfPipe::with_queue(SIGUSR1, &QUEUE).map(drop),
            "in use: another self-pipe has the queue, or other threads run, which a fork would \
             leave behind (EBUSY)",
        ),
        (
            "finish_connect to a number",
            signal::finish_connect(common::bare_fd(i32::MAX)),
            "not an open descriptor (EBADF)",
        ),
        ("finish_connect", signal::finish_connect(common::fd(&read)), "not a socket (ENOTSOCK)"),
        (
            "foreground",
            signal::session::foreground(common::fd(&read)).map(drop),
            "not a terminal, or not the controlling terminal of this session (ENOTTY)",
        ),
        (
            "read",
            common::errno(read.read(&mut [0])).map(drop),
            "try again later: a limit (of queued signals, of processes) is reached for now (EAGAIN)",
        ),
        (
            "sigsuspend",
            interrupted(),
            "interrupted by a signal handler: call again (signal::retry does) (EINTR)",
        ),
        (
            "the 33rd pipe",
            too_many_pipes(),
            "no room: all self-pipes that a process can have are in use, drop one first; or the \
             device is full (ENOSPC)",
        ),
        (
            "a pipe over the fifth handler",
            too_many_predecessors(),
            "too many predecessors: self-pipes have been made over too many different handlers of \
             this signal (ELOOP)",
        ),
        (
            "no descriptor",
            no_descriptor(),
            "this process has too many open descriptors: close some or raise RLIMIT_NOFILE (EMFILE)",
        ),
    ]);
    signal::install(SIGPIPE, Handler::Ignore).unwrap();
    drop(read);
    let broken = common::errno((&write).write(b"x")).map(drop);
    expect(&[("write", broken, "the other end is closed (EPIPE)")]);
    #[cfg(has_sigaltstack)]
    expect(&[(
        "AltStack",
        signal::AltStack::with_size(usize::MAX).map(drop),
        "out of memory (ENOMEM)",
    )]);
}

fn interrupted() -> Result<(), Errno> {
    signal::install(SIGUSR2, &common::FLAG)?;
    let _pending_until_it_waits = BlockGuard::new(SIGUSR2);
    signal::raise(SIGUSR2)?;
    // SAFETY: a whole set.
    unsafe { libc::sigsuspend(&SignalSet::empty().to_raw()) };
    Err(Errno::last())
}

fn too_many_pipes() -> Result<(), Errno> {
    let pipes: Result<Vec<_>, _> = (0..33).map(|_| SelfPipe::new(SIGTERM)).collect();
    pipes.map(drop)
}

fn too_many_predecessors() -> Result<(), Errno> {
    extern "C" fn f<const N: i32>(_: i32) {
        common::COUNT.fetch_add(N as usize, SeqCst);
    }
    let functions = [f::<1>, f::<2>, f::<3>, f::<4>, f::<5>];
    let pipes: Result<Vec<_>, _> = (functions.into_iter())
        .map(|function: extern "C" fn(i32)| {
            // SAFETY: an atomic addition.
            signal::install(SIGTERM, unsafe { Handler::from_raw(function) })?;
            SelfPipe::new(SIGTERM)
        })
        .collect();
    pipes.map(drop)
}

fn no_descriptor() -> Result<(), Errno> {
    let _few = FewDescriptors::new(0);
    SelfPipe::new(SIGTERM).map(drop)
}

const NO_SIGNAL: &str =
    "not a signal of this system: use a name, such as SIGTERM, TERM or RTMIN+1, or a number";

fn a_text_that_is_no_signal_says_what_is_one() {
    for text in ["", "SIGNONE", "-9", "0", "RTMIN+1000"] {
        let error = text.parse::<Signal>().unwrap_err();
        assert_eq!((error.to_string(), format!("{error:?}")), (NO_SIGNAL.into(), NO_SIGNAL.into()));
    }
}

/// What a program prints whose `main` returns the error.
#[cfg(feature = "std")]
fn a_main_that_fails_prints_the_words() {
    use std::process::Termination;
    let einval = EINVAL.strip_suffix(" (EINVAL)").unwrap();
    let mains: [(fn(), String); 3] = [
        (
            || _ = signal::install(SIGKILL, Handler::Ignore).map(drop).report(),
            format!("EINVAL ({einval})"),
        ),
        (|| _ = "SIGNONE".parse::<Signal>().map(drop).report(), NO_SIGNAL.into()),
        (
            || _ = PidFile::create("/dev/null").map(drop).report(),
            "cannot use the pid file /dev/null: it is no regular file, or the path has a zero byte \
             (EINVAL)"
                .into(),
        ),
    ];
    for (main, words) in mains {
        assert_eq!(process::with_stderr(main).1, format!("Error: {words}\n"));
    }
}

#[cfg(feature = "std")]
fn an_error_of_a_daemon_names_the_step_the_path_and_the_reason() {
    let place = std::env::temp_dir().join(format!("signal-messages-{}", Pid::current()));
    fs::create_dir(&place).unwrap();
    let path = |name: &str| place.join(name);
    let held = PidFile::create(path("held")).unwrap();
    fs::create_dir(path("directory")).unwrap();
    fs::write(path("linked"), "").unwrap();
    fs::hard_link(path("linked"), path("other")).unwrap();
    std::os::unix::fs::symlink("nothing", path("symlink")).unwrap();
    common::in_child(|| {
        for (name, step, reason) in [
            ("held", "lock", "another instance holds it (EAGAIN)"),
            ("directory", "use", "it is a directory (EISDIR)"),
            ("linked", "use", "it has another name too, a hard link (EMLINK)"),
            (
                "symlink",
                "use",
                "it is a symbolic link, which is not followed, or too many are on the way to it \
                 (ELOOP)",
            ),
        ] {
            let error = PidFile::create(path(name)).unwrap_err();
            let words = format!("cannot {step} the pid file {}: {reason}", path(name).display());
            assert_eq!((error.to_string(), format!("{error:?}")), (words.clone(), words));
        }
    });
    drop(held);
    fs::remove_dir_all(&place).unwrap();
}

#[cfg(feature = "std")]
fn an_error_of_a_daemon_tells_what_the_number_does_not() {
    use signal::session::{daemonize, Options};
    let zero = daemonize(Options::new().directory("a\0b")).map(drop).unwrap_err();
    assert_eq!(
        zero.to_string(),
        "cannot change to the directory a\0b: the path has a zero byte (EINVAL)"
    );
    let ended = daemonize(Options::new()).map(drop).unwrap_err();
    assert_eq!(
        ended.to_string(),
        "the daemon has failed: it ended before it was ready (ECANCELED)"
    );
    let few = FewDescriptors::new(0);
    let full = daemonize(Options::new()).map(drop).unwrap_err();
    drop(few);
    assert_eq!(
        full.to_string(),
        "cannot make a pipe to the daemon: this process has too many open descriptors: close some \
         or raise RLIMIT_NOFILE (EMFILE)"
    );
}

/// Numbers for which `Errno` has words about signals: a daemon's are others.
#[cfg(feature = "std")]
fn an_error_of_a_daemon_does_not_speak_of_signals() {
    use signal::session::{daemonize, Options};
    let circle = std::env::temp_dir().join(format!("signal-circle-{}", Pid::current()));
    std::os::unix::fs::symlink(&circle, &circle).unwrap();
    let error = daemonize(Options::new().directory(&circle)).map(drop).unwrap_err();
    fs::remove_file(&circle).unwrap();
    let mut errors = vec![(libc::ELOOP, "(ELOOP)", error)];
    for (number, name) in [
        (libc::EAGAIN, "(EAGAIN)"),
        (libc::EBUSY, "(EBUSY)"),
        (libc::ECANCELED, "(ECANCELED)"),
        (libc::ECHILD, "(ECHILD)"),
        (libc::EINVAL, "(EINVAL)"),
        (libc::ELOOP, "(ELOOP)"),
        (libc::ENOSPC, "(ENOSPC)"),
        (libc::ENOTCONN, "(ENOTCONN)"),
        (libc::ENOTTY, "(ENOTTY)"),
        (libc::EPERM, "(EPERM)"),
    ] {
        match daemonize(Options::new()) {
            Ok(daemon) => daemon.fail(Errno::from_raw_os_error(number)),
            Err(error) => errors.push((number, name, error)),
        }
    }
    for (number, name, error) in errors {
        let system = std::io::Error::from_raw_os_error(number).to_string();
        let (system, _) = system.split_once(" (os error").unwrap();
        assert!(error.to_string().ends_with(&format!(": {system} {name}")), "{error}");
    }
}

#[cfg(all(target_os = "linux", feature = "std"))]
fn threads_are_named_as_the_reason() {
    let (keep, kept) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || kept.recv().is_err());
    let error = signal::session::daemonize(signal::session::Options::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot go into the background: other threads are running, which a fork would leave \
         behind: do it before the first one starts (EBUSY)"
    );
    drop(keep);
    assert!(thread.join().unwrap());
}

tests! {
    a_wrong_argument_is_told_for_each_function,
    each_error_says_what_it_means_and_what_to_do,
    a_text_that_is_no_signal_says_what_is_one,
    #[cfg(feature = "std")]
    a_main_that_fails_prints_the_words,
    #[cfg(feature = "std")]
    an_error_of_a_daemon_names_the_step_the_path_and_the_reason,
    #[cfg(feature = "std")]
    an_error_of_a_daemon_tells_what_the_number_does_not,
    #[cfg(feature = "std")]
    an_error_of_a_daemon_does_not_speak_of_signals,
    #[cfg(all(target_os = "linux", feature = "std"))]
    threads_are_named_as_the_reason,
}
