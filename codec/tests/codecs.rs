//! The codecs' own formats, byte by byte where Kafka's are fixed, and as others write them.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests"
)]
#![cfg_attr(
    not(feature = "default"),
    allow(dead_code, reason = "each codec uses a part of it")
)]

use bytes::Bytes;
use milena_codec::{CodecError, Compression, CompressionType, Compressor, Decompressor};

fn compress(compression: Compression, input: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Compressor::new(compression)
        .unwrap()
        .compress([input].into_iter(), &mut out)
        .unwrap();
    out
}

fn decompress(codec: CompressionType, input: &[u8]) -> Result<Bytes, CodecError> {
    Decompressor::default().decompress(codec, &Bytes::copy_from_slice(input))
}

fn hex(text: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}

fn sample() -> Vec<u8> {
    b"Milena ".repeat(12)
}

#[test]
fn a_codec_switched_off_says_so() {
    for codec in CompressionType::ALL {
        if !codec.is_available() {
            let error = Compressor::new(Compression::of(codec)).unwrap_err();
            assert!(
                error.to_string().contains(codec.name()) && error.to_string().contains("feature")
            );
            assert_eq!(decompress(codec, b"x").unwrap_err(), error);
        }
    }
}

#[test]
fn pieces_are_compressed_as_one() {
    let input: Vec<u8> = (0..300_000u32)
        .flat_map(|i| (i / 7).to_le_bytes())
        .collect();
    for codec in CompressionType::ALL
        .into_iter()
        .filter(|codec| codec.is_available())
    {
        let whole = compress(Compression::of(codec), &input);
        for size in [1000, 32 * 1024, 65_536, 100_000] {
            let mut pieces = Vec::new();
            let mut compressor = Compressor::new(Compression::of(codec)).unwrap();
            compressor
                .compress(input.chunks(size), &mut pieces)
                .unwrap();
            assert_eq!(decompress(codec, &pieces).unwrap(), input, "{codec} {size}");
            if codec != CompressionType::Gzip && codec != CompressionType::Zstd {
                assert_eq!(pieces, whole, "{codec} {size}");
            }
        }
        let mut nothing = Vec::new();
        let mut compressor = Compressor::new(Compression::of(codec)).unwrap();
        compressor
            .compress([&[][..], &[]].into_iter(), &mut nothing)
            .unwrap();
        if codec != CompressionType::None {
            assert_eq!(decompress(codec, &nothing).unwrap(), &b""[..], "{codec}");
        }
    }
}

#[cfg(feature = "snappy")]
mod snappy {
    use super::*;

    const XERIAL: [u8; 16] = [
        0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1,
    ];
    const HELLO: [u8; 7] = [5, 4 << 2, b'h', b'e', b'l', b'l', b'o'];

    #[test]
    fn xerial_framing_is_written() {
        let out = compress(Compression::SNAPPY, b"hello");
        assert_eq!(out, [&XERIAL[..], &[0, 0, 0, 7], &HELLO].concat());
    }

    #[test]
    fn blocks_hold_32_kib() {
        let out = compress(Compression::SNAPPY, &[7; 32 * 1024 + 1]);
        let first = u32::from_be_bytes(out[16..20].try_into().unwrap()) as usize;
        assert_eq!(out[20..23], [0x80, 0x80, 0x02], "length 32768");
        assert_eq!(out[20 + first..], [0, 0, 0, 3, 1, 0, 7]);
    }

    #[test]
    fn xerial_and_raw_are_read() {
        let two = [&XERIAL[..], &[0, 0, 0, 7], &HELLO, &[0, 0, 0, 7], &HELLO].concat();
        assert_eq!(
            decompress(CompressionType::Snappy, &two).unwrap(),
            &b"hellohello"[..]
        );
        assert_eq!(
            decompress(CompressionType::Snappy, &XERIAL).unwrap(),
            &b""[..]
        );
        assert_eq!(
            decompress(CompressionType::Snappy, &HELLO).unwrap(),
            &b"hello"[..]
        );
        let raw = hex("54184d696c656e6120fe0700320700");
        assert_eq!(decompress(CompressionType::Snappy, &raw).unwrap(), sample());
    }

