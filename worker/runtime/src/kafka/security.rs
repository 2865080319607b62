//! How a client proves who it is and whom it trusts, from its Java properties: for librdkafka and for our own connections.

use std::sync::Arc;

use connect_api::{Error, Props, Result};
use rdkafka::ClientConfig;

use super::{
    client::is_news,
    jaas::{Credentials, Jaas},
    oauth::TokenSource,
    tls::Tls,
};

/// What `security.protocol` asks for, with all that it needs.
pub(super) struct Security {
    pub(super) tls: Option<Tls>,
    pub(super) login: Option<Login>,
}

/// A way to log in.
pub(super) enum Login {
    Plain(Credentials),
    Scram(Hash, Credentials),
    Bearer(Arc<TokenSource>),
}

/// The hashes that SCRAM is spoken with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha512,
}

impl Security {
    /// Reads the properties and opens the stores that they name. As in Java, what the protocol doesn't use isn't read.
    pub(super) fn of(java: &Props) -> Result<Self> {
        let protocol = java.get("security.protocol").map_or("PLAINTEXT", |text| text.trim()).to_ascii_uppercase();
        let (tls, sasl) = match protocol.as_str() {
            "PLAINTEXT" => (false, false),
            "SSL" => (true, false),
            "SASL_PLAINTEXT" => (false, true),
            "SASL_SSL" => (true, true),
            _ => {
                return Err(Error::config(format!(
                    "security.protocol {protocol} is unknown; there are PLAINTEXT, SSL, SASL_PLAINTEXT and SASL_SSL"
                )));
            }
        };
        Ok(Self {
            tls: tls.then(|| Tls::of(java)).transpose()?,
            login: if sasl { Some(Login::of(java)?) } else { None },
        })
    }
}

impl Login {
    fn of(java: &Props) -> Result<Self> {
        let mechanism = java.get("sasl.mechanism").map_or("GSSAPI", |text| text.trim());
        let line = || {
            let line = java.get("sasl.jaas.config").map(|text| text.trim()).filter(|text| !text.is_empty());
            line.map(Jaas::parse)
                .ok_or_else(|| Error::config(format!("sasl.mechanism {mechanism} needs sasl.jaas.config")))
        };
        match mechanism {
            "PLAIN" => line()?.credentials(&["PlainLoginModule"]).map(Login::Plain),
            "SCRAM-SHA-256" => Ok(Login::Scram(Hash::Sha256, line()?.credentials(&["ScramLoginModule"])?)),
            "SCRAM-SHA-512" => Ok(Login::Scram(Hash::Sha512, line()?.credentials(&["ScramLoginModule"])?)),
            "OAUTHBEARER" => TokenSource::of(java, &line()?).map(|source| Login::Bearer(Arc::new(source))),
            "GSSAPI" => Err(Error::config(
                "sasl.mechanism GSSAPI (Kerberos, Java's default) is not supported; there are PLAIN, SCRAM-SHA-256, \
                 SCRAM-SHA-512 and OAUTHBEARER",
            )),
            other => Err(Error::config(format!(
                "sasl.mechanism {other} is not supported; there are PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER"
            ))),
        }
    }

    pub(super) fn mechanism(&self) -> &'static str {
        match self {
            Login::Plain(_) => "PLAIN",
            Login::Scram(Hash::Sha256, _) => "SCRAM-SHA-256",
            Login::Scram(Hash::Sha512, _) => "SCRAM-SHA-512",
            Login::Bearer(_) => "OAUTHBEARER",
        }
    }
}

/// Puts all of it into the configuration of a librdkafka client, but for the tokens, which it asks for as it goes.
pub(super) fn put_into(config: &mut ClientConfig, java: &Props) -> Result<Option<Arc<TokenSource>>> {
    for (key, value) in java.iter().filter(|(key, _)| key.starts_with("ssl.") || key.starts_with("sasl.")) {
        match without_effect(key, value) {
            Some(why) if is_news(key) => tracing::warn!(setting = key, "client setting without effect: {why}"),
            _ => {}
        }
    }
    let security = Security::of(java)?;
    if let Some(tls) = &security.tls {
        tls.put_into(config)?;
    }
    let Some(login) = security.login else { return Ok(None) };
    config.set("sasl.mechanism", login.mechanism());
    match login {
        Login::Plain(credentials) | Login::Scram(_, credentials) => {
            config.set("sasl.username", &credentials.username);
            config.set("sasl.password", credentials.password.reveal());
            Ok(None)
        }
        Login::Bearer(tokens) => {
            if !tokens.extensions().is_empty() && is_news("sasl.jaas.config extension_") {
                tracing::warn!(
                    "the extension_ options of sasl.jaas.config reach brokers from the worker's own connections only: \
                     the Kafka client library can't send them"
                );
            }
            Ok(Some(tokens))
        }
    }
}

/// Client properties that hold secrets; others, such as names of files, may be shown.
const SECRETS: [&str; 6] = [
    "sasl.jaas.config",
    "sasl.oauthbearer.client.credentials.client.secret",
    "ssl.key.password",
    "ssl.keystore.key",
    "ssl.keystore.password",
    "ssl.truststore.password",
];

