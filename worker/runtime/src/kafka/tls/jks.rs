//! Java's own key store format, JKS: a list of named certificates and sealed private keys.
//!
//! All numbers are big-endian. A store is the magic, a version, a count of entries and the entries, then the SHA-1 of
//! the password, a phrase of Sun's and all before it. A private key is sealed by Sun's KeyProtector: XOR with a chain of
//! SHA-1 over password and salt. Neither hides much; both tell a right password from a wrong one.

use openssl::sha::Sha1;

pub(super) const MAGIC: [u8; 4] = [0xFE, 0xED, 0xFE, 0xED];
pub(super) const MAGIC_JCEKS: [u8; 4] = [0xCE, 0xCE, 0xCE, 0xCE];
const PHRASE: &[u8] = b"Mighty Aphrodite";
const DIGEST: usize = 20;
/// The name of Sun's KeyProtector, 1.3.6.1.4.1.42.2.17.1.1, as DER has it.
const KEY_PROTECTOR: [u8; 10] = [0x2B, 0x06, 0x01, 0x04, 0x01, 0x2A, 0x02, 0x11, 0x01, 0x01];

/// What a store holds, certificates as DER.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Jks {
    pub(super) trusted: Vec<Vec<u8>>,
    pub(super) keys: Vec<SealedKey>,
}

/// A private key that needs its password, with its certificate and those that vouch for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SealedKey {
    sealed: Vec<u8>,
    pub(super) chain: Vec<Vec<u8>>,
}

/// Why a store can't be opened.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum JksError {
    #[error("it ends too early or is damaged")]
    Damaged,
    #[error("its version is unknown")]
    Version,
    #[error("the password is wrong, or the store is damaged")]
    Password,
    #[error("the password of the key is wrong")]
    KeyPassword,
    #[error("its private key is sealed in a way that only some Java versions know")]
    Protection,
}

/// Reads a store. Without a password, nothing shows whether it is whole, as in Java.
pub(super) fn read(bytes: &[u8], password: Option<&str>) -> Result<Jks, JksError> {
    let body_length = bytes.len().checked_sub(DIGEST).ok_or(JksError::Damaged)?;
    let (body, digest) = bytes.split_at(body_length);
    if let Some(password) = password {
        let mut sha = Sha1::new();
        sha.update(&utf16(password));
        sha.update(PHRASE);
        sha.update(body);
        if sha.finish() != digest {
            return Err(JksError::Password);
        }
    }
    let mut rest = body;
    if take(&mut rest, 4)? != MAGIC {
        return Err(JksError::Damaged);
    }
    let version = number(&mut rest)?;
    if !(1..=2).contains(&version) {
        return Err(JksError::Version);
    }
    let count = number(&mut rest)?;
    let mut store = Jks::default();
    // The count is the file's claim; each entry must be there, so the loop ends with the bytes.
    for _ in 0..count {
        let kind = number(&mut rest)?;
        text(&mut rest)?;
        take(&mut rest, 8)?;
        match kind {
            1 => {
                let sealed = block(&mut rest)?.to_vec();
                let length = number(&mut rest)?;
                let mut chain = Vec::new();
                for _ in 0..length {
                    chain.push(certificate(&mut rest, version)?);
                }
                store.keys.push(SealedKey { sealed, chain });
            }
            2 => store.trusted.push(certificate(&mut rest, version)?),
            _ => return Err(JksError::Damaged),
        }
    }
    Ok(store)
}

impl SealedKey {
    /// The key as PKCS#8.
    pub(super) fn open(&self, password: &str) -> Result<Vec<u8>, JksError> {
        let sealed = sealed_octets(&self.sealed)?;
        let inner = sealed.len().checked_sub(2 * DIGEST).ok_or(JksError::Damaged)?;
        let (salt, rest) = sealed.split_at(DIGEST);
        let (hidden, check) = rest.split_at(inner);
        let password = utf16(password);
        let mut key = Vec::with_capacity(inner);
        let mut mask = salt.to_vec();
        for part in hidden.chunks(DIGEST) {
            let mut sha = Sha1::new();
            sha.update(&password);
            sha.update(&mask);
            mask = sha.finish().to_vec();
            key.extend(part.iter().zip(&mask).map(|(hidden, mask)| hidden ^ mask));
        }
        let mut sha = Sha1::new();
        sha.update(&password);
        sha.update(&key);
        if sha.finish() == check { Ok(key) } else { Err(JksError::KeyPassword) }
    }
}

