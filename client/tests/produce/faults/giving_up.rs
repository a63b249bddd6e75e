//! When it does not pass: what is given up, and how that is told.

use milena::{Persistence, ProduceErrorKind, Record};
use milena_broker::{
    Cluster, Fault,
    protocol::{ApiKey, ErrorCode},
};
use tokio::time::{Instant, sleep};

use super::{drained, ms, one_by_one, orders, seconds, start, stream};
use crate::stored::{Flow, Outcome, check, stored};

#[tokio::test(start_paused = true)]
async fn a_cluster_that_stays_down_fails_what_was_accepted_with_the_cause() {
    let (cluster, client) = orders().await;
    let producer = one_by_one(&client).build().unwrap();
    producer
        .send(Record::to("orders"))
        .await
        .unwrap()
        .await
        .unwrap();
    for node in 1..=3 {
        cluster.node_down(node).await.unwrap();
    }
    let started = Instant::now();
    let mut flow = Flow::default();
    flow.send(&producer, "orders", 6, 60).await;
    for Outcome { result, .. } in flow.settle().await {
        let error = result.unwrap_err();
        assert_eq!(
            (error.kind(), error.persistence()),
            (ProduceErrorKind::TimedOut, Persistence::No)
        );
        let told = error.to_string();
        assert!(
            told.contains("is not up") && told.contains("broker "),
            "{told}"
        );
        assert_eq!(error.attempts(), 0, "{told}");
        assert!(error.queued() >= seconds(119), "{told}");
    }
    assert!(started.elapsed() < seconds(121), "{:?}", started.elapsed());
    drained(&producer).await;
    // It was only the records that failed.
    for node in 1..=3 {
        cluster.node_up(node).await.unwrap();
    }
    let mut flow = Flow {
        first: 60,
        ..Flow::default()
    };
    stream(&mut flow, &producer, 6, 60).await;
    flow.settle_well(&cluster, "orders").await;
}

