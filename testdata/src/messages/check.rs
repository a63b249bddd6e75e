//! Whether we and Kafka agree on a message.

use bytes::Bytes;
use milena_protocol::tree::{Tree, Value};
use milena_protocol::{ApiKey, Direction};

use super::json::{self, first_difference};
use super::known::{Known, known};
use super::{ApiLine, Case, Outcome};

/// Has our struct read what Kafka read, and compares what it writes, as bytes and as JSON, with what Kafka wrote.
///
/// # Errors
/// What differs, with path and byte.
pub fn check(case: &Case<'_>) -> Result<(), String> {
    let message = known()
        .get(case.message)
        .ok_or("no such message in this workspace")?;
    let (written, other, json) = match &case.outcome {
        Outcome::Refused(reason) => return Err(format!("Kafka refuses it: {reason}")),
        Outcome::Taken {
            written,
            other,
            json,
        } => (written, other, *json),
    };
    let write = (message.read)(&case.read, case.version)?;
    let ours = write(case.version)?;
    if ours != *written {
        return Err(bytes_differ(message, case.version, written, &ours));
    }
    let tree = message
        .api
        .read(message.direction, case.version, &ours)
        .map_err(|error| format!("what was written is not read: {error}"))?;
    let (kafkas, text) = (json::respelt(json), json::of(&tree));
    if text != kafkas {
        return Err(format!(
            "the bytes are the same, and the JSON differs {}",
            first_difference(&kafkas, &text)
        ));
    }
    let Some((version, kafkas)) = other else {
        return Ok(());
    };
    match (kafkas, write(*version)) {
        (Ok(kafkas), Ok(ours)) if *kafkas == ours => Ok(()),
        (Err(_), Err(_)) => Ok(()),
        (Ok(kafkas), Ok(ours)) => Err(format!(
            "written as v{version}, {}",
            bytes_differ(message, *version, kafkas, &ours)
        )),
        (Ok(_), Err(ours)) => Err(format!(
            "Kafka writes it as v{version}, and ours is refused: {ours}"
        )),
        (Err(kafkas), Ok(_)) => Err(format!(
            "we write it as v{version}, and Kafka refuses: {}",
            kafkas.replace('_', " ")
        )),
    }
}

/// Compares what is said of an API.
///
/// # Errors
/// What differs.
pub fn check_api(line: &ApiLine<'_>) -> Result<(), String> {
    let mut messages = known()
        .values()
        .filter(|message| message.api.key == ApiKey(line.key));
    let (Some(one), Some(other)) = (messages.next(), messages.next()) else {
        return Err("Kafka's brokers have it, and this workspace does not".to_owned());
    };
    let api = one.api;
    let ours = (
        api.name,
        (api.versions.min, api.versions.max),
        api.latest_stable,
    );
    let kafkas = (line.name, line.versions, line.stable);
    if ours != kafkas {
        return Err(format!(
            "name, versions and last stable version are {kafkas:?} to Kafka, and {ours:?} here"
        ));
    }
    for message in [one, other] {
        let digits = match message.direction {
            Direction::Request => line.headers.0,
            Direction::Response => line.headers.1,
        };
        for (version, digit) in message.versions().zip(digits.chars()) {
            let expected = match (message.direction, digit) {
                // Length, key, version, correlation id, client id; then an empty tagged section.
                (Direction::Request, '1') => 4 + 2 + 2 + 4 + 2,
                (Direction::Request, '2') => 4 + 2 + 2 + 4 + 2 + 1,
                (Direction::Response, '0') => 4 + 4,
                (Direction::Response, '1') => 4 + 4 + 1,
                (_, other) => return Err(format!("v{}: Kafka's header is {other}", version.v)),
            };
            let ours = (message.header)(version.v)?;
            if ours != expected {
                let name = message.name();
                return Err(format!(
                    "{name} v{}: Kafka's header is v{digit}, which makes {expected} bytes before the body; here are {ours}",
                    version.v
                ));
            }
        }
    }
    Ok(())
}

fn bytes_differ(message: &Known, version: i16, kafkas: &Bytes, ours: &Bytes) -> String {
    let at = kafkas.iter().zip(ours).take_while(|(a, b)| a == b).count();
    let read = |bytes| message.api.read(message.direction, version, bytes);
    let path = match (read(kafkas), read(ours)) {
        (Ok(kafkas), Ok(ours)) => {
            trees_differ(&kafkas, &ours).unwrap_or_else(|| "the same values".to_owned())
        }
        (Err(error), _) => format!("Kafka's bytes cannot be read: {error}"),
        (_, Err(error)) => format!("our bytes cannot be read: {error}"),
    };
    let shown = |bytes: &Bytes| {
        bytes
            .get(at)
            .map_or("the end".to_owned(), |b| format!("{b:02x}"))
    };
    format!(
        "bytes differ at {path}, byte {at}: {} of Kafka, {} of ours",
        shown(kafkas),
        shown(ours)
    )
}

/// The path of the first value that is not the same.
fn trees_differ(kafkas: &Tree, ours: &Tree) -> Option<String> {
    let mut mine = ours.fields();
    for (field, value) in kafkas.fields() {
        let Some((_, other)) = mine.next().filter(|(other, _)| *other == field) else {
            return Some(field.name.to_owned());
        };
        if let Some(path) = values_differ(value, other) {
            return Some(format!("{}{path}", field.name));
        }
    }
    if let Some((field, _)) = mine.next() {
        return Some(field.name.to_owned());
    }
    (kafkas.unknown_tags() != ours.unknown_tags()).then(|| "the unknown tagged fields".to_owned())
}

fn values_differ(kafkas: &Value, ours: &Value) -> Option<String> {
    match (kafkas, ours) {
        (Value::Struct(kafkas), Value::Struct(ours)) => {
            trees_differ(kafkas, ours).map(|path| format!(".{path}"))
        }
        (Value::Array(kafkas), Value::Array(ours)) if kafkas.len() == ours.len() => {
            let mut pairs = kafkas.iter().zip(ours).enumerate();
            pairs.find_map(|(n, (a, b))| Some(format!("[{n}]{}", values_differ(a, b)?)))
        }
        _ => (kafkas != ours).then(String::new),
    }
}
