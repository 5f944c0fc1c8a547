//! Sixty-four bytes of text at once: where in them does a byte stand?
//!
//! In: a block. Out: masks, bit `i` for byte `i`. The splitters decide with them for a block what
//! they would otherwise decide byte by byte. Knows no format.

use wide::u8x64;

/// Bytes of a block.
pub(super) const BLOCK: usize = 64;

/// A block of text.
#[derive(Clone, Copy)]
pub(super) struct Block(u8x64);

impl Block {
    #[inline]
    pub fn new(bytes: &[u8; BLOCK]) -> Self {
        Self(u8x64::new(*bytes))
    }

    /// Where `byte` stands.
    #[inline]
    pub fn eq(self, byte: u8) -> u64 {
        self.0.simd_eq(u8x64::splat(byte)).to_bitmask()
    }

    /// Where one of `bytes` stands.
    #[inline]
    pub fn any<const N: usize>(self, bytes: [u8; N]) -> u64 {
        bytes.iter().fold(u8x64::splat(0), |found, b| found | self.0.simd_eq(u8x64::splat(*b))).to_bitmask()
    }

    /// The same with the bit `bit` set in every byte.
    #[inline]
    pub fn with(self, bit: u8) -> Self {
        Self(self.0 | u8x64::splat(bit))
    }
}

/// Bits up to `bit`, that one too; `bit` is below 64.
#[inline]
pub(super) fn up_to(bit: u32) -> u64 {
    u64::MAX >> (63 - (bit & 63))
}
