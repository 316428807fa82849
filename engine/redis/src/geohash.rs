//! Places on Earth as scores of a sorted set, and the cells that a search looks through, computed as
//! Redis computes them (`redis:src/geohash.c`, `redis:src/geohash_helper.c`).
//!
//! A place is the number of its cell: of 2^26 by 2^26 in a score, of fewer in a search. The bits of
//! latitude and longitude alternate, longitude's the higher of each pair.

/// Longitudes that have a cell.
pub(crate) const LONGITUDES: (f64, f64) = (-180.0, 180.0);
/// Latitudes that have a cell: those of the square map of the Mercator projection.
pub(crate) const LATITUDES: (f64, f64) = (-85.051_128_78, 85.051_128_78);
/// Steps of the cells of scores: bits of each coordinate.
const STEPS_MAX: u32 = 26;
/// Radius of the sphere that distances are those of, in metres.
const EARTH_RADIUS_M: f64 = 6_372_797.560_856;
/// Half the side of the Mercator map, in metres.
const MERCATOR_MAX_M: f64 = 20_037_726.37;
const LATITUDE_BITS: u64 = 0x5555_5555_5555_5555;
const LONGITUDE_BITS: u64 = 0xaaaa_aaaa_aaaa_aaaa;

/// A place, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) longitude: f64,
    pub(crate) latitude: f64,
}

/// A cell of so many steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    bits: u64,
    steps: u32,
}

/// The part of the map that a cell covers: from and to, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Area {
    longitude: (f64, f64),
    latitude: (f64, f64),
}

/// What is searched, in metres around a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    Circle { radius: f64 },
    Box { width: f64, height: f64 },
}

const fn to_radians(degrees: f64) -> f64 {
    degrees * (std::f64::consts::PI / 180.0)
}

const fn to_degrees(radians: f64) -> f64 {
    radians / (std::f64::consts::PI / 180.0)
}

impl Place {
    /// The cell of a place.
    fn cell(self, steps: u32, latitudes: (f64, f64)) -> Cell {
        let number = |value: f64, (from, to): (f64, f64)| {
            let share = (value - from) / (to - from);
            (share * (1_u64 << steps) as f64) as u32
        };
        let (latitude, longitude) = (
            number(self.latitude, latitudes),
            number(self.longitude, LONGITUDES),
        );
        Cell {
            bits: spread(latitude) | spread(longitude) << 1,
            steps,
        }
    }
    /// The score of a place: the number of its cell, of 52 bits.
    pub(crate) fn score(self) -> f64 {
        self.cell(STEPS_MAX, LATITUDES).bits as f64
    }
    /// The place in the middle of a score's cell.
    pub(crate) fn of_score(score: f64) -> Self {
        let cell = Cell {
            bits: score as u64,
            steps: STEPS_MAX,
        };
        let area = cell.area();
        let middle = |(from, to): (f64, f64), (least, most): (f64, f64)| {
            f64::midpoint(from, to).clamp(least, most)
        };
        Self {
            longitude: middle(area.longitude, LONGITUDES),
            latitude: middle(area.latitude, LATITUDES),
        }
    }
    /// The text of geohash.org: 11 characters of 5 bits, of which two bits are missing. It covers
    /// all latitudes.
    pub(crate) fn text(self) -> [u8; 11] {
        const DIGITS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = self.cell(STEPS_MAX, (-90.0, 90.0)).bits;
        std::array::from_fn(|place| match place {
            10 => DIGITS[0],
            _ => DIGITS[(bits >> (52 - (place + 1) * 5) & 0x1f) as usize],
        })
    }
    /// The distance of two places in metres, by the haversine formula.
    pub(crate) fn distance(self, other: Self) -> f64 {
        let (from, to) = (to_radians(self.latitude), to_radians(other.latitude));
        let longitudes = to_radians(other.longitude) - to_radians(self.longitude);
        let v = libm::sin(longitudes / 2.0);
        if v == 0.0 {
            return EARTH_RADIUS_M * (to - from).abs();
        }
        let u = libm::sin((to - from) / 2.0);
        let a = u * u + libm::cos(from) * libm::cos(to) * v * v;
        2.0 * EARTH_RADIUS_M * libm::asin(a.sqrt())
    }
}

