//! Errors with DynamoDB's names and messages.
//!
//! Messages come from the API Reference and from what the service answered to the test suites of
//! dynalite and ScyllaDB Alternator; where none is known, the message is ours and says what the
//! limit is.

use crate::capacity::ConsumedCapacity;
use crate::item::Item;
use crate::number::NumberError;
use crate::throttle::{ThrottledLimit, ThrottlingReason};
use crate::value::AttributeType;
use std::fmt;

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The request is not acceptable; nothing was consumed.
    Validation(Validation),
    /// The condition of a write was not met.
    ConditionalCheckFailed {
        /// What the attempt consumed.
        consumed: ConsumedCapacity,
        /// The item that is there, where the request asked for it.
        item: Option<Box<Item>>,
    },
    /// There is no table or index of that name.
    ResourceNotFound,
    /// There is a table of that name already.
    ResourceInUse {
        /// The name.
        table: Box<str>,
    },
    /// A transaction did not take place.
    TransactionCanceled(Box<Cancellation>),
    /// A client token came with another request than before.
    IdempotentParameterMismatch,
    /// An item collection of a table with local indexes would exceed its limit.
    ItemCollectionSizeLimitExceeded,
    /// A transaction that is under way has the item.
    TransactionConflict,
    /// There was not enough throughput.
    Throttled {
        /// Of what kind.
        reason: ThrottlingReason,
        /// The table or index that has too little of it.
        resource: Box<str>,
    },
    /// The service could not answer in time: a write may have happened or not.
    InternalServerError,
}

/// Why a transaction was cancelled, and what it consumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancellation {
    /// One reason for each action, in the order of the actions.
    pub reasons: Vec<CancellationReason>,
    /// What the attempt consumed, by table in ascending order of names.
    pub consumed: Vec<(Box<str>, ConsumedCapacity)>,
}

/// Why one action of a transaction could not take place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancellationReason {
    /// It could have.
    None,
    /// Its condition was not met.
    ConditionalCheckFailed {
        /// The item that is there, where the action asked for it.
        item: Option<Box<Item>>,
    },
    /// It does not fit the item that is there.
    ValidationError(Validation),
    /// Its item collection would exceed its limit.
    ItemCollectionSizeLimitExceeded,
    /// Another transaction that is under way has its item.
    TransactionConflict,
    /// There was not enough throughput for it.
    ThrottlingError {
        /// Of what kind.
        reason: ThrottlingReason,
    },
}

macro_rules! validation {
    ($($(#[$doc:meta])* $name:ident $({ $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? })?
        => $($format:literal)? $(|$f:ident| $write:expr)?;)*) => {
        /// Why a request is not acceptable: `ValidationException`. The texts are messages.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Validation {
            $($(#[$doc])* $name $({ $($(#[$field_doc])* $field: $type),* })?,)*
        }
        impl fmt::Display for Validation {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name $({ $($field),* })? => {
                        $(write!(f, $format))?
                        $({ let $f = f; $write })?
                    })*
                }
            }
        }
    };
}

