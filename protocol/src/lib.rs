//! Apache Kafka's wire protocol: versioned requests and responses, headers and error codes, without I/O.

#[macro_use]
mod dsl;
#[macro_use]
mod registry;

mod api_key;
mod error;
mod error_code;
mod field;
mod header;
mod message;
mod records;
pub mod schema;
mod sink;
mod tags;
mod text;
mod uuid;
mod version;
mod wire;

pub use api_key::ApiKey;
pub use error::{DecodeError, DecodeReason, EncodeError, EncodeReason};
pub use error_code::ErrorCode;
pub use header::{
    RequestHeader, ResponseHeader, decode_request_header, decode_response_header, encode_request,
    encode_response,
};
pub use message::{Message, Request};
pub use records::Records;
pub use registry::{Api, ApiVisitor};
pub use sink::Segments;
pub use tags::UnknownTags;
pub use text::Str;
pub use uuid::{ParseUuidError, Uuid};
pub use version::VersionRange;

apis! {
    api_versions::ApiVersionsRequest,
    create_partitions::CreatePartitionsRequest,
    create_topics::CreateTopicsRequest,
    delete_topics::DeleteTopicsRequest,
    fetch::FetchRequest,
    find_coordinator::FindCoordinatorRequest,
    init_producer_id::InitProducerIdRequest,
    list_offsets::ListOffsetsRequest,
    metadata::MetadataRequest,
    produce::ProduceRequest,
}
