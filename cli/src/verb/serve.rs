//! `kvrig serve`: a store for real clients, until it is told to stop.

use crate::arguments::{Serve, ServedStore};
use crate::failure::{self, Exit, Failure};
use crate::{files, output};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::limits::NAMED_FILE_BYTES_MAX;
use kvrig_live::serve::{ConfigFile, ServeError, Server};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Where Redis listens unless it is told otherwise.
const REDIS_PORT: u16 = 6_379;

pub(crate) fn serve(arguments: &Serve, quiet: bool) -> Result<Exit, Failure> {
    match arguments.store {
        ServedStore::Redis => redis(arguments, quiet),
    }
}

fn redis(arguments: &Serve, quiet: bool) -> Result<Exit, Failure> {
    let file = match &arguments.config {
        None => ConfigFile::default(),
        Some(path) => read(path)?,
    };
    if !quiet {
        file.notices.iter().for_each(failure::show);
    }
    let port = arguments.port.or(file.port).unwrap_or(REDIS_PORT);
    let address = SocketAddr::new(address(&file)?, port);
    let directory = PathBuf::from(file.dir.unwrap_or_else(|| ".".to_owned()));
    if !directory.is_dir() {
        let message = format!("`dir {}` is no folder", directory.display());
        return Err(Diagnostic::new(diagnostic::STORE_DIRECTIVE, message).into());
    }
    let server = Server::redis(file.config, address).map_err(Diagnostic::from)?;
    let mut server = server.in_directory(directory);
    if let Some(path) = &arguments.config {
        // It is written again under the name that it has from everywhere.
        let path = path
            .canonicalize()
            .map_err(Failure::system("the configuration"))?;
        server = server.with_config_file(&path);
    }
    if let Some(path) = &file.unix_socket {
        server = server
            .on_unix_socket(Path::new(path), file.unix_socket_mode)
            .map_err(Diagnostic::from)?;
    }
    let loaded = server.load().map_err(Diagnostic::from)?;
    let stopper = server.stopper();
    // The second signal is no different: the server stops at the end of its turn.
    ctrlc::set_handler(move || stopper.stop())
        .map_err(|error| Failure::Report(format!("cannot listen for signals: {error}")))?;
    let address = server.address().map_err(Failure::system("the socket"))?;
    let and_path = file.unix_socket.map(|path| format!(" and {path}"));
    let and_path = and_path.unwrap_or_default();
    output::print(&format!(
        "Redis 7.0 by kvrig listens on {address}{and_path}\n"
    ))?;
    if let Some(loaded) = loaded.filter(|_| !quiet) {
        let (keys, expired) = (loaded.keys, loaded.expired);
        anstream::eprintln!("loaded {keys} keys of a snapshot; {expired} more had expired");
    }
    let node = server.run().map_err(|error| match error {
        ServeError::NotSaved(error) => Failure::system("the last snapshot")(error),
        error => Diagnostic::from(error).into(),
    })?;
    if !quiet {
        let keyspace = node.keyspace();
        let databases = (0..keyspace.count()).map(|index| keyspace.database(index));
        let keys: u64 = databases.map(|database| database.keys().len()).sum();
        anstream::eprintln!("stopped, with {keys} keys in memory");
    }
    Ok(Exit::Pass)
}

fn read(path: &Path) -> Result<ConfigFile, Failure> {
    let bytes = files::read(path, NAMED_FILE_BYTES_MAX)?;
    let name = path.display().to_string();
    let text = String::from_utf8(bytes).map_err(|_| {
        Diagnostic::new(
            diagnostic::UNREADABLE,
            format!("{name} is not text in UTF-8"),
        )
    })?;
    Ok(ConfigFile::read(&name, &text)?)
}

/// The address to listen on: this machine alone unless the file names another.
fn address(file: &ConfigFile) -> Result<IpAddr, Diagnostic> {
    let refused = |message: String, help: &str| {
        Err(Diagnostic::new(diagnostic::STORE_DIRECTIVE, message).help(help))
    };
    // Addresses with a minus may be missing; the first that must be there is taken.
    let wanted: Vec<&str> = file.bind.iter().map(String::as_str).collect();
    let certain: Vec<&str> = wanted
        .iter()
        .copied()
        .filter(|address| !address.starts_with('-'))
        .collect();
    match certain[..] {
        [] => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        ["*"] => Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        [address] => match address.parse() {
            Ok(address) => Ok(address),
            Err(_) => refused(
                format!("`bind {address}` names no address"),
                "write an address such as 127.0.0.1",
            ),
        },
        _ => refused(
            format!("`bind {}` names several addresses", wanted.join(" ")),
            "this server listens on one; `*` is all of IPv4",
        ),
    }
}
