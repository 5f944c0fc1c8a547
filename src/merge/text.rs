//! Comparing texts that two sources typed, or damaged, differently.

use std::collections::BTreeSet;

use crate::record::fold;

/// What a wrong encoding leaves where it lost a character.
pub(super) const LOST: char = '\u{fffd}';

/// Letters and digits of a text, folded; U+FFFD stays, since it stands for a lost letter.
pub(super) fn letters(text: &str) -> String {
    let mut out = fold(text);
    out.retain(|c| c.is_alphanumeric() || c == LOST);
    out
}

/// Equal, where U+FFFD stands for any one character, or for one that folding drops.
pub(super) fn same_text(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    if !a.contains(LOST) && !b.contains(LOST) {
        return false;
    }
    let b: Vec<char> = b.chars().collect();
    // Places of `b` that the text of `a` read so far can have reached.
    let mut reached: BTreeSet<usize> = BTreeSet::from([0]);
    let over_lost = |places: &mut BTreeSet<usize>| {
        let mut more: Vec<usize> = places.iter().copied().collect();
        while let Some(i) = more.pop() {
            if b.get(i) == Some(&LOST) && places.insert(i + 1) {
                more.push(i + 1);
            }
        }
    };
    over_lost(&mut reached);
    for c in a.chars() {
        let mut next = BTreeSet::new();
        for i in &reached {
            if c == LOST {
                next.insert(*i);
            }
            if b.get(*i).is_some_and(|d| c == LOST || *d == LOST || c == *d) {
                next.insert(i + 1);
            }
        }
        over_lost(&mut next);
        reached = next;
        if reached.is_empty() {
            return false;
        }
    }
    reached.contains(&b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_letter_matches_any_letter_or_none() {
        assert!(same_text("am\u{fffd}nagement", "amenagement"));
        assert!(same_text("lotn\u{fffd}2", "lotn2"));
        assert!(same_text("amenagement", "am\u{fffd}nagement"));
        assert!(!same_text("am\u{fffd}nagement", "amenagements"));
        assert!(!same_text("ab", "ac"));
    }
}
