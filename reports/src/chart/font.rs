//! The embedded typeface: measured here, rasterised by plotters, embedded in SVG and HTML.
//!
//! No system font is used: the layout, and so every byte of a chart, is the same everywhere.

use super::ChartError;
use ab_glyph::{Font as _, FontRef};
use plotters::style::{FontStyle, register_font};

/// The family's name in SVG, HTML and plotters' table of fonts.
pub const FAMILY: &str = "kvrig-inter";

const REGULAR: &[u8] = include_bytes!("../../assets/inter-regular.otf");
const SEMIBOLD: &[u8] = include_bytes!("../../assets/inter-semibold.otf");
const REGULAR_WOFF2: &[u8] = include_bytes!("../../assets/inter-regular.woff2");
const SEMIBOLD_WOFF2: &[u8] = include_bytes!("../../assets/inter-semibold.woff2");

/// How heavy text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// For reading.
    Regular,
    /// For heads.
    SemiBold,
}

/// Both weights, parsed.
pub struct Fonts {
    regular: FontRef<'static>,
    semibold: FontRef<'static>,
}

impl Fonts {
    /// Parses the embedded fonts and makes them known to plotters.
    ///
    /// # Errors
    /// Where the embedded files are damaged.
    pub fn load() -> Result<Self, ChartError> {
        for (style, bytes) in [(FontStyle::Normal, REGULAR), (FontStyle::Bold, SEMIBOLD)] {
            register_font(FAMILY, style, bytes).map_err(|_| ChartError::Font)?;
        }
        let parse = |bytes| FontRef::try_from_slice(bytes).map_err(|_| ChartError::Font);
        Ok(Self {
            regular: parse(REGULAR)?,
            semibold: parse(SEMIBOLD)?,
        })
    }

    fn of(&self, weight: Weight) -> &FontRef<'static> {
        match weight {
            Weight::Regular => &self.regular,
            Weight::SemiBold => &self.semibold,
        }
    }

    /// Width of `text` in pixels at `size` pixels per em.
    pub fn width(&self, text: &str, size: f64, weight: Weight) -> f64 {
        let font = self.of(weight);
        let units: f32 = text
            .chars()
            .map(|c| font.h_advance_unscaled(font.glyph_id(c)))
            .sum();
        f64::from(units) / f64::from(font.units_per_em().unwrap_or(1_000.0)) * size
    }

    /// Height from the lowest descender to the highest ascender at one pixel per em, which is what
    /// `ab_glyph` means by the size of a font.
    pub fn height_per_em(&self, weight: Weight) -> f64 {
        let font = self.of(weight);
        f64::from(font.height_unscaled()) / f64::from(font.units_per_em().unwrap_or(1_000.0))
    }

    /// Breaks `text` into lines no wider than `width` pixels, between words where there are any.
    pub fn wrap(&self, text: &str, size: f64, weight: Weight, width: f64) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split_whitespace() {
            let candidate = if line.is_empty() {
                word.to_owned()
            } else {
                format!("{line} {word}")
            };
            if self.width(&candidate, size, weight) <= width || line.is_empty() {
                line = candidate;
            } else {
                lines.push(std::mem::replace(&mut line, word.to_owned()));
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
            .iter()
            .map(|line| self.shorten(line, size, weight, width))
            .collect()
    }

    /// `text`, or as much of its beginning as fits in `width` pixels, with an ellipsis.
    pub fn shorten(&self, text: &str, size: f64, weight: Weight, width: f64) -> String {
        if self.width(text, size, weight) <= width {
            return text.to_owned();
        }
        let mut kept: Vec<char> = text.chars().collect();
        loop {
            kept.pop();
            let candidate: String = kept.iter().chain(std::iter::once(&'…')).collect();
            if kept.is_empty() || self.width(&candidate, size, weight) <= width {
                return candidate;
            }
        }
    }
}

/// The two `@font-face` rules with the fonts in them.
pub fn font_faces() -> String {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::STANDARD;
    [(400, REGULAR_WOFF2), (700, SEMIBOLD_WOFF2)]
        .map(|(weight, bytes)| {
            format!(
                "@font-face{{font-family:{FAMILY};font-weight:{weight};\
                 src:url(data:font/woff2;base64,{}) format(\"woff2\")}}",
                engine.encode(bytes)
            )
        })
        .concat()
}
