//! `kvrig report`: pages and charts drawn again from stored rows.

use crate::arguments::Report;
use crate::failure::{Exit, Failure};
use crate::{ending, output};
use kvrig_reports::folder;

pub(crate) fn report(arguments: &Report, quiet: bool) -> Result<Exit, Failure> {
    let folder = arguments.folder.as_path();
    let results = folder::load(folder)?;
    let baseline = arguments
        .baseline
        .as_deref()
        .map(folder::load)
        .transpose()?;
    folder::redraw(folder, baseline.as_deref())?;
    if !quiet {
        output::print(&ending::after_report(&results, arguments))?;
    }
    Ok(Exit::Pass)
}
