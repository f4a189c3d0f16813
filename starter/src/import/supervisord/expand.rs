//! `%(name)s` in supervisord's values.

use crate::import::literal;

/// Replaces what `value` knows; variables of the environment become ours. Other dollars are left to
/// the program.
pub fn expand(text: &str, value: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let (mut result, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('%') {
        result.push_str(&literal(&rest[..at]));
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            result.push('%');
            rest = after;
            continue;
        }
        let inner = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        let (name, after) = inner.ok_or_else(|| format!("`{text}`: a `%` alone"))?;
        let kind =
            after.find(['s', 'd']).ok_or_else(|| format!("`{text}`: `%({name})` of what?"))?;
        let format = &after[..kind];
        rest = &after[kind + 1..];
        match (name.strip_prefix("ENV_"), value(name)) {
            (Some(variable), _) => result.push_str(&format!("${{{variable}}}")),
            (None, Some(value)) => result.push_str(&padded(&value, format)),
            (None, None) => return Err(format!("there is nothing for `%({name})s`")),
        }
    }
    result.push_str(&literal(rest));
    Ok(result)
}

/// As `02` in `%(process_num)02d` has it.
fn padded(value: &str, format: &str) -> String {
    let width = format.parse().unwrap_or(0);
    match format.starts_with('0') {
        true => format!("{value:0>width$}"),
        false => format!("{value:>width$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_replaced() {
        let value = |name: &str| (name == "process_num").then(|| "7".to_owned());
        for (before, after) in [
            ("a%(process_num)02d.log", Ok("a07.log".to_owned())),
            ("%(process_num)s%%", Ok("7%".to_owned())),
            ("%(ENV_HOME)s/${x}", Ok("${HOME}/$${x}".to_owned())),
            ("%(host_node_name)s", Err("there is nothing for `%(host_node_name)s`".to_owned())),
            ("50%", Err("`50%`: a `%` alone".to_owned())),
        ] {
            assert_eq!(expand(before, &value), after);
        }
    }
}
