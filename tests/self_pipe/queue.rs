//! The queue of a self-pipe: who sent what, in which order, and how much of it was lost.

use crate::common::load::{ready, FewDescriptors};
use crate::common::{self, fork, in_child, needs, raw, realtime_or_skip, signal_state, wait_for};
use signal::{
    install, kill, queue, raise, Action, BlockGuard, Errno, Handler, Info, InfoQueue, Pid,
    SelfPipe, Signal, SignalSet, UnblockGuard, SIGCHLD, SIGHUP, SIGKILL, SIGTERM, SIGUSR1, SIGUSR2,
};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

static QUEUE: InfoQueue<64> = InfoQueue::new();
static OTHER: InfoQueue<8> = InfoQueue::new();
static LARGE: InfoQueue<4096> = InfoQueue::new();

const LONG: Duration = Duration::from_secs(60);

fn signals(pipe: &SelfPipe) -> Vec<Signal> {
    pipe.infos().map(|info| info.signal()).collect()
}

fn values(pipe: &SelfPipe) -> Vec<i32> {
    pipe.infos().map(|info| info.value().expect("a value")).collect()
}

/// To this process, whose only thread has the signal unblocked: the handler has run on return.
fn send(signal: Signal, values: impl IntoIterator<Item = i32>) {
    values.into_iter().for_each(|value| send_to(Pid::current(), signal, value));
}

/// Tries again while the system's own queue is full: all processes of a user share that.
fn send_to(target: Pid, signal: Signal, value: i32) {
    common::eventually("there is room for a signal", || match queue(target, signal, value) {
        Err(Errno::EAGAIN) => false,
        sent => sent.map(|()| true).unwrap(),
    });
}

fn it_tells_who_sent_each_signal() {
    let pipe = SelfPipe::with_queue(SIGUSR1 | SIGUSR2, &QUEUE).unwrap();
    assert_eq!(pipe.infos().count(), 0);
    let me = Pid::current();
    let child = fork(|| i32::from(kill(me, SIGUSR1).is_err()));
    assert_eq!(pipe.wait_timeout(LONG), Ok(Some(SIGUSR1.into())));
    let info: Info = pipe.infos().next().unwrap();
    // SAFETY: takes nothing.
    let uid = unsafe { libc::getuid() };
    assert_eq!(
        (info.signal(), info.sender_pid(), info.sender_uid()),
        (SIGUSR1, Some(child), Some(uid))
    );
    wait_for(child);
    raise(SIGUSR2).unwrap();
    assert_eq!(pipe.wait(), Ok(SIGUSR2.into()));
    let sender = |info: Info| (info.signal(), info.sender_pid());
    assert_eq!(pipe.infos().map(sender).collect::<Vec<_>>(), [(SIGUSR2, Some(me))]);
    assert_eq!((pipe.infos().count(), QUEUE.lost()), (0, 0));
}

fn it_tells_how_a_child_ended() {
    let pipe = SelfPipe::with_queue(SIGCHLD, &QUEUE).unwrap();
    let child = fork(|| 7);
    pipe.wait().unwrap();
    let info = pipe.infos().next().unwrap();
    assert_eq!((info.sender_pid(), info.status()), (Some(child), Some(7)));
    wait_for(child);
}

fn values_come_in_order_while_there_is_room_and_the_rest_is_counted() {
    needs(cfg!(has_sigqueue), "no sigqueue here");
    let signal = realtime_or_skip(0);
    let pipe = SelfPipe::with_queue(signal, &OTHER).unwrap();
    let mut lost = 0;
    for round in 0..100 {
        let sent = round % 12;
        send(signal, 0..sent);
        assert_eq!(pipe.wait_timeout(Duration::ZERO).unwrap().is_some(), sent > 0);
        assert_eq!(values(&pipe), (0..sent.min(8)).collect::<Vec<_>>());
        lost += (sent - sent.min(8)) as usize;
        assert_eq!(OTHER.lost(), lost);
        assert!(pipe.pending().is_empty());
    }
}