    #[test]
    fn bad_framing_is_refused() {
        let negative = [&XERIAL[..], &[0xff, 0xff, 0xff, 0xff], &HELLO].concat();
        let short = [&XERIAL[..], &[0, 0, 0, 8], &HELLO].concat();
        let cut = [&XERIAL[..], &[0, 0, 0]].concat();
        let old = [&XERIAL[..11], &[0, 0, 0, 0, 1], &[0, 0, 0, 7], &HELLO].concat();
        for bad in [negative, short, cut, old, vec![]] {
            assert!(
                decompress(CompressionType::Snappy, &bad).is_err(),
                "{bad:?}"
            );
        }
    }
}

#[cfg(feature = "lz4")]
mod lz4 {
    use twox_hash::XxHash32;

    use super::*;

    const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];

    /// A frame with one stored block.
    fn frame(flags: u8, blocks: u8, size: Option<u64>) -> Vec<u8> {
        let mut described = vec![flags, blocks];
        described.extend(size.map(u64::to_le_bytes).iter().flatten());
        let checksum = (XxHash32::oneshot(0, &described) >> 8) as u8;
        [
            &MAGIC[..],
            &described,
            &[checksum],
            &[3, 0, 0, 0x80],
            b"abc",
            &[0; 4],
        ]
        .concat()
    }

    #[test]
    fn the_frame_is_javas() {
        let out = compress(Compression::LZ4, b"abc");
        let expected = [
            &MAGIC[..],
            &[0x60, 0x40, 0x82],
            &[3, 0, 0, 0x80],
            b"abc",
            &[0; 4],
        ]
        .concat();
        assert_eq!(out, expected);
        assert_eq!(frame(0x60, 0x40, None), expected);
    }

    #[test]
    fn frames_of_the_reference_library_are_read() {
        // Blocks of 256 KiB, content size, block checksums, content checksum.
        let all = "04224d187c4054000000000000002e110000007f4d696c656e6120070035506c656e6120\
                   b1f6eabb00000000a14c5407";
        let none = "04224d18604082110000007f4d696c656e6120070035506c656e612000000000";
        for text in [all, none] {
            let input = hex(&text.replace(' ', ""));
            assert_eq!(decompress(CompressionType::Lz4, &input).unwrap(), sample());
            for at in 0..input.len() {
                let mut bad = input.clone();
                bad[at] ^= 0x10;
                if text == all {
                    assert!(decompress(CompressionType::Lz4, &bad).is_err(), "byte {at}");
                }
                assert!(
                    decompress(CompressionType::Lz4, &input[..at]).is_err(),
                    "length {at}"
                );
            }
        }
    }

    #[test]
    fn every_block_size_is_read() {
        for blocks in [0x40, 0x50, 0x60, 0x70] {
            assert_eq!(
                decompress(CompressionType::Lz4, &frame(0x60, blocks, None)).unwrap(),
                "abc"
            );
        }
    }

    #[test]
    fn what_java_refuses_is_refused() {
        let lz4 = |input: &[u8]| {
            decompress(CompressionType::Lz4, input)
                .unwrap_err()
                .fault
                .to_string()
        };
        assert!(lz4(&frame(0x40, 0x40, None)).contains("depend on one another"));
        assert!(lz4(&hex("04224d184040c0")).contains("depend on one another"));
        assert!(lz4(&frame(0xa0, 0x40, None)).contains("version"));
        assert!(lz4(&frame(0x61, 0x40, None)).contains("dictionary"));
        assert!(lz4(&frame(0x62, 0x40, None)).contains("reserved"));
        assert!(lz4(&frame(0x60, 0x41, None)).contains("reserved"));
        assert!(lz4(&frame(0x60, 0x30, None)).contains("block size"));
        assert!(lz4(&frame(0x68, 0x40, Some(4))).contains("not as long"));
        assert_eq!(
            decompress(CompressionType::Lz4, &frame(0x68, 0x40, Some(3))).unwrap(),
            "abc"
        );
        assert!(lz4(b"snappy!").contains("magic"));
        assert!(lz4(&[&frame(0x60, 0x40, None)[..], b"x"].concat()).contains("follow the end"));
        let mut checksum = frame(0x60, 0x40, None);
        checksum[6] ^= 1;
        assert!(lz4(&checksum).contains("checksum"));
        let long = [&MAGIC[..], &[0x60, 0x40, 0x82], &[1, 0, 1, 0], &[0; 70_000]].concat();
        assert!(lz4(&long).contains("longer"));
    }
}

