//! `%n` and its like.

use nix::unistd::User;

pub struct Specifiers {
    /// Without `.service`.
    name: String,
    user: String,
}

impl Specifiers {
    pub fn new(name: &str, user: Option<&str>) -> Specifiers {
        Specifiers { name: name.to_owned(), user: user.unwrap_or("root").to_owned() }
    }

    pub fn expand(&self, text: &str) -> Result<String, String> {
        let mut result = String::new();
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            match char {
                '%' => result.push_str(&self.value(chars.next().unwrap_or('%'))?),
                char => result.push(char),
            }
        }
        Ok(result)
    }

    fn value(&self, specifier: char) -> Result<String, String> {
        let instance = || {
            match self.name.split_once('@') {
            Some((_, instance)) if !instance.is_empty() => Ok(instance.to_owned()),
            _ => Err(format!(
                "`%{specifier}`: the instance of a template is in the name: starter import {}@NAME.service",
                self.name.trim_end_matches('@')
            )),
        }
        };
        Ok(match specifier {
            '%' => "%".to_owned(),
            'n' => format!("{}.service", self.name),
            'N' => self.name.clone(),
            'p' => self.name.split('@').next().unwrap_or_default().to_owned(),
            'i' => instance()?,
            'I' => unescape(&instance()?),
            't' => "/run".to_owned(),
            'S' => "/var/lib".to_owned(),
            'C' => "/var/cache".to_owned(),
            'L' => "/var/log".to_owned(),
            'E' => "/etc".to_owned(),
            'T' => "/tmp".to_owned(),
            'V' => "/var/tmp".to_owned(),
            'u' => self.user.clone(),
            'h' => home(&self.user)
                .ok_or_else(|| format!("`%h`: there is no user `{}` here", self.user))?,
            other => return Err(format!("`%{other}` is not known here: write what it means")),
        })
    }
}

fn home(user: &str) -> Option<String> {
    let user = User::from_name(user).ok()??;
    Some(user.dir.to_string_lossy().into_owned())
}

/// `-` is a `/`, and `\x2d` a `-`.
fn unescape(instance: &str) -> String {
    let slashes = instance.replace('-', "/");
    let mut parts = slashes.split("\\x");
    let mut result = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                result.push(byte);
                result.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => result.extend_from_slice(format!("\\x{part}").as_bytes()),
        }
    }
    String::from_utf8_lossy(&result).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifiers_are_replaced() {
        let of = |name: &str, text: &str| Specifiers::new(name, Some("nobody")).expand(text);
        for (name, text, value) in [
            ("a@x-y", "%n %N %p %i %I 100%%", "a@x-y.service a@x-y a x-y x/y 100%"),
            ("a@x\\x2dy", "%I", "x-y"),
            ("a", "%t/%p %u", "/run/a nobody"),
        ] {
            assert_eq!(of(name, text), Ok(value.to_owned()));
        }
        assert!(of("a@", "%i").unwrap_err().contains("starter import a@NAME.service"));
        assert!(of("a", "%m").unwrap_err().contains("`%m`"));
    }
}
