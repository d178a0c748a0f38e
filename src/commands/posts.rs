//! `cotag posts`: the posts behind a number.

use super::listed::listed;
use super::{deliver_with, table_format};
use crate::cli::{Global, PostsArgs};
use crate::error::{Error, Exit};
use crate::model::Created;
use crate::output::{PostRow, footnote, posts};
use crate::ui::Ui;

pub(super) fn run(args: &PostsArgs, global: &Global, ui: &Ui) -> Result<Exit, Error> {
    let format = table_format(&args.output)?;
    let mut list = listed(&args.list, &|_| true, &PostRow::new, global, ui)?;
    list.rows
        .sort_unstable_by_key(|row| (row.created.map(Created::at), row.id));
    deliver_with(args.output.output.as_deref(), ui, |out| {
        posts(out, &list.name, &list.rows, &list.sample, format)
    })?;
    for line in footnote(&list.name, &list.sample) {
        ui.note(&line);
    }
    Ok(list.exit)
}
