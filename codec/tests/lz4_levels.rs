//! Lz4 at every level: what is written is read by a decoder that knows nothing of ours, keeps the
//! rules of the block format, and is as small as the level promises.
#![cfg(feature = "lz4")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::ops::RangeInclusive;

use bytes::Bytes;
use milena_codec::{Compression, CompressionType, Compressor, Decompressor};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const BLOCK: usize = 64 * 1024;
/// All that differ.
const LEVELS: RangeInclusive<i32> = 1..=12;

fn compressor(level: i32) -> Compressor {
    Compressor::new(Compression::lz4(level).unwrap()).unwrap()
}

fn compress(compressor: &mut Compressor, input: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    compressor.compress([input].into_iter(), &mut out).unwrap();
    out
}

/// What the blocks of a frame are made of.
#[derive(Debug, Default)]
struct Walk {
    plain: Vec<u8>,
    sequences: usize,
    stored: usize,
    furthest: usize,
}

/// Decodes a frame, byte by byte, and checks all that the format demands.
fn walk(frame: &[u8]) -> Walk {
    let mut walk = Walk::default();
    let mut rest = frame
        .strip_prefix(&[0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82])
        .unwrap();
    loop {
        let (field, blocks) = rest.split_first_chunk().unwrap();
        let field = u32::from_le_bytes(*field);
        let (block, after) = blocks.split_at((field & !(1 << 31)) as usize);
        rest = after;
        let start = walk.plain.len();
        if field == 0 {
            assert!(rest.is_empty(), "bytes behind the end mark");
            return walk;
        } else if field >> 31 == 1 {
            walk.stored += 1;
            walk.plain.extend(block);
        } else {
            walk.block(block);
            assert!(block.len() < walk.plain.len() - start, "it did not shrink");
        }
        assert!(walk.plain.len() - start <= BLOCK);
    }
}

impl Walk {
    fn block(&mut self, block: &[u8]) {
        let start = self.plain.len();
        let mut bytes = block.iter().copied();
        let mut last_match = None;
        loop {
            let token = bytes.next().unwrap();
            let literals = length(token >> 4, &mut bytes);
            self.plain.extend(bytes.by_ref().take(literals));
            let Some(low) = bytes.next() else {
                // The end: a token's lower half counts for nothing there, and is 0.
                assert_eq!(token & 15, 0);
                if let Some(last_start) = last_match {
                    assert!(literals >= 5, "{literals} literals at the end");
                    assert!(
                        self.plain.len() - last_start >= 12,
                        "a match starts too late"
                    );
                }
                return;
            };
            let offset = usize::from(u16::from_le_bytes([low, bytes.next().unwrap()]));
            let at = self.plain.len();
            assert!(
                offset > 0 && offset <= at - start,
                "offset {offset} at {}",
                at - start
            );
            for _ in 0..length(token & 15, &mut bytes) + 4 {
                self.plain.push(self.plain[self.plain.len() - offset]);
            }
            last_match = Some(at);
            self.sequences += 1;
            self.furthest = self.furthest.max(offset);
        }
    }
}

fn length(nibble: u8, bytes: &mut impl Iterator<Item = u8>) -> usize {
    let mut length = usize::from(nibble);
    let mut last = if nibble == 15 { 255 } else { 0 };
    while last == 255 {
        last = bytes.next().unwrap();
        length += usize::from(last);
    }
    length
}

