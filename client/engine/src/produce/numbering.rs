//! A partition's sequence numbers, and what is to be done when they have a hole.

use milena_codec::{Stamp, sequence_add};

use super::{
    identity::{Identity, ProducerIdentity},
    queue::BatchId,
};

/// The sequence of one partition.
///
/// A broker accepts a batch only if its sequence number follows the one before, and drops it as a repeat if it is one
/// of the last five. Four rules keep every record stored once and in order:
///
/// 1. A batch keeps its numbers until a broker has said that it is not stored. Until then, sending it again under the
///    same numbers is the only way to learn what became of it.
/// 2. A batch that is given up leaves a *hole*: nobody may know whether it is stored, so its numbers are not used
///    again. What comes after it is sent under the numbers it has; if the broker accepts that, the hole was filled.
/// 3. When the broker says that it lacks what came before (the sequence is *broken*), or when a hole has nothing
///    behind it, the partition begins anew under another epoch, from 0, once nothing is in flight any more. A batch
///    takes part in that only if every attempt of it was refused, and nothing behind it is stored: an attempt without an
///    answer may be a request that still lies in some socket's buffer, and the broker would take it under the old numbers
///    until the new epoch reaches it. If the oldest batch has no such attempt, none of those behind it can be stored either, since the
///    broker takes them only in sequence.
/// 4. Until a batch under its present numbers is stored, a partition has one batch in flight. A broker that has nothing
///    of a sequence takes whatever comes first for its beginning: if the first batch is refused because the broker has
///    not yet heard that it leads the partition, and the second comes a moment later, the second would be stored
///    before the first.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    identity: Option<ProducerIdentity>,
    next: i32,
    /// The latest batch that left without being stored.
    hole: Option<BatchId>,
    broken: bool,
    /// Whether a broker has something of the sequence, and so knows what follows it.
    established: bool,
    /// The last batch that may be in the log that was there before the topic was created anew.
    former: Option<BatchId>,
}

impl Numbering {
    /// Whether a broker has said that the sequence does not continue what it has.
    pub(super) const fn broken(&self) -> bool {
        self.broken
    }

    /// Whether numbers were used that may never be stored.
    pub(super) const fn has_hole(&self) -> bool {
        self.hole.is_some()
    }

    /// Whether a broker has stored something of the sequence.
    pub(super) const fn established(&self) -> bool {
        self.established
    }

    pub(super) fn handle_stored(&mut self, id: BatchId) {
        self.established |= match self.former {
            Some(former) => id > former,
            None => true,
        };
        if let Some(hole) = self.hole
            && id > hole
        {
            // The broker only takes what follows, so it has what was thought missing.
            self.hole = None;
        }
    }

    /// The log is another than before: what it takes first becomes the beginning of the sequence. That up to `last` a
    /// batch was stored says nothing of it: the answer may be about the former log.
    pub(super) const fn handle_renewed(&mut self, last: BatchId) {
        self.established = false;
        self.former = Some(last);
    }

    pub(super) fn handle_given_up(&mut self, id: BatchId) {
        self.hole = self.hole.max(Some(id));
    }

    pub(super) const fn handle_misplaced(&mut self) {
        self.broken = true;
    }

    /// The numbers of the next batch, or `None` while there is no producer id.
    pub(super) fn assign(&mut self, count: u32, identity: &mut Identity) -> Option<Stamp> {
        let current = match self.identity {
            Some(current) => current,
            None => {
                let current = identity.current()?;
                self.identity = Some(current);
                self.next = 0;
                current
            }
        };
        let stamp = Stamp {
            producer_id: current.producer_id,
            producer_epoch: current.epoch,
            base_sequence: self.next,
            transactional: false,
        };
        self.next = sequence_add(self.next, count);
        Some(stamp)
    }

    /// Begins anew from 0 under the identity that there is now, if that is another.
    pub(super) fn adopt(&mut self, identity: &Identity) {
        let current = identity.current();
        if self.identity != current {
            *self = Self {
                identity: current,
                ..Self::default()
            };
        }
    }

    /// Begins anew from 0 under another epoch; false while there is no identity to begin with.
    pub(super) fn restart(&mut self, identity: &mut Identity) -> bool {
        let Some(fresh) = identity.succeed(self.identity) else {
            return false;
        };
        *self = Self {
            identity: Some(fresh),
            ..Self::default()
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_wrap_to_zero_after_the_largest_number() {
        let mut identity = Identity::new();
        identity.handle_granted(ProducerIdentity {
            producer_id: 1,
            epoch: 0,
        });
        let mut numbering = Numbering::default();
        let mut base = |count| {
            numbering
                .assign(count, &mut identity)
                .unwrap()
                .base_sequence
        };
        assert_eq!(base(i32::MAX as u32), 0);
        assert_eq!(base(3), i32::MAX);
        assert_eq!(base(1), 2);
    }

    #[test]
    fn a_hole_is_filled_only_by_what_follows_it() {
        let mut numbering = Numbering::default();
        numbering.handle_given_up(BatchId(5, 0));
        numbering.handle_given_up(BatchId(3, 0));
        numbering.handle_stored(BatchId(4, 0));
        assert!(numbering.has_hole());
        numbering.handle_stored(BatchId(5, 7));
        assert!(!numbering.has_hole());
    }
}
