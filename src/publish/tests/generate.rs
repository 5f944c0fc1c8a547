//! Contracts made up from a seed: every kind of record, every field, every fault that a writer must
//! stand. The same seed gives the same contracts.

use std::collections::BTreeMap;

use crate::record::*;

/// SplitMix64: enough randomness for tests, no state but a number.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
    pub fn one_in(&mut self, n: u64) -> bool {
        self.roll(n) == 0
    }
    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len() as u64) as usize]
    }
    /// One to three different words, in their order.
    fn some<T: Copy>(&mut self, all: &[T]) -> Vec<T> {
        let first = self.roll(all.len() as u64) as usize;
        all[first..].iter().copied().take(1 + self.roll(2) as usize).collect()
    }
    fn day(&mut self) -> Day {
        Day::from_number(17_000 + self.roll(3_600) as i32).unwrap()
    }
    fn money(&mut self) -> Money {
        let cents = match self.roll(8) {
            0 => self.roll(300),
            1 => self.roll(1 << 50),
            _ => self.roll(50_000_000),
        };
        Money::new(rust_decimal::Decimal::new(cents as i64, 2))
    }
    fn share(&mut self) -> Money {
        Money::new(rust_decimal::Decimal::new(self.roll(101) as i64, 2))
    }
    fn text(&mut self) -> String {
        const WORDS: &[&str] = &[
            "Travaux",
            "de",
            "réfection",
            "des",
            "voiries",
            "lot n° 3",
            "maîtrise d'œuvre",
            "fourniture",
            "entretien",
            "espaces verts",
            "école",
            "2024",
            "électricité",
            "marché",
            "de services",
        ];
        let mut text = String::new();
        for _ in 0..3 + self.roll(9) {
            text.push_str(self.pick(WORDS));
            text.push(' ');
        }
        match self.roll(60) {
            0 => text.push_str("\"guillemets\" ; , <b>&amp;</b> ]]> \\ "),
            1 => text.push_str("ligne\nautre\r\nfin\t🏛 \u{2028}"),
            2 => text.push_str("\u{1}caractère de contrôle"),
            3 => text = text.repeat(12),
            _ => {}
        }
        text.trim().to_owned()
    }
    fn siret(&mut self) -> Siret {
        let number = 300_000_000_u64 + self.roll(1 << 28);
        Siret::parse(&format!("{number:09}{:05}", self.roll(100))).unwrap()
    }
    fn holder(&mut self) -> Holder {
        let foreign = self.one_in(25);
        Holder {
            id_type: Some(if foreign { self.pick(IdType::ALL) } else { IdType::Siret }),
            id: Some(if foreign { format!("FR{}", self.roll(1 << 30)) } else { self.siret().to_string() }),
            name: (!self.one_in(9)).then(|| self.text()),
        }
    }
    fn holders(&mut self) -> Vec<Holder> {
        let n = if self.one_in(8) { 2 + self.roll(3) } else { 1 };
        let mut all: Vec<Holder> = (0..n).map(|_| self.holder()).collect();
        if self.one_in(40) {
            all.push(all[0].clone());
        }
        all
    }
}

/// Contracts of one buyer that follow each other.
const GROUP: u64 = 40;

/// Public numbers from 20… to 29…, growing: some tell a département, some tell nothing.
fn buyer(group: u64, groups: u64) -> Siret {
    let siren = 200_000_000 + group * (90_000_000 / groups);
    Siret::parse(&format!("{siren:09}{:05}", group % 3 * 11)).unwrap()
}

/// Contracts in uid order, made one buyer at a time.
pub fn stream(seed: u64, n: u64) -> impl Iterator<Item = Contract> {
    let mut dice = Dice(seed);
    let groups = n / GROUP + 1;
    (0..groups).flat_map(move |group| {
        let siret = buyer(group, groups);
        let all: BTreeMap<String, Contract> = (group * GROUP..((group + 1) * GROUP).min(n))
            .map(|i| contract(&mut dice, siret, i))
            .map(|c| (c.uid.as_str().to_owned(), c))
            .collect();
        all.into_values()
    })
}

/// The same, all at once.
pub fn contracts(seed: u64, n: u64) -> Vec<Contract> {
    stream(seed, n).collect()
}

fn contract(dice: &mut Dice, siret: Siret, i: u64) -> Contract {
    let kind = if dice.one_in(15) { Kind::Concession } else { Kind::Marche };
    let id = match dice.roll(30) {
        0 => format!("2023/{i} é;,{}", dice.roll(9)),
        1 => format!("IDENTIFIANT-TRES-LONG-{i}"),
        2 => format!("{i}"),
        _ => format!("2022{i:07}00"),
    };
    let id = LocalId::new(&id).unwrap();
    let only_2019 = dice.one_in(4);
    let mut record = filled(dice, Record::new(kind, siret, id.clone()), only_2019);
    if dice.one_in(6) {
        damage(dice, &mut record);
    }
    let suffixed = dice.one_in(50);
    let uid = if suffixed {
        Uid::suffixed(&siret, &id, &format!("{:08x}", dice.roll(1 << 32)))
    } else {
        Uid::new(&siret, &id)
    };
    finish(dice, uid, record, only_2019, i)
}

