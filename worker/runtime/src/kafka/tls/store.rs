//! Where certificates and keys come from: a property, or a file whose bytes say what it is.
//!
//! `ssl.*.type` is not believed. Java's JKS opens PKCS12 files as well, and since Java 9 keytool writes PKCS12 unless
//! told otherwise, so files and their types have long parted.

use std::path::Path;

use connect_api::{Error, Props, Result};
use openssl::{pkey::PKey, x509::X509};

use super::{
    Identity,
    jks::{self, Jks},
    pem, pkcs12,
};

/// A bundle of all the world's authorities is a quarter of this.
const STORE_BYTES_MAX: u64 = 4 << 20;

/// The certificates of `ssl.truststore.*`, or none when there are no such properties.
pub(super) fn trusted(java: &Props) -> Result<Option<Vec<X509>>> {
    if let Some(text) = given(java, "ssl.truststore.certificates") {
        return pem::certificates(text, "ssl.truststore.certificates").map(Some);
    }
    let Some(path) = given(java, "ssl.truststore.location") else { return Ok(None) };
    let from = format!("ssl.truststore.location {path}");
    let bytes = read(path, "ssl.truststore.location")?;
    let password = given(java, "ssl.truststore.password");
    let certificates = match Form::of(&bytes) {
        Form::Pem => pem::certificates(&String::from_utf8_lossy(&bytes), &from)?,
        Form::Jks => {
            let store = jks::read(&bytes, password).map_err(|error| wrong(&from, &error))?;
            // As in Java, who is trusted with a key is trusted, but not whoever vouches for it.
            let own = store.keys.iter().filter_map(|key| key.chain.first());
            x509(store.trusted.iter().chain(own), &from)?
        }
        Form::Jceks => return Err(jceks(&from)),
        Form::Other => pkcs12::read(&bytes, password).map_err(|error| wrong(&from, &error))?.certificates(),
    };
    if certificates.is_empty() {
        return Err(wrong(&from, &"it holds no certificate to trust"));
    }
    Ok(Some(certificates))
}

/// The key and the certificates of `ssl.keystore.*`, or none when there are no such properties.
pub(super) fn identity(java: &Props) -> Result<Option<Identity>> {
    let key_password = given(java, "ssl.key.password");
    if let Some(text) = given(java, "ssl.keystore.key") {
        let chain = given(java, "ssl.keystore.certificate.chain")
            .ok_or_else(|| Error::config("ssl.keystore.key is given without ssl.keystore.certificate.chain"))?;
        return Ok(Some(Identity {
            key: pem::private_key(text, key_password, "ssl.keystore.key")?,
            chain: pem::certificates(chain, "ssl.keystore.certificate.chain")?,
        }));
    }
    let Some(path) = given(java, "ssl.keystore.location") else { return Ok(None) };
    let from = format!("ssl.keystore.location {path}");
    let bytes = read(path, "ssl.keystore.location")?;
    let password = given(java, "ssl.keystore.password");
    match Form::of(&bytes) {
        Form::Pem => {
            let text = String::from_utf8_lossy(&bytes);
            let key = pem::private_key(&text, key_password, &from)?;
            Ok(Some(Identity { key, chain: pem::certificates(&text, &from)? }))
        }
        Form::Jks => {
            let store = jks::read(&bytes, password).map_err(|error| wrong(&from, &error))?;
            let password = key_password.or(password).unwrap_or_default();
            from_jks(&store, password, &from).map(Some)
        }
        Form::Jceks => Err(jceks(&from)),
        Form::Other => {
            let store = pkcs12::read(&bytes, password.or(key_password)).map_err(|error| wrong(&from, &error))?;
            let (key, chain) = store.identity().ok_or_else(|| wrong(&from, &"it holds no private key"))?;
            Ok(Some(Identity { key, chain }))
        }
    }
}

fn from_jks(store: &Jks, password: &str, from: &str) -> Result<Identity> {
    let sealed = store.keys.first().ok_or_else(|| wrong(from, &"it holds no private key"))?;
    let der = sealed.open(password).map_err(|error| wrong(from, &error))?;
    let key = PKey::private_key_from_der(&der).map_err(|error| wrong(from, &error))?;
    Ok(Identity { key, chain: x509(&sealed.chain, from)? })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Pem,
    Jks,
    Jceks,
    /// PKCS12, or nothing we know.
    Other,
}

impl Form {
    fn of(bytes: &[u8]) -> Self {
        match bytes {
            bytes if bytes.starts_with(&jks::MAGIC) => Form::Jks,
            bytes if bytes.starts_with(&jks::MAGIC_JCEKS) => Form::Jceks,
            bytes if pem::is_pem(bytes) => Form::Pem,
            _ => Form::Other,
        }
    }
}

/// An empty value is none, as where a variable of the environment was left empty.
fn given<'a>(java: &'a Props, key: &str) -> Option<&'a str> {
    java.get(key).map(String::as_str).filter(|text| !text.trim().is_empty())
}

fn read(path: &str, setting: &str) -> Result<Vec<u8>> {
    let failed = |reason: &dyn std::fmt::Display| Error::config(format!("could not read {setting} {path}: {reason}"));
    let length = std::fs::metadata(Path::new(path)).map_err(|error| failed(&error))?.len();
    if length > STORE_BYTES_MAX {
        return Err(failed(&"no store is this large"));
    }
    std::fs::read(path).map_err(|error| failed(&error))
}

