//! Which batches of an answer were in transactions that were aborted.
//!
//! A broker tells, with the records that it answers with, which transactions among them were aborted: the producer, and the
//! offset of the first record. Such a transaction ends with an ABORT marker of the same producer, after which its next
//! may begin. A producer has one transaction at a time, so at each batch there is a set of producers whose batches are
//! left out.

use std::collections::{BTreeSet, VecDeque};

use milena_codec::{BatchError, Decompressor, EndTransaction, RecordBatch};
use milena_protocol::fetch::AbortedTransaction;

#[derive(Debug, Default)]
pub(super) struct Aborted {
    /// First offset and producer id of those that begin further on, in the order in which they begin.
    later: VecDeque<(i64, i64)>,
    /// The producers whose transaction has begun.
    producers: BTreeSet<i64>,
}

impl Aborted {
    /// Of an answer to a reader of committed records.
    pub(super) fn new(told: Vec<AbortedTransaction>) -> Self {
        let mut later: Vec<_> = told
            .iter()
            .map(|aborted| (aborted.first_offset, aborted.producer_id))
            .collect();
        // They come in the order of their ends.
        later.sort_unstable();
        Self {
            later: later.into(),
            producers: BTreeSet::new(),
        }
    }

    /// Whether a batch was in an aborted transaction. Every batch of the answer has to be asked about, in order.
    ///
    /// # Errors
    ///
    /// When the batch ends transactions and cannot be read.
    pub(super) fn covers(
        &mut self,
        batch: &RecordBatch,
        decompressor: &mut Decompressor,
    ) -> Result<bool, BatchError> {
        let begun = |&mut (first, _): &mut (i64, i64)| first < batch.next_offset();
        while let Some((_, producer)) = self.later.pop_front_if(begun) {
            self.producers.insert(producer);
        }
        let producer = batch.header().producer_id;
        if !batch.header().attributes.is_transactional() || !self.producers.contains(&producer) {
            return Ok(false);
        }
        if batch.is_control() {
            for record in batch.records(decompressor)? {
                if EndTransaction::parse(&record?).is_some_and(|end| !end.committed) {
                    self.producers.remove(&producer);
                }
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use milena_codec::{
        Attributes, BatchBuilder, BatchHeader, Batches, HEADER_LEN, RecordRef, Stamp,
    };

    use super::*;

    /// A batch of one record by a producer, at an offset. A key makes it a control batch.
    fn batch(
        offset: i64,
        producer_id: i64,
        key: Option<&[u8]>,
        transactional: bool,
    ) -> RecordBatch {
        let mut builder = BatchBuilder::new(BatchBuilder::MAX_LEN);
        let record = RecordRef {
            key: key.map(Into::into),
            value: Some([0; 6][..].into()),
            ..Default::default()
        };
        builder.append(builder.cost(&record)).unwrap();
        let stamp = Stamp {
            producer_id,
            producer_epoch: 0,
            base_sequence: 0,
            transactional,
        };
        let bytes: Bytes = builder.seal().encode(stamp).concat().into();
        let mut header = BatchHeader::parse(&bytes).unwrap();
        header.base_offset = offset;
        if key.is_some() {
            header.attributes = Attributes(header.attributes.0 | 1 << 5);
        }
        let records = bytes.slice(HEADER_LEN..);
        let header = header.encode_with_crc([&records[..]]);
        let bytes = [&header[..], &records].concat();
        let batch = Batches::exact(bytes.into()).next().unwrap().unwrap();
        batch.into_current().unwrap()
    }

    const ABORT: Option<&[u8]> = Some(&[0, 0, 0, 0]);
    const COMMIT: Option<&[u8]> = Some(&[0, 0, 0, 1]);

    #[test]
    fn a_producers_batches_are_left_out_from_the_first_offset_to_the_marker() {
        let told =
            [(7, 10), (8, 3), (7, 2)].map(|(producer_id, first_offset)| AbortedTransaction {
                producer_id,
                first_offset,
                ..Default::default()
            });
        let mut aborted = Aborted::new(told.to_vec());
        let mut decompressor = Decompressor::default();
        for (offset, producer, key, transactional, covered) in [
            (1, 7, None, true, false),
            (2, 7, None, true, true),
            (3, 8, None, true, true),
            (4, 9, None, true, false),
            (5, 7, None, true, true),
            // What is outside transactions is never left out.
            (6, 7, None, false, false),
            (7, 7, ABORT, true, true),
            (8, 7, None, true, false),
            (9, 7, COMMIT, true, false),
            (10, 7, None, true, true),
            (11, 8, None, true, true),
            (12, 8, ABORT, true, true),
            (13, 8, None, true, false),
        ] {
            let batch = batch(offset, producer, key, transactional);
            let found = aborted.covers(&batch, &mut decompressor).unwrap();
            assert_eq!(found, covered, "{offset}");
        }
    }

    #[test]
    fn a_marker_that_cannot_be_read_is_an_error() {
        let whole = batch(0, 7, ABORT, true);
        let mut bytes = whole.bytes().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        let broken = Batches::exact(bytes.into()).next().unwrap().unwrap();
        let mut aborted = Aborted::new(vec![AbortedTransaction {
            producer_id: 7,
            ..Default::default()
        }]);
        let broken = broken.into_current().unwrap();
        assert!(
            aborted
                .covers(&broken, &mut Decompressor::default())
                .is_err()
        );
    }
}
