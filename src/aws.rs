//! The formats that AWS users have.

pub mod console_csv;
