//! Self-pipes: record, notify, drain, drop; the slot and the descriptor that others get afterwards.

use crate::{count, Model, COUNT, ORDER, OTHER};
use machine::{default_effect, meanwhile, must, open_strange_file, send, spawn, wakes_sent_to};
use signal::{install, raise, InfoQueue, SelfPipe, Signal, SignalSet, SIGUSR1, SIGUSR2};
use std::sync::Arc;

pub const MODELS: &[Model] = &[
    ("a_reader_that_sleeps_is_woken", 2, a_reader_that_sleeps_is_woken),
    ("what_comes_during_a_look_is_in_the_next", 2, what_comes_during_a_look_is_in_the_next),
    ("two_readers_miss_nothing", 2, two_readers_miss_nothing),
    ("a_wake_up_is_not_lost", 2, a_wake_up_is_not_lost),
    ("a_dropped_pipe_touches_nobody", 2, a_dropped_pipe_touches_nobody),
    ("the_last_reference_closes_its_own", 2, the_last_reference_closes_its_own),
    (
        "after_remove_a_signal_is_read_or_has_its_effect",
        2,
        after_remove_it_is_read_or_has_its_effect,
    ),
    ("what_comes_after_an_insert_is_read", 3, what_comes_after_an_insert_is_read),
    ("a_failed_insert_swallows_nothing", 2, a_failed_insert_swallows_nothing),
    ("infos_are_read_or_counted", 1, infos_are_read_or_counted),
    ("infos_of_one_number_are_read_or_counted", 2, infos_of_one_number_are_read_or_counted),
    ("a_queue_is_free_when_its_pipe_is_dropped", 2, a_queue_is_free_when_its_pipe_is_dropped),
];

/// A thread that has nothing to do: handlers run there.
fn idler() -> machine::Thread {
    spawn(|| (0..2).for_each(|_| machine::step()))
}

fn sender(signal: Signal, value: i32) -> machine::Thread {
    meanwhile(move || _ = send(signal.as_raw(), value))
}

/// One that was not woken would sleep for ever, which shuttle reports as a deadlock.
fn a_reader_that_sleeps_is_woken() {
    let pipe = SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap();
    let others = [idler(), sender(SIGUSR1, 0), sender(SIGUSR2, 0)];
    let mut seen = pipe.pending();
    while seen != SIGUSR1 | SIGUSR2 {
        let new = pipe.wait().unwrap();
        must!((seen & new).is_empty(), "{new:?} came twice");
        seen |= new;
    }
    others.into_iter().for_each(machine::Thread::join);
}

fn what_comes_during_a_look_is_in_the_next() {
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    let others = [idler(), sender(SIGUSR1, 0)];
    let seen = pipe.pending();
    others.into_iter().for_each(machine::Thread::join);
    let wakes = wakes_sent_to(pipe.as_raw_fd());
    must!(!seen.is_empty() || wakes > 0, "nothing seen, and the descriptor is not readable");
    must!(wakes <= 2, "{wakes} notifications");
    must!(seen | pipe.pending() == SIGUSR1.into(), "it is in neither look");
}

fn two_readers_miss_nothing() {
    let pipe = Arc::new(SelfPipe::new(SIGUSR1).unwrap());
    let other = spawn({
        let pipe = Arc::clone(&pipe);
        move || OTHER.store(pipe.pending().len(), ORDER)
    });
    let sender = sender(SIGUSR1, 0);
    let mut seen = pipe.pending().len();
    other.join();
    sender.join();
    seen += OTHER.load(ORDER) + pipe.pending().len();
    must!(seen == 1, "one signal was seen {seen} times");
}

/// As an event loop is told of work, by `OTHER`. The descriptor may be readable for no reason.
fn a_wake_up_is_not_lost() {
    let pipe = Arc::new(SelfPipe::new(SIGUSR1).unwrap());
    machine::make_readable(pipe.as_raw_fd());
    let waker = spawn({
        let pipe = Arc::clone(&pipe);
        move || {
            OTHER.store(1, ORDER);
            pipe.wake();
        }
    });
    while OTHER.load(ORDER) == 0 {
        let seen = pipe.wait().unwrap();
        must!(seen.is_empty(), "nobody has sent {seen:?}");
    }
    waker.join();
}

