//! A request for CreateTable in JSON, held to DynamoDB's rules.
//!
//! Fields and their limits: AWS DynamoDB API Reference, CreateTable; the rules are those of the
//! engine's schemas.

use super::json::{Json, Text};
use kvrig_base::diagnostic::Diagnostic;
use kvrig_dynamo::TableSchema;
use kvrig_dynamo::error::Validation;
use kvrig_dynamo::key::{KeyAttribute, KeySchema, ScalarType};
use kvrig_dynamo::limits::{GLOBAL_INDEXES_MAX, KEY_NAME_BYTES_MAX, LOCAL_INDEXES_MAX};
use kvrig_dynamo::schema::{GlobalIndex, LocalIndex, Projection, THROUGHPUT_MAX, Throughput};

/// Fields that say nothing about the price of throughput.
const WITHOUT_EFFECT: [&str; 7] = [
    "StreamSpecification",
    "SSESpecification",
    "Tags",
    "TableClass",
    "DeletionProtectionEnabled",
    "ResourcePolicy",
    "GlobalTableSettingsReplicationMode",
];
/// Fields that change what a table takes and that the study does not know.
const NOT_KNOWN: [&str; 2] = ["OnDemandThroughput", "WarmThroughput"];
const FIELDS: [&str; 7] = [
    "TableName",
    "AttributeDefinitions",
    "KeySchema",
    "LocalSecondaryIndexes",
    "GlobalSecondaryIndexes",
    "BillingMode",
    "ProvisionedThroughput",
];

/// A table that DynamoDB would create.
#[derive(Clone, Debug)]
pub(super) struct CreateTable {
    schema: TableSchema,
    /// Fields that are left out.
    left_out: Vec<String>,
}

/// An object whose fields are looked up by name.
struct Object<'a> {
    whole: Json<'a>,
    fields: Vec<(String, Json<'a>)>,
}

impl<'a> Object<'a> {
    fn read(json: Json<'a>, what: &str, known: &[&str]) -> Result<Self, Diagnostic> {
        let fields = json.object(what)?;
        for (name, value) in &fields {
            if !known.contains(&name.as_str()) {
                let list = known.join(", ");
                let near = known
                    .iter()
                    .min_by_key(|known| strsim::damerau_levenshtein(known, name));
                let near = near.filter(|known| strsim::damerau_levenshtein(known, name) <= 3);
                let help = match near {
                    Some(near) => format!("did you mean `{near}`? Known here: {list}"),
                    None => format!("known here: {list}"),
                };
                let message = format!("`{name}` is no field of {what}");
                return Err(value.refuse(message, "this field's value").help(help));
            }
        }
        Ok(Self {
            whole: json,
            fields,
        })
    }
    fn get(&self, name: &str) -> Option<Json<'a>> {
        let mut fields = self.fields.iter();
        fields
            .find(|(field, _)| field == name)
            .map(|(_, value)| *value)
    }
    fn need(&self, name: &str) -> Result<Json<'a>, Diagnostic> {
        self.get(name).ok_or_else(|| {
            let message = format!("`{name}` is missing");
            self.whole.refuse(message, "in this object")
        })
    }
}

/// The attributes that are defined, with their types.
type Definitions = Vec<(String, ScalarType)>;

