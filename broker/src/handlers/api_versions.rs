//! ApiVersions: what this cluster speaks.

use milena_protocol::api_versions::{
    ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey,
};
use milena_protocol::{ApiKey, ErrorCode, Str};

use crate::fault::Address;
use crate::handlers::{Serve, Served};
use crate::state::{Call, State, TRANSACTION_VERSIONS};

/// From this version on the client names itself (KIP-511).
const NAMED_FROM_VERSION: i16 = 3;
/// From this version on a feature may be supported from level 0 on.
const ZERO_FROM_VERSION: i16 = 4;

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
        let known = error_code == ErrorCode::NONE;
        let version_level = state.transaction_version;
        let transaction_version = || Str::from_static("transaction.version");
        let supported = SupportedFeatureKey {
            name: transaction_version(),
            min_version: *TRANSACTION_VERSIONS.start(),
            max_version: *TRANSACTION_VERSIONS.end(),
            ..Default::default()
        };
        let finalized = FinalizedFeatureKey {
            name: transaction_version(),
            max_version_level: version_level,
            min_version_level: version_level,
            ..Default::default()
        };
        Served::Answer(ApiVersionsResponse {
            error_code,
            api_keys,
            // Older clients do not take a range that begins with 0.
            supported_features: (known && call.version >= ZERO_FROM_VERSION)
                .then_some(supported)
                .into_iter()
                .collect(),
            finalized_features_epoch: state.features_epoch,
            // A feature at level 0 is one that is not finalized.
            finalized_features: (known && version_level > 0)
                .then_some(finalized)
                .into_iter()
                .collect(),
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

#[cfg(test)]
mod tests {
    use milena_protocol::{Request, Str};

    use super::*;
    use crate::testing::*;
    use crate::{Fault, Reply, State};

    fn request(name: &str, version: &str) -> ApiVersionsRequest {
        ApiVersionsRequest {
            client_software_name: Str::from(name),
            client_software_version: Str::from(version),
            ..Default::default()
        }
    }

    fn range(response: &ApiVersionsResponse, api: ApiKey) -> Option<(i16, i16)> {
        let found = response
            .api_keys
            .iter()
            .find(|range| range.api_key == api.0)?;
        Some((found.min_version, found.max_version))
    }

    #[test]
    fn every_version_tells_the_ranges() {
        for version in 0..=ApiVersionsRequest::LATEST_STABLE {
            let sent = if version >= 3 {
                request("milena", "0.1.0")
            } else {
                ApiVersionsRequest::default()
            };
            let response = ask(&mut cluster(), 1, version, &sent);
            assert_eq!(response.error_code, ErrorCode::NONE);
            assert_eq!(range(&response, ApiKey::PRODUCE), Some((0, 13)));
            assert_eq!(range(&response, ApiKey::API_VERSIONS), Some((0, 4)));
            assert_eq!(range(&response, ApiKey::INIT_PRODUCER_ID), Some((0, 5)));
            assert_eq!(response.api_keys.len(), 16);
        }
    }

    #[test]
    fn the_transaction_version_is_told_once_it_is_finalized() {
        let mut state = builder().transaction_version(0).into_state().unwrap();
        let mut told = |level| {
            state.set_transaction_version(level).unwrap();
            let ask = |state: &mut State, version| ask(state, 1, version, &request("a", "1"));
            let response = ask(&mut state, 4);
            let supported = &response.supported_features[0];
            assert_eq!((supported.min_version, supported.max_version), (0, 2));
            assert_eq!(ask(&mut state, 3).supported_features, []);
            let finalized = response.finalized_features.first();
            let level = finalized.map(|feature| (feature.name.clone(), feature.max_version_level));
            (level, response.finalized_features_epoch)
        };
        let name = Str::from_static("transaction.version");
        assert_eq!(told(0), (None, 2));
        assert_eq!(told(2), (Some((name, 2)), 3));
        assert!(cluster().set_transaction_version(3).is_err());
        assert!(builder().transaction_version(-1).into_state().is_err());
    }

    #[test]
    fn a_version_beyond_is_answered_in_version_0() {
        let mut state = builder()
            .max_version(ApiKey::API_VERSIONS, 2)
            .into_state()
            .unwrap();
        for version in [3, 4] {
            let Reply::Answer(answer) = handle(&mut state, 1, version, &request("a", "b"), NOW)
            else {
                panic!()
            };
            let response = body::<ApiVersionsRequest>(&answer, 0);
            assert_eq!(response.error_code, ErrorCode::UNSUPPORTED_VERSION);
            assert_eq!(response.api_keys.len(), 1);
            assert_eq!(range(&response, ApiKey::API_VERSIONS), Some((0, 2)));
        }
    }

    #[test]
    fn the_client_must_have_a_name() {
        let ask_as =
            |state: &mut State, name, version| ask(state, 1, 3, &request(name, version)).error_code;
        let mut state = cluster();
        for name in ["", "-a", "a-", "a b", "a_b", "."] {
            assert_eq!(
                ask_as(&mut state, name, "1"),
                ErrorCode::INVALID_REQUEST,
                "{name}"
            );
            assert_eq!(
                ask_as(&mut state, "a", name),
                ErrorCode::INVALID_REQUEST,
                "{name}"
            );
        }
        assert_eq!(ask_as(&mut state, "a", "1.0-b"), ErrorCode::NONE);
    }

    #[test]
    fn a_fault_refuses() {
        let mut state = cluster();
        state.push_fault(
            Fault::error(ErrorCode::CLUSTER_AUTHORIZATION_FAILED).on(ApiKey::API_VERSIONS),
        );
        let response = ask(&mut state, 1, 0, &ApiVersionsRequest::default());
        assert_eq!(response.error_code, ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    }
}
