//! Which APIs a cluster speaks, and in which versions.

use std::collections::BTreeMap;

use milena_protocol::{ApiKey, VersionRange};
use thiserror::Error;

/// A version that the broker was told to speak and cannot.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{api:?} is spoken in versions {implemented_min} to {implemented_max} by this broker, not {min} to {max}"
)]
pub struct VersionsError {
    api: ApiKey,
    implemented_min: i16,
    implemented_max: i16,
    min: i16,
    max: i16,
}

/// The versions that a cluster advertises and serves.
#[derive(Debug, Clone)]
pub(crate) struct Versions {
    offered: BTreeMap<i16, VersionRange>,
}

impl Versions {
    /// What the newest broker offers: every implemented version but unstable ones.
    pub(crate) fn newest() -> Self {
        let offered = crate::handlers::implemented().into_iter().map(|api| {
            (
                api.key.0,
                VersionRange {
                    min: api.versions.min,
                    max: api.latest_stable,
                },
            )
        });
        Self {
            offered: offered.collect(),
        }
    }

    /// Speaks `api` up to `max`, or up to what is implemented if that is less than `min..=max` allows for.
    pub(crate) fn set(
        &mut self,
        api: ApiKey,
        min: Option<i16>,
        max: Option<i16>,
    ) -> Result<(), VersionsError> {
        let implemented = crate::handlers::implemented()
            .into_iter()
            .find(|known| known.key == api);
        let known = implemented
            .as_ref()
            .map_or(VersionRange { min: 0, max: -1 }, |known| known.versions);
        let newest = Self::newest();
        let offered = self.offered.get(&api.0).or(newest.offered.get(&api.0));
        let offered = offered.copied().unwrap_or(known);
        let wanted = VersionRange {
            min: min.unwrap_or(offered.min),
            max: max.unwrap_or(offered.max),
        };
        if implemented.is_none()
            || wanted.min < known.min
            || wanted.max > known.max
            || wanted.min > wanted.max
        {
            return Err(VersionsError {
                api,
                implemented_min: known.min,
                implemented_max: known.max,
                min: wanted.min,
                max: wanted.max,
            });
        }
        self.offered.insert(api.0, wanted);
        Ok(())
    }

    /// Stops speaking `api`.
    pub(crate) fn remove(&mut self, api: ApiKey) {
        self.offered.remove(&api.0);
    }

    pub(crate) fn serves(&self, api: ApiKey, version: i16) -> bool {
        self.offered
            .get(&api.0)
            .is_some_and(|range| (range.min..=range.max).contains(&version))
    }

    /// Whether any version of `api` is served.
    pub(crate) fn offers(&self, api: ApiKey) -> bool {
        self.offered.contains_key(&api.0)
    }

    /// The ranges to advertise, in the order of keys.
    ///
    /// Produce is advertised from 0 although 0-2 are refused, as Apache Kafka does: some clients take a higher minimum
    /// for a broker that they cannot talk to.
    pub(crate) fn advertised(&self) -> impl Iterator<Item = (ApiKey, VersionRange)> {
        self.offered.iter().map(|(key, range)| {
            let api = ApiKey(*key);
            let min = if api == ApiKey::PRODUCE { 0 } else { range.min };
            (
                api,
                VersionRange {
                    min,
                    max: range.max,
                },
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advertised(versions: &Versions, api: ApiKey) -> Option<(i16, i16)> {
        versions
            .advertised()
            .find(|(key, _)| *key == api)
            .map(|(_, range)| (range.min, range.max))
    }

    #[test]
    fn the_newest_offers_no_unstable_version_and_produce_from_zero() {
        let versions = Versions::newest();
        assert_eq!(advertised(&versions, ApiKey::PRODUCE), Some((0, 13)));
        assert!(!versions.serves(ApiKey::PRODUCE, 2));
        assert!(versions.serves(ApiKey::PRODUCE, 3));
        assert_eq!(
            advertised(&versions, ApiKey::INIT_PRODUCER_ID),
            Some((0, 5))
        );
    }

    #[test]
    fn an_old_broker_can_be_played() {
        let mut versions = Versions::newest();
        versions.set(ApiKey::PRODUCE, None, Some(7)).unwrap();
        assert_eq!(advertised(&versions, ApiKey::PRODUCE), Some((0, 7)));
        assert!(!versions.serves(ApiKey::PRODUCE, 8));
        versions.remove(ApiKey::INIT_PRODUCER_ID);
        assert_eq!(advertised(&versions, ApiKey::INIT_PRODUCER_ID), None);
        versions
            .set(ApiKey::INIT_PRODUCER_ID, None, Some(6))
            .unwrap();
        assert!(versions.serves(ApiKey::INIT_PRODUCER_ID, 6));
        // Only who asks for an unstable version gets it.
        versions.remove(ApiKey::INIT_PRODUCER_ID);
        versions.set(ApiKey::INIT_PRODUCER_ID, None, None).unwrap();
        assert_eq!(
            advertised(&versions, ApiKey::INIT_PRODUCER_ID),
            Some((0, 5))
        );
    }

    #[test]
    fn what_is_not_implemented_cannot_be_offered() {
        let mut versions = Versions::newest();
        assert!(versions.set(ApiKey::PRODUCE, None, Some(99)).is_err());
        assert!(versions.set(ApiKey::PRODUCE, Some(2), None).is_err());
        assert!(versions.set(ApiKey::PRODUCE, Some(9), Some(8)).is_err());
        assert!(versions.set(ApiKey(999), None, None).is_err());
    }
}
