//! Reasons of throttling.

use super::{WorkedExample, examples};
use crate::throttle::{ThrottledLimit, ThrottledOperation, ThrottledResource, ThrottlingReason};

fn reason(
    resource: ThrottledResource,
    operation: ThrottledOperation,
    limit: ThrottledLimit,
) -> ThrottlingReason {
    ThrottlingReason {
        resource,
        operation,
        limit,
    }
}

examples! { REASONS, "AWS API Reference, ThrottlingReason; AWS Developer Guide, Troubleshooting throttling";
    "reasons in all" => "16": {
        let mut names: Vec<_> = ThrottlingReason::all().map(ThrottlingReason::name).collect();
        names.sort_unstable();
        names.dedup();
        names.len()
    };
    "hot partition of a table, read" => "TableReadKeyRangeThroughputExceeded": reason(
        ThrottledResource::Table, ThrottledOperation::Read, ThrottledLimit::KeyRangeThroughput,
    ).name();
    "its counter" => "ReadKeyRangeThroughputThrottleEvents": reason(
        ThrottledResource::Table, ThrottledOperation::Read, ThrottledLimit::KeyRangeThroughput,
    ).counter();
    "index that cannot follow" => "IndexWriteProvisionedThroughputExceeded": reason(
        ThrottledResource::Index, ThrottledOperation::Write, ThrottledLimit::ProvisionedThroughput,
    ).name();
    "account limit of writes" => "TableWriteAccountLimitExceeded": reason(
        ThrottledResource::Table, ThrottledOperation::Write, ThrottledLimit::AccountLimit,
    ).name();
    "maximum that was set for on-demand reads of an index" => "IndexReadMaxOnDemandThroughputExceeded": reason(
        ThrottledResource::Index, ThrottledOperation::Read, ThrottledLimit::MaxOnDemandThroughput,
    ).name();
}
