use super::*;
use crate::cluster::NodeId;
use milena_protocol::metadata::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn metadata() -> Metadata {
    Metadata::new(MetadataConfig::default(), Rng::new(1))
}

fn broker(id: i32) -> MetadataResponseBroker {
    MetadataResponseBroker {
        node_id: id,
        host: Str::from("host"),
        port: 9092,
        ..Default::default()
    }
}

/// A topic by its partitions: leader and epoch of each.
fn topic(name: &str, id: u8, partitions: &[(i32, i32)]) -> MetadataResponseTopic {
    let partition =
        |(index, &(leader_id, leader_epoch)): (i32, &(i32, i32))| MetadataResponsePartition {
            partition_index: index,
            leader_id,
            leader_epoch,
            ..Default::default()
        };
    MetadataResponseTopic {
        name: Some(Str::from(name)),
        topic_id: Uuid([id; 16]),
        partitions: (0..).zip(partitions).map(partition).collect(),
        ..Default::default()
    }
}

fn broken(name: &str, error_code: ErrorCode) -> MetadataResponseTopic {
    MetadataResponseTopic {
        name: Some(Str::from(name)),
        error_code,
        ..Default::default()
    }
}

fn answer(topics: Vec<MetadataResponseTopic>) -> MetadataResponse {
    MetadataResponse {
        brokers: vec![broker(1), broker(2), broker(3)],
        controller_id: 1,
        topics,
        ..Default::default()
    }
}

/// The names asked for, and whether missing topics may be created.
fn asked(metadata: &mut Metadata, now: Instant) -> Option<(Vec<String>, bool)> {
    let request = metadata.poll_request(now)?;
    let names = request
        .topics
        .unwrap()
        .into_iter()
        .map(|topic| topic.name.unwrap().to_string());
    Some((names.collect(), request.allow_auto_topic_creation))
}

/// Asks whatever is due until `topics` have been told, starting at `now`.
fn learn(metadata: &mut Metadata, topics: Vec<MetadataResponseTopic>, now: Instant) -> bool {
    metadata.request_refresh();
    let due = metadata.poll_timeout().unwrap_or(now).max(now);
    metadata.poll_request(due).unwrap();
    metadata.handle_response(&answer(topics), due).unwrap()
}

fn tracking(names: &[&str]) -> Metadata {
    let mut metadata = metadata();
    for name in names {
        metadata.track(name, true, at(0));
    }
    metadata
}

#[test]
fn only_named_topics_are_asked_for_and_the_first_question_is_at_once() {
    let mut metadata = metadata();
    assert_eq!(metadata.source(), Source::Bootstrap);
    assert_eq!(asked(&mut metadata, at(0)), Some((vec![], false)));
    assert_eq!(asked(&mut metadata, at(0)), None, "one question at a time");
    assert!(metadata.handle_response(&answer(vec![]), at(1)).unwrap());
    assert_eq!(
        (metadata.source(), metadata.cluster().brokers.len()),
        (Source::Known, 3)
    );
    // Nothing to know any more until the picture gets old.
    assert_eq!(metadata.poll_timeout(), Some(at(300_001)));

    metadata.track("orders", true, at(5));
    assert_eq!(
        metadata.poll_timeout(),
        Some(Instant::ZERO),
        "a new topic does not wait"
    );
    assert_eq!(
        asked(&mut metadata, at(5)),
        Some((vec!["orders".into()], true))
    );
    metadata
        .handle_response(&answer(vec![topic("orders", 7, &[(1, 0), (2, 0)])]), at(6))
        .unwrap();
    assert_eq!(metadata.cluster().leader("orders", 1), Some(NodeId(2)));
    // The rest of the picture is as old as before.
    assert_eq!(metadata.poll_timeout(), Some(at(300_001).min(at(300_005))));
}

