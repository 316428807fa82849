//! Files and folders: listing, removing, comparing byte by byte.

use crate::shell::{Failure, Outcome};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Names in `folder`, sorted.
pub(crate) fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Every file below `folder`, as paths relative to it, sorted.
pub(crate) fn files(folder: &Path) -> Result<BTreeSet<PathBuf>, Failure> {
    let mut files = BTreeSet::new();
    collect(folder, Path::new(""), &mut files)
        .map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?;
    Ok(files)
}

fn collect(root: &Path, below: &Path, files: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    for name in names(&root.join(below))? {
        let path = below.join(name);
        if root.join(&path).is_dir() {
            collect(root, &path, files)?;
        } else {
            files.insert(path);
        }
    }
    Ok(())
}

/// Removes `folder` with all that is in it, if it is there.
pub(crate) fn remove(folder: &Path) -> Outcome {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::new(format!("{}: {error}", folder.display())))
        }
        _ => Ok(()),
    }
}

/// Fails unless both folders hold the same files with the same bytes, files called `except` aside.
pub(crate) fn same(left: &Path, right: &Path, except: &str) -> Outcome {
    let relevant = |folder: &Path| -> Result<BTreeSet<PathBuf>, Failure> {
        let mut files = files(folder)?;
        files.retain(|path| path.file_name().is_none_or(|name| name != except));
        if files.is_empty() {
            return Err(Failure::new(format!("{} has no files", folder.display())));
        }
        Ok(files)
    };
    let (left_files, right_files) = (relevant(left)?, relevant(right)?);
    if let Some(path) = left_files.symmetric_difference(&right_files).next() {
        return Err(Failure::new(format!(
            "{} is only on one side",
            path.display()
        )));
    }
    for path in &left_files {
        let read = |folder: &Path| {
            let path = folder.join(path);
            fs::read(&path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
        };
        if read(left)? != read(right)? {
            let (left, right) = (left.join(path), right.join(path));
            return Err(Failure::new(format!(
                "{} and {} differ",
                left.display(),
                right.display()
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
        let root = std::env::temp_dir().join(format!("kvrig-xtask-{}-{name}", std::process::id()));
        remove(&root).unwrap();
        for (path, content) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        root
    }

    #[test]
    fn folders_are_the_same_when_only_the_excepted_file_differs() {
        let left = folder("left", &[("a/rows.csv", "1"), ("run-meta.json", "noon")]);
        let right = folder(
            "right",
            &[("a/rows.csv", "1"), ("run-meta.json", "midnight")],
        );
        let changed = folder("changed", &[("a/rows.csv", "2")]);
        let fewer = folder("fewer", &[("b.csv", "1")]);
        assert!(same(&left, &right, "run-meta.json").is_ok());
        assert!(same(&left, &right, "").is_err());
        assert!(same(&left, &changed, "run-meta.json").is_err());
        assert!(same(&left, &fewer, "run-meta.json").is_err());
        for folder in [left, right, changed, fewer] {
            remove(&folder).unwrap();
        }
    }

    #[test]
    fn an_empty_folder_equals_nothing() {
        let empty = folder("empty", &[("run-meta.json", "")]);
        assert!(same(&empty, &empty, "run-meta.json").is_err());
        remove(&empty).unwrap();
    }
}
