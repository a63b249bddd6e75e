//! One partition's rules, batch by batch.

mod filling;
mod renewal;
mod splitting;
mod transactional;

use std::time::Duration;

use bytes::BytesMut;
use milena_codec::{Compression, RecordRef};
use milena_protocol::{ErrorCode, Str};

use super::*;
use crate::{
    backoff::{Backoff, Rng},
    produce::{
        Ack, Acks, Failure, Grant, Identity, Need, Persistence, ProducerIdentity, Reason, Settings,
        outcome::may_be_written, queue::take::NotTaken,
    },
};

const OLD: NodeId = NodeId(1);
const NEW: NodeId = NodeId(2);
const BACKOFF: Duration = Duration::from_millis(100);
const TIMEOUT: Duration = Duration::from_secs(10);

struct Plenty;

impl Room for Plenty {
    fn take(&mut self, need: Need) -> Option<Grant> {
        Some(Grant {
            chunk: (need.chunk > 0).then(|| BytesMut::with_capacity(need.chunk)),
            reserved: need.chunk,
        })
    }
}

/// A queue with all that its methods want.
struct Bench {
    queue: PartitionQueue<u32>,
    settings: Settings,
    identity: Identity,
    rng: Rng,
    now: Instant,
    batches: u32,
    failed: Vec<(u32, Failure)>,
    freed: usize,
}

impl Bench {
    fn new() -> Self {
        let mut identity = Identity::new();
        identity.handle_granted(ProducerIdentity {
            producer_id: 7,
            epoch: 0,
        });
        Self {
            queue: PartitionQueue::new(Some(Leader {
                node: OLD,
                epoch: 3,
            })),
            settings: Settings {
                acks: Acks::All,
                idempotent: true,
                transactional_id: None,
                batch_size: 1000,
                linger: Duration::ZERO,
                max_in_flight: 5,
                max_request_size: 1_000_000,
                delivery_timeout: TIMEOUT,
                request_timeout: Duration::from_secs(1),
                retries: u32::MAX,
                retry_backoff: Backoff {
                    base: BACKOFF,
                    max: BACKOFF,
                },
                compression: Compression::NONE,
            },
            identity,
            rng: Rng::new(1),
            now: Instant::from_millis(1000),
            batches: 0,
            failed: Vec::new(),
            freed: 0,
        }
    }

    /// A queue whose sequence a broker knows: a batch of one record is stored.
    fn established() -> Self {
        let mut bench = Self::new();
        bench.batch(1);
        let taken = bench.take(OLD).unwrap();
        bench.settle(taken, stored(0));
        bench
    }

    /// Appends a batch of `records` and closes it. Its completion is its number, from 0.
    fn batch(&mut self, records: u32) {
        let record = RecordRef {
            value: Some(b"value".into()),
            ..RecordRef::default()
        };
        let (now, number) = (self.now, self.batches);
        self.batches += 1;
        for _ in 0..records {
            let appended = self.queue.append(
                &record,
                Choice::Given,
                &self.settings,
                &mut Plenty,
                || now,
                || number,
            );
            assert_eq!(appended.unwrap().completion, number);
        }
        self.queue.seal_open();
    }

    fn take(&mut self, node: NodeId) -> Result<take::Taken, NotTaken> {
        let place = (&Str::from_static("topic"), 0);
        let (settings, identity) = (&self.settings, &mut self.identity);
        self.queue
            .take(node, None, self.now, settings, identity, place)
    }

    /// Everything that can be taken now.
    fn take_all(&mut self) -> Vec<take::Taken> {
        std::iter::from_fn(|| self.take(OLD).ok()).collect()
    }

    fn settle(&mut self, taken: take::Taken, answer: Answer) -> Settled<u32> {
        let take::Taken { id, content, .. } = taken;
        self.queue
            .settle(id, content, answer, self.now, &self.settings, &mut self.rng)
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
    }

