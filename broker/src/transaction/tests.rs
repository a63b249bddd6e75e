use super::*;
use Generation::{First, Second};
use Outcome::{Abort, Commit};

const TIMEOUT: i32 = 1000;

fn initialized() -> Transaction {
    let mut transaction = Transaction::new(7);
    assert_eq!(initialize(&mut transaction, None), Ok((7, 0)));
    transaction
}

fn initialize(
    transaction: &mut Transaction,
    expected: Option<(i64, i16)>,
) -> Result<(i64, i16), ErrorCode> {
    match transaction.initialize(expected, TIMEOUT, || 8)? {
        Initialized::Done => Ok((transaction.producer_id, transaction.epoch)),
        Initialized::MustAbort => panic!("there is a transaction"),
    }
}

fn partition(index: i32) -> Participant {
    Participant::Partition(Str::from("orders"), index)
}

fn begin(transaction: &mut Transaction) {
    transaction.add([partition(0)], 0);
}

fn end(transaction: &mut Transaction, outcome: Outcome, generation: Generation) {
    let (id, epoch) = (transaction.producer_id, transaction.epoch);
    assert_eq!(
        transaction.check_end(id, epoch, outcome, generation),
        Ok(End::Prepare)
    );
    transaction.prepare(outcome, generation, 0, || 8);
    transaction.complete();
}

#[test]
fn a_new_producer_raises_the_epoch_and_one_that_goes_on_proves_itself() {
    let mut transaction = initialized();
    assert_eq!(initialize(&mut transaction, None), Ok((7, 1)));
    assert_eq!(initialize(&mut transaction, Some((7, 1))), Ok((7, 2)));
    // The same request again gives the same.
    assert_eq!(initialize(&mut transaction, Some((7, 1))), Ok((7, 2)));
    for fenced in [(7, 0), (9, 2)] {
        assert_eq!(
            initialize(&mut transaction, Some(fenced)),
            Err(ErrorCode::PRODUCER_FENCED)
        );
    }
    // After another producer came, the former has nothing to repeat.
    assert_eq!(initialize(&mut transaction, None), Ok((7, 3)));
    assert_eq!(
        initialize(&mut transaction, Some((7, 2))),
        Err(ErrorCode::PRODUCER_FENCED)
    );
}

#[test]
fn a_producer_may_claim_any_id_while_there_is_none() {
    let mut transaction = Transaction::new(7);
    assert_eq!(initialize(&mut transaction, Some((3, 5))), Ok((7, 0)));
}

#[test]
fn used_up_epochs_give_a_new_id() {
    let mut transaction = initialized();
    transaction.epoch = LAST_EPOCH - 1;
    assert_eq!(initialize(&mut transaction, None), Ok((7, LAST_EPOCH)));
    assert_eq!(
        initialize(&mut transaction, Some((7, LAST_EPOCH))),
        Ok((8, 0))
    );
    // The answer may have been lost.
    assert_eq!(
        initialize(&mut transaction, Some((7, LAST_EPOCH))),
        Ok((8, 0))
    );
    assert_eq!(
        initialize(&mut transaction, Some((7, LAST_EPOCH - 1))),
        Err(ErrorCode::PRODUCER_FENCED)
    );
}

#[test]
fn a_transaction_in_the_way_is_aborted_first_and_its_end_awaited() {
    for generation in [First, Second] {
        let mut transaction = initialized();
        assert_eq!(initialize(&mut transaction, Some((7, 0))), Ok((7, 1)));
        begin(&mut transaction);
        assert_eq!(
            transaction.initialize(None, TIMEOUT, || 8),
            Ok(Initialized::MustAbort)
        );
        transaction.fence(generation, 0);
        assert_eq!(transaction.epoch, 2);
        assert_eq!(
            initialize(&mut transaction, None),
            Err(ErrorCode::CONCURRENT_TRANSACTIONS)
        );
        transaction.complete();
        assert_eq!(transaction.state, TransactionState::CompleteAbort);
        // Who has been aborted can go on in the second generation, until another has come.
        let again = initialize(&mut transaction, Some((7, 1)));
        assert_eq!(
            again,
            match generation {
                First => Err(ErrorCode::PRODUCER_FENCED),
                Second => Ok((7, 2)),
            }
        );
        for before in [0, 3] {
            assert_eq!(
                initialize(&mut transaction, Some((7, before))),
                Err(ErrorCode::PRODUCER_FENCED)
            );
        }
        assert_eq!(initialize(&mut transaction, None), Ok((7, 3)));
        assert_eq!(
            initialize(&mut transaction, Some((7, 1))),
            Err(ErrorCode::PRODUCER_FENCED)
        );
    }
}

