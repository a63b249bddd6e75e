//! Requests of a producer of transactions.

use super::*;
use crate::produce::Enrolment;

/// The version to stay at or below of a request within a transaction.
fn max_version(generation: Generation) -> Option<i16> {
    let mut bench = Bench::new(1);
    bench.settings.transactional_id = Some(Str::from_static("tx"));
    bench.batch(0, 1);
    *bench.identity.enrolment() = Some(Enrolment::new(generation));
    if generation == Generation::Explicit {
        assert!(bench.poll().is_none(), "nobody was told of the partition");
        let enrolment = bench.identity.enrolment().as_mut().unwrap();
        enrolment.ask();
        enrolment.handle_added();
    }
    bench.poll().unwrap().max_version
}

#[test]
fn a_broker_adds_no_partition_by_itself_where_the_coordinator_is_told() {
    assert_eq!(max_version(Generation::Explicit), Some(11));
    assert_eq!(max_version(Generation::Implicit), None);
}