impl CreateTable {
    /// Reads a request.
    ///
    /// # Errors
    /// What is no JSON, no request, or one that DynamoDB would refuse, with its place.
    pub(super) fn read(text: Text<'_>) -> Result<Self, Diagnostic> {
        let known: Vec<&str> = FIELDS
            .into_iter()
            .chain(WITHOUT_EFFECT)
            .chain(NOT_KNOWN)
            .collect();
        let request = Object::read(text.parse()?, "CreateTable", &known)?;
        let definitions = definitions(request.need("AttributeDefinitions")?)?;
        let name = request.need("TableName")?;
        let is_on_demand = billing_mode(&request)?;
        let key = key_schema(request.need("KeySchema")?, &definitions)?;
        let mut schema = TableSchema::new(&name.string("TableName")?, key.clone());
        schema.throughput = throughput(&request, is_on_demand)?;
        let local = indexes(&request, "LocalSecondaryIndexes", LOCAL_INDEXES_MAX)?;
        for index in local {
            let (name, index_key, projection) = index_parts(&index, &definitions)?;
            let Some(sort) = index_key.sort else {
                let place = index.need("KeySchema")?;
                return Err(place.refuse("a local index needs a sort key of its own", "no RANGE"));
            };
            if index_key.partition != key.partition {
                let place = index.need("KeySchema")?;
                let message = "a local index has the partition key of its table";
                return Err(place.refuse(message, "another HASH"));
            }
            schema.local.push(LocalIndex {
                name: name.into(),
                sort,
                projection,
            });
        }
        for index in indexes(&request, "GlobalSecondaryIndexes", GLOBAL_INDEXES_MAX)? {
            let (name, key, projection) = index_parts(&index, &definitions)?;
            schema.global.push(GlobalIndex {
                name: name.into(),
                key,
                projection,
                throughput: throughput(&index, is_on_demand)?,
            });
        }
        unused_definitions(&request, &schema, &definitions)?;
        // Rules that concern several fields at once have the table as their place.
        schema
            .check()
            .map_err(|error| placed(&request, name, &error))?;
        let left_out = request.fields.iter().map(|(name, _)| name);
        let left_out = left_out.filter(|name| NOT_KNOWN.contains(&name.as_str()));
        Ok(Self {
            left_out: left_out.cloned().collect(),
            schema,
        })
    }
    pub(super) fn name(&self) -> &str {
        &self.schema.name
    }
    /// The keys of `[study.cost]` that follow from the table.
    pub(super) fn to_toml(&self, file: &str) -> String {
        let schema = &self.schema;
        let indexes = schema.local.len() + schema.global.len();
        let indexes = match indexes {
            1 => "one secondary index".to_owned(),
            count => format!("{count} secondary indexes"),
        };
        let mut text = format!("# {file}: table {}, {indexes}.\n", schema.name);
        let global = || schema.global.iter().map(|index| index.throughput);
        let units = std::iter::once(schema.throughput).chain(global());
        let provisioned: Vec<(u64, u64)> = units
            .filter_map(|throughput| match throughput {
                Throughput::OnDemand => None,
                Throughput::Provisioned { read, write } => Some((read, write)),
            })
            .collect();
        if provisioned.is_empty() {
            text +=
                "# It is on demand: the study compares it with provisioned and scaled capacity.\n";
        } else {
            let read: u64 = provisioned.iter().map(|(read, _)| read).sum();
            let write: u64 = provisioned.iter().map(|(_, write)| write).sum();
            if provisioned.len() > 1 {
                text += "# Units of the table and of its global indexes together.\n";
            }
            text += &format!("provisioned = {{ read = {read}, write = {write} }}\n");
        }
        let local = schema.local.iter().map(|index| &index.projection);
        let global = schema.global.iter().map(|index| &index.projection);
        let projections: Vec<&Projection> = local.chain(global).collect();
        if !projections.is_empty() {
            if projections
                .iter()
                .any(|projection| matches!(projection, Projection::Include(_)))
            {
                text +=
                    "# INCLUDE counts as all: what its attributes take is not in the request.\n";
            }
            let names = projections.iter().map(|projection| match projection {
                Projection::KeysOnly => "\"keys-only\"",
                Projection::All | Projection::Include(_) => "\"all\"",
            });
            let names: Vec<&str> = names.collect();
            text += &format!(
                "indexes = [{}]   # every item that is written appears in each\n",
                names.join(", ")
            );
        }
        for field in &self.left_out {
            text += &format!("# {field} is left out: the study does not know it.\n");
        }
        text
    }
}

