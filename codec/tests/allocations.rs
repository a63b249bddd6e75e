//! What appending allocates, where payloads come to lie, and what a bomb may cost.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

use allocation_counter::{AllocationInfo, measure};
use bytes::{Bytes, BytesMut};
use milena_codec::{
    BatchBuilder, Compression, CompressionType, Compressor, Decompressor, Fault, HeaderRef,
    LINK_THRESHOLD, Limits, Payload, RecordRef, Stamp,
};

const CHUNK: usize = 16 * 1024;

/// Fills one batch from the pool, sends it and takes its chunks back; counts what appending
/// allocates, and what all of it does.
fn cycle(pool: &mut Vec<BytesMut>, value: &[u8]) -> (u64, u64, AllocationInfo) {
    let headers = [HeaderRef {
        key: "trace",
        value: Some(b"0123456789".into()),
    }];
    let mut appending = 0;
    let mut records = 0;
    let all = measure(|| {
        let mut batch = BatchBuilder::new(4 * CHUNK);
        loop {
            let record = RecordRef {
                timestamp: 1_700_000_000_000 + records as i64,
                key: Some(b"some key".into()),
                value: Some(value.into()),
                headers: &headers,
            };
            let cost = batch.cost(&record);
            if !batch.has_room(&cost) {
                break;
            }
            let straddles = cost.chunk > 0;
            if straddles {
                batch.add_chunk(pool.pop().unwrap_or_else(|| BytesMut::with_capacity(CHUNK)));
            }
            let info = measure(|| assert!(batch.append(cost).is_ok()));
            // Going on to the next chunk may make room in the list of chunks.
            if !straddles {
                appending += info.count_total;
            }
            records += 1;
        }
        let sealed = batch.seal();
        drop(sealed.encode(Stamp::NONE));
        pool.extend(sealed.recycle());
    });
    (records, appending, all)
}

#[test]
fn appending_allocates_nothing() {
    let mut pool = Vec::with_capacity(16);
    cycle(&mut pool, &[7; 100]);
    let (records, appending, all) = cycle(&mut pool, &[7; 100]);
    assert!(records > 400);
    assert_eq!(appending, 0);
    // Lists and the header: work of the batch, not of the record.
    assert!(
        all.count_total <= 8,
        "{} allocations for {records} records",
        all.count_total
    );
    assert!(all.bytes_total < 2048, "{} bytes", all.bytes_total);
    assert_eq!(pool.len(), 4);
}

#[test]
fn the_first_record_allocates_nothing() {
    let record = RecordRef {
        value: Some(b"first".into()),
        ..RecordRef::default()
    };
    let chunk = BytesMut::with_capacity(CHUNK);
    let info = measure(|| {
        let mut batch = BatchBuilder::new(CHUNK);
        batch.add_chunk(chunk);
        assert!(batch.append(batch.cost(&record)).is_ok());
        std::mem::forget(batch);
    });
    assert_eq!(info.count_total, 0);
}

#[test]
fn a_slice_is_copied_once_and_a_large_shared_buffer_never() {
    let slice = vec![1; LINK_THRESHOLD];
    let small = Bytes::from(vec![2; LINK_THRESHOLD - 1]);
    let large = Bytes::from(vec![3; LINK_THRESHOLD]);
    let mut batch = BatchBuilder::new(1 << 20);
    let chunk = BytesMut::with_capacity(256 * 1024);
    let chunk_at = chunk.as_ptr();
    batch.add_chunk(chunk);
    for payload in [
        Payload::from(&slice),
        Payload::from(&small),
        Payload::from(&large),
    ] {
        let record = RecordRef {
            value: Some(payload),
            ..RecordRef::default()
        };
        let cost = batch.cost(&record);
        assert_eq!(cost.chunk, 0);
        let info = measure(|| assert!(batch.append(cost).is_ok()));
        assert!(
            info.bytes_max < 1024,
            "a copy aside of {} bytes",
            info.bytes_max
        );
    }
    let sealed = batch.seal();
    let segments = sealed.encode(Stamp::NONE);
    // Header; both copies, where the chunk was all along; the linked buffer; what follows it.
    assert_eq!(segments.len(), 4);
    assert_eq!(segments[1].as_ptr(), chunk_at);
    assert!(segments[1].len() > slice.len() + small.len());
    assert_eq!(
        (segments[2].as_ptr(), segments[2].len()),
        (large.as_ptr(), large.len())
    );
    assert_eq!(
        segments[3].as_ptr(),
        chunk_at.wrapping_add(segments[1].len())
    );

    drop(segments);
    let back: Vec<BytesMut> = sealed.recycle().collect();
    assert_eq!(back.len(), 1);
    assert_eq!(
        (back[0].as_ptr(), back[0].capacity()),
        (chunk_at, 256 * 1024)
    );
}

#[test]
fn linked_buffers_are_never_recycled() {
    let large = Bytes::from(vec![3; LINK_THRESHOLD]);
    let mut batch = BatchBuilder::new(1 << 20);
    let record = RecordRef {
        value: Some((&large).into()),
        ..RecordRef::default()
    };
    batch.add_chunk(BytesMut::with_capacity(64));
    batch.append(batch.cost(&record)).unwrap();
    let sealed = batch.seal();
    drop(large);
    assert_eq!(
        sealed
            .recycle()
            .map(|chunk| chunk.capacity())
            .collect::<Vec<_>>(),
        [64]
    );
}

