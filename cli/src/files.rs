//! The file system, for the files that a study names.

use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::limits::NAMED_FILE_BYTES_MAX;
use kvrig_sim::study;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Files beside a study file, or else below the current folder: names in the file mean the first,
/// names on the command line the second.
#[derive(Debug)]
pub(crate) struct Files {
    beside: PathBuf,
}

impl Files {
    /// Files of the study in `file`; a built-in study has none beside it.
    pub(crate) fn of_study(file: &str) -> Self {
        Self {
            beside: Path::new(file)
                .parent()
                .map_or_else(PathBuf::new, Path::to_path_buf),
        }
    }
}

impl study::Files for Files {
    fn read(&self, path: &str) -> Result<Vec<u8>, Diagnostic> {
        let beside = self.beside.join(path);
        let found = if beside.exists() {
            beside
        } else {
            PathBuf::from(path)
        };
        read(&found, NAMED_FILE_BYTES_MAX)
    }
}

/// The content of a file of at most `bytes_max` bytes.
pub(crate) fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Diagnostic> {
    let name = path.display();
    let unreadable = |error: io::Error| {
        Diagnostic::new(
            diagnostic::UNREADABLE,
            format!("{name} cannot be read: {error}"),
        )
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > bytes_max {
        let message = format!("{name} is larger than {bytes_max} bytes");
        return Err(Diagnostic::new(diagnostic::UNREADABLE, message));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_sim::study::Files as _;

    #[test]
    fn a_file_beside_the_study_is_found_before_one_below_the_current_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("Cargo.toml"), "beside").unwrap();
        let study = folder.path().join("study.toml").display().to_string();
        assert_eq!(
            Files::of_study(&study).read("Cargo.toml").unwrap(),
            b"beside"
        );
        // Tests run in the folder of their crate, which has a manifest.
        assert_ne!(
            Files::of_study("rehash").read("Cargo.toml").unwrap(),
            b"beside"
        );
    }

    #[test]
    fn a_file_beyond_its_limit_is_refused() {
        let error = read(Path::new("Cargo.toml"), 10).unwrap_err();
        assert_eq!(error.message, "Cargo.toml is larger than 10 bytes");
    }
}
