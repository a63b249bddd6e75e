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

fn bench() -> Bench {
    let mut bench = Bench::established(1);
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
    let mut bench = bench();
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
        let mut bench = bench();
        bench.settings.compression = compression;
        let mut bench = lingered(bench, 12);
        let (sent, told) = drive(&mut bench, 3);
        let stored: Vec<_> = sent.into_iter().filter(|sent| sent.len() <= 3).collect();
        assert_eq!(stored.concat(), (0..12).collect::<Vec<_>>());
        assert_eq!(told.len(), stored.len());
    }
}

#[test]
fn all_memory_comes_back_from_what_was_divided() {
    let mut bench = lingered(bench(), 12);
    drive(&mut bench, 1);
    let freed: usize = bench
        .effects
        .freed
        .iter()
        .map(|content| content.reserved)
        .sum();
    let mut whole = lingered(self::bench(), 12);
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
