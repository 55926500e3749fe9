//! Under a limit of 256 MiB of address space, whatever a file claims, the outcome is an error and no abort.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use aumbry::{ErrorKind, KdfParameters, OpenOptions, Role};

use crate::common::{cheap, full, tell};
use crate::hostile::scene::{ANNA, SLOT, SLOT_LEN, repaired, with};
use crate::hostile::{bodies, child, unread};

const MIB: u64 = 1 << 20;

fn person(forge: aumbry::testing::Forge, number: usize, kdf: KdfParameters) -> aumbry::testing::Forge {
    let passphrase = if number == 0 { ANNA.to_owned() } else { format!("passphrase {number}") };
    forge.person(&format!("person {number}"), Role::Administrator, &passphrase, kdf).unwrap()
}

/// The same vault, in which every slot claims so much memory, so many passes, so many lanes.
fn claiming(file: &[u8], slots: usize, memory: u32, passes: u32, lanes: u32) -> Vec<u8> {
    let claim = [memory, passes, lanes].map(u32::to_le_bytes).concat();
    repaired((0..slots).fold(file.to_vec(), |file, n| with(&file, SLOT + n * SLOT_LEN + 4, &claim)))
}

/// In a child: opens all of it and says what came of it.
pub(crate) fn child(folder: &Path, with_headers: bool) {
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let mut counts = BTreeMap::new();
    let mut said = |what: &str, opened: aumbry::Result<aumbry::Vault>| {
        let kind = opened.map(drop).map_err(|error| error.kind());
        *counts.entry(format!("{what} {kind:?}")).or_insert(0) += 1;
        kind
    };
    let open = |path: &Path| OpenOptions::new().without_pin().open(path, ANNA);
    let path = folder.join("hostile.aumbry");

    // The control: the usual cost is within the limit.
    said("control", open(&folder.join("usual.aumbry"))).unwrap();
    let (one, crowd) = (read("small.aumbry"), read("crowd.aumbry"));
    if with_headers {
        unread::each(&one, 1, |_, file, expected| {
            fs::write(&path, file).unwrap();
            assert_eq!(said("header", open(&path)), Err(expected));
        });
    }
    for mib in [64, 128, 160, 192, 224, 256, 512, 1024] {
        for lanes in [1, 8] {
            fs::write(&path, claiming(&one, 1, mib << 10, 1, lanes)).unwrap();
            said("memory of one slot", open(&path)).unwrap_err();
        }
    }
    // The most dangerous is what takes nearly all there is. Up to it by halves, then on in small steps: whatever needs
    // more than what is left finds nothing.
    let mut claim = |kib: u32| {
        fs::write(&path, claiming(&one, 1, kib, 1, 1)).unwrap();
        said("memory of one slot, near the limit", open(&path)).unwrap_err()
    };
    let (mut fits, mut too_much) = (8_u32 << 10, 256 << 10);
    while too_much - fits > 64 {
        let middle = fits.midpoint(too_much);
        match claim(middle) {
            ErrorKind::OutOfResources => too_much = middle,
            _ => fits = middle,
        }
    }
    for step in (1..=30).step_by(if full() { 1 } else { 5 }) {
        claim(fits + 48 * step);
        claim(too_much + (step << 10)); // beyond what is left for little things
    }
    // Where what would be left for those is nothing at all: for a moment it is there, and no other thread may need any.
    let (times, apart) = if full() { (2, 1) } else { (1, 256) };
    for step in (0..times).flat_map(|_| (0..2 << 10).step_by(apart)) {
        claim(too_much + (23 << 10) + step);
    }
    for (slots, mib, passes) in [(4, 1024, 2), (8, 512, 2), (32, 256, 1), (32, 128, 1), (32, 8, 1)] {
        fs::write(&path, claiming(&crowd, slots, mib << 10, passes, 8)).unwrap();
        let opened = OpenOptions::new().without_pin().open(&path, "nobody's");
        said("memory of many slots", opened).unwrap_err();
    }
    // Lengths that a vault can have, and that the file has.
    for mib in [64, 128, 192, 216, 232, 240, 248, 256, 1023] {
        let len = one.len() as u64 + mib * MIB;
        unread::sparse(&path, &repaired(with(&one, 16, &len.to_le_bytes())), len);
        said("long file", open(&path)).unwrap_err();
    }
    for (what, count) in counts {
        println!("> {count} {what}");
    }
    println!("> {} signed bodies of huge numbers", bodies::refuse_huge_numbers());
}

#[test]
fn with_little_memory_every_outcome_is_an_error_and_no_abort() {
    let folder = tempfile::tempdir().unwrap();
    let save = |name: &str, forge: aumbry::testing::Forge| {
        fs::write(folder.path().join(name), forge.build().unwrap()).unwrap();
    };
    let new = |number| aumbry::testing::Forge::new(number);
    save("small.aumbry", person(new(30), 0, cheap()));
    save("usual.aumbry", person(new(31), 0, KdfParameters::default()));
    save("crowd.aumbry", (0..32).fold(new(32), |forge, n| person(forge, n, cheap())));
    for shared in [false, true] {
        let task = if shared { "little memory" } else { "little memory, all headers" };
        let ended = child::run(task, folder.path(), Some(child::LITTLE), shared);
        assert!(ended.well, "{}: {:#?}", ended.how, ended.said);
        let count = |line: &String| line.split(' ').next().unwrap().parse::<usize>().unwrap();
        let sum: usize = ended.said.iter().map(count).sum();
        let how = if shared { ", one heap for all threads" } else { "" };
        tell(&format!("under 256 MiB of address space{how}: {sum} outcomes, 0 aborts:"));
        ended.said.iter().for_each(|line| tell(&format!("    {line}")));
        let has = |what: &str| ended.said.iter().any(|line| line.ends_with(what));
        assert!(has("1 control Ok(())"), "the usual cost must be within the limit");
        let out = format!("Err({:?})", ErrorKind::OutOfResources);
        for what in ["memory of one slot", "memory of many slots", "long file"] {
            assert!(has(&format!("{what} {out}")), "the limit must have been met: {what}");
        }
        assert!(sum > if full() && !shared { 3_000 } else { 150 });
    }
}
