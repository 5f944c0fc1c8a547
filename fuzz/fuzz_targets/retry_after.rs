#![no_main]

#[path = "../relations.rs"]
mod relations;

libfuzzer_sys::fuzz_target!(|input: (i64, u32, &str)| {
    let (now, max, header) = input;
    if let Ok(now) = jiff::Timestamp::from_second(now.rem_euclid(4_000_000_000)) {
        relations::a_retry_after_is_bounded(header, now, std::time::Duration::from_secs(max.into()));
    }
});
