//! Setting and removing quotas of users, client ids and addresses (KIP-546).

use crate::error_code::ErrorCode;
use crate::float::Float64;
use crate::text::Str;

kafka! {
    api AlterClientQuotas = 49, versions 0-1, flexible 1+, AlterClientQuotasRequest => AlterClientQuotasResponse;

    /// Changes to quotas.
    struct AlterClientQuotasRequest {
        0+  entries: Vec<EntryData>;
        /// Only check whether the changes could be made.
        0+  validate_only: bool;
    }

    /// Changes to the quotas of one entity.
    struct EntryData {
        /// All of it together: quotas can be those of a user, of a client id, or of a client id of a user.
        0+  entity: Vec<EntityData>;
        0+  ops: Vec<OpData>;
    }

    /// A part of what a quota is for.
    struct EntityData {
        /// `user`, `client-id` or `ip`.
        0+  entity_type: Str;
        /// Null is the default for all that have no quota of their own.
        0+  entity_name: Option<Str>, null 0+;
    }

    /// A change.
    struct OpData {
        /// `producer_byte_rate`, `consumer_byte_rate`, `request_percentage`, …
        0+  key: Str;
        /// Bytes a second, a percentage, …, as the key has it; of no meaning when the quota is removed.
        0+  value: Float64;
        0+  remove: bool;
    }

    /// What became of the changes.
    struct AlterClientQuotasResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  entries: Vec<EntryDataResponse>;
    }

    /// What became of the changes to one entity.
    struct EntryDataResponse {
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        0+  entity: Vec<EntityData>;
    }
}
