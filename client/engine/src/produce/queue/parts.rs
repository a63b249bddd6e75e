//! A batch that is too large goes on in parts.
//!
//! The parts take the batch's place in the order, with its numbers shared out among them, and with all that is known of
//! it: when it was appended, and whether an attempt of it is unaccounted for.

use milena_codec::{HEADER_LEN, sequence_add};

use super::{BatchId, Content, Drained, PartitionQueue, Place, Settled};
use crate::{
    produce::{outcome::Reason, settings::Settings},
    time::Instant,
};

impl Content {
    /// The records in two batches, or in more where their sizes are uneven; `None` if there is nothing to divide. The
    /// memory that was reserved is shared out: until it was compressed, the batch took as much as its parts do.
    pub(in crate::produce) fn split(&self) -> Option<Vec<Self>> {
        let whole = self.batch.uncompressed_len();
        let parts = self.batch.split(HEADER_LEN + whole.div_ceil(2)).ok()?;
        if parts.len() < 2 {
            return None;
        }
        let mut left = self.reserved;
        let mut unshared = whole;
        let share = |batch: milena_codec::SealedBatch| {
            let len = batch.uncompressed_len().min(unshared);
            let share = left as u128 * len as u128 / unshared.max(1) as u128;
            let reserved = usize::try_from(share).unwrap_or(left);
            left -= reserved;
            unshared -= len;
            Self {
                batch,
                reserved,
                compressed: false,
            }
        };
        let mut parts: Vec<_> = parts.into_iter().map(share).collect();
        if let Some(last) = parts.last_mut() {
            last.reserved += left;
        }
        Some(parts)
    }
}

impl<C: Clone> PartitionQueue<C> {
    /// The batch that was to be split is here in parts. They are sent without delay, unless it was given up meanwhile, or
    /// is to be.
    pub(in crate::produce) fn handle_parts(
        &mut self,
        id: BatchId,
        parts: Vec<Content>,
        now: Instant,
        settings: &Settings,
    ) -> Option<Settled<C>> {
        let at = self.drained.iter().position(|batch| batch.id == id);
        let batch = at.and_then(|at| self.drained.get(at));
        let wanted = batch.filter(|batch| batch.completion.is_some() && !self.doomed);
        let (Some(at), Some(batch)) = (at, wanted) else {
            let all = parts.into_iter().reduce(|all, part| Content {
                reserved: all.reserved + part.reserved,
                ..all
            });
            let reason = if self.doomed {
                Reason::Aborted
            } else {
                Reason::Expired
            };
            return Some(match at {
                Some(at) => self.give_up(at, all, reason, Vec::new(), now, settings),
                None => Settled::freed(None, all?),
            });
        };
        let (Place::InFlight { epoch, .. } | Place::Waiting { epoch, .. }) = batch.place;
        let mut first = batch.part.as_ref().map_or(0, |part| part.start);
        let mut stamp = batch.stamp;
        let parts: Vec<_> = parts
            .into_iter()
            .map(|content| {
                let count = content.batch.count();
                let part = Drained {
                    id: BatchId(id.0, first),
                    completion: batch.completion.clone(),
                    part: Some(first..first + count),
                    count,
                    stamp,
                    place: Place::Waiting {
                        content,
                        not_before: now,
                        epoch,
                    },
                    cause: batch.cause.clone(),
                    ..*batch
                };
                first += count;
                if settings.idempotent {
                    stamp.base_sequence = sequence_add(stamp.base_sequence, count);
                }
                part
            })
            .collect();
        self.drained.remove(at);
        self.ratio.reset(1.0);
        for part in parts.into_iter().rev() {
            self.drained.insert(at, part);
        }
        None
    }
}
