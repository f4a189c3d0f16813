//! Daemons: what is said when there is none, the pid file, threads, process 1; how programs start.

use crate::common::{self, eventually, fork, in_child, skip, wait_for, Latch};
use signal::child::Status;
use signal::session::{daemonize, Daemon, Error, Options, PidFile, Step};
use signal::{CommandExt as _, Errno, Pid, SIGKILL};
use std::env;
use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::io::AsRawFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A directory of this test's own, gone when it is dropped.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let path = env::temp_dir().join(format!("signal-daemon-{}-{name}", Pid::current()));
        fs::create_dir(&path).unwrap();
        Place(path.canonicalize().unwrap())
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs `daemon` in a process of its own; what a shell would see of that as exit status.
fn start(daemon: impl FnOnce() -> i32) -> Status {
    wait_for(fork(daemon))
}

/// Starts a daemon that has nothing to do, and returns its id, from the pid file.
fn start_sleeper(pid_file: &Path) -> Pid {
    let status = start(|| {
        daemonize(Options::new().pid_file(pid_file)).unwrap().ready();
        loop {
            // SAFETY: sleeps until a signal.
            unsafe { libc::pause() };
        }
    });
    assert_eq!(status.code(), Some(0), "{status}");
    Pid::from_raw(fs::read_to_string(pid_file).unwrap().trim().parse().unwrap()).unwrap()
}

/// The error of a daemon that cannot be; `daemon` runs in the daemon, if it comes so far.
fn error_of(options: Options, daemon: impl FnOnce(Daemon)) -> Error {
    match daemonize(options) {
        Ok(begun) => {
            daemon(begun);
            // SAFETY: ends the daemon.
            unsafe { libc::_exit(0) }
        }
        Err(error) => error,
    }
}

fn code(number: i32) -> Errno {
    Errno::from_raw_os_error(number)
}

fn a_second_instance_is_told_who_is_in_its_way() {
    let place = Place::new("second");
    let path = place.join("pid");
    let first = start_sleeper(&path);
    let text = fs::read_to_string(&path).unwrap();
    let error = error_of(Options::new().pid_file(&path), Daemon::ready);
    assert_eq!((error.step(), error.errno()), (Step::LockPidFile, Errno::EAGAIN));
    let source = std::error::Error::source(&error).expect("the number");
    assert_eq!(source.downcast_ref(), Some(&Errno::EAGAIN));
    assert_eq!(error.path(), Some(path.as_path()));
    let words =
        format!("cannot lock the pid file {}: another instance holds it (EAGAIN)", path.display());
    assert_eq!((error.to_string(), format!("{error:?}")), (words.clone(), words.clone()));
    assert_eq!(io::Error::from(error).to_string(), words);
    assert_eq!(PidFile::create(&path).unwrap_err().to_string(), words);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    signal::kill(first, SIGKILL).unwrap();
    // What died so leaves its number, but not its lock.
    eventually("the lock is free", || PidFile::create(&path).is_ok());
}

fn a_daemon_may_read_its_own_pid_file() {
    if !cfg!(has_flock) {
        skip("record locks go when any descriptor of the file is closed");
    }
    let place = Place::new("read");
    let path = place.join("pid");
    let status = start(|| {
        let daemon = daemonize(Options::new().pid_file(&path)).unwrap();
        drop(fs::read_to_string(&path).unwrap());
        drop(File::options().write(true).open(&path).unwrap());
        daemon.ready();
        drop(fs::read_to_string(&path).unwrap());
        fs::write(place.join("done"), "").unwrap();
        loop {
            // SAFETY: sleeps until a signal.
            unsafe { libc::pause() };
        }
    });
    assert_eq!(status.code(), Some(0), "{status}");
    eventually("the daemon has read it", || place.join("done").exists());
    let daemon: i32 = fs::read_to_string(&path).unwrap().trim().parse().unwrap();
    assert_eq!(PidFile::create(&path).unwrap_err().step(), Step::LockPidFile);
    signal::kill(Pid::from_raw(daemon).unwrap(), SIGKILL).unwrap();
}

