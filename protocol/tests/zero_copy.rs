//! Record sets are never copied, neither out nor in; strings and bytes are not copied in.

#![allow(missing_docs)]
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]

use bytes::Bytes;
use milena_protocol::fetch::{FetchResponse, FetchableTopicResponse, PartitionData};
use milena_protocol::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use milena_protocol::{
    ApiKey, Message, Records, decode_response_header, encode_request, encode_response,
};

fn produce(sets: Vec<Records>) -> ProduceRequest {
    let partition = |(index, records)| PartitionProduceData {
        index,
        records: Some(records),
        ..Default::default()
    };
    ProduceRequest {
        acks: -1,
        topic_data: vec![TopicProduceData {
            name: "orders".into(),
            partition_data: (0..).zip(sets).map(partition).collect(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

#[test]
fn produce_shares_every_segment_of_every_record_set() {
    let segment = |byte: u8| Bytes::from(vec![byte; 1000]);
    let (a, b, c) = (segment(1), segment(2), segment(3));
    let body = produce(vec![
        Records::from_segments(vec![a.clone(), b.clone()]),
        Records::from(c.clone()),
    ]);
    let out = encode_request(1, None, 11, &body).unwrap();

    let addresses: Vec<_> = out.as_slice().iter().map(|bytes| bytes.as_ptr()).collect();
    // One buffer in front, one between the record sets, one behind.
    let [front, first, second, between, third, behind] = addresses[..] else {
        panic!("{} segments", addresses.len())
    };
    assert_eq!([first, second, third], [a.as_ptr(), b.as_ptr(), c.as_ptr()]);
    // The others are slices of one allocation.
    let [front_len, between_len] = [0, 3].map(|n| out.as_slice()[n].len());
    assert_eq!(
        (between.addr(), behind.addr()),
        (
            front.addr() + front_len,
            front.addr() + front_len + between_len
        )
    );
    assert_eq!(
        out.len(),
        4 + u32::from_be_bytes(out.as_slice()[0][..4].try_into().unwrap()) as usize
    );
}

#[test]
fn no_segment_is_empty() {
    let [empty, piece] = [Bytes::new(), Bytes::from_static(b"piece")];
    let set = Records::from_segments(vec![empty.clone(), piece.clone(), empty]);
    let body = produce(vec![
        set,
        Records::default(),
        Records::from_segments(vec![]),
    ]);
    let out = body.encode(11).unwrap();
    // One buffer in front of the only piece, one behind.
    let lengths: Vec<_> = out.as_slice().iter().map(Bytes::len).collect();
    assert_eq!(lengths[1..2], [piece.len()]);
    assert!(lengths.len() == 3 && !lengths.contains(&0), "{lengths:?}");
}

#[test]
fn produce_does_not_allocate_for_records() {
    let set = || {
        Records::from_segments(vec![
            Bytes::from(vec![1; 50_000]),
            Bytes::from(vec![2; 50_000]),
        ])
    };
    let body = produce((0..8).map(|_| set()).collect());
    // `Bytes` of a `Vec` counts its owners from the first time it is shared: not of interest here.
    drop(encode_request(1, None, 11, &body));
    let mut out = None;
    let info = allocation_counter::measure(|| out = Some(encode_request(1, None, 11, &body)));
    // The buffer and the count of its owners, the list of links, which grows twice, the list of segments.
    assert_eq!(info.count_total, 6);
    assert!(info.bytes_total < 3_000, "{} bytes", info.bytes_total);
    drop(out);
}

#[test]
fn fetch_shares_the_frame() {
    let partition = |n: u8| PartitionData {
        records: Some(Bytes::from(vec![n; 1000]).into()),
        ..Default::default()
    };
    let body = FetchResponse {
        responses: vec![FetchableTopicResponse {
            topic: "orders".into(),
            partitions: (0..6).map(partition).collect(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let frame = encode_response(1, 12, &body).unwrap().into_bytes();
    let mut decoded = None;
    let info = allocation_counter::measure(|| {
        let (_, body) = decode_response_header(&frame.slice(4..), ApiKey::FETCH, 12).unwrap();
        decoded = Some(FetchResponse::decode(&body, 12).unwrap());
    });
    let decoded = decoded.unwrap();
    assert_eq!(decoded, body);
    // One list of topics and one of partitions; the first slice of a frame makes the count of its owners.
    assert!(info.count_total <= 3, "{} allocations", info.count_total);

    let inside = frame.as_ptr_range();
    let topic = &decoded.responses[0];
    assert!(inside.contains(&topic.topic.as_ptr()));
    for partition in &topic.partitions {
        let [bytes] = partition.records.as_ref().unwrap().segments() else {
            panic!("more than one segment")
        };
        assert!(inside.contains(&bytes.as_ptr()));
    }
}