impl Shape {
    /// The distance of a place from the middle, if it lies within the shape.
    pub(crate) fn distance_within(self, middle: Place, place: Place) -> Option<f64> {
        match self {
            Self::Circle { radius } => {
                let distance = middle.distance(place);
                (distance <= radius).then_some(distance)
            }
            Self::Box { width, height } => {
                let beside = Place {
                    longitude: middle.longitude,
                    ..place
                };
                let above = Place {
                    latitude: middle.latitude,
                    ..place
                };
                let is_outside =
                    place.distance(above) > height / 2.0 || place.distance(beside) > width / 2.0;
                (!is_outside).then(|| middle.distance(place))
            }
        }
    }
    /// Half its width and half its height.
    const fn halves(self) -> (f64, f64) {
        match self {
            Self::Circle { radius } => (radius, radius),
            Self::Box { width, height } => (width / 2.0, height / 2.0),
        }
    }
    /// The distance of its farthest point from the middle.
    fn reach(self) -> f64 {
        match self {
            Self::Circle { radius } => radius,
            Self::Box { width, height } => {
                let (x, y) = (width / 2.0, height / 2.0);
                (x * x + y * y).sqrt()
            }
        }
    }
    /// The degrees that it lies between (geohashBoundingBox).
    fn bounds(self, middle: Place) -> Area {
        let (width, height) = self.halves();
        let latitudes = to_degrees(height / EARTH_RADIUS_M);
        // Degrees of longitude are shorter nearer to the pole.
        let outer = match middle.latitude < 0.0 {
            true => middle.latitude - latitudes,
            false => middle.latitude + latitudes,
        };
        let longitudes = to_degrees(width / EARTH_RADIUS_M / libm::cos(to_radians(outer)));
        Area {
            longitude: (middle.longitude - longitudes, middle.longitude + longitudes),
            latitude: (middle.latitude - latitudes, middle.latitude + latitudes),
        }
    }
    /// The cells that cover it, its own first and then its neighbours, each as the scores that it
    /// begins with and ends before (geohashCalculateAreasByShapeWGS84, membersOfAllNeighbors).
    pub(crate) fn cells(self, middle: Place) -> impl Iterator<Item = (f64, f64)> {
        let bounds = self.bounds(middle);
        let mut steps = steps_for(self.reach(), middle.latitude);
        let mut own = middle.cell(steps, LATITUDES);
        let area = |dx, dy| own.moved(dx, dy).area();
        // A neighbour that ends within the shape leaves a part of it uncovered.
        let is_too_small = area(0, 1).latitude.1 < bounds.latitude.1
            || area(0, -1).latitude.0 > bounds.latitude.0
            || area(1, 0).longitude.1 < bounds.longitude.1
            || area(-1, 0).longitude.0 > bounds.longitude.0;
        if steps > 1 && is_too_small {
            steps -= 1;
            own = middle.cell(steps, LATITUDES);
        }
        let area = own.area();
        // Sides on which the own cell covers the shape.
        let drops = |dx: i32, dy: i32| {
            steps >= 2
                && (dy < 0 && area.latitude.0 < bounds.latitude.0
                    || dy > 0 && area.latitude.1 > bounds.latitude.1
                    || dx < 0 && area.longitude.0 < bounds.longitude.0
                    || dx > 0 && area.longitude.1 > bounds.longitude.1)
        };
        const ORDER: [(i32, i32); 9] = [
            (0, 0),
            (0, 1),
            (0, -1),
            (1, 0),
            (-1, 0),
            (1, 1),
            (-1, 1),
            (1, -1),
            (-1, -1),
        ];
        // Large cells may be the same on both sides; one that is met again at once is left out,
        // unless it is the own one.
        let mut cells: Vec<Cell> = Vec::new();
        let mut last = None;
        for (number, &(dx, dy)) in ORDER.iter().enumerate() {
            let cell = own.moved(dx, dy);
            if (number > 0 && drops(dx, dy)) || last == Some(cell) {
                continue;
            }
            cells.push(cell);
            last = (number > 0).then_some(cell);
        }
        cells.into_iter().map(Cell::scores)
    }
}

