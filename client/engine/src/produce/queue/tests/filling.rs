//! Batches that are full, which nothing keeps from being sent.

use super::*;

const LINGER: Duration = Duration::from_secs(5);

/// Appends a record with a value of `bytes` to a queue that lingers.
fn append(bench: &mut Bench, bytes: usize) -> Option<Wake> {
    let value = vec![0; bytes];
    let record = RecordRef {
        value: Some((&value).into()),
        ..RecordRef::default()
    };
    let now = bench.now;
    let appended = bench.queue.append(
        &record,
        Choice::Given,
        &bench.settings,
        &mut Plenty,
        || now,
        || 0,
    );
    appended.unwrap().wake
}

fn lingering(batch_size: usize) -> Bench {
    let mut bench = Bench::established();
    bench.settings.linger = LINGER;
    bench.settings.batch_size = batch_size;
    // The sender comes by, and finds nothing more.
    bench.queue.visit(OLD, 1);
    bench
}

fn at_once() -> Option<Wake> {
    Some(Wake {
        node: OLD,
        at: None,
    })
}

#[test]
fn a_record_that_fills_a_batch_alone_does_not_linger() {
    for (batch_size, bytes) in [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
        (1000, 1000),
        (1000, 100_000),
    ] {
        let mut bench = lingering(batch_size);
        let told = format!("{bytes} bytes in a batch of {batch_size}");
        assert_eq!(append(&mut bench, bytes), at_once(), "{told}");
        let taken = bench.take(OLD).expect(&told);
        assert_eq!(taken.content.batch.count(), 1, "{told}");
    }
}

#[test]
fn the_record_that_fills_a_batch_to_the_last_byte_ends_its_lingering() {
    let length = |bytes: &[usize]| {
        let mut bench = lingering(100_000);
        for bytes in bytes {
            append(&mut bench, *bytes);
        }
        bench.queue.seal_open();
        bench.take(OLD).unwrap().content.batch.wire_len()
    };
    let exact = length(&[300, 300]);
    let due = Some(Wake {
        node: OLD,
        at: Some(Instant::from_millis(1000) + LINGER),
    });
    let mut bench = lingering(exact);
    assert_eq!(append(&mut bench, 300), due);
    assert_eq!(append(&mut bench, 300), at_once());
    assert_eq!(bench.take(OLD).unwrap().content.batch.count(), 2);
    // With one byte to spare it lingers on.
    let mut bench = lingering(exact + 1);
    assert_eq!(append(&mut bench, 300), due);
    assert_eq!(append(&mut bench, 300), None);
    assert_eq!(bench.take(OLD).unwrap_err(), NotTaken::Nothing);
}
