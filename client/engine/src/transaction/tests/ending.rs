//! How transactions end, and what becomes of the producer.

use super::*;
use Generation::{Explicit, Implicit};

#[test]
fn the_end_waits_for_the_records() {
    for generation in [Explicit, Implicit] {
        let mut bench = Bench::open(generation);
        bench.batch("a", 0);
        if generation == Explicit {
            bench.adding();
            bench.answer(added(&[("a", 0, NONE)]));
        }
        bench.txn.commit();
        assert_eq!(bench.txn.duty(), Some(Duty::Flush));
        assert!(bench.poll().is_none());
        bench.txn.handle_drained(Duty::Discard);
        assert!(bench.poll().is_none(), "that was another duty");
        bench.txn.handle_drained(Duty::Flush);
        assert_eq!(bench.txn.duty(), None);
        assert!(bench.end());
        assert_eq!(bench.outcome(), Ok(None));
        bench.answer(ended(NONE, -1, -1));
        assert_eq!(bench.outcome(), Ok(Some(Outcome::Committed)));
        assert_eq!(bench.txn.state(), &State::Ready);
        bench.begin();
        assert_eq!(bench.outcome(), Ok(None));
    }
}

#[test]
fn the_end_of_the_newer_generation_brings_the_next_epoch() {
    let mut bench = Bench::open(Implicit);
    for (producer_id, epoch) in [(7, 1), (7, 2), (8, 0)] {
        bench.batch("a", 0);
        bench.commit();
        assert!(bench.end());
        bench.answer(ended(NONE, producer_id, epoch));
        assert_eq!(
            bench.identity.current(),
            Some(ProducerIdentity { producer_id, epoch })
        );
        bench.begin();
    }
}

#[test]
fn a_transaction_without_anything_is_not_ended_by_request() {
    for generation in [Explicit, Implicit] {
        let mut bench = Bench::open(generation);
        bench.commit();
        assert!(bench.poll().is_none());
        assert_eq!(bench.outcome(), Ok(Some(Outcome::Committed)));
        bench.begin();
        bench.abort();
        assert!(bench.poll().is_none());
        assert_eq!(bench.outcome(), Ok(Some(Outcome::Aborted)));
        assert_eq!(bench.txn.state(), &State::Ready);
    }
}

#[test]
fn a_coordinator_that_moved_or_was_lost_is_looked_for_and_asked_the_same() {
    for generation in [Explicit, Implicit] {
        let mut bench = Bench::open(generation);
        bench.batch("a", 0);
        if generation == Explicit {
            bench.adding();
            bench.answer(added(&[("a", 0, ErrorCode::NOT_COORDINATOR)]));
            bench.find(COORDINATOR);
            bench.adding();
            bench.txn.handle_lost(&"cut".into(), bench.now);
            bench.find(COORDINATOR);
            bench.adding();
            bench.answer(added(&[("a", 0, NONE)]));
        }
        bench.commit();
        bench.end();
        bench.txn.handle_lost(&"cut".into(), bench.now);
        bench.find(COORDINATOR);
        assert!(bench.end());
        bench.answer(ended(ErrorCode::COORDINATOR_NOT_AVAILABLE, -1, -1));
        bench.find(COORDINATOR);
        assert!(bench.end());
        // It has it, and only completes it.
        bench.answer(ended(ErrorCode::CONCURRENT_TRANSACTIONS, -1, -1));
        assert!(bench.end());
        bench.answer(ended(NONE, 7, 1));
        assert_eq!(bench.outcome(), Ok(Some(Outcome::Committed)));
    }
}

#[test]
fn a_commit_that_may_have_come_about_is_asked_for_until_its_coordinator_answers() {
    let mut bench = Bench::open(Implicit);
    bench.batch("a", 0);
    bench.commit();
    assert!(bench.end());
    bench.txn.handle_lost(&"cut".into(), bench.now);
    for code in [
        ErrorCode::TRANSACTION_ABORTABLE,
        ErrorCode::GROUP_AUTHORIZATION_FAILED,
    ] {
        bench.ask_later();
        bench.answer(found("tx", code, -1));
        assert_eq!(bench.outcome(), Ok(None), "{code}");
    }
    bench.find(COORDINATOR);
    assert!(bench.end());
    bench.answer(ended(NONE, 7, 1));
    assert_eq!(bench.outcome(), Ok(Some(Outcome::Committed)));
}

