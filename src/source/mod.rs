//! Where posts come from: the files of other tools, TikTok's Research API.
//!
//! May use `http`, `record`, `json` and `model`; knows nothing of the store. What it hands out is one post
//! at a time with its raw record, which is one line of valid JSON without secrets.

pub mod browser;
pub mod files;
pub mod media;
pub mod programs;
pub mod research;
pub mod sandbox;
pub mod synthetic;