fn a_pid_file_is_a_regular_file_with_one_name() {
    let place = Place::new("kinds");
    fs::write(place.join("precious"), "not ours").unwrap();
    fs::write(place.join("linked"), "not ours").unwrap();
    symlink(place.join("precious"), place.join("symlink")).unwrap();
    symlink(place.join("nothing"), place.join("dangling")).unwrap();
    fs::hard_link(place.join("linked"), place.join("hard")).unwrap();
    fs::create_dir(place.join("directory")).unwrap();
    let fifo = CString::new(place.join("fifo").as_os_str().as_bytes()).unwrap();
    // SAFETY: a C string.
    assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
    let _listener = UnixListener::bind(place.join("socket")).unwrap();
    let before = common::open_descriptors();
    for (name, number, words) in [
        ("symlink", libc::ELOOP, "it is a symbolic link"),
        ("dangling", libc::ELOOP, "it is a symbolic link"),
        ("hard", libc::EMLINK, "a hard link"),
        ("directory", libc::EISDIR, "it is a directory"),
        ("fifo", libc::EINVAL, "it is no regular file"),
        ("socket", libc::EINVAL, "it is no regular file"),
        ("/dev/null", libc::EINVAL, "it is no regular file"),
        ("zero\0byte", libc::EINVAL, "a zero byte"),
        ("missing/pid", libc::ENOENT, "cannot use the pid file"),
    ] {
        let path = place.join(name);
        for error in [
            PidFile::create(&path).unwrap_err(),
            error_of(Options::new().pid_file(&path), Daemon::ready),
        ] {
            assert_eq!((error.step(), error.errno()), (Step::OpenPidFile, code(number)), "{name}");
            assert_eq!(error.path(), Some(path.as_path()));
            assert!(error.to_string().contains(words), "{error}");
        }
    }
    assert_eq!(common::open_descriptors(), before);
    for name in ["precious", "linked"] {
        assert_eq!(fs::read_to_string(place.join(name)).unwrap(), "not ours");
    }
    assert!(!place.join("nothing").exists());
}

/// With room for one byte, the first write is short and the second one fails.
fn a_pid_file_that_cannot_be_written_is_empty() {
    let place = Place::new("short");
    let path = place.join("pid");
    fs::write(&path, "12345678\n").unwrap();
    in_child(|| {
        let one = libc::rlimit { rlim_cur: 1, rlim_max: 1 };
        // SAFETY: a whole structure; the signal is ignored.
        unsafe {
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &one), 0);
        }
        for error in [
            PidFile::create(&path).unwrap_err(),
            error_of(Options::new().pid_file(&path), Daemon::ready),
        ] {
            assert_eq!((error.step(), error.errno()), (Step::WritePidFile, code(libc::EFBIG)));
            assert_eq!(fs::read_to_string(&path).unwrap(), "");
        }
    });
    drop(PidFile::create(&path).unwrap());
}

fn a_daemon_that_is_not_ready_leaves_an_empty_pid_file() {
    let place = Place::new("empty");
    let path = place.join("pid");
    let options = || Options::new().pid_file(&path);
    let content = || fs::read_to_string(&path).unwrap();
    let error = error_of(options(), |daemon| daemon.fail(Errno::ECONNREFUSED));
    assert_eq!((error.step(), error.errno()), (Step::Program, Errno::ECONNREFUSED));
    assert!(error.to_string().starts_with("the daemon has failed: connection refused"), "{error}");
    assert_eq!(content(), "");
    let error = error_of(options(), drop);
    assert_eq!((error.step(), error.errno()), (Step::Ready, Errno::ECANCELED));
    assert_eq!(content(), "");
    let error = error_of(options().directory("/no/such/place"), Daemon::ready);
    assert_eq!((error.step(), error.errno()), (Step::Directory, code(libc::ENOENT)));
    assert_eq!(error.path(), Some(Path::new("/no/such/place")));
    assert_eq!(content(), "");
    // Nobody holds it.
    drop(PidFile::create(&path).unwrap());
}

