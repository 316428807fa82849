//! Finished points of a run, kept as files so that an interrupted run can go on from them.

use kvrig_base::digest::Digest;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A folder of finished points that belong to one study document and one version of the program.
#[derive(Clone, Debug)]
pub struct PointFiles {
    folder: PathBuf,
    scope: Digest,
}

impl PointFiles {
    /// Points in `folder` (made on the first save), of the canonical study `document` as run by this
    /// version: points of another document or version have other file names and are never used.
    pub fn new(folder: &Path, document: &str) -> Self {
        let scope = format!(
            "kvrig {} results {}\n{document}",
            env!("CARGO_PKG_VERSION"),
            kvrig_base::result::RESULTS_VERSION
        );
        Self {
            folder: folder.to_owned(),
            scope: Digest::of(scope.as_bytes()),
        }
    }

    /// The stored outcome of the point called `key`, if there is a whole one.
    pub fn load(&self, key: &str) -> Option<Vec<u8>> {
        fs::read(self.path(key)).ok()
    }

    /// Stores the outcome of a point: written beside its place, then renamed into it, so that a file
    /// under its own name is always whole.
    ///
    /// # Errors
    /// What the file system answers.
    pub fn save(&self, key: &str, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let path = self.path(key);
        let unfinished = path.with_extension("writing");
        fs::write(&unfinished, bytes)?;
        fs::rename(&unfinished, &path)
    }

    fn path(&self, key: &str) -> PathBuf {
        let name = Digest::of(format!("{} {key}", self.scope).as_bytes());
        self.folder.join(format!("{name}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("kvrig-points-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn a_saved_point_is_found_again_and_another_is_not() {
        let folder = folder("again");
        let points = PointFiles::new(&folder, "seed = 1");
        assert_eq!(points.load("table=redis-7.0 · seed 1"), None);
        points.save("table=redis-7.0 · seed 1", b"{}").unwrap();
        assert_eq!(
            points.load("table=redis-7.0 · seed 1").as_deref(),
            Some(&b"{}"[..])
        );
        assert_eq!(points.load("table=redis-7.0 · seed 2"), None);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn points_of_a_changed_study_are_not_used() {
        let folder = folder("changed");
        PointFiles::new(&folder, "seed = 1")
            .save("point", b"old")
            .unwrap();
        assert_eq!(PointFiles::new(&folder, "seed = 2").load("point"), None);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_point_that_was_cut_off_is_not_there() {
        let folder = folder("cut");
        let points = PointFiles::new(&folder, "seed = 1");
        points.save("point", b"whole").unwrap();
        let path = points.path("point");
        fs::rename(&path, path.with_extension("writing")).unwrap();
        assert_eq!(points.load("point"), None);
        fs::remove_dir_all(folder).unwrap();
    }
}
