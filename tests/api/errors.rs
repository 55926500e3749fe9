//! Bad input and what it gets: each situation has its kind and its message, written down here word for word.
//! And no message and no `Debug` output holds a secret.
#![cfg(unix)]

use std::error::Error as _;
use std::fs;

use crate::common::*;
use aumbry::storage::{FileStorage, Storage};
use aumbry::{
    Error, ErrorKind, ExposeSecret, Mismatch, Name, NewRecord, OpenOptions, Passphrase, RecordChange, Vault,
    startup,
};

/// The message as it is written down here: the folder of this run has a name that does not change.
fn message(desk: &Desk, error: &Error) -> String {
    let message = error.to_string().replace(desk.folder.path().to_str().unwrap(), "/folder");
    // Times, which are others each time; and the name of a pin, which depends on the folder.
    let settled = |word: &str| {
        let time = word.trim_matches(|c: char| "():,;".contains(c));
        if aumbry::interchange::time::parse(time).is_some() {
            return word.replace(time, "TIME");
        }
        match word.strip_prefix("\"/folder/state/") {
            Some(_) => "\"PIN\"".to_owned(),
            None => word.to_owned(),
        }
    };
    message.split(' ').map(settled).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn expect<T>(desk: &Desk, result: aumbry::Result<T>, kind: ErrorKind, text: &str) {
    let Err(error) = result else { panic!("nothing was refused where {kind:?} was expected") };
    assert_eq!((error.kind(), message(desk, &error).as_str()), (kind, text));
    // Lower case, no full stop: a program joins messages as it likes.
    assert!(!text.ends_with('.') && !text.starts_with(char::is_uppercase), "{text}");
}

#[test]
fn a_file_that_is_not_a_vault_and_a_damaged_vault_have_different_errors() {
    let desk = Desk::new();
    let vault = desk.create();
    add(&vault, "a");
    let file = fs::read(desk.path()).unwrap();
    let open = || OpenOptions::new().without_pin().open(desk.path(), PASSPHRASE);
    let put = |bytes: &[u8]| fs::write(desk.path(), bytes).unwrap();

    expect(
        &desk,
        OpenOptions::new().without_pin().open(desk.path(), "wrong"),
        ErrorKind::WrongPassphrase,
        "the passphrase is wrong: no slot of the vault opens with it",
    );
    expect(
        &desk,
        OpenOptions::new().without_pin().open(desk.path(), ""),
        ErrorKind::InvalidInput,
        "invalid passphrase: it must not be empty",
    );
    put(b"");
    expect(&desk, open(), ErrorKind::InvalidFile, "the file is not an aumbry vault: it is empty");
    put(b"[default]\naws_access_key_id = x\n");
    expect(&desk, open(), ErrorKind::InvalidFile, "the file is not an aumbry vault");
    let mut newer = file.clone();
    newer.splice(8..10, [2, 0]);
    put(&newer);
    expect(
        &desk,
        open(),
        ErrorKind::Unsupported,
        "the vault has format version 2 and suite 1, but this program supports only version 1 and suite 1: use a \
         newer version of the program",
    );
    put(file.get(..1000).unwrap());
    expect(
        &desk,
        open(),
        ErrorKind::Damaged,
        "the vault is damaged: it is 1000 bytes long instead of 1432, because bytes were removed or added",
    );
    let mut damaged = file.clone();
    *damaged.get_mut(100).unwrap() ^= 1;
    put(&damaged);
    expect(&desk, open(), ErrorKind::Damaged, "the vault is damaged: the checksum of its header is wrong");
    let mut altered = file.clone();
    *altered.get_mut(600).unwrap() ^= 1;
    put(&altered);
    expect(
        &desk,
        open(),
        ErrorKind::Damaged,
        "the vault was altered: it does not have a valid signature of an administrator",
    );
    fs::remove_file(desk.path()).unwrap();
    expect(&desk, open(), ErrorKind::NotFound, "\"/folder/vault.aumbry\" does not exist");
    fs::create_dir(desk.path()).unwrap();
    expect(
        &desk,
        open(),
        ErrorKind::InvalidFile,
        "\"/folder/vault.aumbry\" is a folder or a device, not a file",
    );
    fs::remove_dir(desk.path()).unwrap();
    fs::File::create(desk.path()).unwrap().set_len((1 << 30) + 1).unwrap();
    expect(
        &desk,
        open(),
        ErrorKind::InvalidFile,
        "the file is not an aumbry vault: it is 1073741825 bytes long, but the maximum is 1073741824",
    );
}

#[test]
fn a_name_or_field_is_refused_with_the_rule_it_breaks() {
    let desk = Desk::new();
    let name = |name: &str| Name::new(name).map(|_| ());
    expect(&desk, name(""), ErrorKind::InvalidInput, "invalid name: it must not be empty");
    expect(
        &desk,
        name("a\tb"),
        ErrorKind::InvalidInput,
        "invalid name \"a\\tb\": it must not contain control characters",
    );
    expect(
        &desk,
        name("a\u{a0}"),
        ErrorKind::InvalidInput,
        "invalid name \"a\\u{a0}\": it must not begin or end with white space",
    );
    expect(
        &desk,
        name(&"n".repeat(1025)),
        ErrorKind::InvalidInput,
        "invalid name: it must be at most 1024 bytes long, not 1025",
    );
    expect(
        &desk,
        name("aumbry:x"),
        ErrorKind::InvalidInput,
        "invalid name \"aumbry:x\": the prefix aumbry: is reserved",
    );
    let draft = |id: &str, secret: &str| NewRecord::new_static("a", id, secret).map(|_| ());
    expect(&desk, draft("", "s"), ErrorKind::InvalidInput, "invalid access key id: it must not be empty");
    expect(
        &desk,
        draft("AKIA 1", "s"),
        ErrorKind::InvalidInput,
        "invalid access key id: it must not contain white space or control characters",
    );
    expect(
        &desk,
        draft(&"I".repeat(1025), "s"),
        ErrorKind::InvalidInput,
        "invalid access key id: it must be at most 1024 bytes long, not 1025",
    );
    expect(
        &desk,
        draft("AKIA", ""),
        ErrorKind::InvalidInput,
        "invalid secret access key: it must not be empty",
    );
    expect(
        &desk,
        draft("AKIA", &"s".repeat(65_536)),
        ErrorKind::InvalidInput,
        "invalid secret access key or session token: together they must be at most 65525 bytes long",
    );
    let attribute = |key: &str| NewRecord::new_static("a", "AKIA", "s")?.attribute(key, "v").map(|_| ());
    expect(&desk, attribute(""), ErrorKind::InvalidInput, "invalid attribute key: it must not be empty");
    expect(
        &desk,
        attribute("aumbry.of"),
        ErrorKind::InvalidInput,
        "invalid attribute key \"aumbry.of\": the prefix aumbry. is reserved",
    );
    let vault = desk.create();
    let long = RecordChange::new().attribute("k", Some(&"v".repeat(20_000)));
    add(&vault, "a");
    expect(
        &desk,
        vault.edit(|edit| edit.change("a", &long)),
        ErrorKind::InvalidInput,
        "invalid attributes of \"a\": they take 20006 bytes, but the maximum is 16384",
    );
}

#[test]
fn the_state_of_a_vault_decides_what_can_be_done() {
    let desk = Desk::new();
    expect(
        &desk,
        startup::get_credentials("a"),
        ErrorKind::Misuse,
        "the program's vault is not open yet: startup::after_startup opens it",
    );
    let vault = desk.create();
    add(&vault, "a");
    expect(
        &desk,
        desk.create_options().create(desk.path(), PASSPHRASE),
        ErrorKind::AlreadyExists,
        "a vault or another file already exists at \"/folder/vault.aumbry\"",
    );
    expect(
        &desk,
        vault.edit(|edit| edit.add(&draft("a"))),
        ErrorKind::AlreadyExists,
        "the vault already has a record named \"a\"",
    );
    expect(
        &desk,
        vault.edit(|edit| edit.remove("b")),
        ErrorKind::NoSuchRecord,
        "the vault has no record named \"b\"",
    );
    let storage = FileStorage::new(desk.path());
    let revision = storage.revision().unwrap().unwrap();
    add(&vault, "b");
    expect(
        &desk,
        storage.replace(Some(&revision), b"bytes"),
        ErrorKind::Conflict,
        "another program changed the vault since it was read",
    );
    expect(
        &desk,
        vault.edit(|_| vault.edit(|edit| edit.remove("a"))),
        ErrorKind::Misuse,
        "an edit of the vault contains another edit of it: make all changes through the outer one",
    );
    expect(
        &desk,
        aumbry::CreateOptions::new().kdf(cheap()).create(desk.folder.path().join("new"), PASSPHRASE),
        ErrorKind::Refused,
        "the Argon2id parameters are too weak: memory must be at least 19 MiB, and memory times passes at least 38 MiB",
    );
    expect(
        &desk,
        vault.set_passphrase("bert", "x"),
        ErrorKind::NoSuchPerson,
        "the vault has no person named \"bert\"",
    );
    let elsewhere = crate::common::Desk::new();
    let backup = elsewhere.create();
    expect(
        &desk,
        vault.restore(&backup),
        ErrorKind::Refused,
        "the backup is not a backup of this vault: export its records and import them here instead",
    );
    expect(
        &desk,
        vault.restore(&vault),
        ErrorKind::Refused,
        "could not restore the vault: the backup is this same vault",
    );
    expect(
        &desk,
        elsewhere.open_options().restore(elsewhere.path(), &backup),
        ErrorKind::Refused,
        "the existing vault is not damaged: open it and restore the backup into it",
    );
    let forge =
        aumbry::testing::Forge::new(1).person("a", aumbry::Role::Administrator, "a", cheap()).unwrap();
    let reader = forge.person("r", aumbry::Role::Reader, "r", cheap()).unwrap().build().unwrap();
    let reader = OpenOptions::new().open_in(aumbry::storage::InMemory::from_bytes(reader), "r").unwrap();
    expect(
        &desk,
        reader.edit(|_| Ok(())),
        ErrorKind::NotAdministrator,
        "only an administrator can change the vault, but it was opened as a reader",
    );
    let other = desk.open().unwrap();
    other.change_passphrase("another passphrase").unwrap();
    expect(
        &desk,
        vault.refresh(),
        ErrorKind::Reopen,
        "an administrator changed or removed this passphrase since the vault was opened: open it again",
    );
    expect(
        &desk,
        aumbry::interchange::console_csv::parse(b"a,b\n", None),
        ErrorKind::InvalidFile,
        "could not read the file of the IAM console: its first line has no column \"Access key ID\"; the IAM console \
         writes \"Access key ID,Secret access key\"",
    );
    vault.lock();
    expect(
        &desk,
        vault.get_credentials("a"),
        ErrorKind::Locked,
        "the vault is locked: unlock it with the passphrase",
    );
}

/// The four ways in which a file is not the one that this machine knows.
#[test]
fn a_file_that_is_not_the_one_last_seen_is_named_with_both_generations() {
    let desk = Desk::new();
    let vault = desk.create();
    let first = fs::read(desk.path()).unwrap();
    add(&vault, "a");
    let second = fs::read(desk.path()).unwrap();
    fs::write(desk.path(), &first).unwrap();
    expect(
        &desk,
        desk.open(),
        ErrorKind::RevisionRefused(Mismatch::Rollback),
        "the vault is older than the revision that this machine saw less than a minute ago (TIME): it has generation \
         1 (changed TIME), and this machine saw generation 2",
    );
    let forked = OpenOptions::new().without_pin().open(desk.path(), PASSPHRASE).unwrap();
    add(&forked, "b");
    expect(
        &desk,
        desk.open(),
        ErrorKind::RevisionRefused(Mismatch::Fork),
        "the vault is not the revision that this machine saw less than a minute ago (TIME), although both have \
         generation 2 (changed TIME): another program edited a copy of the vault",
    );
    let options = aumbry::CreateOptions::new().kdf(cheap()).allow_kdf_below_floor();
    fs::remove_file(desk.path()).unwrap();
    options.open_options(OpenOptions::new().without_pin()).create(desk.path(), PASSPHRASE).unwrap();
    expect(
        &desk,
        desk.open(),
        ErrorKind::RevisionRefused(Mismatch::VaultChanged),
        "another vault is stored here: its id differs from the one that this machine saw less than a minute ago \
         (TIME); it has generation 1 (changed TIME), and this machine saw generation 2",
    );
    fs::write(desk.path(), &second).unwrap();
    let pin = fs::read_dir(desk.state_folder()).unwrap().map(|entry| entry.unwrap().path());
    let pin = pin.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "pin"));
    fs::write(pin.unwrap(), "aumbry pin 1\n").unwrap();
    expect(
        &desk,
        desk.open(),
        ErrorKind::RevisionRefused(Mismatch::PinDamaged),
        "could not check whether the vault is older than the last revision that this machine saw: the pin \"PIN\" is \
         damaged or cannot be read; the vault has generation 2 (changed TIME)",
    );
}