#[tokio::test(start_paused = true)]
async fn too_few_replicas_for_a_while() {
    let durable = &[("min.insync.replicas", "2")];
    let (cluster, client) =
        start(Cluster::builder().nodes(3).topic_with("orders", 6, durable)).await;
    let producer = one_by_one(&client).build().unwrap();
    let mut flow = Flow::default();
    stream(&mut flow, &producer, 6, 60).await;
    cluster.node_down(1).await.unwrap();
    cluster.node_down(2).await.unwrap();
    stream(&mut flow, &producer, 6, 60).await;
    sleep(seconds(30)).await;
    assert!(
        flow.sent
            .iter()
            .any(|(_, delivery)| delivery.try_get().is_none())
    );
    cluster.node_up(2).await.unwrap();
    flow.settle_well(&cluster, "orders").await;
    // And for too long.
    cluster.node_down(2).await.unwrap();
    let delivery = producer
        .send(Record::to("orders").partition(0).value("last"))
        .await
        .unwrap();
    let error = delivery.await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ProduceErrorKind::TimedOut, Some(19)),
        "{error}"
    );
    assert_eq!(
        (error.persistence(), error.broker()),
        (Persistence::No, Some(3)),
        "{error}"
    );
    assert!(error.attempts() > 50, "{error}");
    assert!(
        error.to_string().contains("NOT_ENOUGH_REPLICAS (19)"),
        "{error}"
    );
    assert!(
        stored(&cluster, "orders", 0)
            .iter()
            .all(|record| record.text() != "last")
    );
    drained(&producer).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_producer_id_records_fail_with_the_reason_until_there_is_one() {
    // What may pass is waited for; what somebody has to allow first is told at once.
    for (code, kind, patience) in [
        (
            ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
            ProduceErrorKind::TimedOut,
            121,
        ),
        (
            ErrorCode::CLUSTER_AUTHORIZATION_FAILED,
            ProduceErrorKind::Unauthorized,
            2,
        ),
    ] {
        let (cluster, client) = orders().await;
        cluster
            .faults()
            .push(Fault::error(code).on(ApiKey::INIT_PRODUCER_ID).always());
        let producer = client.producer().build().unwrap();
        let mut flow = Flow::default();
        for _ in 0..2 {
            let started = Instant::now();
            let first = flow.sent.len() + flow.first;
            flow.send(&producer, "orders", 6, 60).await;
            for Outcome { result, .. } in flow.settle().await {
                let error = result.unwrap_err();
                assert_eq!(
                    (error.kind(), error.persistence()),
                    (kind, Persistence::No),
                    "{error}"
                );
                let told = error.to_string();
                assert!(told.contains(&code.to_string()), "{error}");
                assert!(told.contains("never sent"), "{error}");
            }
            assert!(started.elapsed() < seconds(patience));
            flow = Flow {
                first: first + 60,
                ..Flow::default()
            };
        }
        let asked = cluster.request_count(ApiKey::INIT_PRODUCER_ID);
        assert!(asked < 400, "asked {asked} times in four minutes");
        cluster.faults().clear();
        // Within the longest pause between two questions.
        sleep(seconds(2)).await;
        flow.send(&producer, "orders", 6, 60).await;
        flow.settle_well(&cluster, "orders").await;
        drained(&producer).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_given_up_in_flight_is_no_hole_that_swallows_others() {
    // The broker hangs longer than records may take, with the request applied or not.
    for (applied, in_flight) in [(true, 5), (true, 1), (false, 5), (false, 1)] {
        let (cluster, client) = orders().await;
        let producer = one_by_one(&client).max_in_flight(in_flight);
        let producer = producer
            .request_timeout(seconds(10))
            .delivery_timeout(seconds(10))
            .build()
            .unwrap();
        let mut flow = Flow::default();
        stream(&mut flow, &producer, 6, 60).await;
        for _ in 0..4 {
            let fault = if applied {
                Fault::hang_after_applying()
            } else {
                Fault::hang()
            };
            cluster.faults().push(fault.on(ApiKey::PRODUCE).times(3));
            stream(&mut flow, &producer, 6, 60).await;
            sleep(seconds(11)).await;
            stream(&mut flow, &producer, 6, 60).await;
        }
        let last = flow.sent.len() - 60;
        let outcomes = flow.settle().await;
        check(&cluster, "orders", &outcomes);
        let failed: Vec<_> = outcomes
            .iter()
            .filter_map(|o| o.result.as_ref().err())
            .collect();
        assert!(!failed.is_empty());
        for error in failed {
            let unsure = error.persistence() == Persistence::Maybe;
            assert!(
                unsure || error.attempts() == 0 || error.code().is_some(),
                "{error}"
            );
            let kind = error.kind();
            assert!(
                matches!(
                    kind,
                    ProduceErrorKind::TimedOut | ProduceErrorKind::OutcomeUnknown
                ),
                "{error}"
            );
        }
        assert!(
            outcomes[last..]
                .iter()
                .all(|outcome| outcome.result.is_ok())
        );
        drained(&producer).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_may_be_stored_is_not_sent_under_other_numbers() {
    for code in [
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
        ErrorCode::UNKNOWN_PRODUCER_ID,
        ErrorCode::INVALID_PRODUCER_EPOCH,
    ] {
        for fault in [
            Fault::lose_answer(),
            Fault::lose_request(),
            Fault::hang_after_applying(),
        ] {
            let (cluster, client) = orders().await;
            let producer = one_by_one(&client).build().unwrap();
            let mut flow = Flow::default();
            stream(&mut flow, &producer, 1, 20).await;
            producer.flush().await;
            // Nobody knows whether it is stored, and then the broker knows nothing of what came before.
            cluster.faults().push(fault.on(ApiKey::PRODUCE));
            cluster
                .faults()
                .push(Fault::error(code).on(ApiKey::PRODUCE).after(1));
            flow.send(&producer, "orders", 1, 1).await;
            producer.flush().await;
            stream(&mut flow, &producer, 1, 20).await;
            let outcomes = flow.settle().await;
            for (nth, outcome) in outcomes.iter().enumerate() {
                match &outcome.result {
                    Ok(_) => assert_ne!(nth, 20, "{code}"),
                    Err(error) => {
                        assert_eq!(nth, 20, "{code}: {error}");
                        assert_eq!(error.kind(), ProduceErrorKind::OutcomeUnknown, "{error}");
                        assert_eq!(error.persistence(), Persistence::Maybe, "{error}");
                        assert_eq!(
                            (error.code(), error.attempts()),
                            (Some(code.0), 2),
                            "{error}"
                        );
                    }
                }
            }
            check(&cluster, "orders", &outcomes);
            drained(&producer).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn retries_end_where_they_were_set_to_end() {
    let (cluster, client) = orders().await;
    let producer = one_by_one(&client).retries(3).build().unwrap();
    let cases: [(Fault, ProduceErrorKind, Persistence); 3] = [
        (
            Fault::lose_answer(),
            ProduceErrorKind::ConnectionLost,
            Persistence::Maybe,
        ),
        (
            Fault::garbage(),
            ProduceErrorKind::ConnectionLost,
            Persistence::Maybe,
        ),
        (
            Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS),
            ProduceErrorKind::Refused,
            Persistence::No,
        ),
    ];
    for (fault, kind, persistence) in cases {
        let before = cluster.request_count(ApiKey::PRODUCE);
        cluster.faults().push(fault.on(ApiKey::PRODUCE).always());
        let delivery = producer
            .send(Record::to("orders").partition(0))
            .await
            .unwrap();
        let error = delivery.await.unwrap_err();
        assert_eq!(
            (error.kind(), error.persistence()),
            (kind, persistence),
            "{error}"
        );
        assert_eq!(error.attempts(), 4, "{error}");
        assert_eq!(cluster.request_count(ApiKey::PRODUCE) - before, 4);
        cluster.faults().clear();
        let delivery = producer
            .send(Record::to("orders").partition(0).value("v"))
            .await
            .unwrap();
        delivery.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_on_request_says_whether_it_may_be_stored() {
    for hang in [Fault::hang(), Fault::hang_after_applying()] {
        let (cluster, client) = orders().await;
        let producer = one_by_one(&client)
            .request_timeout(seconds(5))
            .build()
            .unwrap();
        let mut before = Flow::default();
        stream(&mut before, &producer, 6, 60).await;
        producer.flush().await;
        cluster.faults().push(hang.on(ApiKey::PRODUCE).always());
        let mut purged = Flow {
            first: 60,
            ..Flow::default()
        };
        purged.send(&producer, "orders", 6, 60).await;
        sleep(ms(50)).await;
        let started = Instant::now();
        assert_eq!(producer.purge(), 60);
        let purged = purged.settle().await;
        assert_eq!(started.elapsed(), ms(0));
        let count = |persistence| {
            let told = purged.iter().map(|outcome| {
                let error = outcome.result.as_ref().unwrap_err();
                assert_eq!(error.kind(), ProduceErrorKind::Purged, "{error}");
                error.persistence()
            });
            told.filter(|told| *told == persistence).count()
        };
        let (maybe, no) = (count(Persistence::Maybe), count(Persistence::No));
        assert_eq!(maybe + no, 60);
        assert!(maybe > 0 && no > 0, "{maybe}, {no}");
        assert_eq!(producer.purge(), 0);
        // What comes afterwards is not held up for longer than what is on its way.
        cluster.faults().clear();
        let mut after = Flow {
            first: 120,
            ..Flow::default()
        };
        stream(&mut after, &producer, 6, 60).await;
        let after = after.settle().await;
        assert!(after.iter().all(|outcome| outcome.result.is_ok()));
        let mut all = before.settle().await;
        all.extend(purged);
        all.extend(after);
        check(&cluster, "orders", &all);
        drained(&producer).await;
    }
}
