//! What the machine grants the process, and how the process shares it out: memory, cores, descriptors,
//! room on file systems.
//!
//! There is one of each in a process, so they are not passed around: the [budget of bytes](reserve) and
//! the [threads for computing](compute()) belong to the process.
//!
//! ```
//! let room = kayenta_limits::room(std::path::Path::new(".")).expect("the working directory exists");
//! assert!(room.free <= room.total);
//! ```

mod arriving;
mod compute;
mod descriptors;
mod file_system;
mod memory;
mod system_memory;
mod text;

pub use arriving::Arriving;
pub use compute::{Panicked, compute, compute_short, compute_sized, drop_sized};
pub use descriptors::raise_descriptors;
pub use file_system::{NoRoom, RESERVED_BYTES, RESERVED_FILES, Room, check_room, room};
pub use memory::{
    CALLER_PATIENCE, Lender, MOST_OF_SMALL, MemoryUse, NoMemory, RUN_PATIENCE, Reserved, budget,
    held, hold, largest_reservation, lend, lend_without_waiting, memory_use, require, reserve,
    reserve_and_hold, scope, set_budget, take_held, try_reserve,
};
pub use system_memory::memory_limit;
pub use text::{Text, written};
