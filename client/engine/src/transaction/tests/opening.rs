//! From the first question to the last record.

use super::*;
use Generation::{Explicit, Implicit};

#[test]
fn a_producer_id_is_asked_of_the_coordinator_once_that_is_known() {
    let mut bench = Bench::new(Implicit);
    assert!(bench.poll().is_none());
    bench.txn.initialize();
    let asked = bench.ask();
    assert!(
        matches!(&asked.question, Question::FindCoordinator { key, key_type: 1 } if **key == *"tx")
    );
    assert!(bench.poll().is_none(), "one at a time");
    bench.answer(found("tx", NONE, 1));
    assert_eq!(bench.initialized(7, 3), (-1, -1));
    assert_eq!(bench.txn.state(), &State::Ready);
    let current = bench.identity.current();
    assert_eq!(
        current,
        Some(ProducerIdentity {
            producer_id: 7,
            epoch: 3
        })
    );
    assert!(bench.poll().is_none());
}

#[test]
fn a_coordinator_is_looked_for_until_there_is_one() {
    let mut bench = Bench::new(Implicit);
    bench.txn.initialize();
    for (code, node) in [(ErrorCode::COORDINATOR_NOT_AVAILABLE, -1), (NONE, -1)] {
        bench.ask_later();
        bench.answer(found("tx", code, node));
        assert!(bench.txn.hindrance().is_some());
    }
    bench.ask_later();
    bench.answer(found("another", NONE, 1));
    bench.ask_later();
    bench.txn.handle_lost(&"cut".into(), bench.now);
    bench.find(COORDINATOR);
    bench.initialized(7, 0);
    assert_eq!(bench.txn.hindrance(), None);
}

#[test]
fn older_coordinators_answer_without_a_key() {
    let mut bench = Bench::new(Explicit);
    bench.txn.initialize();
    bench.ask();
    bench.answer(Answer::FindCoordinator(FindCoordinatorResponse {
        node_id: 1,
        ..Default::default()
    }));
    bench.initialized(7, 0);
}

#[test]
fn what_cannot_be_asked_ends_the_producer() {
    let mut bench = Bench::new(Explicit);
    bench.txn.initialize();
    bench.ask();
    bench.txn.handle_unsupported(&"not offered".into());
    let State::FatalError(trouble) = bench.txn.state() else {
        panic!("{:?}", bench.txn.state());
    };
    assert_eq!(trouble.fatality(), Fatality::Unsupported);
    assert!(
        trouble
            .to_string()
            .contains("FindCoordinator (10): UNSUPPORTED_VERSION (35): not offered"),
        "{trouble}"
    );
}

#[test]
fn partitions_are_added_before_their_first_batch_and_together() {
    let mut bench = Bench::open(Explicit);
    assert!(!bench.batch("a", 0));
    assert!(!bench.batch("a", 2));
    assert!(!bench.batch("b", 1));
    assert_eq!(
        bench.adding(),
        [("a".into(), vec![0, 2]), ("b".into(), vec![1])]
    );
    // Those that come meanwhile are asked for next.
    assert!(!bench.batch("c", 0));
    assert!(bench.poll().is_none());
    bench.answer(added(&[("a", 0, NONE), ("a", 2, NONE), ("b", 1, NONE)]));
    assert!(bench.batch("a", 0) && bench.batch("b", 1) && !bench.batch("c", 0));
    assert_eq!(bench.adding(), [("c".into(), vec![0])]);
    bench.answer(added(&[("c", 0, NONE)]));
    assert!(bench.batch("c", 0));
    assert!(bench.poll().is_none());
}

#[test]
fn with_the_newer_generation_nothing_is_added_by_request() {
    let mut bench = Bench::open(Implicit);
    assert!(bench.batch("a", 0));
    bench
        .txn
        .send_offsets(group(), vec![offset("in", 0, 5)])
        .unwrap();
    bench.find(GROUPS);
    let asked = bench.ask();
    assert_eq!((asked.to, asked.max_version), (Some(GROUPS), None));
    assert!(matches!(asked.question, Question::TxnOffsetCommit(_)));
    bench.answer(offsets(&[("in", 0, NONE)]));
    bench.commit();
    assert!(bench.end());
}

#[test]
fn the_first_partitions_are_asked_for_again_soon_while_the_last_transaction_completes() {
    let mut bench = Bench::open(Explicit);
    bench.batch("a", 0);
    bench.adding();
    let before = bench.now;
    bench.answer(added(&[("a", 0, ErrorCode::CONCURRENT_TRANSACTIONS)]));
    bench.adding();
    assert_eq!(bench.now.since(before), Duration::from_millis(20));
    bench.answer(added(&[("a", 0, NONE)]));
    bench.batch("b", 0);
    bench.adding();
    let before = bench.now;
    bench.answer(added(&[("b", 0, ErrorCode::CONCURRENT_TRANSACTIONS)]));
    bench.adding();
    assert!(bench.now.since(before) >= BACKOFF.mul_f64(0.8));
}

