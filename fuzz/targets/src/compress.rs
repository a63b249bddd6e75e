//! Arbitrary data through a codec at any of its levels, and back.

use bytes::Bytes;
use milena_codec::{Compression, CompressionType, Compressor, Decompressor, Limits};

use crate::input::Input;

/// As much as a few blocks of any codec, and little enough for its slowest level.
const MAX_LEN: usize = 160 << 10;

/// Codec, level, sizes of the pieces that the data comes in, how often it is repeated, data.
///
/// What is compressed comes out again, in the memory that its size allows; a compressor that has been used writes the
/// same as a fresh one, and pieces the same as the whole.
pub fn compress(data: &[u8]) {
    let mut input = Input::new(data);
    let Some(codec) = CompressionType::from_bits(input.byte()) else {
        return;
    };
    let level = i32::from(input.byte().cast_signed());
    let compression = Compression::of(codec);
    let compression = compression.with_level(level).unwrap_or(compression);
    let sizes = input.some();
    let times = 1 + usize::from(input.byte());
    let piece = input.rest();
    let len = (piece.len() * times).min(MAX_LEN);
    let plain: Vec<u8> = piece.iter().copied().cycle().take(len).collect();

    let mut compressor = Compressor::new(compression).expect("all codecs are built in");
    let cut = write(&mut compressor, cut(&plain, sizes).into_iter());
    let whole = write(&mut compressor, [&plain[..]].into_iter());
    let mut fresh = Compressor::new(compression).expect("all codecs are built in");
    let again = write(&mut fresh, [&plain[..]].into_iter());
    assert_eq!(whole, again, "{compression:?}: a used compressor");
    let limits = Limits {
        max_decompressed: plain.len(),
    };
    for compressed in [cut, whole] {
        let read = Decompressor::new(limits).decompress(codec, &compressed);
        assert_eq!(read.as_deref(), Ok(&plain[..]), "{compression:?}");
    }
}

fn write<'a>(compressor: &mut Compressor, pieces: impl Iterator<Item = &'a [u8]> + Clone) -> Bytes {
    let mut out = Vec::new();
    compressor
        .compress(pieces, &mut out)
        .expect("any data can be compressed");
    out.into()
}

/// Pieces of these sizes, the last one as large as it is.
fn cut<'a>(mut plain: &'a [u8], sizes: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for size in sizes {
        // Up to 64 KiB in steps that also have the small sizes.
        let size = usize::from(*size) * usize::from(*size);
        let (piece, rest) = plain.split_at(size.min(plain.len()));
        pieces.push(piece);
        plain = rest;
    }
    pieces.push(plain);
    pieces
}
