//! Shapes that the grammar allows and that the messages at hand do not have.

use bytes::Bytes;

use crate::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use crate::schema::{StructSchema, Type};
use crate::tree::Value;
use crate::{
    Api, DecodeReason, Direction, EncodeError, EncodeReason, Message, Records, Request, Segments,
    VersionRange, encode_request,
};

#[allow(unreachable_pub)]
mod odd {
    use bytes::Bytes;

    use crate::text::Str;

    kafka! {
        api Odd = 999, versions 0-3, unstable 2, flexible 2+, OddRequest => OddResponse;

        /// Structs that may be null, in line and tagged.
        struct OddRequest {
            0+   cursor: Option<Cursor>, null 1+;
            1-1  once: i8 = 7;
            2+   next: Option<Cursor> = None, null 2+, tag 0;
            2+   names: Option<Vec<Str>>, null 3+, tag 3, ignorable;
            2+   blob: Bytes, tag 5;
        }

        /// Holds no field at all before version 1.
        struct OddResponse {
            0+   blob: Option<Bytes> = None, null 0+;
            0+   empties: Vec<Empty>;
        }

        struct Cursor {
            0+   at: i32;
        }

        struct Empty {
            1+   flag: bool = true, ignorable;
        }
    }
}

#[allow(unreachable_pub)]
mod rigid {
    use crate::text::Str;

    kafka! {
        api Rigid = 998, versions 0-1, flexible none, RigidRequest => RigidResponse;

        struct RigidRequest {
            0+   r#type: Str;
        }

        struct RigidResponse {
            0-0  old: Vec<i64>;
            1+   new: Vec<Vec<Str>>;
        }
    }
}

#[allow(unreachable_pub)]
mod linked {
    use crate::records::Records;

    kafka! {
        api Linked = 997, versions 0-0, flexible 0+, LinkedRequest => LinkedResponse;

        /// Record sets in front of a tagged section and inside of it.
        struct LinkedRequest {
            0+   first: Records;
            0+   tagged: Tagged, tag 0;
            0+   last: Records, tag 1;
        }

        struct Tagged {
            0+   records: Records;
        }

        struct LinkedResponse {
            0+   pairs: Vec<Pair>;
        }

        struct Pair {
            0+   left: Option<Tagged>, null 0+;
            0+   right: Option<Tagged>, null 0+;
        }
    }
}

use linked::{LinkedRequest, LinkedResponse, Pair, Tagged};
use odd::{Cursor, Empty, OddRequest, OddResponse};
use rigid::{RigidRequest, RigidResponse};

fn round_trip<M: Message>(message: &M, version: i16, bytes: &'static [u8]) {
    assert_eq!(message.encode(version).unwrap().into_bytes(), bytes);
    assert_eq!(message.encoded_len(version), Ok(bytes.len()));
    assert_eq!(
        M::decode(&Bytes::from_static(bytes), version).as_ref(),
        Ok(message)
    );
}

fn cursor(at: i32) -> Option<Cursor> {
    Some(Cursor {
        at,
        ..Default::default()
    })
}

#[test]
fn structs_that_may_be_null_have_a_marker_where_they_may() {
    let body = |cursor| OddRequest {
        cursor,
        ..Default::default()
    };
    round_trip(&body(cursor(5)), 0, b"\0\0\0\x05");
    round_trip(&body(cursor(5)), 1, b"\x01\0\0\0\x05\x07");
    round_trip(&body(None), 1, b"\xff\x07");
    round_trip(&body(cursor(5)), 2, b"\x01\0\0\0\x05\0\0");
    assert_eq!(
        body(None).encode(0).unwrap_err().reason(),
        &EncodeReason::Null
    );
    // Any negative marker is null.
    let null = Bytes::from_static(b"\x80\x07");
    assert_eq!(OddRequest::decode(&null, 1), Ok(body(None)));
    let tree = Api::of::<OddRequest>().read(Direction::Request, 1, &null);
    assert_eq!(tree.unwrap().get("cursor"), Some(&Value::Null));
}

#[test]
fn tagged_rows_may_be_null_and_may_not_be_written_at_their_default() {
    let start = OddRequest {
        cursor: None,
        ..Default::default()
    };
    round_trip(&start, 3, b"\xff\0");
    let next = OddRequest {
        next: cursor(1),
        ..start.clone()
    };
    round_trip(&next, 3, b"\xff\x01\x00\x06\x01\0\0\0\x01\0");
    let null = OddRequest {
        names: None,
        ..start.clone()
    };
    round_trip(&null, 3, b"\xff\x01\x03\x01\0");
    let error = null.encode(2).unwrap_err();
    assert_eq!(
        (error.path().as_str(), error.reason()),
        ("names", &EncodeReason::Null)
    );
    assert!(null.encode(1).is_ok());
    let all = OddRequest {
        names: Some(vec!["a".into()]),
        blob: Bytes::from_static(b"b"),
        ..next
    };
    round_trip(
        &all,
        3,
        b"\xff\x03\x00\x06\x01\0\0\0\x01\0\x03\x03\x02\x02a\x05\x02\x02b",
    );
    assert_eq!(all.encode(1).unwrap_err().path(), "next");
}

