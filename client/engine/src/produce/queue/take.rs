//! Which batch is sent next, and under which numbers.

use std::mem;

use milena_codec::{SealedBatch, Stamp};

use super::{BatchId, Content, Drained, PartitionQueue, Place, Step};
use crate::{
    cluster::NodeId,
    produce::{identity::Identity, numbering::UNNUMBERED, settings::Settings},
    time::Instant,
};

/// A batch on its way into a request.
#[derive(Debug)]
pub(in crate::produce) struct Taken {
    pub(in crate::produce) id: BatchId,
    pub(in crate::produce) content: Content,
    pub(in crate::produce) stamp: Stamp,
}

/// Why nothing was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::produce) enum NotTaken {
    /// There is nothing to send at the moment.
    Nothing,
    /// The next batch does not fit into the request.
    NoRoom,
    /// There is no producer id yet.
    NoIdentity,
}

impl<C> PartitionQueue<C> {
    /// Takes the batch that is to be sent next, if `node` is the one to send it to.
    ///
    /// Batches that were sent before go first, in their order. At most `room` bytes, unless the request is empty.
    pub(in crate::produce) fn take(
        &mut self,
        node: NodeId,
        room: Option<usize>,
        now: Instant,
        settings: &Settings,
        identity: &mut Identity,
    ) -> Result<Taken, NotTaken> {
        if self.leader.map(|leader| leader.node) != Some(node)
            || !matches!(self.step(now, settings), Step::Now)
        {
            return Err(NotTaken::Nothing);
        }
        if settings.idempotent && !self.renumber(identity) {
            return Err(NotTaken::NoIdentity);
        }
        let fits = |batch: &SealedBatch| room.is_none_or(|room| batch.wire_len() <= room);
        let waiting = self
            .drained
            .iter_mut()
            .find(|batch| matches!(batch.place, Place::Waiting { .. }));
        if let Some(batch) = waiting {
            if matches!(&batch.place, Place::Waiting { content, .. } if !fits(&content.batch)) {
                return Err(NotTaken::NoRoom);
            }
            let place = mem::replace(&mut batch.place, Place::InFlight(node));
            let Place::Waiting { content, .. } = place else {
                return Err(NotTaken::Nothing);
            };
            batch.attempts += 1;
            batch.broker = Some(node);
            return Ok(Taken {
                id: batch.id,
                content,
                stamp: batch.stamp,
            });
        }
        if self.sealed.is_empty() {
            self.seal_open();
        }
        let Some(next) = self.sealed.front() else {
            return Err(NotTaken::Nothing);
        };
        if !fits(&next.content.batch) {
            return Err(NotTaken::NoRoom);
        }
        let count = next.content.batch.count();
        let stamp = if settings.idempotent {
            self.numbering
                .assign(count, identity)
                .ok_or(NotTaken::NoIdentity)?
        } else {
            UNNUMBERED
        };
        let Some(sealed) = self.sealed.pop_front() else {
            return Err(NotTaken::Nothing);
        };
        self.batches += 1;
        let id = BatchId(self.batches);
        self.drained.push_back(Drained {
            id,
            completion: Some(sealed.completion),
            created: sealed.created,
            first_sent: now,
            count,
            stamp,
            place: Place::InFlight(node),
            attempts: 1,
            maybe_written: false,
            cause: None,
            broker: Some(node),
        });
        Ok(Taken {
            id,
            content: sealed.content,
            stamp,
        })
    }

