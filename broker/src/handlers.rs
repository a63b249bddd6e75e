//! One file per API: what a decoded request does to the cluster, and the body that answers it.

pub(crate) mod add_offsets_to_txn;
pub(crate) mod add_partitions_to_txn;
pub(crate) mod api_versions;
pub(crate) mod create_partitions;
pub(crate) mod create_topics;
pub(crate) mod delete_topics;
pub(crate) mod end_txn;
pub(crate) mod fetch;
pub(crate) mod find_coordinator;
pub(crate) mod init_producer_id;
pub(crate) mod list_offsets;
pub(crate) mod metadata;
pub(crate) mod offset_commit;
pub(crate) mod offset_fetch;
pub(crate) mod produce;
pub(crate) mod txn_offset_commit;

use bytes::Bytes;
use milena_protocol::add_offsets_to_txn::AddOffsetsToTxnRequest;
use milena_protocol::add_partitions_to_txn::AddPartitionsToTxnRequest;
use milena_protocol::api_versions::ApiVersionsRequest;
use milena_protocol::create_partitions::CreatePartitionsRequest;
use milena_protocol::create_topics::CreateTopicsRequest;
use milena_protocol::delete_topics::DeleteTopicsRequest;
use milena_protocol::end_txn::EndTxnRequest;
use milena_protocol::fetch::FetchRequest;
use milena_protocol::find_coordinator::FindCoordinatorRequest;
use milena_protocol::init_producer_id::InitProducerIdRequest;
use milena_protocol::list_offsets::ListOffsetsRequest;
use milena_protocol::metadata::MetadataRequest;
use milena_protocol::offset_commit::OffsetCommitRequest;
use milena_protocol::offset_fetch::OffsetFetchRequest;
use milena_protocol::produce::ProduceRequest;
use milena_protocol::txn_offset_commit::TxnOffsetCommitRequest;
use milena_protocol::{ApiKey, ErrorCode, Message, Request, Str, VersionRange};

use crate::fault::Address;
use crate::reply::{CloseReason, Reply};
use crate::state::{Call, State};
use crate::topic::Partition;

/// The isolation level of readers who want to see committed records only.
pub(crate) const READ_COMMITTED: i8 = 1;

/// A request that this broker serves.
pub(crate) trait Serve: Request {
    /// Whether part of the request lies at a fault's address.
    fn touches(&self, state: &State, address: &Address) -> bool;

    /// Applies the request.
    fn serve(self, state: &mut State, call: &mut Call) -> Served<Self::Response>;
}

/// What a handler makes of a request.
pub(crate) enum Served<M> {
    Answer(M),
    Silence,
    Close(CloseReason),
    /// A fetch has to wait, until this time at most (ms).
    Park(FetchRequest, i64),
}

/// A batch that an answer acknowledges.
#[derive(Debug)]
pub(crate) struct Acknowledgement {
    pub(crate) topic: Str,
    pub(crate) partition: i32,
    pub(crate) base_offset: i64,
    pub(crate) count: i32,
    pub(crate) crc: u32,
    /// The batch had been in the log before this request.
    pub(crate) repeated: bool,
}

/// An API in the versions that this broker could speak.
pub(crate) struct Implemented {
    pub(crate) key: ApiKey,
    pub(crate) versions: VersionRange,
    /// The top version that Apache Kafka offers by default.
    pub(crate) latest_stable: i16,
}

macro_rules! serves {
    ($($request:ty),* $(,)?) => {
        /// Every API that this broker implements.
        pub(crate) fn implemented() -> Vec<Implemented> {
            vec![$(Implemented {
                key: <$request>::API,
                versions: <$request>::VERSIONS,
                latest_stable: <$request>::LATEST_STABLE,
            }),*]
        }

        /// Decodes a request's body and runs it.
        pub(crate) fn dispatch(state: &mut State, api: ApiKey, body: &Bytes, call: Call) -> Reply {
            $(if api == <$request>::API {
                return match <$request>::decode(body, call.version) {
                    Ok(request) => state.run(request, call),
                    Err(error) => Reply::Close(CloseReason::Malformed(error)),
                };
            })*
            Reply::Close(CloseReason::Unsupported { api: api.0, version: call.version })
        }
    };
}

serves!(
    ProduceRequest,
    FetchRequest,
    ListOffsetsRequest,
    MetadataRequest,
    OffsetCommitRequest,
    OffsetFetchRequest,
    FindCoordinatorRequest,
    ApiVersionsRequest,
    CreateTopicsRequest,
    DeleteTopicsRequest,
    InitProducerIdRequest,
    AddPartitionsToTxnRequest,
    AddOffsetsToTxnRequest,
    EndTxnRequest,
    TxnOffsetCommitRequest,
    CreatePartitionsRequest,
);

/// Why a node cannot serve a partition to a client that believes its leader to be in `epoch` (-1: no belief).
pub(crate) fn check_leader(partition: &Partition, node: i32, epoch: i32) -> Result<(), ErrorCode> {
    if epoch >= 0 && epoch < partition.leader_epoch {
        return Err(ErrorCode::FENCED_LEADER_EPOCH);
    }
    if epoch > partition.leader_epoch {
        return Err(ErrorCode::UNKNOWN_LEADER_EPOCH);
    }
    if partition.leader != Some(node) {
        return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    }
    Ok(())
}

/// An error for a client that speaks the call's version: those before `version` know no PRODUCER_FENCED.
pub(crate) fn by_version(error: ErrorCode, call: &Call, version: i16) -> ErrorCode {
    match error {
        ErrorCode::PRODUCER_FENCED if call.version < version => ErrorCode::INVALID_PRODUCER_EPOCH,
        other => other,
    }
}
