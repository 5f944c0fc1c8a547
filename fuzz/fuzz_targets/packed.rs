#![no_main]

#[path = "../relations.rs"]
mod relations;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for magic in [&b"\x1f\x8b\x08"[..], b"\x28\xb5\x2f\xfd", b"PK\x03\x04", b"<html>"] {
        let doc = [magic, bytes].concat();
        relations::chunking_does_not_matter(&doc, 256, 7);
        relations::counts_balance(&doc, 256);
    }
    relations::packing_changes_nothing(bytes);
    relations::packing_changes_nothing(&[b"{\"marches\":[", bytes].concat());
});
