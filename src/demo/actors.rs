//! Who buys, who sells, and where: invented bodies whose identifiers have the structure and the
//! Luhn key of real ones but lie in ranges that the registers have not given out (commune numbers
//! above 900, SIRENs from 98…), so that no real body is ever named.

use super::rng::{About, Rng};
use crate::record::{Holder, IdType, Place, PlaceType, Siret, Where};

/// Départements of Occitanie, with the INSEE code, the postal code and the name of each chief town.
const INSIDE: [(&str, &str, &str, &str); 13] = [
    ("31", "31555", "31000", "Toulouse"),
    ("34", "34172", "34000", "Montpellier"),
    ("30", "30189", "30000", "Nîmes"),
    ("66", "66136", "66000", "Perpignan"),
    ("81", "81004", "81000", "Albi"),
    ("11", "11069", "11000", "Carcassonne"),
    ("82", "82121", "82000", "Montauban"),
    ("12", "12202", "12000", "Rodez"),
    ("65", "65440", "65000", "Tarbes"),
    ("32", "32013", "32000", "Auch"),
    ("46", "46042", "46000", "Cahors"),
    ("09", "09122", "09000", "Foix"),
    ("48", "48095", "48000", "Mende"),
];
/// The same for départements elsewhere.
const OUTSIDE: [(&str, &str, &str, &str); 5] = [
    ("33", "33063", "33000", "Bordeaux"),
    ("13", "13055", "13001", "Marseille"),
    ("69", "69123", "69001", "Lyon"),
    ("64", "64445", "64000", "Pau"),
    ("59", "59350", "59000", "Lille"),
];
const TRADES: [&str; 16] = [
    "Ateliers",
    "Bâtiments",
    "Bureau d'études",
    "Charpentes",
    "Chauffages",
    "Constructions",
    "Façades",
    "Imprimerie",
    "Informatique",
    "Menuiseries",
    "Nettoyages",
    "Paysages",
    "Restauration",
    "Réseaux",
    "Transports",
    "Travaux publics",
];
const FOUNDERS: [&str; 18] = [
    "Aubrac",
    "Bastide",
    "Cèdre",
    "Dourbie",
    "Estelle",
    "Fontfrède",
    "Garrigue",
    "Hers",
    "Jonquières",
    "Lauze",
    "Malepère",
    "Naurouze",
    "Olivette",
    "Peyre",
    "Rouvière",
    "Séronne",
    "Tramontane",
    "Viaur",
];

/// How a buyer's seat is known, and where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seat {
    /// A public body whose SIREN tells a département of the region.
    Inside,
    /// A public body whose SIREN tells another département.
    Outside,
    /// A private body or a syndicate: its SIREN tells nothing.
    Unknown,
}

/// A buyer with its establishments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Buyer {
    /// Nine digits.
    pub(crate) siren: String,
    /// As a 2019 record names it.
    pub(crate) name: String,
    pub(crate) seat: Seat,
    /// Index into the table of départements of its side.
    departement: usize,
}

impl Buyer {
    /// Establishment `nic` (1 = the first seat).
    pub(crate) fn siret(&self, nic: u16) -> Option<Siret> {
        Siret::parse(&with_luhn(&format!("{}{nic:04}", self.siren)))
    }

    /// A place of execution in the buyer's own département, or elsewhere in its region.
    pub(crate) fn place(&self, rng: &mut Rng) -> Place {
        match self.seat {
            Seat::Outside => place_of(&OUTSIDE, self.departement, rng),
            Seat::Inside | Seat::Unknown => place_of(&INSIDE, self.departement, rng),
        }
    }
}

/// How many buyers the world's ordinary contracts are spread over.
const BUYERS: usize = 600;
/// Buyers that a profile of their own may speak for, never drawn for ordinary contracts.
const SPEAKERS: usize = 3;

/// One of the ordinary buyers of the region; few of them publish most.
pub(crate) fn buyer(seed: u64, rng: &mut Rng) -> Buyer {
    let n = rng.skewed(BUYERS);
    public_body(seed, n, Seat::Inside)
}

/// A buyer that the `profile`-th buyer profile speaks for.
pub(crate) fn speaker(seed: u64, profile: usize, rng: &mut Rng) -> Buyer {
    public_body(
        seed,
        BUYERS + profile * SPEAKERS + rng.below(SPEAKERS),
        Seat::Inside,
    )
}

/// SIRENs that the `profile`-th buyer profile speaks for.
pub(crate) fn spoken_for(seed: u64, profile: usize) -> Vec<String> {
    let at = BUYERS + profile * SPEAKERS;
    (at..at + SPEAKERS)
        .map(|n| public_body(seed, n, Seat::Inside).siren)
        .collect()
}

/// A public body of another region.
pub(crate) fn foreign_buyer(seed: u64, rng: &mut Rng) -> Buyer {
    public_body(seed, rng.below(90), Seat::Outside)
}

/// A body whose SIREN does not tell its seat: a housing company, a mixed syndicate.
pub(crate) fn private_buyer(rng: &mut Rng) -> Buyer {
    let n = rng.below(40);
    let (siren, what) = if n.is_multiple_of(4) {
        (with_luhn(&format!("2009{:04}", 9000 + n)), "Syndicat mixte")
    } else {
        (
            with_luhn(&format!("984{:05}", 10_000 + n)),
            "Société d'habitat",
        )
    };
    let name = format!("{what} de la {}", FOUNDERS[n % FOUNDERS.len()]);
    Buyer {
        siren,
        name,
        seat: Seat::Unknown,
        departement: n % INSIDE.len(),
    }
}

