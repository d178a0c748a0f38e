//! Colours, all told apart by people who see few of them.

/// A colour, red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour(pub(super) u8, pub(super) u8, pub(super) u8);

impl Colour {
    /// As SVG writes it.
    pub(super) fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// A set of colours. The hues are Okabe and Ito's, which differ under every common colour blindness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// On white, for screens and pages in colour.
    #[default]
    Light,
    /// On near-black, for slides and dark pages.
    Dark,
    /// Black and greys, for pages printed without colour.
    Print,
}

/// What each part of a picture is painted with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    pub(super) page: Colour,
    pub(super) ink: Colour,
    pub(super) muted: Colour,
    pub(super) grid: Colour,
    pub(super) axis: Colour,
    pub(super) first: Colour,
    pub(super) second: Colour,
}

impl Theme {
    pub(super) fn palette(self) -> Palette {
        match self {
            Self::Light => Palette {
                page: Colour(255, 255, 255),
                ink: Colour(27, 27, 27),
                muted: Colour(95, 99, 104),
                grid: Colour(226, 229, 232),
                axis: Colour(60, 64, 67),
                first: Colour(0, 114, 178),
                second: Colour(230, 159, 0),
            },
            Self::Dark => Palette {
                page: Colour(21, 24, 29),
                ink: Colour(241, 243, 244),
                muted: Colour(169, 176, 183),
                grid: Colour(46, 51, 58),
                axis: Colour(138, 145, 153),
                first: Colour(86, 180, 233),
                second: Colour(230, 159, 0),
            },
            Self::Print => Palette {
                page: Colour(255, 255, 255),
                ink: Colour(0, 0, 0),
                muted: Colour(64, 64, 64),
                grid: Colour(208, 208, 208),
                axis: Colour(0, 0, 0),
                first: Colour(74, 74, 74),
                second: Colour(178, 178, 178),
            },
        }
    }
}
