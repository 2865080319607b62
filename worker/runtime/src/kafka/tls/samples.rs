//! Stores of keytool and openssl for tests; `tests/tls/make.sh` made them.

use std::path::{Path, PathBuf};

pub(in crate::kafka) fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(file)
}

pub(in crate::kafka) fn bytes(file: &str) -> Vec<u8> {
    std::fs::read(path(file)).expect("a file of this repository")
}

pub(in crate::kafka) fn pem(file: &str) -> String {
    String::from_utf8(bytes(file)).expect("PEM is ASCII")
}

pub(super) fn jks_keystore() -> Vec<u8> {
    bytes("keystore.jks")
}

pub(super) fn jks_truststore() -> Vec<u8> {
    bytes("truststore.jks")
}
