//! Lz4: the frame that Java writes, made by hand around the block API, and every frame that Java
//! reads.

mod chains;
mod high;
mod longest;
mod parse;
mod sequence;
mod suffixes;

use lz4_flex::block::{
    CompressTable, compress_into_with_table, decompress_into, get_maximum_output_size,
};
use twox_hash::XxHash32;

use super::input::Input;
use super::output::Output;
use super::{Codec, Fault};
use high::HighCompressor;

const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
/// Magic; version 1, independent blocks, no checksums, no content size; blocks of 64 KiB; the
/// header's checksum.
const HEADER: [u8; 7] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];
/// Uncompressed bytes of a block.
const BLOCK: usize = 64 * 1024;
/// The bit of a block's length that says: not compressed.
const STORED: u32 = 1 << 31;
/// The level that Kafka gives to the fast compressor.
const FAST: i32 = 9;

pub(super) struct Lz4 {
    level: i32,
    /// Made when it is first used.
    compressor: Option<BlockCompressor>,
}

impl Lz4 {
    pub(super) const fn new(level: i32) -> Self {
        Self {
            level,
            compressor: None,
        }
    }
}

enum BlockCompressor {
    Fast(CompressTable),
    High(HighCompressor),
}

impl BlockCompressor {
    fn new(level: i32) -> Self {
        match level {
            FAST => Self::Fast(CompressTable::large()),
            level => Self::High(HighCompressor::new(level)),
        }
    }

    /// Appends the compressed form of a block.
    fn compress(&mut self, block: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        let most = get_maximum_output_size(block.len());
        match self {
            Self::Fast(table) => {
                let at = out.len();
                out.resize(at + most, 0);
                let room = out.get_mut(at..).unwrap_or_default();
                let len = compress_into_with_table(block, room, table)
                    .map_err(|_| Fault::Corrupt("the block outgrew its upper bound"))?;
                out.truncate(at + len);
            }
            Self::High(compressor) => {
                out.reserve(most);
                compressor.compress(block, out);
            }
        }
        Ok(())
    }
}

impl Codec for Lz4 {
    fn compress(&mut self, input: &mut Input<'_, '_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        let level = self.level;
        let compressor = self
            .compressor
            .get_or_insert_with(|| BlockCompressor::new(level));
        out.extend_from_slice(&HEADER);
        while let Some(block) = input.next_block(BLOCK) {
            let length_at = out.len();
            let block_at = length_at + 4;
            out.extend_from_slice(&[0; 4]);
            compressor.compress(block, out)?;
            let len = out.len() - block_at;
            let field = if len < block.len() {
                len as u32
            } else {
                out.truncate(block_at);
                out.extend_from_slice(block);
                block.len() as u32 | STORED
            };
            if let Some(place) = out.get_mut(length_at..block_at) {
                place.copy_from_slice(&field.to_le_bytes());
            }
        }
        out.extend_from_slice(&[0; 4]);
        Ok(())
    }

    fn decompress(&mut self, input: &mut &[u8], out: &mut Output) -> Result<(), Fault> {
        Frame::parse(input, true)?.decompress(input, out)
    }

    /// Clients of that time computed the checksum in the frame's header over too much; it is not
    /// looked at.
    fn decompress_format_0(&mut self, input: &mut &[u8], out: &mut Output) -> Result<(), Fault> {
        Frame::parse(input, false)?.decompress(input, out)
    }
}

/// What a frame's header says.
struct Frame {
    block_max: usize,
    block_checksums: bool,
    content_size: Option<u64>,
    content_checksum: bool,
}

