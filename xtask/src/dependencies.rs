//! Which crate of ours may know which: the picture of ARCHITECTURE.md, held by `cargo xtask ci`.

use crate::shell::{Failure, Outcome, cargo};

/// Crate, and the crates of ours that it may depend on.
///
/// An engine knows only the vocabulary and the tables, never its hosts; reports know results, never
/// the simulator; only the program and the measurements see both.
const ALLOWED: &[(&str, &[&str])] = &[
    ("kvrig-base", &[]),
    ("kvrig-tables", &["kvrig-base"]),
    ("kvrig-redis", &["kvrig-base", "kvrig-tables"]),
    ("kvrig-memcached", &["kvrig-base", "kvrig-tables"]),
    ("kvrig-dynamo", &["kvrig-base", "kvrig-tables"]),
    ("kvrig-workloads", &["kvrig-base"]),
    (
        "kvrig-sim",
        &[
            "kvrig-base",
            "kvrig-tables",
            "kvrig-redis",
            "kvrig-memcached",
            "kvrig-dynamo",
            "kvrig-workloads",
        ],
    ),
    (
        "kvrig-live",
        &[
            "kvrig-base",
            "kvrig-tables",
            "kvrig-redis",
            "kvrig-workloads",
        ],
    ),
    ("kvrig-reports", &["kvrig-base"]),
    (
        "kvrig-cli",
        &[
            "kvrig-base",
            "kvrig-workloads",
            "kvrig-sim",
            "kvrig-live",
            "kvrig-reports",
        ],
    ),
    (
        "kvrig-benches",
        &[
            "kvrig-base",
            "kvrig-tables",
            "kvrig-redis",
            "kvrig-dynamo",
            "kvrig-workloads",
            "kvrig-sim",
        ],
    ),
    ("kvrig-xtask", &[]),
];

/// A crate of the workspace, its folder, and the crates of ours that it names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) folder: String,
    dependencies: Vec<String>,
}

/// All crates of the workspace, as cargo sees them, with every kind of dependency.
pub(crate) fn packages() -> Result<Vec<Package>, Failure> {
    let tree = cargo(["tree", "--workspace", "--depth", "1", "--prefix", "depth"])
        .args(["--edges", "normal,build,dev", "--no-dedupe"])
        .args(["--format", " {p}", "--locked"])
        .output()?;
    Ok(parse(&tree))
}

/// Reads lines such as `0 kvrig-base v0.1.0 (/folder)`: a crate at depth 0, then its dependencies.
fn parse(tree: &str) -> Vec<Package> {
    let mut packages: Vec<Package> = Vec::new();
    for line in tree.lines() {
        let Some((depth, rest)) = line.split_once(' ') else {
            continue;
        };
        let name = rest.split(' ').next().unwrap_or_default().to_owned();
        let folder = rest
            .split_once('(')
            .and_then(|(_, rest)| rest.split_once(')'));
        match (depth, packages.last_mut()) {
            ("0", _) => packages.push(Package {
                name,
                folder: folder.map_or(String::new(), |(folder, _)| folder.to_owned()),
                dependencies: Vec::new(),
            }),
            (_, Some(package)) if name.starts_with("kvrig-") => package.dependencies.push(name),
            _ => {}
        }
    }
    packages
}

/// Fails where a crate knows one that it must not, or is not in the table.
pub(crate) fn check() -> Outcome {
    match violations(&packages()?).as_slice() {
        [] => Ok(()),
        violations => Err(Failure::new(violations.join("; "))),
    }
}

fn violations(packages: &[Package]) -> Vec<String> {
    let mut violations = Vec::new();
    for package in packages {
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == package.name) else {
            violations.push(format!(
                "{} is not in the table of allowed edges",
                package.name
            ));
            continue;
        };
        for dependency in &package.dependencies {
            if !allowed.contains(&dependency.as_str()) {
                violations.push(format!("{} must not depend on {dependency}", package.name));
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_knows_its_host_is_refused() {
        let tree = "0 kvrig-redis v0.1.0 (/x/engine/redis)\n1 kvrig-base v0.1.0 (/x/engine/base)\n\
                    1 kvrig-sim v0.1.0 (/x/sim)\n1 serde v1.0.0\n\n0 kvrig-base v0.1.0 (/x/base)\n";
        let packages = parse(tree);
        assert_eq!(packages[0].folder, "/x/engine/redis");
        assert_eq!(
            violations(&packages),
            ["kvrig-redis must not depend on kvrig-sim"]
        );
    }

    #[test]
    fn a_new_crate_must_be_placed_first() {
        let packages = parse("0 kvrig-novel v0.1.0 (/x/novel)\n");
        assert_eq!(
            violations(&packages),
            ["kvrig-novel is not in the table of allowed edges"]
        );
    }

    #[test]
    fn the_table_has_no_circle() {
        for (index, (name, allowed)) in ALLOWED.iter().enumerate() {
            for dependency in *allowed {
                let place = ALLOWED.iter().position(|(name, _)| name == dependency);
                assert!(
                    place.is_some_and(|place| place < index),
                    "{name} and {dependency}"
                );
            }
        }
    }
}
