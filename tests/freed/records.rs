//! Opening, looking up, editing, rotating, locking; and what is refused.

use std::time::{Duration, SystemTime};

use aumbry::storage::{FileStorage, InMemory};
use aumbry::{
    CreateOptions, ErrorKind, ExposeSecret, Name, NewRecord, OpenOptions, RecordChange, Role, SecretString,
    Vault, inspect, inspect_in, startup,
};

use crate::common::{KEY_ID, PASSPHRASE, cheap};
use crate::{Drive, FIRST, SECOND, SECRETS, WRONG};

pub(crate) fn drive(drive: &mut Drive) {
    let path = drive.desk.path();
    let create = drive.desk.create_options().open_options(drive.options());
    let vault = drive.drive(
        &["CreateOptions::create", "CreateOptions::open_options", "CreateOptions::kdf", "CreateOptions::new"],
        || create.create(&path, FIRST).unwrap(),
    );
    edit(drive, &vault);
    look_up(drive, &vault);
    rotate(drive, &vault);
    be_refused(drive, &vault);
    lock(drive, &vault);
    drop_and_open(drive, vault);
    keep_elsewhere(drive);
}

fn edit(drive: &mut Drive, vault: &Vault) {
    let methods = ["Vault::edit", "Edit::add", "Edit::put", "Edit::find", "Edit::contains"];
    let drafts = [
        "NewRecord::new_static",
        "NewRecord::new_session",
        "NewRecord::attribute",
        "NewRecord::expires",
        "NewRecord::name",
        "NewRecord::renamed",
        "NewRecord::access_key_id",
        "NewRecord::provider",
        "Name::new",
        "Name::as_str",
    ];
    drive.drive(&[methods.as_slice(), &drafts].concat(), || {
        let later = SystemTime::now() + Duration::from_secs(3600);
        let first = NewRecord::new_static("first", KEY_ID, SECRETS[0]).unwrap();
        let second = NewRecord::new_static("second", KEY_ID, String::from(SECRETS[1])).unwrap();
        let third = NewRecord::new_static("third", KEY_ID, SecretString::from(SECRETS[2])).unwrap();
        let session =
            NewRecord::new_session("session", KEY_ID, SECRETS[3], SECRETS[4]).unwrap().expires(later);
        let session = session.attribute("region", "eu-west-1").unwrap();
        let renamed = first.clone().renamed(Name::new("renamed").unwrap());
        assert_eq!((renamed.name().as_str(), renamed.access_key_id()), ("renamed", KEY_ID));
        let _ = (renamed.provider(), format!("{renamed:?}"));
        vault
            .edit(|edit| {
                assert!(!edit.contains("first") && edit.find("first").is_none());
                [&first, &second, &third, &session].into_iter().try_for_each(|draft| edit.add(draft))?;
                edit.put(&renamed)
            })
            .unwrap();
    });
    let other = aumbry::CreateOptions::new().kdf(cheap()).allow_kdf_below_floor();
    let other = other.create_in(aumbry::storage::InMemory::new(), PASSPHRASE).unwrap();
    drive.drive(&["Edit::copy_from", "Vault::try_edit"], || {
        let copied: aumbry::Result<()> = other.try_edit(|edit| edit.copy_from(vault, "first"));
        copied.unwrap();
    });
    let methods = [
        "Edit::change",
        "Edit::rename",
        "Edit::remove",
        "RecordChange::new",
        "RecordChange::access_key_id",
        "RecordChange::secret_access_key",
        "RecordChange::session_token",
        "RecordChange::secrets_of",
        "RecordChange::attribute",
        "RecordChange::expires",
    ];
    drive.drive(&methods, || {
        let secret = RecordChange::new().access_key_id("AKIAI44QH8DHBEXAMPLE").secret_access_key(SECRETS[5]);
        let token = RecordChange::new().session_token(Some(SECRETS[4].into())).expires(None);
        let other = NewRecord::new_session("other", KEY_ID, SECRETS[6], SECRETS[4]).unwrap();
        let whole = RecordChange::new().secrets_of(&other).attribute("region", Some("eu-north-1"));
        let _ = format!("{secret:?} {token:?}");
        vault
            .edit(|edit| {
                edit.change("second", &secret)?;
                edit.change("session", &token)?;
                edit.change("third", &whole)?;
                edit.rename("renamed", &Name::new("again")?)?;
                edit.remove("again")?;
                edit.rename("third", &Name::new("last")?)
            })
            .unwrap();
        vault.edit(|edit| edit.remove("first")).unwrap();
        vault.edit(|edit| edit.add(&NewRecord::new_static("first", KEY_ID, SECRETS[0])?)).unwrap();
    });
}