fn definitions(json: Json<'_>) -> Result<Definitions, Diagnostic> {
    let mut definitions = Definitions::new();
    for element in json.list("AttributeDefinitions")? {
        let known = ["AttributeName", "AttributeType"];
        let object = Object::read(element, "AttributeDefinitions", &known)?;
        let name = attribute_name(object.need("AttributeName")?)?;
        let place = object.need("AttributeType")?;
        let scalar = match place.string("AttributeType")?.as_str() {
            "S" => ScalarType::String,
            "N" => ScalarType::Number,
            "B" => ScalarType::Binary,
            other => {
                let message = format!("`{other}` is no type of a key");
                return Err(place
                    .refuse(message, "not a type")
                    .help("keys are S, N or B"));
            }
        };
        definitions.push((name, scalar));
    }
    Ok(definitions)
}

/// The name of a key attribute.
fn attribute_name(json: Json<'_>) -> Result<String, Diagnostic> {
    let name = json.string("AttributeName")?;
    if (1..=KEY_NAME_BYTES_MAX).contains(&name.len()) {
        return Ok(name);
    }
    let message = format!("the name of a key attribute has {} bytes", name.len());
    Err(json.refuse(message, "too long or empty").help(format!(
        "keys have names of 1 to {KEY_NAME_BYTES_MAX} bytes"
    )))
}

fn key_schema(json: Json<'_>, definitions: &Definitions) -> Result<KeySchema, Diagnostic> {
    let mut partition: Option<KeyAttribute> = None;
    let mut sort: Option<KeyAttribute> = None;
    for element in json.list("KeySchema")? {
        let object = Object::read(element, "KeySchema", &["AttributeName", "KeyType"])?;
        let place = object.need("AttributeName")?;
        let name = attribute_name(place)?;
        let Some((_, scalar)) = definitions.iter().find(|(known, _)| *known == name) else {
            let message = format!("the key attribute `{name}` is not defined");
            return Err(place
                .refuse(message, "no type is given")
                .help("add it to AttributeDefinitions"));
        };
        let kind = object.need("KeyType")?;
        let (slot, other) = match kind.string("KeyType")?.as_str() {
            "HASH" => (&mut partition, "HASH"),
            "RANGE" => (&mut sort, "RANGE"),
            other => {
                let message = format!("`{other}` is no type of a key");
                return Err(kind
                    .refuse(message, "not known")
                    .help("write HASH or RANGE"));
            }
        };
        if slot.is_some() {
            return Err(kind.refuse(format!("a second {other}"), "one is there already"));
        }
        *slot = Some(KeyAttribute::new(&name, *scalar));
    }
    match partition {
        Some(partition) => Ok(KeySchema { partition, sort }),
        None => Err(json.refuse("the key has no partition key", "no HASH")),
    }
}

/// Whether the table is on demand.
fn billing_mode(request: &Object<'_>) -> Result<bool, Diagnostic> {
    let Some(place) = request.get("BillingMode") else {
        return Ok(false);
    };
    match place.string("BillingMode")?.as_str() {
        "PAY_PER_REQUEST" => Ok(true),
        "PROVISIONED" => Ok(false),
        other => {
            let message = format!("`{other}` is no billing mode");
            Err(place
                .refuse(message, "not known")
                .help("write PROVISIONED or PAY_PER_REQUEST"))
        }
    }
}

fn throughput(object: &Object<'_>, is_on_demand: bool) -> Result<Throughput, Diagnostic> {
    if is_on_demand {
        return match object.get("ProvisionedThroughput") {
            None => Ok(Throughput::OnDemand),
            Some(place) => Err(place.refuse(
                "`ProvisionedThroughput` of a table on demand",
                "BillingMode is PAY_PER_REQUEST",
            )),
        };
    }
    let json = object.need("ProvisionedThroughput")?;
    let known = ["ReadCapacityUnits", "WriteCapacityUnits"];
    let units = Object::read(json, "ProvisionedThroughput", &known)?;
    let count = |name| units.need(name)?.count(name, 1..=THROUGHPUT_MAX);
    Ok(Throughput::Provisioned {
        read: count("ReadCapacityUnits")?,
        write: count("WriteCapacityUnits")?,
    })
}