impl Frame {
    /// Decompresses what follows the header.
    fn decompress(&self, input: &mut &[u8], out: &mut Output) -> Result<(), Fault> {
        loop {
            let mut rest = *input;
            let field = take_u32(&mut rest)?;
            if field == 0 {
                *input = rest;
                return self.finish(rest, out.filled());
            }
            let len = (field & !STORED) as usize;
            if len > self.block_max {
                return Err(Fault::Corrupt("a block is longer than the frame allows"));
            }
            let (block, later) = rest.split_at_checked(len).ok_or(Fault::Truncated)?;
            rest = later;
            if self.block_checksums && take_u32(&mut rest)? != XxHash32::oneshot(0, block) {
                return Err(Fault::Corrupt("a block does not match its checksum"));
            }
            if field & STORED != 0 {
                out.exactly(len)?.copy_from_slice(block);
                out.advance(len);
            } else {
                let limit = out.too_large();
                let room = out.up_to(self.block_max);
                let short = room.len() < self.block_max;
                let written = decompress_into(block, room).map_err(|error| match error {
                    lz4_flex::block::DecompressError::OutputTooSmall { .. } if short => limit,
                    _ => Fault::Corrupt("a block is no lz4 block"),
                })?;
                out.advance(written);
            }
            *input = rest;
        }
    }

    /// Takes the header off the front of `input`.
    fn parse(input: &mut &[u8], verify: bool) -> Result<Self, Fault> {
        let Some((magic, mut rest)) = input.split_first_chunk::<4>() else {
            return Err(Fault::Truncated);
        };
        if *magic != MAGIC {
            return Err(Fault::Corrupt("no lz4 frame: the magic number is missing"));
        }
        let described = rest;
        let [flags, blocks] = *take(&mut rest)?;
        if flags >> 6 != 1 {
            return Err(Fault::Corrupt("the frame's version is not 1"));
        }
        if flags & 0x20 == 0 {
            return Err(Fault::Corrupt(
                "blocks depend on one another, which Kafka does not allow",
            ));
        }
        if flags & 0x02 != 0 || blocks & 0x8f != 0 {
            return Err(Fault::Corrupt(
                "a reserved bit is set in the frame's header",
            ));
        }
        if flags & 0x01 != 0 {
            return Err(Fault::Corrupt("the frame needs a dictionary"));
        }
        let block_max = match blocks >> 4 {
            size @ 4..=7 => 1 << (8 + 2 * size),
            _ => return Err(Fault::Corrupt("the frame's block size is none of 4 to 7")),
        };
        let content_size = match flags & 0x08 {
            0 => None,
            _ => Some(u64::from_le_bytes(*take(&mut rest)?)),
        };
        let described = described
            .get(..described.len() - rest.len())
            .unwrap_or_default();
        let [checksum] = *take(&mut rest)?;
        if verify && checksum != (XxHash32::oneshot(0, described) >> 8) as u8 {
            return Err(Fault::Corrupt(
                "the frame's header does not match its checksum",
            ));
        }
        *input = rest;
        Ok(Self {
            block_max,
            block_checksums: flags & 0x10 != 0,
            content_size,
            content_checksum: flags & 0x04 != 0,
        })
    }

    /// Checks what stands behind the last block.
    fn finish(&self, mut rest: &[u8], content: &[u8]) -> Result<(), Fault> {
        if self
            .content_size
            .is_some_and(|size| size != content.len() as u64)
        {
            return Err(Fault::Corrupt(
                "the content is not as long as the frame's header says",
            ));
        }
        if self.content_checksum && take_u32(&mut rest)? != XxHash32::oneshot(0, content) {
            return Err(Fault::Corrupt("the content does not match its checksum"));
        }
        if rest.is_empty() {
            Ok(())
        } else {
            Err(Fault::Corrupt("bytes follow the end of the frame"))
        }
    }
}

fn take<'a, const N: usize>(input: &mut &'a [u8]) -> Result<&'a [u8; N], Fault> {
    let (taken, rest) = input.split_first_chunk().ok_or(Fault::Truncated)?;
    *input = rest;
    Ok(taken)
}

fn take_u32(input: &mut &[u8]) -> Result<u32, Fault> {
    take(input).map(|bytes| u32::from_le_bytes(*bytes))
}