fn look_up(drive: &mut Drive, vault: &Vault) {
    let vaults = [
        "Vault::find",
        "Vault::get_credentials",
        "Vault::records",
        "Vault::records_with_prefix",
        "Vault::search",
        "Vault::contains",
        "Vault::len",
        "Vault::is_empty",
        "Vault::location",
        "Vault::verify",
        "Vault::refresh",
        "Vault::advice",
        "Vault::memory_protection",
        "Vault::unlock_time",
        "Vault::role",
        "Vault::generation",
        "Vault::remembered",
        "Vault::is_locked",
    ];
    let entries = [
        "Record::name",
        "Record::provider",
        "Record::access_key_id",
        "Record::attributes",
        "Record::attribute",
        "Record::created",
        "Record::updated",
        "Record::expires",
    ];
    let credentials = [
        "Credentials::name",
        "Credentials::provider",
        "Credentials::access_key_id",
        "Credentials::secret_access_key",
        "Credentials::session_token",
        "Credentials::static_credentials",
        "Credentials::session_credentials",
        "Credentials::attributes",
        "Credentials::attribute",
        "Credentials::created",
        "Credentials::updated",
        "Credentials::expires",
        "Credentials::is_expired",
        "StaticCredentials::access_key_id",
        "StaticCredentials::secret_access_key",
        "SessionCredentials::access_key_id",
        "SessionCredentials::secret_access_key",
        "SessionCredentials::session_token",
    ];
    drive.drive(&[vaults.as_slice(), &entries, &credentials].concat(), || {
        let secret = |name: &str| vault.get_credentials(name).unwrap().unwrap();
        for _ in 0..50 {
            let held = secret("first");
            assert_eq!(held.secret_access_key().expose_secret(), SECRETS[0]);
            let pair = held.static_credentials().unwrap();
            let _ = (pair.access_key_id(), pair.secret_access_key().clone(), format!("{held:?} {pair:?}"));
            let held = secret("session").clone();
            assert_eq!(held.session_token().unwrap().expose_secret(), SECRETS[4]);
            let session = held.session_credentials().unwrap();
            let _ = (session.access_key_id(), session.secret_access_key(), session.session_token());
            let _ = (held.name(), held.provider(), held.access_key_id(), held.attributes(), held.created());
            let _ = (held.attribute("region"), held.updated(), held.expires());
            let _ = (held.is_expired(SystemTime::now()), format!("{session:?}"));
        }
        let entry = vault.find("first").unwrap().unwrap();
        let _ = (entry.name(), entry.provider(), entry.access_key_id(), entry.attributes(), entry.created());
        let _ = (entry.attribute("region"), entry.updated(), entry.expires(), format!("{entry:?}"));
        assert_eq!(vault.records().unwrap().count(), 4);
        assert_eq!(vault.records_with_prefix("se").unwrap().count(), 2);
        assert_eq!(vault.search("FIRST").unwrap().count(), 1);
        assert!(vault.contains("first").unwrap() && !vault.is_empty().unwrap() && vault.len().unwrap() == 4);
        assert!(vault.location().unwrap().is_some());
        assert_eq!(vault.verify().unwrap().records, 4);
        let _ = (vault.refresh().unwrap(), vault.advice().unwrap(), vault.memory_protection().unwrap());
        let _ = (vault.unlock_time(), vault.role().unwrap(), vault.generation().unwrap(), vault.remembered());
        assert!(!vault.is_locked() && vault.get_credentials("nobody").unwrap().is_none());
    });
}

fn rotate(drive: &mut Drive, vault: &Vault) {
    let methods = [
        "Edit::begin_rotation",
        "Edit::keep_new_key",
        "Edit::swap_keys",
        "Edit::note_deactivation",
        "Edit::end_rotation",
        "Edit::renew_rotation",
        "Edit::swap_keys_back",
        "Vault::rotation",
        "Vault::rotations",
        "Vault::other_credentials",
    ];
    drive.drive(&methods, || {
        let rotation = || vault.rotation("first").unwrap().unwrap();
        vault.edit(|edit| edit.begin_rotation("first", &[KEY_ID])).unwrap();
        assert_eq!(vault.rotations().unwrap().len(), 1);
        vault.edit(|edit| edit.keep_new_key("first", "AKIAI44QH8DHBEXAMPLE", SECRETS[7])).unwrap();
        vault.edit(|edit| edit.renew_rotation(&rotation())).unwrap();
        vault.edit(|edit| edit.keep_new_key("first", "AKIAI44QH8DHBEXAMPLE", SECRETS[7])).unwrap();
        vault.edit(|edit| edit.swap_keys("first")).unwrap();
        vault.edit(|edit| edit.swap_keys_back(&rotation())).unwrap();
        vault.edit(|edit| edit.begin_rotation("first", &[KEY_ID])).unwrap();
        vault.edit(|edit| edit.keep_new_key("first", "AKIAI44QH8DHBEXAMPLE", SECRETS[7])).unwrap();
        let other = vault.other_credentials("first").unwrap().unwrap();
        assert_eq!(other.secret_access_key().expose_secret(), SECRETS[7]);
        drop(other);
        vault.edit(|edit| edit.swap_keys("first")).unwrap();
        vault.edit(|edit| edit.note_deactivation("first")).unwrap();
        vault.edit(|edit| edit.end_rotation(&rotation())).unwrap();
    });
}

