//! The three macros that a document is declared with, each a table of keys or names with their
//! meaning.
//!
//! `table!` is for settings, `choice!` for exactly one of several tagged forms
//! (`popularity.zipf = { s = 0.99 }`) and `names!` for a word out of a list. Reading, merging,
//! printing, the JSON Schema and the suggestions for misspelt keys all follow from that one table.

/// Declares a table of settings, each optional: its key is the field's name.
///
/// `flatten` brings in the settings of another table; `later` lists known names that this version
/// does not have; `rules` holds the methods of `Rules`.
macro_rules! table {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident {
            $(flatten $flat:ident: $flat_type:ty,)?
            $($(#[doc = $field_doc:literal])+ $field:ident: $type:ty,)*
        }
        $(later { $($later:literal),* $(,)? })?
        $(rules { $($rule:item)* })?
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, Default)]
        pub(super) struct $name {
            $(pub(super) $flat: $flat_type,)?
            $($(#[doc = $field_doc])+ pub(super) $field: Option<$type>,)*
        }
        impl $crate::study::part::Table for $name {
            const LATER: &'static [&'static str] = &[$($($later),*)?];

            fn keys() -> Vec<&'static str> {
                #[allow(unused_mut, reason = "only tables that flatten another extend the list")]
                let mut keys = vec![$(stringify!($field).trim_start_matches("r#")),*];
                $(keys.extend(<$flat_type as $crate::study::part::Table>::keys());)?
                keys
            }
            fn accept(
                &mut self,
                entry: &$crate::study::source::Entry,
                report: &mut $crate::study::part::Report<'_>,
            ) -> bool {
                let _ = (&entry, &report);
                $(if entry.key == stringify!($field).trim_start_matches("r#") {
                    self.$field = $crate::study::part::Part::read(&entry.node, report);
                    return true;
                })*
                $(if $crate::study::part::Table::accept(&mut self.$flat, entry, report) {
                    return true;
                })?
                false
            }
            fn merge_settings(&mut self, over: Self) {
                $crate::study::part::Rules::yield_to(self, &over);
                $($crate::study::part::Table::merge_settings(&mut self.$flat, over.$flat);)?
                $($crate::study::part::merge_option(&mut self.$field, over.$field);)*
            }
            fn settings(&self) -> Vec<(String, $crate::study::part::Printed)> {
                #[allow(unused_mut, reason = "a table may have no settings")]
                let mut settings = Vec::new();
                $(if let Some(part) = &self.$field {
                    settings.push((
                        stringify!($field).trim_start_matches("r#").to_owned(),
                        $crate::study::part::Part::print(part),
                    ));
                })*
                $(settings.extend($crate::study::part::Table::settings(&self.$flat));)?
                settings
            }
            fn properties(
                generator: &mut schemars::SchemaGenerator,
                into: &mut serde_json::Map<String, serde_json::Value>,
            ) {
                let _ = (&generator, &into);
                $(into.insert(
                    stringify!($field).trim_start_matches("r#").to_owned(),
                    $crate::study::part::described(
                        <$type as $crate::study::part::Part>::schema(generator),
                        &[$($field_doc),+],
                    ),
                );)*
                $(<$flat_type as $crate::study::part::Table>::properties(generator, into);)?
            }
        }
        impl $crate::study::part::Part for $name {
            fn read(
                node: &$crate::study::source::Node,
                report: &mut $crate::study::part::Report<'_>,
            ) -> Option<Self> {
                $crate::study::part::Table::read_table(node, report)
            }
            fn merge(&mut self, over: Self) {
                $crate::study::part::Table::merge_settings(self, over);
            }
            fn print(&self) -> $crate::study::part::Printed {
                $crate::study::part::Printed::Table($crate::study::part::Table::settings(self))
            }
            fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::study::part::defined(
                    stringify!($name),
                    generator,
                    <Self as $crate::study::part::Table>::table_schema,
                )
            }
        }
        impl $crate::study::part::Rules for $name { $($($rule)*)? }
    };
}

/// Declares a choice of exactly one of several forms, each tagged by its key.
macro_rules! choice {
    (
        $(#[doc = $doc:literal])*
        pub enum $name:ident {
            $($(#[doc = $form_doc:literal])+ $form:ident($type:ty) = $tag:literal,)*
        }
        $(later { $($later:literal),* $(,)? })?
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug)]
        pub(super) enum $name { $($(#[doc = $form_doc])+ $form($type)),* }

        impl $crate::study::part::Part for $name {
            fn read(
                node: &$crate::study::source::Node,
                report: &mut $crate::study::part::Report<'_>,
            ) -> Option<Self> {
                let tags = [$($tag),*];
                let later: &[&str] = &[$($($later),*)?];
                let entry = $crate::study::part::read_choice(node, &tags, later, report)?;
                $(if entry.key == $tag {
                    return <$type as $crate::study::part::Part>::read(&entry.node, report)
                        .map(Self::$form);
                })*
                None
            }
            fn merge(&mut self, over: Self) {
                match (self, over) {
                    $((Self::$form(under), Self::$form(over)) => {
                        $crate::study::part::Part::merge(under, over);
                    })*
                    #[allow(unreachable_patterns, reason = "a choice may have a single form")]
                    (under, over) => *under = over,
                }
            }
            fn print(&self) -> $crate::study::part::Printed {
                let (tag, part) = match self {
                    $(Self::$form(part) => ($tag, $crate::study::part::Part::print(part))),*
                };
                $crate::study::part::Printed::Table(vec![(tag.to_owned(), part)])
            }
            fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::study::part::defined(stringify!($name), generator, |generator| {
                    let mut properties = serde_json::Map::new();
                    $(properties.insert($tag.to_owned(), $crate::study::part::described(
                        <$type as $crate::study::part::Part>::schema(generator),
                        &[$($form_doc),+],
                    ));)*
                    schemars::json_schema!({
                        "type": "object",
                        "properties": properties,
                        "additionalProperties": false,
                        "minProperties": 1,
                        "maxProperties": 1,
                    })
                })
            }
        }
    };
}

/// Declares names that a text may be.
macro_rules! names {
    (
        $(#[doc = $doc:literal])*
        pub enum $name:ident expected $expected:literal {
            $($(#[doc = $word_doc:literal])+ $word:ident = $text:literal,)*
        }
        $(later { $($later:literal),* $(,)? })?
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[doc = $word_doc])+ $word),* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$word),*];
            /// The name in study files.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$word => $text),* }
            }
        }
        impl $crate::study::part::Scalar for $name {
            const EXPECTED: &'static str = $expected;
            fn read(
                value: &$crate::study::source::Value,
            ) -> Option<Result<Self, kvrig_base::diagnostic::Diagnostic>> {
                let $crate::study::source::Value::Text(text) = value else { return None };
                let later: &[&str] = &[$($($later),*)?];
                let names = [$($text),*];
                let found = Self::ALL.iter().copied().find(|known| known.name() == text);
                Some(found.ok_or_else(|| $crate::study::part::unknown_name(text, &names, later)))
            }
            fn print(&self) -> String {
                $crate::study::part::quoted(self.name())
            }
            fn schema() -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "enum": [$($text),*] })
            }
        }
    };
}

pub(super) use {choice, names, table};
