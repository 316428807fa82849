//! One node of a list: a listpack, as it is or compressed (quicklistNode).

use crate::encoding::listpack::Listpack;
use crate::encoding::lzf::{self, Compressor};
use crate::memory::size_class;
use kvrig_base::seam::{Counter, Work};
use std::borrow::Cow;
use std::cell::RefCell;

/// Shorter listpacks are not compressed (MIN_COMPRESS_BYTES).
const COMPRESSED_BYTES_MIN: usize = 48;
/// A stream must be shorter than its listpack by more than this (MIN_COMPRESS_IMPROVE).
const GAIN_BYTES: usize = 8;
/// What a stream has in front of it (struct quicklistLZF).
const STREAM_HEADER_BYTES: usize = 8;

thread_local! {
    /// The compressor's table, which is too large for every list to have one. What it gives depends on
    /// the listpack alone.
    static COMPRESSOR: RefCell<Compressor> = RefCell::new(Compressor::default());
}

/// A listpack in one of its two forms.
#[derive(Clone, Debug)]
enum Form {
    Plain(Listpack),
    Compressed(Compressed),
}

/// A compressed listpack.
#[derive(Clone, Debug)]
struct Compressed {
    stream: Box<[u8]>,
    /// Of the listpack.
    byte_len: usize,
    /// Elements of the listpack.
    elements: usize,
    /// Positions that were looked up to compress it.
    looked_up: u64,
}

/// How a node is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stored<'a> {
    /// As it is.
    Plain(&'a Listpack),
    /// As an LZF stream.
    Compressed {
        /// The stream.
        stream: &'a [u8],
        /// Bytes of the listpack that it stands for.
        byte_len: usize,
    },
}

/// A node of a list.
#[derive(Clone, Debug)]
pub(super) struct Node {
    form: Form,
    /// It was compressed and is plain only as long as it is used (recompress).
    is_open: bool,
}

impl From<Listpack> for Node {
    fn from(pack: Listpack) -> Self {
        Self {
            form: Form::Plain(pack),
            is_open: false,
        }
    }
}

impl Node {
    /// Bytes of the listpack, compressed or not.
    pub(super) fn byte_len(&self) -> usize {
        match &self.form {
            Form::Plain(pack) => pack.byte_len(),
            Form::Compressed(compressed) => compressed.byte_len,
        }
    }
    /// Elements of the listpack.
    pub(super) fn len(&self) -> usize {
        match &self.form {
            Form::Plain(pack) => pack.len(),
            Form::Compressed(compressed) => compressed.elements,
        }
    }
    /// What Redis has allocated for it, beside struct quicklistNode.
    pub(super) fn allocated_bytes(&self) -> u64 {
        size_class(match &self.form {
            Form::Plain(pack) => pack.byte_len() as u64,
            Form::Compressed(compressed) => (STREAM_HEADER_BYTES + compressed.stream.len()) as u64,
        })
    }
    pub(super) fn stored(&self) -> Stored<'_> {
        match &self.form {
            Form::Plain(pack) => Stored::Plain(pack),
            Form::Compressed(compressed) => Stored::Compressed {
                stream: &compressed.stream,
                byte_len: compressed.byte_len,
            },
        }
    }
    pub(super) fn is_compressed(&self) -> bool {
        matches!(self.form, Form::Compressed(_))
    }
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }
    /// Says whether it is to be compressed again; returns what was said before.
    pub(super) fn mark_open(&mut self, is_open: bool) -> bool {
        std::mem::replace(&mut self.is_open, is_open)
    }
    /// The listpack to be read. Redis decompresses a compressed one in its place and compresses it
    /// again behind the reader, which is charged; the stream would be the same, so that it stays.
    pub(super) fn read(&self, work: &mut Work) -> Cow<'_, Listpack> {
        match &self.form {
            Form::Plain(pack) => Cow::Borrowed(pack),
            Form::Compressed(compressed) => {
                compressed.count_compression(work);
                Cow::Owned(compressed.decompress(work))
            }
        }
    }
    /// The listpack to be changed; a compressed one stays plain.
    pub(super) fn plain_mut(&mut self, work: &mut Work) -> &mut Listpack {
        self.decompress(work);
        match &mut self.form {
            Form::Plain(pack) => pack,
            Form::Compressed(_) => unreachable!("it was decompressed"),
        }
    }
    /// Decompresses it to be used, after which it is to be compressed again
    /// (quicklistDecompressNodeForUse).
    pub(super) fn open(&mut self, work: &mut Work) {
        self.is_open |= self.is_compressed();
        self.make_plain(work);
    }
    /// Decompresses it to stay so (quicklistDecompressNode).
    pub(super) fn decompress(&mut self, work: &mut Work) {
        if self.is_compressed() {
            self.is_open = false;
            self.make_plain(work);
        }
    }
    fn make_plain(&mut self, work: &mut Work) {
        if let Form::Compressed(compressed) = &self.form {
            self.form = Form::Plain(compressed.decompress(work));
        }
    }
    /// Compresses it where that is worth it (quicklistCompressNode).
    pub(super) fn compress(&mut self, work: &mut Work) {
        let Form::Plain(pack) = &self.form else {
            return;
        };
        self.is_open = false;
        if let Some(compressed) = Compressed::of(pack, work) {
            self.form = Form::Compressed(compressed);
        }
    }
}

impl Compressed {
    /// The compressed form of a listpack, if it is enough shorter (__quicklistCompressNode).
    fn of(pack: &Listpack, work: &mut Work) -> Option<Self> {
        let bytes = pack.as_bytes();
        if bytes.len() < COMPRESSED_BYTES_MIN {
            return None;
        }
        let mut stream = Vec::with_capacity(bytes.len());
        let (is_shorter, looked_up) = COMPRESSOR.with_borrow_mut(|compressor| {
            let is_shorter = compressor.compress(bytes, bytes.len(), &mut stream);
            (is_shorter, compressor.looked_up())
        });
        if !is_shorter || stream.len() + GAIN_BYTES >= bytes.len() {
            // It was written into an allocation of its own, which is given back.
            work.count(Counter::EntriesVisited, looked_up);
            work.count(Counter::BytesScanned, bytes.len() as u64);
            work.count(Counter::AllocationsSmall, 1);
            work.count(Counter::Frees, 1);
            return None;
        }
        let compressed = Self {
            stream: stream.into(),
            byte_len: bytes.len(),
            elements: pack.len(),
            looked_up,
        };
        compressed.count_compression(work);
        Some(compressed)
    }
    /// Each position of the listpack is looked up in a table, and the bytes there are compared, which
    /// takes what a visit of an entry does; the stream is cut to its length and the listpack given
    /// back.
    fn count_compression(&self, work: &mut Work) {
        work.count(Counter::EntriesVisited, self.looked_up);
        work.count(Counter::BytesScanned, self.byte_len as u64);
        work.count(Counter::BytesCopied, 2 * self.stream.len() as u64);
        work.count(Counter::AllocationsSmall, 2);
        work.count(Counter::Frees, 2);
    }
    /// The listpack; each run and each reference of the stream is an entry that is visited.
    fn decompress(&self, work: &mut Work) -> Listpack {
        let (bytes, parts) = lzf::decompress_counting(&self.stream, self.byte_len as u64)
            .expect("the compressor has written the stream");
        work.count(Counter::EntriesVisited, parts);
        work.count(Counter::BytesCopied, self.byte_len as u64);
        work.count(Counter::AllocationsSmall, 1);
        work.count(Counter::Frees, 1);
        Listpack::trusted(bytes)
    }
}