/// Everything that a program might log: each `Debug`, each message down to its last cause.
#[test]
fn no_message_and_no_debug_output_holds_a_secret() {
    const TOKEN: &str = "IQoJb3JpZ2luX2VjTOKEN";
    let desk = Desk::new();
    let (vault, code) = desk.create_options().create_with_recovery_code(desk.path(), PASSPHRASE).unwrap();
    let session = NewRecord::new_session("s", KEY_ID, SECRET, TOKEN).unwrap();
    vault.edit(|edit| edit.add(&session)).unwrap();
    let credentials = vault.get_credentials("s").unwrap().unwrap();
    let change = RecordChange::new().secret_access_key(SECRET).session_token(Some(TOKEN.into()));
    let mut shown = vec![
        format!("{vault:?} {:?}", vault.find("s")),
        format!("{credentials:?} {:#?}", credentials.session_credentials()),
        format!("{:?}", credentials.secret_access_key()),
        format!("{session:?} {:?} {change:?}", draft("a")),
        format!("{:?} {:?}", Passphrase::from(PASSPHRASE), code),
        format!("{:?} {:?}", code.to_grouped(), desk.open_options()),
        vault.edit(|edit| Ok(format!("{edit:?}"))).unwrap(),
        format!("{:?}", Name::new("s")),
    ];
    // The secret in every place where something else belongs.
    let errors: Vec<Error> = [
        Vault::open(desk.folder.path().join("nowhere"), PASSPHRASE).err(),
        desk.open_options().open(desk.path(), SECRET).err(),
        NewRecord::new_static("a", &format!("{SECRET}\n"), SECRET).err(),
        NewRecord::new_static("a", &SECRET.repeat(100), SECRET).err(),
        NewRecord::new_static("a", "AKIA", SECRET.repeat(10_000)).err(),
        vault.change_passphrase(PASSPHRASE.repeat(100)).err(),
        aumbry::interchange::console_csv::parse(
            format!("{SECRET},{TOKEN}\n{TOKEN},{SECRET}").as_bytes(),
            None,
        )
        .err(),
        aumbry::interchange::console_csv::parse(
            format!("Access key ID,Secret access key\n{SECRET} x,{TOKEN}").as_bytes(),
            Some("a"),
        )
        .err(),
    ]
    .into_iter()
    .map(|error| error.unwrap())
    .collect();
    for error in &errors {
        shown.push(everything_said(error));
    }
    let grouped = code.to_grouped();
    for secret in [SECRET, TOKEN, PASSPHRASE, grouped.expose_secret()] {
        for text in &shown {
            assert!(!text.contains(secret), "a secret is shown: {text}");
        }
    }
    assert!(errors.iter().all(|error| error.source().is_none() || !error.to_string().is_empty()));
}
