//! Which version of each request a broker is spoken to in.

use std::collections::BTreeMap;

use milena_protocol::{ApiKey, Request, VersionRange, api_versions::ApiVersionsResponse};

use crate::produce::Generation;

/// The version ranges that one broker said it understands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BrokerVersions {
    ranges: BTreeMap<i16, VersionRange>,
    features: Features,
}

/// What the cluster has agreed on, as one broker knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Features {
    /// Grows with every change; -1 from a broker that does not know of features. Of two, the one with the higher epoch
    /// is the newer.
    pub epoch: i64,
    /// The level of `transaction.version`, 0 where there is none.
    pub transaction_version: i16,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            epoch: -1,
            transaction_version: 0,
        }
    }
}

impl Features {
    /// How transactions are spoken of.
    pub const fn generation(self) -> Generation {
        if self.transaction_version >= 2 {
            Generation::Implicit
        } else {
            Generation::Explicit
        }
    }
}

/// No version of a request is understood by both sides.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum VersionError {
    /// The broker does not know the request at all.
    #[error("the broker does not offer {api:?}")]
    NotOffered {
        /// The request.
        api: ApiKey,
    },
    /// The broker knows the request, but only in versions that are not ours.
    #[error(
        "no common version of {api:?}: the broker has {} to {}, this client {} to {}",
        theirs.min, theirs.max, ours.min, ours.max
    )]
    NoCommon {
        /// The request.
        api: ApiKey,
        /// What this client can use here.
        ours: VersionRange,
        /// What the broker offered.
        theirs: VersionRange,
    },
}

impl BrokerVersions {
    /// The ranges listed in a broker's answer.
    pub fn from_response(response: &ApiVersionsResponse) -> Self {
        let ranges = response
            .api_keys
            .iter()
            .map(|key| {
                (
                    key.api_key,
                    VersionRange {
                        min: key.min_version,
                        max: key.max_version,
                    },
                )
            })
            .collect();
        let mut finalized = response.finalized_features.iter();
        let transactions = finalized.find(|feature| *feature.name == *"transaction.version");
        let features = Features {
            epoch: response.finalized_features_epoch,
            transaction_version: transactions.map_or(0, |feature| feature.max_version_level),
        };
        Self { ranges, features }
    }

    /// What the broker said of the cluster's features.
    pub const fn features(&self) -> Features {
        self.features
    }

    /// What the broker offers of one request.
    pub fn get(&self, api: ApiKey) -> Option<VersionRange> {
        self.ranges.get(&api.0).copied()
    }

    /// The highest version in both ranges and not above `cap`.
    ///
    /// Brokers advertise Produce from 0 while they refuse 0 to 2, so that older clients do not give up on them; our own
    /// lower bound takes care of it.
    pub fn pick(
        &self,
        api: ApiKey,
        ours: VersionRange,
        cap: Option<i16>,
    ) -> Result<i16, VersionError> {
        let theirs = self.get(api).ok_or(VersionError::NotOffered { api })?;
        let ours = VersionRange {
            min: ours.min,
            max: cap.map_or(ours.max, |cap| cap.min(ours.max)),
        };
        let version = ours.max.min(theirs.max);
        if version < ours.min || version < theirs.min {
            return Err(VersionError::NoCommon { api, ours, theirs });
        }
        Ok(version)
    }

    /// [`pick`](Self::pick) for a request type; an unstable top version is never picked.
    pub fn pick_for<R: Request>(&self, cap: Option<i16>) -> Result<i16, VersionError> {
        let ours = VersionRange {
            min: R::VERSIONS.min,
            max: R::LATEST_STABLE,
        };
        self.pick(R::API, ours, cap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use milena_protocol::{
        Str,
        api_versions::{ApiVersion, FinalizedFeatureKey},
        init_producer_id::InitProducerIdRequest,
        produce::ProduceRequest,
    };

    fn broker(ranges: &[(ApiKey, i16, i16)]) -> BrokerVersions {
        let api_keys = ranges
            .iter()
            .map(|&(api, min_version, max_version)| ApiVersion {
                api_key: api.0,
                min_version,
                max_version,
                ..Default::default()
            })
            .collect();
        BrokerVersions::from_response(&ApiVersionsResponse {
            api_keys,
            ..Default::default()
        })
    }

    #[test]
    fn picks_the_highest_common_version() {
        let versions = broker(&[(ApiKey::PRODUCE, 0, 11)]);
        assert_eq!(versions.pick_for::<ProduceRequest>(None), Ok(11));
        assert_eq!(versions.pick_for::<ProduceRequest>(Some(9)), Ok(9));
        let newer = broker(&[(ApiKey::PRODUCE, 3, 99)]);
        assert_eq!(
            newer.pick_for::<ProduceRequest>(None),
            Ok(ProduceRequest::LATEST_STABLE)
        );
    }

    #[test]
    fn the_generation_of_transactions_is_what_the_cluster_finalized() {
        let generation = |features: &[(&'static str, i16)]| {
            let feature = |&(name, max_version_level): &(&'static str, i16)| FinalizedFeatureKey {
                name: Str::from_static(name),
                max_version_level,
                ..Default::default()
            };
            let response = ApiVersionsResponse {
                finalized_features: features.iter().map(feature).collect(),
                ..Default::default()
            };
            BrokerVersions::from_response(&response)
                .features()
                .generation()
        };
        assert_eq!(generation(&[]), Generation::Explicit);
        assert_eq!(generation(&[("kraft.version", 2)]), Generation::Explicit);
        assert_eq!(
            generation(&[("transaction.version", 1)]),
            Generation::Explicit
        );
        let newest = [("metadata.version", 27), ("transaction.version", 2)];
        assert_eq!(generation(&newest), Generation::Implicit);
    }

    #[test]
    fn produce_below_three_is_never_used_whatever_the_broker_says() {
        let error = broker(&[(ApiKey::PRODUCE, 0, 2)]).pick_for::<ProduceRequest>(None);
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("0 to 2") && error.contains("3 to"),
            "{error}"
        );
    }

    #[test]
    fn an_unstable_version_is_never_picked() {
        let versions = broker(&[(ApiKey::INIT_PRODUCER_ID, 0, 6)]);
        assert_eq!(versions.pick_for::<InitProducerIdRequest>(None), Ok(5));
    }

    #[test]
    fn a_request_that_is_not_offered_or_too_new_is_a_clear_error() {
        let versions = broker(&[(ApiKey::PRODUCE, 20, 30)]);
        assert!(matches!(
            versions.pick_for::<ProduceRequest>(None),
            Err(VersionError::NoCommon {
                theirs: VersionRange { min: 20, .. },
                ..
            })
        ));
        assert!(matches!(
            versions.pick_for::<InitProducerIdRequest>(None),
            Err(VersionError::NotOffered {
                api: ApiKey::INIT_PRODUCER_ID
            })
        ));
    }
}