validation! {
    /// A number is not one.
    Number {
        /// Which number, why.
        error: NumberError,
    } => "{error}";
    /// An item is larger than 400 KB.
    ItemTooLarge => "Item size has exceeded the maximum allowed size";
    /// An update would make an item larger than 400 KB.
    UpdateTooLarge => "Item size to update has exceeded the maximum allowed size";
    /// A value has more than 32 levels.
    NestingTooDeep => "Nesting Levels have exceeded supported limits: Attributes in the item have \
        nested levels beyond supported limit";
    /// An attribute has no name.
    EmptyAttributeName => "Empty attribute name";
    /// An attribute name has 64 KB or more.
    AttributeNameTooLong => "Attribute name is too large, must be less than 65536 bytes";
    /// A set without members.
    EmptySet {
        /// `string`, `number` or `binary`.
        kind: &'static str,
    } => |f| match *kind {
        "binary" => f.write_str("One or more parameter values were invalid: Binary sets should \
            not be empty"),
        kind => write!(f, "One or more parameter values were invalid: An {kind} set  may not be \
            empty"),
    };
    /// A set with an empty member.
    EmptySetMember {
        /// `string` or `binary`.
        kind: &'static str,
    } => |f| match *kind {
        "binary" => f.write_str("One or more parameter values were invalid: Binary sets may not \
            contain null or empty values"),
        kind => write!(f, "One or more parameter values were invalid: An {kind} set may not have \
            a empty string as a member"),
    };
    /// A set with a member twice.
    DuplicateSetMembers {
        /// Its strings, separated by commas.
        members: Option<String>,
    } => |f| match members {
        Some(members) => write!(f, "One or more parameter values were invalid: Input collection \
            [{members}] contains duplicates."),
        None => f.write_str("Input collection contains duplicates"),
    };
    /// A key attribute is not in the item.
    MissingKey {
        /// Its name.
        name: Box<str>,
    } => "One or more parameter values were invalid: Missing the key {name} in the item";
    /// A key attribute has another type than the schema says.
    KeyTypeMismatch {
        /// Its name.
        name: Box<str>,
        /// The type of the schema.
        expected: AttributeType,
        /// The type of the item.
        actual: AttributeType,
    } => "One or more parameter values were invalid: Type mismatch for key {name} expected: \
        {expected} actual: {actual}";
    /// A key attribute of an index has another type than the schema says.
    IndexKeyTypeMismatch {
        /// Its name.
        name: Box<str>,
        /// The type of the schema.
        expected: AttributeType,
        /// The type of the item.
        actual: AttributeType,
        /// The index.
        index: Box<str>,
    } => "One or more parameter values were invalid: Type mismatch for Index Key {name} Expected: \
        {expected} Actual: {actual} IndexName: {index}";
    /// A key attribute is empty.
    EmptyKeyValue {
        /// Its name.
        name: Box<str>,
        /// `string` or `binary`.
        kind: &'static str,
    } => "One or more parameter values are not valid. The AttributeValue for a key attribute \
        cannot contain an empty {kind} value. Key: {name}";
    /// A key attribute of an index is empty.
    EmptyIndexKeyValue {
        /// Its name.
        name: Box<str>,
        /// `string` or `binary`.
        kind: &'static str,
        /// The index.
        index: Box<str>,
    } => "One or more parameter values are not valid. A value specified for a secondary index key \
        is not supported. The AttributeValue for a key attribute cannot contain an empty {kind} \
        value. IndexName: {index}, IndexKey: {name}";
    /// A partition key has more than 2,048 bytes.
    PartitionKeyTooLong => "One or more parameter values were invalid: Size of hashkey has \
        exceeded the maximum size limit of2048 bytes";
    /// A sort key has more than 1,024 bytes.
    SortKeyTooLong => "One or more parameter values were invalid: Aggregated size of all range \
        keys has exceeded the size limit of 1024 bytes";
    /// A request names a key by other attributes or types than the schema has.
    KeyDoesNotMatchSchema => "The provided key element does not match the schema";
    /// An update would change the key.
    KeyIsImmutable {
        /// The attribute.
        name: Box<str>,
    } => "One or more parameter values were invalid: Cannot update attribute {name}. This \
        attribute is part of the key";
    /// Two clauses of an update concern one place.
    OverlappingPaths {
        /// One of them.
        one: String,
        /// The other.
        two: String,
    } => "Invalid UpdateExpression: Two document paths overlap with each other; must remove or \
        rewrite one of these paths; path one: {one}, path two: {two}";
    /// Two paths of a projection concern one place.
    OverlappingProjection {
        /// One of them.
        one: String,
        /// The other.
        two: String,
    } => "Invalid ProjectionExpression: Two document paths overlap with each other; must remove \
        or rewrite one of these paths; path one: {one}, path two: {two}";
    /// An update goes through something that is no map or list.
    InvalidUpdatePath => "The document path provided in the update expression is invalid for \
        update";
    /// An update reads what the item does not have.
    MissingAttribute => "The provided expression refers to an attribute that does not exist in \
        the item";
    /// An operand of an update or condition has a type that the operator does not take.
    WrongOperandType => "An operand in the update expression has an incorrect data type";
    /// ADD or DELETE with a value of a type that it does not take.
    WrongActionOperand {
        /// `ADD` or `DELETE`.
        action: &'static str,
        /// The type that was given.
        actual: AttributeType,
    } => |f| {
        let actual = match actual {
            AttributeType::String => "STRING",
            AttributeType::Number => "NUMBER",
            AttributeType::Binary => "Binary",
            AttributeType::List => "LIST",
            AttributeType::Map => "MAP",
            other => other.name(),
        };
        write!(f, "Invalid UpdateExpression: Incorrect operand type for operator or function; \
            operator: {action}, operand type: {actual}, typeSet: ALLOWED_FOR_ADD_OPERAND")
    };
    /// An update makes the key of an index longer than it may be.
    UpdatedIndexKeyTooLong => "The update expression attempted to update the secondary index key \
        beyond allowed size limits";
    /// A function is given one path twice.
    OperandsNotDistinct {
        /// The function.
        function: &'static str,
        /// The path.
        path: String,
    } => "Invalid ConditionExpression: The first operand must be distinct from the remaining \
        operands for this operator or function; operator: {function}, first operand: {path}";
    /// A function or operator of a condition does not take a value of this type.
    WrongConditionOperand {
        /// The function or operator.
        function: &'static str,
        /// The type that was given.
        actual: AttributeType,
    } => "Invalid ConditionExpression: Incorrect operand type for operator or function; operator \
        or function: {function}, operand type: {actual}";
    /// The ends of BETWEEN are in the wrong order.
    BetweenOutOfOrder => "Invalid ConditionExpression: The BETWEEN operator requires upper bound \
        to be greater than or equal to lower bound";
    /// The ends of BETWEEN have two types.
    BetweenTypes => "Invalid ConditionExpression: The BETWEEN operator requires same data type \
        for lower and upper bounds";
    /// An expression has more than 300 operators.
    TooManyOperators => "Invalid expression: The expression contains too many operators; maximum \
        operator count: 300";
    /// IN has no operands or more than 100.
    InOperands {
        /// How many it has.
        count: usize,
    } => "Invalid ConditionExpression: The IN operator takes 1 to 100 operands; number of \
        operands: {count}";
    /// A document path has no or too many elements.
    PathLength {
        /// How many it has.
        count: usize,
    } => "Invalid expression: a document path has 1 to 32 elements; number of elements: {count}";
    /// A condition on a sort key where the schema has none.
    NoSortKey => "Query key condition not supported";
    /// A condition on a key with a value of another type.
    ConditionKeyType => "One or more parameter values were invalid: Condition parameter type does \
        not match schema type";
    /// A start key that is no key of the table or index.
    InvalidStartKey => "The provided starting key is invalid";
    /// A start key that lies outside the query or segment.
    StartKeyOutside => "The provided starting key is outside query boundaries based on provided \
        conditions";
    /// A strongly consistent read of a global index.
    StrongReadOfGlobalIndex => "Consistent reads are not supported on global secondary indexes";
    /// A transactional consistency for a request that has none.
    TransactionalRead => "Transactional reads are made by TransactGetItems alone";
    /// A projection names what a global index does not hold.
    NotProjected {
        /// The index.
        index: Box<str>,
        /// The attribute.
        name: Box<str>,
    } => "One or more parameter values were invalid: Global secondary index {index} does not \
        project [{name}]";
    /// All attributes of a global index that does not hold all.
    AllAttributesNotProjected {
        /// The index.
        index: Box<str>,
    } => "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported \
        for global secondary index {index} because its projection type is not ALL";
    /// There is no index of that name.
    NoSuchIndex {
        /// The name.
        index: Box<str>,
    } => "The table does not have the specified index: {index}";
    /// Segments of a parallel scan that cannot be.
    Segment {
        /// The segment.
        segment: u32,
        /// How many there are.
        total: u32,
    } => "The Segment parameter is zero-based and must be less than parameter TotalSegments, \
        which must be from 1 to 1000000: Segment: {segment} is not less than TotalSegments: \
        {total}";
    /// A batch or transaction with too many or no requests.
    RequestCount {
        /// The operation.
        operation: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    } => |f| match count {
        0 => write!(f, "The {operation} call needs at least one request"),
        _ => write!(f, "Too many items requested for the {operation} call; {count} of at most \
            {max}"),
    };
    /// A batch that names one key twice.
    DuplicateKeys => "Provided list of item keys contains duplicates";
    /// A transaction that names one item twice.
    DuplicateActions => "Transaction request cannot include multiple operations on one item";
    /// A transaction with more than 4 MB.
    TransactionTooLarge => "Collection size of items exceeded, which can also be caused by the \
        aggregate size of the items in the transaction exceeding the 4MB limit";
    /// A client token of the wrong length.
    ClientToken => "1 validation error detected: Value at 'clientRequestToken' failed to satisfy \
        constraint: Member must have length less than or equal to 36 and greater than or equal to \
        1";
    /// A table or index name that cannot be.
    Name {
        /// `TableName` or `IndexName`.
        field: &'static str,
        /// The name.
        name: Box<str>,
    } => "Invalid {field} \"{name}\": it must have 3 to 255 characters, and only a-z, A-Z, 0-9, \
        '_', '-', and '.' are allowed";
    /// More indexes than a table may have.
    TooManyIndexes {
        /// `local` or `global`.
        kind: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    } => "One or more parameter values were invalid: Number of {kind} secondary indexes exceeds \
        per-table limit of {max}: {count}";
    /// Two indexes with one name.
    DuplicateIndexName {
        /// The name.
        name: Box<str>,
    } => "One or more parameter values were invalid: Duplicate index name: {name}";
    /// Local indexes of a table with a simple key.
    LocalIndexWithoutSortKey => "One or more parameter values were invalid: Table KeySchema does \
        not have a range key, which is required when specifying a LocalSecondaryIndex";
    /// One attribute is both keys of a key schema.
    KeyAttributeTwice {
        /// The attribute.
        name: Box<str>,
    } => "Invalid KeySchema: Both the Hash Key and the Range Key element in the KeySchema have \
        the same name: {name}";
    /// A key attribute without a name or with one of more than 255 bytes.
    KeyNameLength {
        /// The name.
        name: Box<str>,
    } => "Invalid KeySchema: the name of a key attribute has 1 to 255 bytes: \"{name}\"";
    /// A key attribute with one type here and another there.
    AttributeOfTwoTypes {
        /// The attribute.
        name: Box<str>,
    } => "Cannot have two attributes with the same name: {name}";
    /// A projection that names nothing, one attribute twice, or an attribute that cannot be.
    ProjectionNames {
        /// The index.
        index: Box<str>,
    } => "One or more parameter values were invalid: ProjectionType is INCLUDE, but \
        NonKeyAttributes of index {index} are empty, repeated or not names of 1 to 255 bytes";
    /// Projections that name too many attributes.
    TooManyProjectedAttributes {
        /// How many they name.
        count: usize,
    } => "One or more parameter values were invalid: Number of attributes projected into \
        secondary indexes exceeds the limit of 100: {count}";
    /// An index that is paid in another way than its table.
    MixedBillingModes {
        /// The index.
        index: Box<str>,
    } => "One or more parameter values were invalid: ProvisionedThroughput of index {index} must \
        be specified exactly if the table's BillingMode is PROVISIONED";
    /// Arguments that are no request.
    Arguments {
        /// What is missing or malformed.
        what: &'static str,
    } => "The request is malformed: expected {what}";
    /// A request whose effect depends on items, where only their sizes are kept.
    NeedsItems => "Conditions and updates need items: choose the fidelity items or replicated";
    /// Replicas without the actors that hold them.
    DirectReplicas => "The fidelity replicated is served by routers and storage nodes: choose \
        admission or items here";
    /// More tables and indexes than one service has numbers for.
    TooManyTables => "Subscriber limit exceeded: there are as many tables and indexes as one service \
        can have";
    /// Throughput that cannot be.
    ThroughputOutOfRange {
        /// The table or index.
        resource: Box<str>,
        /// `ReadCapacityUnits` or `WriteCapacityUnits`.
        kind: &'static str,
        /// How many were asked for.
        units: u64,
        /// How many there may be.
        quota: u64,
    } => "One or more parameter values were invalid: {kind} of {resource} must be from 1 to \
        {quota}: {units}";
}

