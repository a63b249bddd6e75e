//! Lines of an input that is read on a thread of its own, so that waiting for it holds nothing up.

use std::{io::Read, thread};

use anyhow::{Context, bail};
use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

/// Bytes asked for in one read.
const READ: usize = 64 << 10;
/// Blocks that are read ahead.
const AHEAD: usize = 4;
/// Bytes of a line that is surely a mistake: no broker takes such a record.
const LONGEST: usize = 256 << 20;

/// Whole lines, each with its newline; at the end of the input the last one may lack it.
pub(crate) type Block = Bytes;

/// Reads `input` to its end. What has come of it is handed over with each read, never held back for more.
pub(crate) fn read(input: impl Read + Send + 'static) -> mpsc::Receiver<anyhow::Result<Block>> {
    let (blocks, received) = mpsc::channel(AHEAD);
    thread::spawn(move || {
        if let Err(error) = copy(input, |block| blocks.blocking_send(Ok(block)).is_ok()) {
            let _ = blocks.blocking_send(Err(error));
        }
    });
    received
}

/// Hands blocks to `give` until it does not want more.
fn copy(mut input: impl Read, mut give: impl FnMut(Block) -> bool) -> anyhow::Result<()> {
    let mut scratch = vec![0; READ];
    let mut pending = BytesMut::new();
    loop {
        let length = match input.read(&mut scratch) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).context("standard input cannot be read"),
        };
        let fresh = scratch.get(..length).unwrap_or_default();
        let complete = fresh
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map(|at| pending.len() + at + 1);
        pending.extend_from_slice(fresh);
        if let Some(complete) = complete {
            if !give(pending.split_to(complete).freeze()) {
                return Ok(());
            }
        } else if pending.len() > LONGEST {
            bail!("a line is longer than {LONGEST} bytes");
        }
    }
    if !pending.is_empty() {
        give(pending.freeze());
    }
    Ok(())
}

/// The lines of a block, without their newlines. A carriage return before a newline is part of the line.
pub(crate) fn split(block: &Block) -> impl Iterator<Item = &[u8]> {
    let body = block.strip_suffix(b"\n").unwrap_or(block);
    body.split(|byte| *byte == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its pieces one read at a time.
    struct Pieces(Vec<&'static [u8]>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let piece = self.0.remove(0);
            buffer[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    fn lines(pieces: &[&'static [u8]]) -> Vec<Vec<Vec<u8>>> {
        let mut blocks = Vec::new();
        copy(Pieces(pieces.to_vec()), |block| {
            blocks.push(split(&block).map(<[u8]>::to_vec).collect());
            true
        })
        .unwrap();
        blocks
    }

    #[test]
    fn lines_come_as_soon_as_they_are_whole() {
        let found = lines(&[b"a\nb", b"c", b"\nd\n"]);
        assert_eq!(
            found,
            [vec![b"a".to_vec()], vec![b"bc".to_vec(), b"d".to_vec()]]
        );
    }

    #[test]
    fn an_empty_line_is_a_line_and_the_last_newline_is_optional() {
        assert_eq!(
            lines(&[b"a\n\nb"]).concat(),
            [b"a".to_vec(), b"".to_vec(), b"b".to_vec()]
        );
        assert_eq!(lines(&[b"\n"]).concat(), [b"".to_vec()]);
        assert!(lines(&[]).is_empty());
    }

    #[test]
    fn bytes_are_kept_as_they_are() {
        assert_eq!(lines(&[b"\xff\0\r\n"]).concat(), [b"\xff\0\r".to_vec()]);
    }

    #[test]
    fn whoever_has_enough_ends_it() {
        let mut given = 0;
        copy(Pieces(vec![b"a\n", b"b\n"]), |_| {
            given += 1;
            false
        })
        .unwrap();
        assert_eq!(given, 1);
    }
}
