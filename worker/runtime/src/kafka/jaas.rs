//! `sasl.jaas.config`: who to log in as, in the form of Java's login modules.

use connect_api::{Error, Password, Result};

/// One line of JAAS: the login module, and its options.
pub(super) struct Jaas {
    /// The class, without its package.
    pub(super) module: String,
    options: Vec<(String, String)>,
}

/// A name and its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) username: String,
    pub(super) password: Password,
}

impl Jaas {
    /// Reads `some.package.PlainLoginModule required username="u" password="p";` and the like.
    pub(super) fn parse(line: &str) -> Self {
        let module = line.split_whitespace().next().unwrap_or_default().trim_end_matches(';');
        Self { module: module.rsplit('.').next().unwrap_or_default().to_owned(), options: options(line) }
    }

    pub(super) fn option(&self, key: &str) -> Option<&str> {
        self.options.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Options whose names begin so, without the beginning.
    pub(super) fn options_with(&self, prefix: &str) -> Vec<(String, String)> {
        let strip = |(name, value): &(String, String)| Some((name.strip_prefix(prefix)?.to_owned(), value.clone()));
        self.options.iter().filter_map(strip).collect()
    }

    /// The name and the password of one of the modules that have them. (Invariant 8: no error says more of a line
    /// than its module.)
    pub(super) fn credentials(&self, modules: &[&str]) -> Result<Credentials> {
        if !modules.contains(&self.module.as_str()) {
            return Err(Error::config(format!(
                "sasl.jaas.config names the login module {}; sasl.mechanism needs {}",
                self.module,
                modules.join(" or ")
            )));
        }
        match (self.option("username"), self.option("password")) {
            (Some(username), Some(password)) => {
                Ok(Credentials { username: username.to_owned(), password: Password::new(password) })
            }
            _ => Err(Error::config("sasl.jaas.config must give username=\"..\" and password=\"..\"")),
        }
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
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_quoted_is_read_again(name in "[a-zA-Z.]{1,8}", value in any::<String>()) {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            let line = format!("x.ScramLoginModule required other='y' {name}=\"{quoted}\";");
            prop_assume!(name != "other");
            let jaas = Jaas::parse(&line);
            prop_assert_eq!(jaas.option(&name), Some(value.as_str()));
        }

        #[test]
        fn no_line_makes_it_panic(line in any::<String>()) {
            drop(Jaas::parse(&line).credentials(&["ScramLoginModule"]));
        }
    }

    #[test]
    fn reads_plain_and_scram_lines() {
        let modules = ["PlainLoginModule", "ScramLoginModule"];
        let check = |line: &str, username: &str, password: &str| {
            let expected = Credentials { username: username.into(), password: Password::new(password) };
            assert_eq!(Jaas::parse(line).credentials(&modules).expect("a right line"), expected);
        };
        let plain = "org.apache.kafka.common.security.plain.PlainLoginModule required";
        check(&format!("{plain} username=\"a b\" password=\"p=\\\";x\";"), "a b", "p=\";x");
        check("org.apache.kafka.common.security.scram.ScramLoginModule required password='x' username=u;", "u", "x");
        check(&format!("{plain}\n  username=\"u\"\n  password=\"p\";"), "u", "p");
        let refused = |line: &str| Jaas::parse(line).credentials(&modules).expect_err("a wrong line");
        assert_eq!(
            refused("com.sun.security.auth.module.Krb5LoginModule required password=secret;").message(),
            "sasl.jaas.config names the login module Krb5LoginModule; sasl.mechanism needs PlainLoginModule or \
             ScramLoginModule"
        );
        assert_eq!(
            refused(&format!("{plain} username=\"a\";")).message(),
            "sasl.jaas.config must give username=\"..\" and password=\"..\""
        );
    }

    #[test]
    fn options_may_have_any_name() {
        let line = "o.OAuthBearerLoginModule required clientId='a' extension_cluster=\"lkc-1\" extension_pool=p ;";
        let jaas = Jaas::parse(line);
        assert_eq!((jaas.module.as_str(), jaas.option("clientId")), ("OAuthBearerLoginModule", Some("a")));
        let expected = [("cluster", "lkc-1"), ("pool", "p")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(jaas.options_with("extension_"), expected);
    }
}
