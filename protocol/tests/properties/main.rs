//! Properties of every message in every version. A new API joins them by being listed in the crate.

#![allow(missing_docs)]
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]

use std::fmt::Write as _;

use bytes::Bytes;
use milena_protocol::tree::Tree;
use milena_protocol::{
    Api, ApiVisitor, DecodeError, DecodeReason, Direction, EncodeReason, Message, Request,
    visit_apis,
};
use milena_testdata::model::{Encoder, FalseCount, Fill, Lie, Value, Version};

/// A property of one message type.
trait Property {
    fn check<M: Message>(&mut self);
}

struct Requests<P>(P);

impl<P: Property> ApiVisitor for Requests<P> {
    fn visit<R: Request>(&mut self) {
        self.0.check::<R>();
        self.0.check::<R::Response>();
    }
}

fn for_all_messages(property: impl Property) {
    visit_apis(&mut Requests(property));
}

fn versions<M: Message>() -> impl Iterator<Item = Version> {
    let flexible = |v| M::FLEXIBLE_FROM.is_some_and(|from| v >= from);
    (M::VERSIONS.min..=M::VERSIONS.max).map(move |v| Version {
        v,
        flexible: flexible(v),
    })
}

/// One message of every kind of filling, by seed: 0 is defaults, 1 typical, the others random.
fn sample<M: Message>(ver: Version, seed: u64) -> Value {
    let fill = match seed {
        0 => Fill::Defaults,
        1 => Fill::Typical,
        _ => Fill::Random,
    };
    Value::of_struct(M::schema(), ver, fill, &mut fastrand::Rng::with_seed(seed))
}

