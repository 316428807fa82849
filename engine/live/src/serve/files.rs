//! The files of one directory, as a node and its child use them.

use kvrig_base::id::FileId;
use kvrig_base::seam::{ChildHost, FileError, FileOp, FileOutcome, OpenMode, Work};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Files that are open, by the numbers that the node gave them.
#[derive(Debug)]
pub(super) struct Files {
    directory: PathBuf,
    open: BTreeMap<FileId, BufWriter<File>>,
    work: Work,
    /// What the system answered to the last operation that failed.
    last_error: Option<io::Error>,
}

/// What an operation has come to.
#[derive(Debug)]
pub(super) enum Done {
    /// So many bytes are concerned.
    Bytes(u64),
    /// These were read.
    Read(Vec<u8>),
    /// These are the names in the directory.
    Names(Vec<String>),
}

impl Done {
    /// As the node is told.
    pub(super) fn outcome(&self) -> FileOutcome<'_> {
        match self {
            Self::Bytes(bytes) => FileOutcome::Done { bytes: *bytes },
            Self::Read(content) => FileOutcome::Read(content),
            Self::Names(names) => FileOutcome::Names(names),
        }
    }
}

impl Files {
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            open: BTreeMap::new(),
            work: Work::unkept(),
            last_error: None,
        }
    }
    /// What the system answered to the last operation that failed.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.last_error.take()
    }
    /// Carries out one operation; `data` is what an append appends a range of.
    pub(super) fn carry_out(&mut self, op: &FileOp, data: &[u8]) -> Result<Done, FileError> {
        self.try_carry_out(op, data).map_err(|error| {
            let kind = match error.kind() {
                ErrorKind::StorageFull => FileError::NoSpace,
                ErrorKind::NotFound => FileError::NotFound,
                _ => FileError::Device,
            };
            self.last_error = Some(error);
            kind
        })
    }
    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
    fn opened(&mut self, file: FileId) -> io::Result<&mut BufWriter<File>> {
        self.open.get_mut(&file).ok_or(ErrorKind::NotFound.into())
    }
    fn try_carry_out(&mut self, op: &FileOp, data: &[u8]) -> io::Result<Done> {
        match op {
            FileOp::Open { file, name, mode } => {
                let mut options = OpenOptions::new();
                match mode {
                    OpenMode::Existing => options.read(true).append(true),
                    OpenMode::Append => options.read(true).append(true).create(true),
                    OpenMode::Truncate => options.write(true).create(true).truncate(true),
                };
                let opened = options.open(self.path(name))?;
                let bytes = opened.metadata()?.len();
                self.open.insert(*file, BufWriter::new(opened));
                return Ok(Done::Bytes(bytes));
            }
            FileOp::Append { file, data: range } => {
                let bytes = data.get(range.clone()).unwrap_or(&[]);
                self.opened(*file)?.write_all(bytes)?;
                return Ok(Done::Bytes(bytes.len() as u64));
            }
            FileOp::Truncate { file, bytes } => {
                let file = self.opened(*file)?;
                file.flush()?;
                file.get_ref().set_len(*bytes)?;
                return Ok(Done::Bytes(*bytes));
            }
            FileOp::Read {
                file,
                offset,
                bytes,
            } => {
                let file = self.opened(*file)?;
                file.flush()?;
                let mut file = file.get_ref();
                file.seek(SeekFrom::Start(*offset))?;
                let mut content = Vec::new();
                file.take(*bytes).read_to_end(&mut content)?;
                return Ok(Done::Read(content));
            }
            FileOp::List => {
                let mut names = Vec::new();
                for entry in std::fs::read_dir(&self.directory)? {
                    names.push(entry?.file_name().to_string_lossy().into_owned());
                }
                names.sort();
                return Ok(Done::Names(names));
            }
            FileOp::Sync { file } => {
                let file = self.opened(*file)?;
                file.flush()?;
                file.get_ref().sync_data()?;
            }
            FileOp::Rename { from, to } => std::fs::rename(self.path(from), self.path(to))?,
            FileOp::Unlink { name } => std::fs::remove_file(self.path(name))?,
            FileOp::SyncDirectory => File::open(&self.directory)?.sync_all()?,
        }
        Ok(Done::Bytes(0))
    }
}

impl ChildHost for Files {
    fn work(&mut self) -> &mut Work {
        &mut self.work
    }
    fn file(&mut self, op: FileOp, data: &[u8]) -> Result<(), FileError> {
        self.carry_out(&op, data).map(|_| ())
    }
}
