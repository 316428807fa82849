//! Reading and writing files, with the path in every error.

use super::FolderError;
use kvrig_base::diagnostic::{self, Diagnostic};
use std::fs;
use std::io;
use std::path::Path;

/// Largest file that is read back: far above what a study writes, far below what would hurt.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// `name`, if it can be the name of a file everywhere: letters, digits, hyphens, dots and
/// underscores, not beginning with a dot.
pub(super) fn file_name(name: &str) -> Result<&str, FolderError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(allowed) {
        return Err(FolderError::Name(name.to_owned()));
    }
    Ok(name)
}

pub(super) fn read_text(path: &Path) -> Result<String, Diagnostic> {
    let size = fs::metadata(path)
        .map_err(|error| unreadable(path, &error))?
        .len();
    if size > FILE_BYTES_MAX {
        return Err(unreadable(
            path,
            &format!("it is larger than {FILE_BYTES_MAX} bytes"),
        ));
    }
    fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

pub(super) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Diagnostic> {
    serde_json::from_str(&read_text(path)?).map_err(|error| unreadable(path, &error))
}

pub(super) fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Diagnostic {
    Diagnostic::new(
        diagnostic::RESULT_UNREADABLE,
        format!("{}: {error}", path.display()),
    )
}

pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> FolderError {
    let path = path.to_owned();
    move |source| FolderError::Io {
        path: path.clone(),
        source,
    }
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    fs::write(path, bytes).map_err(at(path))
}

pub(super) fn create_dir(path: &Path) -> Result<(), FolderError> {
    fs::create_dir_all(path).map_err(at(path))
}

pub(super) fn rename(from: &Path, to: &Path) -> Result<(), FolderError> {
    fs::rename(from, to).map_err(at(from))
}

pub(super) fn remove_file(path: &Path) -> Result<(), FolderError> {
    fs::remove_file(path).map_err(at(path))
}

pub(super) fn remove_dir(path: &Path) -> Result<(), FolderError> {
    if path.exists() {
        fs::remove_dir_all(path).map_err(at(path))
    } else {
        Ok(())
    }
}
