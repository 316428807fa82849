//! `kvrig import`: a study file of what people have at hand.

use super::new::print_or_write;
use crate::arguments::Import;
use crate::failure::{Exit, Failure};
use crate::study::read_study;
use kvrig_sim::import::{File, import as study_of};

pub(crate) fn import(arguments: &Import) -> Result<Exit, Failure> {
    let mut files = Vec::with_capacity(arguments.files.len());
    for path in &arguments.files {
        files.push(File {
            name: path.display().to_string(),
            text: read_study(path)?,
        });
    }
    print_or_write(&study_of(&files)?, arguments.output.as_deref())?;
    Ok(Exit::Pass)
}
