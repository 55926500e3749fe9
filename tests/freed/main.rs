//! What the whole library leaves in memory that it has freed: nothing of a secret, a passphrase or a key.
//!
//! The allocator of this test keeps the content of every block that was freed while the library ran, in all of its
//! threads. Afterwards, when every key is known, all of it is searched. A control frees what must be found.

#[path = "../common/mod.rs"]
mod common;
mod files;
mod people;
mod records;
mod surface;
mod tape;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use aumbry::storage::InMemory;
use aumbry::testing::{Traces, forms_of, traces_of};
use aumbry::{OpenOptions, inspect_in};
use common::{Desk, tell};
use tape::Recording;

/// Texts that must not be found. They look like nothing else, so that a part of one is none by chance.
pub(crate) const SECRETS: [&str; 10] = [
    "Uq7Vf2Kx9Zb4+Mt6Hy1/Lw8Rc3Nd5Gs0Pj=Ea!Xi",
    "c8Yh3Tn6Wd1Qz5Jk9Bv2+Fr7Lp4/Xm0Sg8Ht3Ne6",
    "Rk5Zt9Pq2Wx7Lc4Vb8+Nm1Hj6/Fd3Gs0Ty5Ku9Ie",
    "p2Lz8Xw4Cv6Bn0Mq1+As5Df9/Gh3Jk7Ty2Re6Wu8",
    "IQoJb3-Zx6Cv8Bn2Mk4+Lj0Hg5/Fd9Sa3Po7Iu1Yt6Re2Wq8==",
    "Mv1Nb7Cx3Zl9Kj5+Hg2/Fd8Sa4Qw0Er6Ty1Ui7Op",
    "Yt4Gh8Bn2Vf6Cd0+Xs5/Za9Qw3El7Rk1Tj4Mu8Io",
    "Xd9Wr3Qf7Vt1Bg5+Nh8/Mj2Kc6Lz0Py4Ou9Ie3Ta",
    "Kb6Jn0Hv4Gm8Fc2+Dx5/Sz9Aq3Wp7El1Ro4Ti8Yu",
    "Ow3Pe7Ir1Ut5Yy9+Qa2/Ws6Ed0Rf4Tg8Yh1Uj5Ik",
];
pub(crate) const FIRST: &str = "vN4!qT8#zL2$hR6%-kW0@bX3&mD7*";
pub(crate) const SECOND: &str = "Gf5^jC9(sP1)yM4_-tB8+aZ2=eV6?";
pub(crate) const READER: &str = "uH7<dK1>xQ5:nS9;-wJ3[iL6]oF0{";
pub(crate) const THIRD: &str = "Ec2}rA8|gT4~lY0`-pU6,fN1.cO9/";
pub(crate) const WRONG: &str = "Zs6'mI0-bG4=vX8+-hD2!kQ7@tW5#";
const PASSPHRASES: [&str; 5] = [FIRST, SECOND, READER, THIRD, WRONG];

/// Drives the library method by method, and learns the keys of every version that it leaves.
pub(crate) struct Drive {
    pub(crate) desk: Desk,
    driven: BTreeSet<&'static str>,
    traces: Traces,
    /// What opens the vault now.
    pub(crate) passphrases: Vec<String>,
    last: BTreeMap<PathBuf, Vec<u8>>,
    slots: Vec<aumbry::SlotId>,
    /// Dropped last of all: then it is another test's turn, on whose tape no trace of this one must come.
    recording: Recording,
}

impl Drive {
    fn new() -> Self {
        let recording = Recording::new(); // first of all: until it is this test's turn, another one records
        let texts = SECRETS.iter().map(|text| ("secret", text));
        let texts = texts.chain(PASSPHRASES.iter().map(|text| ("passphrase", text)));
        Self {
            desk: Desk::new(),
            traces: texts.flat_map(|(name, text)| forms_of(name, text)).collect(),
            recording,
            driven: BTreeSet::new(),
            passphrases: vec![FIRST.into()],
            last: BTreeMap::new(),
            slots: Vec::new(),
        }
    }

    /// With the cheapest key derivations there are.
    pub(crate) fn options(&self) -> OpenOptions {
        self.desk.open_options().kdf(common::cheap()).allow_kdf_below_floor()
    }