/// The steps of cells as large as a distance (geohashEstimateStepsByRadius).
fn steps_for(mut distance: f64, latitude: f64) -> u32 {
    if distance == 0.0 {
        return STEPS_MAX;
    }
    let mut steps = 1_i32;
    while distance < MERCATOR_MAX_M {
        distance *= 2.0;
        steps += 1;
    }
    steps -= 2;
    steps -= i32::from(latitude.abs() > 66.0) + i32::from(latitude.abs() > 80.0);
    steps.clamp(1, STEPS_MAX.cast_signed()).cast_unsigned()
}

impl Cell {
    /// The scores of the places in it: from and up to.
    fn scores(self) -> (f64, f64) {
        let shift = 2 * (STEPS_MAX - self.steps);
        let at = |bits: u64| (bits << shift) as f64;
        (at(self.bits), at(self.bits + 1))
    }
    fn area(self) -> Area {
        let cells = (1_u64 << self.steps) as f64;
        let part = |number: u32, (from, to): (f64, f64)| {
            let width = to - from;
            (
                from + f64::from(number) / cells * width,
                from + (f64::from(number) + 1.0) / cells * width,
            )
        };
        Area {
            latitude: part(gather(self.bits), LATITUDES),
            longitude: part(gather(self.bits >> 1), LONGITUDES),
        }
    }
    /// The cell so many to the east and to the north, around the edges of the map.
    fn moved(self, east: i32, north: i32) -> Self {
        let used = u64::MAX >> (64 - 2 * self.steps);
        let step = |bits: u64, own: u64, by: i32| {
            // Ones in the places of the other coordinate carry an addition over them.
            let other = !own & used;
            let moved = match by {
                0 => bits & own,
                1.. => (bits & own).wrapping_add(other + 1),
                _ => (bits & own | other).wrapping_sub(other + 1),
            };
            moved & own & used
        };
        Self {
            bits: step(self.bits, LONGITUDE_BITS, east) | step(self.bits, LATITUDE_BITS, north),
            steps: self.steps,
        }
    }
}

/// Puts the bits of a number into every other place.
fn spread(number: u32) -> u64 {
    (0..u32::BITS).fold(0, |all, bit| {
        all | u64::from(number >> bit & 1) << (2 * bit)
    })
}

/// Takes the bits of every other place together.
fn gather(bits: u64) -> u32 {
    (0..u32::BITS).fold(0, |all, bit| all | ((bits >> (2 * bit) & 1) as u32) << bit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of Redis's documentation of GEODIST and GEOHASH.
    #[test]
    fn palermo_and_catania_are_where_they_were_published() {
        let palermo = Place {
            longitude: 13.361_389,
            latitude: 38.115_556,
        };
        let catania = Place {
            longitude: 15.087_269,
            latitude: 37.502_669,
        };
        let stored = |place: Place| Place::of_score(place.score());
        let distance = stored(palermo).distance(stored(catania));
        assert_eq!(format!("{distance:.4}"), "166274.1516");
        assert_eq!(&stored(palermo).text(), b"sqc8b49rny0");
        assert_eq!(&stored(catania).text(), b"sqdtr74hyu0");
    }

    proptest! {
        /// What a search may find by distance lies in a cell that it looks through, away from the
        /// poles and from the edge of the map, where the cells of Redis end.
        #[test]
        fn cells_cover_the_shape(
            (longitude, latitude) in (-100.0..100.0_f64, -60.0..60.0_f64),
            (dx, dy) in (-1.0..1.0_f64, -1.0..1.0_f64),
            radius in 1.0..1_000_000.0_f64,
        ) {
            let middle = Place { longitude, latitude };
            let degrees = radius / 111_000.0;
            let other = Place { longitude: longitude + dx * degrees, latitude: latitude + dy * degrees };
            let (shape, score) = (Shape::Circle { radius }, other.score());
            if shape.distance_within(middle, Place::of_score(score)).is_some() {
                prop_assert!(shape.cells(middle).any(|(from, to)| from <= score && score < to));
            }
        }
    }
}
