//! What the kernel knows: processes, threads, signals, descriptors.

use libc::{c_int, c_void, siginfo_t};
use shuttle::sync::atomic::{AtomicBool, Ordering::SeqCst};
use shuttle::thread::Thread;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::mem;

/// The first process; those that it forks have the numbers after it.
const FIRST: c_int = 100;

#[derive(Clone, Copy)]
pub(crate) struct Action {
    pub(crate) handler: usize,
    pub(crate) flags: c_int,
    pub(crate) mask: u64,
}

const DEFAULT: Action = Action { handler: libc::SIG_DFL, flags: 0, mask: 0 };

/// A signal on its way, and the number that `sigqueue` sends with it.
#[derive(Clone, Copy)]
struct Sent {
    signal: c_int,
    value: c_int,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// An eventfd.
    Wake,
    /// Something of the program's.
    Strange,
}

/// An open file, which processes share after a fork.
struct File {
    kind: Kind,
    made_by: c_int,
    count: u64,
}

#[derive(Default)]
struct Task {
    pid: c_int,
    mask: u64,
    pending: Vec<Sent>,
    /// How many handlers run on it now, and how many have run.
    depth: usize,
    handled: usize,
}

pub(crate) struct Kernel {
    tasks: HashMap<usize, Task>,
    /// The process that is looked at: after a fork the child.
    current: c_int,
    last: c_int,
    actions: HashMap<c_int, Action>,
    pending: HashMap<c_int, Vec<Sent>>,
    files: Vec<File>,
    descriptors: BTreeMap<c_int, usize>,
    sleepers: Vec<Thread>,
    default_effect: Option<c_int>,
    /// The model has seen what it wanted to see; the threads that are left only end.
    is_over: bool,
}

thread_local! {
    static KERNEL: RefCell<Kernel> = RefCell::new(Kernel::new());
}

pub(crate) fn kernel<T>(look: impl FnOnce(&mut Kernel) -> T) -> T {
    KERNEL.with_borrow_mut(look)
}

pub(crate) fn bit(signal: c_int) -> u64 {
    1 << (signal - 1)
}

fn me() -> usize {
    shuttle::current::me().into()
}

impl Kernel {
    fn new() -> Kernel {
        Kernel {
            tasks: HashMap::new(),
            current: FIRST,
            last: FIRST,
            actions: HashMap::new(),
            pending: HashMap::new(),
            files: Vec::new(),
            descriptors: (0..3).map(|fd| (fd, usize::MAX)).collect(),
            sleepers: Vec::new(),
            default_effect: None,
            is_over: false,
        }
    }

    /// The calling thread; `None` for what is outside of the process.
    fn task(&mut self) -> Option<&mut Task> {
        self.tasks.get_mut(&me())
    }

    pub(crate) fn pid(&mut self) -> c_int {
        self.task().map_or(0, |task| task.pid)
    }

    pub(crate) fn mask(&mut self) -> u64 {
        self.task().map_or(0, |task| task.mask)
    }

    pub(crate) fn set_mask(&mut self, mask: u64) {
        if let Some(task) = self.task() {
            task.mask = mask;
        }
    }

