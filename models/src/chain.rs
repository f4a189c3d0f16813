//! What was there before: chains, entries without watchers, the targets of flags, the registry's
//! lock.

use crate::{count, Model, COUNT, FLAG, ORDER, OTHER};
use machine::{default_effect, meanwhile, must, send, spawn};
use signal::{
    install, query, raise, Action, Flags, Handler, Info, InstallGuard, SelfPipe, SIGTSTP, SIGUSR1,
    SIGUSR2,
};

pub const MODELS: &[Model] = &[
    ("a_new_pipe_calls_what_was_there", 2, a_new_pipe_calls_what_was_there),
    ("a_one_shot_function_is_called_once", 2, a_one_shot_function_is_called_once),
    ("an_entry_in_a_chain_outlives_its_pipe", 2, an_entry_in_a_chain_outlives_its_pipe),
    ("an_entry_without_watchers_calls_on", 2, an_entry_without_watchers_calls_on),
    ("two_threads_make_pipes", 2, two_threads_make_pipes),
    ("two_threads_share_a_signal", 2, two_threads_share_a_signal),
    ("a_flag_is_there_before_its_entry", 2, a_flag_is_there_before_its_entry),
    ("the_second_of_two_has_the_default_effect", 2, the_second_of_two_has_the_default_effect),
    ("a_pipe_leaves_what_others_install_meanwhile", 2, a_pipe_leaves_what_others_install_meanwhile),
    (
        "a_guard_leaves_what_others_install_meanwhile",
        2,
        a_guard_leaves_what_others_install_meanwhile,
    ),
    ("a_stop_leaves_what_others_install_meanwhile", 2, a_stop_leaves_what_others_install_meanwhile),
];

fn sender() -> machine::Thread {
    meanwhile(|| _ = send(libc::SIGUSR1, 0))
}

fn idler() -> machine::Thread {
    spawn(|| (0..2).for_each(|_| machine::step()))
}

extern "C" fn counts(_: libc::c_int) {
    COUNT.fetch_add(1, ORDER);
}

fn counting() -> Handler {
    // SAFETY: an atomic addition.
    unsafe { Handler::from_raw(counts) }
}

fn a_new_pipe_calls_what_was_there() {
    install(SIGUSR1, counting()).unwrap();
    let others = [idler(), sender()];
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    others.into_iter().for_each(machine::Thread::join);
    must!(count() == 1, "the function that was there ran {} times", count());
    drop(pipe);
    must!(query(SIGUSR1).unwrap().handler() == counting(), "it is not installed again");
}

fn a_one_shot_function_is_called_once() {
    install(SIGUSR1, Action::new(counting()).flags(Flags::RESETHAND)).unwrap();
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    let other = spawn(|| raise(SIGUSR1).unwrap());
    raise(SIGUSR1).unwrap();
    other.join();
    must!(count() == 1, "the function ran {} times", count());
    must!(pipe.pending() == SIGUSR1.into(), "the pipe does not hear");
    drop(pipe);
    must!(query(SIGUSR1).unwrap().handler() == Handler::Default, "it would run once more");
}

/// Stands over the pipe's entry and calls that.
extern "C" fn calls_on(number: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    OTHER.fetch_add(1, ORDER);
    if let Some(Handler::Function(entry)) = BELOW.with(|below| below.get()) {
        let signal = signal::Signal::from_raw(number).unwrap();
        // SAFETY: the machine passes a whole structure; the entry of a pipe, for its signal.
        unsafe { entry.call(signal, &Info::from_raw(*info), None) };
    }
}

std::thread_local! {
    static BELOW: std::cell::Cell<Option<Handler>> = const { std::cell::Cell::new(None) };
}

fn stand_over() {
    BELOW.set(Some(query(SIGUSR1).unwrap().handler()));
    // SAFETY: atomic, and what the library promises of its entry.
    install(SIGUSR1, unsafe { Handler::from_raw_with_info(calls_on) }).unwrap();
}

