//! What the comparison across feeds asks of a cluster: its values as sorted sets, computed once.

use std::cell::OnceCell;

use crate::merge::identity::{Atom, Key, Tier};
use crate::merge::node::Node;
use crate::merge::text::{LOST, letters};
use crate::record::{Cpv, Day, Kind, Money, Place, PlaceType, fold};

/// Most distinct values of one field that a unit remembers.
const MOST_VALUES: usize = 8;
/// Most words of its objects that a unit remembers.
const MOST_WORDS: usize = 64;

/// One cluster, or several that were found to be one contract.
#[derive(Debug, Default, Clone)]
pub(super) struct Unit<'a> {
    /// Indexes of the clusters.
    pub clusters: Vec<u32>,
    /// Atoms that say it, ascending.
    pub atoms: Vec<u32>,
    /// Sources that say it, ascending.
    pub sources: Vec<u32>,
    pub tier: Tier,
    pub kind: Option<Kind>,
    pub montants: Vec<Money>,
    /// SIRETs or other identifiers of holders, letters and digits only.
    pub holders: Vec<&'a str>,
    /// Folded names of holders.
    pub names: Vec<&'a str>,
    pub days: Vec<Day>,
    pub durations: Vec<u32>,
    pub cpvs: Vec<Cpv>,
    pub departements: Vec<String>,
    pub objets: Vec<&'a str>,
    declared: Vec<&'a str>,
    words: OnceCell<Vec<String>>,
}

impl<'a> Unit<'a> {
    /// Gathers what the given atoms of a cluster say.
    pub fn new(cluster: u32, said: &[u32], atoms: &'a [Atom], keys: &[Key], nodes: &'a [Node]) -> Self {
        let mut unit = Self { clusters: vec![cluster], atoms: said.to_vec(), ..Self::default() };
        let mut tier = None;
        for atom in said.iter().filter_map(|a| atoms.get(*a as usize)) {
            tier = Some(tier.map_or(atom.tier, |t: Tier| t.min(atom.tier)));
            unit.kind = keys.get(atom.key as usize).and_then(|k| k.0);
            unit.sources.extend(&atom.sources);
            unit.montants.extend(atom.montant);
            for node in atom.nodes.iter().filter_map(|n| nodes.get(*n as usize)) {
                unit.describe(node);
            }
        }
        unit.tier = tier.unwrap_or_default();
        unit.settle();
        unit
    }

    fn describe(&mut self, node: &'a Node) {
        let r = node.record();
        for token in &node.tokens {
            match token.split_at_checked(1) {
                Some(("i", id)) => self.holders.push(id),
                Some(("n", name)) => self.names.push(name),
                _ => {}
            }
        }
        self.days.extend(r.date_notification);
        self.durations.extend(r.duree_mois);
        self.cpvs.extend(r.cpv);
        self.departements.extend(r.lieu.as_ref().and_then(departement));
        if !node.objet.is_empty() {
            self.objets.push(&node.objet);
            self.declared.extend(r.objet.as_deref());
        }
    }

    fn settle(&mut self) {
        fn few<T: Ord>(values: &mut Vec<T>, most: usize) {
            values.sort_unstable();
            values.dedup();
            values.truncate(most);
        }
        few(&mut self.clusters, usize::MAX);
        few(&mut self.atoms, usize::MAX);
        few(&mut self.sources, usize::MAX);
        few(&mut self.holders, usize::MAX);
        few(&mut self.names, usize::MAX);
        few(&mut self.montants, MOST_VALUES);
        few(&mut self.days, MOST_VALUES);
        few(&mut self.durations, MOST_VALUES);
        few(&mut self.cpvs, MOST_VALUES);
        few(&mut self.departements, MOST_VALUES);
        few(&mut self.objets, MOST_VALUES);
        few(&mut self.declared, MOST_VALUES);
    }

    /// Takes another one in: they are one contract.
    pub fn absorb(&mut self, other: Self) {
        self.clusters.extend(other.clusters);
        self.atoms.extend(other.atoms);
        self.sources.extend(other.sources);
        self.tier = self.tier.min(other.tier);
        self.montants.extend(other.montants);
        self.holders.extend(other.holders);
        self.names.extend(other.names);
        self.days.extend(other.days);
        self.durations.extend(other.durations);
        self.cpvs.extend(other.cpvs);
        self.departements.extend(other.departements);
        self.objets.extend(other.objets);
        self.declared.extend(other.declared);
        self.words = OnceCell::new();
        self.settle();
    }

    /// Words of the objects that carry meaning, folded, sorted.
    pub fn words(&self) -> &[String] {
        self.words.get_or_init(|| {
            let mut words: Vec<String> = self.declared.iter().flat_map(|text| split(text)).collect();
            words.sort_unstable();
            words.dedup();
            words.truncate(MOST_WORDS);
            words
        })
    }
}

/// Words of at least three letters or digits; a lost letter is one.
fn split(text: &str) -> Vec<String> {
    fold(text)
        .split(|c: char| !c.is_alphanumeric() && c != LOST)
        .map(letters)
        .filter(|w| w.chars().count() >= 3)
        .collect()
}

/// The département that a place of execution names by the form of its code.
fn departement(place: &Place) -> Option<String> {
    let code = place.code.as_deref()?.trim();
    let whole = match place.kind? {
        PlaceType::Departement => true,
        PlaceType::Commune | PlaceType::CodePostal | PlaceType::Canton | PlaceType::Arrondissement => false,
        _ => return None,
    };
    let overseas = code.starts_with("97") || code.starts_with("98");
    let length = if whole {
        code.len()
    } else if overseas {
        3
    } else {
        2
    };
    let prefix = code.get(..length)?;
    // Corsica's postal codes do not say which of its two it is.
    (prefix.len() >= 2 && prefix != "20").then(|| prefix.to_ascii_uppercase())
}

/// A holder that is identified, as SIRET or else.
pub(super) fn siren(holder: &str) -> Option<&str> {
    (holder.len() == 14 && holder.bytes().all(|b| b.is_ascii_digit())).then(|| &holder[..9])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_departement_is_read_from_the_codes_that_tell_it() {
        let of = |code: &str, kind| departement(&Place { code: Some(code.to_owned()), kind: Some(kind), name: None });
        assert_eq!(of("31", PlaceType::Departement).as_deref(), Some("31"));
        assert_eq!(of("31582", PlaceType::Commune).as_deref(), Some("31"));
        assert_eq!(of("97411", PlaceType::CodePostal).as_deref(), Some("974"));
        assert_eq!(of("2a004", PlaceType::Commune).as_deref(), Some("2A"));
        assert_eq!(of("20000", PlaceType::CodePostal), None);
        assert_eq!(of("FR", PlaceType::Pays), None);
    }

    #[test]
    fn words_are_folded_and_short_ones_say_nothing() {
        assert_eq!(split("Réfection de l'école, V\u{fffd}hicules"), ["refection", "ecole", "v\u{fffd}hicules"]);
    }
}