/// What goes wrong leaves no more than what goes well.
fn be_refused(drive: &mut Drive, vault: &Vault) {
    let path = drive.desk.path();
    let options = drive.options();
    drive.drive(&[], || {
        let wrong = options.clone().open(&path, WRONG).unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::WrongPassphrase);
        assert!(options.clone().open(&path, String::from(WRONG)).is_err());
        assert!(vault.unlock(WRONG).is_err() && options.open("no such file", FIRST).is_err());
        let taken = NewRecord::new_static("first", KEY_ID, SECRETS[8]).unwrap();
        assert!(vault.edit(|edit| edit.add(&taken)).is_err());
        let stopped = vault.edit(|edit| {
            edit.put(&NewRecord::new_static("new", KEY_ID, SECRETS[8])?)?;
            edit.change("session", &RecordChange::new().secret_access_key(SECRETS[9]))?;
            edit.remove("nobody")
        });
        assert!(stopped.is_err());
        assert!(NewRecord::new_static("aumbry:reserved", KEY_ID, SECRETS[8]).is_err());
        assert!(NewRecord::new_static("long", KEY_ID, SECRETS[8].repeat(2000).into_boxed_str()).is_err());
        assert!(vault.edit(|edit| edit.keep_new_key("second", KEY_ID, SECRETS[9])).is_err());
        assert!(vault.change_passphrase("").is_err());
        assert!(vault.rekey(FIRST).is_err(), "the current passphrase");
        assert!(vault.add_person("owner", Role::Reader, WRONG).is_err());
    });
}

fn lock(drive: &mut Drive, vault: &Vault) {
    drive.drive(&["Vault::lock", "Vault::unlock"], || {
        vault.lock();
        assert!(vault.get_credentials("first").is_err() && vault.unlock(WRONG).is_err());
        vault.unlock(String::from(FIRST)).unwrap();
        vault.unlock(FIRST.as_bytes().to_vec()).unwrap();
        vault.unlock(SecretString::from(FIRST)).unwrap();
    });
    drive.passphrases.push(SECOND.into());
    drive.drive(&["Vault::change_passphrase"], || vault.change_passphrase(SECOND).unwrap());
    drive.drive(&[], || vault.change_passphrase(FIRST).unwrap());
    drive.passphrases.pop();
}

fn drop_and_open(drive: &mut Drive, vault: Vault) {
    let path = drive.desk.path();
    let options = drive.options();
    let methods = [
        "OpenOptions::new",
        "OpenOptions::open",
        "OpenOptions::open_in",
        "OpenOptions::lock_after",
        "OpenOptions::accept_revision",
        "OpenOptions::state_folder",
        "OpenOptions::without_pin",
        "OpenOptions::allow_hibernation",
        "OpenOptions::role",
        "OpenOptions::slot",
        "OpenOptions::kdf",
        "vault/info::inspect",
        "vault/info::inspect_in",
        "startup::after_startup",
        "startup::get_credentials",
        "startup::vault",
        "startup::replace",
        "startup::close",
    ];
    drive.drive(&methods, || {
        drop(vault);
        let info = inspect(&path).unwrap();
        inspect_in(&FileStorage::new(&path)).unwrap();
        let open = |options: OpenOptions| options.open(&path, FIRST).unwrap();
        let idle = Duration::from_millis(1);
        let locks = open(options.clone().lock_after(idle).role(Role::Administrator).slot(info.slots[0].id));
        while !locks.is_locked() {
            std::thread::sleep(idle);
        }
        drop(open(
            OpenOptions::new()
                .without_pin()
                .allow_hibernation()
                .kdf(cheap())
                .accept_revision(aumbry::Revision::from_bytes([0; 64])),
        ));
        drop(options.clone().open_in(FileStorage::new(&path), FIRST).unwrap());
        startup::after_startup(|| options.clone().open(&path, FIRST)).unwrap();
        startup::replace(|| options.open(&path, FIRST)).unwrap();
        let credentials = startup::get_credentials("session").unwrap().unwrap();
        assert_eq!(credentials.session_token().unwrap().expose_secret(), SECRETS[4]);
        startup::vault().unwrap().lock();
        startup::close();
    });
}

fn keep_elsewhere(drive: &mut Drive) {
    let storage = InMemory::new();
    let methods = [
        "InMemory::new",
        "InMemory::from_bytes",
        "InMemory::to_bytes",
        "FileStorage::new",
        "FileStorage::path",
        "CreateOptions::create_in",
        "CreateOptions::label",
    ];
    drive.drive(&methods, || {
        let create = CreateOptions::new().label("elsewhere").kdf(cheap()).allow_kdf_below_floor();
        let create = create.open_options(OpenOptions::new().without_pin());
        let vault = create.create_in(storage.clone(), FIRST).unwrap();
        vault.edit(|edit| edit.add(&NewRecord::new_static("first", KEY_ID, SECRETS[9])?)).unwrap();
        drop(vault);
        let copy = InMemory::from_bytes(storage.to_bytes().unwrap());
        let vault = OpenOptions::new().without_pin().open_in(copy, FIRST).unwrap();
        vault.get_credentials("first").unwrap().unwrap();
        let _ = FileStorage::new("vault.aumbry").path();
    });
    drive.learn(&storage.to_bytes().unwrap());
}
