//! A town at night: two rows of houses in grays, and one in front whose windows are lit.

use super::Canvas;
use kvrig_base::random::Sequence;

/// Where the first house begins.
const FIRST_LEFT: i32 = -10;
const WHITE: u8 = 3;

/// A house.
struct House {
    left: i32,
    width: i32,
    height: i32,
    has_windows: bool,
    colour: u8,
}

/// The town, on a sky of white.
pub(super) fn draw(columns: usize, rows: usize, random: &mut Sequence) -> Canvas {
    let mut canvas = Canvas::new(columns as i32, rows as i32, WHITE);
    let (width, height) = (canvas.width, canvas.height);
    // The brighter ones stand behind.
    for colour in [2, 1] {
        let mut left = FIRST_LEFT;
        while left < width {
            left += draw_below(random, 8);
            let house = House {
                left,
                width: 10 + draw_below(random, 9),
                height: height / 2 + draw_below(random, height) / i32::from(4 - colour),
                has_windows: false,
                colour,
            };
            build(&mut canvas, &house, random);
            left += match colour {
                2 => house.width / 2,
                _ => house.width + 1,
            };
        }
    }
    let mut left = FIRST_LEFT;
    while left < width {
        left += draw_below(random, 8);
        let mut house = House {
            left,
            width: 5 + draw_below(random, 14),
            height: height / 3 + draw_below(random, height) / 2,
            has_windows: true,
            colour: 0,
        };
        if house.width % 4 > 0 {
            house.width += house.width % 3;
        }
        build(&mut canvas, &house, random);
        left += house.width + 5;
    }
    canvas
}

fn draw_below(random: &mut Sequence, bound: i32) -> i32 {
    random.below(bound.max(1) as u64) as i32
}

/// Draws a house from the ground up. Its top is narrower by two dots at either side, and its windows
/// are two dots wide and one high.
fn build(canvas: &mut Canvas, house: &House, random: &mut Sequence) {
    let ground = canvas.height - 1;
    let top = ground - house.height + 1;
    let (left, end) = (house.left, house.left + house.width);
    for y in (top..=ground).rev() {
        for x in left..end {
            let is_at_a_side = x <= left + 1 || x >= end - 2;
            if y == top && is_at_a_side {
                continue;
            }
            let is_window = house.has_windows
                && !is_at_a_side
                && (top + 2..ground - 1).contains(&y)
                && (x - (left + 1)) / 2 % 2 == 1
                && (y - (top + 1)) % 2 == 1;
            let colour = match is_window {
                // The right half is as bright as the left.
                true if (x - (left + 1)) % 2 == 1 => canvas.dot(x - 1, y),
                true => 1 + random.below(2) as u8,
                false => house.colour,
            };
            canvas.set(x, y, colour);
        }
    }
}
