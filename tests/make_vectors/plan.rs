//! What the vectors are made of.

use std::error::Error;
use std::time::{Duration, UNIX_EPOCH};

use aumbry::testing::Forge;
use aumbry::{KdfParameters, Lanes, MemoryKib, NewRecord, Passes, Role};
use serde_json::{Value, json};

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

pub(crate) const ANNA: &str = "correct horse battery staple";
pub(crate) const SERVER: &str = "a reader's passphrase";

/// The cheapest that a reader accepts, so that reading all vectors takes a moment.
pub(crate) fn kdf() -> KdfParameters {
    KdfParameters::new(MemoryKib::MIN, Passes::MIN, Lanes::MIN).unwrap_or_default()
}

/// One record: what goes in, and what must come out.
#[derive(Clone, Default)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) times: (i64, i64),
    pub(crate) expires: Option<u64>,
}

impl Record {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCY=EXAMPLE#KEY;".into(),
            times: (1_700_000_000, 1_750_000_000),
            ..Self::default()
        }
    }

    pub(crate) fn draft(&self) -> Outcome<NewRecord> {
        // The name of a record that breaks a rule is given to the forge, not to the draft.
        let mut draft = match &self.token {
            None => NewRecord::new_static("draft", &self.id, self.secret.as_str())?,
            Some(token) => NewRecord::new_session("draft", &self.id, self.secret.as_str(), token.as_str())?,
        };
        for (key, value) in &self.attributes {
            draft = draft.attribute(key, value)?;
        }
        if let Some(expires) = self.expires {
            draft = draft.expires(UNIX_EPOCH + Duration::from_secs(expires));
        }
        Ok(draft)
    }

    pub(crate) fn expected(&self) -> Value {
        json!({
            "name": self.name,
            "provider": if self.token.is_some() { "session" } else { "static" },
            "access_key_id": self.id,
            "attributes": self.attributes.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            "created": self.times.0,
            "updated": self.times.1,
            "expires": self.expires,
            "secret_access_key": self.secret,
            "session_token": self.token,
        })
    }
}

/// Three records: plain, with attributes, and a session.
pub(crate) fn three_records() -> Vec<Record> {
    let mut uploads = Record::new("s3-uploads");
    uploads.attributes = vec![
        ("endpoint_url".into(), "https://s3.example.com".into()),
        ("region".into(), "eu-central-1".into()),
    ];
    let mut session = Record::new("session");
    session.id = "ASIAIOSFODNN7EXAMPLE".into();
    session.token = Some("IQoJb3JpZ2luX2VjEXAMPLE//////////TOKEN==".into());
    session.expires = Some(1_800_000_000);
    vec![Record::new("backup"), uploads, session]
}

pub(crate) fn with_records(mut forge: Forge, records: &[Record]) -> Outcome<Forge> {
    for record in records {
        forge = forge.record_named(&record.name, &record.draft()?, record.times.0, record.times.1)?;
    }
    Ok(forge)
}

/// Anna, who is an administrator, and a build server that reads.
pub(crate) fn two_people(number: u64) -> Outcome<Forge> {
    Ok(Forge::new(number).person("Anna", Role::Administrator, ANNA, kdf())?.person(
        "build server",
        Role::Reader,
        SERVER,
        kdf(),
    )?)
}

#[derive(Default)]
pub(crate) struct Vectors {
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) index: Vec<Value>,
}

impl Vectors {
    /// A vault that this passphrase opens.
    pub(crate) fn opens(
        &mut self,
        name: &str,
        bytes: &[u8],
        passphrase: &str,
        role: Role,
        records: &[Value],
    ) {
        let file = self.file(name, bytes);
        self.index.push(json!({
            "file": file, "passphrase": passphrase, "expect": "opens", "role": role.to_string(), "records": records,
        }));
    }

    /// A file that is refused with this class.
    pub(crate) fn refused(&mut self, name: &str, bytes: &[u8], passphrase: &str, class: &str) {
        let file = self.file(name, bytes);
        self.index.push(json!({ "file": file, "passphrase": passphrase, "expect": class }));
    }

    fn file(&mut self, name: &str, bytes: &[u8]) -> String {
        let file = format!("{name}.aumbry");
        if !self.files.iter().any(|(known, _)| *known == file) {
            self.files.push((file.clone(), bytes.to_vec()));
        }
        file
    }
}

/// Where the first slot starts, and how long a slot is.
pub(crate) const SLOT: usize = 56;
pub(crate) const SLOT_LEN: usize = 176;

/// The file with some bytes replaced.
pub(crate) fn with(file: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    file.splice(at..at + bytes.len(), bytes.iter().copied());
    file
}

pub(crate) fn flipped(file: &[u8], at: usize) -> Vec<u8> {
    with(file, at, &[file.get(at).copied().unwrap_or_default() ^ 1])
}

pub(crate) fn repaired(mut file: Vec<u8>) -> Vec<u8> {
    aumbry::testing::repair_checksum(&mut file);
    file
}

/// The stored length that of the file, and the checksum repaired.
pub(crate) fn with_right_length(file: &[u8]) -> Vec<u8> {
    repaired(with(file, 16, &(file.len() as u64).to_le_bytes()))
}
