//! PKCS#12 stores, opened by OpenSSL, also those of before 2021 whose ciphers it keeps apart.

use std::sync::OnceLock;

use openssl::{
    error::ErrorStack,
    pkcs12::{ParsedPkcs12_2, Pkcs12},
    pkey::{PKey, Private},
    provider::Provider,
    x509::X509,
};

/// What a store holds.
pub(super) struct Opened {
    key: Option<(PKey<Private>, X509)>,
    /// All other certificates, in no order that can be relied on.
    others: Vec<X509>,
}

impl Opened {
    /// The key with its certificate and those that vouch for it.
    pub(super) fn identity(self) -> Option<(PKey<Private>, Vec<X509>)> {
        let (key, own) = self.key?;
        Some((key, upwards(own, self.others)))
    }

    /// All certificates. Which of them only accompany a key can't be told, other than in JKS.
    pub(super) fn certificates(self) -> Vec<X509> {
        self.key.map(|(_, own)| own).into_iter().chain(self.others).collect()
    }
}

/// Opens a store; the error is why it can't be.
pub(super) fn read(bytes: &[u8], password: Option<&str>) -> Result<Opened, String> {
    let store = Pkcs12::from_der(bytes).map_err(|_| "it is neither JKS, nor PKCS12, nor PEM".to_owned())?;
    let password = password.unwrap_or_default();
    let opened: ParsedPkcs12_2 = with_old_ciphers(|| store.parse2(password)).map_err(|error| why(&error))?;
    let others: Vec<X509> = opened.ca.into_iter().flatten().collect();
    Ok(match (opened.pkey, opened.cert) {
        (Some(key), Some(own)) => Opened { key: Some((key, own)), others },
        (_, cert) => Opened { key: None, others: cert.into_iter().chain(others).collect() },
    })
}

/// A certificate and those that vouch for it, each followed by its issuer; what vouches for nobody is left out.
fn upwards(own: X509, mut others: Vec<X509>) -> Vec<X509> {
    let mut chain = vec![own];
    loop {
        let last = &chain[chain.len() - 1];
        let issues = |other: &X509| other.issued(last) == openssl::x509::X509VerifyResult::OK;
        match others.iter().position(issues) {
            Some(at) => chain.push(others.swap_remove(at)),
            None => return chain,
        }
    }
}

fn why(error: &ErrorStack) -> String {
    let wrong = error.errors().iter().filter_map(|error| error.reason()).any(|reason| reason.contains("mac verify"));
    if wrong { "the password is wrong".into() } else { format!("it can't be opened: {error}") }
}

/// Tries, and once more with RC2 and the like, which keytool and openssl used until a few years ago. They are taken in
/// only when a store needs them.
pub(super) fn with_old_ciphers<T>(work: impl Fn() -> Result<T, ErrorStack>) -> Result<T, ErrorStack> {
    static OLD: OnceLock<Option<Provider>> = OnceLock::new();
    let first = match work() {
        Ok(done) => return Ok(done),
        Err(error) => error,
    };
    let unknown = |error: &openssl::error::Error| error.reason().is_some_and(|reason| reason.contains("unsupported"));
    if !first.errors().iter().any(unknown) {
        return Err(first);
    }
    match OLD.get_or_init(|| Provider::try_load(None, "legacy", true).ok()) {
        Some(_) => work(),
        None => Err(first),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::samples, *};

    #[test]
    fn stores_of_keytool_new_and_old_are_opened() {
        for file in ["keystore.p12", "keystore-rc2.p12"] {
            let opened =
                read(&samples::bytes(file), Some("store-secret")).unwrap_or_else(|why| panic!("{file}: {why}"));
            let (_, chain) = opened.identity().unwrap_or_else(|| panic!("{file} has a key"));
            let subjects: Vec<String> = chain.iter().map(|x509| format!("{:?}", x509.subject_name())).collect();
            assert_eq!(subjects, ["[commonName = \"client\"]", "[commonName = \"authority\"]"], "{file}");
        }
        let trusted = read(&samples::bytes("truststore.p12"), Some("store-secret")).expect("keytool's store");
        assert_eq!((trusted.key.is_none(), trusted.certificates().len()), (true, 1));
    }

    #[test]
    fn a_wrong_password_is_named_and_not_told() {
        let error = read(&samples::bytes("truststore.p12"), Some("guessed")).err();
        assert_eq!(error.as_deref(), Some("the password is wrong"));
        assert_eq!(read(b"no store", None).err().as_deref(), Some("it is neither JKS, nor PKCS12, nor PEM"));
    }
}
