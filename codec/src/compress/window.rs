//! How far back a Zstandard frame may refer.

use super::Fault;

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The frame has its content's size for a window.
const SINGLE_SEGMENT: u8 = 1 << 5;
/// 128 MiB, which no level up to 22 goes beyond.
const LARGEST: u8 = 17 << 3;

/// Refuses a frame whose window is larger than 128 MiB.
///
/// The decoders do so themselves, unless a call has the whole frame and room for all of its content. Whether it has
/// depends on what was decoded before.
pub(super) fn check(frame: &[u8]) -> Result<(), Fault> {
    match frame.split_first_chunk() {
        Some((&MAGIC, [flags, window, ..])) if flags & SINGLE_SEGMENT == 0 && *window > LARGEST => {
            Err(Fault::Corrupt("the window is larger than 128 MiB"))
        }
        _ => Ok(()),
    }
}
