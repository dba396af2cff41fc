#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| quafka_fuzz::record_batch(data));
