//! A shell with job control: pipelines, `&`, `fg`, `bg`, `jobs`, Ctrl-C and Ctrl-Z.
//!
//! Each job is a process group. The one in the foreground has the terminal: what the person types
//! goes to it, Ctrl-Z too. When it stops or ends, the shell takes the terminal back.

use signal::child::{next_change, wait_change, Change, Status, Which};
use signal::{install, kill_group, kill_own_group, session, CommandExt, Handler, Pid};
use signal::{SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};
use std::io::{self, ErrorKind, Write};
use std::process::{exit, Command, Stdio};

const HELP: &str = "\
usage: shell

Reads commands from standard input: words, joined to pipelines by |, in the background after &.
Built in: cd [FOLDER], jobs, fg [NUMBER], bg [NUMBER], exit [CODE].";

#[derive(Clone, Copy, PartialEq)]
enum State {
    Running,
    Stopped,
    Ended(Status),
}

struct Job {
    number: usize,
    group: Pid,
    processes: Vec<(Pid, State)>,
    text: String,
}

impl Job {
    /// It runs as long as one of its processes does; its status is that of the last one.
    fn state(&self) -> State {
        let has = |state| self.processes.iter().any(|process| process.1 == state);
        match self.processes.last() {
            _ if has(State::Running) => State::Running,
            _ if has(State::Stopped) => State::Stopped,
            last => last.expect("a job has a process").1,
        }
    }

    fn set(&mut self, pid: Pid, state: State) {
        self.processes
            .iter_mut()
            .filter(|process| process.0 == pid)
            .for_each(|process| process.1 = state);
    }

    fn print(&self) {
        let state = match self.state() {
            State::Running => "running".to_owned(),
            State::Stopped => "stopped".to_owned(),
            State::Ended(status) => status.to_string(),
        };
        println!("[{}] {state}: {}", self.number, self.text);
    }
}

struct Shell {
    /// Whether standard input is the terminal that jobs are lent.
    has_terminal: bool,
    jobs: Vec<Job>,
    /// Of the last command.
    code: i32,
}

fn main() -> io::Result<()> {
    if std::env::args_os().len() > 1 {
        println!("{HELP}");
        return Ok(());
    }
    let mut shell = Shell { has_terminal: take_terminal()?, jobs: Vec::new(), code: 0 };
    let mut line = String::new();
    loop {
        shell.notice();
        if shell.has_terminal {
            print!("$ ");
            io::stdout().flush()?;
        }
        line.clear();
        if io::stdin().read_line(&mut line)? == 0 {
            shell.leave(shell.code);
        }
        if let Err(error) = shell.run(line.trim()) {
            eprintln!("shell: {error}");
            shell.code = if error.kind() == ErrorKind::NotFound { 127 } else { 126 };
        }
    }
}

/// Whether there is one. In the background, the shell stops until it is put into the foreground.
fn take_terminal() -> io::Result<bool> {
    install(SIGCHLD, Handler::Default)?;
    loop {
        match session::foreground(io::stdin()) {
            Err(_) => return Ok(false),
            Ok(group) if group == Some(session::own_group()) => break,
            Ok(_) => kill_own_group(SIGTTIN)?,
        }
    }
    for signal in [SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU] {
        install(signal, Handler::Ignore)?;
    }
    // Fails for the leader of a session, which has a group of its own already.
    let _ = session::new_group();
    session::set_foreground(io::stdin(), session::own_group())?;
    Ok(true)
}

impl Shell {
    fn run(&mut self, line: &str) -> io::Result<()> {
        let (text, is_background) = match line.strip_suffix('&') {
            Some(text) => (text.trim(), true),
            None => (line, false),
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            [] => {}
            ["cd"] => std::env::set_current_dir(std::env::var_os("HOME").unwrap_or("/".into()))?,
            ["cd", folder] => std::env::set_current_dir(folder)?,
            ["exit"] => self.leave(self.code),
            ["exit", code] => self.leave(code.parse().map_err(|_| wrong("exit wants a number"))?),
            ["jobs"] => self.jobs.iter().for_each(Job::print),
            ["fg" | "bg"] | ["fg" | "bg", _] => {
                let number = words.get(1).map(|number| number.trim_start_matches('%'));
                let is_it =
                    |job: &Job| number.map_or(true, |number| job.number.to_string() == number);
                let at = self.jobs.iter().rposition(is_it).ok_or_else(|| wrong("no such job"))?;
                let job = self.jobs.remove(at);
                self.go_on(job, words[0] == "fg")?;
            }
            _ => {
                let job = self.start(text, !is_background)?;
                if is_background {
                    println!("[{}] {}", job.number, job.group);
                    self.jobs.push(job);
                } else {
                    self.wait(job)?;
                }
            }
        }
        Ok(())
    }