    pub(crate) fn handled(&mut self) -> usize {
        self.task().map_or(0, |task| task.handled)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    pub(crate) fn action(&self, signal: c_int) -> Action {
        self.actions.get(&signal).copied().unwrap_or(DEFAULT)
    }

    pub(crate) fn set_action(&mut self, signal: c_int, action: Action) {
        self.actions.insert(signal, action);
    }

    /// Adds what is sent to a queue; of ordinary signals one at a time.
    fn queue(queue: &mut Vec<Sent>, sent: Sent) {
        if sent.signal >= 32 || queue.iter().all(|other| other.signal != sent.signal) {
            queue.push(sent);
        }
    }

    pub(crate) fn send_to_thread(&mut self, signal: c_int) {
        if let Some(task) = self.task() {
            Kernel::queue(&mut task.pending, Sent { signal, value: 0 });
        }
    }

    /// The next signal for the calling thread, and what is done with it.
    fn next(&mut self) -> Option<(Sent, Action)> {
        if self.is_over || self.default_effect.is_some() {
            return None;
        }
        let task = self.tasks.get_mut(&me())?;
        let is_free = |sent: &Sent| task.mask & bit(sent.signal) == 0;
        let sent = if let Some(at) = task.pending.iter().position(is_free) {
            task.pending.remove(at)
        } else {
            let pending = self.pending.get_mut(&task.pid)?;
            let at = pending.iter().position(is_free)?;
            pending.remove(at)
        };
        let action = self.action(sent.signal);
        if action.flags & libc::SA_RESETHAND != 0 {
            self.actions.remove(&sent.signal);
        }
        Some((sent, action))
    }

    fn open(&mut self, kind: Kind) -> c_int {
        let made_by = self.pid();
        self.files.push(File { kind, made_by, count: 0 });
        let fd = (0..).find(|fd| !self.descriptors.contains_key(fd)).expect("a free number");
        self.descriptors.insert(fd, self.files.len() - 1);
        fd
    }

    pub(crate) fn open_eventfd(&mut self) -> c_int {
        self.open(Kind::Wake)
    }

    /// The file behind a number that the library reads or writes.
    fn own_file(&mut self, fd: c_int, does: &str) -> Option<&mut File> {
        let pid = self.pid();
        let over = self.is_over;
        let file = self.descriptors.get(&fd).and_then(|file| self.files.get_mut(*file));
        if over {
            return file;
        }
        match &file {
            None => crate::violated(format_args!("{does} descriptor {fd}, which is closed")),
            Some(file) if file.kind != Kind::Wake => {
                crate::violated(format_args!("{does} descriptor {fd}, which is a stranger's"))
            }
            Some(file) if file.made_by != pid => {
                crate::violated(format_args!("{does} a file of another process"))
            }
            _ => {}
        }
        file
    }

    pub(crate) fn write(&mut self, fd: c_int) {
        if let Some(file) = self.own_file(fd, "writes to") {
            file.count += 1;
        }
    }

    /// Whether there was something to read.
    pub(crate) fn read(&mut self, fd: c_int) -> bool {
        self.own_file(fd, "reads from").is_some_and(|file| mem::take(&mut file.count) > 0)
    }

    pub(crate) fn is_readable(&mut self, fd: c_int) -> bool {
        self.own_file(fd, "waits for").is_some_and(|file| file.count > 0)
    }

    pub(crate) fn close(&mut self, fd: c_int) {
        let closed = self.descriptors.remove(&fd);
        let kind = closed.and_then(|file| Some(self.files.get(file)?.kind));
        crate::must!(
            self.is_over || kind == Some(Kind::Wake),
            "closes descriptor {fd}, which is not its own"
        );
    }

    pub(crate) fn put(&mut self, fd: c_int, number: c_int) {
        let file = self.descriptors[&fd];
        self.descriptors.insert(number, file);
    }
}

/// Begins a run.
pub(crate) fn begin() {
    let mut new = Kernel::new();
    new.tasks.insert(me(), Task { pid: FIRST, ..Task::default() });
    kernel(|kernel| *kernel = new);
}

/// Ends a run: the threads that are left may end as they like.
pub(crate) fn end() {
    kernel(|kernel| kernel.is_over = true);
    wake_sleepers();
}

/// The body of a thread of the calling process.
pub(crate) fn member(body: impl FnOnce() + Send) -> impl FnOnce() + Send {
    let pid = kernel(Kernel::pid);
    move || {
        kernel(|kernel| kernel.tasks.insert(me(), Task { pid, ..Task::default() }));
        // A child has no thread that its parent had made and that had not run yet.
        stay_behind();
        body();
        kernel(|kernel| kernel.tasks.remove(&me()));
    }
}

/// Has everybody that sleeps look again.
pub(crate) fn wake_sleepers() {
    let sleepers = kernel(|kernel| mem::take(&mut kernel.sleepers));
    sleepers.iter().for_each(Thread::unpark);
}

/// Who runs: a thread, or a handler on it.
pub(crate) fn user() -> usize {
    2 * me() + kernel(|kernel| usize::from(kernel.task().is_some_and(|task| task.depth > 0)))
}

/// Lets other threads run.
pub(crate) fn switch() {
    AtomicBool::new(false).load(SeqCst);
    stay_behind();
}

/// A thread of a process that is not looked at any more waits here until the run is over.
fn stay_behind() {
    while kernel(|kernel| {
        let current = kernel.current;
        let gone = kernel.task().is_some_and(|task| task.pid < current);
        gone && !kernel.is_over
    }) {
        park();
    }
}

fn park() {
    kernel(|kernel| kernel.sleepers.push(shuttle::thread::current()));
    shuttle::thread::park();
}

/// Sleeps until something has happened. The caller has looked, without a step since, whether it
/// has already.
pub(crate) fn sleep() {
    park();
    crate::step();
}

/// Runs the handlers of what is pending for the calling thread.
pub(crate) fn deliver() {
    while let Some((sent, action)) = kernel(Kernel::next) {
        match action.handler {
            // It stops, and somebody continues it.
            libc::SIG_DFL if sent.signal == libc::SIGTSTP => {}
            libc::SIG_DFL => kernel(|kernel| kernel.default_effect = Some(sent.signal)),
            libc::SIG_IGN => {}
            _ => call(sent, action),
        }
    }
}

fn call(sent: Sent, action: Action) {
    let before = kernel(|kernel| {
        let mask = kernel.mask();
        let own = if action.flags & libc::SA_NODEFER == 0 { bit(sent.signal) } else { 0 };
        kernel.set_mask(mask | action.mask | own);
        if let Some(task) = kernel.task() {
            task.depth += 1;
        }
        mask
    });
    // The context stands beside it; what is in it nobody asks.
    let (mut info, mut context) = (info(sent), 0_usize);
    if action.flags & libc::SA_SIGINFO != 0 {
        // SAFETY: installed with SA_SIGINFO: a function that takes these.
        let handler = unsafe {
            mem::transmute::<usize, extern "C" fn(c_int, *mut siginfo_t, *mut c_void)>(
                action.handler,
            )
        };
        handler(sent.signal, &mut info, (&raw mut context).cast());
    } else {
        // SAFETY: installed without SA_SIGINFO: a function that takes the number.
        unsafe { mem::transmute::<usize, extern "C" fn(c_int)>(action.handler)(sent.signal) };
    }
    kernel(|kernel| {
        kernel.set_mask(before);
        if let Some(task) = kernel.task() {
            task.depth -= 1;
            task.handled += 1;
        }
    });
}

/// As `sigqueue` fills it in. (The layout is that of 64-bit Linux.)
fn info(sent: Sent) -> siginfo_t {
    // SAFETY: integers, all zero or written; the value stands at 24.
    unsafe {
        let mut info: siginfo_t = mem::zeroed();
        info.si_signo = sent.signal;
        info.si_code = libc::SI_QUEUE;
        (&raw mut info).cast::<c_int>().add(6).write(sent.value);
        info
    }
}

/// Sends a signal to the process that is looked at, from outside; which one that was.
pub fn send(signal: c_int, value: c_int) -> c_int {
    switch();
    let process = kernel(|kernel| {
        let queue = kernel.pending.entry(kernel.current).or_default();
        Kernel::queue(queue, Sent { signal, value });
        kernel.current
    });
    wake_sleepers();
    process
}

/// The signal whose default effect the process has had.
pub fn default_effect() -> Option<c_int> {
    kernel(|kernel| kernel.default_effect)
}

/// A file of the program's, under the lowest number that is free.
pub fn open_strange_file() -> c_int {
    crate::step();
    kernel(|kernel| kernel.open(Kind::Strange))
}

/// Makes a descriptor of the library's readable.
pub fn make_readable(fd: c_int) {
    kernel(|kernel| kernel.write(fd));
}

/// How often a descriptor was written to since it was read.
pub fn wakes_sent_to(fd: c_int) -> u64 {
    kernel(|kernel| kernel.own_file(fd, "asks for").map_or(0, |file| file.count))
}

/// Forks, and continues as the child: its one thread is the caller, and what is wiped in it is
/// zero. What the parent does from here on no child can see.
pub fn fork() {
    crate::step();
    kernel(|kernel| {
        kernel.last += 1;
        kernel.current = kernel.last;
        let (pid, mask) = (kernel.current, kernel.mask());
        kernel.tasks.insert(me(), Task { pid, mask, ..Task::default() });
    });
    crate::calls::wipe();
    crate::step();
}

/// Runs `body` in a child that shares the memory, while the other threads of the parent run on.
/// `signals` are sent to it.
pub fn vfork(signals: &[c_int], body: impl FnOnce()) {
    crate::step();
    let parent = kernel(|kernel| {
        kernel.last += 1;
        let child = kernel.last;
        for signal in signals {
            let queue = kernel.pending.entry(child).or_default();
            Kernel::queue(queue, Sent { signal: *signal, value: 0 });
        }
        let task = kernel.task().expect("a thread of the process");
        mem::replace(&mut task.pid, child)
    });
    body();
    crate::step();
    kernel(|kernel| {
        if let Some(task) = kernel.task() {
            task.pid = parent;
        }
    });
}