fn bytes<M: Message>(ver: Version, value: &Value) -> Bytes {
    let encoder = Encoder::new(ver, None).message(M::schema(), value);
    encoder
        .expect("the model fills what the version has")
        .out
        .into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The same bytes, read without the type.
fn tree<M: Message>(version: i16, body: &Bytes) -> Result<Tree, DecodeError> {
    let api = Api::find(M::API).expect("an API of the crate");
    let is_message = |direction: &Direction| api.schema(*direction) == M::schema();
    let direction = Direction::BOTH.into_iter().find(is_message);
    api.read(direction.expect("one of its two"), version, body)
}

fn tree_of<M: Message>(message: &M, version: i16) -> Result<Tree, DecodeError> {
    let bytes = message.encode(version).unwrap_or_else(|e| panic!("{e}"));
    tree::<M>(version, &bytes.into_bytes())
}

#[test]
fn bytes_round_trip_and_match_the_model() {
    struct RoundTrip;
    impl Property for RoundTrip {
        fn check<M: Message>(&mut self) {
            for ver in versions::<M>() {
                for seed in 0..60 {
                    let value = sample::<M>(ver, seed);
                    let bytes = bytes::<M>(ver, &value);
                    let at = || format!("{} v{} seed {seed}: {value:?}", M::NAME, ver.v);
                    let message =
                        M::decode(&bytes, ver.v).unwrap_or_else(|e| panic!("{e}: {}", at()));
                    let again = message
                        .encode(ver.v)
                        .unwrap_or_else(|e| panic!("{e}: {}", at()));
                    assert_eq!(message.encoded_len(ver.v), Ok(bytes.len()), "{}", at());
                    assert_eq!(again.len(), bytes.len(), "{}", at());
                    assert_eq!(hex(&again.into_bytes()), hex(&bytes), "{}", at());
                }
            }
        }
    }
    for_all_messages(RoundTrip);
}

#[test]
fn a_message_of_one_version_is_written_in_another_or_refused_as_the_model_says() {
    struct AcrossVersions;
    impl Property for AcrossVersions {
        fn check<M: Message>(&mut self) {
            for (ver, seed) in versions::<M>().flat_map(|ver| (0..12).map(move |seed| (ver, seed)))
            {
                let value = sample::<M>(ver, seed);
                let message = M::decode(&bytes::<M>(ver, &value), ver.v).unwrap();
                for other in versions::<M>() {
                    let at = format!(
                        "{} v{} written as v{}, seed {seed}",
                        M::NAME,
                        ver.v,
                        other.v
                    );
                    let model = Encoder::new(other, None).message(M::schema(), &value);
                    match (message.encode(other.v), model) {
                        (Ok(real), Ok(model)) => {
                            assert_eq!(hex(&real.into_bytes()), hex(&model.out), "{at}")
                        }
                        (Err(real), Err(path)) => {
                            assert_eq!(
                                (real.path(), real.message(), real.version()),
                                (path, M::NAME, other.v),
                                "{at}"
                            );
                            let expected = [
                                EncodeReason::Absent,
                                EncodeReason::Null,
                                EncodeReason::NoTags,
                            ];
                            assert!(expected.contains(real.reason()), "{at}: {real}");
                        }
                        (real, model) => panic!("{at}: {real:?}, but the model {model:?}"),
                    }
                }
            }
        }
    }
    for_all_messages(AcrossVersions);
}

#[test]
fn every_default_is_written_in_every_version() {
    struct Defaults;
    impl Property for Defaults {
        fn check<M: Message>(&mut self) {
            for ver in versions::<M>() {
                let bytes = M::default()
                    .encode(ver.v)
                    .unwrap_or_else(|e| panic!("{e}"))
                    .into_bytes();
                assert_eq!(
                    M::decode(&bytes, ver.v),
                    Ok(M::default()),
                    "{} v{}",
                    M::NAME,
                    ver.v
                );
            }
        }
    }
    for_all_messages(Defaults);
}

#[test]
fn every_truncation_is_refused_and_so_is_a_byte_too_many() {
    struct Truncated;
    impl Property for Truncated {
        fn check<M: Message>(&mut self) {
            for (ver, seed) in versions::<M>().flat_map(|ver| (0..4).map(move |seed| (ver, seed))) {
                let whole = bytes::<M>(ver, &sample::<M>(ver, seed));
                for length in 0..whole.len() {
                    let error = M::decode(&whole.slice(..length), ver.v).expect_err("cut short");
                    assert!(error.offset() <= length, "{error}");
                    assert!(
                        error
                            .to_string()
                            .starts_with(&format!("{} v{}: ", M::NAME, ver.v)),
                        "{error}"
                    );
                }
                let longer = Bytes::from([&whole[..], &[0]].concat());
                let error = M::decode(&longer, ver.v).expect_err("one byte too many");
                assert_eq!(
                    (error.reason(), error.offset()),
                    (&DecodeReason::Trailing(1), whole.len()),
                    "{error}"
                );
            }
        }
    }
    for_all_messages(Truncated);
}

#[test]
fn versions_that_do_not_exist_are_refused() {
    struct Versions;
    impl Property for Versions {
        fn check<M: Message>(&mut self) {
            for v in [M::VERSIONS.min - 1, M::VERSIONS.max + 1, i16::MIN, i16::MAX] {
                let read = M::decode(&Bytes::new(), v).expect_err("no such version");
                assert_eq!(read.reason(), &DecodeReason::Version(M::VERSIONS));
                let written = M::default().encode(v).expect_err("no such version");
                assert_eq!(written.reason(), &EncodeReason::Version(M::VERSIONS));
                assert_eq!(M::default().encoded_len(v), Err(written));
            }
        }
    }
    for_all_messages(Versions);
}

#[test]
fn null_is_refused_where_the_version_has_no_null() {
    struct Nulls(usize);
    impl Property for &mut Nulls {
        fn check<M: Message>(&mut self) {
            for ver in versions::<M>() {
                for at in 0.. {
                    let lie = Some(Lie::Null(at));
                    let lying = Encoder::new(ver, lie)
                        .message(M::schema(), &sample::<M>(ver, 1))
                        .unwrap();
                    let Some(path) = lying.lied else { break };
                    let error = M::decode(&lying.out.into(), ver.v).expect_err("null");
                    assert_eq!(
                        (error.reason(), error.path()),
                        (&DecodeReason::Null, path),
                        "{error}"
                    );
                    self.0 += 1;
                }
            }
        }
    }
    let mut nulls = Nulls(0);
    for_all_messages(&mut nulls);
    assert!(nulls.0 > 500, "only {} nulls were tried", nulls.0);
}

/// What an honest decoder may hold beside the frame itself: a first reservation for each of the nested arrays,
/// and elements that are larger in memory than on the wire.
fn allowance(frame: usize) -> u64 {
    (6 * 16 * 1024 + 64 * frame) as u64
}

#[test]
fn a_lying_count_is_refused_before_it_reserves() {
    struct Counts(usize);
    impl Property for &mut Counts {
        fn check<M: Message>(&mut self) {
            let lies: [FalseCount; 4] = [
                |left, least| (left / least) as u32 + 1,
                |left, _| left as u32 + 1,
                |_, _| i32::MAX as u32,
                |_, _| u32::MAX - 1,
            ];
            for ver in versions::<M>() {
                let sample = sample::<M>(ver, 1);
                let arrays = |at: &usize| {
                    let lie = Some(Lie::Count(*at, lies[0]));
                    let lying = Encoder::new(ver, lie).message(M::schema(), &sample);
                    lying.unwrap().lied.is_some()
                };
                let arrays = (0..).take_while(arrays).count();
                for (lie, at) in lies
                    .into_iter()
                    .flat_map(|lie| (0..arrays).map(move |at| (lie, at)))
                {
                    let lie = Some(Lie::Count(at, lie));
                    let lying = Encoder::new(ver, lie)
                        .message(M::schema(), &sample)
                        .unwrap();
                    let Some(path) = lying.lied else { continue };
                    let frame = Bytes::from(lying.out);
                    let mut result = None;
                    let info =
                        allocation_counter::measure(|| result = Some(M::decode(&frame, ver.v)));
                    let error = result.unwrap().expect_err("a lying count");
                    assert_eq!(error.path(), path, "{error}");
                    let reasons = (error.reason(), ver.flexible);
                    assert!(
                        matches!(
                            reasons,
                            (DecodeReason::LyingCount { .. }, _)
                                | (DecodeReason::NegativeLength(-2), false)
                        ),
                        "{error}"
                    );
                    assert!(
                        info.bytes_max <= allowance(frame.len()),
                        "{error}: {} bytes",
                        info.bytes_max
                    );
                    self.0 += 1;
                }
            }
        }
    }
    let mut counts = Counts(0);
    for_all_messages(&mut counts);
    assert!(counts.0 > 1000, "only {} counts were tried", counts.0);
}

/// Bytes that were a message before somebody changed them, or never were one.
fn hostile(valid: &[u8], rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = match rng.u8(..8) {
        0 => (0..rng.usize(..64)).map(|_| rng.u8(..)).collect(),
        _ => valid.to_vec(),
    };
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..=bytes.len());
        match rng.u8(..5) {
            0 => bytes.truncate(at),
            1 => drop(bytes.splice(at..at, [0xff; 4])),
            2 => drop(bytes.splice(at..at, [0x7f, 0xff, 0xff, 0xff])),
            3 => drop(bytes.splice(at..(at + rng.usize(..4)).min(bytes.len()), [])),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = [0, 1, 0x7f, 0x80, 0xff, rng.u8(..)][rng.usize(..6)];
                }
            }
        }
    }
    bytes
}

