//! Zstandard in pure Rust.

use rust_zstd::{CompressOptions, Compressor, Decompressor};

use super::input::Input;
use super::output::Output;
use super::{Codec, Fault, KEPT_SCRATCH, window};

/// Contexts are made when a direction is first used.
pub(super) struct Zstd {
    level: i32,
    encoder: Option<Compressor>,
    decoder: Option<Decompressor>,
}

impl Zstd {
    pub(super) const fn new(level: i32) -> Self {
        Self {
            level,
            encoder: None,
            decoder: None,
        }
    }
}

impl Codec for Zstd {
    fn compress(&mut self, input: &mut Input<'_, '_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        let encoder = self.encoder.get_or_insert_with(|| {
            Compressor::new(CompressOptions {
                level: self.level,
                ..CompressOptions::default()
            })
        });
        // In one go: streaming would gather the pieces too, and search them less well.
        let whole = input.next_block(input.left()).unwrap_or_default();
        encoder.compress(whole, out);
        Ok(())
    }

    fn decompress(&mut self, input: &mut &[u8], out: &mut Output) -> Result<(), Fault> {
        let result = self.decompress_frames(input, out);
        if out.filled().len() > KEPT_SCRATCH {
            // Its window has grown with the content.
            self.decoder = None;
        }
        result
    }
}

impl Zstd {
    fn decompress_frames(&mut self, input: &mut &[u8], out: &mut Output) -> Result<(), Fault> {
        // The streaming call stops where its output ends; decoding in one go has no limit. It
        // takes memory for what a frame decodes to, at most its window.
        let decoder = self.decoder.get_or_insert_with(Decompressor::new);
        decoder.reset();
        loop {
            window::check(input)?;
            // One frame.
            loop {
                let mut taken = 0;
                let limit = out.too_large();
                let room = out.up_to_some();
                let at_limit = room.is_empty();
                let mut given = 0;
                let left = decoder.decompress_stream(input, &mut taken, room, &mut given);
                out.advance(given);
                *input = input.get(taken..).unwrap_or_default();
                match left.map_err(Fault::failed)? {
                    0 => break,
                    _ if taken > 0 || given > 0 => {}
                    _ if at_limit => return Err(limit),
                    _ => return Err(Fault::Truncated),
                }
            }
            if input.is_empty() {
                return Ok(());
            }
        }
    }
}
