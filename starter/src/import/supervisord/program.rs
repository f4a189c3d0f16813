//! One section `[program:NAME]`, which may be several services.

use super::expand::expand;
use super::{Entry, Section};
use crate::import::draft::{seconds, Draft, Imported};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

pub struct Program {
    pub file: PathBuf,
    pub line: usize,
    pub priority: i64,
    pub drafts: Vec<Draft>,
}

/// What holds in supervisord without a key.
const PRIORITY: i64 = 999;
const START_SECONDS: f64 = 1.0;
const START_RETRIES: i64 = 3;
const LOG_SIZE: i64 = 50 << 20;
const LOG_COUNT: i64 = 10;

struct Reader<'a> {
    name: &'a str,
    number: i64,
    here: &'a Path,
    entries: &'a [Entry],
}

impl Program {
    pub fn read(
        name: String,
        section: Section,
        here: &Path,
        shared: &Draft,
        imported: &mut Imported,
    ) -> Program {
        let Section { file, line, entries, .. } = section;
        let mut reader = Reader { name: &name, number: 0, here, entries: &entries };
        let number = |key, otherwise| reader.number(key).unwrap_or(otherwise);
        let (count, first) = (number("numprocs", 1).clamp(1, 10_000), number("numprocs_start", 0));
        let priority = number("priority", PRIORITY);
        let mut drafts = Vec::new();
        let mut left: Vec<(usize, String, String)> = Vec::new();
        for number in first..first + count {
            reader.number = number;
            let (draft, problems) = reader.draft(shared);
            drafts.push(draft);
            for problem in problems {
                // Once is enough for all that have it.
                if !left.contains(&problem) {
                    left.push(problem);
                }
            }
        }
        for (line, key, reason) in left {
            imported.leave(&file, line, format!("[program:{name}] {key}"), reason);
        }
        if !entries.iter().any(|entry| entry.key == "command") {
            imported.leave(&file, line, format!("[program:{name}]"), "has no command");
            drafts.clear();
        }
        Program { file, line, priority, drafts }
    }
}

