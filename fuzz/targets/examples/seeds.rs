//! Writes the seeds of the corpus, `fuzz/corpus/TARGET/seed-*`, anew:
//! `cargo run -p milena-fuzz-targets --example seeds`.
//!
//! Seeds are inputs that go deep, for the fuzzer to begin with: it does not find its way past a length and a checksum
//! alone. After an API has joined, or a target has learned an operation, run this once.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "run by hand, by whoever has changed the targets"
)]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use milena_codec::{
    BatchBuilder, Compression, CompressionType, Compressor, HeaderRef, RecordRef, SealedBatch,
    Stamp,
};
use milena_protocol::api_versions::ApiVersionsRequest;
use milena_protocol::metadata::MetadataRequest;
use milena_protocol::schema::{StructSchema, Type};
use milena_protocol::{Api, Str, apis, encode_request};

fn main() -> io::Result<()> {
    let corpus = Corpus(Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus"));
    corpus.forget()?;
    messages(&corpus)?;
    frames(&corpus)?;
    batches(&corpus)?;
    builder(&corpus)?;
    partition(&corpus)
}

struct Corpus(PathBuf);

const PREFIX: &str = "seed-";

impl Corpus {
    /// Removes the seeds there are; what fuzzing has found stays.
    fn forget(&self) -> io::Result<()> {
        for (target, _) in milena_fuzz_targets::TARGETS {
            let dir = self.0.join(target);
            fs::create_dir_all(&dir)?;
            for entry in fs::read_dir(dir)? {
                let entry = entry?;
                if entry.file_name().to_string_lossy().starts_with(PREFIX) {
                    fs::remove_file(entry.path())?;
                }
            }
        }
        Ok(())
    }

    fn add(&self, target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
        fs::write(self.0.join(target).join(format!("{PREFIX}{name}")), bytes)
    }
}

/// Both messages of every API, in the versions where something changes for sure: first, last, and around the first
/// flexible one.
fn messages(corpus: &Corpus) -> io::Result<()> {
    for api in apis() {
        for version in versions(api) {
            for (direction, schema) in [(0, api.request), (1, api.response)] {
                let flexible = api.flexible_from.is_some_and(|from| version >= from);
                let mut body = Writer {
                    version,
                    flexible,
                    out: Vec::new(),
                };
                body.fields(schema);
                let mut bytes = vec![api.key.0 as u8, version as u8, direction];
                bytes.extend(body.out);
                corpus.add("message", &format!("{}-{version}", schema.name), &bytes)?;
            }
        }
    }
    Ok(())
}

fn versions(api: &Api) -> Vec<i16> {
    let around = api.flexible_from.map_or([-1; 2], |from| [from - 1, from]);
    let mut versions = vec![api.versions.min, api.versions.max];
    versions.extend(
        around
            .iter()
            .filter(|version| api.versions.contains(**version)),
    );
    versions.sort_unstable();
    versions.dedup();
    versions
}

/// Writes a message by its table: one element in every array, nothing null.
struct Writer {
    version: i16,
    flexible: bool,
    out: Vec<u8>,
}

impl Writer {
    fn fields(&mut self, schema: &StructSchema) {
        let (mut tags, mut tagged) = (0_u8, Vec::new());
        let version = self.version;
        let here = schema
            .fields
            .iter()
            .filter(|field| field.versions.contains(version));
        for field in here {
            let before = self.out.len();
            let nullable = field
                .nullable
                .is_some_and(|range| range.contains(self.version));
            if nullable && matches!(field.ty, Type::Struct(_)) {
                self.out.push(1);
            }
            self.value(field.ty);
            if let Some(tag) = field.tag {
                let value = self.out.split_off(before);
                if value.len() < 128 {
                    tags += 1;
                    tagged.extend([tag as u8, value.len() as u8]);
                    tagged.extend(value);
                }
            }
        }
        if self.flexible {
            // And one that nobody knows.
            self.out.push(tags + 1);
            self.out.extend(tagged);
            self.out.extend([100, 2, 7, 7]);
        }
    }

    fn value(&mut self, ty: Type) {
        match ty {
            Type::Bool => self.out.push(1),
            Type::Int8 => self.out.push(2),
            Type::Int16 | Type::Uint16 => self.out.extend(3_i16.to_be_bytes()),
            Type::Int32 => self.out.extend(1_000_000_i32.to_be_bytes()),
            Type::Int64 => self.out.extend(1_700_000_000_000_i64.to_be_bytes()),
            Type::Float64 => self.out.extend(0.5_f64.to_be_bytes()),
            Type::Uuid => self.out.extend(*b"0123456789abcdef"),
            Type::String => self.sized(2, b"text"),
            Type::Bytes | Type::Records => self.sized(4, b"\0\xff bytes"),
            Type::Array(of) => {
                self.length(4, 1);
                self.value(*of);
            }
            Type::Struct(schema) => self.fields(schema),
            other => panic!("{other:?} has no seed"),
        }
    }

    fn sized(&mut self, width: usize, bytes: &[u8]) {
        self.length(width, bytes.len() as u8);
        self.out.extend(bytes);
    }

    fn length(&mut self, width: usize, length: u8) {
        if self.flexible {
            self.out.push(length + 1);
        } else {
            self.out.resize(self.out.len() + width - 1, 0);
            self.out.push(length);
        }
    }
}

fn frames(corpus: &Corpus) -> io::Result<()> {
    let client_id = Str::from_static("client");
    let mut stream = vec![20, 3, 0, 6, 40];
    for version in [1, 9, 12] {
        let request = MetadataRequest::default();
        let frame = encode_request(7, Some(&client_id), version, &request);
        let frame = frame.map_err(io::Error::other)?.into_bytes();
        stream.extend_from_slice(&frame);
        let bytes = [&[0], &frame[4..]].concat();
        corpus.add("frame", &format!("request-{version}"), &bytes)?;
    }
    let frame = encode_request(7, None, 3, &ApiVersionsRequest::default());
    let frame = frame.map_err(io::Error::other)?.into_bytes();
    corpus.add("frame", "request-versions", &[&[0], &frame[4..]].concat())?;
    corpus.add("frame", "stream", &[&[2], &stream[..]].concat())?;
    corpus.add(
        "frame",
        "stream-http",
        b"\x02\x14\x01\x02HTTP/1.1 400 Bad Request\r\n",
    )?;
    corpus.add(
        "frame",
        "stream-large",
        b"\x02\x1e\x02\xff\x80\x00\x01\x00\x00 and less than that",
    )?;
    // Response headers: of ApiVersions, of an old Metadata and of a flexible one.
    corpus.add(
        "frame",
        "response-versions",
        b"\x01\x12\x03\0\0\0\x07\0\0\x01\0\0\0\0\0",
    )?;
    corpus.add(
        "frame",
        "response-old",
        b"\x01\x03\x00\0\0\0\x07\0\0\0\0\0\0\0\0",
    )?;
    corpus.add(
        "frame",
        "response-flexible",
        b"\x01\x16\x04\0\0\0\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x02\0",
    )?;
    // A handshake, of which the first attempt is too new; requests; answers, a pause, and time.
    let ready = b"\x03\x07\x00\x00\x03\x00\x00\x0b\x03\x00\x0c\x16\x00\x04";
    let retried =
        b"\x03\x07\x01\x01\x12\x00\x03\x03\x07\x00\x05\x03\x00\x00\x0b\x03\x00\x0c\x16\x00\x04";
    let requests = b"\x00\xff\x01\x20\x01\x01\x00\x20\x02\xff\x00\x20\x03\x04\x04\x04";
    let answers = b"\x06\x08\0\0\0\0\0\0\0\0\x06\x13\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0";
    let time = b"\x08\x10\x01\x09\x00\x10\x08\xff";
    let connection = |name: &str, parts: &[&[u8]]| {
        let bytes = [&[3], &parts.concat()[..]].concat();
        corpus.add("frame", &format!("connection-{name}"), &bytes)
    };
    connection("answers", &[ready, requests, answers, time])?;
    connection("retried", &[retried, requests, time])?;
    connection("nonsense", &[ready, requests, b"\x05\x08\0\0\0\x09abcd"])?;
    // Two are sent, one is answered, and the next answer comes before its request.
    let two = b"\x00\xff\x00\x20\x00\xff\x00\x20\x03\x04";
    connection("ahead", &[ready, two, b"\x06\x08\0\0\0\0\0\0\0\0\x0b"])?;
    connection("ended", &[ready, requests, b"\x0a\x05\x09"])
}

fn batches(corpus: &Corpus) -> io::Result<()> {
    let mut together = Vec::new();
    for codec in CompressionType::ALL {
        let (batch, plain, compressed) = sample(codec).map_err(io::Error::other)?;
        let wire = batch.encode(Stamp {
            producer_id: 9,
            producer_epoch: 1,
            base_sequence: 4,
            transactional: false,
        });
        let wire = wire.concat();
        together.extend_from_slice(&wire);
        corpus.add("batch", codec.name(), &[&[1, 16], &wire[..]].concat())?;
        let without_crc = [&[2, 10], &wire[..]].concat();
        corpus.add("batch", &format!("{codec}-without-crc"), &without_crc)?;
        let data = |bytes: &[u8]| [&[codec as u8, 14], bytes].concat();
        corpus.add("decompress", codec.name(), &data(&compressed))?;
        corpus.add("decompress", &format!("{codec}-plain"), &data(&plain))?;
        let bomb = [&[codec as u8, 5], &compressed[..]].concat();
        corpus.add("decompress", &format!("{codec}-limit"), &bomb)?;
    }
    together.truncate(together.len() - 9);
    corpus.add("batch", "several", &[&[0, 16], &together[..]].concat())
}

type Sample = (SealedBatch, Bytes, Vec<u8>);

fn sample(codec: CompressionType) -> Result<Sample, Box<dyn std::error::Error + Send + Sync>> {
    let mut builder = BatchBuilder::new(1 << 16);
    let headers = [HeaderRef {
        key: "trace",
        value: None,
    }];
    let text = "again and again and again, ".repeat(3);
    for n in 0..4 {
        let record = RecordRef {
            timestamp: 1_700_000_000_000 - 40 * n,
            key: (n % 2 == 0).then_some("key".into()),
            value: Some(text.as_str().into()),
            headers: &headers,
        };
        builder.append(builder.cost(&record))?;
    }
    let mut batch = builder.seal();
    let plain = Bytes::from(text.repeat(8));
    let mut compressor = Compressor::new(Compression::of(codec))?;
    let mut compressed = Vec::new();
    compressor.compress([&plain[..]].into_iter(), &mut compressed)?;
    batch.compress(&mut compressor)?;
    Ok((batch, plain, compressed))
}

fn builder(corpus: &Corpus) -> io::Result<()> {
    // Limit, codec, ratio, producer id, epoch, sequence near its end, transactional.
    let settings = |codec: u8, ratio| {
        let stamp = [0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0x7f, 0xff, 0xff, 0xfe, 1];
        [&[1, 0, codec, ratio][..], &stamp].concat()
    };
    // A near timestamp, a copied key, a shared value, one header with a value; then a chunk that is enough.
    let small = b"\x05\x04\x03key\x05\x05value\x01\x04name\x04\x01v\x00".as_slice();
    // No key, a payload that is linked, no header; then chunks of a few bytes.
    let linked = b"\xfb\x00\x03\x04\x05body\x00\x01\x07".as_slice();
    // A far timestamp, empty key, null value, two headers without values; no chunk.
    let far = b"\xff\x80\0\0\0\0\0\0\x01\x04\x00\x00\x02\x01a\x00\x01a\x00\x03".as_slice();
    for codec in CompressionType::ALL {
        let name = codec.name();
        let records = [small, small, far, linked, small].concat();
        let bytes = [settings(codec as u8, 0), records].concat();
        corpus.add("builder", name, &bytes)?;
        let bytes = [settings(codec as u8, 60), small.repeat(30)].concat();
        corpus.add("builder", &format!("{name}-ratio"), &bytes)?;
    }
    Ok(())
}

fn partition(corpus: &Corpus) -> io::Result<()> {
    // Flags, codec, batch size, linger, in flight, request size, delivery timeout, retries, memory.
    let idempotent = [0, 0, 0, 0, 4, 255, 7, 255, 100].as_slice();
    let by_id = [8, 2, 200, 5, 2, 20, 3, 3, 10].as_slice();
    let plain = [5, 3, 50, 0, 4, 255, 7, 2, 100].as_slice();
    let without_answers = [1, 0, 10, 1, 4, 30, 2, 1, 0].as_slice();
    let setup = [10, 0, 5, 0, 1, 5, 1, 1, 5, 2, 2].as_slice();
    let append = [0, 0, 0, 20, 0, 0, 0, 60, 0, 1, 0, 9, 0, 2, 0, 255].as_slice();
    let sticky = [0, 0, 2, 40, 0, 0, 2, 40, 0, 0, 3, 40, 11, 0].as_slice();
    let send = [2, 0, 2, 1].as_slice();
    let stored = [3, 0, 0, 0, 3, 1, 0].as_slice();
    let misplaced = [3, 0, 1, 2, 3, 1, 3].as_slice();
    let refused = [3, 0, 5, 6, 3, 1, 8, 6, 7].as_slice();
    let lost = [4, 0, 1, 4, 1, 9, 6, 7].as_slice();
    let moved = [5, 0, 2, 5, 1, 128, 5, 2, 1].as_slice();
    let line = [14, 255, 255, 14, 1, 0, 15, 8, 0, 9, 1].as_slice();
    let late = [6, 15, 7, 13, 0, 12, 1].as_slice();
    let settings = [
        ("idempotent", idempotent),
        ("by-id", by_id),
        ("plain", plain),
        ("without-answers", without_answers),
    ];
    for (name, settings) in settings {
        for ending in 0..3_u8 {
            let all = [
                settings,
                setup,
                append,
                send,
                stored,
                append,
                sticky,
                send,
                append,
                send,
                refused,
                send,
                misplaced,
                send,
                stored,
                append,
                send,
                lost,
                moved,
                send,
                line,
                misplaced,
                send,
                stored,
                append,
                send,
                late,
                append,
                send,
                append,
                &[ending],
            ];
            corpus.add("partition", &format!("{name}-{ending}"), &all.concat())?;
        }
    }
    Ok(())
}
