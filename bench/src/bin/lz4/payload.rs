//! What is compressed: the same bytes in every run.

use bytes::BytesMut;
use fastrand::Rng;
use milena_codec::{BatchBuilder, RecordRef, Stamp};

/// Some batches of one kind.
pub struct Payload {
    pub name: &'static str,
    pub batches: Vec<Vec<u8>>,
}

impl Payload {
    pub fn len(&self) -> usize {
        self.batches.iter().map(Vec::len).sum()
    }
}

const SMALL: usize = 16 * 1024;
const LARGE: usize = 1024 * 1024;

pub fn all() -> Vec<Payload> {
    let rng = &mut Rng::with_seed(17);
    let vocabulary = &vocabulary(rng);
    vec![
        records("json, 16 KiB", 64, SMALL, rng, json),
        records("json, 1 MiB", 2, LARGE, rng, json),
        records("log lines, 1 MiB", 2, LARGE, rng, log_line),
        records("text, 16 KiB", 64, SMALL, rng, |_, rng| {
            prose(vocabulary, 1200, rng)
        }),
        records("text, 1 MiB", 2, LARGE, rng, |_, rng| {
            prose(vocabulary, 1200, rng)
        }),
        records("structures, 1 MiB", 2, LARGE, rng, structure),
        records("the same again, 1 MiB", 2, LARGE, rng, |_, _| {
            b"the same value in each of the records".to_vec()
        }),
        records("mostly zeros, 1 MiB", 2, LARGE, rng, |_, rng| sparse(rng)),
        records("random, 16 KiB", 64, SMALL, rng, |_, rng| random(rng)),
        records("random, 1 MiB", 2, LARGE, rng, |_, rng| random(rng)),
        Payload {
            name: "zeros, 1 MiB",
            batches: vec![vec![0; LARGE]; 2],
        },
    ]
}

/// Record sections of about `size` bytes, as a producer makes them.
fn records(
    name: &'static str,
    count: usize,
    size: usize,
    rng: &mut Rng,
    mut value: impl FnMut(u64, &mut Rng) -> Vec<u8>,
) -> Payload {
    let mut number = 0;
    let batches = (0..count).map(|_| {
        let mut batch = BatchBuilder::new(size);
        batch.add_chunk(BytesMut::with_capacity(size));
        loop {
            number += 1;
            let (key, value) = (
                format!("customer-{}", rng.u32(..100_000)),
                value(number, rng),
            );
            let record = RecordRef {
                timestamp: 1_700_000_000_000 + number.cast_signed() / 3,
                key: Some(key.as_bytes().into()),
                value: Some(value.as_slice().into()),
                headers: &[],
            };
            let cost = batch.cost(&record);
            if !batch.has_room(&cost) {
                break;
            }
            batch.append(cost).expect("there is room");
        }
        // Without the batch's header.
        batch.seal().encode(Stamp::NONE)[1..].concat()
    });
    Payload {
        name,
        batches: batches.collect(),
    }
}

/// An event of 135 to 276 bytes.
fn json(number: u64, rng: &mut Rng) -> Vec<u8> {
    let kind = rng
        .choice([
            "order_created",
            "order_paid",
            "order_shipped",
            "cart_updated",
            "login",
        ])
        .unwrap_or("");
    let city = rng
        .choice(["Praha", "Wien", "Berlin", "Brno", "Merano", "Kierling"])
        .unwrap_or("");
    let mut event = format!(
        r#"{{"id":{},"type":"{kind}","user":"u{:06}","ts":{},"amount":{}.{:02},"currency":"EUR","city":"{city}","ok":{}"#,
        10_000_000 + number,
        rng.u32(..50_000),
        1_700_000_000_000 + number * 7,
        rng.u32(1..2000),
        rng.u32(..100),
        rng.bool(),
    );
    if rng.bool() {
        event += &format!(
            r#","session":"{:016x}","items":[{},{}]"#,
            rng.u64(..),
            rng.u32(..5000),
            rng.u32(..5000)
        );
    }
    event.push('}');
    event.into_bytes()
}

fn log_line(number: u64, rng: &mut Rng) -> Vec<u8> {
    let path = rng
        .choice([
            "/",
            "/index.html",
            "/api/v1/orders",
            "/api/v1/users",
            "/static/app.js",
        ])
        .unwrap_or("");
    format!(
        "10.{}.{}.{} - - [21/Nov/2026:13:{:02}:{:02} +0000] \"GET {path} HTTP/1.1\" {} {} \"Mozilla/5.0 (X11; Linux x86_64)\"",
        rng.u8(..4),
        rng.u8(..),
        rng.u8(..),
        number / 6000 % 60,
        number / 100 % 60,
        rng.choice([200, 200, 200, 304, 404, 500]).unwrap_or(0),
        rng.u32(100..90_000),
    )
    .into_bytes()
}

/// Words of a made-up language.
fn vocabulary(rng: &mut Rng) -> Vec<String> {
    const SYLLABLES: [&str; 20] = [
        "ka", "mi", "le", "na", "ro", "st", "ver", "wan", "del", "on", "i", "pro", "cess", "ing",
        "a", "thu", "re", "sch", "ex", "to",
    ];
    let word = |rng: &mut Rng| {
        (0..rng.usize(1..5))
            .filter_map(|_| rng.choice(SYLLABLES))
            .collect()
    };
    (0..4000).map(|_| word(rng)).collect()
}

/// Words, the first ones of the vocabulary the most often.
fn prose(vocabulary: &[String], len: usize, rng: &mut Rng) -> Vec<u8> {
    let mut text = String::new();
    while text.len() < len {
        let rank = (vocabulary.len() as f64).powf(rng.f64()) as usize;
        text += &vocabulary[rank - 1];
        text += match rng.u8(..16) {
            0 => ", ",
            1 => ".\n",
            _ => " ",
        };
    }
    text.into_bytes()
}

/// A reading of a sensor, in fields of fixed width.
fn structure(number: u64, rng: &mut Rng) -> Vec<u8> {
    let mut reading = Vec::with_capacity(44);
    reading.extend((1_700_000_000_000_000 + number * 1009).to_be_bytes());
    reading.extend(rng.u32(..500).to_be_bytes());
    reading.extend([1, rng.u8(..4), 0, 0]);
    for base in [20.0_f32, 1013.0, 0.5] {
        reading.extend((base + (rng.f32() * 64.0).floor() / 16.0).to_be_bytes());
    }
    reading.extend(f64::from(rng.u32(..1000)).to_be_bytes());
    reading.extend([0; 8]);
    reading
}

/// Runs of zeros between bytes that differ.
fn sparse(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < 1000 {
        bytes.resize(bytes.len() + rng.usize(..60), 0);
        bytes.push(rng.u8(..));
    }
    bytes
}

fn random(rng: &mut Rng) -> Vec<u8> {
    (0..200).map(|_| rng.u8(..)).collect()
}