#[test]
fn only_the_holder_adds_and_not_while_completing() {
    let mut transaction = initialized();
    for (id, epoch, code) in [
        (9, 0, ErrorCode::INVALID_PRODUCER_ID_MAPPING),
        (7, 1, ErrorCode::PRODUCER_FENCED),
    ] {
        assert_eq!(transaction.check_add(id, epoch), Err(code));
        assert_eq!(transaction.check_has(id, epoch, &partition(0)), Err(code));
    }
    assert_eq!(transaction.check_add(7, 0), Ok(()));
    assert_eq!(
        transaction.check_has(7, 0, &partition(0)),
        Err(ErrorCode::TRANSACTION_ABORTABLE)
    );
    assert_eq!(transaction.add([partition(0)], 5), Some(1005));
    assert_eq!(transaction.add([partition(1)], 6), None);
    assert_eq!(transaction.check_has(7, 0, &partition(0)), Ok(()));
    transaction.prepare(Commit, Second, 7, || 8);
    for (id, epoch) in [(7, 1), (8, 0)] {
        assert_eq!(
            transaction.check_add(id, epoch),
            Err(ErrorCode::CONCURRENT_TRANSACTIONS)
        );
    }
    assert_eq!(transaction.markers.len(), 2);
    transaction.complete();
    assert_eq!(
        transaction.check_has(7, 1, &partition(0)),
        Err(ErrorCode::TRANSACTION_ABORTABLE)
    );
}

#[test]
fn in_the_first_generation_an_end_leaves_the_epoch_and_can_be_repeated() {
    for (outcome, other) in [(Commit, Abort), (Abort, Commit)] {
        let mut transaction = initialized();
        assert_eq!(
            transaction.check_end(7, 0, outcome, First),
            Err(ErrorCode::INVALID_TXN_STATE)
        );
        begin(&mut transaction);
        transaction.prepare(outcome, First, 0, || 8);
        assert_eq!(
            transaction.check_end(7, 0, outcome, First),
            Err(ErrorCode::CONCURRENT_TRANSACTIONS)
        );
        transaction.complete();
        assert_eq!((transaction.producer_id, transaction.epoch), (7, 0));
        assert_eq!(
            transaction.check_end(7, 0, outcome, First),
            Ok(End::Already)
        );
        assert_eq!(
            transaction.check_end(7, 0, other, First),
            Err(ErrorCode::INVALID_TXN_STATE)
        );
    }
}

#[test]
fn in_the_second_generation_an_end_raises_the_epoch_and_the_old_one_repeats_it() {
    for (outcome, other) in [(Commit, Abort), (Abort, Commit)] {
        let mut transaction = initialized();
        begin(&mut transaction);
        end(&mut transaction, outcome, Second);
        assert_eq!((transaction.producer_id, transaction.epoch), (7, 1));
        assert_eq!(
            transaction.check_end(7, 0, outcome, Second),
            Ok(End::Already)
        );
        assert_eq!(
            transaction.check_end(7, 0, other, Second),
            Err(ErrorCode::INVALID_TXN_STATE)
        );
        // Under the new epoch it is the next transaction, which is empty.
        assert_eq!(
            transaction.check_end(7, 1, Commit, Second),
            Err(ErrorCode::INVALID_TXN_STATE)
        );
        assert_eq!(transaction.check_end(7, 1, Abort, Second), Ok(End::Prepare));
        assert_eq!(
            transaction.check_end(7, 2, Abort, Second),
            Err(ErrorCode::PRODUCER_FENCED)
        );
        // The next one's end cannot be taken for a repetition of this one's.
        begin(&mut transaction);
        assert_eq!(
            transaction.check_end(7, 0, outcome, Second),
            Err(ErrorCode::PRODUCER_FENCED)
        );
    }
}

#[test]
fn the_last_epochs_end_gives_a_new_id_once_complete() {
    let mut transaction = initialized();
    transaction.epoch = LAST_EPOCH;
    begin(&mut transaction);
    transaction.prepare(Commit, Second, 0, || 8);
    // Markers are the old id's still.
    assert_eq!((transaction.producer_id, transaction.epoch), (7, i16::MAX));
    assert_eq!(transaction.holder_after(), (8, 0));
    transaction.complete();
    assert_eq!((transaction.producer_id, transaction.epoch), (8, 0));
    assert_eq!(
        transaction.check_end(7, LAST_EPOCH, Commit, Second),
        Ok(End::Already)
    );
    assert_eq!(
        transaction.check_end(7, 3, Commit, Second),
        Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING)
    );
}

#[test]
fn the_last_epoch_can_be_fenced_in_either_generation() {
    for generation in [First, Second] {
        let mut transaction = initialized();
        transaction.epoch = LAST_EPOCH;
        begin(&mut transaction);
        transaction.fence(generation, 0);
        assert_eq!(transaction.epoch, i16::MAX);
        transaction.complete();
        assert_eq!(initialize(&mut transaction, None), Ok((8, 0)));
    }
}
