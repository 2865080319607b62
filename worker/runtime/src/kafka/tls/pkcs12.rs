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
    pub(super) key: Option<PKey<Private>>,
    /// The certificate of the key, and those that vouch for it.
    pub(super) chain: Vec<X509>,
}

/// Opens a store; the error is why it can't be.
pub(super) fn read(bytes: &[u8], password: Option<&str>) -> Result<Opened, String> {
    let store = Pkcs12::from_der(bytes).map_err(|_| "it is neither JKS, nor PKCS12, nor PEM".to_owned())?;
    let password = password.unwrap_or_default();
    let opened: ParsedPkcs12_2 = with_old_ciphers(|| store.parse2(password)).map_err(|error| why(&error))?;
    // OpenSSL gives the others in the reverse of the file's order when a key is there, which Java writes upwards.
    let others: Vec<X509> = opened.ca.into_iter().flatten().collect();
    let chain = match opened.cert {
        Some(own) => upwards(own, others),
        None => others,
    };
    Ok(Opened { key: opened.pkey, chain })
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
            assert!(opened.key.is_some(), "{file}");
            let subjects: Vec<String> = opened.chain.iter().map(|x509| format!("{:?}", x509.subject_name())).collect();
            assert_eq!(subjects, ["[commonName = \"client\"]", "[commonName = \"authority\"]"], "{file}");
        }
        let trusted = read(&samples::bytes("truststore.p12"), Some("store-secret")).expect("keytool's store");
        assert_eq!((trusted.key.is_none(), trusted.chain.len()), (true, 1));
    }

    #[test]
    fn a_wrong_password_is_named_and_not_told() {
        let error = read(&samples::bytes("truststore.p12"), Some("guessed")).err();
        assert_eq!(error.as_deref(), Some("the password is wrong"));
        assert_eq!(read(b"no store", None).err().as_deref(), Some("it is neither JKS, nor PKCS12, nor PEM"));
    }
}