#[test]
fn unknown_tags_are_written_between_known_ones() {
    let mut all = OddRequest {
        cursor: None,
        next: cursor(1),
        blob: Bytes::from_static(b"b"),
        ..Default::default()
    };
    for tag in [9, 4, 1] {
        all.unknown_tags.insert(tag, Bytes::from(vec![tag as u8]));
    }
    let expected =
        b"\xff\x05\x00\x06\x01\0\0\0\x01\0\x01\x01\x01\x04\x01\x04\x05\x02\x02b\x09\x01\x09";
    round_trip(&all, 2, expected);
}

#[test]
fn elements_without_a_byte_are_counted_as_one() {
    let body = OddResponse {
        empties: vec![Empty::default(); 2],
        ..Default::default()
    };
    assert_eq!(
        body.encode(0).unwrap().into_bytes(),
        &b"\xff\xff\xff\xff\0\0\0\x02"[..]
    );
    let lying = Bytes::from_static(b"\xff\xff\xff\xff\x7f\xff\xff\xff");
    let error = OddResponse::decode(&lying, 0).unwrap_err();
    assert_eq!(
        error.reason(),
        &DecodeReason::LyingCount {
            claimed: 0x7fff_ffff,
            left: 0
        }
    );
    round_trip(&body, 1, b"\xff\xff\xff\xff\0\0\0\x02\x01\x01");
}

#[test]
fn elements_may_be_as_small_as_their_structs_can_be() {
    let pair = Pair {
        left: None,
        right: None,
        ..Default::default()
    };
    let body = LinkedResponse {
        pairs: vec![pair; 3],
        ..Default::default()
    };
    let bytes = b"\x04\xff\xff\0\xff\xff\0\xff\xff\0\0";
    round_trip(&body, 0, bytes);
    let tree = Api::of::<LinkedRequest>().read(Direction::Response, 0, &Bytes::from_static(bytes));
    assert!(matches!(tree.unwrap().get("pairs"), Some(Value::Array(pairs)) if pairs.len() == 3));
}

fn tagged(records: Records) -> LinkedRequest {
    LinkedRequest {
        tagged: Tagged {
            records,
            ..Default::default()
        },
        ..Default::default()
    }
}

#[test]
fn lengths_take_another_byte_from_128_and_from_16384_on() {
    let cases: [(usize, &[u8]); 6] = [
        (125, b"\x7f\x7e"),
        (126, b"\x80\x01\x7f"),
        (127, b"\x82\x01\x80\x01"),
        (16_380, b"\xff\x7f\xfd\x7f"),
        (16_381, b"\x80\x80\x01\xfe\x7f"),
        (16_383, b"\x83\x80\x01\x80\x80\x01"),
    ];
    for (size, lengths) in cases {
        let body = tagged(Bytes::from(vec![7; size]).into());
        let records = [7].repeat(size);
        let expected = Bytes::from([b"\x01\x01\0", lengths, &records, b"\0"].concat());
        assert_eq!(body.encode(0).unwrap().into_bytes(), expected, "{size}");
        assert_eq!(LinkedRequest::decode(&expected, 0), Ok(body), "{size}");
    }
}

#[test]
fn record_sets_stay_in_place_when_a_length_takes_more_than_the_byte_left_for_it() {
    let pieces = |sizes: &[usize]| {
        let piece = |(n, size): (u8, &usize)| Bytes::from(vec![n; *size]);
        Records::from_segments((1..).zip(sizes).map(piece).collect())
    };
    let body = LinkedRequest {
        first: pieces(&[2, 3]),
        last: pieces(&[200]),
        ..tagged(pieces(&[100, 20_000]))
    };
    let expected = [
        b"\x06\x01\x01\x02\x02\x02\x02".to_vec(),
        b"\x00\x88\x9d\x01\x85\x9d\x01".to_vec(),
        [[1; 100].as_slice(), &[2; 20_000], &[0]].concat(),
        b"\x01\xca\x01\xc9\x01".to_vec(),
        vec![1; 200],
    ];
    let expected = Bytes::from(expected.concat());
    assert_eq!(body.encode(0).unwrap().into_bytes(), expected);
    assert_eq!(LinkedRequest::decode(&expected, 0), Ok(body));
}

#[test]
fn a_record_set_stays_in_front_of_a_number_of_tags_that_takes_two_bytes() {
    let mut body = LinkedRequest {
        first: Bytes::from_static(b"first").into(),
        ..Default::default()
    };
    let mut expected = b"\x06first\x82\x01".to_vec();
    for tag in 120..250 {
        body.unknown_tags.insert(tag, Bytes::new());
        match tag {
            ..0x80 => expected.extend([tag as u8, 0]),
            _ => expected.extend([tag as u8 | 0x80, 1, 0]),
        }
    }
    let expected = Bytes::from(expected);
    assert_eq!(body.encode(0).unwrap().into_bytes(), expected);
    assert_eq!(LinkedRequest::decode(&expected, 0), Ok(body));
}

