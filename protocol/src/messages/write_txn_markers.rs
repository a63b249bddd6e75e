//! Writing the end of transactions into partitions (KIP-98).
//!
//! Transaction coordinators ask this of leaders; clients do it only to abort a transaction that nobody ends (KIP-664).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api WriteTxnMarkers = 27, versions 1-2, flexible 1+, WriteTxnMarkersRequest => WriteTxnMarkersResponse;

    /// Transactions and their ends.
    struct WriteTxnMarkersRequest {
        0+  markers: Vec<WritableTxnMarker>;
    }

    /// One transaction and its end.
    struct WritableTxnMarker {
        0+  producer_id: i64;
        0+  producer_epoch: i16;
        /// Whether it was committed, or else aborted.
        0+  transaction_result: bool;
        0+  topics: Vec<WritableTxnMarkerTopic>;
        /// Of the coordinator; leaders refuse a lower one than they have seen.
        0+  coordinator_epoch: i32;
        /// 0 and 1 the older protocol, 2 that of Kafka 4.0.
        2+  transaction_version: i8 = 0, ignorable;
    }

    /// Partitions of one topic.
    struct WritableTxnMarkerTopic {
        0+  name: Str;
        0+  partition_indexes: Vec<i32>;
    }

    /// What became of the markers.
    struct WriteTxnMarkersResponse {
        0+  markers: Vec<WritableTxnMarkerResult>;
    }

    /// What became of one transaction's markers.
    struct WritableTxnMarkerResult {
        0+  producer_id: i64;
        0+  topics: Vec<WritableTxnMarkerTopicResult>;
    }

    /// What became of the markers in one topic.
    struct WritableTxnMarkerTopicResult {
        0+  name: Str;
        0+  partitions: Vec<WritableTxnMarkerPartitionResult>;
    }

    /// What became of the marker in one partition.
    struct WritableTxnMarkerPartitionResult {
        0+  partition_index: i32;
        0+  error_code: ErrorCode;
    }
}
