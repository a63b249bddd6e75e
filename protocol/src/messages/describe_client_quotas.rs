//! Listing quotas of users, client ids and addresses (KIP-546).

use crate::error_code::ErrorCode;
use crate::float::Float64;
use crate::text::Str;

kafka! {
    api DescribeClientQuotas = 48, versions 0-1, flexible 1+, DescribeClientQuotasRequest => DescribeClientQuotasResponse;

    /// Matches what quotas are for; all of it must hold.
    struct DescribeClientQuotasRequest {
        0+  components: Vec<ComponentData>;
        /// Leave out quotas that are also for a type which no component names.
        0+  strict: bool;
    }

    /// Matches one type.
    struct ComponentData {
        /// `user`, `client-id` or `ip`.
        0+  entity_type: Str;
        /// 0 the name in `match`, 1 the default, 2 any name.
        0+  match_type: i8;
        /// Null unless it is a name that is to match.
        0+  r#match: Option<Str>, null 0+;
    }

    /// The quotas.
    struct DescribeClientQuotasResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        /// Null after an error.
        0+  entries: Option<Vec<EntryData>>, null 0+;
    }

    /// The quotas of one entity.
    struct EntryData {
        /// All of it together: quotas can be those of a user, of a client id, or of a client id of a user.
        0+  entity: Vec<EntityData>;
        0+  values: Vec<ValueData>;
    }

    /// A part of what a quota is for.
    struct EntityData {
        0+  entity_type: Str;
        /// Null is the default for all that have no quota of their own.
        0+  entity_name: Option<Str>, null 0+;
    }

    /// A quota; see [`alter_client_quotas`](crate::alter_client_quotas).
    struct ValueData {
        0+  key: Str;
        0+  value: Float64;
    }
}
