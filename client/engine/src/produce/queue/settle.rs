//! What follows from an answer, from the lack of one, and from the passing of time.

use std::{sync::Arc, time::Duration};

use milena_codec::Stamp;
use milena_protocol::ErrorCode;

use super::{BatchId, Content, Drained, PartitionQueue, Place, Sealed, Share};
use crate::{
    backoff::Rng,
    produce::{
        outcome::{Ack, Cause, Failure, Persistence, Reason, Verdict},
        settings::Settings,
    },
    time::Instant,
};

/// Records that the broker found at fault, by index in their batch.
type RecordErrors = Vec<(u32, Option<Arc<str>>)>;

/// What became of one attempt.
#[derive(Debug)]
pub(in crate::produce) enum Answer {
    Stored(Ack),
    Refused {
        code: ErrorCode,
        message: Option<Arc<str>>,
        /// The broker may have it all the same.
        may_be_written: bool,
        record_errors: RecordErrors,
    },
    /// The connection went away, or the answer did not come: the broker may have the batch.
    Lost(Arc<str>),
    /// It never left.
    Unsent,
    /// It never left, for compressed it is larger than a request may be.
    Outgrown,
    /// It cannot be sent at all.
    Unsendable(Arc<str>),
}

/// What is done with a batch that is not stored.
enum Next {
    /// It is sent again after a while, unless it was sent so often already.
    Retry(Reason),
    /// It is sent again without delay, and the attempt does not count.
    AtOnce,
    /// It goes on in parts, which are counted for themselves.
    Split,
    /// It is not sent again.
    GiveUp(Reason),
}

/// What follows from an answer.
#[derive(Debug)]
pub(in crate::produce) struct Settled<C> {
    /// The batch is done.
    pub(in crate::produce) done: Option<(Share<C>, Result<Ack, Failure>)>,
    /// Its memory is free again.
    pub(in crate::produce) freed: Option<Content>,
    /// It will be sent again, having been sent so often.
    pub(in crate::produce) retry: Option<u32>,
    /// It is too large: [`handle_parts`](PartitionQueue::handle_parts) waits for it in parts.
    pub(in crate::produce) split: Option<Content>,
}

/// Batches that were given up, for the caller to see to once it holds no lock.
#[derive(Debug)]
pub struct Ended<C> {
    /// Who is told, and of what.
    pub failed: Vec<(Share<C>, Failure)>,
    /// Those whose memory is free again: what is in flight keeps it until its answer.
    pub freed: Vec<Content>,
}

impl<C> Default for Ended<C> {
    fn default() -> Self {
        Self {
            failed: Vec::new(),
            freed: Vec::new(),
        }
    }
}

impl<C> PartitionQueue<C> {
    /// An attempt has an outcome.
    pub(in crate::produce) fn settle(
        &mut self,
        id: BatchId,
        content: Content,
        answer: Answer,
        now: Instant,
        settings: &Settings,
        rng: &mut Rng,
    ) -> Settled<C> {
        let Some(at) = self.drained.iter().position(|batch| batch.id == id) else {
            return Settled::freed(None, content);
        };
        let (oldest, doomed) = (at == 0, self.doomed);
        let Some(batch) = self.drained.get_mut(at) else {
            return Settled::freed(None, content);
        };
        let mut record_errors = Vec::new();
        let next = match answer {
            Answer::Stored(ack) => return self.settle_stored(at, content, ack),
            Answer::Outgrown => Next::Split,
            Answer::Unsent => Next::AtOnce,
            Answer::Lost(what) => {
                batch.maybe_written = true;
                batch.cause = Some(Cause::Connection(what));
                Next::Retry(Reason::ConnectionLost)
            }
            Answer::Refused {
                code,
                message,
                may_be_written,
                record_errors: records,
            } => {
                batch.maybe_written |= may_be_written;
                batch.cause = Some(Cause::Answer { code, message });
                record_errors = records;
                let verdict = Verdict::of(code, settings.idempotent);
                let next = batch.next(verdict, code, oldest, settings);
                if verdict == Verdict::Misplaced && matches!(next, Next::Retry(_)) {
                    self.numbering.handle_misplaced();
                }
                next
            }
            Answer::Unsendable(why) => {
                batch.attempts = batch.attempts.saturating_sub(1);
                Next::GiveUp(Reason::Unsendable(why))
            }
        };
        if matches!(next, Next::Split | Next::AtOnce) {
            batch.attempts = batch.attempts.saturating_sub(1);
        }
        let next = match next {
            Next::GiveUp(reason) => Next::GiveUp(reason),
            _ if doomed && batch.completion.is_some() => Next::GiveUp(Reason::Aborted),
            // Given up while in flight, and not stored by this attempt: the hole stays.
            _ if batch.completion.is_none() => Next::GiveUp(Reason::Expired),
            _ if batch.created + settings.delivery_timeout <= now => Next::GiveUp(Reason::Expired),
            Next::Retry(reason) if batch.attempts > settings.retries => Next::GiveUp(reason),
            next => next,
        };
        let (retry, not_before) = match next {
            Next::GiveUp(reason) => {
                return self.give_up(at, Some(content), reason, record_errors, now, settings);
            }
            Next::Split => return Settled::split(content),
            Next::AtOnce => (None, now),
            Next::Retry(_) => {
                let before = batch.attempts.saturating_sub(1);
                let pause = settings.retry_backoff.delay(before, rng);
                (Some(batch.attempts), now + pause)
            }
        };
        let (Place::InFlight { epoch, .. } | Place::Waiting { epoch, .. }) = batch.place;
        batch.place = Place::Waiting {
            content,
            not_before,
            epoch,
        };
        Settled {
            done: None,
            freed: None,
            retry,
            split: None,
        }
    }

