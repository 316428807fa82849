//! Colours: the qualitative palette of Okabe and Ito ("Color Universal Design", 2008), which people
//! with the common forms of colour blindness can tell apart, without its yellow, which is too light
//! on paper.

/// Red, green and blue.
pub type Colour = (u8, u8, u8);

/// Colours of groups, in order of appearance.
pub const GROUPS: [Colour; 7] = [
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (230, 159, 0),
    (86, 180, 233),
    (90, 90, 90),
];
/// Background.
pub const PAPER: Colour = (255, 255, 255);
/// Text.
pub const INK: Colour = (31, 41, 51);
/// Secondary text and axes.
pub const MUTED: Colour = (97, 110, 124);
/// Grid lines.
pub const GRID: Colour = (226, 231, 236);
/// Lines that mark a limit.
pub const LIMIT: Colour = (176, 0, 32);
/// Stretches that mark an event.
pub const BAND: Colour = (238, 242, 246);

/// Colours of a heat map from few to many: the sequential scheme YlGnBu of ColorBrewer (Brewer,
/// "Color use guidelines for data representation", 1999) without its lightest, which is lost on
/// paper. It is told apart in grey and by people with colour blindness.
pub const HEAT: [Colour; 8] = [
    (237, 248, 177),
    (199, 233, 180),
    (127, 205, 187),
    (65, 182, 196),
    (29, 145, 192),
    (34, 94, 168),
    (37, 52, 148),
    (8, 29, 88),
];

/// Colours of what exceeds a limit, from little to much: the warm end of ColorBrewer's YlOrRd, which
/// is told apart from [`HEAT`] by people with colour blindness, and by its place in a map.
pub const BEYOND: [Colour; 4] = [(254, 178, 76), (253, 141, 60), (227, 26, 28), (128, 0, 38)];

/// The colour of the group with this index.
pub const fn group(index: usize) -> Colour {
    GROUPS[index % GROUPS.len()]
}