#[test]
fn no_length_exceeds_an_i32() {
    const MOST: usize = i32::MAX as usize;
    // All the same mebibyte.
    let mebibyte = Bytes::from(vec![0; 1 << 20]);
    let records = |size: usize| {
        let mut segments = vec![mebibyte.clone(); size >> 20];
        segments.push(mebibyte.slice(..size & 0xf_ffff));
        Records::from_segments(segments)
    };
    let first = |size| LinkedRequest {
        first: records(size),
        ..Default::default()
    };
    // Of segments that should not be there, just the length: nobody wants to see two gibibytes.
    let too_long = |encoded: Result<Segments, EncodeError>| {
        let error = encoded.map(|segments| segments.len()).unwrap_err();
        match error.reason() {
            EncodeReason::TooLong(length) => (error.path(), *length),
            reason => panic!("{reason}"),
        }
    };

    assert_eq!(first(MOST).encoded_len(0), Ok(5 + MOST + 1));
    assert_eq!(
        too_long(first(MOST + 1).encode(0)),
        ("first".into(), MOST + 1)
    );
    assert_eq!(
        too_long(tagged(records(MOST)).encode(0)),
        ("tagged".into(), 5 + MOST + 1)
    );
    // Zeroes that are never looked at, and so take no memory.
    let mut unknown = LinkedRequest::default();
    unknown.unknown_tags.insert(9, vec![0; MOST + 1].into());
    assert_eq!(too_long(unknown.encode(0)), (String::new(), MOST + 1));
    // The header takes ten bytes.
    assert_eq!(
        too_long(encode_request(1, None, 0, &first(MOST))),
        (String::new(), 10 + 5 + MOST + 1)
    );

    let partition = PartitionProduceData {
        records: Some(records(MOST + 1)),
        ..Default::default()
    };
    let topic = TopicProduceData {
        partition_data: vec![partition],
        ..Default::default()
    };
    let produce = ProduceRequest {
        topic_data: vec![topic],
        ..Default::default()
    };
    let path = "topic_data[0].partition_data[0].records";
    assert_eq!(too_long(produce.encode(8)), (path.into(), MOST + 1));
}

#[test]
fn an_api_may_never_be_flexible() {
    assert_eq!(
        (RigidRequest::FLEXIBLE_FROM, RigidRequest::LATEST_STABLE),
        (None, 1)
    );
    assert_eq!(
        (OddRequest::FLEXIBLE_FROM, OddRequest::LATEST_STABLE),
        (Some(2), 1)
    );
    round_trip(
        &RigidRequest {
            r#type: "a".into(),
            ..Default::default()
        },
        1,
        b"\0\x01a",
    );
    let error = RigidRequest::decode(&Bytes::from_static(b"\0\x02a"), 1).unwrap_err();
    assert_eq!(error.path(), "type");
    assert_eq!(RigidRequest::schema().fields[0].name, "type");
    let old = RigidResponse {
        old: vec![1],
        ..Default::default()
    };
    round_trip(&old, 0, b"\0\0\0\x01\0\0\0\0\0\0\0\x01");
    assert_eq!(old.encode(1).unwrap_err().path(), "old");
    let new = RigidResponse {
        new: vec![vec!["a".into()], vec![]],
        ..Default::default()
    };
    round_trip(&new, 1, b"\0\0\0\x02\0\0\0\x01\0\x01a\0\0\0\0");
}

#[test]
fn the_schema_says_what_the_table_says() {
    let StructSchema {
        name,
        fields: [cursor, once, next, names, blob],
        size,
    } = OddRequest::schema()
    else {
        panic!("five rows")
    };
    assert_eq!((*name, *size), ("OddRequest", size_of::<OddRequest>()));
    assert!(matches!(
        cursor.ty,
        Type::Struct(StructSchema {
            name: "Cursor",
            fields: [_],
            ..
        })
    ));
    let later = |min| VersionRange { min, max: i16::MAX };
    assert_eq!(
        (cursor.versions, cursor.nullable, cursor.default),
        (later(0), Some(later(1)), None)
    );
    assert_eq!(
        (once.versions, once.default),
        (VersionRange { min: 1, max: 1 }, Some("7"))
    );
    assert_eq!(
        (next.tag, next.default, next.ignorable),
        (Some(0), Some("None"), false)
    );
    assert_eq!(
        (names.ty, names.tag, names.ignorable),
        (Type::Array(&Type::String), Some(3), true)
    );
    assert_eq!(
        (blob.name, blob.ty, blob.nullable),
        ("blob", Type::Bytes, None)
    );
}
