//! The step of [`Scan`] over sixty-four bytes of sound JSON, all at once.
//!
//! In: a block, from inside an object or a list. Out: what the byte by byte scan would have come to
//! after it, when nothing in the block is at fault; otherwise nothing, and that scan says what is.
//! Every mask below is a pure function of the bytes before each bit, so that a fault after the end of
//! the value, or in what the block leaves to the next one, is none.

use super::block::{BLOCK, Block, up_to};
use super::scan::{Before, Scan, is_scalar};

/// What a block gave.
pub(super) enum Pass {
    /// The value goes on; so many bytes are done.
    On(usize),
    /// The value ends after so many bytes.
    End(usize),
    /// A fault, or something rare: the scan must look itself.
    Look,
}

/// Where the brackets of a block lead.
struct Nesting {
    stack: u64,
    depth: u32,
    /// Bytes that stand directly in an object.
    in_object: u64,
    /// The bracket that ends the value.
    end: Option<u32>,
}

impl Scan {
    /// Passes a block, which begins inside a value and not inside a token.
    pub(super) fn pass(&mut self, bytes: &[u8; BLOCK]) -> Pass {
        let block = Block::new(bytes);
        let (escaped, escapes_next) = escaped(block.eq(b'\\'), self.escaped);
        let quote = block.eq(b'"') & !escaped;
        if quote == 0 && self.in_string {
            self.escaped = escapes_next;
            return Pass::On(BLOCK);
        }
        // From each opening quote to before its closing one.
        let inside = parity(quote) ^ if self.in_string { u64::MAX } else { 0 };
        let (text_starts, text_ends) = (quote & inside, quote & !inside);
        let outside = !(inside | quote);

        // `[` and `{`, `]` and `}` differ in one bit, and no other byte is like one of them but for it.
        let folded = block.with(b'[' ^ b'{');
        let open = folded.eq(b'{') & outside;
        let close = folded.eq(b'}') & outside;
        let comma = block.eq(b',') & outside;
        let colon = block.eq(b':') & outside;
        let space = block.any(*b" \n\r\t") & outside;
        let token = outside & !(open | close | comma | colon | space);

        // A token that touches the end of the block is left to the next one.
        let left = token.leading_ones();
        if left == BLOCK as u32 {
            return Pass::Look;
        }
        let whole = up_to(63 - left);
        let Some(nesting) = self.nesting(bytes, open, close) else {
            return Pass::Look;
        };
        let seen = nesting.end.map_or(whole, up_to);

        let token_starts = token & !(token << 1);
        let values = text_ends | close | token & !(token >> 1);
        let (after_value, value_last) = self.follow(values, space, Before::Value);
        let (after_colon, colon_last) = self.follow(colon, space, Before::Colon);
        let faults = (text_starts | open | token_starts) & after_value
            | (open | token_starts) & nesting.in_object & !after_colon
            | (comma | colon) & !after_value
            | colon & !nesting.in_object
            | close & after_colon;
        if faults & seen != 0 || token & seen != 0 && !tokens_are_scalars(bytes, token & seen) {
            return Pass::Look;
        }
        if let Some(end) = nesting.end {
            return Pass::End(end as usize + 1);
        }
        (self.stack, self.depth) = (nesting.stack, nesting.depth);
        self.in_string = inside >> 63 != 0;
        self.escaped = escapes_next && self.in_string;
        let next = !whole & whole.wrapping_add(1);
        self.before = if next == 0 && value_last || after_value & next != 0 {
            Before::Value
        } else if next == 0 && colon_last || after_colon & next != 0 {
            Before::Colon
        } else {
            Before::Open
        };
        Pass::On(BLOCK - left as usize)
    }

    /// Follows the brackets; `None` where one closes what it did not open, or at a depth that the
    /// stack does not hold.
    fn nesting(&self, bytes: &[u8; BLOCK], open: u64, close: u64) -> Option<Nesting> {
        let (mut stack, mut depth) = (self.stack, self.depth);
        let mut in_object = (stack & 1).wrapping_neg();
        let mut brackets = open | close;
        while brackets != 0 {
            let at = brackets.trailing_zeros();
            let bit = brackets & brackets.wrapping_neg();
            brackets ^= bit;
            let curly = u64::from(bytes[(at & 63) as usize] >> 5 & 1);
            if open & bit != 0 {
                if depth == 64 {
                    return None;
                }
                (stack, depth) = (stack << 1 | curly, depth + 1);
            } else {
                if stack & 1 != curly {
                    return None;
                }
                (stack, depth) = (stack >> 1, depth - 1);
                if depth == 0 {
                    return Some(Nesting { stack, depth, in_object, end: Some(at) });
                }
            }
            let after = (bit << 1).wrapping_neg();
            in_object = in_object & !after | after & (stack & 1).wrapping_neg();
        }
        Some(Nesting { stack, depth, in_object, end: None })
    }

    /// The bytes that follow one of `marks`, white space apart, and whether the first byte after the
    /// block does; what stood before the block counts.
    fn follow(&self, marks: u64, space: u64, class: Before) -> (u64, bool) {
        let first = u64::from(self.before == class && !self.in_string);
        // Where a run of white space follows, the addition carries through it.
        let (sum, carry) = (marks << 1 | first).overflowing_add(space);
        (sum & !space, carry || marks >> 63 != 0)
    }
}

/// Which bytes a backslash before them deprives of their meaning, and whether the last one of the
/// block does so to the first one after it.
fn escaped(backslash: u64, first: bool) -> (u64, bool) {
    const EVEN: u64 = 0x5555_5555_5555_5555;
    let first = u64::from(first);
    if backslash == 0 {
        return (first, false);
    }
    let backslash = backslash & !first;
    let after = backslash << 1 | first;
    // A run that begins at an odd place carries the other parity to its end.
    let odd_starts = backslash & !EVEN & !after;
    let (ends, carry) = odd_starts.overflowing_add(backslash);
    ((EVEN ^ ends << 1) & after, carry)
}

/// Bit `i`: whether the number of bits up to `i` is odd.
fn parity(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

fn tokens_are_scalars(bytes: &[u8; BLOCK], mut tokens: u64) -> bool {
    while tokens != 0 {
        let at = tokens.trailing_zeros();
        let len = (tokens >> at).trailing_ones();
        let to = (at + len) as usize;
        if !is_scalar(bytes.get(at as usize..to).unwrap_or_default()) {
            return false;
        }
        tokens &= !up_to(at + len - 1);
    }
    true
}
