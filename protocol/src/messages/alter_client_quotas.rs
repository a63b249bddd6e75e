//! `AlterClientQuotas`.

use crate::error_code::ErrorCode;
use crate::float::Float64;
use crate::text::Str;

kafka! {
    api AlterClientQuotas = 49, versions 0-1, flexible 1+, AlterClientQuotasRequest => AlterClientQuotasResponse;

    /// The request.
    struct AlterClientQuotasRequest {
        0+  entries: Vec<EntryData>;
        0+  validate_only: bool;
    }

    /// One of the `entries` of [`AlterClientQuotasRequest`].
    struct EntryData {
        0+  entity: Vec<EntityData>;
        0+  ops: Vec<OpData>;
    }

    /// One of the `entity` of [`EntryData`].
    struct EntityData {
        0+  entity_type: Str;
        0+  entity_name: Option<Str>, null 0+;
    }

    /// One of the `ops` of [`EntryData`].
    struct OpData {
        0+  key: Str;
        0+  value: Float64;
        0+  remove: bool;
    }

    /// The response.
    struct AlterClientQuotasResponse {
        0+  throttle_time_ms: i32;
        0+  entries: Vec<EntryDataResponse>;
    }

    /// One of the `entries` of [`AlterClientQuotasResponse`].
    struct EntryDataResponse {
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        0+  entity: Vec<EntityData>;
    }
}
