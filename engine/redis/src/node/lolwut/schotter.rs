//! Squares that fall into disorder from row to row, after Georg Nees.

use super::Canvas;
use kvrig_base::random::Sequence;
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, SQRT_2};

/// The greatest number that the C library draws (RAND_MAX).
const DRAW_MAX: u64 = (1 << 31) - 1;

/// A drawing of `across` by `down` squares for a terminal of so many columns. Redis reckons in `float`,
/// and so does this, so that squares which are not moved come out dot by dot.
pub(super) fn draw(columns: usize, across: usize, down: usize, random: &mut Sequence) -> Canvas {
    let width = columns as i32 * 2;
    let padding = if width > 4 { 2 } else { 0 };
    let side = (width - padding * 2) as f32 / across as f32;
    let height = (side * down as f32 + (padding * 2) as f32) as i32;
    let mut canvas = Canvas::new(width, height, 0);
    let centre = |number: usize| (number as f32 * side + side / 2.0 + padding as f32) as i32;
    for row in 0..down {
        for column in 0..across {
            let (mut x, mut y, mut angle) = (centre(column), centre(row), 0.0);
            // The first two rows stand straight.
            if row > 1 {
                let strengths: [f32; 3] = std::array::from_fn(|_| {
                    let draw = (random.next_u64() & DRAW_MAX) as f32 / DRAW_MAX as f32;
                    let strength = draw / down as f32 * row as f32;
                    if random.below(2) == 1 {
                        -strength
                    } else {
                        strength
                    }
                });
                angle = strengths[0];
                x = (x as f32 + strengths[1] * side / 3.0) as i32;
                y = (y as f32 + strengths[2] * side / 3.0) as i32;
            }
            square(&mut canvas, (x, y), side, angle);
        }
    }
    canvas
}

/// A square around a centre, turned by an angle.
fn square(canvas: &mut Canvas, centre: (i32, i32), side: f32, angle: f32) {
    // Redis has the root to ten digits; the others move no dot.
    let radius = libm::round(f64::from((f64::from(side) / SQRT_2) as f32));
    let mut at = (FRAC_PI_4 + f64::from(angle)) as f32;
    let corners: [(i32, i32); 4] = std::array::from_fn(|_| {
        let towards = f64::from(at);
        at = (f64::from(at) + FRAC_PI_2) as f32;
        let corner = |part: f64, centre: i32| libm::round(part * radius + f64::from(centre)) as i32;
        (
            corner(libm::sin(towards), centre.0),
            corner(libm::cos(towards), centre.1),
        )
    });
    for number in 0..corners.len() {
        canvas.line(corners[number], corners[(number + 1) % corners.len()]);
    }
}
