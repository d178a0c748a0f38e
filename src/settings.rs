//! Settings: flags before environment before configuration file before defaults.
//!
//! Credentials are read here and nowhere else, and never written.

use std::path::{Path, PathBuf};
use std::time::Duration;

use etcetera::{AppStrategy, AppStrategyArgs};
use fs_err as fs;
use serde::Deserialize;

use crate::cli::{ApiArgs, DATA_DIR, Global, SourceArg, duration};
use crate::error::{Error, Exit};
use crate::http::Secret;
use crate::source::research::{BASE_URL, Credentials, parse_ini};
use crate::store::place::{DatabasePlace, Place, is_address};

/// Requests a day that TikTok grants.
const DAILY_QUOTA: u64 = 1000;
const RETRY_WAIT: Duration = Duration::from_secs(5);
/// Where the seed crawler keeps its credentials.
const CREDENTIAL_FILES: [&str; 2] = ["api-credentials.ini", "config/api-credentials.ini"];
/// Where the seed crawler says which database it writes to.
const DATABASE_FILE: &str = "config/database.ini";
const KEY: &str = "TIKTOK_CLIENT_KEY";
const SECRET: &str = "TIKTOK_CLIENT_SECRET";

/// How to reach the Research API, resolved.
#[derive(Debug)]
pub(crate) struct ApiSettings {
    /// The practice server of this process, instead of the base URL.
    pub(crate) sandbox: bool,
    /// Without a slash at the end.
    pub(crate) base_url: String,
    /// Proxy; `None` for the system's.
    pub(crate) proxy: Option<Secret>,
    /// Base of all waits.
    pub(crate) retry_wait: Duration,
    /// Requests a day.
    pub(crate) daily_quota: u64,
    /// Where the quota's counters lie.
    pub(crate) state_dir: PathBuf,
    credentials: Option<(Credentials, String)>,
    /// What a person should know about where settings came from.
    pub(crate) warnings: Vec<String>,
}

/// `config.toml`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    client_key: Option<String>,
    client_secret: Option<String>,
    api_url: Option<String>,
    proxy: Option<String>,
    retry_wait: Option<String>,
    daily_quota: Option<u64>,
}

/// Where the posts are, and what a person should know about how that was found out: `--store`,
/// then `COTAG_STORE`, then a data directory that was named, then the seed crawler's file.
///
/// # Errors
/// An address that names no database; a malformed file.
pub(crate) fn store(global: &Global) -> Result<(Place, Vec<String>), Error> {
    if let Some(text) = &global.store {
        let place =
            Place::parse(text).map_err(|error| Error::Usage(format!("--store: {error}")))?;
        return Ok((place, Vec::new()));
    }
    let file = Path::new(DATABASE_FILE);
    if global.data_dir != Path::new(DATA_DIR) || !file.is_file() {
        return Ok((Place::Directory(global.data_dir.clone()), Vec::new()));
    }
    let mut notes = Vec::new();
    let place = database_file(file, &mut notes)?;
    notes.push(format!("the store is `{place}`, as `{DATABASE_FILE}` says"));
    Ok((Place::Database(place), notes))
}

/// The seed crawler's file: server_path, database, collection1 (posts), collection2 (comments).
fn database_file(path: &Path, warnings: &mut Vec<String>) -> Result<DatabasePlace, Error> {
    let named = format!("`{}`", path.display());
    let wrong = |what: String| {
        Error::failed(
            format!("{named}: {what}"),
            "it needs a section such as [Database] with server_path and database; --store names another store",
        )
    };
    let text = fs::read_to_string(path)?;
    // The error's words may quote a line with the password.
    let sections =
        parse_ini(&text).map_err(|error| wrong(format!("line {} cannot be read", error.line)))?;
    let value = |keys: &[&str]| {
        let mut found = keys
            .iter()
            .flat_map(|key| sections.iter().filter_map(|section| section.get(key)));
        let found = found
            .next()
            .map(|entry| entry.value.trim_matches(['"', '\'']).to_owned());
        found.filter(|value| !value.is_empty())
    };
    let server =
        value(&["server_path"]).ok_or_else(|| wrong("`server_path` is missing or empty".into()))?;
    let address = if is_address(&server) {
        server
    } else {
        format!("mongodb://{server}")
    };
    let database = value(&["database"]);
    let mut place = DatabasePlace::new(&address, database.as_deref())
        .map_err(|error| wrong(error.to_string()))?;
    if let Some(posts) = value(&["collection1", "collection_posts"]) {
        place.collections.posts = posts;
    }
    if let Some(comments) = value(&["collection2", "collection_comments"]) {
        place.collections.comments = comments;
    }
    if place.has_user() {
        private(path, warnings);
    }
    Ok(place)
}