    fn settle_stored(&mut self, at: usize, content: Content, mut ack: Ack) -> Settled<C> {
        let Some(mut batch) = self.remove_drained(at) else {
            return Settled::freed(None, content);
        };
        for before in self.drained.iter_mut().take(at) {
            before.stored_behind = true;
        }
        // For a batch that it has already, a broker gives the batch's latest timestamp as the time of arrival, even in a
        // topic that keeps the records' own.
        if batch.attempts > 1 && ack.log_append_time == Some(content.batch.max_timestamp()) {
            ack.log_append_time = None;
        }
        self.numbering.handle_stored(batch.id);
        self.trouble = None;
        Settled::freed(batch.share().map(|share| (share, Ok(ack))), content)
    }

    /// The drained batch at `at` will not be sent again.
    pub(super) fn give_up(
        &mut self,
        at: usize,
        content: Option<Content>,
        reason: Reason,
        record_errors: RecordErrors,
        now: Instant,
        settings: &Settings,
    ) -> Settled<C> {
        let Some(batch) = self.remove_drained(at) else {
            return Settled {
                done: None,
                freed: content,
                retry: None,
                split: None,
            };
        };
        if settings.idempotent {
            self.numbering.handle_given_up(batch.id);
        }
        let (failure, share, place) = batch.fail(reason, record_errors, now);
        let waiting = match place {
            Place::Waiting { content, .. } => Some(content),
            Place::InFlight { .. } => None,
        };
        Settled {
            done: share.map(|share| (share, Err(failure))),
            freed: content.or(waiting),
            retry: None,
            split: None,
        }
    }

    /// Gives up every batch whose delivery timeout has passed. Says when to look again, if any is left.
    pub fn expire(
        &mut self,
        now: Instant,
        settings: &Settings,
        ended: &mut Ended<C>,
    ) -> Option<Instant> {
        let due = |created: Instant| created + settings.delivery_timeout <= now;
        let reason = Reason::Expired;
        self.end_drained(|batch| due(batch.created), &reason, now, settings, ended);
        if self.open.as_ref().is_some_and(|open| due(open.created)) {
            self.seal_open();
        }
        while let Some(batch) = self.sealed.pop_front_if(|batch| due(batch.created)) {
            batch.fail(reason.clone(), self.trouble.clone(), now, ended);
        }
        let oldest = self
            .drained
            .iter()
            .filter(|batch| batch.completion.is_some())
            .map(|batch| batch.created)
            .chain(self.sealed.front().map(|batch| batch.created))
            .chain(self.open.as_ref().map(|open| open.created))
            .min();
        self.schedule.watched = oldest.is_some();
        oldest.map(|created| created + settings.delivery_timeout)
    }

    /// Gives up every batch. The partition takes records as before.
    pub fn end_all(
        &mut self,
        reason: &Reason,
        now: Instant,
        settings: &Settings,
        ended: &mut Ended<C>,
    ) {
        self.end_drained(|_| true, reason, now, settings, ended);
        self.end_unsent(reason, now, ended);
    }

    /// A broker refused the producer as such: what was never sent fails with its answer.
    pub fn refuse(
        &mut self,
        code: ErrorCode,
        message: Option<Arc<str>>,
        now: Instant,
        ended: &mut Ended<C>,
    ) {
        self.trouble = Some(Cause::Answer { code, message });
        self.end_unsent(&Reason::Refused(code), now, ended);
    }

    /// Gives up every batch that is not in flight, for its transaction is to be aborted. Those in flight end with this
    /// attempt, whatever comes of it.
    pub fn doom(&mut self, now: Instant, settings: &Settings, ended: &mut Ended<C>) {
        self.doomed = true;
        let waits = |batch: &Drained<C>| matches!(batch.place, Place::Waiting { .. });
        let reason = Reason::Aborted;
        self.end_drained(waits, &reason, now, settings, ended);
        self.end_unsent(&reason, now, ended);
    }

