//! What keeps the logs from filling the memory: limits by topic, and one for the cluster as a whole.

use crate::state::State;
use crate::topic::Partition;

impl State {
    /// Drops what is over the limits after an append to a partition. The newest batch of a partition always stays.
    ///
    /// `retention.ms` counts from the append, not from the records' own timestamps, which tests choose freely.
    pub(crate) fn enforce_retention(&mut self, topic: &str, index: i32, now: i64) {
        let limit = self.retention_bytes;
        if let Some(topic) = self.topics.get_mut(topic) {
            let (bytes, ms) = (topic.config.retention_bytes, topic.config.retention_ms);
            if let Some(partition) = topic.partition_mut(index) {
                let too_old = |at: i64| ms.is_some_and(|ms| now.saturating_sub(at) > ms);
                let mut freed = 0;
                while partition.log.bytes() > bytes.unwrap_or(u64::MAX)
                    || partition
                        .log
                        .oldest()
                        .is_some_and(|batch| too_old(batch.appended_at))
                {
                    match drop_oldest(partition) {
                        0 => break,
                        dropped => freed += dropped,
                    }
                }
                self.log_bytes -= freed;
            }
        }
        while self.log_bytes > limit {
            let Some((serial, id, index)) = self.append_order.pop_front() else {
                break;
            };
            let topic = self
                .names
                .get(&id)
                .and_then(|name| self.topics.get_mut(name));
            let Some(partition) = topic.and_then(|topic| topic.partition_mut(index)) else {
                continue;
            };
            // A batch that its topic's own limits dropped is no longer there to be dropped.
            if partition
                .log
                .oldest()
                .is_some_and(|batch| batch.serial == serial)
            {
                self.log_bytes -= drop_oldest(partition);
            }
        }
        self.forget_order();
    }

    /// Keeps the order of appends from growing where topics' own limits, or deletion, do the dropping.
    fn forget_order(&mut self) {
        while let Some((serial, id, index)) = self.append_order.front() {
            let topic = self.topic_by_id(*id);
            let oldest = topic.and_then(|topic| topic.partition(*index)?.log.oldest());
            if oldest.is_some_and(|batch| batch.serial <= *serial) {
                break;
            }
            self.append_order.pop_front();
        }
    }
}

/// Drops the oldest batch unless it is the only one, and says how many bytes that freed.
fn drop_oldest(partition: &mut Partition) -> u64 {
    if partition.log.batches().nth(1).is_none() {
        return 0;
    }
    let freed = partition.log.drop_oldest();
    partition.ledger.expire(partition.log.start());
    freed
}
