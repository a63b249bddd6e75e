//! What brokers answer, and do not.

use milena::{Acks, Persistence, ProduceErrorKind, Record};
use milena_broker::{
    Cluster, Fault,
    protocol::{ApiKey, ErrorCode},
};
use tokio::time::sleep;

use super::{RETRIABLE, drained, one_by_one, orders, seconds, start, stream, survives};
use crate::stored::{Flow, check, check_present};

#[tokio::test(start_paused = true)]
async fn errors_that_pass_are_waited_out() {
    for code in RETRIABLE {
        for times in [1, 5] {
            let told = format!("{code} x {times}");
            survives(
                Fault::error(code).on(ApiKey::PRODUCE).after(7).times(times),
                &told,
            )
            .await;
            let fault = Fault::error(code)
                .on(ApiKey::PRODUCE)
                .partition(4)
                .times(times);
            survives(
                fault,
                &format!("{told} at partition 4, from the first batch on"),
            )
            .await;
            let fault = Fault::error_after_applying(code)
                .on(ApiKey::PRODUCE)
                .after(7)
                .times(times);
            survives(fault, &format!("{told}, after applying")).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_lost_track_of_the_sequence_is_followed() {
    for code in [
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
        ErrorCode::UNKNOWN_PRODUCER_ID,
        ErrorCode::INVALID_PRODUCER_EPOCH,
    ] {
        for times in [1, 2, 6] {
            let fault = || Fault::error(code).on(ApiKey::PRODUCE).times(times);
            survives(fault(), &format!("{code} x {times}")).await;
            survives(fault().after(20), &format!("{code} x {times}, later")).await;
            survives(
                fault().partition(3).after(5),
                &format!("{code} x {times}, at partition 3"),
            )
            .await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_a_duplicate_was_dropped_is_success() {
    let (cluster, client) = orders().await;
    let producer = one_by_one(&client).build().unwrap();
    let code = ErrorCode::DUPLICATE_SEQUENCE_NUMBER;
    cluster.faults().push(
        Fault::error_after_applying(code)
            .on(ApiKey::PRODUCE)
            .times(3),
    );
    let mut flow = Flow::default();
    stream(&mut flow, &producer, 1, 10).await;
    let outcomes = flow.settle().await;
    let offsets: Vec<_> = outcomes
        .iter()
        .map(|o| o.result.as_ref().unwrap().offset())
        .collect();
    assert_eq!(offsets[..4], [None, None, None, Some(3)]);
    check(&cluster, "orders", &outcomes);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_does_not_pass_fails_its_batch_alone() {
    use ProduceErrorKind::{Refused, TooLarge, Unauthorized, UnknownTopic};
    for (code, kind) in [
        (ErrorCode::INVALID_RECORD, Refused),
        (ErrorCode::TOPIC_AUTHORIZATION_FAILED, Unauthorized),
        (ErrorCode::CLUSTER_AUTHORIZATION_FAILED, Unauthorized),
        (ErrorCode::UNSUPPORTED_FOR_MESSAGE_FORMAT, Refused),
        (ErrorCode::INVALID_TIMESTAMP, Refused),
        (ErrorCode::POLICY_VIOLATION, Refused),
        (ErrorCode::MESSAGE_TOO_LARGE, TooLarge),
        (ErrorCode::RECORD_LIST_TOO_LARGE, TooLarge),
        (ErrorCode::INVALID_TOPIC_EXCEPTION, UnknownTopic),
        (ErrorCode::UNKNOWN_SERVER_ERROR, Refused),
        (ErrorCode(9999), Refused),
    ] {
        for (after, times) in [(0, 1), (6, 3)] {
            let (cluster, client) = orders().await;
            let producer = one_by_one(&client).build().unwrap();
            let fault = Fault::error(code).on(ApiKey::PRODUCE).partition(2);
            cluster.faults().push(fault.after(after).times(times));
            let mut flow = Flow::default();
            stream(&mut flow, &producer, 6, 300).await;
            let outcomes = flow.settle().await;
            let failed: Vec<_> = outcomes
                .iter()
                .filter_map(|outcome| outcome.result.as_ref().err())
                .collect();
            assert_eq!(failed.len(), usize::try_from(times).unwrap(), "{code}");
            for error in failed {
                assert_eq!(
                    (error.kind(), error.code()),
                    (kind, Some(code.0)),
                    "{error}"
                );
                assert_eq!(
                    (error.partition(), error.attempts()),
                    (Some(2), 1),
                    "{error}"
                );
                assert_eq!(
                    error.broker(),
                    cluster.with_state(|s| s.leader("orders", 2)).map(|l| l.0)
                );
                assert!(error.to_string().contains(&format!("{code}")), "{error}");
                let unsure = code == ErrorCode::UNKNOWN_SERVER_ERROR;
                let expected = if unsure {
                    Persistence::Maybe
                } else {
                    Persistence::No
                };
                assert_eq!(error.persistence(), expected, "{error}");
            }
            check(&cluster, "orders", &outcomes);
            drained(&producer).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn lost_and_garbled_requests_and_answers_are_sent_again() {
    let header = |length: i32| length.to_be_bytes().to_vec();
    type Kind = (&'static str, Box<dyn Fn() -> Fault>);
    let kinds: Vec<Kind> = vec![
        ("lost request", Box::new(Fault::lose_request)),
        ("lost answer", Box::new(Fault::lose_answer)),
        ("hang", Box::new(Fault::hang)),
        ("hang after applying", Box::new(Fault::hang_after_applying)),
        ("garbage", Box::new(Fault::garbage)),
        (
            "wrong correlation id",
            Box::new(Fault::wrong_correlation_id),
        ),
        ("cut off at once", Box::new(|| Fault::truncate(0))),
        ("cut off in the length", Box::new(|| Fault::truncate(3))),
        ("cut off in the header", Box::new(|| Fault::truncate(6))),
        ("cut off in the body", Box::new(|| Fault::truncate(20))),
        (
            "a length that lies",
            Box::new(move || Fault::answer_with(header(i32::MAX))),
        ),
        (
            "a negative length",
            Box::new(move || Fault::answer_with(header(-1))),
        ),
        (
            "an empty frame",
            Box::new(move || Fault::answer_with(header(0))),
        ),
        (
            "HTTP",
            Box::new(|| Fault::answer_with(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())),
        ),
        (
            "TLS",
            Box::new(|| Fault::answer_with(vec![0x15, 3, 3, 0, 2, 2, 40])),
        ),
        ("delay", Box::new(|| Fault::delay(seconds(3)))),
        (
            "delay beyond the request timeout",
            Box::new(|| Fault::delay(seconds(7))),
        ),
    ];
    for (name, fault) in kinds {
        for times in [1, 4] {
            let fault = |after| fault().on(ApiKey::PRODUCE).after(after).times(times);
            survives(fault(0), &format!("{name} x {times}, from the first")).await;
            survives(fault(11), &format!("{name} x {times}")).await;
            survives(fault(11).node(2), &format!("{name} x {times} on node 2")).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_wants_silence_gets_it() {
    let (cluster, client) = orders().await;
    let producer = one_by_one(&client).build().unwrap();
    cluster.faults().push(
        Fault::throttle(seconds(2))
            .on(ApiKey::PRODUCE)
            .after(4)
            .times(9),
    );
    let mut flow = Flow::default();
    stream(&mut flow, &producer, 6, 300).await;
    flow.settle_well(&cluster, "orders").await;
    let requests = cluster.requests();
    let of = |api| requests.iter().filter(move |request| request.api == api);
    // What was on its way when the answer came is no breach.
    let breaches: Vec<_> = of(ApiKey::PRODUCE)
        .filter(|r| r.while_throttled)
        .map(|r| r.at)
        .collect();
    let began: Vec<_> = of(ApiKey::PRODUCE).map(|r| r.at).collect();
    assert!(breaches.len() <= 9 * 5, "{breaches:?} of {began:?}");
    assert_eq!(cluster.faults().pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_idempotence_nothing_is_lost_either() {
    for acks in [Acks::All, Acks::Leader] {
        for fault in [
            Fault::lose_answer(),
            Fault::lose_request(),
            Fault::garbage(),
        ] {
            let (cluster, client) = orders().await;
            let producer = one_by_one(&client)
                .idempotence(false)
                .acks(acks)
                .max_in_flight(1);
            let producer = producer.build().unwrap();
            cluster
                .faults()
                .push(fault.on(ApiKey::PRODUCE).after(9).times(5));
            let mut flow = Flow::default();
            stream(&mut flow, &producer, 6, 200).await;
            let outcomes = flow.settle().await;
            assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
            assert_eq!(cluster.audit().lost(), 0);
            check_present(&cluster, "orders", &outcomes);
            drained(&producer).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_acknowledgements_a_lost_connection_is_made_anew() {
    let (cluster, client) = orders().await;
    let producer = one_by_one(&client).acks(Acks::None).build().unwrap();
    // A broker that has something against such a request can only close the connection.
    let code = ErrorCode::NOT_LEADER_OR_FOLLOWER;
    cluster
        .faults()
        .push(Fault::error(code).on(ApiKey::PRODUCE).after(5).times(3));
    let mut flow = Flow::default();
    stream(&mut flow, &producer, 6, 300).await;
    for outcome in flow.settle().await {
        assert_eq!(outcome.result.unwrap().offset(), None);
    }
    sleep(seconds(1)).await;
    let stored = cluster.audit().stored();
    assert!((200..300).contains(&stored), "{stored}");
    drained(&producer).await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_without_produce_is_named() {
    let builder = Cluster::builder()
        .topic("orders", 1)
        .without_api(ApiKey::PRODUCE);
    let (_cluster, client) = start(builder).await;
    let producer = client.producer().build().unwrap();
    let error = producer
        .send(Record::to("orders"))
        .await
        .unwrap()
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.persistence()),
        (ProduceErrorKind::TimedOut, Persistence::No)
    );
    assert!(
        error.to_string().contains("does not offer Produce"),
        "{error}"
    );
    assert!(error.to_string().contains("broker 1"), "{error}");
    drained(&producer).await;
}
