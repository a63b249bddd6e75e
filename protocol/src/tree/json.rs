//! The JSON form of Kafka's own tools: camel case, bytes as base64, what is not on the wire left out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{Tree, Value};
use crate::records::Records;
use crate::tags::UnknownTags;

impl Tree {
    /// The JSON form with what Kafka leaves out: record sets in a form of the caller's, where Kafka only tells their
    /// size, and unknown tags, as `unknownTaggedFields`, with values in base64.
    ///
    /// ```
    /// # use bytes::Bytes;
    /// # use milena_protocol::{Api, ApiKey, Direction};
    /// # let api = Api::find(ApiKey::PRODUCE).ok_or("no such API")?;
    /// # let body = b"\xff\xff\0\x01\0\0\0\x1e\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x02\0\0\0\x04\x01\x02\x03\x04";
    /// # let produce = api.read(Direction::Request, 3, &Bytes::from_static(body))?;
    /// let sizes = produce.json(&|records| vec![records.len(); 2]);
    /// assert_eq!(
    ///     serde_json::to_value(&sizes)?["topicData"][0]["partitionData"][0]["records"],
    ///     serde_json::json!([4, 4]),
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn json<'a, F, T>(&'a self, records: &'a F) -> Json<'a, F>
    where
        F: Fn(&Records) -> T,
        T: Serialize,
    {
        Json {
            tree: self,
            records,
        }
    }
}

/// A tree in Kafka's JSON form; see [`Tree::json`].
#[derive(Clone, Copy, Debug)]
pub struct Json<'a, F> {
    tree: &'a Tree,
    records: &'a F,
}

/// As Kafka's own converters write it: of a record set, the size; of unknown tags, nothing.
impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields(self, &SizeOnly, serializer)
    }
}

impl<F, T> Serialize for Json<'_, F>
where
    F: Fn(&Records) -> T,
    T: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields(self.tree, &Shown(self.records), serializer)
    }
}

/// What becomes of a field that holds a record set, and whether unknown tags are written.
trait RecordsForm {
    const UNKNOWN_TAGS: bool;

    fn entry<M: SerializeMap>(
        &self,
        map: &mut M,
        name: &str,
        set: &Records,
    ) -> Result<(), M::Error>;
}

struct SizeOnly;

impl RecordsForm for SizeOnly {
    const UNKNOWN_TAGS: bool = false;

    fn entry<M: SerializeMap>(
        &self,
        map: &mut M,
        name: &str,
        set: &Records,
    ) -> Result<(), M::Error> {
        map.serialize_entry(&format!("{name}SizeInBytes"), &set.len())
    }
}

struct Shown<'a, F>(&'a F);

impl<F, T> RecordsForm for Shown<'_, F>
where
    F: Fn(&Records) -> T,
    T: Serialize,
{
    const UNKNOWN_TAGS: bool = true;

    fn entry<M: SerializeMap>(
        &self,
        map: &mut M,
        name: &str,
        set: &Records,
    ) -> Result<(), M::Error> {
        map.serialize_entry(name, &(self.0)(set))
    }
}

fn fields<R: RecordsForm, S: Serializer>(
    tree: &Tree,
    records: &R,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let unknown = R::UNKNOWN_TAGS && !tree.unknown_tags.is_empty();
    let mut map = serializer.serialize_map(Some(tree.fields.len() + usize::from(unknown)))?;
    for (field, value) in tree.fields() {
        let name = camel_case(field.name);
        match value {
            Value::Records(set) => records.entry(&mut map, &name, set)?,
            _ => map.serialize_entry(&name, &Node { value, records })?,
        }
    }
    if unknown {
        map.serialize_entry("unknownTaggedFields", &Tags(&tree.unknown_tags))?;
    }
    map.end()
}

struct Tags<'a>(&'a UnknownTags);

impl Serialize for Tags<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.0
                .iter()
                .map(|(tag, value)| (tag, STANDARD.encode(value))),
        )
    }
}

struct Node<'a, R> {
    value: &'a Value,
    records: &'a R,
}

impl<R: RecordsForm> Serialize for Node<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Integer(value) => serializer.serialize_i64(*value),
            Value::Float(float) => number(float.0, serializer),
            Value::Uuid(id) => serializer.collect_str(id),
            Value::String(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) => serializer.serialize_str(&STANDARD.encode(bytes)),
            // Only a field is a record set, and `fields` takes those.
            Value::Records(set) => serializer.serialize_u64(set.len() as u64),
            Value::Array(values) => {
                let records = self.records;
                serializer.collect_seq(values.iter().map(|value| Node { value, records }))
            }
            Value::Struct(tree) => fields(tree, self.records, serializer),
        }
    }
}

/// JSON has no number that is none; Kafka writes its name.
fn number<S: Serializer>(float: f64, serializer: S) -> Result<S::Ok, S::Error> {
    if float.is_nan() {
        serializer.serialize_str("NaN")
    } else if float.is_infinite() {
        serializer.serialize_str(if float > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        serializer.serialize_f64(float)
    }
}

/// `throttle_time_ms` as Kafka's JSON has it: `throttleTimeMs`.
fn camel_case(snake: &str) -> String {
    let mut words = snake.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}
