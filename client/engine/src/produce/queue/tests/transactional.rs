//! Batches that belong to a transaction.

use super::*;
use crate::produce::{Enrolment, Generation};

impl Bench {
    /// A transaction of the newer generation is open.
    fn transactional() -> Self {
        let mut bench = Self::new();
        bench.settings.transactional_id = Some(Str::from_static("tx"));
        bench.open();
        bench
    }

    fn open(&mut self) {
        *self.identity.enrolment() = Some(Enrolment::new(Generation::Implicit));
    }

    fn close(&mut self, epoch: i16) {
        *self.identity.enrolment() = None;
        let producer_id = 7;
        self.identity
            .handle_granted(ProducerIdentity { producer_id, epoch });
    }

    fn doom(&mut self) {
        let mut ended = Ended::default();
        self.queue.doom(self.now, &self.settings, &mut ended);
        self.note(ended);
    }
}

#[test]
fn batches_carry_the_flag_and_only_ever_leave_within_a_transaction() {
    let mut bench = Bench::transactional();
    bench.batch(1);
    let taken = bench.take(OLD).unwrap();
    assert!(taken.stamp.transactional);
    bench.settle(taken, stored(0));
    bench.close(0);
    bench.batch(1);
    assert_eq!(bench.take(OLD).unwrap_err(), NotTaken::NotEnrolled);
    bench.open();
    assert_eq!(numbers(&bench.take_all()), [(0, 1)]);
}

#[test]
fn a_partition_waits_until_the_coordinator_has_added_it() {
    let mut bench = Bench::transactional();
    *bench.identity.enrolment() = Some(Enrolment::new(Generation::Explicit));
    assert!(!bench.identity.wants_partitions());
    bench.batch(1);
    assert_eq!(bench.take(OLD).unwrap_err(), NotTaken::NotEnrolled);
    assert!(bench.identity.wants_partitions());
    let enrolment = bench.identity.enrolment().as_mut().unwrap();
    assert_eq!(enrolment.ask(), [(Str::from_static("topic"), 0)]);
    assert!(!enrolment.wants() && enrolment.is_asking() && !enrolment.has_begun());
    assert_eq!(bench.take(OLD).unwrap_err(), NotTaken::NotEnrolled);
    let enrolment = bench.identity.enrolment().as_mut().unwrap();
    assert_eq!(
        enrolment.ask(),
        [(Str::from_static("topic"), 0)],
        "asked again"
    );
    enrolment.handle_added();
    assert!(enrolment.has_begun());
    assert_eq!(numbers(&bench.take_all()), [(0, 0)]);
}

#[test]
fn a_new_epoch_between_transactions_starts_the_sequence_anew() {
    let mut bench = Bench::transactional();
    bench.batch(3);
    let taken = bench.take(OLD).unwrap();
    bench.settle(taken, stored(0));
    bench.close(1);
    bench.open();
    bench.batch(1);
    assert_eq!(numbers(&bench.take_all()), [(1, 0)]);
}

#[test]
fn the_same_epoch_goes_on_where_it_was() {
    let mut bench = Bench::transactional();
    bench.batch(3);
    let taken = bench.take(OLD).unwrap();
    bench.settle(taken, stored(0));
    bench.close(0);
    bench.open();
    bench.batch(1);
    assert_eq!(numbers(&bench.take_all()), [(0, 3)]);
}

#[test]
fn a_sequence_that_the_broker_lost_fails_the_batch_and_leaves_the_epoch() {
    for code in [
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
        ErrorCode::UNKNOWN_PRODUCER_ID,
        ErrorCode::INVALID_PRODUCER_EPOCH,
    ] {
        let mut bench = Bench::transactional();
        bench.batch(1);
        let taken = bench.take(OLD).unwrap();
        let settled = bench.settle(taken, refused(code));
        let (_, failure) = settled.done.unwrap();
        let failure = failure.unwrap_err();
        assert_eq!(
            (failure.reason, failure.persistence),
            (Reason::Refused(code), Persistence::No)
        );
        // Whatever comes next waits for the transaction's end.
        bench.batch(1);
        assert_eq!(bench.take(OLD).unwrap_err(), NotTaken::Nothing, "{code}");
        assert_eq!(bench.identity.current().unwrap().epoch, 0);
        bench.doom();
        bench.close(1);
        bench.open();
        bench.batch(1);
        assert_eq!(numbers(&bench.take_all()), [(1, 0)], "{code}");
    }
}

#[test]
fn after_what_is_doomed_the_sender_is_told_anew() {
    let mut bench = Bench::transactional();
    *bench.identity.enrolment() = Some(Enrolment::new(Generation::Explicit));
    bench.batch(1);
    assert_eq!(bench.take(OLD).unwrap_err(), NotTaken::NotEnrolled);
    assert!(bench.queue.is_ready_on(OLD), "it will look again");
    bench.doom();
    assert!(!bench.queue.is_ready_on(OLD), "but need not");
    bench.open();
    bench.batch(1);
    assert!(bench.queue.is_ready_on(OLD));
}

#[test]
fn of_what_is_doomed_only_the_attempt_in_flight_counts() {
    let mut bench = Bench::transactional();
    bench.batch(1);
    let first = bench.take(OLD).unwrap();
    bench.settle(first, stored(0));
    for _ in 0..4 {
        bench.batch(1);
    }
    let mut flying = bench.take_all();
    bench.batch(1);
    bench.doom();
    let [(unsent, failure)] = &bench.failed[..] else {
        panic!("{:?}", bench.failed);
    };
    assert_eq!((*unsent, failure.attempts, failure.numbered), (5, 0, false));
    assert_eq!(
        (&failure.reason, failure.persistence),
        (&Reason::Aborted, Persistence::No)
    );
    let outcomes = [
        (stored(1), None),
        (
            refused(ErrorCode::NOT_ENOUGH_REPLICAS),
            Some(Persistence::No),
        ),
        (Answer::Lost("cut".into()), Some(Persistence::Maybe)),
        (Answer::Unsent, Some(Persistence::No)),
    ];
    for (answer, failed) in outcomes {
        let settled = bench.settle(flying.remove(0), answer);
        assert!(settled.freed.is_some());
        let (_, result) = settled.done.unwrap();
        assert!(
            result.as_ref().is_err_and(|failure| failure.numbered) || failed.is_none(),
            "it leaves a hole, sent or not"
        );
        assert_eq!(
            result.as_ref().err().map(|failure| failure.persistence),
            failed
        );
        assert!(
            result
                .err()
                .is_none_or(|failure| failure.reason == Reason::Aborted)
        );
    }
    assert!(bench.queue.is_empty());
    bench.close(1);
    bench.open();
    bench.batch(1);
    let taken = bench.take(OLD).unwrap();
    let settled = bench.settle(taken, refused(ErrorCode::NOT_ENOUGH_REPLICAS));
    assert!(settled.done.is_none(), "the next transaction is not doomed");
}

#[test]
fn a_batch_that_waits_for_another_attempt_is_given_up_with_what_is_known_of_it() {
    let mut bench = Bench::transactional();
    bench.batch(1);
    let taken = bench.take(OLD).unwrap();
    bench.settle(taken, Answer::Lost("cut".into()));
    bench.doom();
    let [(0, failure)] = &bench.failed[..] else {
        panic!("{:?}", bench.failed);
    };
    assert_eq!(
        (&failure.reason, failure.persistence),
        (&Reason::Aborted, Persistence::Maybe)
    );
    assert_eq!((bench.freed, bench.queue.is_empty()), (1, true));
}
