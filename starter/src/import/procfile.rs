//! Procfiles, as foreman, honcho and Heroku run them: a line `NAME: COMMAND` for each process.

use super::draft::{Draft, Imported};
use super::{literal, Source};
use toml::Value;

pub fn import(source: &Source, imported: &mut Imported) {
    let path = std::path::absolute(&source.path).unwrap_or_else(|_| source.path.clone());
    let directory = path.parent().unwrap_or(&path);
    for (index, line) in source.text.lines().enumerate() {
        let (line, number) = (line.trim(), index + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let named = line.split_once(':').map(|(name, command)| (name.trim(), command.trim()));
        let fits = |char: char| char.is_ascii_alphanumeric() || "-_".contains(char);
        let Some((name, command)) = named.filter(|(name, command)| {
            !name.is_empty() && name.chars().all(fits) && !command.is_empty()
        }) else {
            imported.leave(&source.path, number, "the line".into(), "is no `NAME: COMMAND`");
            continue;
        };
        let mut draft = Draft::new(name);
        // The text is the shell's, as there.
        draft.set("command", vec!["sh".to_owned(), "-c".to_owned(), literal(command)]);
        draft.set("directory", literal(&directory.to_string_lossy()));
        let variables = directory.join(".env");
        if variables.exists() {
            draft.set("environment_file", variables.to_string_lossy().into_owned());
        }
        let leave = |imported: &mut Imported, reason: &str| {
            imported.leave(&source.path, number, format!("`{name}`"), reason);
        };
        if name == "release" {
            draft.set("autostart", false);
            draft.set("restart", "never");
            leave(imported, "runs when somebody asks for it (`starter start release`): the starter knows no deployments");
        } else {
            draft.set("restart", "always");
            draft.set("restart_limit", Value::from("none"));
        }
        if command.contains("$PORT") || command.contains("${PORT") {
            leave(imported, "nobody sets PORT: add `environment = { PORT = \"5000\" }`");
        }
        imported.add(draft, &source.path, number);
    }
}