/// All are pending when they are let through: the lowest number first, each in order of sending.
fn pending_realtime_signals_come_in_the_kernels_order() {
    needs(cfg!(has_sigqueue), "no sigqueue here");
    let (low, high) = (realtime_or_skip(0), realtime_or_skip(1));
    let pipe = SelfPipe::with_queue(low | high, &QUEUE).unwrap();
    let guard = BlockGuard::new(low | high);
    for value in 0..20 {
        send(high, [100 + value]);
        send(low, [value]);
    }
    assert_eq!(pipe.infos().count(), 0);
    drop(guard);
    assert_eq!(values(&pipe), (0..20).chain(100..120).collect::<Vec<_>>());
}

fn queues_of_any_length_work() {
    fn lost<const N: usize>(queue: &'static InfoQueue<N>) {
        let pipe = SelfPipe::with_queue(SIGUSR1, queue).unwrap();
        for round in 1..=5 {
            (0..7).for_each(|_| raise(SIGUSR1).unwrap());
            assert_eq!(pipe.wait(), Ok(SIGUSR1.into()));
            assert_eq!((pipe.infos().count(), queue.lost()), (N.min(7), (7 - N.min(7)) * round));
        }
    }
    static NONE: InfoQueue<0> = InfoQueue::new();
    static ONE: InfoQueue<1> = InfoQueue::new();
    static TWO: InfoQueue<2> = InfoQueue::new();
    static FIVE: InfoQueue<5> = InfoQueue::new();
    lost(&NONE);
    lost(&ONE);
    lost(&TWO);
    lost(&FIVE);
    lost(Box::leak(Box::new(InfoQueue::<7>::default())));
    assert_eq!(format!("{ONE:?}"), "InfoQueue { capacity: 1, lost: 30 }");
}

fn infos_alone_make_the_descriptor_unreadable_and_leave_the_set() {
    let pipe = SelfPipe::with_queue(SIGUSR1 | SIGUSR2, &QUEUE).unwrap();
    for _ in 0..3 {
        raise(SIGUSR1).unwrap();
        assert!(ready(pipe.as_raw_fd()));
        assert_eq!(signals(&pipe), [SIGUSR1]);
        assert!(!ready(pipe.as_raw_fd()));
        raise(SIGUSR2).unwrap();
        assert!(ready(pipe.as_raw_fd()));
        assert_eq!(signals(&pipe), [SIGUSR2]);
        assert_eq!(pipe.wait_timeout(LONG), Ok(Some(SIGUSR1 | SIGUSR2)));
        assert_eq!(pipe.wait_timeout(Duration::ZERO), Ok(None));
        pipe.wake();
        assert_eq!((pipe.infos().count(), ready(pipe.as_raw_fd())), (0, false));
        assert_eq!(pipe.wait_timeout(LONG), Ok(Some(SignalSet::empty())));
    }
}

/// More arrives after each of the two, and each makes the descriptor unreadable for the other.
fn a_loop_that_wants_the_set_and_the_infos_misses_neither() {
    let pipe = SelfPipe::with_queue(SIGUSR1 | SIGUSR2 | SIGHUP, &OTHER).unwrap();
    let arrivals = [SIGUSR1, SIGUSR2, SIGHUP, SIGUSR1, SIGHUP];
    let mut more = arrivals.into_iter();
    let mut arrive = || more.next().map(|signal| raise(signal).unwrap());
    let (mut numbers, mut told) = (Vec::new(), Vec::new());
    arrive();
    while ready(pipe.as_raw_fd()) {
        loop {
            let set = pipe.pending();
            if set.is_empty() {
                break;
            }
            numbers.extend(set);
            arrive();
            told.extend(signals(&pipe));
            arrive();
        }
    }
    assert_eq!(told, arrivals);
    told.sort_unstable();
    numbers.sort_unstable();
    assert_eq!(numbers, told);
}

