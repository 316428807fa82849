//! Painting a scene with plotters, as SVG and as PNG.
//!
//! plotters' coordinates are integers, so both are drawn four times as large: the SVG's view box is
//! then declared at that size, and the PNG is averaged down to twice the logical size, which also
//! smooths its edges and text.

use super::ChartError;
use super::font::{FAMILY, Fonts, Weight, font_faces};
use super::palette::{Colour, PAPER};
use super::scene::{Anchor, Position, Scene, Shape};
use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::{
    BitMapBackend, Circle, DrawingArea, DrawingBackend, IntoDrawingArea, PathElement, Polygon,
    RGBColor, Rectangle, SVGBackend, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontFamily, FontStyle, TextStyle};

/// Canvas pixels per logical pixel.
const ZOOM: f64 = 4.0;
/// Bytes of a pixel.
const CHANNELS: usize = 3;

/// What tells the two backends apart.
#[derive(Clone, Copy)]
enum Medium {
    /// Text by the reader's renderer.
    Svg,
    /// Text by `ab_glyph`.
    Bitmap,
}

/// The scene as a standalone SVG document with its typeface inside.
///
/// # Errors
/// Where plotters refuses to draw.
pub(super) fn svg(
    scene: &Scene,
    fonts: &Fonts,
    title: &str,
    alt: &str,
) -> Result<String, ChartError> {
    let body = svg_body(scene, fonts)?;
    let style = format!("<style>{}</style>", font_faces());
    Ok(format!(
        "{}{style}\n<title>{}</title>\n<desc>{}</desc>\n{body}</svg>\n",
        svg_root(scene),
        escaped(title),
        escaped(alt)
    ))
}

/// The scene as an SVG element for a page that has the typeface already.
///
/// # Errors
/// Where plotters refuses to draw.
pub(super) fn svg_inline(scene: &Scene, fonts: &Fonts, alt: &str) -> Result<String, ChartError> {
    let body = svg_body(scene, fonts)?;
    Ok(format!(
        "{}<title>{}</title>\n{body}</svg>\n",
        svg_root(scene),
        escaped(alt)
    ))
}

/// The scene as a PNG at twice the logical size.
///
/// # Errors
/// Where plotters or the encoder refuses.
pub(super) fn png(scene: &Scene, fonts: &Fonts) -> Result<Vec<u8>, ChartError> {
    let (width, height) = canvas(scene);
    let mut pixels = vec![255_u8; width as usize * height as usize * CHANNELS];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        paint(scene, fonts, &area, Medium::Bitmap)?;
    }
    let (small, size) = averaged(&pixels, width as usize, height as usize);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, size.0, size.1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&small)?;
        writer.finish()
    });
    written.map_err(|error| ChartError::Backend(error.to_string()))?;
    Ok(bytes)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "canvases are some thousand pixels wide"
)]
fn canvas(scene: &Scene) -> (u32, u32) {
    ((scene.width * ZOOM) as u32, (scene.height * ZOOM) as u32)
}

fn svg_root(scene: &Scene) -> String {
    let (width, height) = canvas(scene);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{}\" height=\"{}\" \
         viewBox=\"0 0 {width} {height}\">",
        scene.width, scene.height
    )
}

fn svg_body(scene: &Scene, fonts: &Fonts) -> Result<String, ChartError> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, canvas(scene)).into_drawing_area();
        paint(scene, fonts, &area, Medium::Svg)?;
    }
    let begin = text.find('>').map_or(0, |end| end + 1);
    let end = text.rfind("</svg>").unwrap_or(text.len());
    Ok(text[begin..end].trim_start().replace(" opacity=\"1\"", ""))
}

fn paint<B: DrawingBackend>(
    scene: &Scene,
    fonts: &Fonts,
    area: &DrawingArea<B, Shift>,
    medium: Medium,
) -> Result<(), ChartError> {
    let failed = |error: plotters::drawing::DrawingAreaErrorKind<B::ErrorType>| {
        ChartError::Backend(error.to_string())
    };
    area.fill(&rgb(PAPER)).map_err(failed)?;
    for shape in &scene.shapes {
        paint_shape(shape, fonts, area, medium).map_err(failed)?;
    }
    area.present().map_err(failed)
}

type Painted<B> =
    Result<(), plotters::drawing::DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

