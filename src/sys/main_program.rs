//! Whether an address belongs to the main program rather than to a shared object.

use core::mem::size_of;
use core::slice;

cfg_if::cfg_if! {
    if #[cfg(target_pointer_width = "64")] {
        use libc::{Elf64_Ehdr as Header, Elf64_Phdr as Segment};
    } else {
        use libc::{Elf32_Ehdr as Header, Elf32_Phdr as Segment};
    }
}

const PAGE: usize = 4096;

/// Looks the address up in the program headers that the kernel has passed. `false` where they
/// cannot be understood.
pub(crate) fn contains(address: usize) -> bool {
    // SAFETY: takes plain values.
    let (table, count, size) = unsafe {
        (
            libc::getauxval(libc::AT_PHDR) as usize,
            libc::getauxval(libc::AT_PHNUM) as usize,
            libc::getauxval(libc::AT_PHENT) as usize,
        )
    };
    if table == 0 || size != size_of::<Segment>() {
        return false;
    }
    // SAFETY: the kernel, or the loader in its place, has passed a table of so many headers.
    let segments = unsafe { slice::from_raw_parts(table as *const Segment, count) };
    let loaded = || segments.iter().filter(|segment| segment.p_type == libc::PT_LOAD);
    let holds = |base: usize, address: usize| {
        loaded().any(|segment| {
            let start = base.wrapping_add(segment.p_vaddr as usize);
            address.wrapping_sub(start) < segment.p_memsz as usize
        })
    };
    // How far from the addresses in the headers the program was loaded: the table says where it is
    // itself. A static program's may not; then it was not moved, or the table follows the header of
    // the file, as linkers have it.
    let table_at = segments.iter().find(|segment| segment.p_type == libc::PT_PHDR);
    let base = match table_at.map(|segment| segment.p_vaddr as usize) {
        Some(address) => table.wrapping_sub(address),
        None if holds(0, table) => 0,
        None => {
            let start =
                loaded().find(|segment| segment.p_offset == 0).map(|segment| segment.p_vaddr);
            table.wrapping_sub(size_of::<Header>()).wrapping_sub(start.unwrap_or(1) as usize)
        }
    };
    base % PAGE == 0 && holds(base, table) && holds(base, address)
}