impl ApiSettings {
    /// Resolves the flags. `data_dir` serves where the platform has no place for state.
    ///
    /// # Errors
    /// A file named on the command line is missing; a file is malformed; half of the credentials.
    pub(crate) fn resolve(args: &ApiArgs, data_dir: &Path) -> Result<Self, Error> {
        let mut warnings = Vec::new();
        let default_config = folders().map(|folders| folders.in_config_dir("config.toml"));
        let config = config(
            args.config.as_deref(),
            default_config.as_deref(),
            &mut warnings,
        )?;
        let (file, config_path) = config.unwrap_or_default();

        if args.source == Some(SourceArg::Browser) {
            return Err(Error::Usage(
                "--source browser is for `cotag download`; this asks the Research API".into(),
            ));
        }
        let sandbox = args.source == Some(SourceArg::Sandbox);
        if sandbox && args.api_url.is_some() {
            warnings.push("--source sandbox runs its own server; --api-url is not used".into());
        }
        let base_url = args
            .api_url
            .clone()
            .or(file.api_url)
            .unwrap_or_else(|| BASE_URL.to_owned());
        let from_file = || file.retry_wait.as_deref().map(duration).transpose();
        let retry_wait = match args.retry_wait {
            Some(wait) => wait,
            None => from_file().map_err(Error::Usage)?.unwrap_or(RETRY_WAIT),
        };
        let credentials = if sandbox {
            None
        } else {
            let in_config = file.client_key.zip(file.client_secret);
            credentials(
                args.credentials.as_deref(),
                in_config,
                &config_path,
                &mut warnings,
            )?
        };
        let base_url = base_url.trim_end_matches('/').to_owned();
        if !base_url.starts_with("https://") && !base_url.starts_with("http://") {
            return Err(Error::Usage(format!(
                "`{base_url}` is no URL such as {BASE_URL}"
            )));
        }
        Ok(Self {
            sandbox,
            base_url,
            proxy: args
                .proxy
                .clone()
                .or(file.proxy)
                .as_deref()
                .map(Secret::new),
            retry_wait,
            daily_quota: args.daily_quota.or(file.daily_quota).unwrap_or(DAILY_QUOTA),
            state_dir: state_dir(data_dir),
            credentials,
            warnings,
        })
    }

    /// Key and secret.
    ///
    /// # Errors
    /// There are none; the message shows the three ways to give them.
    pub(crate) fn credentials(&self) -> Result<&Credentials, Error> {
        match &self.credentials {
            Some((credentials, _)) => Ok(credentials),
            None => Err(Error::ended(
                Exit::Credentials,
                "no credentials for the Research API",
                format!(
                    "three ways on: set {KEY} and {SECRET}, or put client_key and client_secret into \
                     api-credentials.ini or cotag's config.toml; or let a browser show the posts, with \
                     `cotag download --source browser`; or, while you wait for access, practise with \
                     --source sandbox"
                ),
            )),
        }
    }

    /// Where key and secret were found.
    pub(crate) fn credentials_from(&self) -> &str {
        self.credentials.as_ref().map_or("", |(_, from)| from)
    }

    /// What tells clients apart in the quota's count.
    pub(crate) fn client(&self) -> Result<String, Error> {
        let key = self.credentials()?.key.expose();
        Ok(if self.base_url == BASE_URL {
            key.to_owned()
        } else {
            format!("{key} at {}", self.base_url)
        })
    }
}

/// Where the platform keeps what programs need from one run to the next; a place below the data
/// directory where it has none.
pub(crate) fn state_dir(data_dir: &Path) -> PathBuf {
    folders().map_or_else(
        || data_dir.join(".cotag"),
        |folders| folders.state_dir().unwrap_or_else(|| folders.data_dir()),
    )
}

fn folders() -> Option<impl AppStrategy> {
    etcetera::choose_app_strategy(AppStrategyArgs {
        top_level_domain: "org".into(),
        author: "cotag".into(),
        app_name: "cotag".into(),
    })
    .ok()
}

/// The configuration file, if there is one, and its path.
fn config(
    named: Option<&Path>,
    usual: Option<&Path>,
    warnings: &mut Vec<String>,
) -> Result<Option<(ConfigFile, String)>, Error> {
    let path = match (named, usual) {
        (Some(named), _) => named,
        (None, Some(usual)) if usual.is_file() => usual,
        _ => return Ok(None),
    };
    let text = fs::read_to_string(path)?;
    let file: ConfigFile = toml::from_str(&text).map_err(|error| {
        // The error quotes the value, which may be the secret: say where, not what.
        let line = error
            .span()
            .map_or(1, |span| text[..span.start].lines().count().max(1));
        Error::failed(
            format!("`{}`: line {line} cannot be read", path.display()),
            "TOML with these keys: client_key, client_secret, api_url, proxy, retry_wait, daily_quota",
        )
    })?;
    if file.client_secret.is_some() {
        private(path, warnings);
    }
    Ok(Some((file, path.display().to_string())))
}