fn paint_shape<B: DrawingBackend>(
    shape: &Shape,
    fonts: &Fonts,
    area: &DrawingArea<B, Shift>,
    medium: Medium,
) -> Painted<B> {
    match shape {
        Shape::Line {
            points,
            width,
            colour,
            dash,
        } => {
            let style = rgb(*colour).stroke_width(stroke(*width));
            let points: Vec<_> = points.iter().copied().map(on_canvas).collect();
            match dash {
                None => area.draw(&PathElement::new(points, style)),
                Some((dash, gap)) => area.draw(&DashedPathElement::new(
                    points,
                    stroke(*dash),
                    stroke(*gap),
                    style,
                )),
            }
        }
        Shape::Comb {
            base,
            tops,
            width,
            colour,
        } => match medium {
            // One path for all strokes keeps the file small; it runs back along the lower edge,
            // where the axis is drawn over it.
            Medium::Svg => {
                let comb = tops
                    .iter()
                    .flat_map(|&(x, y)| [(x, *base), (x, y), (x, *base)]);
                let points: Vec<_> = comb.map(on_canvas).collect();
                area.draw(&PathElement::new(
                    points,
                    rgb(*colour).stroke_width(stroke(*width)),
                ))
            }
            Medium::Bitmap => tops.iter().try_for_each(|&(x, y)| {
                let corners = [(x - width / 2.0, y), (x + width / 2.0, *base)].map(on_canvas);
                area.draw(&Rectangle::new(corners, rgb(*colour).filled()))
            }),
        },
        Shape::Rectangle { from, to, fill } => area.draw(&Rectangle::new(
            [on_canvas(*from), on_canvas(*to)],
            rgb(*fill).filled(),
        )),
        Shape::Polygon {
            points,
            fill,
            opacity,
        } => {
            let points: Vec<_> = points.iter().copied().map(on_canvas).collect();
            area.draw(&Polygon::new(points, rgb(*fill).mix(*opacity).filled()))
        }
        Shape::Circle {
            centre,
            radius,
            fill,
        } => area.draw(&Circle::new(
            on_canvas(*centre),
            stroke(*radius),
            rgb(*fill).filled(),
        )),
        Shape::Text {
            text,
            at,
            size,
            weight,
            colour,
            anchor,
        } => {
            let (size, base_line_drop) = match medium {
                // plotters' SVG divides sizes by 1.24 and puts the base line 0.76 em below.
                Medium::Svg => (size * ZOOM * 1.24, size * 0.76),
                // plotters' rasteriser puts it half the font's height below.
                Medium::Bitmap => {
                    let height = fonts.height_per_em(*weight);
                    (size * ZOOM * height, size * height / 2.0)
                }
            };
            let font_style = match weight {
                Weight::Regular => FontStyle::Normal,
                Weight::SemiBold => FontStyle::Bold,
            };
            let horizontal = match anchor {
                Anchor::Start => HPos::Left,
                Anchor::Middle => HPos::Center,
                Anchor::End => HPos::Right,
            };
            let colour = rgb(*colour);
            let style = TextStyle::from((FontFamily::Name(FAMILY), size, font_style))
                .color(&colour)
                .pos(Pos::new(horizontal, VPos::Top));
            area.draw(&Text::new(
                text.as_str(),
                on_canvas((at.0, at.1 - base_line_drop)),
                style,
            ))
        }
    }
}

const fn rgb(colour: Colour) -> RGBColor {
    RGBColor(colour.0, colour.1, colour.2)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "canvases are some thousand pixels wide"
)]
fn on_canvas((x, y): Position) -> (i32, i32) {
    (libm::round(x * ZOOM) as i32, libm::round(y * ZOOM) as i32)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "widths and radii are a few positive pixels"
)]
fn stroke(width: f64) -> u32 {
    libm::round(width * ZOOM).max(1.0) as u32
}

/// The picture at half its size; each pixel is the mean of the four it replaces.
fn averaged(pixels: &[u8], width: usize, height: usize) -> (Vec<u8>, (u32, u32)) {
    let (small_width, small_height) = (width / 2, height / 2);
    let mut small = Vec::with_capacity(small_width * small_height * CHANNELS);
    for rows in pixels.chunks_exact(2 * width * CHANNELS) {
        let (upper, lower) = rows.split_at(width * CHANNELS);
        let upper = upper.as_chunks::<{ 2 * CHANNELS }>().0;
        let lower = lower.as_chunks::<{ 2 * CHANNELS }>().0;
        for (upper, lower) in upper.iter().zip(lower) {
            let mean = |channel: usize| {
                let four = [upper, lower]
                    .map(|two| u16::from(two[channel]) + u16::from(two[channel + CHANNELS]));
                // The mean of four bytes, rounded, is a byte.
                ((four[0] + four[1] + 2) / 4) as u8
            };
            small.extend(std::array::from_fn::<u8, CHANNELS, _>(mean));
        }
    }
    let size = |n: usize| u32::try_from(n).expect("canvases are some thousand pixels wide");
    (small, (size(small_width), size(small_height)))
}

fn escaped(text: &str) -> String {
    maud::html! { (text) }.into_string()
}
