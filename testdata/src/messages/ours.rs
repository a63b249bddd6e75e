//! Messages that we make, for Kafka to read.

use bytes::Bytes;

use super::known::known;
use crate::model::Encoder;

/// Random cases of every message and version, `cases` of each: message, version, kind, and the bytes that the message's
/// own struct writes. The values are of the model's making, and so are the bytes that the struct got them from.
///
/// An error says what the struct made of the model's bytes instead.
pub fn ours(
    seed: u64,
    cases: u32,
) -> impl Iterator<Item = (&'static str, i16, String, Result<Bytes, String>)> {
    known().values().flat_map(move |message| {
        message.versions().flat_map(move |version| {
            (0..cases).map(move |n| {
                let (name, kind) = (message.name(), format!("ours-{n}"));
                let seed = mixed(seed, &format!("{name}:{}:{kind}", version.v));
                let value = message.random(version, seed);
                let written = Encoder::new(version, None)
                    .message(message.schema(), &value)
                    .map_err(|path| format!("the model cannot write {path}"))
                    .and_then(|model| {
                        let model = Bytes::from(model.out);
                        let ours = (message.read)(&model, version.v)?(version.v)?;
                        if ours == model {
                            Ok(ours)
                        } else {
                            Err("the struct writes other bytes than the model".to_owned())
                        }
                    });
                (name, version.v, kind, written)
            })
        })
    })
}

/// From the case's own name, so that it is the same whatever other cases there are.
fn mixed(seed: u64, name: &str) -> u64 {
    name.bytes()
        .fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}
