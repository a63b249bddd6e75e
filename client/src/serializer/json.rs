//! JSON.

use milena_codec::Payload;
use serde::Serialize;

use super::{SerializeError, Serializer, SerializerContext};

/// JSON, of whatever serde serializes. With the feature `json`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json;

impl<T: Serialize + ?Sized> Serializer<T> for Json {
    fn serialize<'a>(
        &self,
        value: &'a T,
        _: &mut SerializerContext<'_>,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Payload<'a>, SerializeError> {
        serde_json::to_writer(&mut *buffer, value)?;
        Ok(Payload::Slice(buffer))
    }
}