    fn start(&mut self, text: &str, in_foreground: bool) -> io::Result<Job> {
        let number = self.jobs.iter().map(|job| job.number).max().unwrap_or(0) + 1;
        let mut job: Option<Job> = None;
        let mut input = None;
        let programs: Vec<&str> = text.split('|').collect();
        for (i, program) in programs.iter().enumerate() {
            let mut words = program.split_whitespace();
            let name = words.next().ok_or_else(|| wrong("a command is missing"))?;
            let mut command = Command::new(name);
            command.args(words).reset_signals();
            if let Some(input) = input.take() {
                command.stdin(input);
            }
            if i + 1 < programs.len() {
                command.stdout(Stdio::piped());
            }
            match &job {
                Some(job) => command.join_group(job.group),
                None if in_foreground && self.has_terminal => command.new_group().foreground(),
                None => command.new_group(),
            };
            let mut child = match command.spawn() {
                Ok(child) => child,
                Err(error) => {
                    self.take_back();
                    // What has been started of it finds its pipe closed.
                    self.jobs.extend(job);
                    return Err(io::Error::new(error.kind(), format!("{name}: {error}")));
                }
            };
            let pid = Pid::from(&child);
            input = child.stdout.take().map(Stdio::from);
            job.get_or_insert_with(|| Job {
                number,
                group: pid,
                processes: Vec::new(),
                text: text.to_owned(),
            })
            .processes
            .push((pid, State::Running));
        }
        job.ok_or_else(|| wrong("a command is missing"))
    }

    /// Until it stops or ends; the terminal is the shell's again then.
    fn wait(&mut self, job: Job) -> io::Result<()> {
        let number = job.number;
        self.jobs.push(job);
        // Other jobs may change meanwhile; and a process may have left the group of its job.
        while self.jobs.iter().any(|job| job.number == number && job.state() == State::Running) {
            let change = wait_change(Which::Any)?;
            self.note(change, number);
        }
        self.take_back();
        let at = self.jobs.iter().position(|job| job.number == number);
        let job = &self.jobs[at.expect("only `notice` removes one")];
        match job.state() {
            State::Ended(status) => {
                let signal = status.signal().map_or(0, |signal| 128 + signal.as_raw());
                self.code = status.code().unwrap_or(signal);
                if status.signal().map_or(false, |signal| signal != SIGINT) {
                    job.print();
                }
            }
            _ => {
                println!();
                job.print();
            }
        }
        Ok(())
    }

    fn go_on(&mut self, mut job: Job, in_foreground: bool) -> io::Result<()> {
        if in_foreground && self.has_terminal {
            session::set_foreground(io::stdin(), job.group)?;
        }
        println!("{}", job.text);
        for process in job.processes.iter_mut().filter(|process| process.1 == State::Stopped) {
            process.1 = State::Running;
        }
        kill_group(job.group, SIGCONT)?;
        if in_foreground {
            return self.wait(job);
        }
        self.jobs.push(job);
        Ok(())
    }

    fn take_back(&self) {
        if self.has_terminal {
            if let Err(error) = session::set_foreground(io::stdin(), session::own_group()) {
                eprintln!("shell: the terminal is lost: {error}");
            }
        }
    }

    /// What has become of jobs in the background. Without children there is nothing to ask for.
    fn notice(&mut self) {
        while let Ok(Some(change)) = next_change(Which::Any) {
            self.note(change, 0);
        }
        self.jobs.retain(|job| !matches!(job.state(), State::Ended(_)));
    }

    fn note(&mut self, change: Change, in_foreground: usize) {
        let (pid, state) = match change {
            Change::Ended(exited) => (exited.pid, State::Ended(exited.status)),
            Change::Stopped(pid, _) => (pid, State::Stopped),
            Change::Continued(pid) => (pid, State::Running),
        };
        for job in &mut self.jobs {
            let before = job.state();
            job.set(pid, state);
            if job.state() != before && job.number != in_foreground {
                job.print();
            }
        }
    }

    /// Jobs that are stopped would stay so for ever.
    fn leave(&self, code: i32) -> ! {
        for job in self.jobs.iter().filter(|job| job.state() == State::Stopped) {
            let _ = kill_group(job.group, SIGHUP);
            let _ = kill_group(job.group, SIGCONT);
        }
        exit(code)
    }
}

fn wrong(words: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, words)
}