#[test]
fn a_commit_that_is_decided_is_not_aborted() {
    let mut bench = Bench::open(Implicit);
    bench.batch("a", 0);
    bench.txn.commit();
    bench.txn.abort(&mut bench.identity);
    bench.txn.release(&mut bench.identity);
    bench.txn.handle_drained(Duty::Flush);
    assert!(bench.end());
    bench.txn.abort(&mut bench.identity);
    bench.answer(ended(NONE, 7, 1));
    assert_eq!(bench.outcome(), Ok(Some(Outcome::Committed)));
}

#[test]
fn a_record_that_failed_makes_the_commit_fail_and_the_epoch_change_after_the_abort() {
    for generation in [Explicit, Implicit] {
        for early in [true, false] {
            let mut bench = Bench::open(generation);
            bench.batch("a", 0);
            if generation == Explicit {
                bench.adding();
                bench.answer(added(&[("a", 0, NONE)]));
            }
            if early {
                bench.fail(Reason::Expired, true);
                bench.txn.commit();
            } else {
                bench.txn.commit();
                bench.fail(Reason::Expired, true);
                bench.txn.handle_drained(Duty::Flush);
            }
            assert!(matches!(bench.outcome(), Err(Spoiled::Abortable(_))));
            assert_eq!(bench.txn.duty(), Some(Duty::Discard));
            assert!(bench.poll().is_none());
            assert_eq!(bench.epoch(), 0, "not within the transaction");
            bench.abort();
            assert!(!bench.end());
            match generation {
                Explicit => {
                    bench.answer(ended(NONE, -1, -1));
                    assert_eq!(bench.outcome(), Ok(Some(Outcome::Aborted)));
                    assert_eq!(bench.txn.begin(generation, &mut bench.identity), Ok(None));
                    assert_eq!(bench.initialized(7, 1), (7, 0));
                }
                Implicit => bench.answer(ended(NONE, 7, 1)),
            }
            assert_eq!(bench.epoch(), 1);
            bench.begin();
        }
    }
}

#[test]
fn a_batch_given_up_by_the_abort_itself_changes_the_epoch_if_it_was_numbered() {
    for numbered in [false, true] {
        let mut bench = Bench::open(Explicit);
        bench.batch("a", 0);
        bench.adding();
        bench.answer(added(&[("a", 0, NONE)]));
        bench.txn.abort(&mut bench.identity);
        bench.fail(Reason::Aborted, numbered);
        bench.txn.handle_drained(Duty::Discard);
        assert!(!bench.end());
        bench.answer(ended(NONE, -1, -1));
        let expected = if numbered {
            State::Initializing
        } else {
            State::Ready
        };
        assert_eq!(bench.txn.state(), &expected);
    }
}

#[test]
fn an_abort_first_finds_out_what_was_added() {
    let mut bench = Bench::open(Explicit);
    bench.batch("a", 0);
    bench.adding();
    bench.txn.handle_lost(&"cut".into(), bench.now);
    bench.batch("b", 0);
    bench.abort();
    bench.find(COORDINATOR);
    assert_eq!(bench.adding(), [("a".into(), vec![0])]);
    bench.answer(added(&[("a", 0, NONE)]));
    assert!(!bench.end());

    let mut bench = Bench::open(Explicit);
    bench
        .txn
        .send_offsets(group(), vec![offset("in", 0, 5)])
        .unwrap();
    bench.ask();
    bench.abort();
    assert!(bench.poll().is_none(), "its answer is still due");
    bench.answer(group_added(NONE));
    assert!(!bench.end());

    let mut bench = Bench::open(Explicit);
    bench
        .txn
        .send_offsets(group(), vec![offset("in", 0, 5)])
        .unwrap();
    bench.abort();
    assert!(bench.poll().is_none());
    assert_eq!(bench.outcome(), Ok(Some(Outcome::Aborted)));
}

