//! Sections in a shared object that a program loads with `dlopen`, and in programs that are linked
//! in several ways.
//!
//! In a shared object the first touch of a thread-local allocates, and a handler must not: sections
//! are blocks.

use super::needs_deferral;
use crate::common::raw::kernel_mask;
use crate::common::{self, skip};
use signal::{blocked, pending, raise, SignalSet, SIGUSR1};
use std::ffi::{CString, OsString};
use std::mem::transmute;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::{env, fs, thread};

static INSIDE: AtomicUsize = AtomicUsize::new(0);

#[derive(Clone, Copy)]
struct Plugin {
    install: extern "C" fn() -> i32,
    count: extern "C" fn() -> usize,
    section: extern "C" fn(extern "C" fn()),
}

/// Compiles one of the files beside this one with the library beside this program, of which there
/// may be several builds; or says why not.
fn compile(name: &str, options: &[&str]) -> Result<PathBuf, String> {
    let program = env::current_exe().unwrap();
    let folder = program.parent().unwrap();
    let is_library = |name: &str| name.starts_with("libsignal-") && name.ends_with(".rlib");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut libraries: Vec<PathBuf> = files
        .filter(|path| path.file_name().and_then(|name| name.to_str()).map_or(false, is_library))
        .collect();
    libraries.sort_by_key(|path| fs::metadata(path).and_then(|data| data.modified()).ok());
    let result = env::temp_dir().join(format!("signal-test-{}-{name}", std::process::id()));
    let source = format!("{}/tests/defer/{name}.rs", env!("CARGO_MANIFEST_DIR"));
    let mut why = "there is no library beside the tests".to_owned();
    for library in libraries.iter().rev() {
        let mut uses = OsString::from("signal=");
        uses.push(library);
        let mut command = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        command
            .args(["--edition=2021", "--cap-lints=allow", &source])
            .args(options)
            .arg("-o")
            .arg(&result);
        match command.arg("--extern").arg(uses).arg("-L").arg(folder).output() {
            Ok(output) if output.status.success() => return Ok(result),
            Ok(output) => why = String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

fn load() -> Plugin {
    needs_deferral();
    common::needs(cfg!(not(target_feature = "crt-static")), "a static program loads nothing");
    let path = compile("plugin", &["--crate-type=cdylib"]).unwrap_or_else(|why| {
        println!("{why}");
        skip("no shared object can be made here")
    });
    let name = CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: strings; the functions have these types, and the object is never unloaded.
    let plugin = unsafe {
        let object = libc::dlopen(name.as_ptr(), libc::RTLD_NOW);
        assert!(!object.is_null(), "dlopen");
        let symbol = |name: &str| {
            let name = CString::new(name).unwrap();
            let address = libc::dlsym(object, name.as_ptr());
            assert!(!address.is_null(), "dlsym");
            address
        };
        Plugin {
            install: transmute::<*mut libc::c_void, extern "C" fn() -> i32>(symbol(
                "plugin_install",
            )),
            count: transmute::<*mut libc::c_void, extern "C" fn() -> usize>(symbol("plugin_count")),
            section: transmute::<*mut libc::c_void, extern "C" fn(extern "C" fn())>(symbol(
                "plugin_section",
            )),
        }
    };
    fs::remove_file(path).unwrap();
    assert_eq!((plugin.install)(), 0);
    plugin
}

fn a_section_in_a_shared_object_is_a_block() {
    extern "C" fn inside() {
        let everything: Vec<i32> =
            SignalSet::asynchronous().iter().map(|signal| signal.as_raw()).collect();
        assert_eq!((kernel_mask(), blocked()), (everything, SignalSet::asynchronous()));
        raise(SIGUSR1).unwrap();
        assert_eq!(pending(), SIGUSR1.into());
        INSIDE.fetch_add(1, SeqCst);
    }
    let plugin = load();
    let before = kernel_mask();
    for round in 1..4 {
        (plugin.section)(inside);
        assert_eq!(
            (INSIDE.load(SeqCst), (plugin.count)(), kernel_mask()),
            (round, round, before.clone())
        );
    }
    // In the program itself a section defers, but not what the other copy of the crate handles.
    let section = signal::DeferGuard::new();
    assert_eq!(kernel_mask(), before);
    raise(SIGUSR1).unwrap();
    assert_eq!((plugin.count)(), 4);
    drop(section);
}

fn thread_id() -> usize {
    // SAFETY: takes nothing.
    unsafe { libc::pthread_self() as usize }
}

/// The thread must live.
fn kill_thread(thread: usize) {
    // SAFETY: the id of a thread that lives.
    assert_eq!(unsafe { libc::pthread_kill(thread as _, SIGUSR1.as_raw()) }, 0);
}

/// In threads that were in no section: their first arrivals, and many more while they allocate.
fn a_handler_in_a_shared_object_allocates_nothing() {
    extern "C" fn inside() {
        INSIDE.fetch_add(1, SeqCst);
    }
    let plugin = load();
    (plugin.section)(inside);
    for _ in 0..16 {
        let thread = thread::spawn(|| {
            #[cfg(all(has_deferral, target_env = "gnu"))]
            // SAFETY: takes nothing.
            let used = || unsafe { libc::mallinfo().uordblks };
            #[cfg(not(all(has_deferral, target_env = "gnu")))]
            let used = || 0;
            let before = used();
            raise(SIGUSR1).unwrap();
            assert_eq!(used(), before, "bytes that are allocated");
        });
        thread.join().unwrap();
    }
    assert_eq!((plugin.count)(), 16);
    let threads: Vec<_> = (0..200)
        .map(|_| {
            thread::spawn(|| {
                let me = thread_id();
                let sender = thread::spawn(move || (0..20).for_each(|_| kill_thread(me)));
                while !sender.is_finished() {
                    drop(vec![1_u8; 100]);
                }
                sender.join().unwrap();
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    // At least one each: the twenty can become one where the sender is faster.
    assert!((plugin.count)() >= 16 + 200);
}

/// Fixed or movable, static or not, started by the kernel or by the loader.
fn a_section_in_a_program_is_deferred_however_it_was_linked() {
    needs_deferral();
    let (fixed, alone) = ("-Crelocation-model=static", "-Ctarget-feature=+crt-static");
    let loader = "/lib64/ld-linux-x86-64.so.2";
    let mut ways = 0;
    for options in [&[][..], &[fixed], &[alone], &[fixed, alone]] {
        let program = match compile("program", options) {
            Ok(program) => program,
            Err(why) => {
                println!("{options:?}: {why}");
                continue;
            }
        };
        let mut commands = vec![Command::new(&program)];
        if !options.contains(&alone) && Path::new(loader).exists() {
            commands.push(Command::new(loader));
            commands[1].arg(&program);
        }
        for mut command in commands {
            let output = command.output().unwrap();
            assert!(
                output.status.success(),
                "{command:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                "deferred\n",
                "{options:?} {command:?}"
            );
            ways += 1;
        }
        fs::remove_file(program).unwrap();
    }
    if ways == 0 {
        skip("no program can be made here");
    }
}

tests! {
    a_section_in_a_shared_object_is_a_block,
    a_handler_in_a_shared_object_allocates_nothing,
    a_section_in_a_program_is_deferred_however_it_was_linked,
}
