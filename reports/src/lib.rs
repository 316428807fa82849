//! Reports: results go in, files that people and tools read come out.
//!
//! This crate runs no simulation, reads no clock and decides nothing about a store. All it knows of
//! a run is a [`kvrig_base::result::StudyResult`], so whatever was stored can be drawn again.
//!
//! - [`folder`]: the folder a run leaves, its atomic replacement, and reading it back;
//! - [`points`]: finished points of an interrupted run;
//! - [`text`] and [`rows`]: the ending in the terminal, and rows as JSON, CSV and Markdown;
//! - [`operations`]: what clients asked and got, as `memtier_benchmark` prints it;
//! - [`chart`]: charts as SVG and PNG, byte-identical for the same result;
//! - `html`: one self-contained page a study, and the pages of a book of studies;
//! - [`claims`]: what a published article says, with verdicts and evidence;
//! - [`hgrm`]: percentile files;
//! - [`compare`]: baselines, gates, and the difference between two results.

pub mod chart;
pub mod claims;
pub mod compare;
pub mod folder;
pub mod hgrm;
mod html;
pub mod number;
pub mod operations;
pub mod points;
pub mod rows;
pub mod text;
