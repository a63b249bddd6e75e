//! Snappy: the xerial framing out, as Java writes it; xerial or one raw block in.

use snap::raw::{Decoder, Encoder, decompress_len, max_compress_len};

use super::input::Input;
use super::output::Output;
use super::{Codec, Fault};

const MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
/// Magic, version 1, least compatible version 1.
const HEADER: [u8; 16] = [
    0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1,
];
/// Uncompressed bytes of a xerial block.
const BLOCK: usize = 32 * 1024;
/// No snappy element yields more than 64 bytes, and the shortest that does has 3.
const MAX_EXPANSION: usize = 22;

pub(super) struct Snappy {
    encoder: Encoder,
    decoder: Decoder,
}

impl Default for Snappy {
    fn default() -> Self {
        Self {
            encoder: Encoder::new(),
            decoder: Decoder::new(),
        }
    }
}

impl Codec for Snappy {
    fn compress(&mut self, input: &mut Input<'_, '_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        out.extend_from_slice(&HEADER);
        while let Some(block) = input.next_block(BLOCK) {
            let length_at = out.len();
            let block_at = length_at + 4;
            out.resize(block_at + max_compress_len(block.len()), 0);
            let room = out.get_mut(block_at..).unwrap_or_default();
            let len = self.encoder.compress(block, room).map_err(Fault::failed)?;
            out.truncate(block_at + len);
            if let Some(field) = out.get_mut(length_at..block_at) {
                field.copy_from_slice(&(len as u32).to_be_bytes());
            }
        }
        Ok(())
    }

    fn decompress(&mut self, input: &mut &[u8], out: &mut Output) -> Result<(), Fault> {
        let Some((header, rest)) = input.split_first_chunk::<{ HEADER.len() }>() else {
            return self.block(input, out);
        };
        if !header.starts_with(&MAGIC) {
            return self.block(input, out);
        }
        if header.get(8..12) == Some(&[0; 4]) {
            return Err(Fault::Corrupt("the xerial framing has version 0"));
        }
        *input = rest;
        while !input.is_empty() {
            let (len, blocks) = input.split_first_chunk().ok_or(Fault::Truncated)?;
            let len = u32::from_be_bytes(*len) as usize;
            let (block, later) = blocks.split_at_checked(len).ok_or(Fault::Truncated)?;
            self.block(block, out)?;
            *input = later;
        }
        Ok(())
    }
}

impl Snappy {
    fn block(&mut self, block: &[u8], out: &mut Output) -> Result<(), Fault> {
        let len = decompress_len(block).map_err(corrupt)?;
        if len > block.len().saturating_mul(MAX_EXPANSION) {
            return Err(Fault::Corrupt("a block claims more bytes than it can hold"));
        }
        let room = out.exactly(len)?;
        let written = self.decoder.decompress(block, room).map_err(corrupt)?;
        out.advance(written);
        Ok(())
    }
}

/// The decoder's complaint, without the codec's name in front.
fn corrupt(error: snap::Error) -> Fault {
    let text = error.to_string();
    Fault::failed(text.strip_prefix("snappy: ").unwrap_or(&text))
}