fn a_pipe_without_a_queue_has_no_infos() {
    let pipe = SelfPipe::new(SIGUSR1).unwrap();
    raise(SIGUSR1).unwrap();
    assert_eq!(pipe.infos().count(), 0);
    assert!(ready(pipe.as_raw_fd()));
    assert_eq!(pipe.wait(), Ok(SIGUSR1.into()));
}

fn a_queue_in_use_is_ebusy_and_leaves_no_trace() {
    let pipe = SelfPipe::with_queue(SIGUSR1, &QUEUE).unwrap();
    raise(SIGUSR1).unwrap();
    let before = signal_state();
    assert_eq!(SelfPipe::with_queue(SIGUSR2, &QUEUE).map(drop), Err(Errno::EBUSY));
    assert_eq!(signal_state(), before);
    let other = SelfPipe::with_queue(SIGUSR1 | SIGUSR2, &OTHER).unwrap();
    raise(SIGUSR2).unwrap();
    raise(SIGUSR1).unwrap();
    assert_eq!(signals(&pipe), [SIGUSR1, SIGUSR1]);
    assert_eq!(signals(&other), [SIGUSR2, SIGUSR1]);
    raise(SIGUSR1).unwrap();
    drop(pipe);
    let pipe = SelfPipe::with_queue(SIGUSR2, &QUEUE).unwrap();
    assert_eq!((pipe.infos().count(), QUEUE.lost()), (0, 0), "it begins empty");
    raise(SIGUSR2).unwrap();
    assert_eq!(signals(&pipe), [SIGUSR2]);
}

fn after_an_error_the_queue_is_free() {
    let before = signal_state();
    let set = SIGTERM | SIGUSR1 | SIGKILL;
    assert_eq!(SelfPipe::with_queue(set, &QUEUE).map(drop), Err(Errno::EINVAL));
    let few = FewDescriptors::new(0);
    assert_eq!(SelfPipe::with_queue(SIGUSR1, &QUEUE).map(drop), Err(Errno::EMFILE));
    drop(few);
    assert_eq!(signal_state(), before);
    let pipes: Vec<_> = (0..32).map(|_| SelfPipe::new(SIGUSR2).unwrap()).collect();
    assert_eq!(SelfPipe::with_queue(SIGUSR1, &QUEUE).map(drop), Err(Errno::ENOSPC));
    drop(pipes);
    let pipe = SelfPipe::with_queue(SIGUSR1, &QUEUE).unwrap();
    raise(SIGUSR1).unwrap();
    assert_eq!(signals(&pipe), [SIGUSR1]);
}

fn a_forked_child_begins_empty_and_reads_its_own() {
    let pipe = SelfPipe::with_queue(SIGUSR1 | SIGUSR2, &OTHER).unwrap();
    (0..10).for_each(|_| raise(SIGUSR1).unwrap());
    assert_eq!(OTHER.lost(), 2);
    in_child(|| {
        assert_eq!(SelfPipe::with_queue(SIGUSR1, &OTHER).map(drop), Err(Errno::EBUSY));
        pipe.reopen().unwrap();
        assert_eq!((pipe.infos().count(), OTHER.lost()), (0, 0));
        raise(SIGUSR2).unwrap();
        assert_eq!(signals(&pipe), [SIGUSR2]);
    });
    in_child(|| assert_eq!(pipe.infos().count(), 0));
    in_child(|| {
        // SAFETY: the child ends before anything could use the original.
        drop(unsafe { std::ptr::read(&pipe) });
        let own = SelfPipe::with_queue(SIGUSR2, &OTHER).unwrap();
        raise(SIGUSR2).unwrap();
        assert_eq!(signals(&own), [SIGUSR2]);
    });
    let mut infos = pipe.infos();
    assert_eq!(infos.next().unwrap().signal(), SIGUSR1);
    // An iterator that a child inherits has nothing of the parent's.
    let child = fork(|| i32::from(infos.next().is_some()));
    assert!(wait_for(child).success());
    assert_eq!((infos.count(), OTHER.lost()), (7, 2), "the parent's stay the parent's");
}

