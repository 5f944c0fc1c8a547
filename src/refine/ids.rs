//! SIRET, SIREN, TVA, the ids of contracts, CPV codes.
//!
//! In: declared scalars. Out: typed identifiers, and a finding for each repair. A repair is made
//! only where a key, or the form, leaves one reading.

use crate::decode::Scalar;
use crate::record::{Cpv, LocalId, Siren, Siret};
use crate::reference::cpv_division_exists;

use super::out::{Out, Path};
use super::rules::Rule;
use super::words::{code, value};

/// What a text that should be a SIRET is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// Fourteen digits, and the repair that they needed.
    Siret(Siret, Option<Rule>),
    /// Nine digits with a right key.
    Siren(Siren),
    /// A French VAT number with a right key.
    FrenchTva(Siren),
    /// A VAT number of another member state, by its form.
    OtherTva,
    /// Zeros, or one digit repeated.
    Placeholder,
    /// None of these.
    Other,
}

/// Reads a text as an establishment.
pub(super) fn read_siret(text: &str) -> Reading {
    if let Some(siret) = Siret::parse(text) {
        return checked(siret, None);
    }
    let bare: String =
        text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '.' | '-' | '_' | '\'' | '’')).collect();
    let bare = bare.strip_prefix("SIRET").map_or(&*bare, |b| b.trim_start_matches(':')).to_owned();
    if !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_digit()) {
        return digits(&bare);
    }
    tva(&bare)
}

fn checked(siret: Siret, repair: Option<Rule>) -> Reading {
    let first = siret.as_str().as_bytes().first().copied();
    if siret.as_str().bytes().all(|b| Some(b) == first) { Reading::Placeholder } else { Reading::Siret(siret, repair) }
}

fn digits(bare: &str) -> Reading {
    let same = bare.bytes().all(|b| bare.starts_with(char::from(b)));
    if same {
        return Reading::Placeholder;
    }
    match bare.len() {
        14 => Siret::parse(bare).map_or(Reading::Other, |s| checked(s, Some(Rule::SiretFormat))),
        10..=13 => {
            let padded = Siret::parse(&format!("{bare:0>14}"));
            let confirmed = padded.filter(|s| s.has_valid_key() && s.siren().has_valid_key());
            confirmed.map_or(Reading::Other, |s| Reading::Siret(s, Some(Rule::SiretLeadingZero)))
        }
        9 => Siren::parse(bare).filter(Siren::has_valid_key).map_or(Reading::Other, Reading::Siren),
        _ => Reading::Other,
    }
}

/// A VAT number: two letters of a state, then what that state writes.
fn tva(bare: &str) -> Reading {
    let upper = bare.to_ascii_uppercase();
    if let Some(rest) = upper.strip_prefix("FR") {
        let (Some(key), Some(siren)) = (rest.get(..2), rest.get(2..).and_then(Siren::parse)) else {
            return Reading::Other;
        };
        let expected = siren.as_str().parse::<u64>().map(|n| (12 + 3 * (n % 97)) % 97);
        let right = key.parse::<u64>().ok() == expected.ok();
        return if right && siren.has_valid_key() { Reading::FrenchTva(siren) } else { Reading::Other };
    }
    const STATES: [&str; 28] = [
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "GB", "HR", "HU", "IE", "IT", "LT", "LU",
        "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK", "XI",
    ];
    let state = upper.get(..2).is_some_and(|s| STATES.contains(&s));
    let rest = upper.get(2..).unwrap_or_default();
    let form = (8..=12).contains(&rest.len())
        && rest.bytes().all(|b| b.is_ascii_alphanumeric())
        && rest.bytes().filter(u8::is_ascii_digit).count() >= 7;
    if state && form { Reading::OtherTva } else { Reading::Other }
}

/// The first establishment of a legal unit: number 0001 and the key. Every unit has had one, so it
/// names the unit where only the SIREN is known.
pub(super) fn first_establishment(siren: &Siren) -> Option<Siret> {
    (0..10).filter_map(|key| Siret::parse(&format!("{siren}0001{key}"))).find(Siret::has_valid_key)
}