/// Who looks is always somebody else: a record lock goes when its holder looks.
fn a_pid_file_is_held_until_it_is_dropped_by_its_maker() {
    let place = Place::new("held");
    let path = place.join("pid");
    let mine = format!("{}\n", Pid::current());
    let holds = |text: &str| in_child(|| assert_eq!(fs::read_to_string(&path).unwrap(), text));
    let is_held =
        || in_child(|| assert_eq!(PidFile::create(&path).unwrap_err().errno(), Errno::EAGAIN));
    let pid_file = PidFile::create(&path).unwrap();
    holds(&mine);
    is_held();
    let copy = std::mem::ManuallyDrop::new(pid_file);
    // SAFETY: each process drops it once.
    in_child(|| drop(unsafe { std::ptr::read(&*copy) }));
    holds(&mine);
    is_held();
    drop(std::mem::ManuallyDrop::into_inner(copy));
    holds("");
    in_child(|| drop(PidFile::create(&path).unwrap()));
}

/// Also those that another thread has forked to start a program, and that are on their way there.
fn a_drop_gives_up_the_lock_that_children_share() {
    let place = Place::new("shared");
    let path = place.join("pid");
    let latch = Latch::new();
    let pid_file = PidFile::create(&path).unwrap();
    let child = fork(|| {
        latch.wait();
        0
    });
    drop(pid_file);
    let again = PidFile::create(&path).map(drop);
    latch.open();
    assert!(wait_for(child).success());
    assert_eq!(again, Ok(()));
}

/// Instances that remove the file before they give up the lock: one that waits at the door opens a
/// file, and locks it when it has no name any more.
fn a_pid_file_that_is_removed_and_made_again_has_one_holder() {
    let place = Place::new("removed");
    let (path, inside) = (place.join("pid"), place.join("inside"));
    let instance = || {
        for _ in 0..common::scaled(3000) {
            if let Ok(pid_file) = PidFile::create(&path) {
                fs::create_dir(&inside).expect("one holder at a time");
                fs::remove_dir(&inside).unwrap();
                fs::remove_file(&path).unwrap();
                drop(pid_file);
            }
        }
        0
    };
    let instances: Vec<Pid> = (0..4).map(|_| fork(instance)).collect();
    for instance in instances {
        assert!(wait_for(instance).success());
    }
}

fn a_failure_with_the_number_of_success_is_a_failure() {
    let status = start(|| {
        let error = error_of(Options::new(), |daemon| daemon.fail(code(0)));
        assert_eq!((error.step(), error.errno()), (Step::Program, Errno::ECANCELED));
        42
    });
    assert_eq!(status.code(), Some(42));
}

/// Runs `body` in a child with a file as its standard output; what is in that in the end.
fn stdout_of(body: impl FnOnce()) -> String {
    let place = Place::new("stdout");
    let path = place.join("stdout");
    let over = Latch::new();
    let status = start(|| {
        let file = File::create(&path).unwrap();
        // SAFETY: plain values.
        assert_eq!(unsafe { libc::dup2(file.as_raw_fd(), 1) }, 1);
        body();
        io::stdout().flush().unwrap();
        over.open();
        0
    });
    assert_eq!(status.code(), Some(0), "{status}");
    over.wait();
    fs::read_to_string(path).unwrap()
}

fn what_was_printed_without_a_line_end_is_written_once() {
    let text = stdout_of(|| {
        print!("starting ... ");
        daemonize(Options::new().keep_standard_descriptors()).unwrap().ready();
    });
    assert_eq!(text, "starting ... ");
    let text = stdout_of(|| {
        print!("starting ... ");
        // The standard output of the daemon is another one.
        daemonize(Options::new()).unwrap().ready();
    });
    assert_eq!(text, "starting ... ");
    let text = stdout_of(|| {
        print!("starting ... ");
        let error = error_of(Options::new().keep_standard_descriptors(), drop);
        assert_eq!(error.step(), Step::Ready);
    });
    assert_eq!(text, "starting ... ");
}

fn what_a_daemon_prints_before_it_fails_is_written() {
    let text = stdout_of(|| {
        let error = error_of(Options::new().keep_standard_descriptors(), |daemon| {
            print!("no socket");
            daemon.fail(Errno::ENOTSOCK)
        });
        assert_eq!(error.errno(), Errno::ENOTSOCK);
    });
    assert_eq!(text, "no socket");
}

/// Whether `daemonize` gets past the question for threads.
fn is_alone() -> bool {
    match error_of(Options::new().directory("/no/such/place"), Daemon::ready).step() {
        Step::Threads => false,
        Step::Directory => true,
        step => panic!("{step:?}"),
    }
}