/// Key and secret and where they were found.
fn credentials(
    named: Option<&Path>,
    in_config: Option<(String, String)>,
    config_path: &str,
    warnings: &mut Vec<String>,
) -> Result<Option<(Credentials, String)>, Error> {
    if let Some(path) = named {
        return ini(path, warnings).map(Some);
    }
    let variable = |name: &str| {
        std::env::var(name)
            .ok()
            .filter(|value| !value.trim().is_empty())
    };
    match (variable(KEY), variable(SECRET)) {
        (Some(key), Some(secret)) => {
            return Ok(Some((pair(&key, &secret), format!("{KEY} and {SECRET}"))));
        }
        (None, None) => {}
        (key, _) => {
            let (there, missing) = if key.is_some() {
                (KEY, SECRET)
            } else {
                (SECRET, KEY)
            };
            return Err(Error::ended(
                Exit::Credentials,
                format!("{there} is set, but {missing} is not"),
                "set both, or neither and use api-credentials.ini or the configuration file",
            ));
        }
    }
    for name in CREDENTIAL_FILES {
        let path = Path::new(name);
        if path.is_file() {
            return ini(path, warnings).map(Some);
        }
    }
    Ok(in_config.map(|(key, secret)| (pair(&key, &secret), format!("`{config_path}`"))))
}

fn pair(key: &str, secret: &str) -> Credentials {
    Credentials {
        key: Secret::new(key),
        secret: Secret::new(secret),
    }
}

/// The seed crawler's file: client_id, client_secret, client_key, grant_type in one section.
fn ini(path: &Path, warnings: &mut Vec<String>) -> Result<(Credentials, String), Error> {
    let named = format!("`{}`", path.display());
    let wrong = |what: String| {
        Error::ended(
            Exit::Credentials,
            format!("{named}: {what}"),
            "it needs a section such as [Tiktok] with client_key and client_secret",
        )
    };
    let text = fs::read_to_string(path)?;
    let sections = parse_ini(&text).map_err(|error| {
        // Its words may quote a line with the secret.
        wrong(format!("line {} cannot be read", error.line))
    })?;
    private(path, warnings);
    let value = |key: &str| {
        sections
            .iter()
            .find_map(|section| section.get(key))
            .map(|entry| entry.value.trim_matches(['"', '\'']).to_owned())
            .filter(|value| !value.is_empty())
            .ok_or_else(|| wrong(format!("`{key}` is missing or empty")))
    };
    let credentials = pair(&value("client_key")?, &value("client_secret")?);
    Ok((credentials, named))
}

/// Warns when others on this machine can read a file with a secret.
#[cfg(unix)]
fn private(path: &Path, warnings: &mut Vec<String>) {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(meta) = fs::metadata(path) else {
        return;
    };
    if meta.permissions().mode() & 0o077 != 0 {
        warnings.push(format!(
            "`{}` holds a secret and can be read by others: chmod 600 it",
            path.display()
        ));
    }
}

#[cfg(not(unix))]
fn private(_: &Path, _: &mut Vec<String>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_crawlers_credentials_are_read_and_mistakes_do_not_show_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api-credentials.ini");
        let text = "[Tiktok]\nCLIENT_ID = 1\nCLIENT_SECRET = s3cr3t-value\nCLIENT_KEY = aw123\nGRANT_TYPE = client_credentials\n";
        fs::write(&path, text).unwrap();
        let mut warnings = Vec::new();
        let (found, _) = ini(&path, &mut warnings).unwrap();
        assert_eq!(found.key.expose(), "aw123");
        assert_eq!(found.secret.expose(), "s3cr3t-value");
        for broken in [
            text.replace("CLIENT_SECRET =", "CLIENT_SECRET"),
            text.replace("CLIENT_KEY = aw123", ""),
        ] {
            fs::write(&path, broken).unwrap();
            let error = ini(&path, &mut warnings).unwrap_err();
            assert_eq!(error.exit(), Exit::Credentials);
            assert!(!error.to_string().contains("s3cr3t"), "{error}");
        }
        let config_path = folder.path().join("config.toml");
        fs::write(
            &config_path,
            "client_key = \"a\"\nclient_secret = s3cr3t-value\n",
        )
        .unwrap();
        let error = config(Some(&config_path), None, &mut warnings).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
        assert!(!error.to_string().contains("s3cr3t"), "{error}");
    }

    #[test]
    fn the_seed_crawlers_database_is_read_and_mistakes_do_not_show_the_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("database.ini");
        let text = "[Database]\n# no need for quotes\nserver_path = mongodb://ann:s3cr3t@db.example:27017/\n\n\
                    database = tiktok-big-query2\ncollection1 = videos\n";
        fs::write(&path, text).unwrap();
        let mut notes = Vec::new();
        let place = database_file(&path, &mut notes).unwrap();
        assert_eq!(
            place.to_string(),
            "mongodb://ann@db.example:27017/tiktok-big-query2"
        );
        assert_eq!(place.collections.posts, "videos");
        assert_eq!(place.collections.comments, "comments");
        for broken in [
            text.replace("database = tiktok-big-query2", ""),
            text.replace("server_path =", "server_path"),
            text.replace("s3cr3t@", "s3/cr3t@"),
        ] {
            fs::write(&path, &broken).unwrap();
            let error = database_file(&path, &mut notes).unwrap_err();
            assert_eq!(error.exit(), Exit::Failed);
            assert!(!format!("{error} {error:?}").contains("cr3t"), "{error:?}");
        }
    }
}