fn a_child_that_does_not_have_the_pipe_yet_loses_count_of_none() {
    let pipe = SelfPipe::with_queue(SIGUSR1, &QUEUE).unwrap();
    in_child(|| {
        (0..1500).for_each(|_| raise(SIGUSR1).unwrap());
        pipe.reopen().unwrap();
        // Where words are short, the count ends there.
        assert_eq!(QUEUE.lost(), if usize::BITS == 64 { 1500 } else { 1023 });
    });
}

fn what_a_child_receives_before_it_has_the_pipe_counts_as_lost() {
    let pipe = SelfPipe::with_queue(SIGUSR1 | SIGUSR2, &QUEUE).unwrap();
    in_child(|| {
        (0..3).for_each(|_| raise(SIGUSR1).unwrap());
        raise(SIGUSR2).unwrap();
        // A grandchild has none of that.
        in_child(|| {
            raise(SIGUSR2).unwrap();
            pipe.reopen().unwrap();
            assert_eq!((pipe.infos().count(), QUEUE.lost()), (0, 1));
        });
        let few = FewDescriptors::new(0);
        assert_eq!(pipe.infos().count(), 0);
        drop(few);
        assert_eq!((pipe.infos().count(), QUEUE.lost()), (0, 4));
        raise(SIGUSR1).unwrap();
        assert_eq!((signals(&pipe), QUEUE.lost()), (vec![SIGUSR1], 4));
        assert_eq!(pipe.pending(), SIGUSR1 | SIGUSR2);
    });
    assert_eq!((pipe.infos().count(), QUEUE.lost()), (0, 0));
}

static PASSED_ON: AtomicUsize = AtomicUsize::new(0);

/// As much C does: without a look at SA_SIGINFO.
extern "C" fn passes_on_the_number_alone(number: libc::c_int) {
    // SAFETY: the address of the handler that was there before, which is called in the way that
    // this test is about.
    let call = unsafe { std::mem::transmute::<usize, raw::WithInfo>(PASSED_ON.load(SeqCst)) };
    let nowhere = 8 as *mut libc::siginfo_t;
    call(number, nowhere, std::ptr::null_mut());
}

fn what_another_handler_passes_on_is_not_believed() {
    let pipe = SelfPipe::with_queue(SIGUSR1, &QUEUE).unwrap();
    PASSED_ON.store(raw::handler(SIGUSR1), SeqCst);
    raw::set(SIGUSR1, passes_on_the_number_alone as raw::Plain as usize, 0, &[]);
    raise(SIGUSR1).unwrap();
    let infos: Vec<Info> = pipe.infos().collect();
    assert_eq!((infos[0].signal(), infos[0].sender_pid()), (SIGUSR1, None));
    assert_eq!((infos.len(), pipe.pending()), (1, SIGUSR1.into()));
}

fn a_previous_handler_is_called_too() {
    install(SIGUSR1, Action::new(&common::COUNT)).unwrap();
    let pipe = SelfPipe::with_queue(SIGUSR1, &QUEUE).unwrap();
    for calls in 1..4 {
        raise(SIGUSR1).unwrap();
        assert_eq!((common::count(), signals(&pipe)), (calls, vec![SIGUSR1]));
    }
}

/// A fault's handler can run in the middle of another one's claim.
fn a_nested_handler_has_an_info_too() {
    let raises = |_: Signal| {
        let _open = UnblockGuard::new(SIGUSR2);
        let _ = raise(SIGUSR2);
    };
    // SAFETY: its functions are async-signal-safe.
    install(SIGUSR1, unsafe { Handler::new(raises) }).unwrap();
    let pipe = SelfPipe::with_queue(SIGUSR1 | SIGUSR2, &QUEUE).unwrap();
    for _ in 0..20 {
        raise(SIGUSR1).unwrap();
        assert_eq!(signals(&pipe), [SIGUSR1, SIGUSR2]);
    }
}

