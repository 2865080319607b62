//! PEM as Java's Kafka clients take it: also in one line, as it is left of a value that was continued over several.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use connect_api::{Error, Result};
use openssl::{
    pkey::{PKey, Private},
    x509::X509,
};

/// One `BEGIN`…`END` of a PEM text.
#[derive(Debug, PartialEq, Eq)]
struct Block<'a> {
    label: &'a str,
    der: Vec<u8>,
}

pub(super) fn is_pem(bytes: &[u8]) -> bool {
    bytes.windows(11).any(|window| window == b"-----BEGIN ")
}

/// All certificates of a text; `from` names it in the error.
pub(super) fn certificates(text: &str, from: &str) -> Result<Vec<X509>> {
    let mut certificates = Vec::new();
    for block in blocks(text, from)?.iter().filter(|block| block.label.ends_with("CERTIFICATE")) {
        let certificate = X509::from_der(&block.der);
        certificates
            .push(certificate.map_err(|error| Error::config(format!("{from} has a broken certificate: {error}")))?);
    }
    if certificates.is_empty() {
        return Err(Error::config(format!("{from} has no certificate in PEM form")));
    }
    Ok(certificates)
}

/// The first private key of a text.
pub(super) fn private_key(text: &str, password: Option<&str>, from: &str) -> Result<PKey<Private>> {
    let blocks = blocks(text, from)?;
    let block = blocks
        .iter()
        .find(|block| block.label.ends_with("PRIVATE KEY"))
        .ok_or_else(|| Error::config(format!("{from} has no private key in PEM form")))?;
    if block.label != "ENCRYPTED PRIVATE KEY" {
        return PKey::private_key_from_der(&block.der)
            .map_err(|error| Error::config(format!("{from} has a broken private key: {error}")));
    }
    let password = password.ok_or_else(|| {
        Error::config(format!("{from} has an encrypted private key, and there is no ssl.key.password"))
    })?;
    super::pkcs12::with_old_ciphers(|| PKey::private_key_from_pkcs8_passphrase(&block.der, password.as_bytes()))
        .map_err(|_| Error::config(format!("could not open the private key of {from}: ssl.key.password may be wrong")))
}

fn blocks<'a>(text: &'a str, from: &str) -> Result<Vec<Block<'a>>> {
    let broken = || Error::config(format!("{from} has a broken PEM block"));
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("-----BEGIN ") {
        let (label, after) = rest[at + 11..].split_once("-----").ok_or_else(broken)?;
        let (body, after) = after.split_once("-----END ").ok_or_else(broken)?;
        if body.contains("Proc-Type") {
            return Err(Error::config(format!(
                "{from} has a private key encrypted in OpenSSL's old way, which Java does not read either; \
                 convert it (openssl pkcs8 -topk8)"
            )));
        }
        let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
        blocks.push(Block { label, der: BASE64.decode(body).map_err(|_| broken())? });
        rest = after;
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::{super::samples, *};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_text_makes_it_panic(parts in prop::collection::vec("-----(BEGIN|END) |(CERTIFICATE|PRIVATE KEY)-----|[A-Za-z0-9+/= \n-]{0,9}|é", 0..12)) {
            let text = parts.concat();
            drop((certificates(&text, "x"), private_key(&text, Some("p"), "x")));
        }
    }

    #[test]
    fn a_chain_may_stand_in_one_line() {
        let text = samples::pem("chain.pem");
        let line = text.replace('\n', "");
        assert_eq!(certificates(&text, "x").expect("certificates").len(), 2);
        assert_eq!(blocks(&line, "x").expect("blocks"), blocks(&text, "x").expect("blocks"));
    }

    #[test]
    fn an_encrypted_key_needs_its_password_and_the_error_does_not_tell_it() {
        let text = samples::pem("key-encrypted.pem");
        private_key(&text, Some("key-secret"), "ssl.keystore.key").expect("the right password");
        let wrong = private_key(&text, Some("guessed"), "ssl.keystore.key").expect_err("a wrong password");
        assert_eq!(
            wrong.message(),
            "could not open the private key of ssl.keystore.key: ssl.key.password may be wrong"
        );
        let none = private_key(&text, None, "ssl.keystore.key").expect_err("no password");
        assert_eq!(none.message(), "ssl.keystore.key has an encrypted private key, and there is no ssl.key.password");
    }

    #[test]
    fn what_is_no_pem_is_refused() {
        for (text, problem) in [
            ("", "x has no certificate in PEM form"),
            ("-----BEGIN CERTIFICATE-----", "x has a broken PEM block"),
            ("-----BEGIN CERTIFICATE-----!-----END CERTIFICATE-----", "x has a broken PEM block"),
        ] {
            assert_eq!(certificates(text, "x").expect_err(text).message(), problem);
        }
    }
}
