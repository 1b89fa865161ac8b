use proptest::prelude::*;

use super::*;

/// A ring of keys of that id and a byte repeated.
fn ring(keys: &[(&str, u8)]) -> Keyring {
    let entry = |(id, byte): &(&str, u8)| format!("{id}:{}", STANDARD.encode([*byte; KEY]));
    let keys: Vec<_> = keys.iter().map(entry).collect();
    read(&keys.join(", ")).unwrap()
}

fn read(keys: &str) -> Result<Keyring, KeyringError> {
    Keyring::new(&SecretsConfig { keys: keys.into() })
}

fn open(ring: &Keyring, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
    let plain = ring.open(Purpose::Secret, "demo", sealed)?;
    Ok(plain.expose_secret().to_vec())
}

#[test]
fn wrong_keys_are_refused_without_being_shown() {
    let good = STANDARD.encode([7; KEY]);
    let short = STANDARD.encode([7; 16]);
    let cases = [
        (String::new(), KeyringError::Empty),
        (" , ".to_owned(), KeyringError::Empty),
        (good.clone(), KeyringError::Entry(1)),
        (format!("a:{good},{good}"), KeyringError::Entry(2)),
        (format!(":{good}"), KeyringError::Entry(1)),
        (format!("A:{good}"), KeyringError::Entry(1)),
        (format!("{}:{good}", "a".repeat(33)), KeyringError::Entry(1)),
        (format!("a:{short}"), KeyringError::Key("a".to_owned())),
        (format!("a:{good}x"), KeyringError::Key("a".to_owned())),
        (
            format!("a:{good},a:{good}"),
            KeyringError::Twice("a".to_owned()),
        ),
    ];
    for (keys, expected) in cases {
        let error = read(&keys).unwrap_err();
        assert_eq!(error, expected, "{keys}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(&good) && !shown.contains(&short), "{shown}");
    }
}

#[test]
fn debug_shows_ids_only() {
    let ring = ring(&[("new", 2), ("old-1", 1)]);
    assert_eq!(format!("{ring:?}"), r#"["new", "old-1"]"#);
}

#[test]
fn the_first_key_seals_and_all_open() {
    let (old, both, new) = (
        ring(&[("a", 1)]),
        ring(&[("b", 2), ("a", 1)]),
        ring(&[("b", 2)]),
    );
    let by_old = old.seal(Purpose::Secret, "demo", b"x").unwrap();
    assert_eq!(open(&both, &by_old).unwrap(), b"x");
    let by_both = both.seal(Purpose::Secret, "demo", b"x").unwrap();
    assert_eq!(by_both.key_id, "b");
    assert_eq!(open(&new, &by_both).unwrap(), b"x");
    let unknown = Err(SealError::UnknownKey("a".to_owned()));
    assert_eq!(open(&new, &by_old), unknown);
}

#[test]
fn a_value_opens_only_in_its_place() {
    let ring = ring(&[("a", 1)]);
    let sealed = ring.seal(Purpose::Secret, "demo", b"x").unwrap();
    for (purpose, owner) in [(Purpose::Secret, "other"), (Purpose::Answer, "demo")] {
        let opened = ring.open(purpose, owner, &sealed).map(drop);
        assert_eq!(opened, Err(SealError::Refused));
    }
    assert_ne!(
        ring.seal(Purpose::Secret, "demo", b"x").unwrap(),
        sealed,
        "equal values are not seen to be equal"
    );
}

#[test]
fn a_digest_needs_the_key_and_never_changes() {
    let ring = ring(&[("b", 2), ("a", 1)]);
    let (id, first) = ring.digest(None, b"body").unwrap();
    assert_eq!(id, "b");
    assert_eq!(ring.digest(Some("b"), b"body").unwrap(), ("b", first));
    assert_ne!(ring.digest(Some("a"), b"body").unwrap().1, first);
    assert_ne!(ring.digest(None, b"bodY").unwrap().1, first);
    assert!(ring.digest(Some("c"), b"body").is_err());
    // Digests and sealed values are stored: a new derivation would orphan both.
    // HMAC(HMAC(0x02 × 32, "escapement digest 1"), "body"), by Python's hmac.
    assert_eq!(first[..4], DIGEST);
    let sealed = Sealed {
        key_id: "b".to_owned(),
        bytes: STANDARD.decode(STORED).unwrap(),
    };
    assert_eq!(open(&ring, &sealed).unwrap(), b"stored long ago");
}

const DIGEST: [u8; 4] = [123, 20, 146, 92];
/// Sealed by the first version.
const STORED: &str = "HCTNRgXxhInHRkmMP6VMz0elNf8HdB8emq64/c5fKLoD8A49bWBS7ZJW+h0od/BClhAZFOUTNA==";

proptest! {
    #[test]
    fn what_is_sealed_opens_and_what_is_touched_does_not(
        plain: Vec<u8>,
        place: prop::sample::Index,
        bit in 0..8_u8,
    ) {
        let ring = ring(&[("a", 1)]);
        let mut sealed = ring.seal(Purpose::Secret, "demo", &plain).unwrap();
        prop_assert_eq!(open(&ring, &sealed).unwrap(), plain);
        let place = place.index(sealed.bytes.len());
        sealed.bytes[place] ^= 1 << bit;
        prop_assert_eq!(open(&ring, &sealed), Err(SealError::Refused));
        sealed.bytes.truncate(place);
        prop_assert_eq!(open(&ring, &sealed), Err(SealError::Refused));
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,80}") {
        let _ = read(&text);
    }
}
