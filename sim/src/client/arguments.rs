//! The arguments of one request, in storage that is reused.

/// Command name and arguments of one request, back to back in one buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

/// Arguments that are lent from the stack; commands with more borrow from the heap.
const INLINE: usize = 8;

impl Arguments {
    /// Appends one argument.
    ///
    /// # Panics
    /// If all arguments together exceed 4 GiB.
    #[inline]
    pub fn push(&mut self, argument: &[u8]) {
        self.bytes.extend_from_slice(argument);
        self.end_argument();
    }
    /// Appends one argument that `write` writes at the end of the buffer.
    ///
    /// # Panics
    /// If all arguments together exceed 4 GiB.
    #[inline]
    pub fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.end_argument();
    }
    #[inline]
    fn end_argument(&mut self) {
        let end = u32::try_from(self.bytes.len()).expect("a request stays below 4 GiB");
        self.ends.push(end);
    }
    /// Removes all arguments and keeps the storage.
    #[inline]
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
    /// Number of arguments, the command name included.
    pub fn len(&self) -> usize {
        self.ends.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
    /// The arguments in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let argument = &self.bytes[start..end as usize];
            start = end as usize;
            argument
        })
    }
    /// The first argument, the command's name; empty if there is none.
    #[inline]
    pub fn command(&self) -> &[u8] {
        let end = self.ends.first().map_or(0, |&end| end as usize);
        &self.bytes[..end]
    }
    /// Lends the arguments as the slice that [`kvrig_base::seam::Input::Command`] wants.
    #[inline]
    pub fn lend<R>(&self, body: impl FnOnce(&[&[u8]]) -> R) -> R {
        if self.len() <= INLINE {
            let mut slices: [&[u8]; INLINE] = [&[]; INLINE];
            for (slice, argument) in slices.iter_mut().zip(self.iter()) {
                *slice = argument;
            }
            body(&slices[..self.len()])
        } else {
            body(&self.iter().collect::<Vec<_>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_lent_as_they_were_written_however_many() {
        for count in [0, 1, 8, 9, 40] {
            let mut arguments = Arguments::default();
            let expected: Vec<Vec<u8>> = (0..count).map(|n| vec![b'x'; n]).collect();
            for (number, argument) in expected.iter().enumerate() {
                match number % 2 {
                    0 => arguments.push(argument),
                    _ => arguments.push_with(|buffer| buffer.extend_from_slice(argument)),
                }
            }
            arguments.lend(|lent| assert_eq!(lent, expected));
            assert_eq!(
                arguments.command(),
                expected.first().map_or(&[][..], |first| first)
            );
            arguments.clear();
            assert!(arguments.is_empty());
        }
    }
}
