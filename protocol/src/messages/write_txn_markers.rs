//! `WriteTxnMarkers`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api WriteTxnMarkers = 27, versions 1-2, flexible 1+, WriteTxnMarkersRequest => WriteTxnMarkersResponse;

    /// The request.
    struct WriteTxnMarkersRequest {
        0+  markers: Vec<WritableTxnMarker>;
    }

    /// One of the `markers` of [`WriteTxnMarkersRequest`].
    struct WritableTxnMarker {
        0+  producer_id: i64;
        0+  producer_epoch: i16;
        0+  transaction_result: bool;
        0+  topics: Vec<WritableTxnMarkerTopic>;
        0+  coordinator_epoch: i32;
        2+  transaction_version: i8 = 0, ignorable;
    }

    /// One of the `topics` of [`WritableTxnMarker`].
    struct WritableTxnMarkerTopic {
        0+  name: Str;
        0+  partition_indexes: Vec<i32>;
    }

    /// The response.
    struct WriteTxnMarkersResponse {
        0+  markers: Vec<WritableTxnMarkerResult>;
    }

    /// One of the `markers` of [`WriteTxnMarkersResponse`].
    struct WritableTxnMarkerResult {
        0+  producer_id: i64;
        0+  topics: Vec<WritableTxnMarkerTopicResult>;
    }

    /// One of the `topics` of [`WritableTxnMarkerResult`].
    struct WritableTxnMarkerTopicResult {
        0+  name: Str;
        0+  partitions: Vec<WritableTxnMarkerPartitionResult>;
    }

    /// One of the `partitions` of [`WritableTxnMarkerTopicResult`].
    struct WritableTxnMarkerPartitionResult {
        0+  partition_index: i32;
        0+  error_code: ErrorCode;
    }
}
