//! Several actions for one signal, as closures that capture, added and removed at any time: the
//! registry of a crate such as signal-hook, built on this one. Most programs want a `SelfPipe`.

use signal::{install, query, Action, Context, Handler, Info, Result, Signal, SIGUSR1};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

type Callback = Arc<dyn Fn(&Info) + Send + Sync>;

/// What one signal does. Once handlers can see it, it is never changed, only replaced.
#[derive(Clone, Default)]
struct Actions {
    callbacks: Vec<(Id, Callback)>,
    /// What `dispatch` has replaced, while that is installed or in somebody's chain.
    previous: Option<Action>,
}

/// An action, for `remove`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Id(Signal, u64);

#[allow(clippy::declare_interior_mutable_const)] // the initial value of each entry
const NOTHING: AtomicPtr<Actions> = AtomicPtr::new(std::ptr::null_mut());
static TABLE: [AtomicPtr<Actions>; 256] = [NOTHING; 256];
/// How many handlers may be looking at an entry of the table.
static READERS: AtomicUsize = AtomicUsize::new(0);
/// One writer at a time; the number of the last action.
static WRITER: Mutex<u64> = Mutex::new(0);

fn dispatch(signal: Signal, info: &Info, context: &mut Context) {
    READERS.fetch_add(1, SeqCst);
    let actions = TABLE[signal.as_raw() as usize].load(SeqCst);
    // SAFETY: null or a list that is not freed while there are readers.
    if let Some(actions) = unsafe { actions.as_ref() } {
        if let Some(Handler::Function(f)) = actions.previous.map(|action| action.handler()) {
            // SAFETY: as the kernel would have called it, in a handler of its signal.
            unsafe { f.call(signal, info, Some(context)) };
        }
        actions.callbacks.iter().for_each(|(_, callback)| callback(info));
    }
    READERS.fetch_sub(1, SeqCst);
}

fn handler() -> Handler {
    // SAFETY: atomics, and callbacks for which `add` was given this promise.
    unsafe { Handler::with_context(dispatch) }
}

fn current(signal: Signal) -> Actions {
    // SAFETY: null or a list; only the writer frees one, and the caller is that.
    let list = unsafe { TABLE[signal.as_raw() as usize].load(SeqCst).as_ref() };
    list.cloned().unwrap_or_default()
}

fn publish(signal: Signal, actions: Actions) {
    let new = Box::into_raw(Box::new(actions));
    let old = TABLE[signal.as_raw() as usize].swap(new, SeqCst);
    // A handler that begins from here on finds the new list.
    while READERS.load(SeqCst) != 0 {
        std::thread::yield_now();
    }
    // SAFETY: null or made by `Box::into_raw`, and nobody looks at it any more.
    drop(unsafe { (!old.is_null()).then(|| Box::from_raw(old)) });
}

/// Has `callback` called when `signal` arrives, after the function that was there before.
///
/// # Safety
///
/// `callback` must be async-signal-safe. It may not call `add` or `remove`.
pub unsafe fn add(signal: Signal, callback: impl Fn(&Info) + Send + Sync + 'static) -> Result<Id> {
    let mut last = WRITER.lock().unwrap();
    let before = current(signal);
    let mut actions = before.clone();
    *last += 1;
    let id = Id(signal, *last);
    actions.callbacks.push((id, Arc::new(callback)));
    if before.previous.is_some() {
        publish(signal, actions);
        return Ok(id);
    }
    // The handler must find what it replaces.
    actions.previous = Some(query(signal)?);
    publish(signal, actions.clone());
    let replaced = install(signal, handler());
    actions.previous = replaced.ok();
    publish(signal, if replaced.is_ok() { actions } else { before });
    replaced.map(|_| id)
}

/// Takes the action away: it does not run any more when this returns, and what it captured is
/// dropped here. The last one puts back what was there before.
pub fn remove(id: Id) -> Result<()> {
    let _last = WRITER.lock().unwrap();
    let mut actions = current(id.0);
    actions.callbacks.retain(|(other, _)| *other != id);
    if actions.callbacks.is_empty() && query(id.0)?.handler() == handler() {
        if let Some(previous) = actions.previous.take() {
            install(id.0, previous)?;
        }
    }
    publish(id.0, actions);
    Ok(())
}

fn main() -> Result<()> {
    let sum = Arc::new(AtomicUsize::new(0));
    let adds = |number| {
        let sum = sum.clone();
        // SAFETY: an atomic addition.
        unsafe { add(SIGUSR1, move |_| _ = sum.fetch_add(number, SeqCst)) }
    };
    let (ten, one) = (adds(10)?, adds(1)?);
    signal::raise(SIGUSR1)?;
    remove(ten)?;
    signal::raise(SIGUSR1)?;
    remove(one)?;
    println!("{} added, {} actions left", sum.load(SeqCst), Arc::strong_count(&sum) - 1);
    Ok(())
}
