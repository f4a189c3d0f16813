//! The functions that the library documents as async-signal-safe, each under its path from the
//! library's root, with `__` for `::`. ci/handler-calls says if one is missing, or is one too many.

use signal::child::{self, Change, Reap, Status};
#[cfg(feature = "defer")]
use signal::DeferGuard;
use signal::UnblockGuard;
use signal::{
    owner, session, Action, BlockGuard, Context, Errno, Info, Pid, SelfPipe, Signal, SignalSet,
};
use std::fmt::{Debug, Display};
use std::iter::FromIterator;
use std::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Not, Sub, SubAssign};
use std::os::unix::io::BorrowedFd;
use std::process::ExitStatus;
use std::str::FromStr;

/// Read in the object file only.
#[allow(dead_code)]
struct Root(*const ());

// SAFETY: the address of a function.
unsafe impl Sync for Root {}

macro_rules! documented {
    ($($(#[$cfg:meta])? $name:ident: $function:expr;)*) => {
        $(
            $(#[$cfg])?
            #[used]
            #[allow(non_upper_case_globals)] // the name of a function
            static $name: Root = Root($function as *const ());
        )*
    };
}

documented! {
    BlockGuard__new: BlockGuard::new as fn(SignalSet) -> _;
    BlockGuard__wait: BlockGuard::wait;
    Context__as_ptr: Context::as_ptr;
    Context__frame_pointer: Context::frame_pointer;
    Context__from_raw: Context::from_raw;
    Context__instruction_pointer: Context::instruction_pointer;
    Context__stack_pointer: Context::stack_pointer;
    #[cfg(feature = "defer")]
    DeferGuard__Debug__fmt: <DeferGuard as Debug>::fmt;
    #[cfg(feature = "defer")]
    DeferGuard__Default__default: <DeferGuard as Default>::default;
    #[cfg(feature = "defer")]
    DeferGuard__Drop__drop: drop::<DeferGuard>;
    #[cfg(feature = "defer")]
    DeferGuard__new: DeferGuard::new;
    Errno__from_raw_os_error: Errno::from_raw_os_error;
    Errno__last: Errno::last;
    Errno__raw_os_error: Errno::raw_os_error;
    Info__Debug__fmt: <Info as Debug>::fmt;
    Info__address: Info::address;
    Info__as_raw: Info::as_raw;
    Info__band: Info::band;
    Info__cause: Info::cause;
    Info__code: Info::code;
    Info__from_raw: Info::from_raw as fn(libc::siginfo_t) -> _;
    Info__pointer_value: Info::pointer_value;
    Info__sender_pid: Info::sender_pid;
    Info__sender_uid: Info::sender_uid;
    Info__signal: Info::signal;
    Info__status: Info::status;
    Info__value: Info::value;
    Pid__current: Pid::current;
    Pid__parent: Pid::parent;
    SelfPipe__wake: SelfPipe::wake;
    SignalSet__BitAndAssign__bitand_assign: <SignalSet as BitAndAssign<SignalSet>>::bitand_assign;
    SignalSet__BitAnd__bitand: <SignalSet as BitAnd<SignalSet>>::bitand;
    SignalSet__BitOrAssign__bitor_assign: <SignalSet as BitOrAssign<SignalSet>>::bitor_assign;
    SignalSet__BitOr__bitor: <SignalSet as BitOr<SignalSet>>::bitor;
    SignalSet__Debug__fmt: <SignalSet as Debug>::fmt;
    SignalSet__Default__default: <SignalSet as Default>::default;
    SignalSet__Extend_Signal__extend: <SignalSet as Extend<Signal>>::extend::<SignalSet>;
    SignalSet__FromIterator_Signal__from_iter:
        <SignalSet as FromIterator<Signal>>::from_iter::<SignalSet>;
    SignalSet__From_SignalSet_ref__from: <SignalSet as From<&SignalSet>>::from;
    SignalSet__From_Signal__from: <SignalSet as From<Signal>>::from;
    SignalSet__From_Signal_array_ref__from: <SignalSet as From<&[Signal; 2]>>::from;
    SignalSet__From_Signal_array__from: <SignalSet as From<[Signal; 2]>>::from;
    SignalSet__From_Signal_slice_ref__from: <SignalSet as From<&[Signal]>>::from;
    SignalSet__IntoIterator__into_iter: <SignalSet as IntoIterator>::into_iter;
    SignalSet__Not__not: <SignalSet as Not>::not;
    SignalSet__SubAssign__sub_assign: <SignalSet as SubAssign<SignalSet>>::sub_assign;
    SignalSet__Sub__sub: <SignalSet as Sub<SignalSet>>::sub;
    SignalSet__asynchronous: SignalSet::asynchronous;
    SignalSet__contains: SignalSet::contains;
    SignalSet__difference: SignalSet::difference;
    SignalSet__empty: SignalSet::empty;
    SignalSet__from_raw: SignalSet::from_raw;
    SignalSet__full: SignalSet::full;
    SignalSet__insert: SignalSet::insert;
    SignalSet__intersection: SignalSet::intersection;
    SignalSet__is_empty: SignalSet::is_empty;
    SignalSet__iter: SignalSet::iter;
    SignalSet__len: SignalSet::len;
    SignalSet__remove: SignalSet::remove;
    SignalSet__to_raw: SignalSet::to_raw;
    SignalSet__union: SignalSet::union;
    SignalSet__with: SignalSet::with;
    SignalSet__without: SignalSet::without;
    SignalSet_ref__IntoIterator__into_iter: <&SignalSet as IntoIterator>::into_iter;
    Signal__BitOr__bitor: <Signal as BitOr<SignalSet>>::bitor;
    Signal__Debug__fmt: <Signal as Debug>::fmt;
    Signal__Display__fmt: <Signal as Display>::fmt;
    Signal__FromStr__from_str: <Signal as FromStr>::from_str;
    Signal__TryFrom_i32__try_from: <Signal as TryFrom<i32>>::try_from;
    Signal__TryFrom_u32__try_from: <Signal as TryFrom<u32>>::try_from;
    Signal__all: Signal::all as fn() -> _;
    Signal__as_raw: Signal::as_raw;
    Signal__default_effect: Signal::default_effect;
    Signal__description: Signal::description;
    Signal__from_raw: Signal::from_raw;
    Signal__is_realtime: Signal::is_realtime;
    Signal__name: Signal::name;
    Signal__realtime: Signal::realtime;
    UnblockGuard__new: UnblockGuard::new as fn(SignalSet) -> _;
    block: signal::block as fn(SignalSet) -> _;
    blocked: signal::blocked;
    child__Change__pid: Change::pid;
    child__Reap__Iterator__next: <Reap as Iterator>::next;
    child__Status__Debug__fmt: <Status as Debug>::fmt;
    child__Status__Display__fmt: <Status as Display>::fmt;
    child__Status__From_ExitStatus__from: <Status as From<ExitStatus>>::from;
    child__Status__as_raw: Status::as_raw;
    child__Status__code: Status::code;
    child__Status__continued: Status::continued;
    child__Status__core_dumped: Status::core_dumped;
    child__Status__from_raw: Status::from_raw;
    child__Status__signal: Status::signal;
    child__Status__stopped_by: Status::stopped_by;
    child__Status__success: Status::success;
    child__next_change: child::next_change;
    child__reap: child::reap;
    child__reap_any: child::reap_any;
    child__reap_group: child::reap_group;
    child__wait: child::wait;
    child__wait_change: child::wait_change;
    die_by: signal::die_by;
    exists: signal::exists;
    finish_connect: signal::finish_connect as fn(BorrowedFd<'static>) -> _;
    install: signal::install as fn(Signal, Action) -> _;
    install_unless_ignored: signal::install_unless_ignored as fn(Signal, Action) -> _;
    kill: signal::kill;
    kill_group: signal::kill_group;
    kill_own_group: signal::kill_own_group;
    kill_thread: signal::kill_thread::<()>;
    owner__clear: owner::clear as fn(BorrowedFd<'static>) -> _;
    owner__get: owner::get as fn(BorrowedFd<'static>) -> _;
    owner__notify: owner::notify as fn(BorrowedFd<'static>, bool) -> _;
    owner__set: owner::set as fn(BorrowedFd<'static>, owner::Owner) -> _;
    owner__signal: owner::signal as fn(BorrowedFd<'static>, Option<Signal>) -> _;
    pending: signal::pending;
    query: signal::query;
    queue: signal::queue;
    queue_pointer: signal::queue_pointer;
    raise: signal::raise;
    session__foreground: session::foreground as fn(BorrowedFd<'static>) -> _;
    session__join_group: session::join_group;
    session__new_group: session::new_group;
    session__new_session: session::new_session;
    session__own_group: session::own_group;
    session__reset_signals: session::reset_signals;
    session__set_foreground: session::set_foreground as fn(BorrowedFd<'static>, Pid) -> _;
    set_blocked: signal::set_blocked as fn(SignalSet) -> _;
    stop_by: signal::stop_by;
    suspend: signal::suspend as fn(SignalSet) -> _;
    unblock: signal::unblock as fn(SignalSet) -> _;
}
