//! The storage of a walk's vault: in memory, sound, or with one of the faults that a walk must find.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aumbry::Result;
use aumbry::storage::{Exclusive, InMemory, Prefix, Revision, Storage};

/// What is wrong with a storage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    Nothing,
    /// The second save is confirmed and not done.
    LosesASave,
    /// From the second save on, all that is read is the version before it.
    ServesAnOldVersion,
}

#[derive(Clone)]
pub(crate) struct Shelf {
    memory: InMemory,
    fault: Fault,
    saves: Arc<AtomicUsize>,
    /// The version before the second save.
    old: Arc<Mutex<Vec<u8>>>,
}

impl Shelf {
    pub(crate) fn new(file: Vec<u8>) -> Self {
        Self::with(Fault::Nothing, file)
    }

    pub(crate) fn with(fault: Fault, file: Vec<u8>) -> Self {
        let memory = InMemory::from_bytes(file);
        Self { memory, fault, saves: Arc::default(), old: Arc::default() }
    }

    /// What was saved last, whatever is shown of it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.memory.to_bytes().unwrap_or_default()
    }

    /// The bytes that a reader gets.
    fn seen(&self) -> InMemory {
        if self.fault == Fault::ServesAnOldVersion && self.saves.load(Ordering::Relaxed) >= 2 {
            return InMemory::from_bytes(self.old.lock().unwrap().clone());
        }
        self.memory.clone()
    }
}

impl Storage for Shelf {
    fn load_prefix(&self, len: usize) -> Result<Prefix> {
        self.seen().load_prefix(len)
    }

    fn load(&self, limit: u64) -> Result<Vec<u8>> {
        self.seen().load(limit)
    }

    fn revision(&self) -> Result<Option<Revision>> {
        self.seen().revision()
    }

    fn replace(&self, expected: Option<&Revision>, bytes: &[u8]) -> Result<()> {
        let save = self.saves.fetch_add(1, Ordering::Relaxed) + 1;
        if save == 2 {
            *self.old.lock().unwrap() = self.memory.to_bytes().unwrap_or_default();
        }
        match (self.fault, save) {
            (Fault::LosesASave, 2) => Ok(()),
            _ => self.memory.replace(expected, bytes),
        }
    }

    fn exclusive(&self) -> Result<Exclusive> {
        self.memory.exclusive()
    }

    fn location(&self) -> Result<Option<String>> {
        Ok(None)
    }
}
