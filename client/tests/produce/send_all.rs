//! Many records in one call.

use std::time::Duration;

use milena::{ProduceErrorKind, Record};
use milena_broker::{
    Cluster, Fault,
    protocol::{ApiKey, ErrorCode},
};
use tokio::time::{Instant, timeout};

use crate::{
    faults::{drained, ms, one_by_one, seconds, start},
    stored::stored,
    tcp::{HOUR, hang},
};

/// `count` records for one partition, numbered.
fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:06}")).collect()
}

#[tokio::test(start_paused = true)]
async fn each_record_has_its_outcome_in_order_wherever_it_fails() {
    let builder = Cluster::builder().nodes(3).topic("orders", 6);
    let (cluster, client) = start(builder.auto_create_topics(false)).await;
    let producer = one_by_one(&client).max_block(seconds(1)).build().unwrap();
    cluster.faults().push(
        Fault::error(ErrorCode::INVALID_RECORD)
            .on(ApiKey::PRODUCE)
            .partition(1)
            .always(),
    );
    let large = vec![0; 2 << 20];
    let record = |nth: i32| match nth % 10 {
        1 => Record::to("orders").partition(0).value(&large),
        2 => Record::to("nowhere").value("v"),
        3 => Record::to("orders").partition(1).value("v"),
        _ => Record::to("orders").partition(nth % 2 * 2).value("v"),
    };
    let handle = producer.topic("orders");
    assert!(handle.send_all([]).await.is_empty());
    let started = Instant::now();
    let outcomes = producer.send_all((0..200).map(record)).await;
    // What is waited for in vain is waited for once.
    assert!(started.elapsed() < seconds(3), "{:?}", started.elapsed());
    assert_eq!(outcomes.len(), 200);
    let mut next = [0, 0];
    for (nth, outcome) in (0..).zip(outcomes) {
        let expected = match nth % 10 {
            1 => ProduceErrorKind::TooLarge,
            2 => ProduceErrorKind::UnknownTopic,
            3 => ProduceErrorKind::Refused,
            _ => {
                let metadata = outcome.unwrap();
                assert_eq!(metadata.partition(), nth % 2 * 2);
                let next = &mut next[usize::try_from(nth % 2).unwrap()];
                assert_eq!(metadata.offset(), Some(*next), "{nth}");
                *next += 1;
                continue;
            }
        };
        assert_eq!(outcome.unwrap_err().kind(), expected, "{nth}");
    }
    drained(&producer).await;
}

#[tokio::test(start_paused = true)]
async fn with_little_memory_all_get_through_in_order() {
    let (cluster, client) = start(Cluster::builder().topic("orders", 1)).await;
    let delay = Fault::delay(ms(50)).on(ApiKey::PRODUCE);
    cluster.faults().push(delay.always());
    let producer = client.producer().batch_size(1000).buffer_memory(5000);
    let producer = producer.linger(HOUR).build().unwrap();
    let texts = numbers(2000);
    let records = texts.iter().map(|text| Record::to("orders").value(&**text));
    // Nothing makes the last batch go but its linger.
    let (outcomes, ()) = tokio::join!(producer.send_all(records), async {
        tokio::time::sleep(seconds(60)).await;
        producer.flush().await;
    });
    for (offset, outcome) in (0..).zip(outcomes) {
        assert_eq!(outcome.unwrap().offset(), Some(offset));
    }
    let log = stored(&cluster, "orders", 0);
    assert!(log.iter().map(|record| record.text()).eq(&texts));
    drained(&producer).await;
}

#[tokio::test(start_paused = true)]
async fn memory_that_stays_used_up_is_waited_for_once() {
    let (cluster, client) = start(Cluster::builder().topic("orders", 1)).await;
    cluster.faults().push(hang());
    let producer = client.producer().batch_size(1000).buffer_memory(5000);
    let producer = producer.max_block(seconds(7)).build().unwrap();
    let value = [0; 400];
    let sending = producer.send_all((0..100).map(|_| Record::to("orders").value(&value)));
    let started = Instant::now();
    let (outcomes, ()) = tokio::join!(sending, async {
        tokio::time::sleep(seconds(8)).await;
        producer.purge();
    });
    assert!(started.elapsed() < seconds(9), "{:?}", started.elapsed());
    let kinds: Vec<_> = outcomes
        .into_iter()
        .map(|outcome| outcome.unwrap_err().kind())
        .collect();
    let taken = kinds.partition_point(|kind| *kind == ProduceErrorKind::Purged);
    assert!((5..20).contains(&taken), "{taken}");
    let refused = kinds.iter().skip(taken);
    assert!(refused.eq(&vec![ProduceErrorKind::BufferFull; 100 - taken]));
}

#[tokio::test(start_paused = true)]
async fn when_it_is_given_up_what_was_accepted_is_delivered_and_the_rest_is_not() {
    for patience in [0, 60, 110, 300, 500] {
        let (cluster, client) = start(Cluster::builder().topic("orders", 1)).await;
        let delay = Fault::delay(ms(50)).on(ApiKey::PRODUCE);
        cluster.faults().push(delay.always());
        let producer = client.producer().batch_size(1000).buffer_memory(5000);
        let producer = producer.linger(Duration::ZERO).build().unwrap();
        let texts = numbers(5000);
        let records = texts.iter().map(|text| Record::to("orders").value(&**text));
        let outcomes = timeout(ms(patience), producer.send_all(records)).await;
        assert!(outcomes.is_err(), "it takes longer");
        producer.flush().await;
        drained(&producer).await;
        let log = stored(&cluster, "orders", 0);
        assert!(log.len() < texts.len(), "{}", log.len());
        assert!(patience < 300 || log.len() > 100, "{}", log.len());
        assert!(
            log.iter()
                .map(|record| record.text())
                .eq(&texts[..log.len()])
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_of_many_that_is_refused_spoils_its_transaction() {
    let (_cluster, client) = start(Cluster::builder().topic("orders", 1)).await;
    let mut producer = client.transactional_producer("shop").build().await.unwrap();
    let transaction = producer.begin().await.unwrap();
    let (large, record) = (vec![0; 2 << 20], Record::to("orders"));
    let good = [record.clone(), record.clone()];
    let outcomes = transaction.send_all(good).await;
    assert!(outcomes.iter().all(Result::is_ok));
    let bad = [record.clone().value(&large), record];
    let outcomes = transaction.topic("orders").send_all(bad).await;
    let kinds = outcomes
        .into_iter()
        .map(|outcome| outcome.unwrap_err().kind());
    assert!(kinds.eq([ProduceErrorKind::TooLarge, ProduceErrorKind::Aborted]));
    assert!(transaction.commit().await.is_err());
}
