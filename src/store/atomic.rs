//! Files that are written whole or not at all.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use fs_err as fs;
use tempfile::NamedTempFile;

use super::StoreError;

/// How the names of files begin that are not finished.
const TEMPORARY: &str = ".cotag-";

/// Replaces `path` by what `write` produces: a temporary file beside it, synced, then renamed over it.
///
/// # Errors
/// When writing fails; the old file is then still in place.
pub fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut NamedTempFile>) -> io::Result<()>,
) -> io::Result<()> {
    replace_and(path, true, write)
}

/// As [`replace`], without waiting for the disk: for what carries a checksum and can be made again.
pub(super) fn replace_cache(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut NamedTempFile>) -> io::Result<()>,
) -> io::Result<()> {
    replace_and(path, false, write)
}

fn replace_and(
    path: &Path,
    sync: bool,
    write: impl FnOnce(&mut BufWriter<&mut NamedTempFile>) -> io::Result<()>,
) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let named = |error: io::Error| {
        io::Error::new(
            error.kind(),
            format!("cannot write `{}`: {error}", path.display()),
        )
    };
    let mut file = NamedTempFile::with_prefix_in(TEMPORARY, folder).map_err(named)?;
    let mut buffered = BufWriter::with_capacity(1 << 20, &mut file);
    write(&mut buffered).map_err(named)?;
    buffered.flush().map_err(named)?;
    drop(buffered);
    share_as(path, &file).map_err(named)?;
    if sync {
        file.as_file().sync_data().map_err(named)?;
    }
    file.persist(path).map_err(|error| named(error.error))?;
    if sync { sync_folder(folder) } else { Ok(()) }
}

/// A text file; `None` where there is none.
pub(super) fn text(path: &Path) -> Result<Option<String>, StoreError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(StoreError::Damaged {
            path: path.to_owned(),
            why: "not UTF-8 text".into(),
        }),
        Err(error) => Err(error.into()),
    }
}

/// Removes what writers that were killed left in a folder. Only for who holds the lock.
pub(super) fn sweep(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY)
            && entry.file_type()?.is_file()
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Temporary files are private; a store may be read by a team. Take the old file's mode, or the usual one.
#[cfg(unix)]
fn share_as(path: &Path, file: &NamedTempFile) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path).map_or(0o644, |old| old.permissions().mode());
    file.as_file()
        .set_permissions(std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn share_as(_: &Path, _: &NamedTempFile) -> io::Result<()> {
    Ok(())
}

/// Makes a new name in a folder durable.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
pub(super) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
