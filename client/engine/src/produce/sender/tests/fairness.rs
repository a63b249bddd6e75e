//! Who waits, and for what: large batches, and batches in a pause while memory is short.

use super::*;

#[test]
fn a_large_batch_is_not_starved_by_small_ones() {
    let mut bench = Bench::established(13);
    bench.settings.max_request_size = 1000;
    for round in 0..100 {
        // Twelve partitions never run out of small batches, which fill request after request.
        for small in 0..12 {
            bench.batch(small, 50);
        }
        if round == 20 {
            bench.batch(12, 900);
        }
        let outbound = bench.poll().unwrap();
        if contents(&outbound).contains(&("a".to_owned(), 12)) {
            assert!(round <= 23, "only in round {round}");
            return;
        }
        assert!(contents(&outbound).len() > 1);
        bench.answer(&outbound, |_| stored(1));
    }
    panic!("it is never sent");
}

/// Appends a small record, and leaves the batch open.
fn append(bench: &mut Bench) {
    let handle = bench.partitions[0].clone();
    let record = RecordRef::default();
    let (now, settings) = (bench.now, bench.settings.clone());
    let appended = handle
        .with(|queue| queue.append(&record, Choice::Given, &settings, &mut Plenty, || now, || 0));
    if let Some(wake) = appended.unwrap().wake {
        bench.sender.handle_wake(handle, wake.at);
    }
}

fn press(bench: &mut Bench) {
    bench
        .sender
        .handle_pressure(bench.now, &bench.settings, &mut bench.effects);
}

#[test]
fn memory_that_is_short_leaves_batches_alone_that_follow_one_in_a_pause() {
    let mut bench = Bench::established(1);
    bench.settings.linger = Duration::from_millis(5);
    append(&mut bench);
    press(&mut bench);
    let outbound = bench.poll().unwrap();
    bench.answer(&outbound, |_| refused(ErrorCode::NOT_ENOUGH_REPLICAS));
    let due = bench.sender.poll_timeout();
    assert_eq!(due, Some(bench.now + BACKOFF));
    // Callers that wait for memory press again and again, which must not make a batch of each record.
    for _ in 0..10 {
        append(&mut bench);
        press(&mut bench);
        assert!(bench.poll().is_none(), "it is sent before its time");
        assert_eq!(bench.sender.poll_timeout(), due);
    }
    bench.now += BACKOFF;
    let again = bench.poll().unwrap();
    assert_eq!((numbers(&again), records(&again)), (vec![1], vec![1]));
    let next = bench.poll().unwrap();
    assert_eq!((numbers(&next), records(&next)), (vec![2], vec![10]));
}

fn records(outbound: &Outbound) -> Vec<u32> {
    let topics = outbound.request.topic_data.iter();
    let data = topics.flat_map(|topic| &topic.partition_data);
    let count = |data: &PartitionProduceData| {
        let records = data.records.clone().unwrap().into_bytes();
        u32::try_from(BatchHeader::parse(&records).unwrap().records_count).unwrap()
    };
    data.map(count).collect()
}