/// The octets of an `EncryptedPrivateKeyInfo`: a sequence of algorithm and octet string.
fn sealed_octets(der: &[u8]) -> Result<&[u8], JksError> {
    let mut outer = tagged(&mut &*der, 0x30)?;
    let mut algorithm = tagged(&mut outer, 0x30)?;
    if tagged(&mut algorithm, 0x06)? != KEY_PROTECTOR {
        return Err(JksError::Protection);
    }
    tagged(&mut outer, 0x04)
}

/// The content of the DER value at the front, which must have this tag.
fn tagged<'a>(rest: &mut &'a [u8], tag: u8) -> Result<&'a [u8], JksError> {
    if take(rest, 1)? != [tag] {
        return Err(JksError::Damaged);
    }
    let first = take(rest, 1)?[0];
    let length = match first {
        0..=0x7F => usize::from(first),
        // No key is longer than four bytes of length can say.
        0x81..=0x84 => {
            take(rest, usize::from(first & 0x7F))?.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte))
        }
        _ => return Err(JksError::Damaged),
    };
    take(rest, length)
}

fn certificate(rest: &mut &[u8], version: u32) -> Result<Vec<u8>, JksError> {
    if version == 2 {
        // The kind of certificate; there has never been another than X.509.
        text(rest)?;
    }
    Ok(block(rest)?.to_vec())
}

fn block<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], JksError> {
    let length = usize::try_from(number(rest)?).map_err(|_| JksError::Damaged)?;
    take(rest, length)
}

fn text<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], JksError> {
    let length = take(rest, 2)?.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte));
    take(rest, length)
}

fn number(rest: &mut &[u8]) -> Result<u32, JksError> {
    let bytes = take(rest, 4)?.try_into().map_err(|_| JksError::Damaged)?;
    Ok(u32::from_be_bytes(bytes))
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], JksError> {
    let (front, back) = rest.split_at_checked(count).ok_or(JksError::Damaged)?;
    *rest = back;
    Ok(front)
}

fn utf16(password: &str) -> Vec<u8> {
    password.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::samples, *};
    use proptest::prelude::*;

    #[test]
    fn a_store_of_keytool_is_read_and_its_key_opened() {
        let store = read(&samples::jks_keystore(), Some("store-secret")).expect("keytool's store");
        assert_eq!((store.trusted.len(), store.keys.len(), store.keys[0].chain.len()), (0, 1, 2));
        let key = store.keys[0].open("key-secret").expect("keytool's key");
        let key = openssl::pkey::PKey::private_key_from_der(&key).expect("a key");
        let own = openssl::x509::X509::from_der(&store.keys[0].chain[0]).expect("a certificate");
        assert!(own.public_key().expect("it has one").public_eq(&key));
        assert_eq!(store.keys[0].open("store-secret"), Err(JksError::KeyPassword));
        let trusted = read(&samples::jks_truststore(), None).expect("keytool's store");
        assert_eq!((trusted.trusted.len(), trusted.keys.len()), (1, 0));
    }

    #[test]
    fn a_wrong_password_and_damage_are_told_apart_as_far_as_they_can_be() {
        let bytes = samples::jks_truststore();
        assert_eq!(read(&bytes, Some("guess")), Err(JksError::Password));
        assert_eq!(read(&bytes[..bytes.len() - 1], Some("store-secret")), Err(JksError::Password));
        assert_eq!(read(&bytes[..10], None), Err(JksError::Damaged));
        assert_eq!(read(b"", None), Err(JksError::Damaged));
        let mut newer = bytes;
        newer[7] = 9;
        assert_eq!(read(&newer, None), Err(JksError::Version));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(tail in prop::collection::vec(any::<u8>(), 0..200), password in "[a-z]{0,4}") {
            let mut bytes = MAGIC.to_vec();
            bytes.extend(tail);
            if let Ok(store) = read(&bytes, None) {
                store.keys.iter().for_each(|key| drop(key.open(&password)));
            }
        }

        #[test]
        fn no_change_of_a_real_store_makes_it_panic(at in 0_usize..5000, byte: u8, cut in 0_usize..5000) {
            let mut bytes = samples::jks_keystore();
            let length = bytes.len();
            bytes[at % length] = byte;
            bytes.truncate(length - cut % length);
            if let Ok(store) = read(&bytes, None) {
                store.keys.iter().for_each(|key| drop(key.open("key-secret")));
            }
        }
    }
}
