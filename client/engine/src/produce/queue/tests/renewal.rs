//! Logs that are others than before, and leaders that changed while an answer was due.

use super::*;

#[test]
fn after_its_topic_is_created_anew_a_sequence_begins_with_one_batch() {
    let mut bench = Bench::established();
    bench.queue.handle_renewed();
    bench.batch(1);
    bench.batch(1);
    let mut taken = bench.take_all();
    assert_eq!(numbers(&taken), [(0, 1)]);
    bench.settle(
        taken.remove(0),
        refused(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
    );
    bench.wait(BACKOFF);
    let mut taken = bench.take_all();
    assert_eq!(numbers(&taken), [(0, 1)], "still nothing is stored");
    bench.settle(taken.remove(0), stored(0));
    bench.batch(1);
    assert_eq!(numbers(&bench.take_all()), [(0, 2), (0, 3)]);
}

#[test]
fn an_answer_about_the_former_log_says_nothing_of_the_new_one() {
    let mut bench = Bench::established();
    bench.batch(1);
    let taken = bench.take(OLD).unwrap();
    bench.queue.handle_renewed();
    bench.settle(taken, stored(1));
    bench.batch(1);
    bench.batch(1);
    assert_eq!(numbers(&bench.take_all()), [(0, 2)]);
}

#[test]
fn a_leader_elected_while_the_answer_was_due_need_not_be_waited_for() {
    for answer in [lost(), refused(ErrorCode::NOT_LEADER_OR_FOLLOWER)] {
        let mut bench = Bench::established();
        bench.batch(1);
        let taken = bench.take(OLD).unwrap();
        bench.queue.handle_leader(Some(Leader {
            node: OLD,
            epoch: 4,
        }));
        bench.settle(taken, answer);
        assert_eq!(numbers(&bench.take_all()), [(0, 1)]);
    }
    // Without one there is a pause.
    let mut bench = Bench::established();
    bench.batch(1);
    let taken = bench.take(OLD).unwrap();
    bench.settle(taken, refused(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    assert_eq!(bench.take(OLD).unwrap_err(), NotTaken::Nothing);
}
