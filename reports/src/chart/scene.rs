//! A drawing as a list of shapes in logical pixels, laid out once and painted by any backend.

use super::font::Weight;
use super::palette::Colour;

/// What is drawn, in order, on a sheet of paper.
#[derive(Clone, Debug, Default)]
pub(super) struct Scene {
    /// Width in logical pixels.
    pub width: f64,
    /// Height in logical pixels.
    pub height: f64,
    /// The shapes, the lowest first.
    pub shapes: Vec<Shape>,
}

/// A position in logical pixels from the upper left corner.
pub(super) type Position = (f64, f64);

/// One thing drawn.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// Joined straight lines.
    Line {
        /// Corners.
        points: Vec<Position>,
        /// Width of the stroke.
        width: f64,
        /// Colour of the stroke.
        colour: Colour,
        /// Lengths of dash and gap, if dashed.
        dash: Option<(f64, f64)>,
    },
    /// Vertical strokes from one height.
    Comb {
        /// The common lower end.
        base: f64,
        /// The upper ends, from left to right.
        tops: Vec<Position>,
        /// Width of a stroke.
        width: f64,
        /// Colour of the strokes.
        colour: Colour,
    },
    /// A filled rectangle.
    Rectangle {
        /// Upper left corner.
        from: Position,
        /// Lower right corner.
        to: Position,
        /// Its colour.
        fill: Colour,
    },
    /// A filled polygon.
    Polygon {
        /// Corners.
        points: Vec<Position>,
        /// Its colour.
        fill: Colour,
        /// How much of it is seen, 0 to 1.
        opacity: f64,
    },
    /// A filled circle.
    Circle {
        /// Its middle.
        centre: Position,
        /// Its radius.
        radius: f64,
        /// Its colour.
        fill: Colour,
    },
    /// One line of text.
    Text {
        /// What it says.
        text: String,
        /// Where the anchor lies on the base line.
        at: Position,
        /// Pixels per em.
        size: f64,
        /// How heavy.
        weight: Weight,
        /// Its colour.
        colour: Colour,
        /// Which part of the text lies at `at`.
        anchor: Anchor,
    },
}

/// Which part of a text lies at its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    /// The left end.
    Start,
    /// The middle.
    Middle,
    /// The right end.
    End,
}

impl Scene {
    /// Adds a solid line.
    pub(super) fn line(&mut self, points: Vec<Position>, width: f64, colour: Colour) {
        self.shapes.push(Shape::Line {
            points,
            width,
            colour,
            dash: None,
        });
    }
    /// Adds a dashed line.
    pub(super) fn dashed(
        &mut self,
        points: Vec<Position>,
        width: f64,
        colour: Colour,
        dash: (f64, f64),
    ) {
        self.shapes.push(Shape::Line {
            points,
            width,
            colour,
            dash: Some(dash),
        });
    }
    /// Adds a filled rectangle.
    pub(super) fn rectangle(&mut self, from: Position, to: Position, fill: Colour) {
        self.shapes.push(Shape::Rectangle { from, to, fill });
    }
    /// Adds a filled polygon.
    fn polygon(&mut self, points: Vec<Position>, fill: Colour) {
        self.tinted(points, fill, 1.0);
    }
    /// Adds a polygon that lets what is below it through.
    pub(super) fn tinted(&mut self, points: Vec<Position>, fill: Colour, opacity: f64) {
        self.shapes.push(Shape::Polygon {
            points,
            fill,
            opacity,
        });
    }
    /// Adds a text of regular weight.
    pub(super) fn text(
        &mut self,
        text: &str,
        at: Position,
        size: f64,
        colour: Colour,
        anchor: Anchor,
    ) {
        let weight = Weight::Regular;
        self.shapes.push(Shape::Text {
            text: text.to_owned(),
            at,
            size,
            weight,
            colour,
            anchor,
        });
    }
    /// Adds a head.
    pub(super) fn head(&mut self, text: &str, at: Position, size: f64, colour: Colour) {
        self.shapes.push(Shape::Text {
            text: text.to_owned(),
            at,
            size,
            weight: Weight::SemiBold,
            colour,
            anchor: Anchor::Start,
        });
    }
    /// Adds the marker of a group: its shape tells groups apart where colours do not.
    pub(super) fn marker(&mut self, group: usize, at: Position, radius: f64, fill: Colour) {
        let (x, y) = at;
        let r = radius;
        match group % 4 {
            0 => self.shapes.push(Shape::Circle {
                centre: at,
                radius,
                fill,
            }),
            1 => {
                let r = r * 0.88;
                self.rectangle((x - r, y - r), (x + r, y + r), fill);
            }
            2 => {
                let r = r * 1.2;
                let points = vec![(x, y - r), (x + r, y + r * 0.75), (x - r, y + r * 0.75)];
                self.polygon(points, fill);
            }
            _ => {
                let r = r * 1.25;
                let points = vec![(x, y - r), (x + r, y), (x, y + r), (x - r, y)];
                self.polygon(points, fill);
            }
        }
    }
}
