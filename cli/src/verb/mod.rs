//! One module a verb.

pub(crate) mod accept;
pub(crate) mod bench;
pub(crate) mod calibrate;
pub(crate) mod compare;
pub(crate) mod explain;
pub(crate) mod import;
pub(crate) mod list;
pub(crate) mod new;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod trace;
pub(crate) mod validate;
