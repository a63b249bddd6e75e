//! Records for the builder, and operations on partitions.

use std::io;

use milena_codec::CompressionType;

use crate::Inputs;

pub(crate) fn write(seeds: &Inputs<'_>) -> io::Result<()> {
    builder(seeds)?;
    partition(seeds)
}

fn builder(seeds: &Inputs<'_>) -> io::Result<()> {
    // Limit, codec, ratio, producer id, epoch, sequence near its end, transactional.
    let settings = |codec: u8, ratio| {
        let stamp = [0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0x7f, 0xff, 0xff, 0xfe, 1];
        [&[1, 0, codec, ratio][..], &stamp].concat()
    };
    // A near timestamp, a copied key, a shared value, one header with a value; then a chunk that is enough.
    let small = b"\x05\x04\x03key\x05\x05value\x01\x04name\x04\x01v\x00".as_slice();
    // No key, a payload that is linked, no header; then chunks of a few bytes.
    let linked = b"\xfb\x00\x03\x04\x05body\x00\x01\x07".as_slice();
    // A far timestamp, empty key, null value, two headers without values; no chunk.
    let far = b"\xff\x80\0\0\0\0\0\0\x01\x04\x00\x00\x02\x01a\x00\x01a\x00\x03".as_slice();
    for codec in CompressionType::ALL {
        let name = codec.name();
        let records = [small, small, far, linked, small].concat();
        let bytes = [settings(codec as u8, 0), records].concat();
        seeds.add("builder", name, &bytes)?;
        let bytes = [settings(codec as u8, 60), small.repeat(30)].concat();
        seeds.add("builder", &format!("{name}-ratio"), &bytes)?;
    }
    Ok(())
}

fn partition(seeds: &Inputs<'_>) -> io::Result<()> {
    // Flags, codec, batch size, linger, in flight, request size, delivery timeout, retries, memory.
    let idempotent = [0, 0, 0, 0, 4, 255, 7, 255, 100].as_slice();
    let by_id = [8, 2, 200, 5, 2, 20, 3, 3, 10].as_slice();
    let plain = [5, 3, 50, 0, 4, 255, 7, 2, 100].as_slice();
    let without_answers = [1, 0, 10, 1, 4, 30, 2, 1, 0].as_slice();
    let setup = [10, 0, 5, 0, 1, 5, 1, 1, 5, 2, 2].as_slice();
    let append = [0, 0, 0, 20, 0, 0, 0, 60, 0, 1, 0, 9, 0, 2, 0, 255].as_slice();
    let sticky = [0, 0, 2, 40, 0, 0, 2, 40, 0, 0, 3, 40, 11, 0].as_slice();
    let send = [2, 0, 2, 1].as_slice();
    let stored = [3, 0, 0, 0, 3, 1, 0].as_slice();
    let misplaced = [3, 0, 1, 2, 3, 1, 3].as_slice();
    let refused = [3, 0, 5, 6, 3, 1, 8, 6, 7].as_slice();
    let lost = [4, 0, 1, 4, 1, 9, 6, 7].as_slice();
    let moved = [5, 0, 2, 5, 1, 128, 5, 2, 1].as_slice();
    let line = [14, 255, 255, 14, 1, 0, 15, 8, 0, 9, 1].as_slice();
    let late = [6, 15, 7, 13, 0, 12, 1].as_slice();
    let settings = [
        ("idempotent", idempotent),
        ("by-id", by_id),
        ("plain", plain),
        ("without-answers", without_answers),
    ];
    for (name, settings) in settings {
        for ending in 0..3_u8 {
            let all = [
                settings,
                setup,
                append,
                send,
                stored,
                append,
                sticky,
                send,
                append,
                send,
                refused,
                send,
                misplaced,
                send,
                stored,
                append,
                send,
                lost,
                moved,
                send,
                line,
                misplaced,
                send,
                stored,
                append,
                send,
                late,
                append,
                send,
                append,
                &[ending],
            ];
            seeds.add("partition", &format!("{name}-{ending}"), &all.concat())?;
        }
    }
    Ok(())
}
