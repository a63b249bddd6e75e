//! Which batch is sent next, and under which numbers.

use std::{mem, time::Duration};

use milena_codec::{SealedBatch, Stamp};
use milena_protocol::Str;

use super::{BatchId, Content, Drained, PartitionQueue, Place, schedule::Step};
use crate::{
    cluster::{Leader, NodeId},
    produce::{identity::Identity, settings::Settings},
    time::Instant,
};

/// A batch on its way into a request.
#[derive(Debug)]
pub(in crate::produce) struct Taken {
    pub(in crate::produce) id: BatchId,
    pub(in crate::produce) content: Content,
    pub(in crate::produce) stamp: Stamp,
    /// Time since the first of its records was appended.
    pub(in crate::produce) queued: Duration,
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
    /// The partition does not belong to the transaction yet.
    NotEnrolled,
}

impl<C> PartitionQueue<C> {
    /// Takes the batch that is to be sent next, if `node` is the one to send it to.
    ///
    /// Batches that were sent before go first, in their order. At most `room` bytes, unless the request is empty.
    /// `place` is the partition's topic and number, by which a transaction knows it.
    pub(in crate::produce) fn take(
        &mut self,
        node: NodeId,
        room: Option<usize>,
        now: Instant,
        settings: &Settings,
        identity: &mut Identity,
        place: (&Str, i32),
    ) -> Result<Taken, NotTaken> {
        let Some(Leader { epoch, .. }) = self.leader.filter(|leader| leader.node == node) else {
            return Err(NotTaken::Nothing);
        };
        if !matches!(self.step(now, settings), Step::Now) {
            return Err(NotTaken::Nothing);
        }
        let transactional = settings.transactional_id.is_some();
        if transactional {
            self.enrol(identity, place)?;
        } else if settings.idempotent && !self.renumber(identity) {
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
            let place = mem::replace(&mut batch.place, Place::InFlight { node, epoch });
            let Place::Waiting { content, .. } = place else {
                return Err(NotTaken::Nothing);
            };
            batch.attempts += 1;
            batch.broker = Some(node);
            return Ok(Taken {
                id: batch.id,
                content,
                stamp: batch.stamp,
                queued: now.since(batch.created),
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
            let assigned = self.numbering.assign(count, identity);
            Stamp {
                transactional,
                ..assigned.ok_or(NotTaken::NoIdentity)?
            }
        } else {
            Stamp::NONE
        };
        let Some(sealed) = self.sealed.pop_front() else {
            return Err(NotTaken::Nothing);
        };
        self.batches += 1;
        let id = BatchId(self.batches, 0);
        self.drained.push_back(Drained {
            id,
            completion: Some(sealed.completion),
            part: None,
            overtaken: 0,
            stored_behind: false,
            created: sealed.created,
            first_sent: now,
            count,
            stamp,
            place: Place::InFlight { node, epoch },
            attempts: 1,
            maybe_written: false,
            cause: None,
            broker: Some(node),
        });
        Ok(Taken {
            id,
            content: sealed.content,
            stamp,
            queued: now.since(sealed.created),
        })
    }

    /// Sees to it that the partition belongs to the transaction, and that its numbers are the transaction's.
    ///
    /// The producer's epoch changes between transactions, and so a sequence never begins anew while anything is left of
    /// it. After a hole, nothing is sent until then.
    fn enrol(
        &mut self,
        identity: &mut Identity,
        (topic, index): (&Str, i32),
    ) -> Result<(), NotTaken> {
        if self.drained.is_empty() {
            self.numbering.adopt(identity);
            if self.numbering.has_hole() {
                return Err(NotTaken::Nothing);
            }
        }
        if identity.admits(topic, index) {
            Ok(())
        } else {
            Err(NotTaken::NotEnrolled)
        }
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
