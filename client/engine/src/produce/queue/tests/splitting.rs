//! Batches that are too large.

use super::*;
use crate::produce::Share;

fn too_large() -> Answer {
    refused(ErrorCode::MESSAGE_TOO_LARGE)
}

impl Bench {
    /// The batch is refused as too large, and divided.
    fn divide(&mut self, taken: take::Taken) {
        let id = taken.id;
        let settled = self.settle(taken, too_large());
        assert!(settled.done.is_none() && settled.freed.is_none() && settled.retry.is_none());
        let parts = settled.split.unwrap().split().unwrap();
        let freed = self.queue.handle_parts(id, parts, self.now, &self.settings);
        assert!(freed.is_none());
    }

    /// Stores everything that is sent; says which records got which offset.
    fn store_all(&mut self) -> Vec<(Told, i64)> {
        let mut told = Vec::new();
        while let Ok(taken) = self.take(OLD) {
            let offset = i64::from(taken.stamp.base_sequence);
            let (share, result) = self.settle(taken, stored(offset)).done.unwrap();
            told.push((told_of(share), result.unwrap().base_offset.unwrap()));
        }
        told
    }
}

/// Who is told, and of which records if not of all.
type Told = (u32, Option<Range<u32>>);

fn told_of(share: Share<u32>) -> Told {
    (share.completion, share.part)
}

fn part(completion: u32, part: Range<u32>) -> Told {
    (completion, Some(part))
}

#[test]
fn a_batch_that_is_too_large_goes_on_in_parts_with_its_numbers() {
    let mut bench = Bench::established();
    bench.batch(4);
    bench.batch(1);
    let mut taken = bench.take_all();
    assert_eq!(numbers(&taken), [(0, 1), (0, 5)]);
    bench.divide(taken.remove(0));
    // What comes behind it was refused with it, and follows its parts.
    bench.settle(
        taken.remove(0),
        refused(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER),
    );
    let taken = bench.take_all();
    assert_eq!(numbers(&taken), [(0, 1), (0, 3), (0, 5)]);
    assert_eq!(taken[1].content.batch.count(), 2);
    let done: Vec<_> = taken
        .into_iter()
        .map(|taken| told_of(bench.settle(taken, stored(7)).done.unwrap().0))
        .collect();
    assert_eq!(done, [part(1, 0..2), part(1, 2..4), (2, None)]);
    assert!(bench.queue.is_empty());
}

#[test]
fn parts_are_divided_down_to_single_records() {
    let mut bench = Bench::established();
    bench.batch(4);
    let taken = bench.take(OLD).unwrap();
    bench.divide(taken);
    let second = bench.take_all().pop().unwrap();
    bench.divide(second);
    let mut taken = bench.take_all();
    assert_eq!(numbers(&taken), [(0, 3), (0, 4)]);
    let settled = bench.settle(taken.remove(0), too_large());
    assert!(settled.freed.is_some());
    let (share, result) = settled.done.unwrap();
    assert_eq!(told_of(share), part(1, 2..3));
    let failure = result.unwrap_err();
    assert_eq!(
        (failure.reason, failure.persistence, failure.records),
        (
            Reason::Refused(ErrorCode::MESSAGE_TOO_LARGE),
            Persistence::No,
            1
        )
    );
}

#[test]
fn numbers_of_parts_wrap_too() {
    let mut bench = Bench::established();
    let skipped = i32::MAX.unsigned_abs() - 2;
    bench
        .queue
        .numbering
        .assign(skipped, &mut bench.identity)
        .unwrap();
    bench.batch(4);
    let taken = bench.take(OLD).unwrap();
    bench.divide(taken);
    assert_eq!(numbers(&bench.take_all()), [(0, i32::MAX - 1), (0, 0)]);
}

#[test]
fn a_part_of_what_may_be_stored_may_be_stored() {
    let mut bench = Bench::established();
    bench.batch(2);
    let taken = bench.take(OLD).unwrap();
    bench.settle(taken, lost());
    bench.wait(BACKOFF);
    let taken = bench.take(OLD).unwrap();
    bench.divide(taken);
    let first = bench.take(OLD).unwrap();
    // The broker has the whole.
    let settled = bench.settle(first, refused(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER));
    let (_, failure) = failure(settled);
    assert_eq!(
        (failure.reason, failure.persistence),
        (Reason::Unresolved, Persistence::Maybe)
    );
}

#[test]
fn no_more_parts_are_in_flight_than_a_broker_remembers() {
    for (max_in_flight, idempotent) in [(5, true), (2, true), (1, true), (1, false)] {
        let mut bench = Bench::established();
        bench.settings.max_in_flight = max_in_flight;
        bench.settings.idempotent = idempotent;
        bench.batch(64);
        let taken = bench.take(OLD).unwrap();
        bench.divide(taken);
        for _ in 0..5 {
            let mut taken = bench.take_all();
            assert!(taken.len() <= max_in_flight);
            bench.divide(taken.remove(0));
            for behind in taken {
                bench.settle(behind, refused(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER));
            }
        }
        let in_flight = |bench: &Bench| {
            let flying = |batch: &&Drained<u32>| matches!(batch.place, Place::InFlight { .. });
            bench.queue.drained.iter().filter(flying).count()
        };
        bench.take_all();
        assert_eq!(bench.queue.drained.len(), 7);
        assert_eq!(in_flight(&bench), max_in_flight);
    }
}

#[test]
fn memory_is_shared_out_among_the_parts_and_comes_back_once() {
    let mut bench = Bench::established();
    bench.batch(5);
    let taken = bench.take(OLD).unwrap();
    let (id, reserved) = (taken.id, taken.content.reserved);
    let content = bench.settle(taken, too_large()).split.unwrap();
    let parts = content.split().unwrap();
    assert!(parts.iter().all(|part| part.reserved > 0));
    assert_eq!(
        parts.iter().map(|part| part.reserved).sum::<usize>(),
        reserved
    );
    // It runs out of time while it is being divided.
    bench.wait(TIMEOUT);
    bench.expire();
    let (completion, failure) = bench.failed.pop().unwrap();
    assert_eq!((completion, failure.reason), (1, Reason::Expired));
    let freed = bench
        .queue
        .handle_parts(id, parts, bench.now, &bench.settings);
    assert_eq!(freed.unwrap().freed.unwrap().reserved, reserved);
    assert!(bench.queue.is_empty());
    assert_eq!(bench.freed, 0);
}

#[test]
fn parts_are_sent_one_after_the_other_and_each_is_told() {
    let mut bench = Bench::established();
    bench.batch(8);
    let taken = bench.take(OLD).unwrap();
    bench.divide(taken);
    let first = bench.take(OLD).unwrap();
    bench.divide(first);
    assert_eq!(
        bench.store_all(),
        [(part(1, 0..2), 1), (part(1, 2..4), 3), (part(1, 4..8), 5)]
    );
}

#[test]
fn a_transaction_that_is_to_be_aborted_sends_no_parts() {
    let mut bench = Bench::established();
    bench.batch(4);
    let taken = bench.take(OLD).unwrap();
    let id = taken.id;
    let content = bench.settle(taken, too_large()).split.unwrap();
    bench
        .queue
        .doom(bench.now, &bench.settings, &mut Ended::default());
    let parts = content.split().unwrap();
    let settled = bench
        .queue
        .handle_parts(id, parts, bench.now, &bench.settings)
        .unwrap();
    assert!(settled.freed.is_some());
    let (completion, failure) = failure(settled);
    assert_eq!(
        (completion, failure.reason, failure.records),
        (1, Reason::Aborted, 4)
    );
    assert!(bench.queue.is_empty());
}
