//! What is drawn on, and how it becomes text.

/// How a terminal is told the four grays, from black on: both of the sign and of what is behind it.
const GRAYS: [&str; 4] = ["0;30;40m", "0;90;100m", "0;37;47m", "0;97;107m"];
/// The bits of a braille sign by column and row of its dots (Unicode, from U+2800 on).
const DOTS: [[u32; 4]; 2] = [[0, 1, 2, 6], [3, 4, 5, 7]];
/// The braille sign without dots.
const BRAILLE: u32 = 0x2800;

/// A grid of dots.
#[derive(Debug)]
pub(super) struct Canvas {
    pub(super) width: i32,
    pub(super) height: i32,
    dots: Vec<u8>,
}

impl Canvas {
    /// One whose dots are all of one colour.
    pub(super) fn new(width: i32, height: i32, colour: u8) -> Self {
        let dots = width.max(0) as usize * height.max(0) as usize;
        Self {
            width,
            height,
            dots: vec![colour; dots],
        }
    }
    fn place(&self, x: i32, y: i32) -> Option<usize> {
        let is_inside = (0..self.width).contains(&x) && (0..self.height).contains(&y);
        is_inside.then(|| y as usize * self.width as usize + x as usize)
    }
    /// The colour of a dot; outside it is 0.
    pub(super) fn dot(&self, x: i32, y: i32) -> u8 {
        self.place(x, y).map_or(0, |place| self.dots[place])
    }
    /// Colours a dot; outside nothing happens.
    pub(super) fn set(&mut self, x: i32, y: i32, colour: u8) {
        if let Some(place) = self.place(x, y) {
            self.dots[place] = colour;
        }
    }
    /// A line of dots of colour 1 (Bresenham).
    pub(super) fn line(&mut self, from: (i32, i32), to: (i32, i32)) {
        let (mut x, mut y) = from;
        let (across, down) = ((to.0 - x).abs(), (to.1 - y).abs());
        let (step_x, step_y) = ((to.0 - x).signum(), (to.1 - y).signum());
        let mut error = across - down;
        loop {
            self.set(x, y, 1);
            if (x, y) == to {
                return;
            }
            let twice = 2 * error;
            if twice > -down {
                error -= down;
                x += step_x;
            }
            if twice < across {
                error += across;
                y += step_y;
            }
        }
    }
    /// A sign for two by four dots, which are set where they are not of colour 0.
    pub(super) fn in_braille(&self) -> String {
        let mut text = String::new();
        for y in (0..self.height).step_by(4) {
            for x in (0..self.width).step_by(2) {
                let mut sign = BRAILLE;
                for (column, bits) in (x..).zip(DOTS) {
                    for (row, bit) in (y..).zip(bits) {
                        sign |= u32::from(self.dot(column, row) > 0) << bit;
                    }
                }
                text.extend(char::from_u32(sign));
            }
            self.end_row(y, &mut text);
        }
        text
    }
    /// A space for each dot in its gray.
    pub(super) fn in_grays(&self) -> String {
        let mut text = String::new();
        for y in 0..self.height {
            for x in 0..self.width {
                let gray = GRAYS[usize::from(self.dot(x, y)) % GRAYS.len()];
                text += &format!("\x1b[{gray} \x1b[0m");
            }
            self.end_row(y, &mut text);
        }
        text
    }
    fn end_row(&self, y: i32, text: &mut String) {
        if y != self.height - 1 {
            text.push('\n');
        }
    }
}
