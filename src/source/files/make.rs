//! What a caller makes of posts on the threads that read them, so that the thread which takes them in
//! their order has little left to do.

use std::any::Any;
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::{Origin, Post};

/// Makes something of posts, some at a time, on several threads.
pub trait Make: Send + Sync {
    /// For the next posts.
    fn batch(self: Arc<Self>) -> Box<dyn Made>;
}

/// What is made of some posts.
pub trait Made: Any + Send {
    /// Takes a post in, with what [`Found::Post`](super::Found::Post) tells of it, read at least as far as
    /// [`record::read_outline`](crate::record::read_outline). It may be one that is never handed out.
    fn take(
        &mut self,
        post: &Post<'_>,
        raw: &str,
        fetched: Option<Timestamp>,
        origin: Option<Origin>,
    );
}
