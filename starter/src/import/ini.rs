//! Files with sections, in the two dialects that matter here. They differ from each other, and from
//! what crates for such files read, in where a comment begins, in how a value goes on in the next
//! line, and in what it means that a key comes twice.

#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub section: String,
    pub key: String,
    pub value: String,
    /// Counted from 1.
    pub line: usize,
}

#[derive(Default)]
pub struct Ini {
    pub entries: Vec<Entry>,
    /// Every header, with its line.
    pub sections: Vec<(String, usize)>,
    /// Lines that are none of this.
    pub strange: Vec<usize>,
}

impl Ini {
    /// Takes a header or the first line of a value.
    fn take(&mut self, line: &str, number: usize, separators: &[char]) {
        if let Some(header) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            self.sections.push((header.trim().to_owned(), number));
            return;
        }
        match (line.split_once(separators), self.sections.last()) {
            (Some((key, value)), Some((section, _))) if !key.trim().is_empty() => {
                self.entries.push(Entry {
                    section: section.clone(),
                    key: key.trim().to_owned(),
                    value: value.trim().to_owned(),
                    line: number,
                });
            }
            _ => self.strange.push(number),
        }
    }
}

fn is_comment(line: &str) -> bool {
    line.starts_with(['#', ';'])
}

/// As Python's configparser does it for supervisord: a comment may follow a value, a line that is
/// indented further than its key belongs to the value above, and keys are in lower case.
pub fn supervisord(text: &str) -> Ini {
    let mut ini = Ini::default();
    let mut indent = None;
    for (index, whole) in text.lines().enumerate() {
        let line = without_comment(whole).trim_end();
        let text = line.trim_start();
        if text.is_empty() {
            continue;
        }
        let depth = line.len() - text.len();
        match (indent, ini.entries.last_mut()) {
            (Some(outer), Some(entry)) if depth > outer => {
                entry.value.push('\n');
                entry.value.push_str(text);
            }
            _ => {
                let known = ini.entries.len();
                ini.take(text, index + 1, &['=', ':']);
                indent = (ini.entries.len() > known).then_some(depth);
            }
        }
    }
    ini.entries.iter_mut().for_each(|entry| entry.key.make_ascii_lowercase());
    ini
}

/// A comment begins a line, or follows a space.
fn without_comment(line: &str) -> &str {
    if is_comment(line.trim_start()) {
        return "";
    }
    let mut before = ' ';
    for (at, char) in line.char_indices() {
        if matches!(char, ';' | '#') && before.is_whitespace() {
            return &line[..at];
        }
        before = char;
    }
    line
}

/// As systemd does it: a backslash at the end goes on in the next line, which may be a comment.
pub fn systemd(text: &str) -> Ini {
    let mut ini = Ini::default();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if is_comment(trimmed) || trimmed.is_empty() && open.is_none() {
            continue;
        }
        let (number, mut whole) = open.take().unwrap_or((index + 1, String::new()));
        match trimmed.strip_suffix('\\') {
            Some(part) => {
                whole.push_str(part);
                whole.push(' ');
                open = Some((number, whole));
            }
            None => {
                whole.push_str(trimmed);
                ini.take(whole.trim(), number, &['=']);
            }
        }
    }
    if let Some((number, whole)) = open {
        ini.take(whole.trim(), number, &['=']);
    }
    ini
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(ini: &Ini) -> Vec<(&str, &str, &str, usize)> {
        let entries = ini.entries.iter();
        entries.map(|it| (&*it.section, &*it.key, &*it.value, it.line)).collect()
    }

    #[test]
    fn the_dialect_of_supervisord() {
        let ini = supervisord(
            "; c\n[program:a] ; c\nCommand = sh -c 'a;b#c' ; comment\nenvironment=A=\"1\",\n  ; c\n  B=\"2\"\n\nuser: x\nnonsense\n[b]\n",
        );
        assert_eq!(
            pairs(&ini),
            [
                ("program:a", "command", "sh -c 'a;b#c'", 3),
                ("program:a", "environment", "A=\"1\",\nB=\"2\"", 4),
                ("program:a", "user", "x", 8),
            ]
        );
        assert_eq!(ini.strange, [9]);
        assert_eq!(ini.sections[1], ("b".to_owned(), 10));
    }

    #[test]
    fn the_dialect_of_systemd() {
        let ini = systemd(
            "# c\n[Service]\nExecStart=/bin/a \\\n# between\n  --b=c:d ; \\\n  e # no comment\nEnvironment=\nKey = v \nnonsense\n",
        );
        assert_eq!(
            pairs(&ini),
            [
                ("Service", "ExecStart", "/bin/a  --b=c:d ;  e # no comment", 3),
                ("Service", "Environment", "", 7),
                ("Service", "Key", "v", 8),
            ]
        );
        assert_eq!(ini.strange, [9]);
    }
}
