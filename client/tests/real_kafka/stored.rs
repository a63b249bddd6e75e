//! Batches as they lie in a broker's log files.

use std::{fs, path::PathBuf};

use bytes::Bytes;
use milena::Client;
use milena_codec::{Batches, RecordBatch};

use crate::place::Place;

/// The batches of a partition, from the log of its leader.
pub(crate) async fn batches(
    place: Place,
    client: &Client,
    topic: &str,
    partition: i32,
) -> Vec<RecordBatch> {
    let partitions = client.partitions_for(topic).await.unwrap();
    let leader = partitions
        .iter()
        .find(|one| one.id == partition)
        .unwrap()
        .leader
        .unwrap();
    let folder = place
        .folder()
        .join(format!("node-{leader}/data/{topic}-{partition}"));
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "log");
    let mut segments: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(is_segment)
        .collect();
    segments.sort();
    let mut batches = Vec::new();
    for segment in segments {
        for batch in Batches::new(Bytes::from(fs::read(segment).unwrap())) {
            let batch = batch.unwrap().into_current().unwrap();
            batch.verify_crc().unwrap();
            batches.push(batch);
        }
    }
    batches
}
