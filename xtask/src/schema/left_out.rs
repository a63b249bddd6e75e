//! The APIs that we have no table of, on purpose. Any other API of Kafka's without a table is a difference.

use milena_protocol::ApiKey;

const REMOVED: &str = "removed in Kafka 4.0 with ZooKeeper";
const BETWEEN_CONTROLLERS: &str = "between the controllers of a quorum";
const TO_QUORUM_LEADER: &str = "from a follower of the metadata log to its leader";
const BROKER_TO_CONTROLLER: &str = "from a broker to the controller";

/// API and reason.
pub(crate) const LEFT_OUT: &[(ApiKey, &str)] = &[
    (ApiKey::LEADER_AND_ISR, REMOVED),
    (ApiKey::STOP_REPLICA, REMOVED),
    (ApiKey::UPDATE_METADATA, REMOVED),
    (ApiKey::CONTROLLED_SHUTDOWN, REMOVED),
    (ApiKey::VOTE, BETWEEN_CONTROLLERS),
    (ApiKey::BEGIN_QUORUM_EPOCH, BETWEEN_CONTROLLERS),
    (ApiKey::END_QUORUM_EPOCH, BETWEEN_CONTROLLERS),
    (ApiKey::ALTER_PARTITION, BROKER_TO_CONTROLLER),
    (ApiKey::ENVELOPE, BROKER_TO_CONTROLLER),
    (ApiKey::FETCH_SNAPSHOT, TO_QUORUM_LEADER),
    (ApiKey::BROKER_REGISTRATION, BROKER_TO_CONTROLLER),
    (ApiKey::BROKER_HEARTBEAT, BROKER_TO_CONTROLLER),
    (ApiKey::ALLOCATE_PRODUCER_IDS, BROKER_TO_CONTROLLER),
    (ApiKey::CONTROLLER_REGISTRATION, BETWEEN_CONTROLLERS),
    (ApiKey::ASSIGN_REPLICAS_TO_DIRS, BROKER_TO_CONTROLLER),
    (ApiKey::UPDATE_RAFT_VOTER, BETWEEN_CONTROLLERS),
];
