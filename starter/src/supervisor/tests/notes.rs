//! A kernel that only takes notes.

use super::*;

#[derive(Default)]
pub struct Notes {
    next: i32,
    pub names: Vec<String>,
    /// `start NAME`, `run NAME WORD`, `SIGNAL NAME`.
    pub log: Vec<String>,
    /// Whose program is missing.
    pub absent: Vec<&'static str>,
    /// Who leaves processes behind.
    pub leaves: Vec<&'static str>,
    /// What is seen of ports and files.
    pub probe: Option<Probe>,
    pub answers: bool,
}

impl Notes {
    fn process(&mut self, name: &str) -> Pid {
        self.names.push(name.to_owned());
        self.next += 1;
        Pid::from_raw(self.next).unwrap()
    }
}

impl Kernel for Notes {
    fn spawn(&mut self, name: &str, _: &config::Service) -> Result<Pid, SpawnError> {
        if self.absent.contains(&name) {
            return Err(SpawnError::Absent(format!("no {name}")));
        }
        self.log.push(format!("start {name}"));
        Ok(self.process(name))
    }

    fn run(
        &mut self,
        name: &str,
        _: &config::Service,
        command: &[String],
    ) -> Result<Pid, SpawnError> {
        self.log.push(format!("run {name} {}", command[0]));
        Ok(self.process(name))
    }

    fn signal(&mut self, name: &str, target: Target, signal: Signal) -> bool {
        let there = match target {
            Target::LeftBy(_) => self.leaves.contains(&name),
            _ => true,
        };
        if there && signal != SIGCONT {
            let whom = match target {
                Target::Leader(_) => " alone",
                Target::Group(_) => " check",
                _ => "",
            };
            self.log.push(format!("{signal} {name}{whom}"));
        }
        there
    }

    fn probe(&mut self, _: &str, _: &config::Service) -> Probe {
        self.probe.clone().unwrap_or(Probe::NotYet)
    }

    fn answers(&mut self, _: u16) -> bool {
        self.answers
    }

    fn ended(&mut self, _: &str) {}
}
