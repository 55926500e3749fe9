//! The parameters of one key derivation.

pub struct Cost {
    pub kib: u32,
    pub passes: u32,
    pub lanes: u32,
}
