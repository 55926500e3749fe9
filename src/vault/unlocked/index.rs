//! Finds the place of a record by its name.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::error::Result;
use crate::format::body::RecordView;
use crate::memory::out_of_memory;

/// Offsets of records in a body: hashed by name, and in name order. It allocates nothing per record.
pub(in crate::vault) struct Index {
    by_name: HashTable<u32>,
    /// Its key is random in each index, so that an attacker cannot choose names that collide.
    hasher: DefaultHashBuilder,
    in_order: Vec<u32>,
}

impl Index {
    /// Builds the index. `in_order` contains the offsets of all records in `body`, ascending by name. Names must be unique.
    pub(in crate::vault) fn build(body: &[u8], in_order: Vec<u32>) -> Result<Self> {
        let hasher = DefaultHashBuilder::default();
        let hash = |offset: &u32| hasher.hash_one(name_at(body, *offset));
        let mut by_name = HashTable::new();
        by_name.try_reserve(in_order.len(), hash).map_err(|_| out_of_memory(5 * in_order.len()))?;
        for offset in &in_order {
            by_name.insert_unique(hash(offset), *offset, hash);
        }
        Ok(Self { by_name, hasher, in_order })
    }

    pub(in crate::vault) fn find(&self, body: &[u8], name: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(name.as_bytes());
        let is_named = |offset: &u32| {
            body.get(*offset as usize..).is_some_and(|record| RecordView::is_named(record, name.as_bytes()))
        };
        self.by_name.find(hash, is_named).copied()
    }

    /// Returns all offsets, ascending by name.
    pub(in crate::vault) fn in_order(&self) -> &[u32] {
        &self.in_order
    }

    /// Returns the offsets of the records whose names are equal to `name` or come after it.
    pub(in crate::vault) fn from(&self, body: &[u8], name: &str) -> &[u32] {
        let before = self.in_order.partition_point(|offset| name_at(body, *offset) < name.as_bytes());
        self.in_order.get(before..).unwrap_or_default()
    }
}

fn name_at(body: &[u8], offset: u32) -> &[u8] {
    body.get(offset as usize..).and_then(RecordView::read_name).unwrap_or_default()
}