    fn expire(&mut self) -> Option<Instant> {
        let mut ended = Ended::default();
        let again = self.queue.expire(self.now, &self.settings, &mut ended);
        self.note(ended);
        again
    }

    fn note(&mut self, ended: Ended<u32>) {
        let failed = ended.failed.into_iter();
        self.failed
            .extend(failed.map(|(share, failure)| (share.completion, failure)));
        self.freed += ended.freed.len();
    }
}

fn stored(base_offset: i64) -> Answer {
    Answer::Stored(Ack {
        base_offset: Some(base_offset),
        log_append_time: None,
    })
}

fn refused(code: ErrorCode) -> Answer {
    refused_at(code, -1)
}

/// As a broker refuses a batch that it had appended at that offset.
fn refused_at(code: ErrorCode, base_offset: i64) -> Answer {
    Answer::Refused {
        code,
        message: None,
        may_be_written: may_be_written(code, base_offset),
        record_errors: Vec::new(),
    }
}

fn lost() -> Answer {
    Answer::Lost("cut".into())
}

/// Epochs and sequence numbers.
fn numbers(taken: &[take::Taken]) -> Vec<(i16, i32)> {
    let number = |taken: &take::Taken| (taken.stamp.producer_epoch, taken.stamp.base_sequence);
    taken.iter().map(number).collect()
}

fn failure(settled: Settled<u32>) -> (u32, Failure) {
    let (share, result) = settled.done.unwrap();
    (share.completion, result.unwrap_err())
}

#[test]
fn numbers_are_given_when_a_batch_is_first_sent_and_kept_when_it_is_sent_again() {
    let mut bench = Bench::established();
    bench.batch(3);
    bench.batch(2);
    let taken = bench.take_all();
    assert_eq!(numbers(&taken), [(0, 1), (0, 4)]);
    for taken in taken {
        bench.settle(taken, lost());
    }
    bench.batch(1);
    bench.wait(BACKOFF);
    assert_eq!(numbers(&bench.take_all()), [(0, 1), (0, 4), (0, 6)]);
}

#[test]
fn numbers_wrap_behind_the_largest() {
    let mut bench = Bench::established();
    let skipped = i32::MAX.unsigned_abs() - 2;
    bench
        .queue
        .numbering
        .assign(skipped, &mut bench.identity)
        .unwrap();
    bench.batch(3);
    bench.batch(1);
    assert_eq!(numbers(&bench.take_all()), [(0, i32::MAX - 1), (0, 1)]);
}

#[test]
fn what_failed_is_sent_again_in_the_order_of_numbers_and_before_what_is_new() {
    let mut bench = Bench::established();
    for _ in 0..3 {
        bench.batch(1);
    }
    let mut taken = bench.take_all();
    bench.batch(1);
    let (third, second, first) = (
        taken.pop().unwrap(),
        taken.pop().unwrap(),
        taken.pop().unwrap(),
    );
    // The answers come in an order that says nothing.
    bench.settle(third, lost());
    bench.settle(first, lost());
    bench.settle(second, lost());
    bench.wait(BACKOFF);
    assert_eq!(numbers(&bench.take_all()), [(0, 1), (0, 2), (0, 3), (0, 4)]);
}

#[test]
fn the_first_batch_of_a_sequence_travels_alone() {
    let mut bench = Bench::new();
    bench.batch(1);
    bench.batch(1);
    let mut taken = bench.take_all();
    assert_eq!(numbers(&taken), [(0, 0)]);
    bench.settle(taken.remove(0), refused(ErrorCode::NOT_ENOUGH_REPLICAS));
    bench.wait(BACKOFF);
    let mut taken = bench.take_all();
    assert_eq!(numbers(&taken), [(0, 0)]);
    bench.settle(taken.remove(0), stored(0));
    assert_eq!(numbers(&bench.take_all()), [(0, 1)]);
}