/// Over the default: somebody else has decided.
fn an_entry_in_a_chain_outlives_its_pipe() {
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    stand_over();
    let others = [idler(), sender()];
    drop(pipe);
    others.into_iter().for_each(machine::Thread::join);
    must!(default_effect().is_none(), "the default effect of a signal that has a handler");
    must!(OTHER.load(ORDER) == 1, "the handler ran {} times", OTHER.load(ORDER));
}

fn an_entry_without_watchers_calls_on() {
    install(SIGUSR1, counting()).unwrap();
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    stand_over();
    let others = [idler(), sender()];
    drop(pipe);
    others.into_iter().for_each(machine::Thread::join);
    must!(count() == 1, "the function at the end of the chain ran {} times", count());
}

fn two_threads_make_pipes() {
    let other = spawn(|| {
        let pipe = SelfPipe::new(SIGUSR2).unwrap();
        raise(SIGUSR2).unwrap();
        must!(pipe.pending() == SIGUSR2.into(), "the second pipe does not hear");
    });
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    raise(SIGUSR1).unwrap();
    must!(pipe.pending() == SIGUSR1.into(), "the first pipe does not hear");
    drop(pipe);
    other.join();
    for signal in [SIGUSR1, SIGUSR2] {
        must!(query(signal).unwrap().handler() == Handler::Default, "{signal} is not given back");
    }
}

fn two_threads_share_a_signal() {
    let other = spawn(|| drop(SelfPipe::new(SIGUSR1).unwrap()));
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    other.join();
    must!(pipe.watched() == SIGUSR1.into(), "it watches {:?}", pipe.watched());
    raise(SIGUSR1).unwrap();
    must!(pipe.pending() == SIGUSR1.into(), "the pipe that is left does not hear");
    drop(pipe);
    must!(query(SIGUSR1).unwrap().handler() == Handler::Default, "it is not given back");
}

/// Two others install a handler each, one after the other.
fn what_others_install_stays(own: fn()) {
    let first = spawn(|| {
        install(SIGUSR1, counting()).unwrap();
        FLAG.store(true, ORDER);
    });
    let second = spawn(|| {
        if FLAG.load(ORDER) {
            install(SIGUSR1, Handler::Ignore).unwrap();
            OTHER.store(1, ORDER);
        }
    });
    own();
    [first, second].into_iter().for_each(machine::Thread::join);
    let last = if OTHER.load(ORDER) == 1 { Handler::Ignore } else { counting() };
    must!(query(SIGUSR1).unwrap().handler() == last, "the last of them is not installed");
}

fn a_pipe_leaves_what_others_install_meanwhile() {
    what_others_install_stays(|| drop(SelfPipe::new(SIGUSR1).unwrap()));
}

fn a_guard_leaves_what_others_install_meanwhile() {
    what_others_install_stays(|| drop(InstallGuard::new(SIGUSR1, &COUNT).unwrap()));
}

/// The handler sets the default for a while, in which the process stops.
fn a_stop_leaves_what_others_install_meanwhile() {
    FLAG.store(true, ORDER);
    install(SIGTSTP, Handler::FlagOrDefault(&FLAG)).unwrap();
    let other = spawn(|| _ = install(SIGTSTP, Handler::Ignore).unwrap());
    raise(SIGTSTP).unwrap();
    other.join();
    let now = query(SIGTSTP).unwrap().handler();
    must!(now == Handler::Ignore, "{now:?} is installed");
}

fn a_flag_is_there_before_its_entry() {
    install(SIGUSR1, &COUNT).unwrap();
    let others = [idler(), sender()];
    let before = install(SIGUSR1, &FLAG).unwrap();
    must!(before.handler() == Handler::Count(&COUNT), "before: {before:?}");
    others.into_iter().for_each(machine::Thread::join);
    let set = FLAG.load(ORDER);
    must!(set != (count() == 1), "flag: {set}, count: {}", count());
}

fn the_second_of_two_has_the_default_effect() {
    install(SIGUSR1, Handler::FlagOrDefault(&FLAG)).unwrap();
    let other = spawn(|| raise(SIGUSR1).unwrap());
    raise(SIGUSR1).unwrap();
    other.join();
    must!(default_effect() == Some(libc::SIGUSR1), "two signals only set the flag");
}