fn x509<'a>(certificates: impl IntoIterator<Item = &'a Vec<u8>>, from: &str) -> Result<Vec<X509>> {
    certificates.into_iter().map(|der| X509::from_der(der).map_err(|error| wrong(from, &error))).collect()
}

fn wrong(from: &str, reason: &dyn std::fmt::Display) -> Error {
    Error::config(format!("could not open {from}: {reason}"))
}

fn jceks(from: &str) -> Error {
    wrong(from, &"it is a JCEKS store; convert it (keytool -importkeystore -deststoretype PKCS12)")
}

#[cfg(test)]
mod tests {
    use super::{super::samples, *};

    fn props(pairs: &[(&str, &str)]) -> Props {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn each_form_of_trust_store_gives_the_same_certificate() {
        let [jks, p12, pem] =
            ["truststore.jks", "truststore.p12", "authority.pem"].map(|file| samples::path(file).display().to_string());
        let inline = samples::pem("authority.pem");
        let secret = ("ssl.truststore.password", "store-secret");
        for java in [
            props(&[("ssl.truststore.location", &jks), secret]),
            props(&[("ssl.truststore.location", &jks)]),
            // The type is not believed, and the default of Java is JKS.
            props(&[("ssl.truststore.location", &p12), secret, ("ssl.truststore.type", "JKS")]),
            props(&[("ssl.truststore.location", &pem), ("ssl.truststore.type", "PEM")]),
            props(&[("ssl.truststore.certificates", &inline), ("ssl.truststore.type", "PEM")]),
        ] {
            let found = trusted(&java).expect("a right store").expect("certificates");
            let names: Vec<String> = found.iter().map(|x509| format!("{:?}", x509.subject_name())).collect();
            assert_eq!(names, ["[commonName = \"authority\"]"], "{java:?}");
        }
        assert_eq!(trusted(&Props::new()).expect("nothing is wrong").map(|found| found.len()), None);
    }

    #[test]
    fn a_key_store_may_be_the_trust_store_too() {
        for (file, expected) in [("keystore.jks", &["client"][..]), ("keystore.p12", &["client", "authority"])] {
            let path = samples::path(file).display().to_string();
            let java = props(&[("ssl.truststore.location", &path), ("ssl.truststore.password", "store-secret")]);
            let found = trusted(&java).expect("a right store").expect("certificates");
            let names: Vec<String> = found.iter().map(|x509| format!("{:?}", x509.subject_name())).collect();
            let expected: Vec<String> = expected.iter().map(|name| format!("[commonName = \"{name}\"]")).collect();
            assert_eq!(names, expected, "{file}");
        }
    }

    #[test]
    fn each_form_of_key_store_gives_the_same_identity() {
        let [jks, p12, pem] =
            ["keystore.jks", "keystore.p12", "keystore.pem"].map(|file| samples::path(file).display().to_string());
        let (chain, key) = (samples::pem("chain.pem"), samples::pem("key-encrypted.pem"));
        let secret = ("ssl.keystore.password", "store-secret");
        let of_key = ("ssl.key.password", "key-secret");
        for java in [
            props(&[("ssl.keystore.location", &jks), secret, of_key]),
            props(&[("ssl.keystore.location", &p12), secret, ("ssl.key.password", "store-secret")]),
            props(&[("ssl.keystore.location", &pem), of_key]),
            props(&[("ssl.keystore.key", &key), ("ssl.keystore.certificate.chain", &chain), of_key]),
        ] {
            let found = identity(&java).expect("a right store").expect("an identity");
            let names: Vec<String> = found.chain.iter().map(|x509| format!("{:?}", x509.subject_name())).collect();
            assert_eq!(names, ["[commonName = \"client\"]", "[commonName = \"authority\"]"], "{java:?}");
            assert!(found.chain[0].public_key().expect("a key").public_eq(&found.key));
        }
    }

    #[test]
    fn what_is_wrong_with_a_store_is_said_without_its_password() {
        let jks = samples::path("truststore.jks").display().to_string();
        let check = |java: &Props, problem: &str| {
            let error = trusted(java).map(drop).and_then(|()| identity(java).map(drop)).expect_err(problem);
            assert_eq!(error.message(), problem);
        };
        check(
            &props(&[("ssl.truststore.location", &jks), ("ssl.truststore.password", "guessed")]),
            &format!("could not open ssl.truststore.location {jks}: the password is wrong, or the store is damaged"),
        );
        check(
            &props(&[("ssl.truststore.location", "/none.jks")]),
            "could not read ssl.truststore.location /none.jks: No such file or directory (os error 2)",
        );
        check(
            &props(&[("ssl.keystore.location", &jks), ("ssl.keystore.password", "store-secret")]),
            &format!("could not open ssl.keystore.location {jks}: it holds no private key"),
        );
        check(
            &props(&[("ssl.keystore.key", &samples::pem("key-encrypted.pem"))]),
            "ssl.keystore.key is given without ssl.keystore.certificate.chain",
        );
    }
}
