//! Batches that are divided, before they are sent or after.

use std::ops::Range;

use milena_codec::{Batches, Decompressor};

use super::*;

/// One batch of so many records, which differ and are of about 100 bytes each.
fn fill(bench: &mut Bench, records: u32) {
    let handle = bench.partitions[0].clone();
    let (now, settings) = (bench.now, bench.settings.clone());
    for number in 0..records {
        let value = [&number.to_be_bytes()[..], &[b'x'; 90]].concat();
        let record = RecordRef {
            value: Some((&value).into()),
            ..RecordRef::default()
        };
        let appended = handle.with(|queue| {
            queue.append(&record, Choice::Given, &settings, &mut Plenty, || now, || 0)
        });
        if let Some(wake) = appended.unwrap().wake {
            bench.sender.handle_wake(handle.clone(), wake.at);
        }
    }
}

/// Numbers of the records in a request for one partition.
fn records(outbound: &Outbound) -> Vec<u32> {
    let data = &outbound.request.topic_data[0].partition_data[0];
    let bytes = data.records.clone().unwrap().into_bytes();
    let batch = Batches::exact(bytes).next().unwrap().unwrap();
    let records = batch.records(&mut Decompressor::default()).unwrap();
    let number = |value: bytes::Bytes| u32::from_be_bytes(*value.first_chunk().unwrap());
    records
        .map(|record| number(record.unwrap().value.unwrap()))
        .collect()
}

/// Stores what has at most `limit` records, and refuses the rest as too large. Says what was sent and what was told.
fn drive(bench: &mut Bench, limit: usize) -> (Vec<Vec<u32>>, Vec<Option<Range<u32>>>) {
    let (mut sent, mut told) = (Vec::new(), Vec::new());
    while let Some(outbound) = bench.poll() {
        assert!(bytes(&outbound) <= bench.settings.max_request_size);
        let records = records(&outbound);
        let few = records.len() <= limit;
        sent.push(records);
        bench.answer(&outbound, |_| match few {
            true => stored(0),
            false => refused(ErrorCode::MESSAGE_TOO_LARGE),
        });
        for finished in bench.effects.finished.drain(..) {
            assert!(finished.result.is_ok());
            told.push(finished.share.part);
        }
    }
    assert!(bench.partitions[0].with(|queue| queue.is_empty()));
    (sent, told)
}

#[test]
fn compressed_batches_fill_up_to_their_size() {
    let mut bench = bench(Compression::LZ4);
    bench.settings.batch_size = 2000;
    let (mut sizes, mut counts) = (Vec::new(), Vec::new());
    for _ in 0..60 {
        // What does not fill a batch lies open.
        fill(&mut bench, 200);
        while let Some(outbound) = bench.poll() {
            sizes.push(bytes(&outbound));
            counts.push(records(&outbound).len());
            bench.answer(&outbound, |_| stored(0));
        }
    }
    assert!(
        counts[0] <= 20 && counts[counts.len() - 1] > 60,
        "{counts:?}"
    );
    // Without an estimate they stay at 152 bytes.
    let late = sizes.split_off(sizes.len() - 20);
    assert!(
        late.iter().all(|size| (1000..=2100).contains(size)),
        "{late:?} after {sizes:?}"
    );
    assert!(late.iter().sum::<usize>() / 20 > 1500, "{late:?}");
}

#[test]
fn what_does_not_shrink_after_all_is_divided_where_it_outgrows_a_request() {
    let mut bench = bench(Compression::LZ4);
    bench.settings.batch_size = 2000;
    bench.settings.max_request_size = 2000;
    bench.settings.linger = Duration::ZERO;
    for _ in 0..30 {
        fill(&mut bench, 200);
        drive(&mut bench, usize::MAX);
    }
    let handle = bench.partitions[0].clone();
    let (now, settings) = (bench.now, bench.settings.clone());
    let mut rng = Rng::new(3);
    for _ in 0..100 {
        let value: Vec<u8> = (0..100).map(|_| rng.next_u64() as u8).collect();
        let record = RecordRef {
            value: Some((&value).into()),
            ..RecordRef::default()
        };
        let append = |queue: &mut PartitionQueue<i32>| {
            queue.append(&record, Choice::Given, &settings, &mut Plenty, || now, || 0)
        };
        if let Some(wake) = handle.with(append).unwrap().wake {
            bench.sender.handle_wake(handle.clone(), wake.at);
        }
    }
    let mut told = 0;
    while let Some(outbound) = bench.poll() {
        assert!(bytes(&outbound) <= 2000, "{}", bytes(&outbound));
        bench.answer(&outbound, |_| stored(0));
        for finished in bench.effects.finished.drain(..) {
            assert!(finished.result.is_ok());
            told += usize::from(finished.share.part.is_some());
        }
    }
    assert!(told > 1, "nothing was divided");
}

fn bench(compression: Compression) -> Bench {
    let mut bench = Bench::new(1);
    // What compresses is made for the first batch.
    bench.settings.compression = compression;
    bench.batch(0, 1);
    let first = bench.poll().unwrap();
    bench.answer(&first, |_| stored(0));
    bench.effects = Effects::new();
    bench.settings.batch_size = 100_000;
    bench.settings.max_request_size = 100_000;
    bench.settings.linger = Duration::from_millis(5);
    bench
}

fn lingered(mut bench: Bench, records: u32) -> Bench {
    fill(&mut bench, records);
    bench.now += Duration::from_millis(5);
    bench
}

#[test]
fn a_batch_that_outgrows_a_request_is_divided_before_it_is_sent() {
    let mut bench = bench(Compression::NONE);
    bench.settings.max_request_size = 450;
    let mut bench = lingered(bench, 10);
    let (sent, told) = drive(&mut bench, usize::MAX);
    assert_eq!(sent.concat(), (0..10).collect::<Vec<_>>());
    assert!(sent.len() > 2, "{sent:?}");
    let lengths: Vec<_> = told.into_iter().map(|part| part.unwrap().len()).collect();
    assert_eq!(lengths, sent.iter().map(Vec::len).collect::<Vec<_>>());
}

#[test]
fn what_a_broker_finds_too_large_is_divided_until_it_takes_it() {
    for compression in [Compression::NONE, Compression::LZ4] {
        let mut bench = lingered(bench(compression), 12);
        let (sent, told) = drive(&mut bench, 3);
        let stored: Vec<_> = sent.into_iter().filter(|sent| sent.len() <= 3).collect();
        assert_eq!(stored.concat(), (0..12).collect::<Vec<_>>());
        assert_eq!(told.len(), stored.len());
    }
}

#[test]
fn all_memory_comes_back_from_what_was_divided() {
    let mut bench = lingered(bench(Compression::NONE), 12);
    drive(&mut bench, 1);
    let freed: usize = bench
        .effects
        .freed
        .iter()
        .map(|content| content.reserved)
        .sum();
    let mut whole = lingered(self::bench(Compression::NONE), 12);
    drive(&mut whole, usize::MAX);
    let expected: usize = whole
        .effects
        .freed
        .iter()
        .map(|content| content.reserved)
        .sum();
    assert_eq!(freed, expected);
    assert!(freed > 0);
}
