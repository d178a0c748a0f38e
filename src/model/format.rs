//! The formats in which posts reach us, and the ways that they come.

use std::fmt;
use std::str::FromStr;

/// The shape of one raw record.
///
/// The names are stored with every post (`_cotag.format`) and are part of the store's format:
/// they may be added to, never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// tiktok.com's own item, as TikTokApi, bellingcat v2, Zeeschuimer, 4CAT NDJSON, gallery-dl,
    /// page state and HAR files carry it.
    Web,
    /// Research API video object.
    Research,
    /// A Research API client's CSV row.
    ResearchCsv,
    /// tiktok-scraper's post, also the seed tool's `data.json`.
    Scraper,
    /// tiktok-scraper's CSV row.
    ScraperCsv,
    /// Apify (clockworks) dataset item; the "overview" view with dotted keys too.
    Apify,
    /// Apify CSV row, columns flattened with `/` or, in the overview view, `.`.
    ApifyCsv,
    /// 4CAT or Zeeschuimer CSV row.
    FourCatCsv,
    /// pyktok CSV row.
    PyktokCsv,
    /// traktok table as CSV row.
    TraktokCsv,
    /// yt-dlp `.info.json` or the same fields in a wrapper.
    YtDlp,
    /// Mobile-app API item.
    Aweme,
}

impl Format {
    /// Every format, in the order of the documentation.
    pub const ALL: [Self; 12] = [
        Self::Web,
        Self::Research,
        Self::ResearchCsv,
        Self::Scraper,
        Self::ScraperCsv,
        Self::Apify,
        Self::ApifyCsv,
        Self::FourCatCsv,
        Self::PyktokCsv,
        Self::TraktokCsv,
        Self::YtDlp,
        Self::Aweme,
    ];

    /// The stable name, as stored and as `--format` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Research => "research",
            Self::ResearchCsv => "research-csv",
            Self::Scraper => "tiktok-scraper",
            Self::ScraperCsv => "tiktok-scraper-csv",
            Self::Apify => "apify",
            Self::ApifyCsv => "apify-csv",
            Self::FourCatCsv => "4cat-csv",
            Self::PyktokCsv => "pyktok-csv",
            Self::TraktokCsv => "traktok-csv",
            Self::YtDlp => "yt-dlp",
            Self::Aweme => "aweme",
        }
    }

    /// What a person would call it, for footnotes.
    pub fn title(self) -> &'static str {
        match self {
            Self::Web => "tiktok.com items",
            Self::Research => "Research API",
            Self::ResearchCsv => "Research API CSV",
            Self::Scraper => "tiktok-scraper",
            Self::ScraperCsv => "tiktok-scraper CSV",
            Self::Apify => "Apify",
            Self::ApifyCsv => "Apify CSV",
            Self::FourCatCsv => "4CAT/Zeeschuimer CSV",
            Self::PyktokCsv => "pyktok CSV",
            Self::TraktokCsv => "traktok CSV",
            Self::YtDlp => "yt-dlp",
            Self::Aweme => "TikTok app API",
        }
    }

    /// Whether a record that looks like `other` may be of this format all the same: their fields are
    /// alike, and which of them a record has was the choice of the person who made it.
    pub fn may_look_like(self, other: Self) -> bool {
        self == other || (self.family().is_some() && self.family() == other.family())
    }

    fn family(self) -> Option<u8> {
        match self {
            Self::Scraper | Self::ScraperCsv | Self::Apify | Self::ApifyCsv => Some(0),
            Self::Research | Self::ResearchCsv | Self::TraktokCsv | Self::PyktokCsv => Some(1),
            Self::Web | Self::FourCatCsv | Self::YtDlp | Self::Aweme => None,
        }
    }

    /// Whether records of this format are CSV rows, kept as an object of their columns.
    pub fn is_table(self) -> bool {
        matches!(
            self,
            Self::ResearchCsv
                | Self::ScraperCsv
                | Self::ApifyCsv
                | Self::FourCatCsv
                | Self::PyktokCsv
                | Self::TraktokCsv
        )
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// A format or origin that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not known to this version")]
pub struct UnknownName(pub String);

impl FromStr for Format {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| UnknownName(name.to_owned()))
    }
}

/// How a post came into the store. Stored with every post (`_cotag.origin`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// Read from a file of another tool.
    Import,
    /// Asked of the Research API.
    Research,
    /// Seen by a browser that the user drove.
    Browser,
    /// Made up by cotag's own generator; never evidence of anything.
    Synthetic,
}

impl Origin {
    /// Every origin.
    pub const ALL: [Self; 4] = [Self::Import, Self::Research, Self::Browser, Self::Synthetic];

    /// The stable name, as stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Research => "research",
            Self::Browser => "browser",
            Self::Synthetic => "synthetic",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Origin {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|origin| origin.name() == name)
            .ok_or_else(|| UnknownName(name.to_owned()))
    }
}
