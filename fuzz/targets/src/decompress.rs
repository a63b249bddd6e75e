//! Arbitrary bytes as compressed data.

use bytes::Bytes;
use milena_codec::{
    CodecError, Compression, CompressionType, Compressor, Decompressor, Fault, Limits,
};

use crate::input::Input;
use crate::memory::{Bound, measured};

/// Compressed data: codec, limit as a power of two, data.
///
/// The output never goes beyond the limit, nor memory beyond what follows from it; a decompressor that has seen other
/// data comes to the same verdict as a fresh one; what came out goes in and comes out again; and the same bytes, taken as
/// plain data, survive the codec.
pub fn decompress(data: &[u8]) {
    let mut input = Input::new(data);
    let Some(codec) = CompressionType::from_bits(input.byte()) else {
        return;
    };
    let limits = Limits {
        max_decompressed: 1 << input.below(21),
    };
    let data = Bytes::copy_from_slice(input.rest());
    let mut decompressor = Decompressor::new(limits);
    let (first, peak) = measured(|| decompressor.decompress(codec, &data));
    Bound::of_decompression(codec, limits)
        .hold(peak, data.len(), || format!("{codec}, {limits:?}"));
    match &first {
        Ok(output) if codec != CompressionType::None => {
            assert!(
                output.len() <= limits.max_decompressed,
                "{codec}: {} bytes for {limits:?}",
                output.len()
            );
            assert_eq!(
                round_trip(codec, output, &mut decompressor).as_ref(),
                Ok(output)
            );
        }
        Ok(output) => assert_eq!(*output, data),
        Err(error) => {
            assert_eq!(error.codec, codec);
            assert!(error.fault != Fault::Unavailable, "{error}");
        }
    }
    let again = decompressor.decompress(codec, &data);
    assert_eq!(verdict(&again), verdict(&first), "a used decompressor");
    let fresh = Decompressor::new(limits).decompress(codec, &data);
    assert_eq!(verdict(&fresh), verdict(&first), "a fresh decompressor");
    if data.len() <= limits.max_decompressed {
        let came_out = round_trip(codec, &data, &mut decompressor);
        assert_eq!(came_out, Ok(data), "{codec}: plain data");
    }
}

/// What came out, or the kind of fault. The words of a dependency's fault depend on how the output was cut: where it ends
/// just before the fault, zlib-rs names the cause to nobody, and says afterwards that the stream is in a bad state.
fn verdict(outcome: &Result<Bytes, CodecError>) -> Result<&Bytes, CodecError> {
    outcome.as_ref().map_err(|error| {
        let mut error = error.clone();
        if let Fault::Failed(words) = &mut error.fault {
            *words = Box::default();
        }
        error
    })
}

fn round_trip(
    codec: CompressionType,
    plain: &Bytes,
    decompressor: &mut Decompressor,
) -> Result<Bytes, CodecError> {
    let mut compressed = Vec::new();
    let mut compressor = Compressor::new(Compression::of(codec))?;
    let (front, back) = plain.split_at(plain.len() / 3);
    compressor.compress([front, back].into_iter(), &mut compressed)?;
    decompressor.decompress(codec, &compressed.into())
}
