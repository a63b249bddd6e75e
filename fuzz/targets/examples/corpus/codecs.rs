//! Batches of every codec, and compressed data.

use std::error::Error;
use std::io;

use bytes::Bytes;
use milena_codec::{
    BatchBuilder, Compression, CompressionType, Compressor, HeaderRef, RecordRef, SealedBatch,
    Stamp,
};

use crate::Inputs;

pub(crate) fn write(seeds: &Inputs<'_>) -> io::Result<()> {
    let mut together = Vec::new();
    for codec in CompressionType::ALL {
        let (batch, plain, compressed) = sample(codec).map_err(io::Error::other)?;
        let wire = batch.encode(Stamp {
            producer_id: 9,
            producer_epoch: 1,
            base_sequence: 4,
            transactional: false,
        });
        let wire = wire.concat();
        together.extend_from_slice(&wire);
        seeds.add("batch", codec.name(), &[&[1, 16], &wire[..]].concat())?;
        let without_crc = [&[2, 10], &wire[..]].concat();
        seeds.add("batch", &format!("{codec}-without-crc"), &without_crc)?;
        let data = |bytes: &[u8]| [&[codec as u8, 14], bytes].concat();
        seeds.add("decompress", codec.name(), &data(&compressed))?;
        seeds.add("decompress", &format!("{codec}-plain"), &data(&plain))?;
        let bomb = [&[codec as u8, 5], &compressed[..]].concat();
        seeds.add("decompress", &format!("{codec}-limit"), &bomb)?;
        let zeros = compressed_by(codec, &[0; 1 << 14]).map_err(io::Error::other)?;
        let zeros = [&[codec as u8, 14], &zeros[..]].concat();
        seeds.add("decompress", &format!("{codec}-zeros"), &zeros)?;
        decoders(seeds, codec, &compressed)?;
        levels(seeds, codec)?;
    }
    together.truncate(together.len() - 9);
    seeds.add("batch", "several", &[&[0, 16], &together[..]].concat())
}

/// What a crate itself reads, in one piece and in small ones.
fn decoders(seeds: &Inputs<'_>, codec: CompressionType, compressed: &[u8]) -> io::Result<()> {
    let (kind, data) = match codec {
        CompressionType::None => return Ok(()),
        CompressionType::Gzip => (0, compressed),
        // Behind the frame's header and the first block's length.
        CompressionType::Snappy => (1, &compressed[16 + 4..]),
        CompressionType::Lz4 => (2, &compressed[7 + 4..compressed.len() - 4]),
        CompressionType::Zstd => (3, compressed),
    };
    let whole = [&[kind, 16, 0], data].concat();
    seeds.add("decoders", codec.name(), &whole)?;
    let cut = [&[kind, 16, 3, 0, 200, 6], data].concat();
    seeds.add("decoders", &format!("{codec}-cut"), &cut)?;
    let limited = [&[kind, 5, 0], data].concat();
    seeds.add("decoders", &format!("{codec}-limit"), &limited)
}

/// A short text many times, a long one once, and noise.
fn levels(seeds: &Inputs<'_>, codec: CompressionType) -> io::Result<()> {
    let text = b"the quick brown fox jumps over the lazy dog, and over the lazy cat".as_slice();
    let noise: Vec<u8> = (0..2000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    for level in [1, 3, 6, 9, 12, 17] {
        let name = |what| format!("{codec}-{level}-{what}");
        let header = |sizes: &[u8], times| {
            let sizes = [&[sizes.len() as u8], sizes].concat();
            [&[codec as u8, level], &sizes[..], &[times]].concat()
        };
        let repeated = [&header(&[3, 20, 255], 255), text].concat();
        seeds.add("compress", &name("repeated"), &repeated)?;
        let noisy = [&header(&[], 60), &noise[..]].concat();
        seeds.add("compress", &name("noise"), &noisy)?;
        let once = [&header(&[1, 1], 0), text].concat();
        seeds.add("compress", &name("once"), &once)?;
    }
    Ok(())
}

type Anything<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn compressed_by(codec: CompressionType, plain: &[u8]) -> Anything<Vec<u8>> {
    let mut out = Vec::new();
    Compressor::new(Compression::of(codec))?.compress([plain].into_iter(), &mut out)?;
    Ok(out)
}

/// A batch, some plain data, and the same compressed.
fn sample(codec: CompressionType) -> Anything<(SealedBatch, Bytes, Vec<u8>)> {
    let mut builder = BatchBuilder::new(1 << 16);
    let headers = [HeaderRef {
        key: "trace",
        value: None,
    }];
    let text = "again and again and again, ".repeat(3);
    for n in 0..4 {
        let record = RecordRef {
            timestamp: 1_700_000_000_000 - 40 * n,
            key: (n % 2 == 0).then_some("key".into()),
            value: Some(text.as_str().into()),
            headers: &headers,
        };
        builder.append(builder.cost(&record))?;
    }
    let mut batch = builder.seal();
    let plain = Bytes::from(text.repeat(8));
    let compressed = compressed_by(codec, &plain)?;
    batch.compress(&mut Compressor::new(Compression::of(codec))?)?;
    Ok((batch, plain, compressed))
}
