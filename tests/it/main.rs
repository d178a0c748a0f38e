//! The real binary, command by command: exit code, stdout, stderr and files.
//!
//! Every test has a folder of its own and makes the posts that it needs; nothing depends on time,
//! on other tests or on files from elsewhere.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its folder should fail where it stands"
)]

mod harness;
mod make;

mod bad_input;
mod copy;
mod crash;
mod docs;
#[cfg(unix)]
mod doctor;
mod filters;
mod frequencies;
mod import;
mod index;
mod intake;
mod lost;
#[cfg(target_os = "linux")]
mod media;
mod plot;
mod posts;
mod records;
mod store;
mod system;
mod tidy;
mod urls;
mod verify;
