//! Apache Kafka's wire protocol: versioned requests and responses, headers and error codes, without I/O.
//!
//! Every message is a plain struct with Kafka's own names, in a module named after its API: [`metadata`] has
//! [`MetadataRequest`](metadata::MetadataRequest) and [`MetadataResponse`](metadata::MetadataResponse). The version is
//! a value, not a type: one struct is read and written in every version of its API, [`Message::VERSIONS`].
//!
//! # Where to start
//!
//! [`encode_request`] makes a whole frame for the socket; [`decode_response_header`] and [`Message::decode`] take the
//! answer apart. A broker uses [`decode_request_header`] and [`encode_response`].
//!
//! ```
//! use bytes::Bytes;
//! use milena_protocol::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
//! use milena_protocol::{ApiKey, Message, Str, decode_response_header, encode_request};
//!
//! // Out: which broker leads the partitions of "orders"?
//! let topic = MetadataRequestTopic { name: Some("orders".into()), ..Default::default() };
//! let request = MetadataRequest { topics: Some(vec![topic]), ..Default::default() };
//! let client_id = Str::from_static("example");
//! let frame = encode_request(1, Some(&client_id), 1, &request)?;
//! assert_eq!(frame.len(), 4 + 17 + 12);
//!
//! // In: a frame, without the four bytes of its length.
//! let frame = Bytes::from_static(
//!     b"\0\0\0\x01\
//!       \0\0\0\x01\0\0\0\x07\0\x09localhost\0\0\x23\x84\xff\xff\
//!       \0\0\0\x07\
//!       \0\0\0\x01\0\0\0\x06orders\0\0\0\0\0",
//! );
//! let (header, body) = decode_response_header(&frame, ApiKey::METADATA, 1)?;
//! let response = MetadataResponse::decode(&body, 1)?;
//! assert_eq!(header.correlation_id, 1);
//! assert_eq!(response.brokers[0].host, "localhost");
//! assert_eq!(response.topics[0].name.as_deref(), Some("orders"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # For whoever receives requests
//!
//! A request's header says what the body is. This is how a broker answers one, and how a proxy or a capture tool looks
//! at any: with a type where it cares, and as a [`tree`] where it does not.
//!
//! ```
//! use bytes::Bytes;
//! use milena_protocol::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
//! use milena_protocol::{Api, ApiKey, Direction, Message, Request, Segments};
//! use milena_protocol::{decode_request_header, encode_response};
//!
//! /// Answers a request, without its length; `None` for one that nobody here answers.
//! fn answer(frame: &Bytes) -> Result<Option<Segments>, Box<dyn std::error::Error>> {
//!     let (header, body) = decode_request_header(frame)?;
//!     let version = header.api_version;
//!     match header.api_key {
//!         ApiKey::FIND_COORDINATOR if FindCoordinatorRequest::VERSIONS.contains(version) => {
//!             let request = FindCoordinatorRequest::decode(&body, version)?;
//!             let response = FindCoordinatorResponse {
//!                 node_id: 1,
//!                 host: format!("broker-of-{}", request.key).into(),
//!                 port: 9092,
//!                 ..Default::default()
//!             };
//!             Ok(Some(encode_response(header.correlation_id, version, &response)?))
//!         }
//!         other => {
//!             if let Some(api) = Api::find(other) {
//!                 println!("{} v{version}: {:?}", api.name, api.read(Direction::Request, version, &body)?);
//!             }
//!             Ok(None)
//!         }
//!     }
//! }
//!
//! let asked = Bytes::from_static(b"\0\x0a\0\0\0\0\0\x07\xff\xff\0\x06orders");
//! let answered = answer(&asked)?.ok_or("an answer")?.into_bytes();
//! assert_eq!(answered[..], *b"\0\0\0\x20\0\0\0\x07\0\0\0\0\0\x01\0\x10broker-of-orders\0\0\x23\x84");
//!
//! let metadata = Bytes::from_static(b"\0\x03\0\x01\0\0\0\x08\xff\xff\0\0\0\0");
//! assert!(answer(&metadata)?.is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A proxy that passes on what it does not know keeps the header as it came, and all that is in it:
//!
//! ```
//! use bytes::Bytes;
//! use milena_protocol::decode_request_header;
//!
//! let asked = Bytes::from_static(b"\0\x12\0\x03\0\0\0\x07\0\x02me\x01\x09\x03tag\x02a\x02b\0");
//! let (mut header, body) = decode_request_header(&asked)?;
//! assert_eq!(header.frame(body.clone())?.into_bytes()[4..], asked[..]);
//!
//! header.client_id = Some("someone else".into());
//! let passed_on = header.frame(body)?; // of a message that was decoded: `message.encode(header.api_version)?`
//! assert_eq!(passed_on.len(), 4 + asked.len() + "someone else".len() - "me".len());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What a version lacks is for the caller to mind: ApiVersions, which a client may send in a version that a broker does
//! not have, is answered in version 0.
//!
//! # Records
//!
//! A record set is bytes to this crate. The crate `milena-codec` builds them, and takes them apart:
//!
//! ```
//! use bytes::Bytes;
//! use milena_codec::{BatchBuilder, Batches, Decompressor, RecordRef, Stamp};
//! use milena_protocol::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
//! use milena_protocol::{Message, Records, decode_request_header, encode_request};
//!
//! /// The values in a Produce request, which comes without its length.
//! fn values(frame: &Bytes) -> Result<Vec<Bytes>, Box<dyn std::error::Error>> {
//!     let (header, body) = decode_request_header(frame)?;
//!     let request = ProduceRequest::decode(&body, header.api_version)?;
//!     let mut decompressor = Decompressor::default();
//!     let mut values = Vec::new();
//!     for partition in request.topic_data.into_iter().flat_map(|topic| topic.partition_data) {
//!         let records = partition.records.unwrap_or_default();
//!         for batch in Batches::exact(records.into_bytes()) {
//!             for record in batch?.records(&mut decompressor)? {
//!                 values.extend(record?.value);
//!             }
//!         }
//!     }
//!     Ok(values)
//! }
//!
//! let mut batch = BatchBuilder::new(1024);
//! let record = RecordRef { value: Some(b"twelve apples".into()), ..Default::default() };
//! batch.append(batch.cost(&record))?;
//! let records = Records::from_segments(batch.seal().encode(Stamp::NONE));
//!
//! let partition = PartitionProduceData { records: Some(records), ..Default::default() };
//! let topic = TopicProduceData { name: "orders".into(), partition_data: vec![partition], ..Default::default() };
//! let request = ProduceRequest { acks: -1, topic_data: vec![topic], ..Default::default() };
//! let frame = encode_request(1, None, 9, &request)?.into_bytes();
//! assert_eq!(values(&frame.slice(4..))?, ["twelve apples"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it keeps to
//!
//! - Bytes from outside never panic, and never allocate more than a bounded multiple of the frame they came in, and at
//!   most 81 KiB more: an array, or a tagged section, may not claim more elements than the bytes after it could hold. The multiple is 138 for the
//!   worst message (ListGroupsResponse 3), and 61 or less for half of them; as a tree, a message takes up to 187 times
//!   its bytes. How large a frame may be is for the caller to say, before reading it.
//! - Strings, bytes and record sets that were read share the frame and are not copied. Record sets that are written
//!   are not copied either: see [`Segments`].
//! - Kafka's rules of writing hold: a field that the version lacks is an error, unless it is at its default or the
//!   schema lets it be dropped. Tagged fields that this crate does not know are kept and written back, those of headers
//!   by [`RequestHeader::frame`] and [`ResponseHeader::frame`].
//! - An error says message, version, field and byte.
//!
//! # What it does not do
//!
//! It opens no connection, keeps no state, chooses no version and retries nothing. It does not look into record sets.
//! The types are the protocol's, so a new version of Kafka may add fields to
//! them; write literals with `..Default::default()`.

#[macro_use]
mod dsl;
#[macro_use]
mod registry;

mod api_key;
mod error;
mod error_code;
mod field;
mod float;
mod header;
mod message;
mod messages;
mod records;
pub mod schema;
mod sink;
mod tags;
mod text;
pub mod tree;
mod uuid;
mod version;
mod wire;

pub use api_key::ApiKey;
pub use error::{DecodeError, DecodeReason, EncodeError, EncodeReason};
pub use error_code::ErrorCode;
pub use float::Float64;
pub use header::{
    RequestHeader, ResponseHeader, decode_request_header, decode_response_header, encode_request,
    encode_response,
};
pub use message::{Message, Request};
pub use messages::*;
pub use records::Records;
pub use registry::{Api, ApiVisitor, Direction};
pub use sink::Segments;
pub use tags::UnknownTags;
pub use text::Str;
pub use uuid::{ParseUuidError, Uuid};
pub use version::VersionRange;