#[test]
fn creation_is_allowed_only_where_a_missing_topic_wants_it() {
    let mut metadata = tracking(&["wanted"]);
    metadata.track("looked at", false, at(0));
    assert_eq!(
        asked(&mut metadata, at(0)),
        Some((vec!["wanted".into()], true))
    );
    metadata
        .handle_response(&answer(vec![topic("wanted", 1, &[(1, 0)])]), at(1))
        .unwrap();
    assert_eq!(
        asked(&mut metadata, at(1)),
        Some((vec!["looked at".into()], false))
    );
    let missing = broken("looked at", ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    metadata
        .handle_response(&answer(vec![missing]), at(2))
        .unwrap();
    let names = vec!["looked at".to_owned(), "wanted".to_owned()];
    assert_eq!(asked(&mut metadata, at(5_000)), Some((names, false)));
}

#[test]
fn failures_and_fruitless_questions_wait_longer_each_time() {
    let mut metadata = tracking(&["missing"]);
    let missing = || {
        answer(vec![broken(
            "missing",
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        )])
    };
    let (mut now, mut waits) = (at(0), Vec::new());
    for round in 0..8 {
        metadata.poll_request(now).unwrap();
        match round % 2 {
            0 => drop(metadata.handle_response(&missing(), now).unwrap()),
            _ => metadata.handle_failure(now),
        }
        let next = metadata.poll_timeout().unwrap();
        assert!(
            metadata
                .poll_request(next - Duration::from_nanos(1))
                .is_none()
        );
        waits.push(next.since(now).as_millis());
        now = next;
    }
    // The first answer was news: brokers.
    assert!(
        (80..=120).contains(&waits[1]) && (320..=480).contains(&waits[3]),
        "{waits:?}"
    );
    assert!(waits[6] >= 800 && waits[7] <= 1000, "{waits:?}");
}

#[test]
fn a_refresh_on_request_waits_for_the_backoff() {
    let mut metadata = metadata();
    learn(&mut metadata, vec![], at(0));
    metadata.request_refresh();
    let due = metadata.poll_timeout().unwrap();
    assert!(due >= at(80) && due <= at(120), "{due:?}");
    assert!(asked(&mut metadata, due).is_some());
}

#[test]
fn what_is_wanted_while_a_question_is_under_way_is_asked_again() {
    let mut metadata = metadata();
    learn(&mut metadata, vec![], at(0));
    metadata.request_refresh();
    let due = metadata.poll_timeout().unwrap();
    assert!(asked(&mut metadata, due).is_some());
    // The answer may have left the broker before.
    metadata.request_refresh();
    metadata.handle_response(&answer(vec![]), due).unwrap();
    let again = metadata.poll_timeout().unwrap();
    assert!(again.since(due) <= Duration::from_secs(1), "{again:?}");
    assert!(asked(&mut metadata, again).is_some());
    metadata.handle_response(&answer(vec![]), again).unwrap();
    let rest = metadata.poll_timeout().unwrap().since(again);
    assert!(rest > Duration::from_secs(60), "{rest:?}");
}

#[test]
fn an_older_leader_epoch_is_ignored_unless_the_topic_is_another() {
    let mut metadata = tracking(&["orders"]);
    learn(
        &mut metadata,
        vec![topic("orders", 1, &[(1, 5), (1, 5)])],
        at(0),
    );
    assert!(!learn(
        &mut metadata,
        vec![topic("orders", 1, &[(2, 4), (1, 5)])],
        at(1_000)
    ));
    assert_eq!(metadata.cluster().leader("orders", 0), Some(NodeId(1)));
    // Fewer partitions than before are from before.
    assert!(!learn(
        &mut metadata,
        vec![topic("orders", 1, &[(1, 5)])],
        at(2_000)
    ));
    assert!(learn(
        &mut metadata,
        vec![topic("orders", 1, &[(2, 6), (1, 5)])],
        at(3_000)
    ));
    assert_eq!(metadata.cluster().leader("orders", 0), Some(NodeId(2)));
    // Re-created: epochs start again.
    assert!(learn(
        &mut metadata,
        vec![topic("orders", 2, &[(3, 0)])],
        at(4_000)
    ));
    assert_eq!(
        metadata.cluster().topic("orders").unwrap().partitions.len(),
        1
    );
    assert_eq!(metadata.cluster().leader("orders", 0), Some(NodeId(3)));
    // A broker that still believes in the old one.
    assert!(!learn(
        &mut metadata,
        vec![topic("orders", 1, &[(2, 6), (1, 5)])],
        at(5_000)
    ));
}

#[test]
fn of_two_ids_of_a_topic_the_one_that_answers_agree_on_counts() {
    let mut metadata = tracking(&["orders"]);
    let mut learn = |id, millis| {
        learn(
            &mut metadata,
            vec![topic("orders", id, &[(1, 5)])],
            at(millis),
        );
        metadata.cluster().topic("orders").unwrap().id
    };
    let (old, new) = (Uuid([1; 16]), Uuid([2; 16]));
    // The first broker that is asked knows of the new topic already, the second does not yet.
    assert_eq!(learn(2, 0), new);
    assert_eq!(learn(1, 1_000), old);
    // A single answer might come from a broker that lags behind.
    assert_eq!(learn(2, 2_000), old);
    assert_eq!(learn(2, 3_000), old);
    assert_eq!(learn(1, 4_000), old);
    assert_eq!(learn(2, 5_000), old);
    assert_eq!(learn(2, 6_000), old);
    assert_eq!(learn(2, 7_000), new);
    assert_eq!(learn(1, 8_000), new);
}

#[test]
fn a_topic_missing_from_one_answer_is_kept_until_several_agree() {
    let mut metadata = tracking(&["orders"]);
    learn(&mut metadata, vec![topic("orders", 1, &[(1, 5)])], at(0));
    let missing = || vec![broken("orders", ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)];
    let mut now = at(1_000);
    for _ in 0..10 {
        learn(&mut metadata, missing(), now);
        now += Duration::from_secs(5);
        assert_eq!(metadata.cluster().leader("orders", 0), Some(NodeId(1)));
        assert!(matches!(metadata.topic("orders"), TopicState::Known(_)));
    }
    // Back again: the count starts anew.
    learn(&mut metadata, vec![topic("orders", 1, &[(1, 5)])], now);
    assert_eq!(metadata.cluster().topic("orders").unwrap().error, None);
    learn(&mut metadata, missing(), now + Duration::from_secs(100));
    learn(&mut metadata, missing(), now + Duration::from_secs(170));
    assert!(
        metadata.cluster().leader("orders", 0).is_some(),
        "two answers are not enough"
    );
    learn(&mut metadata, vec![], now + Duration::from_secs(175));
    assert_eq!(metadata.cluster().leader("orders", 0), None);
    assert!(matches!(
        metadata.topic("orders"),
        TopicState::Waiting(Some(_))
    ));
}

#[test]
fn an_error_that_waiting_does_not_mend_is_told_and_not_asked_again() {
    let mut metadata = tracking(&["bad name"]);
    learn(
        &mut metadata,
        vec![broken("bad name", ErrorCode::INVALID_TOPIC_EXCEPTION)],
        at(0),
    );
    let state = metadata.topic("bad name");
    assert!(
        matches!(
            state,
            TopicState::Failed(ErrorCode::INVALID_TOPIC_EXCEPTION)
        ),
        "{state:?}"
    );
    assert!(metadata.poll_timeout() >= Some(at(299_000)));
}

#[test]
fn a_partition_without_leader_is_asked_for_again() {
    let mut metadata = tracking(&["orders"]);
    learn(&mut metadata, vec![topic("orders", 1, &[(-1, 5)])], at(0));
    assert!(metadata.poll_timeout() <= Some(at(120)));
    // A leader that is no broker of the cluster is none.
    learn(
        &mut metadata,
        vec![topic("orders", 1, &[(9, 6)])],
        at(1_000),
    );
    assert_eq!(metadata.cluster().leader("orders", 0), None);
}

#[test]
fn a_leader_hint_counts_if_it_is_newer_and_the_leader_can_be_found() {
    let mut metadata = tracking(&["orders"]);
    learn(&mut metadata, vec![topic("orders", 1, &[(1, 5)])], at(0));
    let hint = |leader, epoch| LeaderHint {
        topic: "orders".into(),
        partition: 0,
        leader: Leader {
            node: NodeId(leader),
            epoch,
        },
        endpoint: None,
    };
    let version = metadata.cluster().version;
    assert!(!metadata.handle_leader_hint(&hint(2, 5)));
    assert!(
        !metadata.handle_leader_hint(&hint(9, 6)),
        "nobody knows where 9 is"
    );
    assert!(metadata.handle_leader_hint(&hint(2, 6)));
    assert_eq!(metadata.cluster().leader("orders", 0), Some(NodeId(2)));
    assert_eq!(metadata.cluster().version, version + 1);
    let endpoint = BrokerView {
        id: NodeId(9),
        host: "new".into(),
        port: 1,
        rack: None,
    };
    assert!(metadata.handle_leader_hint(&LeaderHint {
        endpoint: Some(endpoint),
        ..hint(9, 7)
    }));
    assert_eq!(metadata.cluster().broker(NodeId(9)).unwrap().port, 1);
}

#[test]
fn an_idle_topic_is_forgotten() {
    let mut metadata = tracking(&["busy", "idle"]);
    learn(
        &mut metadata,
        vec![topic("busy", 1, &[(1, 5)]), topic("idle", 2, &[(1, 5)])],
        at(0),
    );
    metadata.track("busy", true, at(200_000));
    assert!(!metadata.handle_timeout(at(299_999)));
    assert!(metadata.handle_timeout(at(300_000)));
    assert!(metadata.cluster().topic("idle").is_none());
    assert!(metadata.cluster().topic("busy").is_some());
    assert!(!metadata.handle_timeout(at(499_999)));
    assert!(metadata.handle_timeout(at(500_000)));
}

#[test]
fn answers_that_make_no_sense_are_failures() {
    let mut metadata = tracking(&["orders"]);
    let mut now = at(0);
    let mut refuse = |response: MetadataResponse| {
        now += Duration::from_secs(2);
        metadata.poll_request(now).unwrap();
        metadata.handle_response(&response, now).unwrap_err()
    };
    assert_eq!(
        refuse(MetadataResponse::default()),
        MetadataError::NoBrokers
    );
    let nowhere = MetadataResponseBroker {
        port: 70_000,
        ..broker(4)
    };
    let error = refuse(MetadataResponse {
        brokers: vec![nowhere],
        ..Default::default()
    });
    assert!(error.to_string().contains("host:70000"), "{error}");
    let mut gaps = topic("orders", 1, &[(1, 5)]);
    gaps.partitions[0].partition_index = i32::MAX;
    assert!(matches!(
        refuse(answer(vec![gaps])),
        MetadataError::Partitions { .. }
    ));
    let twice = MetadataResponseTopic {
        partitions: vec![MetadataResponsePartition::default(); 2],
        ..topic("orders", 1, &[])
    };
    assert!(matches!(
        refuse(answer(vec![twice])),
        MetadataError::Partitions { .. }
    ));
}

#[test]
fn bootstrap_starts_again_when_asked_to_or_when_nothing_works() {
    let mut metadata = metadata();
    learn(&mut metadata, vec![], at(0));
    metadata.request_refresh();
    metadata.poll_request(at(1_000)).unwrap();
    let again = MetadataResponse {
        error_code: ErrorCode::REBOOTSTRAP_REQUIRED,
        ..answer(vec![])
    };
    assert_eq!(
        metadata.handle_response(&again, at(1_000)),
        Err(MetadataError::Rebootstrap)
    );
    assert_eq!(metadata.source(), Source::Bootstrap);
    learn(&mut metadata, vec![], at(2_000));
    assert_eq!(metadata.source(), Source::Known);
    // Each of the three known brokers has its turn, then the bootstrap addresses have theirs.
    let sources = (0..9).map(|round| {
        metadata.handle_failure(at(3_000 + round));
        metadata.source() == Source::Bootstrap
    });
    let turn = [false, false, true, false];
    assert_eq!(
        sources.collect::<Vec<_>>(),
        [&turn[..], &turn[..], &turn[..1]].concat()
    );
    learn(&mut metadata, vec![], at(4_000));
    metadata.handle_failure(at(5_000));
    metadata.handle_failure(at(305_000));
    assert_eq!(metadata.source(), Source::Bootstrap, "it has been too long");
    assert_eq!(metadata.cluster().brokers.len(), 3, "the picture stays");
}

#[test]
fn another_cluster_is_believed_only_where_the_bootstrap_addresses_lead_to_it() {
    let of = |cluster: &str| MetadataResponse {
        cluster_id: Some(Str::from(cluster)),
        ..answer(vec![topic("a", 1, &[(1, 5)])])
    };
    let mut metadata = tracking(&["a"]);
    metadata.poll_request(at(0)).unwrap();
    assert_eq!(metadata.handle_response(&of("ours"), at(0)), Ok(true));
    let cluster = metadata.cluster().clone();
    metadata.request_refresh();
    metadata.poll_request(at(1_000)).unwrap();
    let error = metadata.handle_response(&of("theirs"), at(1_000));
    assert_eq!(
        error.unwrap_err().to_string(),
        "the broker belongs to cluster theirs, not to ours"
    );
    assert_eq!(*metadata.cluster(), cluster, "the picture stays");
    // The other brokers have their turn, and then the bootstrap addresses.
    metadata.handle_failure(at(2_000));
    metadata.handle_failure(at(3_000));
    assert_eq!(metadata.source(), Source::Bootstrap);
    metadata.poll_request(at(5_000)).unwrap();
    assert_eq!(metadata.handle_response(&of("theirs"), at(5_000)), Ok(true));
    let id = metadata.cluster().cluster_id.clone();
    assert_eq!(id.as_deref(), Some("theirs"));
}

#[test]
fn what_did_not_change_is_shared_between_pictures() {
    let mut metadata = tracking(&["a", "b"]);
    learn(
        &mut metadata,
        vec![topic("a", 1, &[(1, 5)]), topic("b", 2, &[(1, 5)])],
        at(0),
    );
    let before = metadata.cluster().clone();
    learn(
        &mut metadata,
        vec![topic("a", 1, &[(1, 5)]), topic("b", 2, &[(2, 6)])],
        at(1_000),
    );
    let after = metadata.cluster();
    assert!(Arc::ptr_eq(&before.topics["a"], &after.topics["a"]));
    assert!(!Arc::ptr_eq(&before.topics["b"], &after.topics["b"]));
    assert_eq!(
        before.leader("b", 0),
        Some(NodeId(1)),
        "a picture never changes"
    );
}
