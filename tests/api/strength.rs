//! Which new passphrases are too weak for a vault.

use aumbry::{Passphrase, Weakness};

fn weakness(passphrase: &str) -> Option<Weakness> {
    Passphrase::from(passphrase).weakness(&["anna"])
}

#[test]
fn what_is_short_or_known_to_every_attacker_is_weak() {
    assert_eq!(weakness("x7$kQ9!z"), Some(Weakness::Short(8)));
    assert_eq!(weakness("éééééééé"), Some(Weakness::Short(8)), "characters, not bytes");
    for weak in ["password1234", "qwertyuiopas", "aaaaaaaaaaaaaaaaaaaa", "annaannaannaanna", "iloveyou12345"]
    {
        assert!(matches!(weakness(weak), Some(Weakness::Guessable(..))), "{weak}: {:?}", weakness(weak));
    }
    for strong in [
        "correct horse battery staple",
        "vR8#tq2!mLp0zW",
        "blau miert undzwanzig krähen",
        "AUMBRY1QQQ and so on, then",
    ] {
        assert_eq!(weakness(strong), None, "{strong}");
    }
    let latin = Passphrase::from(&b"passwordpas\xff"[..]).weakness(&[]);
    assert!(matches!(latin, Some(Weakness::Guessable(..))), "words of another encoding are words: {latin:?}");
}

#[test]
fn the_reason_tells_nothing_of_the_passphrase() {
    for weak in ["monkeymonkeymonkey", "qwertyuiopas"] {
        let said = format!("{0} {0:?}", weakness(weak).unwrap());
        assert!(!said.contains(&weak[..5]) && said.contains("guess"), "{said}");
    }
    assert_eq!(weakness("short").unwrap().to_string(), "it has 5 characters; the minimum is 12");
}

#[test]
fn a_recovery_code_is_strong() {
    let folder = tempfile::tempdir().unwrap();
    let options = aumbry::CreateOptions::new().kdf(cheap()).allow_kdf_below_floor();
    let open = aumbry::OpenOptions::new().without_pin();
    let made = options.open_options(open).create_with_recovery_code(folder.path().join("vault"), "x");
    assert_eq!(Passphrase::from(&made.unwrap().1).weakness(&[]), None);
}

fn cheap() -> aumbry::KdfParameters {
    aumbry::KdfParameters::new(aumbry::MemoryKib::MIN, aumbry::Passes::MIN, aumbry::Lanes::MIN).unwrap()
}
