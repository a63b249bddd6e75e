#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| milena_fuzz_targets::decoders(data));
