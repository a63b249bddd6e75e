//! What an error code means, by the request that it answers.

use milena_protocol::{ApiKey, ErrorCode};

use crate::produce::Reason;

/// What follows from an answer. Of several, the last in this order decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Consequence {
    /// It is done.
    Done,
    /// Ask the same broker again after a while.
    Retry,
    /// Another broker is responsible: find out which, then ask that one.
    Relocate,
    /// The transaction cannot be committed any more. Once it is aborted, the producer can go on.
    Abortable,
    /// The producer can do nothing any more.
    Fatal,
}

/// What `code` means as an answer to `api`. `aborting` is whether the transaction is being aborted.
pub(super) fn of_answer(api: ApiKey, code: ErrorCode, aborting: bool) -> Consequence {
    use Consequence::{Abortable, Done, Fatal, Relocate, Retry};
    use ErrorCode as Code;
    let abortable = match (api, code) {
        (_, Code::NONE) => return Done,
        // The question for the coordinator is not itself asked of a coordinator.
        (ApiKey::FIND_COORDINATOR, code) if code.is_retriable() => return Retry,
        (ApiKey::TXN_OFFSET_COMMIT, Code::REQUEST_TIMED_OUT)
        | (_, Code::NOT_COORDINATOR | Code::COORDINATOR_NOT_AVAILABLE) => return Relocate,
        (_, code) if code.is_retriable() => return Retry,
        // There is no transaction yet that could be aborted.
        (ApiKey::INIT_PRODUCER_ID, _) => false,
        (_, Code::TRANSACTION_ABORTABLE) => true,
        (
            ApiKey::FIND_COORDINATOR | ApiKey::ADD_OFFSETS_TO_TXN,
            Code::GROUP_AUTHORIZATION_FAILED,
        ) => true,
        (
            ApiKey::ADD_PARTITIONS_TO_TXN | ApiKey::ADD_OFFSETS_TO_TXN | ApiKey::END_TXN,
            Code::UNKNOWN_PRODUCER_ID,
        ) => true,
        (ApiKey::ADD_PARTITIONS_TO_TXN, code) => {
            !ends_producer(code) && code != Code::INVALID_TXN_STATE
        }
        (
            ApiKey::TXN_OFFSET_COMMIT,
            Code::GROUP_AUTHORIZATION_FAILED
            | Code::TOPIC_AUTHORIZATION_FAILED
            | Code::FENCED_INSTANCE_ID
            | Code::UNKNOWN_MEMBER_ID
            | Code::ILLEGAL_GENERATION
            | Code::GROUP_ID_NOT_FOUND
            | Code::STALE_MEMBER_EPOCH,
        ) => true,
        _ => false,
    };
    // What cannot even be aborted cannot be helped.
    let beyond_help = aborting && api == ApiKey::END_TXN;
    if abortable && !beyond_help {
        Abortable
    } else {
        Fatal
    }
}

/// What it means for its transaction that a batch failed.
pub(super) fn of_failure(reason: &Reason) -> Consequence {
    match reason {
        // With an old epoch, a producer may have been fenced, or its transaction timed out: the coordinator will tell.
        Reason::Refused(ErrorCode::INVALID_PRODUCER_EPOCH) => Consequence::Abortable,
        Reason::Refused(code) if ends_producer(*code) => Consequence::Fatal,
        _ => Consequence::Abortable,
    }
}

/// Whether the code says that another producer took over, or that this one is not allowed, or not understood.
pub(super) const fn ends_producer(code: ErrorCode) -> bool {
    is_fenced(code)
        || is_unauthorized(code)
        || matches!(
            code,
            ErrorCode::INVALID_PRODUCER_ID_MAPPING | ErrorCode::UNSUPPORTED_VERSION
        )
}

/// Whether the code says that another producer with the same transactional id took over. Older coordinators say it
/// with INVALID_PRODUCER_EPOCH.
pub(super) const fn is_fenced(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::PRODUCER_FENCED | ErrorCode::INVALID_PRODUCER_EPOCH
    )
}

