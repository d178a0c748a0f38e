//! `cotag users`: names → Research API → what accounts say of themselves, and their lists.

use fs_err as fs;

use super::list_shelf::{ListShelf, asked_of};
use super::lists::{ListReader, ListTally, Passes, Turn, Turns};
use super::server::Server;
use super::session::Session;
use crate::cli::{Global, UsersArgs};
use crate::commands::database::Shelf;
use crate::commands::input::stored_tag;
use crate::commands::{place, side_store};
use crate::error::{Error, Exit};
use crate::model::Hashtag;
use crate::output::{counted, printable};
use crate::settings::ApiSettings;
use crate::source::research::{Bucket, List, Stop};
use crate::store::place::Place;
use crate::store::{AskedLine, AskedLists, AskedState, Leaseholder, Records, Side, SideStore};
use crate::ui::Ui;

/// TikTok allows 24 characters; older names are longer.
const LONGEST_NAME: usize = 64;

/// An account to ask about.
#[derive(Clone, Debug, PartialEq, Eq)]
struct User {
    /// As it is asked for: in lower case, as TikTok's links have it.
    name: String,
    /// What its folder is made of.
    key: Hashtag,
}

impl User {
    /// The account that a name or a link to its page names; `None` for what cannot be a name.
    fn named(text: &str) -> Option<Self> {
        let text = text.trim();
        let name = match text.split_once("tiktok.com/@") {
            Some((_, rest)) => rest.split(['/', '?']).next().unwrap_or_default(),
            None => text.strip_prefix('@').unwrap_or(text),
        };
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || name.chars().count() > LONGEST_NAME || !name.chars().all(fits) {
            return None;
        }
        let key = Hashtag::new(name)?;
        Some(Self {
            name: name.to_lowercase(),
            key,
        })
    }
}

pub(in crate::commands) fn run(args: &UsersArgs, global: &Global, ui: &Ui) -> Result<Exit, Error> {
    let place = place(global, ui)?;
    let settings = ApiSettings::resolve(&args.api, &global.data_dir)?;
    for warning in &settings.warnings {
        ui.warn(warning);
    }
    let (users, unnamed) = users(args, global, ui)?;
    let lists = lists(args);
    if args.extent.dry_run {
        return dry_run(args, &users, &lists, global, ui);
    }
    let exit = Server::session(&settings, ui, args.extent.max_requests, None, async |on| {
        let collection = Collection {
            args,
            on,
            passes: Passes::begin(on),
            place: &place,
            global,
            ui,
            users: &users,
            lists: &lists,
        };
        collection.all().await
    })?;
    Ok(if unnamed > 0 {
        exit.and(Exit::Partly)
    } else {
        exit
    })
}

/// The lists asked for.
fn lists(args: &UsersArgs) -> Vec<&'static str> {
    let wishes = [
        (args.info, "info"),
        (args.followers, "followers"),
        (args.following, "following"),
        (args.liked, "liked"),
        (args.pinned, "pinned"),
        (args.reposted, "reposted"),
    ];
    let mut lists: Vec<&str> = wishes
        .iter()
        .filter(|(wished, _)| *wished)
        .map(|(_, list)| *list)
        .collect();
    if lists.is_empty() {
        lists.push("info");
    }
    lists
}

fn list(name: &str, user: &str) -> List {
    let user = user.to_owned();
    match name {
        "followers" => List::Followers(user),
        "following" => List::Following(user),
        "liked" => List::Liked(user),
        "pinned" => List::Pinned(user),
        "reposted" => List::Reposted(user),
        _ => List::Info(user),
    }
}

/// The accounts of the command line, each once; and how many of stored posts have no name that can be asked for.
fn users(args: &UsersArgs, global: &Global, ui: &Ui) -> Result<(Vec<User>, u64), Error> {
    let mut typed: Vec<String> = args.usernames.clone();
    if let Some(file) = &args.file {
        let text = fs::read_to_string(file)?;
        let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
        typed.extend(
            lines
                .filter(|line| !line.is_empty() && *line != "#" && !line.starts_with("# "))
                .map(str::to_owned),
        );
    }
    let mut users: Vec<User> = Vec::new();
    for name in typed {
        let user = User::named(&name).ok_or_else(|| {
            Error::Usage(format!(
                "`{}` is no user name: letters, digits, `_` and `.`, or a link to the account's page",
                printable(&name)
            ))
        })?;
        if !users.contains(&user) {
            users.push(user);
        }
    }
    let mut unnamed = 0;
    if let Some(tag) = &args.authors_of {
        let authors = authors(tag, args.top, global, ui)?;
        for name in authors {
            match User::named(&name) {
                Some(user) if !users.contains(&user) => users.push(user),
                Some(_) => {}
                None => {
                    unnamed += 1;
                    if unnamed <= 5 {
                        ui.warn(&format!(
                            "`{}` cannot be a user name; it is skipped",
                            printable(&name)
                        ));
                    }
                }
            }
        }
    }
    if users.is_empty() {
        return Err(Error::failed(
            "there is no user to ask about",
            "name accounts with --usernames or -f, or a stored hashtag with --authors-of",
        ));
    }
    Ok((users, unnamed))
}

