//! A producer's id and epoch, for idempotence and transactions.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api InitProducerId = 22, versions 0-6, unstable 6, flexible 2+, InitProducerIdRequest => InitProducerIdResponse;

    /// Asks for an id, or for the next epoch of one.
    struct InitProducerIdRequest {
        /// Null for an idempotent producer without transactions; any broker answers that.
        0+   transactional_id: Option<Str>, null 0+;
        /// Milliseconds after which the coordinator aborts an open transaction. Positive, also without transactions.
        0+   transaction_timeout_ms: i32;
        /// The id whose epoch should grow; -1 for a new one. Set together with the epoch.
        3+   producer_id: i64 = -1;
        3+   producer_epoch: i16 = -1;
        /// Two-phase commit (KIP-939).
        6+   enable2_pc: bool = false;
        /// Keep a transaction that was prepared (KIP-939).
        6+   keep_prepared_txn: bool = false;
    }

    /// The id and its epoch.
    struct InitProducerIdResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+   throttle_time_ms: i32, ignorable;
        0+   error_code: ErrorCode;
        0+   producer_id: i64 = -1;
        0+   producer_epoch: i16;
        /// The id of a transaction kept as prepared; -1 is none.
        6+   ongoing_txn_producer_id: i64 = -1;
        6+   ongoing_txn_producer_epoch: i16 = -1;
    }
}