#[test]
fn a_new_epoch_begins_with_one_batch_too() {
    let mut bench = Bench::established();
    for _ in 0..4 {
        bench.batch(1);
    }
    for taken in bench.take_all() {
        bench.settle(taken, refused(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER));
    }
    bench.wait(BACKOFF);
    assert_eq!(numbers(&bench.take_all()), [(1, 0)]);
}

#[test]
fn the_time_of_a_repeat_is_no_arrival() {
    let told = |losses: u32, arrival: i64| {
        let mut bench = Bench::established();
        // Its record's own timestamp is 0.
        bench.batch(1);
        for _ in 0..losses {
            let taken = bench.take(OLD).unwrap();
            bench.settle(taken, lost());
            bench.wait(BACKOFF);
        }
        let answer = Answer::Stored(Ack {
            base_offset: Some(1),
            log_append_time: Some(arrival),
        });
        let taken = bench.take(OLD).unwrap();
        let (_, result) = bench.settle(taken, answer).done.unwrap();
        result.unwrap().log_append_time
    };
    assert_eq!(told(1, 0), None);
    assert_eq!(told(1, 17), Some(17));
    assert_eq!(told(0, 0), Some(0));
}

#[test]
fn the_old_leader_answers_before_the_new_one_is_asked() {
    let mut bench = Bench::established();
    bench.batch(1);
    bench.batch(1);
    let mut taken = bench.take_all();
    bench.batch(1);
    bench.queue.handle_leader(Some(Leader {
        node: NEW,
        epoch: 4,
    }));
    assert_eq!(bench.take(NEW).unwrap_err(), NotTaken::Nothing);
    bench.settle(taken.remove(0), refused(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    assert_eq!(bench.take(NEW).unwrap_err(), NotTaken::Nothing);
    bench.settle(taken.remove(0), refused(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    assert_eq!(bench.take(OLD).unwrap_err(), NotTaken::Nothing);
    let wake = bench.queue.reschedule(bench.now, &bench.settings);
    assert_eq!(wake.map(|wake| wake.node), Some(NEW));
    bench.wait(BACKOFF);
    let again: Vec<_> = std::iter::from_fn(|| bench.take(NEW).ok()).collect();
    assert_eq!(numbers(&again), [(0, 1), (0, 2), (0, 3)]);
}

#[test]
fn a_new_leader_need_not_be_waited_for() {
    let mut bench = Bench::established();
    bench.batch(1);
    let taken = bench.take(OLD).unwrap();
    bench.settle(taken, refused(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    assert_eq!(bench.take(OLD).unwrap_err(), NotTaken::Nothing);
    let leader = |epoch| Some(Leader { node: NEW, epoch });
    bench.queue.handle_leader(leader(3));
    assert_eq!(
        bench.take(NEW).unwrap_err(),
        NotTaken::Nothing,
        "the same epoch says nothing new"
    );
    bench.queue.handle_leader(leader(4));
    assert!(bench.take(NEW).is_ok());
}

#[test]
fn a_repeat_stays_within_what_the_broker_remembers() {
    let mut bench = Bench::established();
    for _ in 0..8 {
        bench.batch(1);
    }
    let mut taken = bench.take_all();
    assert_eq!(taken.len(), 5);
    let oldest = taken.remove(0);
    bench.settle(oldest, lost());
    for taken in taken {
        bench.settle(taken, stored(0));
    }
    bench.wait(BACKOFF);
    // Four behind it are stored: with one more, the broker would not know the oldest again.
    let mut taken = bench.take_all();
    assert_eq!(numbers(&taken), [(0, 1)]);
    bench.settle(taken.remove(0), stored(0));
    assert_eq!(numbers(&bench.take_all()), [(0, 6), (0, 7), (0, 8)]);
}

#[test]
fn a_hole_is_filled_when_what_follows_it_is_stored() {
    let mut bench = Bench::established();
    bench.settings.retries = 0;
    bench.batch(1);
    bench.batch(1);
    let mut taken = bench.take_all();
    let (completion, failure) = failure(bench.settle(taken.remove(0), lost()));
    assert_eq!(
        (completion, failure.persistence),
        (1, Persistence::Maybe),
        "{failure:?}"
    );
    bench.batch(1);
    assert_eq!(
        bench.take(OLD).unwrap_err(),
        NotTaken::Nothing,
        "nothing new behind a hole"
    );
    bench.settle(taken.remove(0), stored(2));
    assert_eq!(numbers(&bench.take_all()), [(0, 3)]);
}

#[test]
fn a_hole_with_nothing_behind_it_begins_a_new_epoch() {
    let mut bench = Bench::established();
    bench.batch(4);
    let taken = bench.take(OLD).unwrap();
    let (_, failure) = failure(bench.settle(taken, refused(ErrorCode::INVALID_RECORD)));
    assert_eq!((failure.persistence, failure.records), (Persistence::No, 4));
    bench.batch(1);
    assert_eq!(numbers(&bench.take_all()), [(1, 0)]);
}

#[test]
fn a_broken_sequence_begins_anew_once_nothing_is_in_flight() {
    let mut bench = Bench::established();
    for _ in 0..3 {
        bench.batch(2);
    }
    let mut taken = bench.take_all();
    bench.batch(2);
    bench.settle(taken.remove(0), refused(ErrorCode::INVALID_RECORD));
    let out_of_order = || refused(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    let settled = bench.settle(taken.remove(0), out_of_order());
    assert!(settled.done.is_none());
    bench.wait(BACKOFF);
    assert_eq!(
        bench.take(OLD).unwrap_err(),
        NotTaken::Nothing,
        "one is in flight still"
    );
    let settled = bench.settle(taken.remove(0), out_of_order());
    assert_eq!(
        settled.retry, None,
        "it was refused because of the one before it"
    );
    let mut taken = bench.take_all();
    assert_eq!(numbers(&taken), [(1, 0)]);
    bench.settle(taken.remove(0), stored(1));
    assert_eq!(numbers(&bench.take_all()), [(1, 2), (1, 4)]);
}

#[test]
fn a_batch_that_may_be_stored_never_gets_new_numbers() {
    for unclear in [lost(), refused_at(ErrorCode::NOT_LEADER_OR_FOLLOWER, 0)] {
        let mut bench = Bench::established();
        bench.batch(1);
        let taken = bench.take(OLD).unwrap();
        bench.settle(taken, unclear);
        bench.wait(BACKOFF);
        let taken = bench.take(OLD).unwrap();
        let settled = bench.settle(taken, refused(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER));
        let (_, failure) = failure(settled);
        assert_eq!(
            (failure.reason, failure.persistence),
            (Reason::Unresolved, Persistence::Maybe)
        );
        bench.batch(1);
        assert_eq!(numbers(&bench.take_all()), [(1, 0)]);
    }
}

#[test]
fn a_batch_gets_no_new_numbers_once_one_behind_it_is_stored() {
    let mut bench = Bench::established();
    for _ in 0..3 {
        bench.batch(1);
    }
    let mut taken = bench.take_all();
    // The topic is deleted when the first one arrives, and is there again, without anything in it, when the last does.
    for _ in 0..2 {
        bench.settle(
            taken.remove(0),
            refused(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        );
    }
    bench.settle(taken.remove(0), stored(0));
    bench.wait(BACKOFF);
    for taken in bench.take_all() {
        let settled = bench.settle(taken, refused(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER));
        let (_, failure) = failure(settled);
        assert_eq!(
            (failure.reason, failure.persistence),
            (Reason::Overtaken, Persistence::No)
        );
    }
    bench.batch(1);
    assert_eq!(numbers(&bench.take_all()), [(1, 0)]);
}

#[test]
fn a_batch_that_no_leader_has_appended_gets_new_numbers() {
    let mut bench = Bench::established();
    bench.batch(1);
    let taken = bench.take(OLD).unwrap();
    bench.settle(taken, refused(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    bench.wait(BACKOFF);
    let taken = bench.take(OLD).unwrap();
    let settled = bench.settle(taken, refused(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER));
    assert!(settled.done.is_none());
    bench.wait(BACKOFF);
    assert_eq!(numbers(&bench.take_all()), [(1, 0)]);
}

#[test]
fn the_last_epoch_is_followed_by_a_new_id() {
    let mut bench = Bench::new();
    bench.identity.handle_granted(ProducerIdentity {
        producer_id: 7,
        epoch: i16::MAX,
    });
    bench.batch(1);
    let taken = bench.take(OLD).unwrap();
    bench.settle(taken, refused(ErrorCode::INVALID_RECORD));
    bench.batch(1);
    assert_eq!(bench.take(OLD).unwrap_err(), NotTaken::NoIdentity);
    assert!(bench.identity.wanted());
    bench.identity.handle_granted(ProducerIdentity {
        producer_id: 8,
        epoch: 0,
    });
    let taken = bench.take(OLD).unwrap();
    assert_eq!(
        (taken.stamp.producer_id, taken.stamp.producer_epoch),
        (8, 0)
    );
}

#[test]
fn what_runs_out_of_time_unsent_leaves_no_hole() {
    let mut bench = Bench::established();
    bench.batch(1);
    bench.wait(TIMEOUT);
    bench.batch(1);
    assert_eq!(bench.expire(), Some(bench.now + TIMEOUT));
    let (completion, failure) = bench.failed.pop().unwrap();
    assert_eq!(
        (completion, failure.reason, failure.persistence),
        (1, Reason::Expired, Persistence::No)
    );
    assert_eq!((failure.attempts, bench.freed), (0, 1));
    assert_eq!(numbers(&bench.take_all()), [(0, 1)]);
}

#[test]
fn what_runs_out_of_time_between_two_attempts_leaves_a_hole() {
    for (answer, persistence) in [
        (lost(), Persistence::Maybe),
        (refused(ErrorCode::NOT_ENOUGH_REPLICAS), Persistence::No),
        (
            refused(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND),
            Persistence::Maybe,
        ),
        (
            refused_at(ErrorCode::NOT_LEADER_OR_FOLLOWER, 0),
            Persistence::Maybe,
        ),
        (refused(ErrorCode::NOT_LEADER_OR_FOLLOWER), Persistence::No),
        (
            refused(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
            Persistence::No,
        ),
    ] {
        let mut bench = Bench::established();
        bench.batch(1);
        let taken = bench.take(OLD).unwrap();
        bench.settle(taken, answer);
        bench.wait(TIMEOUT);
        assert_eq!(bench.expire(), None);
        let (_, failure) = bench.failed.pop().unwrap();
        assert_eq!(
            (failure.reason, failure.persistence),
            (Reason::Expired, persistence)
        );
        assert_eq!(bench.freed, 1);
        bench.batch(1);
        assert_eq!(numbers(&bench.take_all()), [(1, 0)]);
    }
}

#[test]
fn what_runs_out_of_time_in_flight_keeps_its_memory_until_the_answer() {
    for late in [
        stored(9),
        lost(),
        refused(ErrorCode::NOT_ENOUGH_REPLICAS),
        Answer::Unsent,
    ] {
        let fills = matches!(late, Answer::Stored(_));
        let mut bench = Bench::established();
        bench.batch(1);
        let taken = bench.take(OLD).unwrap();
        bench.batch(1);
        bench.wait(TIMEOUT);
        bench.expire();
        let failures: Vec<_> = bench
            .failed
            .iter()
            .map(|(n, f)| (*n, f.persistence))
            .collect();
        assert_eq!(failures, [(1, Persistence::Maybe), (2, Persistence::No)]);
        assert_eq!(bench.freed, 1, "only what was not in flight");
        assert!(!bench.queue.is_empty());
        let settled = bench.settle(taken, late);
        assert!(settled.done.is_none(), "it has ended already");
        assert!(settled.freed.is_some() && settled.retry.is_none());
        assert!(bench.queue.is_empty());
        bench.batch(1);
        let epoch = i16::from(!fills);
        let sequence = if fills { 2 } else { 0 };
        assert_eq!(numbers(&bench.take_all()), [(epoch, sequence)]);
    }
}

#[test]
fn a_failed_attempt_after_the_delivery_timeout_is_the_last() {
    let mut bench = Bench::established();
    bench.batch(1);
    let taken = bench.take(OLD).unwrap();
    bench.wait(TIMEOUT);
    let settled = bench.settle(taken, refused(ErrorCode::NOT_ENOUGH_REPLICAS));
    let (_, failure) = failure(settled);
    assert_eq!(
        (failure.reason, failure.persistence, failure.attempts),
        (Reason::Expired, Persistence::No, 1)
    );
}

#[test]
fn closing_ends_everything_once() {
    let mut bench = Bench::established();
    bench.batch(1);
    bench.batch(1);
    let mut taken = bench.take_all();
    bench.batch(1);
    bench.settle(taken.remove(1), refused(ErrorCode::NOT_ENOUGH_REPLICAS));
    let mut ended = Ended::default();
    let reason = Reason::Closed;
    bench
        .queue
        .end_all(&reason, bench.now, &bench.settings, &mut ended);
    let ended: Vec<_> = ended
        .failed
        .iter()
        .map(|(share, failure)| (share.completion, failure.persistence))
        .collect();
    assert_eq!(
        ended,
        [
            (1, Persistence::Maybe),
            (2, Persistence::No),
            (3, Persistence::No)
        ]
    );
    assert!(!bench.queue.is_empty(), "one is in flight");
    assert!(bench.settle(taken.remove(0), stored(1)).done.is_none());
    assert!(bench.queue.is_empty());
}

#[test]
fn without_idempotence_nothing_is_numbered_and_nothing_is_held_back() {
    let mut bench = Bench::new();
    bench.settings.idempotent = false;
    bench.settings.retries = 0;
    bench.identity = Identity::new();
    bench.batch(1);
    bench.batch(1);
    let mut taken = bench.take_all();
    assert_eq!(numbers(&taken), [(-1, -1), (-1, -1)]);
    let (_, failure) = failure(bench.settle(taken.remove(0), lost()));
    assert_eq!(failure.persistence, Persistence::Maybe);
    bench.batch(1);
    assert_eq!(numbers(&bench.take_all()), [(-1, -1)]);
}

#[test]
fn lingering_asks_for_a_timer_once() {
    let mut bench = Bench::new();
    bench.settings.linger = Duration::from_millis(5);
    let record = RecordRef::default();
    let append = |bench: &mut Bench| {
        let now = bench.now;
        let appended = bench.queue.append(
            &record,
            Choice::Given,
            &bench.settings,
            &mut Plenty,
            || now,
            || 9,
        );
        appended.unwrap()
    };
    let first = append(&mut bench);
    let due = bench.now + Duration::from_millis(5);
    assert_eq!(
        first.wake,
        Some(Wake {
            node: OLD,
            at: Some(due)
        })
    );
    assert_eq!(append(&mut bench).wake, None);
    assert_eq!(bench.take(OLD).unwrap_err(), NotTaken::Nothing);
    bench.now = due;
    bench.queue.handle_timer(due);
    let wake = bench.queue.reschedule(due, &bench.settings);
    assert_eq!(
        wake,
        Some(Wake {
            node: OLD,
            at: None
        })
    );
    assert_eq!(bench.take(OLD).unwrap().content.batch.count(), 2);
}
