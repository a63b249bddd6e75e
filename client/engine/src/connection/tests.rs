use super::*;
use milena_protocol::{
    api_versions::ApiVersion,
    encode_response,
    init_producer_id::{InitProducerIdRequest, InitProducerIdResponse},
    metadata::{MetadataRequest, MetadataResponse},
};

const SECOND: Duration = Duration::from_secs(1);

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn connection() -> Connection<&'static str> {
    let identity = Identity {
        client_id: Some(Str::from("me")),
        software_name: Str::from("milena"),
        software_version: Str::from("0.1.0"),
    };
    Connection::new(Arc::new(identity), at(0), at(10_000)).unwrap()
}

fn bytes(segments: Segments) -> Vec<u8> {
    segments
        .into_iter()
        .flat_map(|segment| segment.to_vec())
        .collect()
}

/// The next frame as the broker sees it: api, version, correlation id.
fn sent(connection: &mut Connection<&'static str>, now: Instant) -> Option<(i16, i16, i32)> {
    let frame = bytes(connection.poll_transmit(now)?);
    assert!(connection.handle_transmitted().is_none());
    let short = |at: usize| i16::from_be_bytes([frame[at], frame[at + 1]]);
    let id = i32::from_be_bytes(frame[8..12].try_into().unwrap());
    Some((short(4), short(6), id))
}

fn answer<M: Message>(id: i32, version: i16, body: &M) -> Bytes {
    Bytes::from(bytes(encode_response(id, version, body).unwrap())).slice(4..)
}

fn offers(ranges: &[(ApiKey, i16, i16)]) -> ApiVersionsResponse {
    let key = |&(api, min_version, max_version): &(ApiKey, i16, i16)| ApiVersion {
        api_key: api.0,
        min_version,
        max_version,
        ..Default::default()
    };
    ApiVersionsResponse {
        api_keys: ranges.iter().map(key).collect(),
        ..Default::default()
    }
}

const MODERN: &[(ApiKey, i16, i16)] = &[
    (ApiKey::API_VERSIONS, 0, 4),
    (ApiKey::METADATA, 0, 13),
    (ApiKey::PRODUCE, 0, 13),
    (ApiKey::INIT_PRODUCER_ID, 0, 5),
];

fn ready() -> Connection<&'static str> {
    let mut connection = connection();
    let (_, version, id) = sent(&mut connection, at(0)).unwrap();
    let event = connection
        .handle_frame(answer(id, version, &offers(MODERN)), at(1))
        .unwrap();
    assert!(matches!(event, Some(Event::Ready)));
    connection
}

fn terms(now: Instant) -> Terms {
    Terms {
        now,
        deadline: now + 30 * SECOND,
        answered: true,
        max_version: None,
    }
}

fn ask(connection: &mut Connection<&'static str>, token: &'static str, now: Instant) -> i16 {
    connection
        .send(&MetadataRequest::default(), token, terms(now))
        .unwrap()
}

#[test]
fn the_handshake_starts_with_the_highest_version() {
    let mut connection = connection();
    let (api, version, _) = sent(&mut connection, at(0)).unwrap();
    assert_eq!(
        (api, version),
        (ApiKey::API_VERSIONS.0, ApiVersionsRequest::LATEST_STABLE)
    );
    assert!(
        connection
            .send(&MetadataRequest::default(), "early", terms(at(0)))
            .is_err()
    );
    let ready = ready();
    assert_eq!(ready.version_of::<MetadataRequest>(None).unwrap(), 13);
    assert_eq!(ready.poll_timeout(), None);
}

/// A broker that refuses the version, in the way of its generation.
fn fall_back(api_keys: &[(ApiKey, i16, i16)]) -> (i16, Connection<&'static str>) {
    let mut connection = connection();
    let (_, _, id) = sent(&mut connection, at(0)).unwrap();
    let refusal = ApiVersionsResponse {
        error_code: ErrorCode::UNSUPPORTED_VERSION,
        ..offers(api_keys)
    };
    assert!(
        connection
            .handle_frame(answer(id, 0, &refusal), at(1))
            .unwrap()
            .is_none()
    );
    let (_, version, id) = sent(&mut connection, at(1)).unwrap();
    let event = connection
        .handle_frame(answer(id, version, &offers(MODERN)), at(2))
        .unwrap();
    assert!(matches!(event, Some(Event::Ready)));
    (version, connection)
}