fn a_thread_that_has_been_joined_is_gone() {
    for round in 0..common::scaled(1000) {
        std::thread::spawn(take_long_to_leave).join().unwrap();
        assert!(is_alone(), "round {round}");
    }
}

/// The kernel wakes the joiner, and then closes what the thread alone has open.
fn take_long_to_leave() {
    #[cfg(target_os = "linux")]
    // SAFETY: plain values; the descriptors belong to this thread alone.
    unsafe {
        if libc::unshare(libc::CLONE_FILES) == 0 {
            for _ in 0..500 {
                libc::dup(0);
            }
        }
    }
}

/// Runs `body` while another thread is there.
fn with_a_thread(body: impl FnOnce()) {
    let gate = std::sync::Arc::new(Latch::new());
    let held = gate.clone();
    let thread = std::thread::spawn(move || held.wait());
    body();
    gate.open();
    thread.join().unwrap();
}

/// Runs `body` in a child; whether it could do what it needs.
fn can_in_child(body: impl FnOnce() -> bool) -> bool {
    let status = wait_for(fork(|| if body() { 0 } else { 2 }));
    assert!(matches!(status.code(), Some(0 | 2)), "the child {status}");
    status.success()
}

fn threads_are_noticed_without_proc() {
    if !cfg!(any(target_os = "linux", target_os = "android")) {
        skip("no other system is asked by /proc");
    }
    let place = Place::new("root");
    let root = CString::new(place.0.as_os_str().as_bytes()).unwrap();
    let permitted = can_in_child(|| {
        // SAFETY: C strings.
        if unsafe { libc::chroot(root.as_ptr()) != 0 || libc::chdir(b"/\0".as_ptr().cast()) != 0 } {
            return false;
        }
        assert!(!Path::new("/proc").exists());
        assert!(is_alone());
        with_a_thread(|| assert!(!is_alone()));
        assert!(is_alone());
        true
    });
    drop(place);
    if !permitted {
        skip("chroot is not permitted");
    }
}

#[cfg(not(target_os = "linux"))]
fn threads_are_told_where_a_sandbox_refuses_to_say() {
    skip("no seccomp");
}

/// As containers do it by default (EPERM), as old ones do (ENOSYS), and with the very number that
/// means: there are threads.
#[cfg(target_os = "linux")]
fn threads_are_told_where_a_sandbox_refuses_to_say() {
    for number in [libc::EPERM, libc::ENOSYS, libc::EINVAL] {
        let permitted = can_in_child(|| {
            if !refuse_unshare(number) {
                return false;
            }
            assert!(is_alone());
            with_a_thread(|| assert!(!is_alone()));
            assert!(is_alone());
            true
        });
        if !permitted {
            skip("no seccomp");
        }
    }
}

