//! SHA256SUMS.minisig, verified by another implementation.

use minisign_verify::{PublicKey, Signature};

use super::generate::contracts;
use super::*;

fn key() -> (String, Arc<SigningKey>) {
    let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let text = pair.sk.to_box(None).unwrap().into_string();
    let key = SigningKey::parse(&text).unwrap();
    (text, Arc::new(key))
}

#[test]
fn the_sums_are_signed_and_the_public_key_stands_beside() {
    let public = tempfile::tempdir().unwrap();
    let mut case = Case::new(public.path(), contracts(41, 20));
    case.options.signing_key = Some(key().1);
    let outcome = case.outcome();
    let read = |name: &str| std::fs::read_to_string(outcome.dir.join(name)).unwrap();
    let (sums, signature) = (read("SHA256SUMS"), Signature::decode(&read("SHA256SUMS.minisig")).unwrap());
    let shown = std::fs::read_to_string(public.path().join("minisign.pub")).unwrap();
    assert_eq!(shown, read("minisign.pub"));
    let public_key = PublicKey::decode(&shown).unwrap();
    public_key.verify(sums.as_bytes(), &signature, false).unwrap();
    assert_eq!(signature.trusted_comment(), format!("guichet {} SHA256SUMS", outcome.publication));
    let other = sums.replacen('a', "b", 1);
    assert!(public_key.verify(other.as_bytes(), &signature, false).is_err());
    // The sums list every file but themselves and their signature.
    let listed: Vec<&str> = sums.lines().map(|l| &l[66..]).collect();
    let mut there = swap::names(&outcome.dir).unwrap();
    there.retain(|name| !name.starts_with("SHA256SUMS"));
    assert_eq!(listed, there);
}

#[test]
fn another_key_is_another_publication_and_none_signs_nothing() {
    let public = tempfile::tempdir().unwrap();
    let (_, first) = key();
    let with = |key: Option<&Arc<SigningKey>>| {
        let mut case = Case::new(public.path(), contracts(42, 20));
        case.options.signing_key = key.cloned();
        case.publish().unwrap()
    };
    assert!(matches!(with(Some(&first)), Published::New(_)));
    assert!(matches!(with(Some(&first)), Published::Same { .. }));
    assert!(matches!(with(Some(&key().1)), Published::New(_)));
    let Published::New(outcome) = with(None) else { panic!("it has no signature any more") };
    assert!(!swap::names(&outcome.dir).unwrap().iter().any(|name| name.contains("minisig")));
}

#[test]
fn a_key_is_read_whole_or_as_its_one_line_and_one_with_a_password_is_refused() {
    let (text, key) = key();
    let line = text.lines().nth(1).unwrap();
    assert_eq!(SigningKey::parse(line).unwrap().public_key(), key.public_key());
    assert!(!format!("{key:?}").contains(line));
    let locked = minisign::KeyPair::generate_encrypted_keypair(Some("x".to_owned())).unwrap();
    let locked = locked.sk.to_box(None).unwrap().into_string();
    for bad in [locked.as_str(), "", "RWRTY0Iy", &key.public_key()] {
        let error = SigningKey::parse(bad).unwrap_err().to_string();
        assert!(error.contains("minisign -G -W"), "{error}");
    }
}
