//! A file of kept vectors may hold anything: nothing of it does harm, and what is taken from it can be used and written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_bridge::search::{Kept, Key};

const MODEL: &str = "m";
const KEY: usize = 16;
const NUMBER: usize = 4;

fn use_it(bytes: &[u8]) {
    let Ok(mut kept) = Kept::decode(bytes, MODEL) else { return };
    let count = kept.len();
    let again = Kept::decode(&kept.encode(), MODEL).expect("what is written is read");
    assert_eq!(again.len(), count);
    let key = Key::of("another");
    kept.insert(key, &[0.6, 0.8]);
    assert_eq!(kept.take(&key), Some(&[0.6, 0.8][..]));
    let again = Kept::decode(&kept.encode(), MODEL).expect("what is written is read");
    assert_eq!(again.len(), kept.len());
}

/// A file whose head fits what comes after it.
fn with_head(data: &[u8]) -> Option<Vec<u8>> {
    let (first, rest) = data.split_first()?;
    let dimensions = usize::from(first % 4) + 1;
    let count = rest.len() / (KEY + NUMBER + dimensions * NUMBER);
    let mut bytes = b"BRVECT01".to_vec();
    for number in [MODEL.len(), dimensions, count, 0] {
        bytes.extend(u32::try_from(number).ok()?.to_le_bytes());
    }
    bytes.extend(b"m\0\0\0");
    bytes.extend(&rest[..count * (KEY + NUMBER + dimensions * NUMBER)]);
    Some(bytes)
}

fuzz_target!(|data: &[u8]| {
    use_it(data);
    if let Some(bytes) = with_head(data) {
        use_it(&bytes);
    }
});