/// Neither the descriptor, which the next file may get, nor the slot, which the next pipe may get.
fn a_dropped_pipe_touches_nobody() {
    install(SIGUSR1, &COUNT).unwrap();
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    let others = [idler(), sender(SIGUSR1, 0)];
    drop(pipe);
    let strange = open_strange_file();
    machine::pause();
    let next = SelfPipe::new(SIGUSR2).unwrap();
    must!(next.as_raw_fd() != strange, "two files under one number");
    others.into_iter().for_each(machine::Thread::join);
    must!(next.pending().is_empty(), "the next pipe reports the signal of the one before");
    must!(count() == 1, "the handler that was there before ran {} times", count());
    raise(SIGUSR2).unwrap();
    must!(next.pending() == SIGUSR2.into(), "the next pipe does not hear");
}

/// The handler gives the last reference back while another thread takes the slot for its pipe.
fn the_last_reference_closes_its_own() {
    install(SIGUSR1, &COUNT).unwrap();
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    let other = spawn(|| {
        drop(pipe);
        machine::pause();
        let next = SelfPipe::new(SIGUSR2).unwrap();
        raise(SIGUSR2).unwrap();
        must!(next.pending() == SIGUSR2.into(), "the next pipe does not hear");
    });
    raise(SIGUSR1).unwrap();
    other.join();
}

fn after_remove_it_is_read_or_has_its_effect() {
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    let others = [idler(), sender(SIGUSR1, 0)];
    pipe.remove(SIGUSR1).unwrap();
    let seen = !pipe.pending().is_empty();
    drop(pipe);
    others.into_iter().for_each(machine::Thread::join);
    let effect = default_effect().is_some();
    must!(seen != effect, "seen: {seen}, default effect: {effect}");
}

/// While a handler that has recorded an earlier signal finds that the pipe has stopped watching.
fn what_comes_after_an_insert_is_read() {
    install(SIGUSR1, &COUNT).unwrap();
    let pipe = Arc::new(SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap());
    let other = spawn({
        let pipe = Arc::clone(&pipe);
        move || {
            pipe.remove(SIGUSR1).unwrap();
            pipe.insert(SIGUSR1).unwrap();
            raise(SIGUSR1).unwrap();
        }
    });
    raise(SIGUSR1).unwrap();
    other.join();
    must!(pipe.pending() == SIGUSR1.into(), "the signal after the insert is lost");
}

fn a_failed_insert_swallows_nothing() {
    let sender = sender(SIGUSR1, 0);
    must!(SelfPipe::new(SIGUSR1 | signal::SIGKILL).is_err(), "SIGKILL is watched");
    sender.join();
    must!(default_effect().is_some(), "the signal had no effect");
}

static QUEUE: InfoQueue<1> = InfoQueue::new();

fn infos_are_read_or_counted() {
    let pipe = SelfPipe::with_queue(SIGUSR1 | SIGUSR2, &QUEUE).unwrap();
    let others = [idler(), sender(SIGUSR1, SIGUSR1.as_raw()), sender(SIGUSR2, SIGUSR2.as_raw())];
    let mut infos: Vec<_> = pipe.infos().collect();
    others.into_iter().for_each(machine::Thread::join);
    infos.extend(pipe.infos());
    for info in &infos {
        let (signal, value) = (info.signal(), info.value());
        must!(value == Some(signal.as_raw()), "{signal} with {value:?}");
    }
    let signals: SignalSet = infos.iter().map(|info| info.signal()).collect();
    must!(signals.len() == infos.len(), "an info came twice");
    must!(infos.len() + QUEUE.lost() == 2, "{} infos, {} lost", infos.len(), QUEUE.lost());
    must!(pipe.pending() == SIGUSR1 | SIGUSR2, "a number is lost");
}

fn infos_of_one_number_are_read_or_counted() {
    let pipe = SelfPipe::with_queue(SIGUSR1, &QUEUE).unwrap();
    let others = [idler(), sender(SIGUSR1, 1)];
    raise(SIGUSR1).unwrap();
    let mut infos = pipe.infos().count();
    others.into_iter().for_each(machine::Thread::join);
    infos += pipe.infos().count() + QUEUE.lost();
    must!(infos == 2, "{infos} infos read or lost");
}

fn a_queue_is_free_when_its_pipe_is_dropped() {
    install(SIGUSR1, &COUNT).unwrap();
    let pipe = SelfPipe::with_queue(SIGUSR1, &QUEUE).unwrap();
    let others = [idler(), sender(SIGUSR1, 1)];
    drop(pipe);
    let next = SelfPipe::with_queue(SIGUSR2, &QUEUE).unwrap();
    others.into_iter().for_each(machine::Thread::join);
    let left = next.infos().count();
    must!(left == 0 && QUEUE.lost() == 0, "{left} infos of the pipe before");
}
