//! What somebody would write who has only these few messages to care for, each in one version: straight code over a
//! slice, without a schema, without a path in its errors, and the same structs in the end.

mod read;
mod write;

pub(super) use read::{
    Malformed, read_fetch_response, read_metadata_response, read_produce_request,
    read_produce_response,
};
pub(super) use write::{
    write_fetch_response, write_metadata_response, write_produce_request, write_produce_response,
};