#[test]
fn an_older_broker_is_asked_again_in_what_it_knows() {
    assert_eq!(fall_back(&[(ApiKey::API_VERSIONS, 0, 2)]).0, 2);
    // Brokers before 2.4 do not name what they know.
    assert_eq!(fall_back(&[]).0, 0);
    // One that names what was just refused must not send us round in circles.
    assert_eq!(
        fall_back(&[(ApiKey::API_VERSIONS, 0, 99)]).0,
        ApiVersionsRequest::LATEST_STABLE - 1
    );
}

#[test]
fn a_broker_that_refuses_every_version_or_the_client_is_an_error() {
    let mut connection = connection();
    let refusal = ApiVersionsResponse {
        error_code: ErrorCode::UNSUPPORTED_VERSION,
        ..Default::default()
    };
    let (_, _, id) = sent(&mut connection, at(0)).unwrap();
    connection
        .handle_frame(answer(id, 0, &refusal), at(1))
        .unwrap();
    let (_, _, id) = sent(&mut connection, at(1)).unwrap();
    let error = connection
        .handle_frame(answer(id, 0, &refusal), at(2))
        .unwrap_err();
    assert!(
        matches!(
            error,
            ConnectionError::Refused(ErrorCode::UNSUPPORTED_VERSION)
        ),
        "{error}"
    );

    let mut connection = super::tests::connection();
    let refusal = ApiVersionsResponse {
        error_code: ErrorCode::INVALID_REQUEST,
        ..Default::default()
    };
    let (_, version, id) = sent(&mut connection, at(0)).unwrap();
    let error = connection
        .handle_frame(answer(id, version, &refusal), at(1))
        .unwrap_err();
    assert!(error.to_string().contains("INVALID_REQUEST"), "{error}");
}

#[test]
fn a_handshake_that_hangs_or_is_cut_off_is_an_error() {
    let mut connection = connection();
    assert_eq!(connection.poll_timeout(), Some(at(10_000)));
    assert!(connection.handle_timeout(at(9_999)).is_ok());
    let error = connection
        .handle_timeout(at(10_000))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("handshake") && error.contains("10s"),
        "{error}"
    );
    let cut = connection.handle_end(None).to_string();
    assert!(cut.contains("TLS") && cut.contains("first answer"), "{cut}");
    let cut = connection.handle_end(Some((3, Some(20)))).to_string();
    assert!(cut.contains("3 bytes of 20"), "{cut}");
}

#[test]
fn answers_come_in_the_order_of_the_requests() {
    let mut connection = ready();
    let version = ask(&mut connection, "one", at(10));
    ask(&mut connection, "two", at(11));
    let (_, _, one) = sent(&mut connection, at(11)).unwrap();
    let (_, _, two) = sent(&mut connection, at(11)).unwrap();
    assert_ne!(one, two);
    for (id, token) in [(one, "one"), (two, "two")] {
        let frame = answer(id, version, &MetadataResponse::default());
        let Some(Event::Answer(answer)) = connection.handle_frame(frame, at(20)).unwrap() else {
            panic!("no answer");
        };
        assert_eq!(answer.token, token);
        connection
            .decode::<MetadataRequest, _>(&answer, at(20))
            .unwrap();
    }
    assert_eq!(connection.in_flight(), 0);
}

#[test]
fn a_wrong_correlation_id_names_both() {
    let mut connection = ready();
    let version = ask(&mut connection, "one", at(10));
    let (_, _, id) = sent(&mut connection, at(10)).unwrap();
    let frame = answer(id + 77, version, &MetadataResponse::default());
    let error = connection
        .handle_frame(frame, at(11))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&id.to_string()) && error.contains(&(id + 77).to_string()),
        "{error}"
    );
    let orphans: Vec<_> = connection
        .close()
        .into_iter()
        .map(|o| (o.token, o.transmitted))
        .collect();
    assert_eq!(orphans, [("one", true)]);
}

