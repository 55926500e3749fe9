//! `harden_process`, which affects a whole process: so it has one of its own.
#![cfg(target_os = "linux")]

use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

#[test]
fn a_hardened_process_writes_no_core_dump_and_lets_nobody_attach() {
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::Dumpable, "the control: not so before");
    let before = getrlimit(Resource::Core);
    aumbry::harden_process().unwrap();
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    let cores = getrlimit(Resource::Core);
    assert_eq!((cores.current, cores.maximum), (Some(0), before.maximum), "its children may raise it again");
}
