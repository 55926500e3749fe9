//! People, their passphrases, recovery codes, new keys, backups.

use aumbry::{ErrorKind, ExposeSecret, NewRecord, Passphrase, Role};

use crate::common::KEY_ID;
use crate::{Drive, FIRST, READER, SECOND, SECRETS, THIRD};

pub(crate) fn drive(drive: &mut Drive) {
    come_and_go(drive);
    read(drive);
    recover(drive);
    restore(drive);
    rekey(drive);
}

fn come_and_go(drive: &mut Drive) {
    let vault = drive.options();
    let vault = vault.open(drive.desk.path(), FIRST).unwrap();
    drive.passphrases.extend([READER.into(), SECOND.into()]);
    drive.drive(&["Vault::add_person", "Vault::people"], || {
        vault.add_person("reader", Role::Reader, READER).unwrap();
        vault.add_person("other", Role::Administrator, String::from(SECOND)).unwrap();
        assert_eq!(vault.people().unwrap().len(), 3);
    });
    drive.passphrases.push(THIRD.into());
    drive.drive(&["Vault::set_passphrase"], || vault.set_passphrase("other", THIRD).unwrap());
    drive.drive(&[], || vault.set_passphrase("reader", SECOND).unwrap());
    drive.drive(&[], || vault.set_passphrase("reader", READER).unwrap());
    drive.drive(&["Vault::remove_person_keeping_seed"], || {
        assert!(vault.remove_person("other").is_err());
        vault.remove_person_keeping_seed("other").unwrap();
    });
    drive.drive(&[], || vault.add_person("leaves", Role::Reader, SECOND).unwrap());
    drive.drive(&["Vault::remove_person"], || vault.remove_person("leaves").unwrap());
    drive.passphrases.truncate(2);
}

fn read(drive: &mut Drive) {
    let options = drive.options();
    let path = drive.desk.path();
    drive.drive(&[], || {
        let vault = options.open(&path, READER).unwrap();
        assert_eq!(vault.role().unwrap(), Role::Reader);
        for _ in 0..20 {
            vault.get_credentials("session").unwrap().unwrap();
        }
        vault.verify().unwrap();
        let draft = NewRecord::new_static("reader", KEY_ID, SECRETS[9]).unwrap();
        let refused = vault.edit(|edit| edit.add(&draft)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotAdministrator);
        assert!(vault.add_person("else", Role::Reader, THIRD).is_err());
        assert!(vault.rekey(THIRD).is_err() && vault.set_passphrase("reader", THIRD).is_err());
        vault.lock();
        vault.unlock(READER).unwrap();
    });
}

fn recover(drive: &mut Drive) {
    let options = drive.options();
    let path = drive.desk.path();
    let vault = options.clone().open(&path, FIRST).unwrap();
    let methods = ["Vault::issue_recovery_code", "RecoveryCode::to_grouped"];
    // Kept until everything was searched: it must be known to be looked for.
    let (code, shown) = drive.drive(&methods, || {
        let code = vault.issue_recovery_code().unwrap();
        drop(Passphrase::from(&code));
        let shown = code.to_grouped();
        (code, shown)
    });
    let text = shown.expose_secret().to_owned();
    drive.learn_text("recovery code", &text);
    drive.learn_text("recovery code", &text.to_lowercase().replace('-', ""));
    drive.passphrases.push(text.clone());
    drive.drive(&["OpenOptions::check_recovery_code"], || {
        options.clone().check_recovery_code(&path, text.as_str()).unwrap();
        options.clone().check_recovery_code(&path, text.clone().into_bytes()).unwrap();
        let vault = options.clone().open(&path, Passphrase::from(&code)).unwrap();
        vault.edit(|edit| edit.put(&NewRecord::new_static("recovered", KEY_ID, SECRETS[8])?)).unwrap();
        assert!(options.clone().check_recovery_code(&path, FIRST).is_err());
        // With a letter wrong, which its checksum tells.
        assert!(options.clone().open(&path, text.replacen("-", "-Q", 1)).is_err());
        drop(code);
    });
    let again = drive.drive(&[], || vault.issue_recovery_code().unwrap().to_grouped());
    drive.learn_text("recovery code", again.expose_secret());
    drive.passphrases.pop();

    let other = drive.desk.folder.path().join("with a code.aumbry");
    let create = drive.desk.create_options().open_options(drive.options());
    let made = drive.drive(&["CreateOptions::create_with_recovery_code"], || {
        create.create_with_recovery_code(&other, FIRST).unwrap().1.to_grouped()
    });
    drive.learn_text("recovery code", made.expose_secret());
    drive.learn(&std::fs::read(&other).unwrap());
}

fn restore(drive: &mut Drive) {
    let [path, backup, restored] =
        ["vault.aumbry", "backup.aumbry", "restored.aumbry"].map(|name| drive.desk.folder.path().join(name));
    std::fs::copy(&path, &backup).unwrap();
    let options = drive.options();
    let vault = options.clone().open(&path, FIRST).unwrap();
    drive.drive(&["Vault::restore"], || {
        vault.edit(|edit| edit.put(&NewRecord::new_static("first", KEY_ID, SECRETS[9])?)).unwrap();
        let of_then = options.clone().without_pin().open(&backup, FIRST).unwrap();
        vault.restore(&of_then).unwrap();
        assert_eq!(vault.get_credentials("first").unwrap().unwrap().access_key_id(), "AKIAI44QH8DHBEXAMPLE");
    });
    drive.drive(&["OpenOptions::restore", "OpenOptions::restore_in"], || {
        let of_then = options.clone().without_pin().open(&backup, FIRST).unwrap();
        let vault = options.clone().restore(&restored, &of_then).unwrap();
        vault.verify().unwrap();
        let storage = aumbry::storage::InMemory::new();
        options.clone().without_pin().restore_in(storage, &of_then).unwrap();
    });
}

fn rekey(drive: &mut Drive) {
    let options = drive.options();
    let vault = options.clone().open(drive.desk.path(), FIRST).unwrap();
    drive.passphrases.push(THIRD.into());
    drive.drive(&["Vault::rekey"], || {
        assert_eq!(vault.rekey(Passphrase::from(THIRD)).unwrap().len(), 2);
        vault.verify().unwrap();
        vault.lock();
        vault.unlock(THIRD).unwrap();
    });
}
