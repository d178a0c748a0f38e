//! Videos, pictures and sounds of posts: fetched by yt-dlp, or by ourselves where a link is all there is.

mod events;
mod photo;
mod sniff;
mod ytdlp;

pub use events::disk_is_full;
pub use photo::{Part, Photo, fetch_photo};
pub use sniff::Medium;
pub use ytdlp::{Fetching, HOW_TO_GET_YT_DLP, Progress, YtDlp};
