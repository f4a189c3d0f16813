//! `ExecStart=` and its like. A word `$NAME` means the words of a variable there, for which a shell
//! is needed here.

use super::keys::Keys;
use crate::import::draft::Draft;
use crate::import::ini::Entry;
use crate::import::literal;

struct Exec {
    /// Failure counts as success.
    ignored: bool,
    /// `:`: dollars mean nothing.
    plain: bool,
    words: Vec<String>,
}

/// Returns whether there is a command.
pub fn take(keys: &mut Keys<'_>, draft: &mut Draft) -> bool {
    let oneshot = keys.peek("Service", "Type") == Some("oneshot");
    let mut main = Vec::new();
    for entry in keys.all("Service", "ExecStart") {
        if !main.is_empty() && !oneshot {
            keys.leave(&entry, "only a unit of Type=oneshot may have several");
            continue;
        }
        let exec = parse(keys, &entry);
        if let Some(Exec { ignored: true, .. }) = exec {
            if !oneshot {
                keys.leave(&entry, "`-`: a failure counts as one, and `restart` says what follows");
            }
        }
        main.extend(exec);
    }
    let has_command = !main.is_empty();
    if let Some(command) = one(&main) {
        draft.set("command", command);
    }
    for (theirs, ours) in [("ExecStartPre", "before_start"), ("ExecStopPost", "after_stop")] {
        let entries = keys.all("Service", theirs);
        let commands: Vec<Exec> = entries.iter().filter_map(|it| parse(keys, it)).collect();
        if let Some(command) = one(&commands) {
            draft.set(ours, command);
        }
    }
    has_command
}

fn parse(keys: &mut Keys<'_>, entry: &Entry) -> Option<Exec> {
    let text = entry.value.trim_start_matches(['-', '+', '!', '@', ':', '|']);
    let prefixes = &entry.value[..entry.value.len() - text.len()];
    let mut words = match shell_words::split(text) {
        Ok(words) if words.is_empty() => return None,
        Ok(words) => words,
        Err(error) => {
            keys.leave(entry, error.to_string());
            return None;
        }
    };
    if has_escapes(text) {
        keys.leave(
            entry,
            "look at the `\\` in it: systemd knows escapes as C does, and they are not translated",
        );
    }
    if prefixes.contains('@') && words.len() > 1 {
        let name = words.remove(1);
        keys.leave(entry, format!("`@`: the program cannot be told that it is called `{name}`"));
    }
    if prefixes.contains(['+', '!']) {
        keys.leave(entry, "`+`, `!`: it runs as the `user` of the service");
    }
    Some(Exec { ignored: prefixes.contains('-'), plain: prefixes.contains(':'), words })
}

/// Whether a backslash means something else than to a shell.
fn has_escapes(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char == '\\' && chars.next().is_some_and(|next| next.is_ascii_alphanumeric()) {
            return true;
        }
    }
    false
}

/// The words of our command: one program, or a shell for several.
fn one(commands: &[Exec]) -> Option<Vec<String>> {
    let shell = |text: String| vec!["/bin/sh".to_owned(), "-fc".to_owned(), text];
    match commands {
        [] => None,
        [exec] if !exec.ignored && !exec.splits() => Some(exec.words()),
        [exec] if !exec.ignored => Some(shell(format!("exec {}", exec.for_shell()))),
        several => {
            let parts = several.iter().map(|exec| match exec.ignored {
                true => format!("{{ {} || :; }}", exec.for_shell()),
                false => exec.for_shell(),
            });
            Some(shell(parts.collect::<Vec<_>>().join(" && ")))
        }
    }
}

impl Exec {
    /// Whether a variable may become several words, or none.
    fn splits(&self) -> bool {
        !self.plain && self.words.iter().any(|word| variable(word))
    }

    fn words(&self) -> Vec<String> {
        let word = |word: &String| match self.plain {
            true => literal(word),
            false => replace(word, |name| format!("${{{name}:-}}"), &literal),
        };
        self.words.iter().map(word).collect()
    }

    /// As text for a shell, which replaces the variables itself.
    fn for_shell(&self) -> String {
        let word = |word: &String| {
            if !self.plain && variable(word) {
                return word.clone();
            }
            if self.plain || !word.contains('$') {
                return literal(&shell_words::quote(word));
            }
            let text = replace(word, |name| format!("$${{{name}}}"), &in_quotes);
            format!("\"{text}\"")
        };
        self.words.iter().map(word).collect::<Vec<_>>().join(" ")
    }
}

fn in_quotes(text: &str) -> String {
    let escape = |char| match char {
        '\\' | '"' | '`' | '$' => format!("\\{char}"),
        char => char.to_string(),
    };
    text.chars().map(escape).collect()
}

fn is_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
}

/// A word that is a variable: `$NAME`.
fn variable(word: &str) -> bool {
    word.strip_prefix('$').is_some_and(is_name)
}

/// `${NAME}` is a variable anywhere in a word, and `$$` a dollar.
fn replace(
    word: &str,
    variable: impl Fn(&str) -> String,
    other: &dyn Fn(&str) -> String,
) -> String {
    let (mut result, mut text, mut rest) = (String::new(), String::new(), word);
    while let Some(at) = rest.find('$') {
        text.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let name = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        match name.filter(|(name, _)| is_name(name)) {
            Some((name, end)) => {
                result.push_str(&other(&std::mem::take(&mut text)));
                result.push_str(&variable(name));
                rest = end;
            }
            None => {
                text.push('$');
                rest = after.strip_prefix('$').unwrap_or(after);
            }
        }
    }
    text.push_str(rest);
    result + &other(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str], ignored: bool) -> Exec {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Exec { ignored, plain: false, words }
    }

    #[test]
    fn a_command_needs_no_shell_unless_it_has_words_of_a_variable() {
        let plain = command(&["/bin/a", "b c", "x${Y}z", "$$$$", "$${Y}", "a$b"], false);
        let words = ["/bin/a", "b c", "x${Y:-}z", "$$", "$${Y}", "a$b"];
        assert_eq!(one(&[plain]).unwrap(), words);
        let split = command(&["/bin/a", "$OPTIONS", "b c", "x\"${Y}", "$$"], false);
        let text = "exec /bin/a $OPTIONS 'b c' \"x\\\"$${Y}\" \"\\$\"";
        assert_eq!(one(&[split]).unwrap(), ["/bin/sh", "-fc", text]);
    }

    #[test]
    fn several_commands_are_a_shells() {
        let commands = [command(&["a", "b"], true), command(&["c"], false)];
        assert_eq!(one(&commands).unwrap()[2], "{ a b || :; } && c");
        assert_eq!(one(&commands[..1]).unwrap()[2], "{ a b || :; }");
        assert_eq!(one(&[]), None);
    }
}