#[test]
fn an_answer_to_nothing_or_to_what_was_not_sent_is_an_error() {
    let mut connection = ready();
    let nothing = answer(5, 0, &MetadataResponse::default());
    let error = connection.handle_frame(nothing.clone(), at(1)).unwrap_err();
    assert!(matches!(error, ConnectionError::Unasked { got: 5 }));
    ask(&mut connection, "kept back", at(1));
    let error = connection.handle_frame(nothing, at(1)).unwrap_err();
    assert!(matches!(error, ConnectionError::Unasked { .. }));
    let error = connection
        .handle_frame(Bytes::from_static(&[1, 2]), at(1))
        .unwrap_err();
    assert!(matches!(error, ConnectionError::TooShort { length: 2 }));
}

#[test]
fn garbage_in_an_answer_is_an_error_and_not_a_panic() {
    let mut connection = ready();
    ask(&mut connection, "one", at(1));
    let (_, _, id) = sent(&mut connection, at(1)).unwrap();
    let frame = [&id.to_be_bytes()[..], &[0, 1, 2, 3, 4, 5, 6]].concat();
    let Some(Event::Answer(answer)) = connection.handle_frame(frame.into(), at(2)).unwrap() else {
        panic!("no answer");
    };
    let error = connection
        .decode::<MetadataRequest, _>(&answer, at(2))
        .unwrap_err();
    assert!(matches!(error, ConnectionError::Decode(_)), "{error}");
}

#[test]
fn the_request_that_runs_out_first_ends_the_connection() {
    let mut connection = ready();
    ask(&mut connection, "patient", at(1_000));
    let hasty = Terms {
        deadline: at(4_000),
        ..terms(at(2_000))
    };
    connection
        .send(&MetadataRequest::default(), "hasty", hasty)
        .unwrap();
    sent(&mut connection, at(2_000)).unwrap();
    assert_eq!(connection.poll_timeout(), Some(at(4_000)));
    assert!(connection.handle_timeout(at(3_999)).is_ok());
    let error = connection.handle_timeout(at(4_500)).unwrap_err();
    assert!(
        matches!(
            error,
            ConnectionError::RequestTimedOut { api: ApiKey::METADATA, waited, transmitted: false }
                if waited == Duration::from_millis(2_500)
        ),
        "{error}"
    );
    let orphans: Vec<_> = connection
        .close()
        .into_iter()
        .map(|o| (o.token, o.transmitted))
        .collect();
    assert_eq!(orphans, [("patient", true), ("hasty", false)]);
    assert!(connection.poll_transmit(at(5_000)).is_none());
}

#[test]
fn a_request_without_answer_is_done_when_written() {
    let mut connection = ready();
    let silent = Terms {
        answered: false,
        ..terms(at(1))
    };
    connection
        .send(&MetadataRequest::default(), "silent", silent)
        .unwrap();
    assert_eq!(connection.in_flight(), 1);
    connection.poll_transmit(at(1)).unwrap();
    assert!(matches!(
        connection.handle_transmitted(),
        Some(Event::Written("silent"))
    ));
    assert_eq!(
        (connection.in_flight(), connection.poll_timeout()),
        (0, None)
    );
}

#[test]
fn a_throttled_connection_keeps_quiet_until_it_may_speak() {
    let mut connection = ready();
    let version = connection
        .send(&InitProducerIdRequest::default(), "id", terms(at(10)))
        .unwrap();
    let (_, _, id) = sent(&mut connection, at(10)).unwrap();
    let throttled = InitProducerIdResponse {
        throttle_time_ms: 500,
        ..Default::default()
    };
    let frame = answer(id, version, &throttled);
    let Some(Event::Answer(answer)) = connection.handle_frame(frame, at(100)).unwrap() else {
        panic!("no answer");
    };
    connection
        .decode::<InitProducerIdRequest, _>(&answer, at(100))
        .unwrap();
    assert_eq!(connection.throttled_until(at(100)), Some(at(600)));
    ask(&mut connection, "later", at(100));
    assert!(connection.poll_transmit(at(599)).is_none());
    assert_eq!(connection.poll_timeout(), Some(at(600)));
    connection.handle_timeout(at(600)).unwrap();
    // The pause is over; a timeout in the past would have the owner spin.
    assert_eq!(connection.poll_timeout(), Some(at(30_100)));
    assert!(connection.poll_transmit(at(600)).is_some());
}
