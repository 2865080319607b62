//! TLS by Kafka's names: which certificates to trust and which to show.

use connect_api::Password;
use reqwest::{Certificate, ClientBuilder, Identity, tls::Version};

use crate::config::HttpsConfig;

/// What is wrong with the settings, as a sentence for the user.
pub(crate) fn check(config: &HttpsConfig) -> Result<(), String> {
    apply(config, reqwest::Client::builder()).map(drop)
}

/// Makes a client trust and show what the settings say.
pub(crate) fn apply(config: &HttpsConfig, mut builder: ClientBuilder) -> Result<ClientBuilder, String> {
    if let Some(pem) = trusted(config)? {
        let certificates = Certificate::from_pem_bundle(&pem).map_err(|_| {
            "The truststore ('elastic.https.ssl.truststore.*') holds no readable PEM certificate.".to_owned()
        })?;
        // Only these: whoever names certificates does not want those of the public authorities.
        builder = builder.tls_built_in_root_certs(false);
        for certificate in certificates {
            builder = builder.add_root_certificate(certificate);
        }
    }
    if let Some(pem) = shown(config)? {
        let identity = Identity::from_pem(&pem).map_err(|_| {
            "The keystore ('elastic.https.ssl.keystore.*') must hold a PEM certificate and an unencrypted PEM private \
             key; make one with: openssl pkcs8 -topk8 -nocrypt -in key.pem -out plain-key.pem"
                .to_owned()
        })?;
        builder = builder.identity(identity);
    }
    if config.host_check.is_empty() {
        builder = builder.danger_accept_invalid_hostnames(true);
    }
    let modern_only = !config.enabled_protocols.is_empty()
        && config.enabled_protocols.iter().all(|version| version.eq_ignore_ascii_case("TLSv1.3"));
    Ok(builder.min_tls_version(if modern_only { Version::TLS_1_3 } else { Version::TLS_1_2 }))
}

fn trusted(config: &HttpsConfig) -> Result<Option<Vec<u8>>, String> {
    match (&config.truststore_certificates, &config.truststore) {
        (Some(pem), _) => Ok(Some(pem.reveal().as_bytes().to_vec())),
        (None, Some(path)) => store(path, "truststore", &config.truststore_type).map(Some),
        (None, None) => Ok(None),
    }
}

fn shown(config: &HttpsConfig) -> Result<Option<Vec<u8>>, String> {
    let pem = match (&config.keystore_chain, &config.keystore_key, &config.keystore) {
        (Some(chain), Some(key), _) => format!("{}\n{}\n", chain.reveal(), key.reveal()).into_bytes(),
        (None, None, Some(path)) => store(path, "keystore", &config.keystore_type)?,
        (None, None, None) => return Ok(None),
        _ => {
            return Err("Both 'elastic.https.ssl.keystore.certificate.chain' and 'elastic.https.ssl.keystore.key' \
                        must be set, or neither."
                .to_owned());
        }
    };
    let encrypted = config.key_password.as_ref().map(Password::reveal).is_some_and(|text| !text.is_empty())
        && contains(&pem, b"ENCRYPTED");
    if encrypted {
        return Err("The private key is encrypted, which is not supported; decrypt it with: \
                    openssl pkcs8 -topk8 -nocrypt -in key.pem -out plain-key.pem"
            .to_owned());
    }
    Ok(Some(pem))
}

/// Reads a store and says how to convert one that is no PEM file.
fn store(path: &str, kind: &str, ty: &str) -> Result<Vec<u8>, String> {
    let setting = format!("elastic.https.ssl.{kind}.location");
    let bytes = std::fs::read(path).map_err(|error| format!("'{setting}': could not read {path}: {error}."))?;
    if contains(&bytes, b"-----BEGIN ") {
        return Ok(bytes);
    }
    const JKS: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
    let keys = if kind == "keystore" { "-nodes" } else { "-nokeys" };
    let from_pkcs12 = |p12: &str| format!("openssl pkcs12 -in {p12} {keys} -out {kind}.pem");
    Err(if bytes.starts_with(&JKS) {
        format!(
            "'{setting}': {path} is a JKS file and only PEM is read. Convert it with: \
             keytool -importkeystore -srckeystore {path} -destkeystore {kind}.p12 -deststoretype PKCS12 && {}",
            from_pkcs12(&format!("{kind}.p12"))
        )
    } else if bytes.first() == Some(&0x30) {
        format!("'{setting}': {path} is a PKCS12 file and only PEM is read. Convert it with: {}", from_pkcs12(path))
    } else {
        format!("'{setting}': {path} is no PEM file ('elastic.https.ssl.{kind}.type' is {ty}; only PEM is read).")
    })
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
