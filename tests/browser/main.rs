//! A real browser on a loopback site that behaves as TikTok's pages do: posts missed, reasons to stop,
//! and everything that can go wrong.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![allow(clippy::print_stdout, reason = "a test run may tell its numbers")]

mod bench;
mod misbehaviour;
mod site;
mod stops;
mod tabs;
mod trouble;
