//! Where lines go: the end of a file, or standard output.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    sync::Arc,
};

use crate::input::blocking;

/// A place that lines are appended to.
#[derive(Clone)]
pub(crate) enum Output {
    Stdout,
    File(Arc<File>),
}

/// Lines on their way. What was written of them before a failure is not written again.
#[derive(Default)]
pub(crate) struct Lines {
    pub(crate) text: String,
    written: usize,
    /// The last byte in the file is no end of a line, though the next to be written is the beginning of one.
    torn: bool,
}

impl Lines {
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Gives up what is not written yet; a line of which a part is written gets its end with the next.
    pub(crate) fn forget(&mut self) {
        if self.written > 0 {
            self.torn = !self.text.as_bytes()[..self.written].ends_with(b"\n");
        }
        self.text.clear();
        self.written = 0;
    }
}

impl Output {
    /// Opens a file to append to. A line that a killed worker left without an end gets one, so that no two records
    /// stand in one line.
    pub(crate) async fn open(path: String) -> io::Result<(Self, Lines)> {
        blocking(move || {
            let file = OpenOptions::new().append(true).create(true).open(&path)?;
            let torn = file.metadata()?.is_file() && torn(&path);
            Ok((Output::File(Arc::new(file)), Lines { torn, ..Lines::default() }))
        })
        .await
    }

    /// Writes all lines. After a failure it goes on where it was, with the lines that came back.
    pub(crate) async fn write(&self, mut lines: Lines) -> (Lines, io::Result<()>) {
        let output = self.clone();
        let work = move || {
            let result = match output {
                Output::Stdout => write_all(&mut io::stdout().lock(), &mut lines),
                Output::File(file) => write_all(&mut &*file, &mut lines),
            };
            if result.is_ok() {
                lines.forget();
            }
            Ok((lines, result))
        };
        blocking(work).await.unwrap_or_else(|error| (Lines::default(), Err(error)))
    }

    /// Waits until what was written outlives the machine; only a file can promise that.
    pub(crate) async fn sync(&self) -> io::Result<()> {
        match self {
            Output::Stdout => Ok(()),
            Output::File(file) => {
                let file = file.clone();
                blocking(move || if file.metadata()?.is_file() { file.sync_data() } else { Ok(()) }).await
            }
        }
    }
}

fn write_all(to: &mut impl Write, lines: &mut Lines) -> io::Result<()> {
    if lines.torn && !lines.is_empty() {
        to.write_all(b"\n")?;
        lines.torn = false;
    }
    while lines.written < lines.text.len() {
        match to.write(&lines.text.as_bytes()[lines.written..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => lines.written += written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    to.flush()
}

/// Whether the last line of a file has no end; a file that can't be read is taken as it is.
fn torn(path: &str) -> bool {
    let last = || -> io::Result<u8> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(-1))?;
        let mut byte = [0];
        file.read_exact(&mut byte)?;
        Ok(byte[0])
    };
    last().is_ok_and(|byte| byte != b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes some bytes, then fails once.
    struct Full {
        taken: Vec<u8>,
        room: usize,
    }

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let count = bytes.len().min(self.room);
            self.room -= count;
            self.taken.extend_from_slice(&bytes[..count]);
            Ok(count)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_repeats_and_loses_no_byte() {
        let mut disk = Full { taken: Vec::new(), room: 4 };
        let mut lines = Lines { text: "one\ntwo\n".into(), ..Lines::default() };
        assert_eq!(write_all(&mut disk, &mut lines).unwrap_err().kind(), io::ErrorKind::StorageFull);
        disk.room = 100;
        write_all(&mut disk, &mut lines).unwrap();
        assert_eq!(disk.taken, b"one\ntwo\n");
    }

    #[test]
    fn a_batch_that_was_given_up_leaves_no_line_joined_to_the_next() {
        let mut disk = Full { taken: Vec::new(), room: 5 };
        let mut lines = Lines { text: "one\ntwo\n".into(), ..Lines::default() };
        write_all(&mut disk, &mut lines).unwrap_err();
        lines.forget();
        disk.room = 100;
        lines.text.push_str("three\n");
        write_all(&mut disk, &mut lines).unwrap();
        assert_eq!(disk.taken, b"one\nt\nthree\n");
    }
}