impl Error {
    /// The name of the exception.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Validation(_) => "ValidationException",
            Self::ConditionalCheckFailed { .. } => "ConditionalCheckFailedException",
            Self::ResourceNotFound => "ResourceNotFoundException",
            Self::ResourceInUse { .. } => "ResourceInUseException",
            Self::TransactionCanceled(_) => "TransactionCanceledException",
            Self::IdempotentParameterMismatch => "IdempotentParameterMismatchException",
            Self::ItemCollectionSizeLimitExceeded => "ItemCollectionSizeLimitExceededException",
            Self::TransactionConflict => "TransactionConflictException",
            Self::Throttled { reason, .. } => reason.exception(),
            Self::InternalServerError => "InternalServerError",
        }
    }
}

impl CancellationReason {
    /// The reason's code in the list of a cancelled transaction.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::ConditionalCheckFailed { .. } => "ConditionalCheckFailed",
            Self::ValidationError(_) => "ValidationError",
            Self::ItemCollectionSizeLimitExceeded => "ItemCollectionSizeLimitExceeded",
            Self::TransactionConflict => "TransactionConflict",
            Self::ThrottlingError { reason } => match reason.limit {
                ThrottledLimit::ProvisionedThroughput => "ProvisionedThroughputExceeded",
                _ => "ThrottlingError",
            },
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Validation(validation) => validation.fmt(f),
            Self::ConditionalCheckFailed { .. } => f.write_str("The conditional request failed"),
            Self::ResourceNotFound => f.write_str("Requested resource not found"),
            Self::ResourceInUse { table } => write!(f, "Table already exists: {table}"),
            Self::TransactionCanceled(cancellation) => {
                f.write_str(
                    "Transaction cancelled, please refer cancellation reasons for specific \
                     reasons [",
                )?;
                for (index, reason) in cancellation.reasons.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{}", reason.code())?;
                }
                f.write_str("]")
            }
            Self::IdempotentParameterMismatch => f.write_str(
                "DynamoDB rejected the request because you retried a request with a different \
                 payload but with an idempotent token that was already used.",
            ),
            Self::ItemCollectionSizeLimitExceeded => f.write_str("Collection size exceeded."),
            Self::TransactionConflict => f.write_str("Transaction is ongoing for the item"),
            Self::Throttled { reason, resource } => {
                write!(f, "Throughput exceeded: {} of {resource}", reason.name())
            }
            Self::InternalServerError => f.write_str("Internal server error"),
        }
    }
}
impl std::error::Error for Error {}
impl std::error::Error for Validation {}

impl From<Validation> for Error {
    fn from(validation: Validation) -> Self {
        Self::Validation(validation)
    }
}
impl From<NumberError> for Validation {
    fn from(error: NumberError) -> Self {
        Self::Number { error }
    }
}
