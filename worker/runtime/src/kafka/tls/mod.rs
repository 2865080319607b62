//! TLS by its Java properties: whom a client trusts, and who it says it is.
//!
//! Stores of every form are opened here, once, and become certificates and a key. librdkafka is given them as PEM; the
//! worker's own connections use the same OpenSSL, so that both accept and refuse the same brokers.

mod jks;
mod pem;
mod pkcs12;
mod store;
mod stream;

use connect_api::{Error, Props, Result};
use openssl::{
    error::ErrorStack,
    pkey::{PKey, Private},
    ssl::{SslConnector, SslMethod, SslVersion},
    x509::{X509, store::X509StoreBuilder},
};
use rdkafka::ClientConfig;

pub(super) use stream::TlsStream;

/// Where systems keep the certificates that everybody trusts; the places that librdkafka looks in, too.
const SYSTEM_CERTIFICATES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What a client needs to know before it speaks TLS.
pub(super) struct Tls {
    /// Certificates to trust; the system's when there are none.
    trusted: Option<Vec<X509>>,
    identity: Option<Identity>,
    /// Whether the broker's certificate must be for the name that was called.
    check_names: bool,
    /// Names of cipher suites before TLS 1.3, in OpenSSL's words.
    ciphers: Option<String>,
    versions: Option<(SslVersion, SslVersion)>,
}

/// A certificate with those that vouch for it, its own first, and its key.
struct Identity {
    chain: Vec<X509>,
    key: PKey<Private>,
}

impl Tls {
    /// Reads the `ssl.*` properties, and the stores that they name.
    pub(super) fn of(java: &Props) -> Result<Self> {
        let algorithm = java.get("ssl.endpoint.identification.algorithm").map_or("https", |text| text.trim());
        Ok(Self {
            trusted: store::trusted(java)?,
            identity: store::identity(java)?,
            check_names: !algorithm.is_empty() && !algorithm.eq_ignore_ascii_case("none"),
            ciphers: java.get("ssl.cipher.suites").and_then(|text| ciphers(text)),
            versions: java.get("ssl.enabled.protocols").and_then(|text| versions(text)),
        })
    }

    /// The same for librdkafka.
    pub(super) fn put_into(&self, config: &mut ClientConfig) -> Result<()> {
        let failed = |error: ErrorStack| Error::config(format!("could not write certificates as PEM: {error}"));
        if let Some(trusted) = &self.trusted {
            config.set("ssl.ca.pem", chain_pem(trusted).map_err(failed)?);
        }
        if let Some(identity) = &self.identity {
            config.set("ssl.certificate.pem", chain_pem(&identity.chain).map_err(failed)?);
            let key = identity.key.private_key_to_pem_pkcs8().map_err(failed)?;
            config.set("ssl.key.pem", String::from_utf8_lossy(&key));
        }
        if let Some(ciphers) = &self.ciphers {
            config.set("ssl.cipher.suites", ciphers);
        }
        config.set("ssl.endpoint.identification.algorithm", if self.check_names { "https" } else { "none" });
        Ok(())
    }

    /// The same for a connection of our own; and whether it must check the broker's name.
    pub(super) fn connector(&self) -> Result<(SslConnector, bool)> {
        let built = self.build().map_err(|error| Error::config(format!("could not prepare TLS: {error}")))?;
        Ok((built, self.check_names))
    }

    fn build(&self) -> Result<SslConnector, ErrorStack> {
        let mut builder = SslConnector::builder(SslMethod::tls_client())?;
        match &self.trusted {
            Some(trusted) => {
                let mut certificates = X509StoreBuilder::new()?;
                for certificate in trusted {
                    certificates.add_cert(certificate.clone())?;
                }
                builder.set_cert_store(certificates.build());
            }
            // OpenSSL's own places are those of the machine it was built on, unless the environment names others.
            None => {
                if let Some(file) = SYSTEM_CERTIFICATES.iter().find(|path| std::path::Path::new(path).exists()) {
                    builder.set_ca_file(file)?;
                }
            }
        }
        if let Some(identity) = &self.identity {
            let (own, others) = identity.chain.split_first().ok_or_else(ErrorStack::get)?;
            builder.set_certificate(own)?;
            for certificate in others {
                builder.add_extra_chain_cert(certificate.clone())?;
            }
            builder.set_private_key(&identity.key)?;
            builder.check_private_key()?;
        }
        if let Some(ciphers) = &self.ciphers {
            builder.set_cipher_list(ciphers)?;
        }
        if let Some((lowest, highest)) = self.versions {
            builder.set_min_proto_version(Some(lowest))?;
            builder.set_max_proto_version(Some(highest))?;
        }
        Ok(builder.build())
    }
}

/// The authorities of a trust store, or else of the system, as DER; none where there is neither.
pub(super) fn authorities(java: &Props) -> Result<Vec<Vec<u8>>> {
    let of_system = || {
        let bundle = SYSTEM_CERTIFICATES.iter().find_map(|path| std::fs::read(path).ok()).unwrap_or_default();
        X509::stack_from_pem(&bundle).unwrap_or_default()
    };
    let trusted = store::trusted(java)?.unwrap_or_else(of_system);
    Ok(trusted.iter().filter_map(|certificate| certificate.to_der().ok()).collect())
}

fn chain_pem(certificates: &[X509]) -> Result<String, ErrorStack> {
    let mut text = String::new();
    for certificate in certificates {
        text.push_str(&String::from_utf8_lossy(&certificate.to_pem()?));
    }
    Ok(text)
}

/// Java names suites as the standard does. Those of TLS 1.3 can't be chosen one by one and stay as they are.
fn ciphers(java: &str) -> Option<String> {
    let names = java.split(',').map(str::trim).filter(|name| name.contains("_WITH_"));
    let known: Vec<&str> = names.map(openssl::ssl::cipher_name).filter(|name| *name != "(NONE)").collect();
    (!known.is_empty()).then(|| known.join(":"))
}

/// The lowest and the highest of the protocols that Java is allowed.
fn versions(java: &str) -> Option<(SslVersion, SslVersion)> {
    let given: Vec<&str> = java.split(',').map(str::trim).collect();
    let rising = [
        ("TLSv1", SslVersion::TLS1),
        ("TLSv1.1", SslVersion::TLS1_1),
        ("TLSv1.2", SslVersion::TLS1_2),
        ("TLSv1.3", SslVersion::TLS1_3),
    ];
    let mut allowed = rising.into_iter().filter(|(name, _)| given.contains(name)).map(|(_, version)| version);
    let lowest = allowed.next()?;
    Some((lowest, allowed.next_back().unwrap_or(lowest)))
}

#[cfg(test)]
pub(super) mod samples;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_and_versions_are_taken_over_by_their_java_names() {
        let java = "TLS_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_NOT_WITH_ANY";
        assert_eq!(ciphers(java).as_deref(), Some("ECDHE-RSA-AES128-GCM-SHA256"));
        assert_eq!(ciphers("TLS_AES_128_GCM_SHA256"), None);
        assert_eq!(versions("TLSv1.3, TLSv1.2"), Some((SslVersion::TLS1_2, SslVersion::TLS1_3)));
        assert_eq!(versions("TLSv1.2"), Some((SslVersion::TLS1_2, SslVersion::TLS1_2)));
        assert_eq!(versions("SSLv3"), None);
    }
}
