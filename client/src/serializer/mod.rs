//! From values to the bytes of keys and values.

#[cfg(feature = "json")]
mod json;
#[cfg(feature = "msgpack")]
mod msgpack;
mod plain;

use std::{error::Error, fmt};

use milena_codec::Payload;

#[cfg(feature = "json")]
pub use self::json::Json;
#[cfg(feature = "msgpack")]
pub use self::msgpack::MessagePack;
pub use self::plain::{Raw, Text};

/// Why a value could not be serialized.
pub type SerializeError = Box<dyn Error + Send + Sync>;

/// Makes bytes of values of type `T`, for the keys or values of a [`TypedTopic`](crate::TypedTopic).
///
/// There are [`Text`] and [`Raw`]; `Json` with the feature `json`, and `MessagePack` with the feature `msgpack`.
///
/// ```
/// use milena::{Payload, SerializeError, Serializer, SerializerContext};
///
/// struct Celsius(f64);
///
/// /// Writes temperatures as text, and says in a header what they are in.
/// struct Temperature;
///
/// impl Serializer<Celsius> for Temperature {
///     fn serialize<'a>(
///         &self,
///         value: &'a Celsius,
///         context: &mut SerializerContext<'_>,
///         buffer: &'a mut Vec<u8>,
///     ) -> Result<Payload<'a>, SerializeError> {
///         if value.0 < -273.15 {
///             return Err(format!("{} °C in {} is too cold", value.0, context.topic()).into());
///         }
///         context.header("unit", "°C");
///         buffer.extend_from_slice(format!("{:.1}", value.0).as_bytes());
///         Ok(Payload::Slice(buffer))
///     }
/// }
/// ```
pub trait Serializer<T: ?Sized>: Send + Sync {
    /// The bytes of `value`: written to `buffer`, which is empty and comes from one record to the next, or those that
    /// `value` is made of.
    ///
    /// # Errors
    /// The record is not sent; its error is of the kind [`Unserializable`](crate::ProduceErrorKind::Unserializable).
    fn serialize<'a>(
        &self,
        value: &'a T,
        context: &mut SerializerContext<'_>,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Payload<'a>, SerializeError>;
}

/// What a [`Serializer`] is asked for, and where it puts headers.
pub struct SerializerContext<'a> {
    topic: &'a str,
    is_key: bool,
    headers: &'a mut Vec<(String, Vec<u8>)>,
}

impl<'a> SerializerContext<'a> {
    pub(crate) const fn new(
        topic: &'a str,
        is_key: bool,
        headers: &'a mut Vec<(String, Vec<u8>)>,
    ) -> Self {
        Self {
            topic,
            is_key,
            headers,
        }
    }

    /// The topic that the record goes to.
    pub const fn topic(&self) -> &str {
        self.topic
    }

    /// Whether it is a key that is serialized, and not a value.
    pub const fn is_key(&self) -> bool {
        self.is_key
    }

    /// Adds a header to the record, behind those that it has.
    pub fn header(&mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) {
        self.headers.push((name.into(), value.into()));
    }
}

impl fmt::Debug for SerializerContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SerializerContext")
            .field("topic", &self.topic)
            .field("is_key", &self.is_key)
            .finish_non_exhaustive()
    }
}
