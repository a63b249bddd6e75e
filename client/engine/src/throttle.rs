//! How long a broker asks to be left alone (KIP-219).

use std::time::Duration;

use milena_protocol::{
    add_offsets_to_txn::AddOffsetsToTxnResponse, add_partitions_to_txn::AddPartitionsToTxnResponse,
    api_versions::ApiVersionsResponse, create_partitions::CreatePartitionsResponse,
    create_topics::CreateTopicsResponse, delete_topics::DeleteTopicsResponse,
    end_txn::EndTxnResponse, fetch::FetchResponse, find_coordinator::FindCoordinatorResponse,
    init_producer_id::InitProducerIdResponse, list_offsets::ListOffsetsResponse,
    metadata::MetadataResponse, produce::ProduceResponse,
    txn_offset_commit::TxnOffsetCommitResponse,
};

/// An answer that may ask the client to pause.
pub trait Throttled {
    /// From this version on the client itself has to wait; before it, the broker delays its answer instead.
    const CLIENT_WAITS_FROM: i16;

    /// The wait that the answer carries, in milliseconds.
    fn throttle_time_ms(&self) -> i32;

    /// How long to send nothing on the connection that this came from.
    fn pause(&self, version: i16) -> Duration {
        let millis = if version >= Self::CLIENT_WAITS_FROM {
            self.throttle_time_ms()
        } else {
            0
        };
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }
}

macro_rules! throttled {
    ($($response:ty => $from:literal,)*) => {$(
        impl Throttled for $response {
            const CLIENT_WAITS_FROM: i16 = $from;

            fn throttle_time_ms(&self) -> i32 {
                self.throttle_time_ms
            }
        }
    )*};
}

throttled! {
    AddOffsetsToTxnResponse => 1,
    AddPartitionsToTxnResponse => 1,
    ApiVersionsResponse => 2,
    CreatePartitionsResponse => 1,
    CreateTopicsResponse => 3,
    DeleteTopicsResponse => 2,
    EndTxnResponse => 1,
    FetchResponse => 8,
    FindCoordinatorResponse => 2,
    InitProducerIdResponse => 1,
    ListOffsetsResponse => 3,
    MetadataResponse => 6,
    ProduceResponse => 6,
    TxnOffsetCommitResponse => 1,
}
