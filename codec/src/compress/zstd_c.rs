//! Zstandard by the C library, when the feature `zstd-c` asks for it.

use zstd::stream::raw::{Decoder, Encoder, InBuffer, Operation, OutBuffer};

use super::input::Input;
use super::output::Output;
use super::{Codec, Fault, window};

/// The least room to offer the compressor.
const STEP: usize = 16 * 1024;

/// Contexts are made when a direction is first used.
pub(super) struct Zstd {
    level: i32,
    encoder: Option<Encoder<'static>>,
    decoder: Option<Decoder<'static>>,
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

fn slot<T>(
    slot: &mut Option<T>,
    make: impl FnOnce() -> std::io::Result<T>,
) -> Result<&mut T, Fault> {
    if slot.is_none() {
        *slot = Some(make().map_err(Fault::failed)?);
    }
    slot.as_mut().ok_or(Fault::Unavailable)
}

impl Codec for Zstd {
    fn compress(&mut self, input: &mut Input<'_, '_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        let encoder = slot(&mut self.encoder, || Encoder::new(self.level))?;
        encoder.reinit().map_err(Fault::failed)?;
        encoder
            .set_pledged_src_size(Some(input.left() as u64))
            .map_err(Fault::failed)?;
        while let Some(piece) = input.next_piece() {
            let mut piece = InBuffer::around(piece);
            while piece.pos() < piece.src.len() {
                out.reserve(STEP);
                let end = out.len();
                let mut room = OutBuffer::around_pos(&mut *out, end);
                encoder.run(&mut piece, &mut room).map_err(Fault::failed)?;
            }
        }
        loop {
            out.reserve(STEP);
            let end = out.len();
            let mut room = OutBuffer::around_pos(&mut *out, end);
            if encoder.finish(&mut room, true).map_err(Fault::failed)? == 0 {
                return Ok(());
            }
        }
    }

    fn decompress(&mut self, input: &mut &[u8], out: &mut Output) -> Result<(), Fault> {
        let decoder = slot(&mut self.decoder, Decoder::new)?;
        decoder.reinit().map_err(Fault::failed)?;
        let (mut at_start, mut ended) = (true, false);
        while !input.is_empty() || !ended {
            if at_start {
                window::check(input)?;
            }
            let mut piece = InBuffer::around(input);
            let limit = out.too_large();
            let room = out.up_to_some();
            let at_limit = room.is_empty();
            let mut room = OutBuffer::around(room);
            let left = decoder.run(&mut piece, &mut room);
            let (taken, given) = (piece.pos(), room.pos());
            out.advance(given);
            *input = input.get(taken..).unwrap_or_default();
            ended = left.map_err(Fault::failed)? == 0;
            at_start = ended;
            if !ended && taken == 0 && given == 0 {
                return Err(if at_limit { limit } else { Fault::Truncated });
            }
        }
        Ok(())
    }
}
