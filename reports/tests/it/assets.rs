//! Vendored files are what their list says.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

#[test]
fn vendored_files_have_the_recorded_hashes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let list = fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    for line in list.lines() {
        let (recorded, name) = line.split_once("  ").unwrap();
        let bytes = fs::read(folder.join(name)).unwrap();
        let found = Sha256::digest(bytes)
            .iter()
            .fold(String::new(), |mut text, byte| {
                write!(text, "{byte:02x}").unwrap();
                text
            });
        assert_eq!(found, recorded, "{name}");
    }
    let vendored = fs::read_dir(&folder).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name().into_string().unwrap();
        [".js", ".css", ".otf", ".woff2"]
            .iter()
            .any(|ending| name.ends_with(ending))
    });
    assert_eq!(
        vendored.count(),
        list.lines().count(),
        "every vendored file is listed"
    );
}
