//! From a partition's batch to its place in a request, and back into parts where it is too large. No lock is held while a
//! batch is compressed, checksummed or divided.

use milena_codec::{CodecError, Compressor, HEADER_LEN};
use milena_protocol::{
    Records,
    produce::{PartitionProduceData, TopicProduceData},
};

use super::{Carried, Effects, Measured, Partition, Sender};
use crate::{
    produce::{
        queue::{Answer, BatchId, Content, Taken},
        settings::Settings,
    },
    time::Instant,
};

impl<P: Partition> Sender<P> {
    /// Compresses, numbers and checksums a batch. `None` if it cannot be sent as it is; then it is seen to.
    pub(super) fn pack(
        &mut self,
        partition: P,
        taken: Taken,
        now: Instant,
        settings: &Settings,
        effects: &mut Effects<P>,
    ) -> Option<Carried<P>> {
        let Taken {
            id,
            mut content,
            stamp,
            queued,
        } = taken;
        // However often it is taken, it is compressed once.
        let is_first = !content.compressed;
        let compressed = self.compress(&partition, &mut content, settings, effects);
        let topic_id = partition.topic_id();
        let outgrown =
            content.batch.wire_len() > settings.max_request_size && content.batch.count() > 1;
        let trouble = match compressed {
            Err(error) => Some(Answer::Unsendable(error.to_string().into())),
            Ok(()) => outgrown.then_some(Answer::Outgrown),
        };
        let records = match &trouble {
            None => {
                if is_first {
                    effects.measured.push(Measured::Batch {
                        records: content.batch.count(),
                        bytes: content.batch.wire_len(),
                        uncompressed: HEADER_LEN + content.batch.uncompressed_len(),
                        queued,
                    });
                }
                Records::from_segments(content.batch.encode(stamp))
            }
            Some(_) => Records::default(),
        };
        let carried = Carried {
            partition,
            topic_id,
            id,
            content,
            records,
        };
        match trouble {
            None => Some(carried),
            Some(answer) => {
                self.settle(carried, answer, now, settings, effects);
                None
            }
        }
    }

    fn compress(
        &mut self,
        partition: &P,
        content: &mut Content,
        settings: &Settings,
        effects: &mut Effects<P>,
    ) -> Result<(), CodecError> {
        if content.compressed {
            return Ok(());
        }
        content.compressed = true;
        let compressor = match &mut self.compressor {
            Some(compressor) => compressor,
            none => none.insert(Compressor::new(settings.compression)?),
        };
        let outcome = content.batch.compress(compressor)?;
        if let Some(ratio) = outcome.ratio() {
            partition.with(|queue| queue.handle_ratio(ratio));
        }
        effects.chunks.extend(outcome.freed);
        Ok(())
    }

    /// Divides a batch that is too large.
    pub(super) fn split(
        &mut self,
        partition: P,
        id: BatchId,
        content: Content,
        now: Instant,
        settings: &Settings,
        effects: &mut Effects<P>,
    ) {
        let Some(parts) = content.split() else {
            let carried = Carried {
                topic_id: partition.topic_id(),
                partition,
                id,
                content,
                records: Records::default(),
            };
            let answer = Answer::Unsendable("it is too large, and cannot be divided".into());
            return self.settle(carried, answer, now, settings, effects);
        };
        // Its memory is that of the parts now.
        effects.chunks.extend(content.batch.recycle());
        let (settled, wake) = partition.with(|queue| {
            let settled = queue.handle_parts(id, parts, now, settings);
            (settled, queue.reschedule(now, settings))
        });
        if let Some(settled) = settled {
            effects.note(&partition, settled);
        }
        self.route(partition, wake, effects);
    }
}

/// The request's topics, each once, from batches sorted by topic and partition.
pub(super) fn topics<P: Partition>(batches: &mut [Carried<P>]) -> Vec<TopicProduceData> {
    let mut topics: Vec<TopicProduceData> = Vec::new();
    for batch in batches {
        let data = PartitionProduceData {
            index: batch.partition.index(),
            records: Some(batch.records.clone()),
            ..PartitionProduceData::default()
        };
        // Only the request needs it from here on; the next attempt makes it anew.
        batch.records = Records::default();
        match topics.last_mut() {
            Some(topic) if topic.name == *batch.partition.topic() => {
                topic.partition_data.push(data)
            }
            _ => topics.push(TopicProduceData {
                name: batch.partition.topic().clone(),
                topic_id: batch.topic_id,
                partition_data: vec![data],
                ..TopicProduceData::default()
            }),
        }
    }
    topics
}