/// Bytes without any order.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (state >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Lines that have much in common, and numbers that have not.
fn events(len: usize) -> Vec<u8> {
    let numbers = noise(3, len);
    let lines = numbers.chunks(4).zip(0_u32..).flat_map(|(bytes, index)| {
        let [id, city, amount] = [bytes[0], bytes[bytes.len() / 2], bytes[bytes.len() - 1]];
        let city = ["Praha", "Wien", "Merano"][usize::from(city) % 3];
        format!(r#"{{"id":{index},"user":"u{id:05}","city":"{city}","amount":{amount}.5}}"#)
            .into_bytes()
    });
    lines.take(len).collect()
}

/// Words in no order.
fn words(len: usize) -> Vec<u8> {
    let word = |byte: u8| format!("{:x} ", u32::from(byte).pow(3)).into_bytes();
    noise(4, len).into_iter().flat_map(word).take(len).collect()
}

/// Runs of zeros between bytes that differ.
fn sparse(len: usize) -> Vec<u8> {
    let run = |byte: u8| [vec![0; usize::from(byte) % 60], vec![byte]].concat();
    noise(5, len).into_iter().flat_map(run).take(len).collect()
}

fn payloads() -> Vec<(&'static str, Vec<u8>)> {
    let mut far = vec![0; BLOCK];
    far[..7].copy_from_slice(b"Milena!");
    far.copy_within(..7, BLOCK - 12);
    vec![
        ("zeros", vec![0; 2 * BLOCK + 100]),
        ("a period of 3", b"abc".repeat(25_000)),
        ("a period of 1000", noise(7, 1000).repeat(70)),
        ("noise", noise(8, BLOCK / 2)),
        ("the furthest offset", far),
        ("events", events(BLOCK + 9000)),
        ("words", words(BLOCK / 2)),
        ("mostly zeros", sparse(BLOCK / 4)),
        (
            "structures",
            (0..6000_u32)
                .flat_map(|i| (i / 5 * 1009).to_be_bytes())
                .collect(),
        ),
    ]
}

#[test]
fn every_level_writes_what_the_format_allows() {
    let mut inputs: Vec<Vec<u8>> = payloads().into_iter().map(|(_, input)| input).collect();
    for len in (0..40).chain([
        BLOCK - 1,
        BLOCK,
        BLOCK + 1,
        BLOCK + 12,
        BLOCK + 13,
        2 * BLOCK,
    ]) {
        inputs.push(vec![7; len]);
        inputs.push(noise(9, len));
        inputs.push(b"abcd".repeat(len.div_ceil(4))[..len].to_vec());
        // A match that would go on up to the end.
        inputs.push([&noise(10, len)[..], b"-", &noise(10, len)].concat());
    }
    let mut decompressor = Decompressor::default();
    for level in LEVELS {
        let mut compressor = compressor(level);
        for input in &inputs {
            let frame = compress(&mut compressor, input);
            let plain = walk(&frame).plain;
            assert!(plain == *input, "level {level}, {} bytes", input.len());
            let read = decompressor.decompress(CompressionType::Lz4, &frame.clone().into());
            assert!(
                read.unwrap() == *input,
                "level {level}, {} bytes",
                input.len()
            );
            let most = 7 + 4 * input.len().div_ceil(BLOCK) + input.len() + 4;
            assert!(frame.len() <= most, "level {level}: {} bytes", frame.len());
        }
    }
}

#[test]
fn a_match_may_lie_as_far_back_as_a_block_goes() {
    let (_, far) = payloads().swap_remove(4);
    for level in LEVELS.filter(|level| *level != 9) {
        let walk = walk(&compress(&mut compressor(level), &far));
        assert_eq!(
            (walk.stored, walk.furthest),
            (0, BLOCK - 12),
            "level {level}"
        );
    }
}

#[test]
fn a_higher_level_is_worth_it() {
    for (name, input) in payloads() {
        let size = |level| compress(&mut compressor(level), &input).len();
        let [fast, one, three, eight, twelve] = [9, 1, 3, 8, 12].map(size);
        assert!(
            twelve <= eight && eight <= three && three <= fast && one <= fast,
            "{name}: fast {fast}, 1: {one}, 3: {three}, 8: {eight}, 12: {twelve}"
        );
    }
}

#[test]
fn levels_are_kafkas() {
    let input = events(BLOCK);
    let at = |level| compress(&mut compressor(level), &input);
    let fast = compress(&mut Compressor::new(Compression::LZ4).unwrap(), &input);
    assert_eq!(at(9), fast);
    assert_eq!(at(1), at(2));
    for level in 13..=17 {
        assert_eq!(at(level), at(12));
    }
    let mut sizes = [1, 3, 4, 5, 6, 7, 8, 10, 11, 12]
        .map(|level| at(level).len())
        .to_vec();
    assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
    sizes.dedup();
    assert!(sizes.len() >= 8, "{sizes:?}");
}

#[test]
fn what_came_before_leaves_no_trace() {
    for level in LEVELS {
        let mut used = compressor(level);
        for (name, input) in payloads() {
            let whole = compress(&mut used, &input);
            assert!(
                whole == compress(&mut compressor(level), &input),
                "{name}, level {level}"
            );
            let mut pieces = Vec::new();
            used.compress(input.chunks(10_007), &mut pieces).unwrap();
            assert!(whole == pieces, "{name} in pieces, level {level}");
        }
    }
}

/// Input with matches to choose from: few different bytes, and copies of what was there before.
fn matching() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        vec(0..4_u8, 1..20).prop_map(|bytes| (bytes, 0, 0)),
        (any::<usize>(), 4..60_usize).prop_map(|(from, len)| (Vec::new(), from, len)),
    ];
    vec(part, 1..40).prop_map(|parts| {
        let mut input: Vec<u8> = Vec::new();
        for (bytes, from, len) in parts {
            input.extend(bytes);
            for at in (from % input.len().max(1)..).take(len) {
                input.extend(input.get(at).copied());
            }
        }
        input
    })
}