#[cfg(feature = "gzip")]
mod gzip {
    use super::*;

    #[test]
    fn streams_of_others_are_read() {
        let one = hex("1f8b0800000000000203f3cdcc49cd4b54f0a52605006ab5a05b54000000");
        assert_eq!(decompress(CompressionType::Gzip, &one).unwrap(), sample());
        let two = [&one[..], &one].concat();
        assert_eq!(
            decompress(CompressionType::Gzip, &two).unwrap(),
            sample().repeat(2)
        );
        for at in 0..one.len() {
            assert!(
                decompress(CompressionType::Gzip, &one[..at]).is_err(),
                "length {at}"
            );
        }
        assert!(decompress(CompressionType::Gzip, &[&one[..], b"x"].concat()).is_err());
        let mut bad = one.clone();
        bad[one.len() - 6] ^= 1;
        assert!(decompress(CompressionType::Gzip, &bad).is_err(), "its CRC");
    }
}

#[cfg(any(feature = "zstd", feature = "zstd-c"))]
mod zstd {
    use super::*;

    #[test]
    fn frames_of_the_reference_library_are_read() {
        // As a stream, of unknown size; with size and checksum.
        let stream = hex("28b52ffd0058750000384d696c656e612001002ab41801");
        let whole = hex("28b52ffd24547d0000404d696c656e61204d010029b47001c62ad273");
        for input in [&stream, &whole] {
            assert_eq!(decompress(CompressionType::Zstd, input).unwrap(), sample());
            for at in 0..input.len() {
                assert!(
                    decompress(CompressionType::Zstd, &input[..at]).is_err(),
                    "length {at}"
                );
            }
        }
        let both = [&stream[..], &whole].concat();
        assert_eq!(
            decompress(CompressionType::Zstd, &both).unwrap(),
            sample().repeat(2)
        );
        assert!(decompress(CompressionType::Zstd, &[&whole[..], b"x"].concat()).is_err());
        let mut bad = whole.clone();
        bad[whole.len() - 1] ^= 1;
        assert!(
            decompress(CompressionType::Zstd, &bad).is_err(),
            "its checksum"
        );
    }
}

/// A frame of 100,000 zeros in one repeated block, with a window and the content's size in its header.
#[cfg(any(feature = "zstd", feature = "zstd-c"))]
fn zeros_with_window(window: u8) -> Vec<u8> {
    let block = (100_000_u32 << 3) | (1 << 1) | 1;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x80, window];
    frame.extend(100_000_u32.to_le_bytes());
    frame.extend(&block.to_le_bytes()[..3]);
    frame.push(0);
    frame
}

#[cfg(any(feature = "zstd", feature = "zstd-c"))]
#[test]
fn a_large_window_is_refused_whatever_was_decompressed_before() {
    let mut used = Decompressor::default();
    let large = compress(Compression::of(CompressionType::Zstd), &[1; 1 << 20]);
    used.decompress(CompressionType::Zstd, &large.into())
        .unwrap();
    for decompressor in [&mut used, &mut Decompressor::default()] {
        let mut zeros = |window| {
            let frame = zeros_with_window(window).into();
            decompressor.decompress(CompressionType::Zstd, &frame)
        };
        assert_eq!(zeros(17 << 3).unwrap(), vec![0; 100_000]);
        let refused = zeros((17 << 3) + 1).map(|zeros| zeros.len());
        assert_eq!(
            refused.map_err(|error| error.to_string()),
            Err(
                "zstd: the window is larger than 128 MiB, at byte 0 of the compressed data"
                    .to_owned()
            )
        );
    }
}
