//! The sixteen reasons for which DynamoDB throttles a request.
//!
//! Source: AWS Developer Guide, "Troubleshooting throttling", and API Reference, `ThrottlingReason`.

/// What is short of throughput.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ThrottledResource {
    /// The table.
    Table,
    /// A global secondary index.
    Index,
}

/// What the request wanted to do there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ThrottledOperation {
    /// To read.
    Read,
    /// To write; a write of the table is throttled with an index as its resource where that index
    /// cannot follow.
    Write,
}

/// Which limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ThrottledLimit {
    /// That of the partition.
    KeyRangeThroughput,
    /// What was provisioned.
    ProvisionedThroughput,
    /// That of the account.
    AccountLimit,
    /// The maximum that was set for on-demand throughput.
    MaxOnDemandThroughput,
}

/// A reason: `ThrottlingReasons` of an exception name it beside the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThrottlingReason {
    /// What is short of throughput.
    pub resource: ThrottledResource,
    /// What the request wanted to do.
    pub operation: ThrottledOperation,
    /// Which limit was reached.
    pub limit: ThrottledLimit,
}

impl ThrottlingReason {
    /// Every reason, once.
    pub fn all() -> impl Iterator<Item = Self> {
        use ThrottledLimit::*;
        let resources = [ThrottledResource::Table, ThrottledResource::Index];
        let operations = [ThrottledOperation::Read, ThrottledOperation::Write];
        let limits = [
            KeyRangeThroughput,
            ProvisionedThroughput,
            AccountLimit,
            MaxOnDemandThroughput,
        ];
        resources.into_iter().flat_map(move |resource| {
            operations.into_iter().flat_map(move |operation| {
                limits.into_iter().map(move |limit| Self {
                    resource,
                    operation,
                    limit,
                })
            })
        })
    }
    /// Its name in `ThrottlingReasons`, such as `TableReadKeyRangeThroughputExceeded`.
    pub fn name(self) -> String {
        let resource = match self.resource {
            ThrottledResource::Table => "Table",
            ThrottledResource::Index => "Index",
        };
        format!(
            "{resource}{}{}Exceeded",
            self.operation.name(),
            self.limit.name()
        )
    }
    /// The exception that carries it (API Reference, errors of PutItem).
    pub const fn exception(self) -> &'static str {
        match self.limit {
            ThrottledLimit::KeyRangeThroughput | ThrottledLimit::ProvisionedThroughput => {
                "ProvisionedThroughputExceededException"
            }
            ThrottledLimit::AccountLimit => "RequestLimitExceeded",
            ThrottledLimit::MaxOnDemandThroughput => "ThrottlingException",
        }
    }
    /// The CloudWatch counter that it raises, for the table or the index, such as
    /// `ReadKeyRangeThroughputThrottleEvents`.
    pub fn counter(self) -> String {
        format!(
            "{}{}ThrottleEvents",
            self.operation.name(),
            self.limit.name()
        )
    }
}

impl ThrottledOperation {
    const fn name(self) -> &'static str {
        match self {
            Self::Read => "Read",
            Self::Write => "Write",
        }
    }
}

impl ThrottledLimit {
    const fn name(self) -> &'static str {
        match self {
            Self::KeyRangeThroughput => "KeyRangeThroughput",
            Self::ProvisionedThroughput => "ProvisionedThroughput",
            Self::AccountLimit => "AccountLimit",
            Self::MaxOnDemandThroughput => "MaxOnDemandThroughput",
        }
    }
}