fn filled(dice: &mut Dice, mut r: Record, only_2019: bool) -> Record {
    let concession = r.kind == Kind::Concession;
    r.acheteur_nom = (only_2019 || dice.one_in(2)).then(|| format!("Commune n° {}", r.acheteur));
    let nature: Vec<Nature> = Nature::ALL.iter().copied().filter(|n| n.is_concession() == concession).collect();
    r.nature = Some(dice.pick(&nature));
    let procedure: Vec<Procedure> =
        Procedure::ALL.iter().copied().filter(|p| p.is_concession() == concession).collect();
    r.procedure = Some(dice.pick(&procedure));
    r.objet = Some(dice.text());
    r.duree_mois = Some(1 + dice.roll(60) as u32);
    r.date_notification = Some(dice.day());
    r.date_publication = Some(dice.day());
    r.montant = Some(dice.money());
    r.titulaires = dice.holders();
    if !concession || only_2019 {
        r.lieu = Some(Place {
            code: Some(format!("{:05}", dice.roll(100_000))),
            kind: Some(dice.pick(PlaceType::ALL)),
            name: only_2019.then(|| dice.text()),
        });
    }
    if only_2019 {
        r.types_prix = vec![dice.pick(TypePrix::ALL)];
        r.nature_2019 = (!concession).then(|| dice.pick(Nature2019::ALL));
    } else {
        only_in_2022(dice, &mut r);
    }
    if concession {
        of_concessions(dice, &mut r);
    } else {
        r.cpv = Cpv::parse(&format!("{:08}", dice.roll(99_000_000)));
    }
    let changes = if dice.one_in(6) { 1 + dice.roll(3) } else { 0 };
    r.modifications = (1..=changes).map(|n| modification(dice, n, only_2019, concession)).collect();
    r
}

fn only_in_2022(dice: &mut Dice, r: &mut Record) {
    let concession = r.kind == Kind::Concession;
    let foreign =
        if concession { ConsiderationSociale::MarcheReserve } else { ConsiderationSociale::ConcessionReservee };
    let social: Vec<_> = ConsiderationSociale::ALL.iter().copied().filter(|c| *c != foreign).collect();
    r.considerations_sociales = dice.some(&social);
    r.considerations_environnementales = dice.some(ConsiderationEnvironnementale::ALL);
    if concession {
        return;
    }
    r.techniques = dice.some(Technique::ALL);
    r.modalites = dice.some(Modalite::ALL);
    r.id_accord_cadre = dice.one_in(10).then(|| format!("AC{}", dice.roll(1000)));
    r.forme_prix = Some(dice.pick(FormePrix::ALL));
    r.types_prix = dice.some(TypePrix::ALL);
    r.marche_innovant = Some(dice.one_in(20));
    r.attribution_avance = Some(dice.one_in(3));
    r.taux_avance = dice.one_in(3).then(|| dice.share());
    r.sous_traitance_declaree = Some(dice.one_in(5));
    r.ccag = Some(dice.pick(Ccag::ALL));
    r.offres_recues = Some(1 + dice.roll(12) as u32);
    r.groupement = Some(dice.pick(Groupement::ALL));
    r.origine_ue = dice.one_in(10).then(|| dice.share());
    r.origine_france = dice.one_in(10).then(|| dice.share());
    if dice.one_in(12) {
        r.actes = (1..=2).map(|n| acte(dice, n)).collect();
        r.modifications_actes = vec![ModificationActe {
            id: Some(1),
            duree_mois: Some(3),
            date: Some(dice.day()),
            date_publication: Some(dice.day()),
            montant: Some(dice.money()),
        }];
    }
}

fn of_concessions(dice: &mut Dice, r: &mut Record) {
    r.date_debut_execution = Some(dice.day());
    r.montant_subvention = Some(dice.money());
    for _ in 0..dice.roll(3) {
        r.donnees_execution.push(DonneesAnnuelles {
            date_publication: Some(dice.day()),
            depenses_investissement: Some(dice.money()),
            tarifs: vec![Tarif { intitule: Some(dice.text()), tarif: Some(dice.money()) }],
        });
    }
}

fn acte(dice: &mut Dice, n: u32) -> ActeSousTraitance {
    ActeSousTraitance {
        id: Some(n),
        sous_traitant: dice.holder(),
        duree_mois: Some(1 + dice.roll(12) as u32),
        date: Some(dice.day()),
        date_publication: Some(dice.day()),
        montant: Some(dice.money()),
        variation_prix: Some(dice.pick(VariationPrix::ALL)),
    }
}

