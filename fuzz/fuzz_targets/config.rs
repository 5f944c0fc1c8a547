#![no_main]

#[path = "../relations.rs"]
mod relations;

use std::sync::LazyLock;

static DIR: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    const SOURCE: &[u8] =
        b"[[source]]\nid = \"a\"\nname = \"A\"\nurl = \"https://a.example/\"\nlicence = \"etalab-2.0\"\n";
    relations::a_configuration_re_encodes_to_the_same(DIR.path(), bytes);
    relations::a_configuration_re_encodes_to_the_same(DIR.path(), &[SOURCE, bytes].concat());
});
