//! More files that are refused for their header, their slots, or the length of their payload.

use aumbry::Role::{Administrator, Reader};
use aumbry::testing::Forge;

use crate::plan::{
    ANNA, Outcome, SERVER, SLOT, SLOT_LEN, Vectors, flipped, kdf, repaired, three_records, two_people, with,
    with_records, with_right_length,
};
use crate::refused::{DAMAGED, NEWER, WRONG, good};

pub(crate) fn add(vectors: &mut Vectors) -> Outcome {
    files(vectors)?;
    slots(vectors)
}

fn files(vectors: &mut Vectors) -> Outcome {
    let (forge, file) = good()?;
    let cut = |len: usize| file.iter().copied().take(len).collect::<Vec<_>>();
    let header = SLOT + 2 * SLOT_LEN + 32;
    let alone = Forge::new(120).person("Anna", Administrator, ANNA, kdf())?.build()?;
    for (name, bytes, class) in [
        ("cut-behind-magic", cut(8), DAMAGED),
        ("cut-behind-suite", cut(12), DAMAGED),
        // Read with the greater byte first, these are 1.
        ("version-256", with(&file, 8, &[0, 1]), NEWER),
        ("suite-256", with(&file, 10, &[0, 1]), NEWER),
        ("256-slots", repaired(with(&alone, 48, &[0, 1])), DAMAGED),
        // Whatever is wrong below.
        ("version-2-cut-off", with(&cut(12), 8, &[2, 0]), NEWER),
        ("version-2-of-another-length", [with(&file, 8, &[2, 0]), vec![0]].concat(), NEWER),
        ("header-alone", with_right_length(&cut(header)), DAMAGED),
        ("payload-of-no-block", with_right_length(&[cut(header), vec![7; 144]].concat()), DAMAGED),
        ("payload-of-half-a-block", with_right_length(&[cut(header), vec![7; 144 + 512]].concat()), DAMAGED),
        ("block-appended", with_right_length(&[file.as_slice(), &[0; 1024]].concat()), DAMAGED),
        ("whole-copy-appended", [file.as_slice(), &file].concat(), DAMAGED),
        ("stored-length-huge", repaired(with(&file, 16, &[0xff; 8])), DAMAGED),
    ] {
        vectors.refused(name, &bytes, ANNA, class);
    }
    let dear = [((1_u32 << 15) + 1).to_le_bytes(), 64_u32.to_le_bytes()].concat();
    let one_too_much = repaired(with(&file, SLOT + 4, &dear));
    vectors.refused("kdf-costs-one-kib-too-much", &one_too_much, ANNA, DAMAGED);

    let mut many = Forge::new(121);
    for n in 0..5 {
        many = many.person(&format!("person {n}"), Administrator, ANNA, kdf())?;
    }
    let dear = [(1_u32 << 20).to_le_bytes(), 2_u32.to_le_bytes()].concat();
    let file = (0..4).fold(many.build()?, |file, n| with(&file, SLOT + n * SLOT_LEN + 4, &dear));
    vectors.refused("kdf-of-all-slots-costs-one-slot-too-much", &repaired(file), ANNA, DAMAGED);

    // Parts of another version, which was as right as this one.
    let older = with_records(two_people(100)?, &three_records())?.generation(6).build()?;
    let from = |range: std::ops::Range<usize>| older.get(range).unwrap_or_default().to_vec();
    let (_, file) = good()?;
    let end = file.len();
    let signature = with(&file, end - 64, &from(end - 64..end));
    vectors.refused("signature-of-another-version", &signature, ANNA, DAMAGED);
    let payload = with(&file, header, &from(header..end - 64));
    vectors.refused("payload-of-another-version-and-signed", &forge.resign(payload), ANNA, DAMAGED);
    let other = with_records(two_people(122)?, &three_records())?.build()?;
    let payload = with(&file, header, other.get(header..end - 64).unwrap_or_default());
    vectors.refused("payload-of-another-vault-and-signed", &forge.resign(payload), ANNA, DAMAGED);
    Ok(())
}

fn slots(vectors: &mut Vectors) -> Outcome {
    let (forge, file) = good()?;
    let slot = |file: &[u8], n: usize| {
        file.get(SLOT + n * SLOT_LEN..SLOT + (n + 1) * SLOT_LEN).unwrap_or_default().to_vec()
    };
    let lanes = with(&file, SLOT + 12, &2_u32.to_le_bytes());
    vectors.refused("own-slot-lanes-altered", &repaired(lanes), ANNA, WRONG);
    let passes = with(&file, SLOT + 8, &2_u32.to_le_bytes());
    vectors.refused("own-slot-passes-doubled", &repaired(passes), ANNA, WRONG);
    let exchanged = with(&file, SLOT, &[slot(&file, 1), slot(&file, 0)].concat());
    vectors.refused("slots-exchanged", &repaired(exchanged.clone()), ANNA, DAMAGED);
    vectors.refused("slots-exchanged-and-signed", &forge.resign(exchanged), ANNA, DAMAGED);
    vectors.refused(
        "slots-sealed-bytes-altered-and-signed",
        &forge.resign(flipped(&file, SLOT + 96)),
        ANNA,
        DAMAGED,
    );

    // Of another vault: her passphrase fits it, but it was sealed for that vault.
    let other = two_people(123)?.build()?;
    let hers = with(&file, SLOT, &slot(&other, 0));
    vectors.refused("own-slot-of-another-vault", &repaired(hers), ANNA, DAMAGED);
    let stranger = Forge::new(124).person("Bert", Administrator, "bert's", kdf())?.build()?;
    let strangers = with(&file, SLOT, &slot(&stranger, 0));
    vectors.refused("slot-of-a-stranger", &repaired(strangers), ANNA, WRONG);

    // Two slots of one passphrase: the first fits and does not open, so the second is not tried.
    let two = Forge::new(125).person("Anna", Administrator, ANNA, kdf())?;
    let two = two.person("Anna again", Reader, ANNA, kdf())?;
    let file = flipped(&two.build()?, SLOT + SLOT_LEN - 1);
    vectors.refused("second-slot-of-one-passphrase-is-not-tried", &repaired(file), ANNA, DAMAGED);

    // The bytes as they were typed.
    let accents = Forge::new(126).person("Anna", Administrator, "\u{e9}t\u{e9}", kdf())?.build()?;
    vectors.opens("passphrase-is-not-normalised", &accents, "\u{e9}t\u{e9}", Administrator, &[]);
    vectors.refused("passphrase-is-not-normalised", &accents, "e\u{301}te\u{301}", WRONG);
    let spaces = Forge::new(127).person("Anna", Administrator, " two  words ", kdf())?.build()?;
    vectors.opens("passphrase-with-spaces", &spaces, " two  words ", Administrator, &[]);
    vectors.refused("passphrase-with-spaces", &spaces, "two words", WRONG);
    vectors.refused("passphrase-with-spaces", &spaces, " Two  words ", WRONG);
    vectors.refused("passphrase-with-spaces", &spaces, " two  words \n", WRONG);
    let anna = |number| Forge::new(number).person("Anna", Reader, SERVER, kdf());
    vectors.refused("reader-alone", &anna(128)?.build()?, SERVER, DAMAGED);
    Ok(())
}