#[test]
fn a_commit_waits_for_the_offsets_and_fails_with_them() {
    let mut bench = Bench::open(Implicit);
    bench
        .txn
        .send_offsets(group(), vec![offset("in", 0, 5)])
        .unwrap();
    bench.txn.commit();
    bench.txn.handle_drained(Duty::Flush);
    bench.find(GROUPS);
    assert!(matches!(bench.ask().question, Question::TxnOffsetCommit(_)));
    bench.answer(offsets(&[(
        "in",
        0,
        ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
    )]));
    assert!(matches!(
        bench.ask_later().question,
        Question::TxnOffsetCommit(_)
    ));
    bench.answer(offsets(&[("in", 0, ErrorCode::UNKNOWN_MEMBER_ID)]));
    assert!(matches!(bench.outcome(), Err(Spoiled::Abortable(_))));
}

#[test]
fn fencing_is_final_whoever_tells_of_it() {
    for code in [
        ErrorCode::PRODUCER_FENCED,
        ErrorCode::INVALID_PRODUCER_EPOCH,
    ] {
        let mut bench = Bench::open(Implicit);
        bench.batch("a", 0);
        bench.commit();
        bench.end();
        bench.answer(ended(code, -1, -1));
        let Err(Spoiled::Fatal(trouble)) = bench.outcome() else {
            panic!("{:?}", bench.outcome());
        };
        assert_eq!(trouble.fatality(), Fatality::Fenced);
        assert_eq!(bench.txn.duty(), Some(Duty::Discard));
        assert!(bench.txn.begin(Implicit, &mut bench.identity).is_err());
        assert!(bench.poll().is_none());
    }
    // From the broker of a partition, an old epoch alone does not say so.
    let mut bench = Bench::open(Implicit);
    bench.fail(Reason::Refused(ErrorCode::INVALID_PRODUCER_EPOCH), true);
    assert!(matches!(bench.outcome(), Err(Spoiled::Abortable(_))));
    bench.fail(Reason::Refused(ErrorCode::PRODUCER_FENCED), true);
    assert!(matches!(bench.outcome(), Err(Spoiled::Fatal(_))));
}

#[test]
fn a_transaction_that_nobody_holds_is_aborted() {
    for spoilt in [true, false] {
        let mut bench = Bench::open(Implicit);
        bench.batch("a", 0);
        if spoilt {
            bench.fail(Reason::Expired, true);
        }
        bench.txn.release(&mut bench.identity);
        assert_eq!(bench.txn.begin(Implicit, &mut bench.identity), Ok(None));
        bench.txn.handle_drained(Duty::Discard);
        assert!(!bench.end());
        bench.answer(ended(NONE, 7, 1));
        bench.begin();
    }
}

#[test]
fn the_failure_of_a_commit_that_nobody_waits_for_is_told_at_the_next_begin() {
    let mut bench = Bench::open(Implicit);
    bench.batch("a", 0);
    bench.txn.commit();
    bench.txn.release(&mut bench.identity);
    bench.fail(Reason::Expired, true);
    assert_eq!(bench.txn.state(), &State::Aborting);
    bench.txn.handle_drained(Duty::Discard);
    assert!(!bench.end());
    bench.answer(ended(NONE, 7, 1));
    let told = bench.txn.begin(Implicit, &mut bench.identity);
    assert!(matches!(told, Err(Spoiled::Abortable(_))), "{told:?}");
    bench.begin();
}

#[test]
fn a_cluster_that_takes_up_the_newer_generation_gets_another_epoch_first() {
    let mut bench = Bench::open(Explicit);
    bench.commit();
    assert!(bench.poll().is_none());
    assert_eq!(bench.txn.begin(Implicit, &mut bench.identity), Ok(None));
    assert_eq!(bench.initialized(7, 1), (7, 0));
    bench.generation = Implicit;
    bench.begin();
    // And back, without.
    bench.commit();
    assert!(bench.poll().is_none());
    bench.generation = Explicit;
    bench.begin();
}

#[test]
fn answers_that_come_too_late_or_are_of_another_kind_change_nothing() {
    let mut bench = Bench::open(Implicit);
    bench.answer(ended(NONE, 9, 9));
    assert_eq!(
        (bench.txn.state(), bench.epoch()),
        (&State::InTransaction, 0)
    );
    bench.batch("a", 0);
    bench.commit();
    bench.end();
    bench.answer(granted(NONE, 9, 9));
    assert_eq!(bench.epoch(), 0);
    bench.find(COORDINATOR);
    assert!(bench.end());
}
