//! The error codes of Apache Kafka 4.3.1 as one table: code, name, and what a client does about it.

use std::fmt;

/// An error code. Codes without a name are kept as they are.
///
/// ```
/// use milena_protocol::ErrorCode;
/// let code = ErrorCode(6);
/// assert_eq!(code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
/// assert!(code.is_retriable() && code.refreshes_metadata() && !code.is_fatal());
/// assert_eq!(code.to_string(), "NOT_LEADER_OR_FOLLOWER (6)");
/// assert_eq!(ErrorCode(999).to_string(), "unknown error code (999)");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(pub i16);

struct Row {
    name: &'static str,
    retriable: bool,
    metadata: bool,
    fatal: bool,
}

const PLAIN: Row = Row {
    name: "",
    retriable: false,
    metadata: false,
    fatal: false,
};

macro_rules! error_codes {
    ($($code:literal $name:ident $($flag:ident),*;)*) => {
        impl ErrorCode {
            $(
                #[doc = concat!("Code ", $code, ".", $(" ", error_codes!(@doc $flag)),*)]
                pub const $name: Self = Self($code);
            )*

            /// Every code that has a name, in ascending order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            const fn row(self) -> Option<Row> {
                match self.0 {
                    $($code => Some(Row { name: stringify!($name), $($flag: true,)* ..PLAIN }),)*
                    _ => None,
                }
            }
        }
    };
    (@doc retriable) => { "Retriable." };
    (@doc metadata) => { "Metadata is stale." };
    (@doc fatal) => { "Fatal to the producer." };
}

