//! Listing the transactions that the broker which is asked coordinates (KIP-664).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api ListTransactions = 66, versions 0-2, flexible 0+, ListTransactionsRequest => ListTransactionsResponse;

    /// Which transactions; all of it must hold.
    struct ListTransactionsRequest {
        /// Empty asks for all.
        0+  state_filters: Vec<Str>;
        /// Empty asks for all.
        0+  producer_id_filters: Vec<i64>;
        /// Those that have run for more milliseconds; negative asks for all.
        1+  duration_filter: i64 = -1;
        /// A regular expression; null or empty asks for all.
        2+  transactional_id_pattern: Option<Str> = None, null 2+;
    }

    /// The transactions.
    struct ListTransactionsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        /// States that the broker does not know.
        0+  unknown_state_filters: Vec<Str>;
        0+  transaction_states: Vec<TransactionState>;
    }

    /// A transaction.
    struct TransactionState {
        0+  transactional_id: Str;
        0+  producer_id: i64;
        0+  transaction_state: Str;
    }
}