impl Reader<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let entry = self.entries.iter().find(|entry| entry.key == key);
        entry.map(|entry| entry.value.as_str())
    }

    fn number(&self, key: &str) -> Option<i64> {
        self.get(key)?.parse().ok()
    }

    fn is_true(&self, key: &str) -> bool {
        self.get(key).is_some_and(is_true)
    }

    fn expand(&self, text: &str) -> Result<String, String> {
        expand(text, &|name| match name {
            "program_name" | "group_name" => Some(self.name.to_owned()),
            "process_num" => Some(self.number.to_string()),
            "here" => std::path::absolute(self.here)
                .ok()
                .map(|path| path.to_string_lossy().trim_end_matches('/').to_owned()),
            "numprocs" => Some(self.get(name).unwrap_or("1").to_owned()),
            _ => None,
        })
    }

    /// The service, and what could not be said: line, key and reason.
    fn draft(&self, shared: &Draft) -> (Draft, Vec<(usize, String, String)>) {
        let mut left = Vec::new();
        let name = self.expand(self.get("process_name").unwrap_or("%(program_name)s"));
        let mut draft = Draft::new(name.unwrap_or_else(|_| self.name.to_owned()));
        draft.inherit(shared);
        self.starting(&mut draft);
        self.output(&mut draft);
        if !self.is_true("stopasgroup") {
            draft.set("stop_signal_to", "leader");
        }
        for entry in self.entries {
            if let Err(reason) = self.key(&mut draft, &entry.key, &entry.value) {
                left.push((entry.line, entry.key.clone(), reason));
            }
        }
        (draft, left)
    }

    /// What counts as started, and how often that is tried.
    fn starting(&self, draft: &mut Draft) {
        let start = self.get("startsecs").and_then(|it| it.parse().ok()).unwrap_or(START_SECONDS);
        if start > 0.0 {
            draft.set("ready", Table::from_iter([("after".to_owned(), seconds(start))]));
            // Having run so long, it may fail again as often.
            draft.set("restart_window", seconds(start));
            draft.set("restart_limit", self.number("startretries").unwrap_or(START_RETRIES));
        } else {
            draft.set("restart_limit", "none");
        }
        if start >= 60.0 {
            draft.set("ready_timeout", seconds(start + 60.0));
        }
    }

    fn output(&self, draft: &mut Draft) {
        match self.get("stdout_logfile") {
            None | Some("AUTO") => {}
            Some("NONE") => draft.set("output", "nowhere"),
            Some(device) if device.starts_with("/dev/") => draft.set("output", "inherit"),
            Some(path) => {
                let Ok(path) = self.expand(path) else { return };
                let size = self.get("stdout_logfile_maxbytes").and_then(bytes);
                let count = self.number("stdout_logfile_backups").unwrap_or(LOG_COUNT);
                let size = size.filter(|size| *size > 0).unwrap_or(LOG_SIZE);
                draft.set(
                    "output",
                    Table::from_iter([
                        ("file".to_owned(), Value::from(path)),
                        ("size".to_owned(), Value::from(size)),
                        ("count".to_owned(), Value::from(count.max(0))),
                    ]),
                );
            }
        }
    }

    /// Takes one key over. `Err`: why not.
    fn key(&self, draft: &mut Draft, key: &str, value: &str) -> Result<(), String> {
        let wrong = |_| format!("`{value}` is no number");
        match key {
            "command" => {
                let words = shell_words::split(value).map_err(|error| error.to_string())?;
                let words: Result<Vec<_>, _> = words.iter().map(|it| self.expand(it)).collect();
                draft.set("command", words?);
            }
            "directory" | "user" => {
                let key = if key == "user" { "user" } else { "directory" };
                draft.set(key, self.expand(value)?);
            }
            "environment" => {
                for (name, value) in environment(value)? {
                    let value = self.expand(value.as_str().unwrap_or_default())?;
                    draft.put("environment", name, value);
                }
            }
            "umask" => draft.set("umask", value),
            "autostart" if is_true(value) => {}
            "autostart" => draft.set("autostart", false),
            "autorestart" if value == "unexpected" => {}
            "autorestart" => draft.set("restart", if is_true(value) { "always" } else { "never" }),
            "stopsignal" => draft.set("stop_signal", signal(value)?),
            "stopwaitsecs" => draft.set("stop_timeout", seconds(value.parse().map_err(wrong)?)),
            "priority" | "numprocs" | "numprocs_start" | "startretries" => {
                value.parse::<i64>().map_err(|_| format!("`{value}` is no number"))?;
            }
            "startsecs" => drop(value.parse::<f64>().map_err(wrong)?),
            "process_name" | "stdout_logfile" => drop(self.expand(value)?),
            "stopasgroup" | "stdout_logfile_backups" => {}
            _ => return self.unsayable(key, value),
        }
        Ok(())
    }

    /// Keys that mean something only with some values.
    fn unsayable(&self, key: &str, value: &str) -> Result<(), String> {
        let nothing = matches!(value, "0" | "false");
        Err(match key {
            "redirect_stderr" if is_true(value) => return Ok(()),
            "redirect_stderr" => "both go to the same place here".to_owned(),
            "exitcodes" if value == "0" => return Ok(()),
            "exitcodes" => "0 alone is success".to_owned(),
            "killasgroup" if is_true(value) => return Ok(()),
            "killasgroup" => "what a service leaves behind is always killed".to_owned(),
            "stdout_logfile_maxbytes" if bytes(value).is_some_and(|it| it > 0) => return Ok(()),
            "stdout_logfile_maxbytes" => {
                "there is always a limit: 50 MB is written; `size` sets it".to_owned()
            }
            "stderr_logfile" if matches!(value, "AUTO" | "NONE") => return Ok(()),
            "stderr_logfile" if self.is_true("redirect_stderr") => return Ok(()),
            "stderr_logfile" if self.get("stdout_logfile") == Some(value) => return Ok(()),
            "stderr_logfile" => "standard error goes where standard output goes".to_owned(),
            "stderr_logfile_maxbytes" | "stderr_logfile_backups" => return Ok(()),
            "stdout_syslog" | "stderr_syslog" if !nothing => {
                "use `starter run --log syslog` and `output = \"log\"`".to_owned()
            }
            _ if nothing && (key.starts_with("stdout_") || key.starts_with("stderr_")) => {
                return Ok(())
            }
            _ if key.ends_with("_events_enabled") || key.ends_with("_capture_maxbytes") => {
                "there are no events: the log has what happens".to_owned()
            }
            _ => "there is nothing like it".to_owned(),
        })
    }
}

fn is_true(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "1" | "t" | "y")
}

fn signal(value: &str) -> Result<String, String> {
    let signal = value.parse::<signal::Signal>();
    signal.map(|it| it.to_string()).map_err(|_| format!("`{value}` is no signal of this system"))
}

/// `50MB`, in supervisord's units.
fn bytes(value: &str) -> Option<i64> {
    let value = value.to_ascii_uppercase();
    let units = [("KB", 10), ("MB", 20), ("GB", 30), ("", 0)];
    let (number, shift) =
        units.iter().find_map(|(unit, shift)| Some((value.strip_suffix(unit)?, shift)))?;
    number.trim().parse::<i64>().ok()?.checked_mul(1 << shift)
}

/// `A="1",B='2',C=3`.
pub fn environment(text: &str) -> Result<Table, String> {
    let mut table = Table::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or(format!("`{rest}` is no NAME=\"value\""))?;
        let after = after.trim_start();
        let quote = after.chars().next().filter(|char| matches!(char, '"' | '\''));
        let (value, end) = match quote {
            Some(quote) => after[1..].split_once(quote).ok_or(format!("`{after}` has no end"))?,
            None => after.split_at(after.find([',', '\n']).unwrap_or(after.len())),
        };
        table.insert(name.trim().to_owned(), Value::from(value.trim_matches('\n')));
        rest = end.trim_start_matches(|char: char| char == ',' || char.is_whitespace());
    }
    Ok(table)
}