/// The indexes of one kind, no more than there may be.
fn indexes<'a>(
    request: &Object<'a>,
    field: &str,
    most: usize,
) -> Result<Vec<Object<'a>>, Diagnostic> {
    let Some(json) = request.get(field) else {
        return Ok(Vec::new());
    };
    let list = json.list(field)?;
    if let Some(beyond) = list.get(most) {
        let message = format!("{} elements of {field}", list.len());
        return Err(beyond
            .refuse(message, "the first that is too many")
            .help(format!("a table has at most {most}")));
    }
    let known = [
        "IndexName",
        "KeySchema",
        "Projection",
        "ProvisionedThroughput",
        "OnDemandThroughput",
        "WarmThroughput",
    ];
    let objects = list
        .into_iter()
        .map(|json| Object::read(json, field, &known));
    objects.collect()
}

/// Name, key and projection of an index.
fn index_parts(
    index: &Object<'_>,
    definitions: &Definitions,
) -> Result<(String, KeySchema, Projection), Diagnostic> {
    let name = index.need("IndexName")?.string("IndexName")?;
    let key = key_schema(index.need("KeySchema")?, definitions)?;
    let projection = projection(index.need("Projection")?)?;
    Ok((name, key, projection))
}

fn projection(json: Json<'_>) -> Result<Projection, Diagnostic> {
    let object = Object::read(json, "Projection", &["ProjectionType", "NonKeyAttributes"])?;
    let place = object.need("ProjectionType")?;
    match place.string("ProjectionType")?.as_str() {
        "ALL" => Ok(Projection::All),
        "KEYS_ONLY" => Ok(Projection::KeysOnly),
        "INCLUDE" => {
            let names = object.need("NonKeyAttributes")?.list("NonKeyAttributes")?;
            let names = names
                .into_iter()
                .map(|name| name.string("NonKeyAttributes"));
            let names: Result<Vec<String>, _> = names.collect();
            Ok(Projection::Include(
                names?.into_iter().map(Into::into).collect(),
            ))
        }
        other => {
            let message = format!("`{other}` is no projection");
            Err(place
                .refuse(message, "not known")
                .help("write ALL, KEYS_ONLY or INCLUDE"))
        }
    }
}

/// DynamoDB refuses definitions of attributes that are no keys.
fn unused_definitions(
    request: &Object<'_>,
    schema: &TableSchema,
    definitions: &Definitions,
) -> Result<(), Diagnostic> {
    let is_key = |name: &str| {
        schema.key.has(name)
            || schema.local.iter().any(|index| *index.sort.name == *name)
            || schema.global.iter().any(|index| index.key.has(name))
    };
    let list = request
        .need("AttributeDefinitions")?
        .list("AttributeDefinitions")?;
    for (place, (name, _)) in list.into_iter().zip(definitions) {
        if !is_key(name) {
            let message = format!("`{name}` is defined but no key has it");
            return Err(place
                .refuse(message, "no key")
                .help("AttributeDefinitions lists the attributes of keys alone; remove this one"));
        }
    }
    Ok(())
}

/// What the rules of the engine refuse, at the field that they are about.
fn placed(request: &Object<'_>, name: Json<'_>, error: &Validation) -> Diagnostic {
    let field = match error {
        Validation::DuplicateIndexName { .. } | Validation::ProjectionNames { .. } => {
            let global = request.get("GlobalSecondaryIndexes");
            global.or_else(|| request.get("LocalSecondaryIndexes"))
        }
        Validation::LocalIndexWithoutSortKey => request.get("LocalSecondaryIndexes"),
        Validation::KeyAttributeTwice { .. } => request.get("KeySchema"),
        _ => None,
    };
    field.unwrap_or(name).refuse(error.to_string(), "refused")
}
