//! The memory of a large table, in huge pages where the system gives them.
//!
//! A table of tens of megabytes is looked into at random: with pages of 4 KB nearly every look also
//! waits for the page's address, and every page has to be made when it is first touched.

use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;

use super::Slot;

/// A huge page of x86 and of most ARM systems.
const HUGE: usize = 1 << 21;

/// Slots, empty at first.
#[derive(Debug)]
pub(super) enum Slots {
    /// Memory of the allocator.
    Plain(Vec<Slot>),
    /// Memory of the system, and where in it the slots begin and end.
    Huge(MmapMut, usize, usize),
}

impl Slots {
    pub(super) fn new(count: usize) -> Self {
        let bytes = count * size_of::<Slot>();
        if bytes >= HUGE
            && let Some(memory) = huge(bytes + HUGE)
        {
            let start = memory.as_ptr().addr().next_multiple_of(HUGE) - memory.as_ptr().addr();
            return Self::Huge(memory, start, start + bytes);
        }
        Self::Plain(vec![Slot::default(); count])
    }
}

/// So many bytes, all zero, in huge pages as far as there are any; `None` where there are none.
#[cfg(target_os = "linux")]
fn huge(bytes: usize) -> Option<MmapMut> {
    let memory = MmapMut::map_anon(bytes).ok()?;
    memory.advise(memmap2::Advice::HugePage).ok()?;
    Some(memory)
}

#[cfg(not(target_os = "linux"))]
fn huge(_: usize) -> Option<MmapMut> {
    None
}

impl Deref for Slots {
    type Target = [Slot];

    #[inline]
    fn deref(&self) -> &[Slot] {
        match self {
            Self::Plain(slots) => slots,
            Self::Huge(memory, start, end) => bytemuck::cast_slice(&memory[*start..*end]),
        }
    }
}

impl DerefMut for Slots {
    #[inline]
    fn deref_mut(&mut self) -> &mut [Slot] {
        match self {
            Self::Plain(slots) => slots,
            Self::Huge(memory, start, end) => bytemuck::cast_slice_mut(&mut memory[*start..*end]),
        }
    }
}