/// Bytes of the smallest block there is for this input.
fn smallest(input: &[u8]) -> usize {
    let end = input.len();
    let more = |len: usize, long: usize| len.checked_sub(long).map_or(0, |more| more / 255 + 1);
    let longest = |at: usize| {
        let shared = |from: usize| {
            let pairs = input[from..].iter().zip(&input[at..end - 5]);
            pairs.take_while(|(a, b)| a == b).count()
        };
        (0..at).map(shared).max().unwrap_or(0)
    };
    // By position: bytes from a sequence that begins there, and from a match that does.
    let mut sequences = vec![usize::MAX; end + 1];
    let mut matches = vec![usize::MAX / 2; end + 1];
    for at in (0..=end).rev() {
        if at + 12 <= end {
            let costs = (4..=longest(at)).map(|len| 2 + more(len, 19) + sequences[at + len]);
            matches[at] = costs.min().unwrap_or(usize::MAX / 2);
        }
        let literals = |to: usize| 1 + to - at + more(to - at, 15);
        let with_match = (at..=end).map(|to| literals(to) + matches[to]).min();
        sequences[at] = with_match.unwrap().min(literals(end));
    }
    sequences[0]
}

#[test]
fn a_match_is_cut_short_where_that_saves_a_byte() {
    let bytes: Vec<u8> = (0..100).collect();
    // The second copy goes on with what the first one has in its last two bytes, of 20: 18 take a
    // byte less.
    let input = [
        &bytes[..20],
        b"|",
        &bytes[18..40],
        b"|",
        &bytes[..40],
        &bytes[60..],
    ]
    .concat();
    for level in LEVELS.filter(|level| *level != 9) {
        let frame = compress(&mut compressor(level), &input);
        assert_eq!(frame.len() - 15, smallest(&input), "level {level}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn anything_survives(input in matching(), level in LEVELS, size in 1..500_usize) {
        let mut frame = Vec::new();
        compressor(level).compress(input.chunks(size), &mut frame).unwrap();
        prop_assert_eq!(&walk(&frame).plain, &input);
        let read = Decompressor::default().decompress(CompressionType::Lz4, &Bytes::from(frame));
        prop_assert_eq!(&read.unwrap(), &input);
    }
}

/// One input may need a few bytes more than the least, all together next to none.
#[test]
fn the_highest_level_leaves_next_to_nothing() {
    let mut runner = TestRunner::default();
    let (mut ours, mut least) = (0, 0);
    for _ in 0..60 {
        let input = matching().new_tree(&mut runner).unwrap().current();
        let input = &input[..input.len().min(300)];
        let frame = compress(&mut compressor(12), input);
        if walk(&frame).stored == 0 && !input.is_empty() {
            let (len, smallest) = (frame.len() - 15, smallest(input));
            assert!(
                len >= smallest,
                "{len} bytes, where {smallest} are the least: {input:?}"
            );
            ours += len;
            least += smallest;
        }
    }
    assert!(
        ours <= least + least / 100,
        "{ours} bytes instead of {least}"
    );
}
