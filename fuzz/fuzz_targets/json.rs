#![no_main]

#[path = "../relations.rs"]
mod relations;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let doc = [&b"{\"marches\":["[..], bytes].concat();
    relations::chunking_does_not_matter(&doc, 256, 3);
    relations::counts_balance(&doc, 256);
    relations::every_record_has_an_outcome(&doc);
    relations::decoded_re_encodes_to_the_same(&doc);
});