// retriable: the same request may succeed later.
// metadata: what the client knows of the cluster is out of date.
// fatal: no later request of this producer can succeed, whichever request it answers.
error_codes! {
     -1 UNKNOWN_SERVER_ERROR;
      0 NONE;
      1 OFFSET_OUT_OF_RANGE;
      2 CORRUPT_MESSAGE                          retriable;
      3 UNKNOWN_TOPIC_OR_PARTITION               retriable, metadata;
      4 INVALID_FETCH_SIZE;
      5 LEADER_NOT_AVAILABLE                     retriable, metadata;
      6 NOT_LEADER_OR_FOLLOWER                   retriable, metadata;
      7 REQUEST_TIMED_OUT                        retriable;
      8 BROKER_NOT_AVAILABLE;
      9 REPLICA_NOT_AVAILABLE                    retriable, metadata;
     10 MESSAGE_TOO_LARGE;
     11 STALE_CONTROLLER_EPOCH;
     12 OFFSET_METADATA_TOO_LARGE;
     13 NETWORK_EXCEPTION                        retriable, metadata;
     14 COORDINATOR_LOAD_IN_PROGRESS             retriable;
     15 COORDINATOR_NOT_AVAILABLE                retriable;
     16 NOT_COORDINATOR                          retriable;
     17 INVALID_TOPIC_EXCEPTION;
     18 RECORD_LIST_TOO_LARGE;
     19 NOT_ENOUGH_REPLICAS                      retriable;
     20 NOT_ENOUGH_REPLICAS_AFTER_APPEND         retriable;
     21 INVALID_REQUIRED_ACKS;
     22 ILLEGAL_GENERATION;
     23 INCONSISTENT_GROUP_PROTOCOL;
     24 INVALID_GROUP_ID;
     25 UNKNOWN_MEMBER_ID;
     26 INVALID_SESSION_TIMEOUT;
     27 REBALANCE_IN_PROGRESS;
     28 INVALID_COMMIT_OFFSET_SIZE;
     29 TOPIC_AUTHORIZATION_FAILED;
     30 GROUP_AUTHORIZATION_FAILED;
     31 CLUSTER_AUTHORIZATION_FAILED             fatal;
     32 INVALID_TIMESTAMP;
     33 UNSUPPORTED_SASL_MECHANISM;
     34 ILLEGAL_SASL_STATE;
     35 UNSUPPORTED_VERSION                      fatal;
     36 TOPIC_ALREADY_EXISTS;
     37 INVALID_PARTITIONS;
     38 INVALID_REPLICATION_FACTOR;
     39 INVALID_REPLICA_ASSIGNMENT;
     40 INVALID_CONFIG;
     41 NOT_CONTROLLER                           retriable;
     42 INVALID_REQUEST;
     43 UNSUPPORTED_FOR_MESSAGE_FORMAT;
     44 POLICY_VIOLATION;
     45 OUT_OF_ORDER_SEQUENCE_NUMBER;
     46 DUPLICATE_SEQUENCE_NUMBER;
     47 INVALID_PRODUCER_EPOCH;
     48 INVALID_TXN_STATE;
     49 INVALID_PRODUCER_ID_MAPPING              fatal;
     50 INVALID_TRANSACTION_TIMEOUT              fatal;
     51 CONCURRENT_TRANSACTIONS                  retriable;
     52 TRANSACTION_COORDINATOR_FENCED;
     53 TRANSACTIONAL_ID_AUTHORIZATION_FAILED    fatal;
     54 SECURITY_DISABLED;
     55 OPERATION_NOT_ATTEMPTED;
     56 KAFKA_STORAGE_ERROR                      retriable, metadata;
     57 LOG_DIR_NOT_FOUND;
     58 SASL_AUTHENTICATION_FAILED;
     59 UNKNOWN_PRODUCER_ID;
     60 REASSIGNMENT_IN_PROGRESS;
     61 DELEGATION_TOKEN_AUTH_DISABLED;
     62 DELEGATION_TOKEN_NOT_FOUND;
     63 DELEGATION_TOKEN_OWNER_MISMATCH;
     64 DELEGATION_TOKEN_REQUEST_NOT_ALLOWED;
     65 DELEGATION_TOKEN_AUTHORIZATION_FAILED;
     66 DELEGATION_TOKEN_EXPIRED;
     67 INVALID_PRINCIPAL_TYPE;
     68 NON_EMPTY_GROUP;
     69 GROUP_ID_NOT_FOUND;
     70 FETCH_SESSION_ID_NOT_FOUND               retriable;
     71 INVALID_FETCH_SESSION_EPOCH              retriable;
     72 LISTENER_NOT_FOUND                       retriable, metadata;
     73 TOPIC_DELETION_DISABLED;
     74 FENCED_LEADER_EPOCH                      retriable, metadata;
     75 UNKNOWN_LEADER_EPOCH                     retriable;
     76 UNSUPPORTED_COMPRESSION_TYPE;
     77 STALE_BROKER_EPOCH;
     78 OFFSET_NOT_AVAILABLE                     retriable;
     79 MEMBER_ID_REQUIRED;
     80 PREFERRED_LEADER_NOT_AVAILABLE           retriable, metadata;
     81 GROUP_MAX_SIZE_REACHED;
     82 FENCED_INSTANCE_ID;
     83 ELIGIBLE_LEADERS_NOT_AVAILABLE           retriable, metadata;
     84 ELECTION_NOT_NEEDED                      retriable, metadata;
     85 NO_REASSIGNMENT_IN_PROGRESS;
     86 GROUP_SUBSCRIBED_TO_TOPIC;
     87 INVALID_RECORD;
     88 UNSTABLE_OFFSET_COMMIT                   retriable;
     89 THROTTLING_QUOTA_EXCEEDED                retriable;
     90 PRODUCER_FENCED                          fatal;
     91 RESOURCE_NOT_FOUND;
     92 DUPLICATE_RESOURCE;
     93 UNACCEPTABLE_CREDENTIAL;
     94 INCONSISTENT_VOTER_SET;
     95 INVALID_UPDATE_VERSION;
     96 FEATURE_UPDATE_FAILED;
     97 PRINCIPAL_DESERIALIZATION_FAILURE;
     98 SNAPSHOT_NOT_FOUND;
     99 POSITION_OUT_OF_RANGE;
    100 UNKNOWN_TOPIC_ID                         retriable, metadata;
    101 DUPLICATE_BROKER_REGISTRATION;
    102 BROKER_ID_NOT_REGISTERED;
    103 INCONSISTENT_TOPIC_ID                    retriable, metadata;
    104 INCONSISTENT_CLUSTER_ID;
    105 TRANSACTIONAL_ID_NOT_FOUND;
    106 FETCH_SESSION_TOPIC_ID_ERROR             retriable;
    107 INELIGIBLE_REPLICA;
    108 NEW_LEADER_ELECTED;
    109 OFFSET_MOVED_TO_TIERED_STORAGE;
    110 FENCED_MEMBER_EPOCH;
    111 UNRELEASED_INSTANCE_ID;
    112 UNSUPPORTED_ASSIGNOR;
    113 STALE_MEMBER_EPOCH;
    114 MISMATCHED_ENDPOINT_TYPE;
    115 UNSUPPORTED_ENDPOINT_TYPE;
    116 UNKNOWN_CONTROLLER_ID;
    117 UNKNOWN_SUBSCRIPTION_ID;
    118 TELEMETRY_TOO_LARGE;
    119 INVALID_REGISTRATION;
    120 TRANSACTION_ABORTABLE;
    121 INVALID_RECORD_STATE;
    122 SHARE_SESSION_NOT_FOUND                  retriable;
    123 INVALID_SHARE_SESSION_EPOCH              retriable;
    124 FENCED_STATE_EPOCH;
    125 INVALID_VOTER_KEY;
    126 DUPLICATE_VOTER;
    127 VOTER_NOT_FOUND;
    128 INVALID_REGULAR_EXPRESSION;
    129 REBOOTSTRAP_REQUIRED;
    130 STREAMS_INVALID_TOPOLOGY;
    131 STREAMS_INVALID_TOPOLOGY_EPOCH;
    132 STREAMS_TOPOLOGY_FENCED;
    133 SHARE_SESSION_LIMIT_REACHED              retriable;
}