    /// Does this, which calls these methods of the library, and keeps what it frees.
    pub(crate) fn drive<R>(&mut self, methods: &[&'static str], work: impl FnOnce() -> R) -> R {
        let result = self.recording.of(work);
        self.driven.extend(methods);
        let vaults = ["vault.aumbry", "backup.aumbry", "restored.aumbry"];
        for path in vaults.map(|name| self.desk.folder.path().join(name)) {
            if let Ok(bytes) = std::fs::read(&path)
                && self.last.get(&path) != Some(&bytes)
            {
                self.learn(&bytes);
                self.last.insert(path, bytes);
            }
        }
        result
    }

    /// The keys that open these bytes must not be found either.
    pub(crate) fn learn(&mut self, bytes: &[u8]) {
        let before = self.traces.len();
        // The keys of new slots from everybody's passphrase, what else is new from an administrator's.
        let info = inspect_in(&InMemory::from_bytes(bytes.to_vec())).unwrap();
        let ids: Vec<_> = info.slots.iter().map(|slot| slot.id).collect();
        let first = if self.slots == ids { &self.passphrases[..1] } else { &self.passphrases };
        learnt(first, bytes, &mut self.traces);
        self.slots = ids;
        // What computes the traces leaves keys on the stack, which the library would then find there.
        zeroize::zeroize_stack::<{ 256 << 10 }>();
        assert!(self.traces.len() > before, "no passphrase opens what was saved");
    }

    pub(crate) fn learn_text(&mut self, name: &str, text: &str) {
        self.traces.extend(forms_of(name, text));
    }

    /// In how many of the freed blocks there is something, and what.
    fn found(&self) -> (usize, BTreeMap<&str, usize>) {
        let mut by_start = vec![Vec::new(); 1 << 16];
        for (name, bytes) in &self.traces {
            by_start[usize::from(u16::from_ne_bytes([bytes[0], bytes[1]]))].push((name, &bytes[2..]));
        }
        let (mut blocks, mut found) = (0, BTreeMap::new());
        for block in self.recording.blocks() {
            let mut holds = false;
            let mut at = 0;
            // Not a `for`: this is not optimised.
            while at + 2 < block.len() {
                let here = &by_start[usize::from(u16::from_ne_bytes([block[at], block[at + 1]]))];
                at += 1;
                for (name, rest) in here {
                    if block[at + 1..].starts_with(rest) {
                        holds = true;
                        *found.entry(name.as_str()).or_default() += 1;
                    }
                }
            }
            blocks += usize::from(holds);
        }
        (blocks, found)
    }
}

/// In a frame of its own, below which all lies that is left behind.
#[inline(never)]
fn learnt(passphrases: &[String], bytes: &[u8], traces: &mut Traces) {
    traces.extend(passphrases.iter().filter_map(|passphrase| traces_of(bytes, passphrase).ok()).flatten());
}

#[test]
fn no_freed_block_holds_a_secret() {
    let mut drive = Drive::new();
    records::drive(&mut drive);
    files::drive(&mut drive);
    people::drive(&mut drive);
    let (blocks, found) = drive.found();
    let distinct: BTreeSet<_> = drive.traces.iter().map(|(_, bytes)| bytes).collect();
    tell(&format!(
        "freed memory: {} methods driven, {} blocks freed, {} traces looked for, {blocks} blocks hold one",
        drive.driven.len(),
        drive.recording.freed(),
        distinct.len(),
    ));
    assert_eq!(blocks, 0, "{found:#?}");
    assert!(drive.recording.freed() > 10_000 && distinct.len() > 1000);
    surface::assert_complete(&drive.driven);
}

/// The reason why sizes are counted first: what the encoding that comes to mind leaves behind. And that everything that is
/// looked for is found, in whatever thread it was freed.
#[test]
fn what_is_left_in_a_freed_block_is_found() {
    #[derive(serde::Serialize)]
    struct Record<'a> {
        name: String,
        access_key_id: &'a str,
        secret_access_key: &'a str,
        attributes: [(&'a str, &'a str); 2],
        created: i64,
    }
    let mut drive = Drive::new();
    let records: Vec<_> = (0..200)
        .map(|n| Record {
            name: format!("record {n}"),
            access_key_id: common::KEY_ID,
            secret_access_key: SECRETS[n % SECRETS.len()],
            attributes: [("endpoint_url", "https://s3.example.org"), ("region", "eu-central-1")],
            created: 1_700_000_000,
        })
        .collect();
    drive.drive(&[], || {
        for record in &records {
            let encoded = bincode::serde::encode_to_vec(record, bincode::config::standard()).unwrap();
            drop(zeroize::Zeroizing::new(encoded)); // what it gives is wiped, what it grew out of is not
        }
    });
    let (blocks, found) = drive.found();
    tell(&format!("freed memory, control: encode_to_vec of 200 secrets leaves them in {blocks} blocks"));
    assert!(blocks >= 100, "{found:?}");
    drop(drive);

    let mut drive = Drive::new();
    let vault = drive.desk.create_options().create(drive.desk.path(), FIRST).unwrap();
    drive.drive(&[], || drop(vault));
    let distinct: BTreeSet<_> = drive.traces.iter().map(|(_, bytes)| bytes.clone()).collect();
    let copies: Vec<_> = distinct.iter().map(|bytes| [b"behind", bytes.as_slice()].concat()).collect();
    let clean = drive.found().0;
    drive.drive(&[], || std::thread::spawn(|| drop(copies)).join().unwrap());
    let (blocks, _) = drive.found();
    tell(&format!("freed memory, control: {blocks} of {} planted blocks are found", distinct.len()));
    assert_eq!((clean, blocks), (0, distinct.len()));
}
