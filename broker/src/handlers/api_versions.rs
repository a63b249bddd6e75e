//! ApiVersions: what this cluster speaks.

use milena_protocol::api_versions::{ApiVersion, ApiVersionsRequest, ApiVersionsResponse};
use milena_protocol::{ApiKey, ErrorCode};

use crate::fault::Address;
use crate::handlers::{Serve, Served};
use crate::state::{Call, State};

/// From this version on the client names itself (KIP-511).
const NAMED_FROM_VERSION: i16 = 3;

impl Serve for ApiVersionsRequest {
    fn touches(&self, _: &State, address: &Address) -> bool {
        address.is_whole_request()
    }

    fn serve(self, state: &mut State, call: &mut Call) -> Served<ApiVersionsResponse> {
        let named = is_software_name(&self.client_software_name)
            && is_software_name(&self.client_software_version);
        let error_code = match call.faults.error_for_request() {
            Some(error) => error,
            None if call.version >= NAMED_FROM_VERSION && !named => ErrorCode::INVALID_REQUEST,
            None => ErrorCode::NONE,
        };
        let api_keys = if error_code == ErrorCode::NONE {
            advertised(state, |_| true)
        } else {
            Vec::new()
        };
        Served::Answer(ApiVersionsResponse {
            error_code,
            api_keys,
            throttle_time_ms: call.faults.throttle(),
            ..Default::default()
        })
    }
}

/// The answer to a version that is not served, to be written in version 0: an error and this API's own range.
pub(crate) fn unsupported(state: &State) -> ApiVersionsResponse {
    ApiVersionsResponse {
        error_code: ErrorCode::UNSUPPORTED_VERSION,
        api_keys: advertised(state, |api| api == ApiKey::API_VERSIONS),
        ..Default::default()
    }
}

fn advertised(state: &State, which: impl Fn(ApiKey) -> bool) -> Vec<ApiVersion> {
    let ranges = state.versions.advertised().filter(|(api, _)| which(*api));
    ranges
        .map(|(api, range)| ApiVersion {
            api_key: api.0,
            min_version: range.min,
            max_version: range.max,
            ..Default::default()
        })
        .collect()
}

/// Letters and digits, with dots and dashes between them.
fn is_software_name(text: &str) -> bool {
    let at_end = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    at_end(text.bytes().next())
        && at_end(text.bytes().last())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}
