//! Chance that repeats: a stream of numbers for each question that the generator asks.
//!
//! In: the seed of the world, what the question is about, a number. Out: a stream that depends on
//! these alone, so that contract 17 is the same in a world of twenty and of a million, whatever
//! the order in which they are made. Only raw 64-bit words of ChaCha8 are used: a seed keeps its
//! world when the crates that offer distributions change theirs.

use rand::{Rng as _, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a stream is about: two questions never share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    /// Which scenario a family plays.
    Scenario = 1,
    /// What a family of contracts is.
    Family = 2,
    /// Which sources publish it.
    Placement = 3,
    /// What happens to it in later nights.
    Fate = 4,
    /// Who buys and who sells.
    Actor = 5,
    /// What a source publishes beside contracts.
    Profile = 6,
}

/// A deterministic stream of choices.
#[derive(Debug, Clone)]
pub(crate) struct Rng(ChaCha8Rng);

impl Rng {
    /// The stream of one question.
    pub(crate) fn new(seed: u64, about: About, index: u64) -> Self {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(about as u64).to_le_bytes());
        key[16..24].copy_from_slice(&index.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A number below `n`; 0 when `n` is 0. (The bias of the multiplication is below n / 2⁶⁴.)
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.0.next_u64()) * n as u128) >> 64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(usize::try_from(high - low + 1).unwrap_or(0)) as i64
    }

    /// True `percent` times in a hundred.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of a fixed list of at least one.
    pub(crate) fn pick<T: Copy, const N: usize>(&mut self, of: &[T; N]) -> T {
        const { assert!(N > 0, "a list to pick from has a first") };
        of[self.below(N)]
    }

    /// An index below `n`, small ones much more often: few buyers publish most contracts.
    pub(crate) fn skewed(&mut self, n: usize) -> usize {
        let a = self.below(n);
        let b = self.below(a + 1);
        self.below(b + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_its_question_alone() {
        let take = |seed, about, i| {
            let mut rng = Rng::new(seed, about, i);
            [0; 4].map(|_: i32| rng.below(1_000_000))
        };
        assert_eq!(take(1, About::Family, 7), take(1, About::Family, 7));
        assert_ne!(take(1, About::Family, 7), take(2, About::Family, 7));
        assert_ne!(take(1, About::Family, 7), take(1, About::Placement, 7));
        assert_ne!(take(1, About::Family, 7), take(1, About::Family, 8));
    }

    #[test]
    fn numbers_stay_in_their_bounds() {
        let mut rng = Rng::new(3, About::Actor, 0);
        for n in 1..200 {
            assert!(rng.below(n) < n && rng.skewed(n) < n);
            let x = rng.between(-5, 5);
            assert!((-5..=5).contains(&x));
        }
        assert_eq!(rng.below(0), 0);
    }
}