#[test]
fn hostile_bytes_never_panic_and_what_is_read_can_be_written() {
    struct Hostile {
        read: usize,
    }
    impl Property for &mut Hostile {
        fn check<M: Message>(&mut self) {
            for ver in versions::<M>() {
                let mut rng = fastrand::Rng::with_seed(ver.v.unsigned_abs().into());
                for round in 0..500 {
                    let valid = bytes::<M>(ver, &sample::<M>(ver, round % 8));
                    let frame = Bytes::from(hostile(&valid, &mut rng));
                    let mut result = None;
                    let info =
                        allocation_counter::measure(|| result = Some(M::decode(&frame, ver.v)));
                    let at = || format!("{} v{}: {}", M::NAME, ver.v, hex(&frame));
                    assert!(
                        info.bytes_max <= allowance(frame.len()),
                        "{} bytes: {}",
                        info.bytes_max,
                        at()
                    );
                    let tree = tree::<M>(ver.v, &frame);
                    assert_eq!(
                        tree.as_ref().err(),
                        result.as_ref().and_then(|read| read.as_ref().err()),
                        "{}",
                        at()
                    );
                    let Some(Ok(message)) = result else { continue };
                    assert_eq!(tree, tree_of(&message, ver.v), "{}", at());
                    let again = message
                        .encode(ver.v)
                        .unwrap_or_else(|e| panic!("{e}: {}", at()));
                    let again = M::decode(&again.into_bytes(), ver.v);
                    assert_eq!(again.as_ref(), Ok(&message), "{}", at());
                    self.read += 1;
                }
            }
        }
    }
    let mut hostile = Hostile { read: 0 };
    for_all_messages(&mut hostile);
    assert!(
        hostile.read > 1000,
        "only {} of the hostile frames were messages",
        hostile.read
    );
}