/// Whether a property is a secret of a Kafka client, under whatever prefix (`producer.override.`, that of a schema history).
pub(crate) fn is_secret(key: &str) -> bool {
    SECRETS
        .iter()
        .any(|secret| key.strip_suffix(secret).is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('.')))
}

/// Why a property of security has no effect, for those where that may matter. The rest of `ssl.*` and `sasl.*` is read
/// by `Tls` and `Login`, or tunes the refreshing of logins, which happens here as tokens need it.
fn without_effect(key: &str, value: &str) -> Option<&'static str> {
    let given = !value.trim().is_empty();
    match key {
        "ssl.engine.factory.class" if given => Some("it is a Java class; OpenSSL is used"),
        "ssl.provider" if given => Some("it is a provider of Java's; OpenSSL is used"),
        "sasl.client.callback.handler.class" if given => Some("it is a Java class; sasl.jaas.config is read"),
        "sasl.login.class" if given => Some("it is a Java class"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kafka::{
            client::{Role, librdkafka},
            tls::samples,
        },
        properties,
    };

    #[test]
    fn a_scram_login_over_tls_is_told_to_librdkafka() {
        let trust = samples::path("truststore.jks");
        let props = properties::parse(&format!(
            "bootstrap.servers=b:1\nsecurity.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-256\n\
             sasl.jaas.config=a.ScramLoginModule required username=\"u\" password=\"p\";\n\
             ssl.truststore.location={}\nssl.truststore.password=store-secret\n\
             ssl.endpoint.identification.algorithm=\n",
            trust.display()
        ));
        let (config, _) = librdkafka(&props, Role::Producer).expect("all can be translated");
        for (key, expected) in [
            ("security.protocol", "sasl_ssl"),
            ("sasl.mechanism", "SCRAM-SHA-256"),
            ("sasl.username", "u"),
            ("sasl.password", "p"),
            ("ssl.endpoint.identification.algorithm", "none"),
        ] {
            assert_eq!(config.get(key), Some(expected), "{key}");
        }
        // keytool ends lines as Windows does.
        assert_eq!(config.get("ssl.ca.pem"), Some(samples::pem("authority.pem").replace('\r', "").as_str()));
        config.create_native_config().expect("librdkafka takes it");
    }

    #[test]
    fn a_key_store_is_told_to_librdkafka_opened() {
        let store = samples::path("keystore.p12");
        let props = properties::parse(&format!(
            "security.protocol=SSL\nssl.keystore.location={}\nssl.keystore.password=store-secret\n",
            store.display()
        ));
        let (config, _) = librdkafka(&props, Role::Consumer).expect("all can be translated");
        assert_eq!(config.get("ssl.certificate.pem").map(|pem| pem.matches("BEGIN").count()), Some(2));
        assert!(config.get("ssl.key.pem").is_some_and(|pem| pem.starts_with("-----BEGIN PRIVATE KEY-----")));
        assert_eq!(config.get("ssl.endpoint.identification.algorithm"), Some("https"));
    }

    #[test]
    fn what_the_protocol_does_not_use_is_not_read() {
        let props = properties::parse("ssl.truststore.location=/none\nsasl.mechanism=GSSAPI\n");
        assert!(Security::of(&props).is_ok_and(|security| security.tls.is_none() && security.login.is_none()));
    }

    #[test]
    fn secrets_are_known_under_every_prefix() {
        for key in [
            "ssl.key.password",
            "producer.override.sasl.jaas.config",
            "database.history.consumer.ssl.truststore.password",
            "schema.history.internal.producer.sasl.oauthbearer.client.credentials.client.secret",
        ] {
            assert!(is_secret(key), "{key}");
        }
        for key in ["ssl.keystore.location", "producer.override.sasl.mechanism", "xsasl.jaas.config"] {
            assert!(!is_secret(key), "{key}");
        }
    }

    #[test]
    fn what_can_not_be_had_is_said() {
        let check = |text: &str, problem: &str| {
            let error = Security::of(&properties::parse(text)).map(drop).expect_err("it is wrong");
            assert_eq!(error.message(), problem);
        };
        check(
            "security.protocol=TLS",
            "security.protocol TLS is unknown; there are PLAINTEXT, SSL, SASL_PLAINTEXT and SASL_SSL",
        );
        check(
            "security.protocol=SASL_PLAINTEXT\nsasl.jaas.config=x.Krb5LoginModule required;",
            "sasl.mechanism GSSAPI (Kerberos, Java's default) is not supported; there are PLAIN, SCRAM-SHA-256, \
             SCRAM-SHA-512 and OAUTHBEARER",
        );
        check(
            "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=AWS_MSK_IAM",
            "sasl.mechanism AWS_MSK_IAM is not supported; there are PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER",
        );
        check("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN", "sasl.mechanism PLAIN needs sasl.jaas.config");
    }
}
