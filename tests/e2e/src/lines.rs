//! Files whose lines a source reads while they grow.

use std::{fs::OpenOptions, io::Write, path::Path};

/// Writes behind what the file has, and makes it where it is not there. Writing all of it anew would leave it empty for a
/// moment, of which a source that has read on warns.
pub fn append(file: &Path, text: &str) {
    let file = OpenOptions::new().create(true).append(true).open(file);
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("the test's file can be written");
}
