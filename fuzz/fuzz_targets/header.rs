#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| aumbry_fuzz::header(input));
