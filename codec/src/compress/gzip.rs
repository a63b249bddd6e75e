//! Gzip: one RFC 1952 member out, one or more in.

use flate2::{Compress, Decompress, FlushCompress, FlushDecompress, Status};

use super::input::Input;
use super::output::Output;
use super::{Codec, Fault};

const WINDOW_BITS: u8 = 15;
/// The least room to offer the compressor; it holds the trailer in one go.
const STEP: usize = 4 * 1024;

/// Contexts are made when a direction is first used.
pub(super) struct Gzip {
    level: flate2::Compression,
    deflate: Option<Compress>,
    inflate: Option<Decompress>,
}

impl Gzip {
    pub(super) fn new(level: i32) -> Self {
        // Levels were checked to be -1 or 1 to 9.
        let level =
            u32::try_from(level).map_or_else(|_| Default::default(), flate2::Compression::new);
        Self {
            level,
            deflate: None,
            inflate: None,
        }
    }
}

impl Codec for Gzip {
    fn compress(&mut self, input: &mut Input<'_, '_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        let deflate = self
            .deflate
            .get_or_insert_with(|| Compress::new_gzip(self.level, WINDOW_BITS));
        deflate.reset();
        while let Some(mut piece) = input.next_piece() {
            while !piece.is_empty() {
                let before = deflate.total_in();
                out.reserve(STEP);
                deflate
                    .compress_vec(piece, out, FlushCompress::None)
                    .map_err(Fault::failed)?;
                let taken = (deflate.total_in() - before) as usize;
                piece = piece.get(taken..).unwrap_or_default();
            }
        }
        loop {
            out.reserve(STEP);
            match deflate
                .compress_vec(&[], out, FlushCompress::Finish)
                .map_err(Fault::failed)?
            {
                Status::StreamEnd => return Ok(()),
                Status::Ok | Status::BufError => {}
            }
        }
    }

    fn decompress(&mut self, input: &mut &[u8], out: &mut Output) -> Result<(), Fault> {
        let inflate = self
            .inflate
            .get_or_insert_with(|| Decompress::new_gzip(WINDOW_BITS));
        inflate.reset(true);
        loop {
            let (taken, given) = (inflate.total_in(), inflate.total_out());
            let limit = out.too_large();
            let room = out.up_to_some();
            let at_limit = room.is_empty();
            let status = inflate.decompress(input, room, FlushDecompress::None);
            let taken = (inflate.total_in() - taken) as usize;
            let given = (inflate.total_out() - given) as usize;
            *input = input.get(taken..).unwrap_or_default();
            out.advance(given);
            match status.map_err(Fault::failed)? {
                Status::StreamEnd if input.is_empty() => return Ok(()),
                // Members may follow one another.
                Status::StreamEnd => inflate.reset(true),
                _ if taken > 0 || given > 0 => {}
                _ if at_limit => return Err(limit),
                _ => return Err(Fault::Truncated),
            }
        }
    }
}