/// The authors of a hashtag's stored posts: those with the most posts first.
fn authors(tag: &str, top: Option<usize>, global: &Global, ui: &Ui) -> Result<Vec<String>, Error> {
    let tag = Hashtag::new(tag).ok_or_else(|| Error::Usage(format!("`{tag}` is no hashtag")))?;
    stored_tag(&tag, &Shelf::new(global))?.authors(top, ui)
}

struct Collection<'c> {
    args: &'c UsersArgs,
    on: Session<'c>,
    passes: Passes,
    place: &'c Place,
    global: &'c Global,
    ui: &'c Ui,
    users: &'c [User],
    lists: &'c [&'static str],
}

/// What happened to all users.
#[derive(Default)]
struct Total {
    tally: ListTally,
    /// Users of whom something is private or missing, now or as noted before.
    skipped: u64,
    /// Followers and following are used up for today; the other lists have a quota of their own.
    no_relations: Option<Stop>,
}

impl Collection<'_> {
    async fn all(&self) -> Result<Exit, Error> {
        self.on.login().await?;
        let mut total = Total::default();
        let pass = async || {
            total.skipped = 0;
            total.tally.failed.clear();
            let stop = self.pass(&mut total).await?;
            Ok(stop.or_else(|| total.no_relations.take()))
        };
        let stop = self.on.passes(self.args.extent.wait, pass).await?;
        self.ui.note(&format!(
            "{}: {}, {} new; {} private, missing or banned",
            counted(self.users.len() as u64, "user"),
            counted(total.tally.requests, "request"),
            counted(total.tally.new, "record"),
            total.skipped
        ));
        let partly = total.skipped > 0 || !total.tally.failed.is_empty();
        self.on.end(stop.as_ref(), partly)
    }

    /// All users once, the store given back afterwards.
    async fn pass(&self, total: &mut Total) -> Result<Option<Stop>, Error> {
        let side = side_store(self.global, self.place, Side::Users, "users", self.ui)?;
        let reader = ListReader::new(self.on, &self.passes, self.args.max_per_list);
        self.ui.start_steps("users", self.users.len() as u64);
        let mut turns = Turns::new(self.users);
        let mut done = 0;
        let stop = loop {
            let Some(user) = turns.next() else {
                break None;
            };
            match self.user(user, &side, &reader, total).await? {
                Next::Stop(stop) => break Some(stop),
                Next::Later(other) => {
                    if let Err(stop) = turns.later(user, &other, self.on).await {
                        break Some(stop);
                    }
                }
                Next::User => {
                    turns.done();
                    done += 1;
                    self.ui
                        .step(done, || format!("{} new records", total.tally.new));
                }
            }
        };
        self.ui.finish();
        Ok(stop)
    }

    async fn user(
        &self,
        user: &User,
        side: &SideStore,
        reader: &ListReader<'_>,
        total: &mut Total,
    ) -> Result<Next, Error> {
        let mut told = false;
        let mut later = None;
        for &name in self.lists {
            let Some(records) = Records::list(&user.key, name) else {
                continue;
            };
            let mut shelf = ListShelf::new(side, &records)?;
            if self.is_closed(&shelf.asked) {
                total.skipped += u64::from(!told);
                return Ok(Next::User);
            }
            let line = match self.left(name, shelf.asked.get(name, None)) {
                Left::Ask(line) => *line,
                Left::Noted => {
                    total.skipped += u64::from(!std::mem::replace(&mut told, true));
                    continue;
                }
                Left::Nothing => continue,
            };
            let wish = list(name, &user.name);
            let is_relations = wish.bucket() == Bucket::Relations;
            if is_relations && total.no_relations.is_some() {
                continue;
            }
            let mut tally = ListTally::default();
            let left = |now: &AskedLine| match self.left(name, Some(now)) {
                Left::Ask(line) => Some(*line),
                Left::Noted | Left::Nothing => None,
            };
            let turn = reader.turn(wish, line, left, &mut shelf, &mut tally).await;
            let (state, stop) = match turn {
                Ok(Turn::Read(state)) => (state, None),
                Ok(Turn::Nothing) => {
                    let now = shelf.asked.get(name, None);
                    (now.map_or(AskedState::Done, |line| line.state), None)
                }
                Ok(Turn::Theirs(other)) => {
                    later = Some(other);
                    continue;
                }
                Err(stop) => (AskedState::Open, Some(stop)),
            };
            self.close(user, name, shelf, reader, &tally, stop.as_ref())?;
            total.tally.add(&tally);
            match stop {
                // The other lists are counted apart.
                Some(stop @ Stop::Quota(_)) if is_relations => {
                    total.no_relations = Some(stop);
                    continue;
                }
                Some(stop) => return Ok(Next::Stop(stop)),
                None => {}
            }
            if matches!(state, AskedState::Withheld | AskedState::Missing) {
                total.skipped += u64::from(!std::mem::replace(&mut told, true));
                if closes(name, state) {
                    return Ok(Next::User);
                }
            }
        }
        Ok(later.map_or(Next::User, Next::Later))
    }

    /// Enters what was asked about a list.
    fn close(
        &self,
        user: &User,
        name: &str,
        shelf: ListShelf<'_>,
        reader: &ListReader<'_>,
        tally: &ListTally,
        stop: Option<&Stop>,
    ) -> Result<(), Error> {
        let asked = format!("{name} of @{}", user.name);
        let run = reader.run_line("users", user.key.as_str(), &asked, tally, stop);
        if let Err(error) = shelf.close((tally.requests > 0).then_some(run)) {
            return Err(self.on.gate.trouble().unwrap_or_else(|| error.into()));
        }
        for failed in &tally.failed {
            self.ui.warn(&format!("@{}: {failed}", user.name));
        }
        Ok(())
    }

    /// What is left to ask of a list.
    fn left(&self, name: &str, known: Option<&AskedLine>) -> Left {
        let Some(known) = known.cloned() else {
            return Left::Ask(Box::new(AskedLine {
                of: name.to_owned(),
                ..AskedLine::default()
            }));
        };
        match known.state {
            AskedState::Open | AskedState::Failed => Left::Ask(Box::new(known)),
            AskedState::Enough => {
                let most = self.args.max_per_list;
                if most.is_none_or(|most| known.new + known.known < most) {
                    Left::Ask(Box::new(known))
                } else {
                    Left::Nothing
                }
            }
            _ if self.args.again && !self.passes.wrote(&known) => Left::Ask(Box::new(AskedLine {
                new: 0,
                known: 0,
                cursor: None,
                ..known
            })),
            AskedState::Done => Left::Nothing,
            AskedState::Withheld | AskedState::Missing => Left::Noted,
        }
    }

    /// Whether an account is known to be missing or private, and not to be asked about again.
    fn is_closed(&self, asked: &AskedLists) -> bool {
        let mut lines = asked.lines().into_iter();
        lines.any(|line| {
            closes(&line.of, line.state) && (!self.args.again || self.passes.wrote(line))
        })
    }
}