/// Whether the code says that the producer is not allowed to have transactions.
pub(super) const fn is_unauthorized(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED | ErrorCode::CLUSTER_AUTHORIZATION_FAILED
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use Consequence::{Abortable, Done, Fatal, Relocate, Retry};

    const APIS: [ApiKey; 6] = [
        ApiKey::FIND_COORDINATOR,
        ApiKey::INIT_PRODUCER_ID,
        ApiKey::ADD_PARTITIONS_TO_TXN,
        ApiKey::ADD_OFFSETS_TO_TXN,
        ApiKey::TXN_OFFSET_COMMIT,
        ApiKey::END_TXN,
    ];

    /// One letter for each API in the order of [`APIS`], then one for END_TXN while aborting.
    const TABLE: &[(i16, &str)] = &[
        // Whoever is responsible is elsewhere, or not yet there.
        (14, "RRRRRRR"),
        (15, "RLLLLLL"),
        (16, "RLLLLLL"),
        // Another producer, or no right.
        (47, "FFFFFFF"),
        (90, "FFFFFFF"),
        (53, "FFFFFFF"),
        (31, "FFFFFFF"),
        (35, "FFFFFFF"),
        (48, "FFFFFFF"),
        (49, "FFFFFFF"),
        (50, "FFAFFFF"),
        // What aborting mends.
        (120, "AFAAAAF"),
        (59, "FFAAFAF"),
        (30, "AFAAAFF"),
        (29, "FFAFAFF"),
        (55, "FFAFFFF"),
        (22, "FFAFAFF"),
        (25, "FFAFAFF"),
        (82, "FFAFAFF"),
        (69, "FFAFAFF"),
        (113, "FFAFAFF"),
        // Passing trouble.
        (3, "RRRRRRR"),
        (7, "RRRRLRR"),
        (13, "RRRRRRR"),
        (51, "RRRRRRR"),
        (88, "RRRRRRR"),
        (89, "RRRRRRR"),
        (0, "DDDDDDD"),
    ];

    const fn letter(consequence: Consequence) -> char {
        match consequence {
            Done => 'D',
            Retry => 'R',
            Relocate => 'L',
            Abortable => 'A',
            Fatal => 'F',
        }
    }

    #[test]
    fn every_code_of_every_api_has_the_consequence_that_kafka_gives_it() {
        let told: BTreeMap<i16, &str> = TABLE.iter().copied().collect();
        for code in ErrorCode::ALL {
            let mut seen: String = APIS
                .map(|api| letter(of_answer(api, *code, false)))
                .into_iter()
                .collect();
            seen.push(letter(of_answer(ApiKey::END_TXN, *code, true)));
            // What Kafka has no rule for: passing if it is retriable, and otherwise the end, but for partitions that
            // could not be added.
            let other = if code.is_retriable() {
                "RRRRRRR"
            } else {
                "FFAFFFF"
            };
            assert_eq!(&seen, told.get(&code.0).unwrap_or(&other), "{code}");
        }
    }

    #[test]
    fn a_code_that_nobody_knows_ends_the_producer_unless_it_is_about_a_partition() {
        let unknown = ErrorCode(9999);
        for api in APIS {
            let expected = if api == ApiKey::ADD_PARTITIONS_TO_TXN {
                Abortable
            } else {
                Fatal
            };
            assert_eq!(of_answer(api, unknown, false), expected, "{api:?}");
        }
    }

    #[test]
    fn a_failed_batch_spoils_its_transaction_and_a_fenced_one_the_producer() {
        for code in ErrorCode::ALL {
            let expected = match code.0 {
                31 | 35 | 49 | 53 | 90 => Fatal,
                _ => Abortable,
            };
            assert_eq!(of_failure(&Reason::Refused(*code)), expected, "{code}");
        }
        for reason in [
            Reason::Expired,
            Reason::ConnectionLost,
            Reason::Unresolved,
            Reason::Overtaken,
        ] {
            assert_eq!(of_failure(&reason), Abortable, "{reason:?}");
        }
    }
}