impl ErrorCode {
    /// Kafka's name, or `None` for a code that this crate does not know.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        self.row().map(|row| row.name)
    }

    /// Whether this is anything but [`ErrorCode::NONE`].
    #[must_use]
    pub fn is_err(self) -> bool {
        self != Self::NONE
    }

    /// Whether the same request may succeed later. Unknown codes are not retriable, as in Kafka's own clients.
    #[must_use]
    pub fn is_retriable(self) -> bool {
        self.row().is_some_and(|row| row.retriable)
    }

    /// Whether the error says that the client's metadata is out of date.
    #[must_use]
    pub fn refreshes_metadata(self) -> bool {
        self.row().is_some_and(|row| row.metadata)
    }

    /// Whether no later request of this producer can succeed. Errors that are fatal only as the answer to some
    /// requests are not counted.
    #[must_use]
    pub fn is_fatal(self) -> bool {
        self.row().is_some_and(|row| row.fatal)
    }
}

impl From<i16> for ErrorCode {
    fn from(code: i16) -> Self {
        Self(code)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({})",
            self.name().unwrap_or("unknown error code"),
            self.0
        )
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_no_gap() {
        assert!(ErrorCode::ALL.iter().map(|code| code.0).eq(-1..=133));
        assert!((-1..=133).all(|code| ErrorCode(code).name().is_some()));
        assert_eq!((ErrorCode(-2).name(), ErrorCode(134).name()), (None, None));
    }

    #[test]
    fn stale_metadata_is_retriable_and_fatal_is_not() {
        for code in ErrorCode::ALL {
            assert!(!code.refreshes_metadata() || code.is_retriable(), "{code}");
            assert!(!code.is_fatal() || !code.is_retriable(), "{code}");
        }
        assert!(!ErrorCode::NONE.is_retriable() && !ErrorCode::NONE.is_err());
        assert!(ErrorCode::UNKNOWN_SERVER_ERROR.is_err());
    }
}
