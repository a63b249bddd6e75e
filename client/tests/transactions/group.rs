//! What a group has committed.

use bytes::Bytes;
use milena_broker::{
    Cluster, CoordinatorType, Reply,
    protocol::{
        ApiKey, Message, Str, decode_response_header, encode_request,
        offset_fetch::{OffsetFetchRequest, OffsetFetchRequestTopic, OffsetFetchResponse},
    },
};

/// A version in which the group goes by itself and topics by name.
const VERSION: i16 = 7;

/// The offset that a group will begin with in a partition, or -1.
pub(crate) fn offset(cluster: &Cluster, group: &str, topic: &str, partition: i32) -> i64 {
    let request = OffsetFetchRequest {
        group_id: Str::from(group),
        topics: Some(vec![OffsetFetchRequestTopic {
            name: Str::from(topic),
            partition_indexes: vec![partition],
            ..Default::default()
        }]),
        ..Default::default()
    };
    let node = cluster.coordinator(CoordinatorType::Group, group).unwrap();
    let frame = encode_request(1, None, VERSION, &request).unwrap();
    let frame = Bytes::from(frame.into_iter().collect::<Vec<_>>().concat()).slice(4..);
    let now = cluster.now();
    let reply = cluster.with_state(|state| state.handle(node, u64::MAX, frame, now));
    let Reply::Answer(answer) = reply else {
        panic!("{reply:?}");
    };
    let bytes = Bytes::from(answer.segments.concat()).slice(4..);
    let (_, body) = decode_response_header(&bytes, ApiKey::OFFSET_FETCH, VERSION).unwrap();
    let response = OffsetFetchResponse::decode(&body, VERSION).unwrap();
    assert!(!response.error_code.is_err(), "{}", response.error_code);
    response.topics[0].partitions[0].committed_offset
}