fn modification(dice: &mut Dice, n: u64, only_2019: bool, concession: bool) -> Modification {
    Modification {
        id: (!only_2019 && !dice.one_in(30)).then_some(n as u32),
        objet: only_2019.then(|| dice.text()),
        date: Some(dice.day()),
        date_publication: (!dice.one_in(30)).then(|| dice.day()),
        duree_mois: dice.one_in(2).then(|| 1 + dice.roll(48) as u32),
        montant: dice.one_in(2).then(|| dice.money()),
        titulaires: if !concession && dice.one_in(3) { dice.holders() } else { Vec::new() },
    }
}

/// Takes one thing away, or makes it wrong.
fn damage(dice: &mut Dice, r: &mut Record) {
    match dice.roll(26) {
        0 => r.nature = None,
        1 => r.objet = None,
        2 => r.procedure = Some(dice.pick(Procedure::ALL)),
        3 => r.duree_mois = Some(0),
        4 => r.date_notification = None,
        5 => r.date_publication = None,
        6 => r.montant = None,
        7 => r.montant = Some(Money::euros(-5)),
        8 => r.titulaires = Vec::new(),
        9 => r.titulaires[0].id_type = None,
        10 => r.titulaires[0].id = None,
        11 => r.cpv = None,
        12 => r.lieu = None,
        13 => r.techniques = vec![Technique::Concours, Technique::Concours],
        14 => r.types_prix = vec![TypePrix::Provisoire, TypePrix::Ferme],
        15 => r.considerations_sociales = vec![dice.pick(ConsiderationSociale::ALL)],
        16 => r.offres_recues = Some(0),
        17 => r.taux_avance = Some(Money::euros(30)),
        18 => r.id_accord_cadre = Some("BEAUCOUP-TROP-LONG-POUR-UN-ID".to_owned()),
        19 => r.acheteur_nom = None,
        20 => r.montant = Some(Money::new("0.5".parse().unwrap())),
        21 => r.date_notification = Day::from_ymd(222, 3, 1),
        22 => r.donnees_execution.iter_mut().for_each(|d| d.tarifs.clear()),
        23 => r.montant_subvention = None,
        24 => r.actes.iter_mut().for_each(|a| a.montant = None),
        _ => *r = Record::new(r.kind, r.acheteur, r.id.clone()),
    }
}

fn finish(dice: &mut Dice, uid: Uid, record: Record, only_2019: bool, i: u64) -> Contract {
    let sources = 1 + if dice.one_in(4) { dice.roll(3) } else { 0 };
    let first = dice.roll(20 - sources);
    let observations: Vec<ObservationRef> = (0..sources)
        .map(|s| ObservationRef {
            source: format!("source-{:02}", first + s),
            resource: format!("fichier-{}", i % 7),
            position: i as u32,
            acheteur_id: record.acheteur.to_string(),
            id: if s == 0 { record.id.to_string() } else { format!("{}-{s}", record.id) },
            published: record.date_publication,
        })
        .collect();
    let winner = dice.roll(sources) as u32;
    let last = record.modifications.iter().rev();
    let current = Current {
        montant: last.clone().find_map(|m| m.montant).or(record.montant),
        duree_mois: last.clone().find_map(|m| m.duree_mois).or(record.duree_mois),
        titulaires: last.clone().map(|m| &m.titulaires).find(|t| !t.is_empty()).unwrap_or(&record.titulaires).clone(),
    };
    let finding = |code: &'static str| Finding {
        code: code.into(),
        field: "montant".into(),
        value: "12 000,00 €\n".to_owned(),
        severity: Severity::Repaired,
    };
    let conflict =
        Conflict { field: Field::Montant, values: vec![("1200.50".to_owned(), 0), ("\"douze\"".to_owned(), winner)] };
    Contract {
        uid,
        current,
        only_2019,
        provenance: vec![(Field::Id, winner), (Field::Objet, 0), (Field::Montant, winner)],
        titulaires_from: vec![winner; record.titulaires.len()],
        modifications_from: vec![winner; record.modifications.len()],
        actes_from: vec![winner; record.actes.len()],
        modifications_actes_from: vec![winner; record.modifications_actes.len()],
        conflicts: if sources > 1 { vec![conflict] } else { Vec::new() },
        findings: dice.one_in(5).then(|| (finding("montant-texte"), winner)).into_iter().collect(),
        region: Scope { in_scope: true, reasons: vec!["seat".to_owned()] },
        withdrawn: dice.one_in(40),
        joins: Vec::new(),
        doubles: Vec::new(),
        observations,
        record,
    }
}