fn remove_leaves_what_has_arrived() {
    let pipe = SelfPipe::with_queue(SIGUSR1 | SIGHUP, &QUEUE).unwrap();
    raise(SIGHUP).unwrap();
    pipe.remove(SIGHUP).unwrap();
    raise(SIGUSR1).unwrap();
    assert_eq!(signals(&pipe), [SIGHUP, SIGUSR1]);
    pipe.insert(SIGUSR2).unwrap();
    raise(SIGUSR2).unwrap();
    assert_eq!(signals(&pipe), [SIGUSR2]);
}

/// Values of all senders: each is below this, with the sender above it.
const SENDER: i32 = 1 << 24;

/// Reads until all is there; what has come must be in the order of its sender.
fn read_all(pipe: &SelfPipe, lost: impl Fn() -> usize, total: usize, in_order: bool) -> usize {
    let (mut read, mut last) = (0, vec![-1; 8]);
    while read + lost() < total {
        assert!(pipe.wait_timeout(LONG).unwrap().is_some(), "{read} and {} lost", lost());
        for info in pipe.infos() {
            let value = info.value().expect("a value");
            let (sender, number) = ((value / SENDER) as usize, value % SENDER);
            assert!(info.sender_pid().is_some());
            assert!(!in_order || last[sender] < number, "{} before {number}", last[sender]);
            last[sender] = number;
            read += 1;
        }
    }
    assert_eq!(read + lost(), total);
    assert_eq!(pipe.infos().count(), 0);
    read
}

fn storm<const N: usize>(queue: &'static InfoQueue<N>, total: usize, threads: usize) -> usize {
    needs(cfg!(has_sigqueue), "no sigqueue here");
    const SENDERS: i32 = 4;
    let signal = realtime_or_skip(0);
    let me = Pid::current();
    let each = (total / SENDERS as usize).max(1) as i32;
    let total = (each * SENDERS) as usize;
    let pipe = SelfPipe::with_queue(signal, queue).unwrap();
    // Where others take the signals, this thread has them blocked.
    let blocked = (threads > 0).then(|| BlockGuard::new(signal));
    let done = AtomicBool::new(false);
    let read = std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let _open = UnblockGuard::new(signal);
                while !done.load(SeqCst) {
                    common::pause(1);
                }
            });
        }
        let senders: Vec<Pid> = (1..=SENDERS)
            .map(|sender| {
                fork(|| {
                    (0..each).for_each(|number| send_to(me, signal, sender * SENDER + number));
                    0
                })
            })
            .collect();
        let read = read_all(&pipe, || queue.lost(), total, threads < 2);
        senders.into_iter().for_each(|sender| assert!(wait_for(sender).success()));
        done.store(true, SeqCst);
        read
    });
    drop(blocked);
    read
}

fn a_storm_of_values_from_four_processes_is_read_or_counted() {
    storm(&LARGE, common::scaled(200_000), 0);
}

fn a_small_queue_loses_nothing_silently() {
    storm(&OTHER, common::scaled(100_000), 1);
}

fn handlers_on_several_threads_lose_nothing() {
    storm(&QUEUE, common::scaled(200_000), 3);
}

/// Readers share the infos; none is read twice.
fn several_readers_share_what_has_arrived() {
    needs(cfg!(has_sigqueue), "no sigqueue here");
    let signal = realtime_or_skip(0);
    let pipe = SelfPipe::with_queue(signal, &LARGE).unwrap();
    let total = common::scaled(20_000);
    let seen: Vec<AtomicUsize> = (0..total).map(|_| AtomicUsize::new(0)).collect();
    let read = AtomicUsize::new(0);
    let done = || read.load(SeqCst) + LARGE.lost() >= total;
    std::thread::scope(|scope| {
        let blocked = BlockGuard::new(signal);
        for _ in 0..2 {
            scope.spawn(|| {
                while !done() {
                    for info in pipe.infos() {
                        seen[info.value().unwrap() as usize].fetch_add(1, SeqCst);
                        read.fetch_add(1, SeqCst);
                    }
                }
            });
        }
        drop(blocked);
        send(signal, 0..total as i32);
    });
    let once = seen.iter().filter(|count| count.load(SeqCst) == 1).count();
    assert_eq!((once, once + LARGE.lost()), (read.load(SeqCst), total));
}

