//! `sasl.jaas.config`: who to log in as, in the form of Java's login modules.

use connect_api::{Error, Password, Result};

/// The credentials of a JAAS line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub username: String,
    pub password: Password,
}

/// Reads `PlainLoginModule required username="u" password="p";` and its SCRAM twin.
pub fn parse(line: &str) -> Result<Credentials> {
    let module = line.split_whitespace().next().unwrap_or_default();
    let name = module.rsplit('.').next().unwrap_or_default();
    if !matches!(name, "PlainLoginModule" | "ScramLoginModule") {
        return Err(Error::config(format!(
            "sasl.jaas.config names the login module {module}; only PlainLoginModule and ScramLoginModule are supported"
        )));
    }
    let options = options(line);
    let option = |key: &str| options.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
    match (option("username"), option("password")) {
        (Some(username), Some(password)) => Ok(Credentials { username, password: Password::new(password) }),
        _ => Err(Error::config("sasl.jaas.config must give username=\"..\" and password=\"..\"")),
    }
}

/// The `key="value"` pairs; values may be quoted with `"` or `'` and may escape a character by `\`.
fn options(line: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = line;
    while let Some(equals) = rest.find('=') {
        let key = rest[..equals].split_whitespace().next_back().unwrap_or_default().to_owned();
        let after = rest[equals + 1..].trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
        let mut value = String::new();
        let mut chars = after.char_indices().skip(usize::from(quote.is_some()));
        let mut end = after.len();
        while let Some((at, c)) = chars.next() {
            match (c, quote) {
                ('\\', Some(_)) => value.extend(chars.next().map(|(_, c)| c)),
                (c, Some(quote)) if c == quote => {
                    end = at + 1;
                    break;
                }
                (c, None) if c.is_whitespace() || c == ';' => {
                    end = at;
                    break;
                }
                _ => value.push(c),
            }
        }
        pairs.push((key, value));
        rest = &after[end..];
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_plain_and_scram_lines() {
        let check = |line: &str, username: &str, password: &str| {
            let expected = Credentials { username: username.into(), password: Password::new(password) };
            assert_eq!(parse(line).expect("a right line"), expected);
        };
        let plain = "org.apache.kafka.common.security.plain.PlainLoginModule required";
        check(&format!("{plain} username=\"a b\" password=\"p=\\\";x\";"), "a b", "p=\";x");
        check("org.apache.kafka.common.security.scram.ScramLoginModule required password='x' username=u;", "u", "x");
        assert!(parse("com.sun.security.auth.module.Krb5LoginModule required;").is_err());
        assert!(parse(&format!("{plain} username=\"a\";")).is_err());
    }
}