/// Who buys and under which number: the identity of a record.
pub(super) struct Identity {
    pub buyer: Siret,
    pub id: LocalId,
}

/// Why a record has no identity: code and detail of its quarantine.
pub(super) type Refusal = (&'static str, String);

/// Reads buyer and id, each helped by the uid where it fails.
pub(super) fn identity(
    out: &mut Out,
    acheteur: &Option<Scalar>,
    id: &Option<Scalar>,
    uid: &Option<Scalar>,
) -> Result<Identity, Refusal> {
    let at = Path::of("acheteur.id");
    let uid_text = uid.as_ref().map(|u| u.as_str().trim());
    let of_uid = uid_text.and_then(|u| {
        // Zeros have a right key, and name nobody.
        let siret = Siret::parse(u.get(..14)?).filter(|s| s.has_valid_key() && !s.is_placeholder())?;
        Some((siret, LocalId::new(u.get(14..)?)?))
    });
    let buyer = buyer(out, at, acheteur, of_uid.as_ref().map(|(s, _)| *s))?;
    let declared = code(out, Path::of("id"), id).and_then(|t| LocalId::new(&t));
    let id = match (declared, of_uid) {
        (Some(id), _) => id,
        (None, Some((_, id))) => {
            out.find(Rule::IdFromUid, Path::of("id"), uid_text.unwrap_or_default());
            id
        }
        (None, None) => {
            return Err(("id-missing", format!("buyer {buyer} declares a contract without id")));
        }
    };
    if id.as_str().chars().count() > 16 {
        out.find(Rule::IdTooLong, Path::of("id"), id.as_str());
    }
    if id.as_str().contains(['&', '"', '\\', '<', ' ', ',', ';']) {
        out.find(Rule::IdCharacters, Path::of("id"), id.as_str());
    }
    if let Some(uid) = uid_text.filter(|u| !is_uid(u, &buyer, &id)) {
        out.find(Rule::UidMismatch, Path::of("uid"), uid);
        out.keep("uid", uid);
    }
    Ok(Identity { buyer, id })
}

fn is_uid(uid: &str, buyer: &Siret, id: &LocalId) -> bool {
    uid.strip_prefix(buyer.as_str()).is_some_and(|rest| rest.trim() == id.as_str())
}

fn buyer(out: &mut Out, at: Path, scalar: &Option<Scalar>, of_uid: Option<Siret>) -> Result<Siret, Refusal> {
    let declared = value(out, at, scalar);
    let text = declared.map(|s| s.as_str().trim().to_owned()).unwrap_or_default();
    let reading = if text.is_empty() { Reading::Other } else { read_siret(&text) };
    let raw = scalar.as_ref().map(Scalar::as_str).unwrap_or_default();
    if matches!(declared, Some(Scalar::Number(_))) {
        out.find(Rule::TextAsNumber, at, raw);
    }
    let siren = match reading {
        Reading::Siret(siret, repair) => {
            if let Some(rule) = repair.or((text.len() < raw.len()).then_some(Rule::SiretFormat)) {
                out.find(rule, at, raw);
            }
            if !siret.has_valid_key() {
                out.find(Rule::SiretKey, at, raw);
            }
            return Ok(siret);
        }
        Reading::Siren(siren) => Some((siren, Rule::BuyerSiren)),
        Reading::FrenchTva(siren) => Some((siren, Rule::BuyerFromTva)),
        _ => None,
    };
    // The uid names the establishment; it is asked where the field itself does not, or contradicts nothing.
    match (siren, of_uid) {
        (siren, Some(siret)) if siren.is_none_or(|(s, _)| s == siret.siren()) => {
            out.find(Rule::BuyerFromUid, at, if raw.is_empty() { siret.as_str() } else { raw });
            Ok(siret)
        }
        (Some((siren, rule)), _) => {
            out.find(rule, at, raw);
            first_establishment(&siren).ok_or_else(|| ("buyer-unusable", format!("acheteur.id is {raw:?}")))
        }
        (None, _) if text.is_empty() => Err(("buyer-missing", "no acheteur.id, and no uid that names one".into())),
        (None, _) => Err(("buyer-unusable", format!("acheteur.id is {raw:?}, which is no SIRET"))),
    }
}

/// A CPV code, without its check digit.
pub(super) fn cpv(out: &mut Out, at: Path, scalar: &Option<Scalar>) -> Option<Cpv> {
    let declared = value(out, at, scalar)?;
    let raw = declared.as_str();
    let text = raw.trim();
    let found = match Cpv::parse(text) {
        Some(cpv) => Some((cpv, None)),
        None => read_cpv(text, matches!(declared, Scalar::Number(_))).map(|(cpv, rule)| (cpv, Some(rule))),
    };
    let Some((cpv, repair)) = found else {
        out.find(Rule::CpvUnreadable, at, raw);
        return None;
    };
    if cpv.as_str().bytes().all(|b| b == b'0') {
        out.find(Rule::Placeholder, at, raw);
        return None;
    }
    if let Some(rule) = repair.or((text.len() < raw.len()).then_some(Rule::Whitespace)) {
        out.find(rule, at, raw);
    }
    if !cpv_division_exists(&cpv) {
        out.find(Rule::CpvDivision, at, raw);
    }
    Some(cpv)
}

fn read_cpv(text: &str, is_number: bool) -> Option<(Cpv, Rule)> {
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    let key = rest.strip_prefix('-').is_some_and(|k| k.len() == 1 && k.bytes().all(|b| b.is_ascii_digit()));
    let exists = |code: &str| Cpv::parse(code).filter(cpv_division_exists);
    match digits.len() {
        8 if key => Some((Cpv::parse(digits)?, Rule::CpvCheckDigit)),
        8 => Some((Cpv::parse(digits)?, Rule::CpvFormat)),
        // Nine digits: the check digit without its hyphen.
        9 if rest.is_empty() => Some((exists(digits.get(..8)?)?, Rule::CpvCheckDigit)),
        2..=7 if rest.is_empty() || key => {
            let before = exists(&format!("{digits:0>8}")).filter(|_| digits.len() == 7);
            let after = exists(&format!("{digits:0<8}"));
            match (before, after) {
                (Some(cpv), None) => Some((cpv, Rule::CpvLeadingZero)),
                // A number loses the zeros in front of it, never those behind.
                (Some(cpv), Some(_)) if is_number => Some((cpv, Rule::CpvLeadingZero)),
                (None, Some(cpv)) if !is_number => Some((cpv, Rule::CpvShort)),
                _ => None,
            }
        }
        _ => {
            let spaced: String = text.chars().filter(|c| !matches!(c, ' ' | '.' | '\u{a0}')).collect();
            if spaced.len() == text.len() {
                None
            } else {
                read_cpv(&spaced, is_number)
                    .map(|(c, _)| (c, Rule::CpvFormat))
                    .or_else(|| Cpv::parse(&spaced).map(|c| (c, Rule::CpvFormat)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_text(text: &str) -> Option<Scalar> {
        Some(Scalar::Text(text.into()))
    }

    fn codes(out: &Out) -> Vec<&str> {
        out.findings.0.iter().map(|f| &*f.code).collect()
    }

    fn who(acheteur: &str, id: &str, uid: &str) -> (Result<String, &'static str>, Vec<String>) {
        let mut out = Out::default();
        let some = |t: &str| (!t.is_empty()).then(|| Scalar::Text(t.into()));
        let who = identity(&mut out, &some(acheteur), &some(id), &some(uid));
        (
            who.map(|i| format!("{} {}", i.buyer, i.id)).map_err(|e| e.0),
            codes(&out).into_iter().map(str::to_owned).collect(),
        )
    }

    #[test]
    fn a_buyer_is_read_in_every_way_that_has_one_meaning() {
        for (acheteur, siret, code) in [
            ("21310555400017", "21310555400017", ""),
            ("  21310555400017", "21310555400017", "siret-format"),
            ("213 105 554 00017", "21310555400017", "siret-format"),
            ("213105554", "21310555400017", "buyer-siren"),
            ("FR53213105554", "21310555400017", "buyer-from-tva"),
            ("12345678901234", "12345678901234", "siret-key"),
        ] {
            let (who, codes) = who(acheteur, "1", "");
            assert_eq!(who, Ok(format!("{siret} 1")), "{acheteur}");
            assert_eq!(codes.join(" "), code, "{acheteur}");
        }
        // 005520135 is a SIREN whose zeros a spreadsheet drops.
        let siret = first_establishment(&Siren::parse("005520135").unwrap()).unwrap();
        let lost = siret.as_str().trim_start_matches('0');
        assert_eq!(who(lost, "1", ""), (Ok(format!("{siret} 1")), vec!["siret-leading-zero".into()]));
    }

    #[test]
    fn a_buyer_that_cannot_be_a_siret_leaves_no_identity() {
        for acheteur in ["00000000000000", "11111111111111", "2131055540001", "213105554000170", "Mairie", "213105555"]
        {
            assert_eq!(who(acheteur, "1", "").0, Err("buyer-unusable"), "{acheteur}");
            assert_eq!(who(acheteur, "1", "000000000000001").0, Err("buyer-unusable"), "{acheteur} and its uid");
        }
        assert_eq!(who("", "1", "").0, Err("buyer-missing"));
        assert_eq!(who("NC", "1", "").0, Err("buyer-missing"));
        assert_eq!(who("21310555400017", "", "").0, Err("id-missing"));
        assert_eq!(who("21310555400017", "NC", "").0, Err("id-missing"));
    }

    #[test]
    fn the_uid_helps_where_a_field_fails_and_is_compared_where_none_does() {
        let uid = "213105554000172022-14";
        assert_eq!(who("", "2022-14", uid), (Ok("21310555400017 2022-14".into()), vec!["buyer-from-uid".into()]));
        assert_eq!(who("213105554", "2022-14", uid).1, ["buyer-from-uid"]);
        assert_eq!(who("21310555400017", "", uid), (Ok("21310555400017 2022-14".into()), vec!["id-from-uid".into()]));
        assert_eq!(who("21310555400017", "2022-14", uid).1, [""; 0]);
        assert_eq!(who("21310555400017", "2022-15", uid).1, ["uid-mismatch"]);
    }

    #[test]
    fn a_cpv_code_is_read_when_one_code_fits() {
        for (text, cpv, rule) in [
            ("45000000", "45000000", ""),
            ("45000000-7", "45000000", "cpv-check-digit"),
            ("450000007", "45000000", "cpv-check-digit"),
            ("9132100", "09132100", "cpv-leading-zero"),
            ("4511200", "45112000", "cpv-short"),
            ("45", "45000000", "cpv-short"),
            ("45000000-7 Travaux", "45000000", "cpv-format"),
            ("45 000 000", "45000000", "cpv-format"),
            (" 45000000", "45000000", "whitespace"),
            ("99000000", "99000000", "cpv-division"),
            ("hygiène", "", "cpv-unreadable"),
            ("3412100", "", "cpv-unreadable"),
            ("9", "", "cpv-unreadable"),
            ("00000000", "", "placeholder"),
            ("NC", "", "placeholder"),
        ] {
            let mut out = Out::default();
            let got = super::cpv(&mut out, Path::of("codeCPV"), &of_text(text));
            assert_eq!(got.map(|c| c.to_string()).unwrap_or_default(), cpv, "{text}");
            assert_eq!(codes(&out).join(" "), rule, "{text}");
        }
    }
}