#[test]
fn one_partition_that_may_not_be_added_spoils_the_transaction() {
    let mut bench = Bench::open(Explicit);
    bench.batch("a", 0);
    bench.batch("b", 0);
    bench.adding();
    let denied = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    bench.answer(added(&[
        ("a", 0, ErrorCode::OPERATION_NOT_ATTEMPTED),
        ("b", 0, denied),
    ]));
    let Err(Spoiled::Abortable(_)) = bench.outcome() else {
        panic!("{:?}", bench.outcome());
    };
    assert!(!bench.batch("a", 0));
    bench.abort();
    // Nothing was added, so there is nothing to be ended.
    assert_eq!(bench.initialized(7, 1), (7, 0));
    assert_eq!(bench.outcome(), Ok(Some(Outcome::Aborted)));
}

#[test]
fn a_group_is_added_and_then_told_of_its_offsets() {
    let mut bench = Bench::open(Explicit);
    let ticket = bench
        .txn
        .send_offsets(group(), vec![offset("in", 1, 9), offset("in", 0, 5)])
        .unwrap();
    let asked = bench.ask();
    assert_eq!(asked.to, Some(COORDINATOR));
    assert!(matches!(&asked.question, Question::AddOffsetsToTxn(r) if *r.group_id == *"readers"));
    bench.answer(group_added(NONE));
    bench.find(GROUPS);
    let asked = bench.ask();
    assert_eq!((asked.to, asked.max_version), (Some(GROUPS), Some(4)));
    let Question::TxnOffsetCommit(request) = asked.question else {
        panic!();
    };
    assert_eq!((request.generation_id, &*request.member_id), (3, "me"));
    assert_eq!(request.topics.len(), 1);
    let told = request.topics[0]
        .partitions
        .iter()
        .map(|p| (p.partition_index, p.committed_offset));
    assert_eq!(told.collect::<Vec<_>>(), [(0, 5), (1, 9)]);
    assert_eq!(bench.txn.has_offsets(ticket), Ok(false));
    bench.answer(offsets(&[("in", 0, NONE), ("in", 1, NONE)]));
    assert_eq!(bench.txn.has_offsets(ticket), Ok(true));
}

#[test]
fn only_offsets_that_were_not_taken_are_sent_again_and_not_at_once() {
    let mut bench = Bench::open(Implicit);
    let ticket = bench
        .txn
        .send_offsets(group(), vec![offset("in", 0, 5), offset("in", 1, 9)])
        .unwrap();
    bench.find(GROUPS);
    bench.ask();
    let before = bench.now;
    bench.answer(offsets(&[
        ("in", 0, NONE),
        ("in", 1, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
    ]));
    let asked = bench.ask_later();
    assert!(bench.now.since(before) >= BACKOFF.mul_f64(0.8));
    let Question::TxnOffsetCommit(request) = asked.question else {
        panic!();
    };
    assert_eq!(request.topics[0].partitions.len(), 1);
    assert_eq!(request.topics[0].partitions[0].partition_index, 1);
    bench.answer(offsets(&[]));
    assert_eq!(
        bench.txn.has_offsets(ticket),
        Ok(false),
        "nothing was said of it"
    );
    bench.ask_later();
    // The group's coordinator is elsewhere now, or too slow.
    for code in [ErrorCode::NOT_COORDINATOR, ErrorCode::REQUEST_TIMED_OUT] {
        bench.answer(offsets(&[("in", 1, code)]));
        bench.find(GROUPS);
        bench.ask();
    }
    bench.answer(offsets(&[("in", 1, NONE)]));
    assert_eq!(bench.txn.has_offsets(ticket), Ok(true));
}

#[test]
fn a_member_of_a_past_generation_spoils_the_transaction() {
    let mut bench = Bench::open(Implicit);
    let ticket = bench
        .txn
        .send_offsets(group(), vec![offset("in", 0, 5)])
        .unwrap();
    bench.find(GROUPS);
    bench.ask();
    bench.answer(offsets(&[("in", 0, ErrorCode::ILLEGAL_GENERATION)]));
    assert!(matches!(
        bench.txn.has_offsets(ticket),
        Err(Spoiled::Abortable(_))
    ));
    bench.abort();
    assert!(!bench.end(), "the group may be part of the transaction");
}

#[test]
fn another_groups_coordinator_is_looked_for() {
    let mut bench = Bench::open(Implicit);
    bench
        .txn
        .send_offsets(group(), vec![offset("in", 0, 5)])
        .unwrap();
    let other = Group {
        id: Str::from_static("others"),
        ..group()
    };
    bench
        .txn
        .send_offsets(other, vec![offset("in", 0, 5)])
        .unwrap();
    bench.find(GROUPS);
    bench.ask();
    bench.answer(offsets(&[("in", 0, NONE)]));
    bench.find(COORDINATOR);
    assert_eq!(bench.ask().to, Some(COORDINATOR));
}
