//! Where a legal unit has its seat and what it is: by the register where there is one, else as far as
//! the embedded tables and the structure of public SIRENs tell.

use std::borrow::Cow;

use super::input::{ReadError, Seat};
use crate::record::Siren;
use crate::reference::{self, MASK, Register};

/// All that is known of a unit; `None` for one of which nothing is.
///
/// # Errors
/// The register cannot be read.
pub fn seat(siren: &Siren, register: Option<&Register>) -> Result<Option<Seat>, ReadError> {
    let unit = match register {
        Some(register) => register.unit(siren)?,
        None => None,
    };
    let departement = reference::seat_of(siren, unit.as_ref()).departement();
    if departement.is_none() && unit.is_none() {
        return Ok(None);
    }
    let named = |code, name| Some((Cow::Borrowed(code), Cow::Borrowed(name)));
    let told = unit.as_ref().and_then(|u| u.commune.as_deref()).and_then(reference::commune);
    let commune = told.or_else(|| reference::seat_commune(siren).filter(|c| Some(c.departement) == departement));
    let mut seat = Seat {
        commune: commune.and_then(|c| named(c.code, c.name)),
        departement: departement.and_then(|d| named(d.code, d.name)),
        region: departement.and_then(|d| reference::region_name(d.region)).and_then(|r| named(r.code, r.name)),
        ..Seat::default()
    };
    if let Some(unit) = unit {
        seat.category = unit.buyer_category();
        seat.size = unit.size.map(|size| size.label());
        seat.masked = unit.is_masked();
        seat.name = if seat.masked { Some(Cow::Borrowed(MASK)) } else { unit.name.map(Cow::Owned) };
    }
    Ok(Some(seat))
}

/// As [`seat`], without a register.
///
/// # Errors
/// None: the tables are in the program.
pub fn reference_seat(siren: &Siren) -> Result<Option<Seat>, ReadError> {
    seat(siren, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commune_has_its_seat_in_itself_and_a_company_is_not_known() {
        let seat = reference_seat(&Siren::parse("213105554").unwrap()).unwrap().unwrap();
        assert_eq!(seat.commune.unwrap(), ("31555".into(), "Toulouse".into()));
        assert_eq!(seat.departement.unwrap().0, "31");
        assert_eq!(seat.region.unwrap(), ("76".into(), "Occitanie".into()));
        assert_eq!(reference_seat(&Siren::parse("552045999").unwrap()).unwrap(), None);
    }
}