    /// Begins the sequence anew where that is due. False if it is, and there is no identity to begin with.
    fn renumber(&mut self, identity: &mut Identity) -> bool {
        let hole_at_end = self.numbering.has_hole() && self.drained.is_empty();
        if !self.numbering.broken() && !hole_at_end {
            return true;
        }
        if !self.numbering.restart(identity) {
            return false;
        }
        for batch in &mut self.drained {
            if let Some(stamp) = self.numbering.assign(batch.count, identity) {
                batch.stamp = stamp;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::BytesMut;
    use milena_codec::{Compression, RecordRef};
    use milena_protocol::ErrorCode;

    use super::*;
    use crate::{
        backoff::{Backoff, Rng},
        produce::{
            Ack, Acks, Choice, Grant, Leader, Need, ProducerIdentity, Room, queue::settle::Answer,
        },
    };

    const NODE: NodeId = NodeId(1);

    struct Plenty;

    impl Room for Plenty {
        fn take(&mut self, need: Need) -> Option<Grant> {
            Some(Grant {
                chunk: (need.chunk > 0).then(|| BytesMut::with_capacity(need.chunk)),
                reserved: 0,
            })
        }
    }

    fn settings(idempotent: bool) -> Settings {
        Settings {
            acks: Acks::All,
            idempotent,
            batch_size: 1,
            linger: Duration::ZERO,
            max_in_flight: 5,
            max_request_size: 1 << 20,
            delivery_timeout: Duration::from_secs(120),
            request_timeout: Duration::from_secs(30),
            retries: 10,
            retry_backoff: Backoff {
                base: Duration::ZERO,
                max: Duration::ZERO,
            },
            compression: Compression::NONE,
        }
    }

    /// A partition with one record in each of `count` batches, and an identity.
    fn filled(count: usize, settings: &Settings) -> (PartitionQueue<()>, Identity) {
        let leader = Leader {
            node: NODE,
            epoch: 0,
        };
        let mut queue = PartitionQueue::new(Some(leader));
        for _ in 0..count {
            let record = RecordRef::default();
            queue
                .append(
                    &record,
                    Choice::Given,
                    settings,
                    &mut Plenty,
                    || Instant::ZERO,
                    || (),
                )
                .unwrap();
        }
        let mut identity = Identity::new();
        identity.handle_granted(ProducerIdentity {
            producer_id: 7,
            epoch: 0,
        });
        (queue, identity)
    }

    fn take_all(
        queue: &mut PartitionQueue<()>,
        settings: &Settings,
        identity: &mut Identity,
    ) -> Vec<Taken> {
        let take = || {
            queue
                .take(NODE, None, Instant::ZERO, settings, identity)
                .ok()
        };
        std::iter::from_fn(take).collect()
    }

    fn settle(queue: &mut PartitionQueue<()>, taken: Taken, code: ErrorCode, settings: &Settings) {
        let answer = if code.is_err() {
            Answer::Refused {
                code,
                message: None,
                record_errors: Vec::new(),
            }
        } else {
            Answer::Stored(Ack {
                base_offset: Some(0),
                log_append_time: None,
            })
        };
        let mut rng = Rng::new(1);
        queue.settle(
            taken.id,
            taken.content,
            answer,
            Instant::ZERO,
            settings,
            &mut rng,
        );
    }

    #[test]
    fn nothing_follows_the_first_batch_until_it_is_stored() {
        let settings = settings(true);
        let (mut queue, mut identity) = filled(9, &settings);
        for _ in 0..3 {
            let mut first = take_all(&mut queue, &settings, &mut identity);
            assert_eq!(first.len(), 1);
            let first = first.remove(0);
            assert_eq!(first.stamp.base_sequence, 0);
            // A broker that does not know yet that it leads the partition.
            settle(
                &mut queue,
                first,
                ErrorCode::NOT_LEADER_OR_FOLLOWER,
                &settings,
            );
        }
        let first = take_all(&mut queue, &settings, &mut identity).remove(0);
        settle(&mut queue, first, ErrorCode::NONE, &settings);
        let next = take_all(&mut queue, &settings, &mut identity);
        let sequences: Vec<i32> = next.iter().map(|taken| taken.stamp.base_sequence).collect();
        assert_eq!(sequences, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_new_epoch_begins_with_one_batch_too() {
        let settings = settings(true);
        let (mut queue, mut identity) = filled(5, &settings);
        let first = take_all(&mut queue, &settings, &mut identity).remove(0);
        settle(&mut queue, first, ErrorCode::NONE, &settings);
        let flight = take_all(&mut queue, &settings, &mut identity);
        assert_eq!(flight.len(), 4);
        for taken in flight {
            let code = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
            settle(&mut queue, taken, code, &settings);
        }
        let again = take_all(&mut queue, &settings, &mut identity);
        assert_eq!(again.len(), 1);
        let stamp = again[0].stamp;
        assert_eq!((stamp.producer_epoch, stamp.base_sequence), (1, 0));
    }

    #[test]
    fn without_numbers_nothing_is_waited_for() {
        let settings = settings(false);
        let (mut queue, mut identity) = filled(9, &settings);
        assert_eq!(take_all(&mut queue, &settings, &mut identity).len(), 5);
    }
}