/// Handlers on other threads are at any point of the queue when the pipe goes and the next one
/// takes it.
fn a_queue_can_be_given_on_under_a_flood() {
    let _blocked = BlockGuard::new(SIGUSR1 | SIGUSR2);
    install(SIGUSR1, Handler::Ignore).unwrap();
    install(SIGUSR2, Handler::Ignore).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let _open = UnblockGuard::new(SIGUSR1 | SIGUSR2);
                while !done.load(SeqCst) {
                    common::pause(1);
                }
            });
        }
        let flood = common::load::Flood::of(&[SIGUSR1, SIGUSR2], 0);
        for round in 0..common::scaled(2000) {
            let signal = if round % 2 == 0 { SIGUSR1 } else { SIGUSR2 };
            let pipe = SelfPipe::with_queue(signal, &OTHER).unwrap();
            if round % 50 == 0 {
                common::eventually("an info comes", || {
                    pipe.infos().any(|info| info.signal() == signal)
                });
            }
            assert!(pipe.infos().all(|info| info.signal() == signal), "of the pipe before");
        }
        drop(flood);
        done.store(true, SeqCst);
    });
}

/// Threads of the parent are at any point of the handler when it forks.
fn a_child_of_a_process_whose_threads_take_signals_has_a_clean_queue() {
    let (pipe, done) =
        (SelfPipe::with_queue(SIGUSR1 | SIGUSR2, &OTHER).unwrap(), AtomicBool::new(false));
    let _blocked = BlockGuard::new(SIGUSR1);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let _open = UnblockGuard::new(SIGUSR1);
                while !done.load(SeqCst) {
                    common::pause(1);
                }
            });
        }
        let flood = common::load::Flood::of(&[SIGUSR1], 0);
        for _ in 0..common::scaled(200) {
            // Nothing here allocates: the fork may have caught another thread in the allocator.
            let child = fork(|| {
                let before = pipe.infos().count();
                (0..10).for_each(|_| raise(SIGUSR2).unwrap());
                let read = pipe.infos().filter(|info| info.signal() == SIGUSR2).count();
                i32::from(before != 0) + 2 * i32::from(read != 8) + 4 * i32::from(OTHER.lost() != 2)
            });
            assert_eq!(wait_for(child).code(), Some(0));
            pipe.wait().unwrap();
            pipe.infos().count();
        }
        drop(flood);
        done.store(true, SeqCst);
    });
}

tests! {
    it_tells_who_sent_each_signal,
    it_tells_how_a_child_ended,
    values_come_in_order_while_there_is_room_and_the_rest_is_counted,
    pending_realtime_signals_come_in_the_kernels_order,
    queues_of_any_length_work,
    infos_alone_make_the_descriptor_unreadable_and_leave_the_set,
    a_loop_that_wants_the_set_and_the_infos_misses_neither,
    a_pipe_without_a_queue_has_no_infos,
    a_queue_in_use_is_ebusy_and_leaves_no_trace,
    after_an_error_the_queue_is_free,
    a_forked_child_begins_empty_and_reads_its_own,
    a_child_that_does_not_have_the_pipe_yet_loses_count_of_none,
    what_a_child_receives_before_it_has_the_pipe_counts_as_lost,
    what_another_handler_passes_on_is_not_believed,
    a_previous_handler_is_called_too,
    a_nested_handler_has_an_info_too,
    remove_leaves_what_has_arrived,
    a_storm_of_values_from_four_processes_is_read_or_counted,
    a_small_queue_loses_nothing_silently,
    handlers_on_several_threads_lose_nothing,
    several_readers_share_what_has_arrived,
    a_queue_can_be_given_on_under_a_flood,
    a_child_of_a_process_whose_threads_take_signals_has_a_clean_queue,
}
