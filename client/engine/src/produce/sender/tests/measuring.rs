//! What there is to count and to time.

use super::*;

/// What was measured since the last call.
fn measured(bench: &mut Bench) -> Vec<Measured> {
    std::mem::take(&mut bench.effects.measured)
}

#[test]
fn a_batch_is_measured_once_and_each_request_with_its_end() {
    let mut bench = Bench::established(2);
    bench.batch(0, 1);
    bench.batch(1, 100);
    bench.now += Duration::from_millis(3);
    let first = bench.poll().unwrap();
    let told = measured(&mut bench);
    let [
        Measured::Batch {
            records: 1,
            bytes: small,
            queued,
            ..
        },
        Measured::Batch {
            records: 1,
            bytes: large,
            uncompressed,
            ..
        },
        Measured::Request { records: 2, bytes },
    ] = told[..]
    else {
        panic!("{told:?}")
    };
    assert_eq!(queued, Duration::from_millis(3));
    assert!(small > 61 && large > small + 90 && uncompressed == large);
    assert_eq!(bytes, small + large);

    // It did not even leave; it is the same batch all the same.
    let cause = "cut".into();
    let (now, settings) = (bench.now, bench.settings.clone());
    bench
        .sender
        .handle_lost(&cause, |_| false, now, &settings, &mut bench.effects);
    assert_eq!(measured(&mut bench), [Measured::Unanswered]);
    let again = bench.poll().unwrap();
    assert_eq!(contents(&again), contents(&first));
    let request = Measured::Request { records: 2, bytes };
    assert_eq!(measured(&mut bench), [request]);

    bench.now += Duration::from_millis(7);
    bench.answer(&again, |_| stored(1));
    let after = Duration::from_millis(7);
    assert_eq!(measured(&mut bench), [Measured::Answered { after }]);
    for finished in std::mem::take(&mut bench.effects.finished) {
        assert_eq!(finished.share.records, 1);
        assert_eq!(
            bench.now.since(finished.share.created),
            Duration::from_millis(10)
        );
    }
    // What is in flight when nothing more is sent is not answered.
    bench.batch(0, 1);
    bench.poll().unwrap();
    measured(&mut bench);
    bench.sender.abandon(&mut bench.effects);
    assert_eq!(measured(&mut bench), [Measured::Unanswered]);
}
