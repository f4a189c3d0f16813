//! Errors.

use crate::common::raw;
use signal::Errno;
#[cfg(feature = "std")]
use std::{error::Error, io};

/// The constants, with their names and the numbers of the C library.
fn constants() -> Vec<(Errno, &'static str, i32)> {
    macro_rules! list {
        ($($name:ident)*) => { vec![$((Errno::$name, stringify!($name), libc::$name)),*] };
    }
    list! {
        EACCES EAGAIN EBADF ECANCELED ECHILD ECONNREFUSED ECONNRESET EHOSTUNREACH EINPROGRESS EINTR EINVAL EMFILE
        ENETUNREACH ENFILE ENOMEM ENOSPC ENOSYS ENOTCONN ENOTSOCK EPERM EPIPE ESRCH ETIMEDOUT
    }
}

fn each_constant_says_what_it_means_and_its_name() {
    let mut texts = Vec::new();
    for (errno, name, number) in constants() {
        assert_eq!((errno.raw_os_error(), Errno::from_raw_os_error(number)), (number, errno));
        let text = errno.to_string();
        let words = text.strip_suffix(&format!(" ({name})")).expect(&text);
        assert_eq!(format!("{errno:?}"), format!("{name} ({words})"));
        assert!(text.ends_with(&format!(" ({name})")) && text.len() > name.len() + 8, "{text}");
        assert!(!texts.contains(&text), "{text}");
        texts.push(text);
    }
}

fn the_words_say_what_to_do() {
    let says = |errno: Errno, word: &str| assert!(errno.to_string().contains(word), "{errno}");
    says(Errno::ECHILD, "SIGCHLD is ignored");
    says(Errno::EINTR, "call again");
    says(Errno::EINVAL, "SIGKILL and SIGSTOP");
    says(Errno::EMFILE, "RLIMIT_NOFILE");
    says(Errno::ENOSPC, "self-pipes");
    says(Errno::ENOTCONN, "connect again");
}

fn unknown_numbers_are_described_by_the_system() {
    let text = Errno::from_raw_os_error(libc::EXDEV).to_string();
    assert!(text.ends_with(&format!(" (errno {})", libc::EXDEV)) && text.len() > 12, "{text}");
    assert_eq!(format!("{:?}", Errno::from_raw_os_error(libc::EXDEV)), text);
    for number in [0, -1, i32::MAX, i32::MIN] {
        assert!(Errno::from_raw_os_error(number).to_string().contains(&number.to_string()));
    }
}

#[cfg(feature = "std")]
fn io_errors_keep_the_number() {
    for (errno, _, number) in constants() {
        assert_eq!(io::Error::from(errno).raw_os_error(), Some(number));
    }
    assert_eq!(io::Error::from(Errno::EINTR).kind(), io::ErrorKind::Interrupted);
    assert_eq!(io::Error::from(Errno::EPERM).kind(), io::ErrorKind::PermissionDenied);
}

#[cfg(feature = "std")]
fn question_marks_convert_it() {
    fn fails() -> Result<(), Box<dyn Error + Send + Sync>> {
        signal::install(signal::SIGKILL, signal::Handler::Ignore)?;
        Ok(())
    }
    fn fails_as_io() -> io::Result<()> {
        signal::install(signal::SIGKILL, signal::Handler::Ignore)?;
        Ok(())
    }
    assert_eq!(fails().unwrap_err().downcast_ref::<Errno>(), Some(&Errno::EINVAL));
    assert_eq!(fails_as_io().unwrap_err().raw_os_error(), Some(libc::EINVAL));
}

/// What a program prints whose `main` returns the error.
fn debug_has_the_name_and_the_words() {
    let text = format!("{:?}", signal::install(signal::SIGKILL, signal::Handler::Ignore));
    assert!(text.starts_with("Err(EINVAL (invalid argument: "), "{text}");
}

fn last_is_the_error_of_the_last_call() {
    raw::fail_with_ebadf();
    assert_eq!(Errno::last(), Errno::EBADF);
    let elsewhere = std::thread::spawn(|| Errno::last() == Errno::EBADF).join().unwrap();
    assert!(!elsewhere, "each thread has its own");
}

tests! {
    each_constant_says_what_it_means_and_its_name,
    the_words_say_what_to_do,
    unknown_numbers_are_described_by_the_system,
    #[cfg(feature = "std")]
    io_errors_keep_the_number,
    #[cfg(feature = "std")]
    question_marks_convert_it,
    debug_has_the_name_and_the_words,
    last_is_the_error_of_the_last_call,
}
