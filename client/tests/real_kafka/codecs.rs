//! Every codec, and records of every shape in it.

use std::time::Duration;

use milena::Compression;
use milena_codec::CompressionType;

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
            let batches = stored::batches(place, &client, ledger.topic(), partition).await;
            let mut kinds: Vec<CompressionType> =
                batches.iter().map(|batch| batch.codec().unwrap()).collect();
            if partition == 0 {
                assert_eq!(
                    kinds.pop(),
                    Some(CompressionType::None),
                    "{codec}: noise does not shrink"
                );
            }
            assert!(!kinds.is_empty());
            let is_right = |kind: &CompressionType| *kind == codec.codec();
            assert!(
                kinds.iter().all(is_right),
                "{codec}: partition {partition} has {kinds:?}"
            );
        }
        ledgers.push(ledger);
    }
    verify(place, &client, &ledgers).await;
}