fn public_body(seed: u64, n: usize, seat: Seat) -> Buyer {
    let mut rng = Rng::new(
        seed,
        About::Actor,
        n as u64 * 2 + u64::from(seat == Seat::Outside),
    );
    let towns: &[_] = if seat == Seat::Outside {
        &OUTSIDE
    } else {
        &INSIDE
    };
    let departement = n % towns.len();
    let (dep, _, _, town) = towns[departement];
    let order = (n / towns.len()) % 100;
    // The first two digits tell the kind of body; the next two its département.
    let (kind, what) = rng.pick(&[
        ("21", "Commune"),
        ("21", "Commune"),
        ("24", "Communauté de communes"),
        ("22", "Régie départementale"),
        ("28", "Service d'incendie"),
    ]);
    let siren = with_luhn(&format!("{kind}{dep}09{order:02}"));
    let name = format!("{what} {} {} près {town}", FOUNDERS[n % FOUNDERS.len()], n);
    Buyer {
        siren,
        name,
        seat,
        departement,
    }
}

fn place_of(towns: &[(&str, &str, &str, &str)], near: usize, rng: &mut Rng) -> Place {
    let at = if rng.chance(80) {
        near
    } else {
        rng.below(towns.len())
    };
    let (dep, insee, postal, name) = towns[at % towns.len()];
    let (code, kind) = match rng.below(3) {
        0 => (dep, PlaceType::Departement),
        1 => (insee, PlaceType::Commune),
        _ => (postal, PlaceType::CodePostal),
    };
    Place {
        code: Some(code.to_owned()),
        kind: Some(kind),
        name: Some(name.to_owned()),
    }
}

/// A place that lies where one asks; unknown is France as a whole.
pub(crate) fn place(at: Where, rng: &mut Rng) -> Place {
    match at {
        Where::Inside => place_of(&INSIDE, rng.below(INSIDE.len()), rng),
        Where::Outside => place_of(&OUTSIDE, rng.below(OUTSIDE.len()), rng),
        Where::Unknown => Place {
            code: Some("FR".to_owned()),
            kind: Some(PlaceType::Pays),
            name: Some("France".to_owned()),
        },
    }
}

/// The `n`-th supplier of the world.
pub(crate) fn supplier(n: usize) -> Holder {
    let siren = with_luhn(&format!("99{:06}", (n * 7919 + 12_345) % 1_000_000));
    let trade = TRADES[n % TRADES.len()];
    let founder = FOUNDERS[(n / TRADES.len()) % FOUNDERS.len()];
    Holder {
        id_type: Some(IdType::Siret),
        id: Some(with_luhn(&format!("{siren}{:04}", 1 + n % 3))),
        name: Some(format!("{trade} {founder}")),
    }
}

/// Suppliers of the world: more than contracts of a middling region need.
const SUPPLIERS: usize = 200_000;

/// One holder, then others that differ from it and from one another.
pub(crate) fn suppliers(how_many: usize, rng: &mut Rng) -> Vec<Holder> {
    let first = rng.skewed(SUPPLIERS - how_many);
    (0..how_many).map(|i| supplier(first + i)).collect()
}

/// The digits and the one more that makes them pass Luhn, as every SIREN and SIRET must.
pub(crate) fn with_luhn(digits: &str) -> String {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let d = u32::from(b.wrapping_sub(b'0')) * if i % 2 == 0 { 2 } else { 1 };
            d / 10 + d % 10
        })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_invented_identifier_passes_its_key() {
        let mut rng = Rng::new(5, About::Actor, 1);
        for n in 0..300 {
            let holder = supplier(n * 37);
            assert!(
                Siret::parse(holder.id.as_deref().unwrap())
                    .unwrap()
                    .has_valid_key()
            );
            for b in [
                buyer(5, &mut rng),
                foreign_buyer(5, &mut rng),
                private_buyer(&mut rng),
            ] {
                let siret = b.siret(1).unwrap();
                assert!(
                    siret.has_valid_key() && siret.siren().has_valid_key(),
                    "{b:?}"
                );
                assert_ne!(b.siret(2), Some(siret));
            }
        }
    }

    #[test]
    fn buyers_and_suppliers_differ_from_one_another() {
        let bodies: BTreeSet<_> = (0..BUYERS)
            .map(|n| public_body(1, n, Seat::Inside).siren)
            .collect();
        assert_eq!(bodies.len(), BUYERS);
        let speakers: BTreeSet<_> = (0..4).flat_map(|p| spoken_for(1, p)).collect();
        assert!(speakers.len() == 12 && speakers.is_disjoint(&bodies));
        let firms: BTreeSet<_> = (0..SUPPLIERS).map(|n| supplier(n).id).collect();
        assert_eq!(firms.len(), SUPPLIERS);
    }

    #[test]
    fn the_seat_of_a_public_body_stands_in_its_siren() {
        let mut rng = Rng::new(9, About::Actor, 2);
        for _ in 0..100 {
            let inside = buyer(9, &mut rng);
            assert!(
                INSIDE.iter().any(|t| t.0 == &inside.siren[2..4]),
                "{inside:?}"
            );
            let outside = foreign_buyer(9, &mut rng);
            assert!(
                OUTSIDE.iter().any(|t| t.0 == &outside.siren[2..4]),
                "{outside:?}"
            );
        }
    }
}
