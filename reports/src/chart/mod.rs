//! Charts: from a specification and its series to SVG and PNG.
//!
//! Everything goes through one small layer: [`plot`] gathers the points, [`scale`] places values and
//! chooses ticks, `layout` arranges a sheet, `paint` draws it with plotters. The same input gives
//! the same bytes: the typeface is embedded, logarithms are libm's, and no system setting is read.

mod filled;
pub mod font;
mod layout;
mod marks;
mod paint;
pub mod palette;
pub mod plot;
pub mod scale;
mod scene;

use font::Fonts;
use kvrig_base::result::{Chart, Series};
use plot::Plot;

/// Why a chart cannot be drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChartError {
    /// A layer names a series that the result does not have.
    #[error("chart {chart}: there is no series called {series}")]
    NoSeries {
        /// The chart.
        chart: String,
        /// The name.
        series: String,
    },
    /// A layer names a column that its series does not have.
    #[error("chart {chart}: series {series} has no column called {column}")]
    NoColumn {
        /// The chart.
        chart: String,
        /// The series.
        series: String,
        /// The name.
        column: String,
    },
    /// A column that is drawn holds text.
    #[error("chart {chart}: column {column} of series {series} holds text, not numbers")]
    NotNumbers {
        /// The chart.
        chart: String,
        /// The series.
        series: String,
        /// The column.
        column: String,
    },
    /// A layer is a band and names no column of its upper edge.
    #[error("chart {chart}: the band of series {series} names no column of its upper edge")]
    NoUpper {
        /// The chart.
        chart: String,
        /// The series.
        series: String,
    },
    /// The upper edge of a band lies below its lower one.
    #[error(
        "chart {chart}: row {row} of series {series} has {lower} in {lower_column}, above the {upper} \
         in {upper_column}: the lower edge of a band lies nowhere above its upper one"
    )]
    Crossed {
        /// The chart.
        chart: String,
        /// The series.
        series: String,
        /// The row of the series, from 1.
        row: usize,
        /// Column of the lower edge.
        lower_column: String,
        /// What it holds.
        lower: i64,
        /// Column of the upper edge.
        upper_column: String,
        /// What it holds.
        upper: i64,
    },
    /// The columns of a series have different lengths.
    #[error("series {series} has columns of different lengths")]
    Ragged {
        /// The series.
        series: String,
    },
    /// The embedded typeface is damaged.
    #[error("the embedded typeface cannot be read")]
    Font,
    /// The drawing library refused.
    #[error("drawing failed: {0}")]
    Backend(String),
}

/// A chart in every form that reports need.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// A standalone SVG document.
    pub svg: String,
    /// An SVG element for a page that has the typeface, and title and caption around it.
    pub svg_inline: String,
    /// A PNG at twice the logical size.
    pub png: Vec<u8>,
}

/// Draws charts with the embedded typeface.
pub struct Artist {
    fonts: Fonts,
}

impl Artist {
    /// Reads the embedded typeface.
    ///
    /// # Errors
    /// Where it is damaged.
    pub fn new() -> Result<Self, ChartError> {
        Ok(Self {
            fonts: Fonts::load()?,
        })
    }

    /// Draws `chart` out of `series`; `caption` says with which configuration, seeds and fingerprint
    /// the numbers came about.
    ///
    /// # Errors
    /// Where the chart names what the series do not have.
    pub fn draw(
        &self,
        chart: &Chart,
        series: &[Series],
        caption: &str,
    ) -> Result<Drawing, ChartError> {
        let plot = Plot::new(chart, series)?;
        let scene = layout::scene(chart, &plot, Some(caption), &self.fonts);
        let bare = layout::scene(chart, &plot, None, &self.fonts);
        Ok(Drawing {
            svg: paint::svg(&scene, &self.fonts, &chart.title, &chart.alt)?,
            svg_inline: paint::svg_inline(&bare, &self.fonts, &chart.alt)?,
            png: paint::png(&scene, &self.fonts)?,
        })
    }
}
