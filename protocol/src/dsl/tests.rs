//! Shapes that the grammar allows and that the messages at hand do not have.

use bytes::Bytes;

use crate::schema::{StructSchema, Type};
use crate::{DecodeReason, EncodeReason, Message, Request, VersionRange};

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
    assert_eq!(
        OddRequest::decode(&Bytes::from_static(b"\x80\x07"), 1),
        Ok(body(None))
    );
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