#[test]
fn compressed_bytes_stay_in_the_batchs_own_chunks() {
    for compression in codecs() {
        let mut compressor = Compressor::new(compression).unwrap();
        for round in 0..3 {
            let mut batch = BatchBuilder::new(1 << 20);
            for _ in 0..8 {
                batch.add_chunk(BytesMut::with_capacity(CHUNK));
            }
            let record = RecordRef {
                value: Some(b"again and again".into()),
                ..RecordRef::default()
            };
            for _ in 0..5000 {
                batch.append(batch.cost(&record)).unwrap();
            }
            let mut sealed = batch.seal();
            let mut freed = 0;
            let info = measure(|| {
                let outcome = sealed.compress(&mut compressor).unwrap();
                assert_eq!(outcome.codec, compression.codec());
                freed = outcome.freed.len();
            });
            let used = sealed.records_len().div_ceil(CHUNK);
            assert_eq!(freed + used, 8, "{compression}");
            assert_eq!(sealed.recycle().count(), used);
            // Contexts and scratch memory are there from the first round on.
            let per_batch = if compression.codec() == CompressionType::Zstd {
                64
            } else {
                4
            };
            if round == 2 {
                assert!(info.bytes_max < per_batch * 1024, "{compression}: {info:?}");
            }
        }
    }
}

fn codecs() -> impl Iterator<Item = Compression> {
    let codecs = CompressionType::ALL.into_iter().skip(1);
    codecs
        .filter(|codec| codec.is_available())
        .map(Compression::of)
}

#[test]
#[cfg(feature = "lz4")]
fn lz4_allocates_nothing_once_it_is_warm() {
    // Blocks of several kinds, so that each way to find matches has its turn.
    let zeros = vec![0; 70_000];
    let numbers = |every: u32| {
        (0..40_000_u32).flat_map(move |i| (i / every).wrapping_mul(0x9e37_79b1).to_be_bytes())
    };
    let input: Vec<u8> = zeros
        .into_iter()
        .chain(numbers(1))
        .chain(numbers(50))
        .collect();
    let text: Vec<u8> = (0..9000_u32)
        .flat_map(|i| format!("{} and {i},", i * i % 7).into_bytes())
        .collect();
    for level in 1..=17 {
        let mut compressor = Compressor::new(Compression::lz4(level).unwrap()).unwrap();
        let mut out = Vec::new();
        let mut compress = || {
            out.clear();
            let pieces = input.chunks(10_007).chain(text.chunks(7));
            compressor.compress(pieces, &mut out).unwrap();
        };
        compress();
        let info = measure(compress);
        assert_eq!(info.count_total, 0, "level {level}");
    }
}

#[test]
fn a_bomb_costs_no_more_than_the_limit() {
    const LIMIT: usize = 1 << 20;
    let zeros = vec![0; 16 << 20];
    for compression in codecs() {
        let mut bomb = Vec::new();
        let mut compressor = Compressor::new(compression).unwrap();
        compressor
            .compress([&zeros[..]].into_iter(), &mut bomb)
            .unwrap();
        assert!(bomb.len() < 4 << 20);
        let bomb = Bytes::from(bomb);
        let mut decompressor = Decompressor::new(Limits {
            max_decompressed: LIMIT,
        });
        let info = measure(|| {
            let error = decompressor
                .decompress(compression.codec(), &bomb)
                .unwrap_err();
            assert_eq!(
                error.fault,
                Fault::TooLarge { limit: LIMIT },
                "{compression}"
            );
        });
        assert!(info.bytes_max < 5 * LIMIT as u64, "{compression}: {info:?}");
    }
}

#[test]
fn a_limit_is_met_exactly() {
    const LIMIT: usize = 100_000;
    for compression in codecs() {
        for (len, fits) in [(LIMIT - 1, true), (LIMIT, true), (LIMIT + 1, false)] {
            let mut compressed = Vec::new();
            let mut compressor = Compressor::new(compression).unwrap();
            compressor
                .compress([&vec![9; len][..]].into_iter(), &mut compressed)
                .unwrap();
            let mut decompressor = Decompressor::new(Limits {
                max_decompressed: LIMIT,
            });
            let result = decompressor.decompress(compression.codec(), &compressed.into());
            assert_eq!(result.is_ok(), fits, "{compression} {len}");
        }
    }
}

#[test]
fn lying_sizes_cost_nothing() {
    let snappy = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, b'x'].to_vec();
    // 2^40 bytes in one segment; a window of 2 GiB. A raw block of 3 bytes each.
    let zstd_size = [
        &[0x28, 0xb5, 0x2f, 0xfd, 0xe0][..],
        &(1u64 << 40).to_le_bytes(),
        &[0x19, 0, 0],
        b"abc",
    ];
    let zstd_window = [
        0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x19, 0, 0, b'a', b'b', b'c',
    ];
    let lz4 = {
        let described = [&[0x68, 0x40][..], &(1u64 << 40).to_le_bytes()].concat();
        let checksum = (twox_hash::XxHash32::oneshot(0, &described) >> 8) as u8;
        [
            &[0x04, 0x22, 0x4d, 0x18][..],
            &described,
            &[checksum],
            &[3, 0, 0, 0x80],
            b"abc",
            &[0; 4],
        ]
        .concat()
    };
    for (codec, input) in [
        (CompressionType::Snappy, snappy),
        (CompressionType::Zstd, zstd_size.concat()),
        (CompressionType::Zstd, zstd_window.to_vec()),
        (CompressionType::Lz4, lz4),
    ] {
        let mut decompressor = Decompressor::default();
        let input = Bytes::from(input);
        let info = measure(|| assert!(decompressor.decompress(codec, &input).is_err(), "{codec}"));
        assert!(info.bytes_max < 1 << 20, "{codec}: {info:?}");
    }
}
