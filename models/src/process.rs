//! Self-pipes and the registry across `fork` and `vfork`.

use crate::{Model, ORDER, OTHER};
use machine::{fork, meanwhile, must, send, spawn, vfork};
use signal::{raise, InfoQueue, SelfPipe, SIGUSR1, SIGUSR2};
use std::sync::Arc;

pub const MODELS: &[Model] = &[
    ("a_child_hears_what_is_its_own", 1, a_child_hears_what_is_its_own),
    ("a_child_hears_what_its_parent_has_yet_to_read", 2, a_child_hears_what_its_parent_has),
    ("a_child_hears_while_it_reopens", 2, a_child_hears_while_it_reopens),
    ("a_child_counts_while_it_reopens", 2, a_child_counts_while_it_reopens),
    ("a_child_that_sleeps_is_woken", 2, a_child_that_sleeps_is_woken),
    ("a_child_reads_or_counts_its_infos", 1, a_child_reads_or_counts_its_infos),
    ("a_child_drops_its_parents_pipe", 1, a_child_drops_its_parents_pipe),
    ("a_child_of_vfork_leaves_its_parent_alone", 2, a_child_of_vfork_leaves_its_parent_alone),
    ("a_lock_that_a_fork_left_behind_is_free", 2, a_lock_that_a_fork_left_behind_is_free),
];

/// SIGUSR1, to the process that is there at the time; `OTHER` has its number.
fn sender() -> machine::Thread {
    meanwhile(|| OTHER.store(send(libc::SIGUSR1, 1) as usize, ORDER))
}

fn idler() -> machine::Thread {
    spawn(|| (0..2).for_each(|_| machine::step()))
}

fn sent_here() -> bool {
    OTHER.load(ORDER) == signal::Pid::current().as_raw() as usize
}

/// A thread of the parent may be in the handler while it forks, and one of the child while another
/// makes the pipe the child's own.
fn a_child_hears_what_is_its_own() {
    let pipe = Arc::new(SelfPipe::new(SIGUSR1).unwrap());
    idler();
    let sender = sender();
    fork();
    let other = spawn({
        let pipe = Arc::clone(&pipe);
        move || {
            pipe.reopen().unwrap();
            machine::step();
        }
    });
    let first = pipe.pending();
    sender.join();
    other.join();
    let seen = !(first | pipe.pending()).is_empty();
    must!(seen == sent_here(), "seen: {seen}, sent to this process: {}", sent_here());
}

/// The same number: the child has a copy of what its parent has yet to read.
fn a_child_hears_what_its_parent_has() {
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    raise(SIGUSR1).unwrap();
    fork();
    let others = [idler(), sender()];
    let first = pipe.pending();
    others.into_iter().for_each(machine::Thread::join);
    must!(first | pipe.pending() == SIGUSR1.into(), "the child's signal is lost");
}

fn a_child_hears_while_it_reopens() {
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    fork();
    let others = [idler(), sender()];
    let first = pipe.pending();
    others.into_iter().for_each(machine::Thread::join);
    must!(first | pipe.pending() == SIGUSR1.into(), "the signal is lost");
}

fn a_child_counts_while_it_reopens() {
    let pipe = SelfPipe::with_queue(SIGUSR1, &QUEUE).unwrap();
    fork();
    let others = [idler(), sender()];
    let mut infos = pipe.infos().count();
    others.into_iter().for_each(machine::Thread::join);
    infos += pipe.infos().count() + QUEUE.lost();
    must!(infos == 1, "{infos} infos read or lost");
}

fn a_child_that_sleeps_is_woken() {
    let pipe = SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap();
    fork();
    let others = [idler(), meanwhile(|| _ = send(libc::SIGUSR1, 0))];
    raise(SIGUSR2).unwrap();
    let mut seen = pipe.wait().unwrap();
    while seen != SIGUSR1 | SIGUSR2 {
        seen |= pipe.wait().unwrap();
    }
    others.into_iter().for_each(machine::Thread::join);
}

static QUEUE: InfoQueue<2> = InfoQueue::new();

fn a_child_reads_or_counts_its_infos() {
    let pipe = SelfPipe::with_queue(SIGUSR1, &QUEUE).unwrap();
    idler();
    let sender = sender();
    fork();
    let other = idler();
    let mut infos = pipe.infos().count();
    sender.join();
    other.join();
    infos += pipe.infos().count() + QUEUE.lost();
    must!(infos == usize::from(sent_here()), "{infos} infos, sent here: {}", sent_here());
}

/// Which is the parent's file, but the child's descriptor; and the next pipe is the child's own.
fn a_child_drops_its_parents_pipe() {
    signal::install(SIGUSR1, &crate::COUNT).unwrap();
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    idler();
    let sender = sender();
    fork();
    let other = idler();
    drop(pipe);
    let next = SelfPipe::new(SIGUSR2).unwrap();
    sender.join();
    other.join();
    raise(SIGUSR2).unwrap();
    must!(next.pending() == SIGUSR2.into(), "the next pipe hears nothing, or too much");
}

fn a_child_of_vfork_leaves_its_parent_alone() {
    let pipe = SelfPipe::new(SIGUSR1 | SIGUSR2).unwrap();
    let child = spawn(|| vfork(&[libc::SIGUSR2], machine::step));
    let sender = meanwhile(|| _ = send(libc::SIGUSR1, 0));
    let mut seen = pipe.wait().unwrap();
    child.join();
    sender.join();
    seen |= pipe.pending();
    must!(seen == SIGUSR1.into(), "the parent has seen {seen:?}");
}

/// A thread that holds the registry's lock does not exist in a child.
fn a_lock_that_a_fork_left_behind_is_free() {
    spawn(|| drop(SelfPipe::new(SIGUSR1)));
    machine::step();
    fork();
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    raise(SIGUSR1).unwrap();
    must!(pipe.pending() == SIGUSR1.into(), "the child's pipe does not hear");
}