/// What comes after a user's turn.
enum Next {
    User,
    /// Another collector works on one of the lists.
    Later(Leaseholder),
    Stop(Stop),
}

/// What is left to ask of a list.
enum Left {
    Ask(Box<AskedLine>),
    /// It is private or missing: a fact.
    Noted,
    Nothing,
}

/// Whether an answer about one list holds for all of an account: likes may be hidden alone.
fn closes(list: &str, state: AskedState) -> bool {
    state == AskedState::Missing || (state == AskedState::Withheld && list != "liked")
}

/// What would be asked, without asking.
fn dry_run(
    args: &UsersArgs,
    users: &[User],
    lists: &[&str],
    global: &Global,
    ui: &Ui,
) -> Result<Exit, Error> {
    let mut text = String::new();
    let shelf = Shelf::new(global);
    for user in users {
        let asked = match Records::list(&user.key, "info") {
            Some(records) => asked_of(&shelf, &records)?,
            None => None,
        };
        let state = |list: &str| Some(asked.as_ref()?.get(list, None)?.state);
        let known = asked.as_ref().map(AskedLists::lines).unwrap_or_default();
        let closed = !args.again && known.iter().any(|line| closes(&line.of, line.state));
        let left: Vec<&str> = lists
            .iter()
            .copied()
            .filter(|list| !closed && (args.again || state(list) != Some(AskedState::Done)))
            .collect();
        let left = match (closed, left.is_empty()) {
            (true, _) => "private, missing or banned".to_owned(),
            (false, true) => "nothing left".to_owned(),
            (false, false) => left.join(", "),
        };
        text += &format!("@{}: {left}\n", user.name);
    }
    ui.data(text.as_bytes())?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_links_name_accounts_and_nothing_else_does() {
        for (text, name) in [
            ("hive_anna", Some("hive_anna")),
            (" @Imker.Jo ", Some("imker.jo")),
            (
                "https://www.tiktok.com/@hive_anna/video/1",
                Some("hive_anna"),
            ),
            (
                "https://www.tiktok.com/@hive_anna?lang=de",
                Some("hive_anna"),
            ),
            ("", None),
            ("@", None),
            ("a b", None),
            ("../x", None),
            ("a/b", None),
            ("x\u{202e}y", None),
        ] {
            let user = User::named(text);
            assert_eq!(user.as_ref().map(|user| &*user.name), name, "{text}");
        }
    }

    #[test]
    fn hidden_likes_say_nothing_about_an_account() {
        assert!(!closes("liked", AskedState::Withheld));
        assert!(closes("info", AskedState::Withheld));
        assert!(closes("liked", AskedState::Missing));
    }
}
