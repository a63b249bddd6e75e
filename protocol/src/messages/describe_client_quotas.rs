//! `DescribeClientQuotas`.

use crate::error_code::ErrorCode;
use crate::float::Float64;
use crate::text::Str;

kafka! {
    api DescribeClientQuotas = 48, versions 0-1, flexible 1+, DescribeClientQuotasRequest => DescribeClientQuotasResponse;

    /// The request.
    struct DescribeClientQuotasRequest {
        0+  components: Vec<ComponentData>;
        0+  strict: bool;
    }

    /// One of the `components` of [`DescribeClientQuotasRequest`].
    struct ComponentData {
        0+  entity_type: Str;
        0+  match_type: i8;
        0+  r#match: Option<Str>, null 0+;
    }

    /// The response.
    struct DescribeClientQuotasResponse {
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        0+  entries: Option<Vec<EntryData>>, null 0+;
    }

    /// One of the `entries` of [`DescribeClientQuotasResponse`].
    struct EntryData {
        0+  entity: Vec<EntityData>;
        0+  values: Vec<ValueData>;
    }

    /// One of the `entity` of [`EntryData`].
    struct EntityData {
        0+  entity_type: Str;
        0+  entity_name: Option<Str>, null 0+;
    }

    /// One of the `values` of [`EntryData`].
    struct ValueData {
        0+  key: Str;
        0+  value: Float64;
    }
}
