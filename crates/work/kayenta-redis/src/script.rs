//! The Lua scripts, each prepared once.

use std::sync::LazyLock;

use redis::Script;

macro_rules! queue_script {
    ($name:ident, $file:literal) => {
        pub(crate) static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(concat!(
                include_str!("scripts/places.lua"),
                include_str!($file)
            ))
        });
    };
}

macro_rules! record_script {
    ($name:ident, $file:literal) => {
        pub(crate) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(include_str!($file)));
    };
}

queue_script!(PUSH, "scripts/push.lua");
queue_script!(LEASE, "scripts/lease.lua");
queue_script!(RENEW, "scripts/renew.lua");
queue_script!(COMPLETE, "scripts/complete.lua");
queue_script!(PUT_OFF, "scripts/put_off.lua");
queue_script!(BURY, "scripts/bury.lua");
queue_script!(PUT_BACK, "scripts/put_back.lua");
queue_script!(KEEP, "scripts/keep.lua");
queue_script!(OLDEST, "scripts/oldest.lua");
record_script!(CREATE, "scripts/create.lua");
record_script!(SAVE, "scripts/save.lua");
record_script!(DELETE, "scripts/delete.lua");
record_script!(SWEEP, "scripts/sweep.lua");
record_script!(ERA, "scripts/era.lua");
record_script!(PROBE, "scripts/probe.lua");
