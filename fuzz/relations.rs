//! What must hold for any bytes at all: the relations that the fuzz targets and `tests/relations.rs`
//! assert. Each panics where it does not hold.

use std::io::Read;
use std::ops::ControlFlow;

use guichet::decode::{self, Shape, Split, SplitOptions};
use guichet::record::Day;
use guichet::reference::Region;
use guichet::refine::{Context, Outcome, read_all};

/// Small limits, so that short inputs reach them.
pub fn options(max_record: usize) -> SplitOptions {
    SplitOptions { max_record, max_bytes: 4 << 20, max_ratio: 1000, ..SplitOptions::default() }
}

/// Bytes, offset, place, further places, shape.
type Piece = (Vec<u8>, u64, u32, Vec<u32>, Shape);

fn pieces(input: impl Read, options: &SplitOptions) -> Result<(Vec<Piece>, Split), &'static str> {
    let mut out = Vec::new();
    let split = decode::split(input, options, &mut |s| {
        let _ = decode::parse(&s);
        out.push((s.bytes.to_vec(), s.offset, s.position, s.also.to_vec(), s.shape));
        ControlFlow::Continue(())
    });
    split.map(|split| (out, split)).map_err(|e| e.code())
}

/// Gives a few bytes at a time.
struct Dribble<'a>(&'a [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.1.min(out.len()).min(self.0.len());
        let (now, later) = self.0.split_at(n);
        out[..n].copy_from_slice(now);
        self.0 = later;
        Ok(n)
    }
}

/// Where the network cuts changes nothing.
pub fn chunking_does_not_matter(bytes: &[u8], max_record: usize, step: usize) {
    let options = options(max_record);
    let at_once = pieces(bytes, &options);
    assert_eq!(pieces(Dribble(bytes, step.max(1)), &options), at_once);
}

/// Every place is taken once, no record is longer than the limit, and a record stands where it says.
pub fn counts_balance(bytes: &[u8], max_record: usize) {
    let Ok((pieces, split)) = pieces(bytes, &options(max_record)) else { return };
    let mut places: Vec<u32> = pieces.iter().flat_map(|p| std::iter::once(p.2).chain(p.3.iter().copied())).collect();
    places.sort_unstable();
    assert!(places.iter().copied().eq(0..split.records), "{places:?} of {}", split.records);
    let plain = split.encoding == "UTF-8" && !matches!(bytes, [0x1F, ..] | [0x28, ..] | [b'P', b'K', ..]);
    let whole = plain && split.notes.iter().all(|n| n.code != "html-page");
    for (text, offset, _, also, _) in &pieces {
        assert!(text.len() <= max_record.max(64), "{} bytes", text.len());
        if whole && also.is_empty() {
            let from = usize::try_from(*offset).unwrap_or(usize::MAX);
            assert_eq!(bytes.get(from..from + text.len()), Some(&**text));
        }
    }
}

/// What is read is an observation or has a reason, and the reading says how many there were.
pub fn every_record_has_an_outcome(bytes: &[u8]) {
    let region = Region::everywhere();
    let Some(seen) = Day::from_ymd(2026, 11, 24) else { return };
    let cx = Context { region: &region, register: None, seen };
    let mut told = 0;
    let split = read_all(bytes, &options(4096), &cx, &mut |item| {
        if let Outcome::Quarantine { reason, .. } = &item.outcome {
            assert!(guichet::refine::REASONS.iter().any(|(code, ..)| code == reason), "{reason}");
        }
        told += item.places();
        ControlFlow::Continue(())
    });
    if let Ok(split) = split {
        assert_eq!(told, u64::from(split.records));
    }
}
