//! Asking for a cache line before it is needed.

/// Asks the processor for the line at `place`, and does not wait for it.
///
/// A load would do the same, but no processor looks far beyond a load that it waits for: what is to
/// be done meanwhile has to fit in that window. Without the instruction, on processors other than
/// x86-64, nothing happens.
#[inline]
pub fn prefetch<T: ?Sized>(place: &T) {
    #[cfg(target_arch = "x86_64")]
    #[allow(
        unsafe_code,
        reason = "stable Rust has no safe way to ask for a line, and insertion waits for one"
    )]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the instruction changes no register and no memory, and traps for no address; it
        // belongs to SSE, which every x86-64 processor has.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(place).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}
