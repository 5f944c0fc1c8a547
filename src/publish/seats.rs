//! Seats without a register: what the embedded tables and the structure of public SIRENs tell.

use std::borrow::Cow;

use super::input::Seat;
use crate::record::Siret;
use crate::reference;

/// The seat of a public body, as far as its SIREN tells; `None` for everyone else.
pub fn reference_seat(siret: &Siret) -> Option<Seat> {
    let siren = siret.siren();
    let departement = reference::seat_departement(&siren).departement()?;
    let named = |code, name| Some((Cow::Borrowed(code), Cow::Borrowed(name)));
    Some(Seat {
        commune: reference::seat_commune(&siren).and_then(|c| named(c.code, c.name)),
        departement: named(departement.code, departement.name),
        region: reference::region_name(departement.region).and_then(|r| named(r.code, r.name)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commune_has_its_seat_in_itself_and_a_company_is_not_known() {
        let seat = reference_seat(&Siret::parse("21310555400017").unwrap()).unwrap();
        assert_eq!(seat.commune.unwrap(), ("31555".into(), "Toulouse".into()));
        assert_eq!(seat.departement.unwrap().0, "31");
        assert_eq!(seat.region.unwrap(), ("76".into(), "Occitanie".into()));
        assert_eq!(reference_seat(&Siret::parse("55204599900869").unwrap()), None);
    }
}
