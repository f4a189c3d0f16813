//! Mistakes that the compiler finds, and what it says then. Its own words change from version to
//! version: compared are the code of the error, the names, and the words that are the crate's.

use crate::common::package::Package;

/// What compiles, close to the mistakes.
const ACCEPTED: &[(&str, &str)] = &[
    (
        "items",
        "fn item(_: Signal) {} fn with_info(_: Signal, _: &Info) {}
         install(SIGTERM, unsafe { Handler::new(item) });
         install(SIGTERM, unsafe { Handler::with_info(with_info) });",
    ),
    (
        "closures",
        "install(SIGTERM, unsafe { Handler::new(|_| ()) });
         install(SIGTERM, unsafe { Handler::with_info(|_: Signal, _: &Info| ()) });",
    ),
    (
        "every_kind_of_action",
        "static FLAG: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
         static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
         struct Mine;
         impl From<Mine> for Action { fn from(_: Mine) -> Action { Handler::Ignore.into() } }
         fn by_conversion(action: impl Into<Action>) { let _ = install(SIGTERM, action); }
         by_conversion(&FLAG);
         install(SIGTERM, &FLAG);
         install(SIGTERM, &COUNT);
         install(SIGTERM, Handler::Ignore);
         install(SIGTERM, Mine);
         let _ = InstallGuard::new(SIGTERM, Action::new(Handler::Ignore).restart(false));",
    ),
];

struct Mistake {
    name: &'static str,
    main: &'static str,
    /// Some of what the compiler says.
    says: &'static [&'static str],
}

const CAPTURES: &str =
    "a signal handler must be a fn item or a closure that captures nothing: the kernel has no \
     room for captured values, put them into statics";

#[rustfmt::skip]
const MISTAKES: &[Mistake] = &[
    Mistake {
        name: "captures",
        main: "let x = 1; install(SIGTERM, unsafe { Handler::new(move |_: Signal| assert!(x == 1)) });",
        says: &["error[E0080]", CAPTURES],
    },
    Mistake {
        name: "captures_with_info",
        main: "let x = 1; unsafe { Handler::with_info(move |_: Signal, _: &Info| assert!(x == 1)) };",
        says: &["error[E0080]", CAPTURES],
    },
    Mistake {
        name: "captures_with_context",
        main: "let x = 1; unsafe {
                   Handler::with_context(move |_: Signal, _: &Info, _: &mut Context| assert!(x == 1))
               };",
        says: &["error[E0080]", CAPTURES],
    },
    Mistake {
        name: "pointer",
        main: "fn f(_: Signal) {} unsafe { Handler::new(f as fn(Signal)) };",
        says: &["error[E0080]", CAPTURES],
    },
    Mistake {
        name: "pointer_with_info",
        main: "fn f(_: Signal, _: &Info) {} unsafe { Handler::with_info(f as fn(Signal, &Info)) };",
        says: &["error[E0080]", CAPTURES],
    },
    Mistake {
        name: "without_a_promise",
        main: "fn f(_: Signal) {} install(SIGTERM, Handler::new(f));",
        says: &["error[E0133]", "Handler::new"],
    },
    Mistake {
        name: "a_flag_that_dies",
        main: "let flag = std::sync::atomic::AtomicBool::new(false); install(SIGTERM, &flag);",
        says: &["error[E0597]", "`flag` does not live long enough", "'static"],
    },
    Mistake {
        name: "a_guard_for_another_thread",
        main: "let guard = BlockGuard::new(SIGINT); std::thread::spawn(move || drop(guard));",
        says: &["error[E0277]", "cannot be sent between threads safely", "BlockGuard"],
    },
    Mistake {
        name: "a_descriptor_for_another_thread",
        main: "let fd = SignalFd::new(SIGINT).unwrap(); std::thread::spawn(move || drop(fd));",
        says: &["error[E0277]", "cannot be sent between threads safely", "SignalFd"],
    },
    Mistake {
        name: "a_number_for_a_set",
        main: "BlockGuard::new(15);",
        says: &["error[E0277]", "SignalSet"],
    },
    Mistake {
        name: "a_number_for_a_signal",
        main: "let stop = SIGTERM == 15;",
        says: &["error[E0308]", "Signal"],
    },
    Mistake {
        name: "every_handler_there_will_be",
        main: "match query(SIGTERM).unwrap().handler() {
                   Handler::Default | Handler::Ignore | Handler::Flag(_) | Handler::Count(_)
                   | Handler::FlagOrDefault(_) | Handler::Function(_) => {}
               }",
        says: &["error[E0004]", "Handler"],
    },
    Mistake {
        name: "a_guard_for_nothing",
        main: "#[deny(unused_must_use)] fn f() { BlockGuard::new(SIGINT); }",
        says: &["must be used", "mask comes back when the guard is dropped"],
    },
    Mistake {
        name: "an_error_for_nobody",
        main: "#[deny(unused_must_use)] fn f() { install(SIGTERM, Handler::Ignore); }",
        says: &["must be used", "Result"],
    },
    #[cfg(has_diagnostics)]
    Mistake {
        name: "a_feature_that_is_off",
        main: "let guard = signal::DeferGuard::new();",
        says: &["error[E0433]", "DeferGuard", "`defer`"],
    },
    Mistake {
        name: "a_plain_function",
        main: "fn f(_: Signal) {} install(SIGTERM, f);",
        says: NO_ACTION,
    },
    Mistake {
        name: "a_closure",
        main: "install(SIGTERM, |_: Signal| ());",
        says: NO_ACTION,
    },
    Mistake {
        name: "a_closure_for_a_guard",
        main: "InstallGuard::new(SIGTERM, |_: Signal| ());",
        says: NO_ACTION,
    },
    Mistake {
        name: "a_number_for_an_action",
        main: "install_unless_ignored(SIGTERM, 0);",
        says: NO_ACTION,
    },
];

#[cfg(not(has_diagnostics))]
const NO_ACTION: &[&str] = &["error[E0277]", "Action"];

#[cfg(has_diagnostics)]
const NO_ACTION: &[&str] = &[
    "error[E0277]",
    "is not an action that can be installed for a signal",
    "not an `Action`, a `Handler`, a `&'static AtomicBool` or a `&'static AtomicUsize`",
    "note: a function must be async-signal-safe: `unsafe { Handler::new(f) }` promises it",
    "note: without `unsafe`: set a flag, `install(SIGTERM, &FLAG)` with `static FLAG: AtomicBool`, \
     or read a `SelfPipe`",
];

fn mistakes_are_compile_errors_that_say_why() {
    let package = Package::new();
    for (name, main) in ACCEPTED {
        let (compiles, said) = package.build(name, main);
        assert!(compiles, "{said}");
    }
    for Mistake { name, main, says } in MISTAKES {
        let (compiles, said) = package.build(name, main);
        assert!(!compiles, "{name} compiles");
        let missing: Vec<_> = says.iter().filter(|words| !said.contains(**words)).collect();
        assert!(missing.is_empty(), "{name}: nothing of {missing:#?} in\n{said}");
    }
}

tests! {
    mistakes_are_compile_errors_that_say_why,
}