#[cfg(target_os = "linux")]
fn refuse_unshare(number: i32) -> bool {
    let step = |code, k, jt, jf| libc::sock_filter { code, jt, jf, k };
    // The number of the system call; if it is unshare's, the error; otherwise allowed.
    let mut program = [
        step((libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16, 0, 0, 0),
        step((libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16, libc::SYS_unshare as u32, 0, 1),
        step(libc::BPF_RET as u16, 0x0005_0000 | number as u32, 0, 0),
        step(libc::BPF_RET as u16, 0x7fff_0000, 0, 0),
    ];
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: takes plain values, and a whole program.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let filter = 2;
        if libc::prctl(libc::PR_SET_SECCOMP, filter, std::ptr::addr_of!(program)) != 0 {
            return false;
        }
        assert_eq!((libc::unshare(0), Errno::last()), (-1, code(number)));
    }
    true
}

#[cfg(not(target_os = "linux"))]
fn process_1_stays_in_the_foreground() {
    skip("no pid namespaces");
}

#[cfg(target_os = "linux")]
fn process_1_stays_in_the_foreground() {
    // SAFETY: takes a plain value.
    if unsafe { libc::unshare(libc::CLONE_NEWPID) } != 0 {
        skip("a pid namespace is not permitted");
    }
    let place = Place::new("first");
    let path = place.join("pid");
    in_child(|| {
        assert_eq!(Pid::current().as_raw(), 1);
        let error = error_of(Options::new().pid_file(&path), Daemon::ready);
        assert_eq!((error.step(), error.errno()), (Step::FirstProcess, Errno::EPERM));
        assert!(error.to_string().contains("stay in the foreground"), "{error}");
        // A child of it is a process like any other.
        let status = start(|| {
            daemonize(Options::new()).unwrap().ready();
            0
        });
        assert_eq!(status.code(), Some(0), "{status}");
    });
    assert!(!path.exists());
}

fn a_pid_file_is_no_standard_descriptor() {
    let place = Place::new("closed");
    in_child(|| {
        for fd in 0..3 {
            // SAFETY: nobody writes to them any more.
            unsafe { libc::close(fd) };
        }
        let _pid_file = PidFile::create(place.join("pid")).unwrap();
        assert_eq!(common::open_descriptors().first().map_or(0, |fd| (*fd).min(3)), 3);
    });
}

static FORKS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count_fork() {
    FORKS.fetch_add(1, Ordering::SeqCst);
}

/// How many forks it takes to start a program: `posix_spawn` is none.
fn forks(step: fn(&mut Command) -> &mut Command) -> usize {
    let before = FORKS.load(Ordering::SeqCst);
    assert!(step(&mut Command::new("true")).status().unwrap().success());
    FORKS.load(Ordering::SeqCst) - before
}

#[cfg(any(target_os = "android", target_os = "redox", target_os = "haiku"))]
fn a_new_group_costs_no_fork() {
    skip("libc has no pthread_atfork");
}

#[cfg(not(any(target_os = "android", target_os = "redox", target_os = "haiku")))]
fn a_new_group_costs_no_fork() {
    extern "C" {
        fn pthread_atfork(
            before: Option<extern "C" fn()>,
            parent: Option<extern "C" fn()>,
            child: Option<extern "C" fn()>,
        ) -> libc::c_int;
    }
    // SAFETY: the function counts.
    assert_eq!(unsafe { pthread_atfork(Some(count_fork), None, None) }, 0);
    if !cfg!(has_process_group) || forks(|command| command) != 0 {
        skip("std forks anyway");
    }
    assert_eq!(forks(|command| command.new_session()), 1, "what a step costs");
    assert_eq!(forks(|command| command.new_group()), 0);
}

#[cfg(not(feature = "defer"))]
fn a_program_started_in_a_section_is_not_deaf() {
    skip("no sections");
}

#[cfg(feature = "defer")]
fn a_program_started_in_a_section_is_not_deaf() {
    use crate::common::process::{is_re_executed, re_exec};
    use signal::{blocked, install, raise, DeferGuard, Handler, SIGUSR1};
    static ARRIVED: AtomicUsize = AtomicUsize::new(0);
    if is_re_executed() {
        assert!(blocked().is_empty(), "{:?}", blocked());
        return;
    }
    install(SIGUSR1, Handler::Count(&ARRIVED)).unwrap();
    let mut command = re_exec();
    command.reset_signals();
    let section = DeferGuard::new();
    raise(SIGUSR1).unwrap();
    let status = command.status().unwrap();
    drop(section);
    assert!(status.success(), "{status}");
    assert_eq!(ARRIVED.load(Ordering::SeqCst), 1);
}

tests! {
    a_second_instance_is_told_who_is_in_its_way,
    a_daemon_may_read_its_own_pid_file,
    a_pid_file_is_a_regular_file_with_one_name,
    a_pid_file_that_cannot_be_written_is_empty,
    a_daemon_that_is_not_ready_leaves_an_empty_pid_file,
    a_pid_file_is_held_until_it_is_dropped_by_its_maker,
    a_drop_gives_up_the_lock_that_children_share,
    a_pid_file_that_is_removed_and_made_again_has_one_holder,
    a_failure_with_the_number_of_success_is_a_failure,
    what_was_printed_without_a_line_end_is_written_once,
    what_a_daemon_prints_before_it_fails_is_written,
    a_thread_that_has_been_joined_is_gone,
    threads_are_noticed_without_proc,
    threads_are_told_where_a_sandbox_refuses_to_say,
    process_1_stays_in_the_foreground,
    a_pid_file_is_no_standard_descriptor,
    a_new_group_costs_no_fork,
    a_program_started_in_a_section_is_not_deaf,
}
