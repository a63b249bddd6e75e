//! Every codec, and records of every shape in it.

use std::time::Duration;

use milena::Compression;
use milena_codec::{CompressionType, Compressor, RecordBatch};

use crate::{
    ledger::{Ledger, verify},
    place::{Place, everywhere},
    sample::{Sample, noise, zoo},
    stored,
};

everywhere! { every_codec_is_read_back }

const RECORDS: usize = 420;

async fn every_codec_is_read_back(place: Place) {
    let client = place.client().await;
    let codecs = [
        Compression::NONE,
        Compression::SNAPPY,
        Compression::LZ4,
        Compression::GZIP,
        Compression::gzip(1).unwrap(),
        Compression::gzip(9).unwrap(),
        Compression::ZSTD,
        Compression::zstd(-5).unwrap(),
        Compression::zstd(19).unwrap(),
    ];
    let mut ledgers = Vec::new();
    for codec in codecs {
        let topic = place
            .topic(&client, &format!("codec-{}", codec.codec()), 3)
            .await;
        let producer = client
            .producer()
            .compression(codec)
            .linger(Duration::from_millis(50))
            .batch_size(64 << 10)
            .build()
            .unwrap();
        let mut ledger = Ledger::new(topic);
        ledger.send_all(&producer, zoo(RECORDS, 3)).await;
        assert_eq!(ledger.len(), RECORDS);
        // A record that does not shrink, alone in its batch, which then is not compressed.
        ledger
            .send_all(&producer, [Sample::of(noise(0, 1000)).on(0)])
            .await;
        producer.close(Duration::from_secs(10)).await.unwrap();

        for partition in 0..3 {
            let mut batches = stored::batches(place, &client, ledger.topic(), partition).await;
            if partition == 0 {
                let noise = batches.pop().unwrap();
                assert_eq!(
                    noise.codec().unwrap(),
                    CompressionType::None,
                    "{codec}: noise does not shrink"
                );
            }
            let of_codec = |batch: &RecordBatch| batch.codec().unwrap() == codec.codec();
            assert!(batches.iter().any(of_codec), "{codec}: {batches:?}");
            for batch in batches {
                assert!(
                    of_codec(&batch) || !shrinks(&batch, codec),
                    "{codec}: partition {partition} has {batch:?}"
                );
            }
        }
        ledgers.push(ledger);
    }
    verify(place, &client, &ledgers).await;
}

/// Whether an uncompressed batch would have been smaller in this codec: one that a pause cut off early
/// may hold a single record, which is not.
fn shrinks(batch: &RecordBatch, codec: Compression) -> bool {
    assert_eq!(batch.codec().unwrap(), CompressionType::None);
    let records = batch.records_section();
    let mut compressed = Vec::new();
    Compressor::new(codec)
        .unwrap()
        .compress([&records[..]].into_iter(), &mut compressed)
        .unwrap();
    compressed.len() < records.len()
}
