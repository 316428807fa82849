//! `kvrig schema`: what a file format allows, for editors.

use crate::arguments::{Schema, SchemaOf};
use crate::failure::{Exit, Failure};
use crate::output;

pub(crate) fn schema(arguments: &Schema) -> Result<Exit, Failure> {
    let schema = match arguments.of {
        SchemaOf::Study => kvrig_sim::study::schema(),
    };
    output::print(&format!("{schema:#}\n"))?;
    Ok(Exit::Pass)
}