    fn end_unsent(&mut self, reason: &Reason, now: Instant, ended: &mut Ended<C>) {
        // A sender that was told of this may wait for something that nobody asks for any more, such as its partition's
        // place in an aborted transaction. It is told of what comes next.
        self.schedule.ready_on = None;
        self.seal_open();
        for batch in self.sealed.drain(..) {
            batch.fail(reason.clone(), self.trouble.clone(), now, ended);
        }
    }

    fn end_drained(
        &mut self,
        due: impl Fn(&Drained<C>) -> bool,
        reason: &Reason,
        now: Instant,
        settings: &Settings,
        ended: &mut Ended<C>,
    ) {
        let mut at = 0;
        while let Some(batch) = self.drained.get_mut(at) {
            if !due(batch) || batch.completion.is_none() {
                at += 1;
            } else if matches!(batch.place, Place::InFlight { .. }) {
                // Its answer is still due, its bytes may still be on the wire, and what follows depends on it.
                batch.maybe_written = true;
                ended.failed.extend(batch.abandon(reason.clone(), now));
                at += 1;
            } else {
                let settled = self.give_up(at, None, reason.clone(), Vec::new(), now, settings);
                if let Some((share, Err(failure))) = settled.done {
                    ended.failed.push((share, failure));
                }
                ended.freed.extend(settled.freed);
            }
        }
    }
}

impl<C> Drained<C> {
    /// What a broker's refusal means for it.
    fn next(&self, verdict: Verdict, code: ErrorCode, oldest: bool, settings: &Settings) -> Next {
        match verdict {
            // An older batch is not settled, and this one was refused because of it: it goes again right after that one.
            Verdict::Misplaced if !oldest => Next::AtOnce,
            // It can only be stored under new numbers. That is safe unless an earlier attempt is unaccounted for: it could
            // still be stored under the old ones.
            Verdict::Misplaced if self.maybe_written => Next::GiveUp(Reason::Unresolved),
            // Under new numbers it would be stored behind what was sent after it. A broker takes that only if it has nothing
            // of the sequence: a topic without id, created anew between two requests.
            Verdict::Misplaced if self.stored_behind => Next::GiveUp(Reason::Overtaken),
            // Within a transaction, the epoch stays.
            Verdict::Misplaced if settings.transactional_id.is_some() => {
                Next::GiveUp(Reason::Refused(code))
            }
            Verdict::TooLarge if self.count > 1 => Next::Split,
            Verdict::TooLarge | Verdict::Final => Next::GiveUp(Reason::Refused(code)),
            Verdict::Misplaced | Verdict::Stored | Verdict::Retry => {
                Next::Retry(Reason::Refused(code))
            }
        }
    }

    fn fail(
        mut self,
        reason: Reason,
        record_errors: RecordErrors,
        now: Instant,
    ) -> (Failure, Option<Share<C>>, Place) {
        let failure = self.failure(reason, record_errors, now);
        (failure, self.share(), self.place)
    }

    fn abandon(&mut self, reason: Reason, now: Instant) -> Option<(Share<C>, Failure)> {
        let failure = self.failure(reason, Vec::new(), now);
        self.share().map(|share| (share, failure))
    }

    /// Who is told, once.
    fn share(&mut self) -> Option<Share<C>> {
        self.completion.take().map(|completion| Share {
            completion,
            part: self.part.clone(),
            records: self.count,
            created: self.created,
        })
    }

    fn failure(&mut self, reason: Reason, record_errors: RecordErrors, now: Instant) -> Failure {
        Failure {
            reason,
            records: self.count,
            persistence: if self.maybe_written {
                Persistence::Maybe
            } else {
                Persistence::No
            },
            attempts: self.attempts,
            numbered: self.stamp != Stamp::NONE,
            cause: self.cause.take(),
            broker: self.broker,
            queued: self.first_sent.since(self.created),
            in_flight: now.since(self.first_sent),
            record_errors,
        }
    }
}

impl<C> Sealed<C> {
    fn fail(self, reason: Reason, cause: Option<Cause>, now: Instant, ended: &mut Ended<C>) {
        let failure = Failure {
            reason,
            records: self.content.batch.count(),
            persistence: Persistence::No,
            attempts: 0,
            numbered: false,
            cause,
            broker: None,
            queued: now.since(self.created),
            in_flight: Duration::ZERO,
            record_errors: Vec::new(),
        };
        let share = Share {
            completion: self.completion,
            part: None,
            records: failure.records,
            created: self.created,
        };
        ended.failed.push((share, failure));
        ended.freed.push(self.content);
    }
}

impl<C> Settled<C> {
    const fn split(content: Content) -> Self {
        Self {
            done: None,
            freed: None,
            retry: None,
            split: Some(content),
        }
    }

    pub(super) const fn freed(
        done: Option<(Share<C>, Result<Ack, Failure>)>,
        content: Content,
    ) -> Self {
        Self {
            done,
            freed: Some(content),
            retry: None,
            split: None,
        }
    }
}
