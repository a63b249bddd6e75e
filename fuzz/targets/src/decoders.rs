//! The crates that decompress, each by itself and fed as its own interface allows.

use flate2::{Decompress, FlushDecompress, Status};
use rust_zstd::Decompressor;

use crate::input::Input;
use crate::memory::measured;

/// Output is no longer than this.
const LIMIT: usize = 1 << 20;
/// What a decoder's state may take.
const STATE: usize = 1 << 20;

/// Which crate (0: flate2, 1: snap, 2: lz4_flex, 3: rust-zstd), limit of the output as a power of two, sizes of the
/// pieces in which input and room for output are handed over, data.
///
/// Nothing crashes or hangs, and no memory is taken but for the output's limit and a state of fixed size. A stream
/// decodes to the same however it is cut, and where all of it is wanted, to what decoding in one go gives.
pub fn decoders(data: &[u8]) {
    let mut input = Input::new(data);
    let kind = input.byte();
    let limit = (1 << input.below(21)).min(LIMIT);
    let pieces = Pieces(input.some());
    let data = input.rest();
    match kind {
        0 => gzip(data, limit, pieces),
        1 => snappy(data, limit),
        2 => lz4(data, limit),
        3 => zstd(data, limit, pieces),
        _ => {}
    }
}

/// Sizes, over and over; without any, all at once.
#[derive(Clone, Copy)]
struct Pieces<'a>(&'a [u8]);

impl Pieces<'_> {
    fn sizes(self) -> impl Iterator<Item = usize> {
        let sizes = self.0.iter().map(|size| 1 + usize::from(*size));
        let all = self.0.is_empty().then_some(usize::MAX);
        sizes.chain(all).cycle()
    }
}

/// What a stream comes to, and how it ended.
#[derive(Debug, PartialEq)]
struct Decoded {
    output: Vec<u8>,
    end: End,
}

#[derive(Debug, PartialEq)]
enum End {
    /// Of the stream, after so many bytes of input.
    Whole(usize),
    Full,
    Short,
    Failed,
    /// The window is larger than a stream may have; a call that is given all and has room for all does without.
    Window,
}

/// One step of a stream: what it took and gave, and whether the stream ended.
type Step = Result<(usize, usize, bool), End>;

/// Feeds a stream piece by piece until it ends.
fn stream(
    data: &[u8],
    limit: usize,
    pieces: Pieces<'_>,
    mut step: impl FnMut(&[u8], &mut [u8]) -> Step,
) -> Decoded {
    let mut output = vec![0; limit];
    let (mut taken, mut given) = (0, 0);
    let mut sizes = pieces.sizes();
    let mut size = || sizes.next().unwrap_or(usize::MAX);
    let end = loop {
        let offered = &data[taken..][..size().min(data.len() - taken)];
        let room = size().min(limit - given);
        match step(offered, &mut output[given..][..room]) {
            Err(end) => break end,
            Ok((took, gave, ended)) => {
                assert!(took <= offered.len() && gave <= room);
                taken += took;
                given += gave;
                if ended {
                    break End::Whole(taken);
                }
                if took == 0 && gave == 0 && (offered.is_empty() || room == 0) {
                    break if given == limit {
                        End::Full
                    } else {
                        End::Short
                    };
                }
                assert!(
                    took > 0 || gave > 0,
                    "offered {} and {room}, and idle",
                    offered.len()
                );
            }
        }
    };
    output.truncate(given);
    Decoded { output, end }
}

fn gzip(data: &[u8], limit: usize, pieces: Pieces<'_>) {
    let run = |pieces| {
        let mut inflate = Decompress::new_gzip(15);
        stream(data, limit, pieces, |input, room| {
            let (took, gave) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(input, room, FlushDecompress::None);
            let took = (inflate.total_in() - took) as usize;
            let gave = (inflate.total_out() - gave) as usize;
            let status = status.map_err(|_| End::Failed)?;
            Ok((took, gave, status == Status::StreamEnd))
        })
    };
    let (cut, peak) = measured(|| run(pieces));
    assert!(peak <= limit + STATE, "gzip: {peak} bytes for {limit}");
    same("gzip", &cut, &run(Pieces(&[])));
}

fn zstd(data: &[u8], limit: usize, pieces: Pieces<'_>) {
    let run = |pieces| {
        let mut decoder = Decompressor::new();
        stream(data, limit, pieces, |input, room| {
            let (mut took, mut gave) = (0, 0);
            let left = decoder.decompress_stream(input, &mut took, room, &mut gave);
            let left = left.map_err(|error| match error.contains("the streaming limit is") {
                true => End::Window,
                false => End::Failed,
            })?;
            Ok((took, gave, left == 0))
        })
    };
    let (cut, peak) = measured(|| run(pieces));
    // The window doubles as the output grows, and what was there before goes last.
    assert!(peak <= 4 * limit + STATE, "zstd: {peak} bytes for {limit}");
    let whole = run(Pieces(&[]));
    same("zstd", &cut, &whole);
    if let End::Whole(taken) = whole.end {
        let at_once = Decompressor::new().decompress(&data[..taken]);
        assert_eq!(at_once.as_ref(), Ok(&whole.output), "zstd in one go");
    }
}

/// However a stream is cut, it gives the same; where it fails or ends early, what came before is the same.
fn same(codec: &str, cut: &Decoded, whole: &Decoded) {
    let common = cut.output.len().min(whole.output.len());
    assert_eq!(cut.output[..common], whole.output[..common], "{codec}");
    if cut.end == End::Window {
        return;
    }
    assert_eq!(cut.end, whole.end, "{codec}");
    assert!(
        whole.end == End::Failed || cut.output == whole.output,
        "{codec}"
    );
}

fn snappy(data: &[u8], limit: usize) {
    let Ok(len) = snap::raw::decompress_len(data) else {
        return;
    };
    if len > limit {
        return;
    }
    let (output, peak) = measured(|| snap::raw::Decoder::new().decompress_vec(data));
    assert!(peak <= limit + STATE, "snappy: {peak} bytes for {limit}");
    let mut room = vec![0; len];
    let into = snap::raw::Decoder::new().decompress(data, &mut room);
    match output {
        Ok(output) => assert_eq!((into.ok(), room), (Some(len), output)),
        Err(_) => assert!(into.is_err()),
    }
}

fn lz4(data: &[u8], limit: usize) {
    let mut room = vec![0; limit];
    let (written, peak) = measured(|| lz4_flex::block::decompress_into(data, &mut room));
    assert!(peak <= STATE, "lz4: {peak} bytes");
    let Ok(written) = written else {
        return;
    };
    room.truncate(written);
    let mut exact = vec![0; written];
    assert_eq!(
        lz4_flex::block::decompress_into(data, &mut exact).ok(),
        Some(written)
    );
    assert_eq!(exact, room);
}
