#![no_main]

#[path = "../relations.rs"]
mod relations;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    relations::chunking_does_not_matter(bytes, 256, 3);
    relations::counts_balance(bytes, 256);
    relations::every_record_has_an_outcome(bytes);
});
