//! An application that can look its credentials up and cannot change them: it has a reader's passphrase, and no key that
//! signs.
//!
//! ```sh
//! cargo run --release -p aumbry-examples --bin reader_application
//! ```

use aumbry::{CreateOptions, ErrorKind, ExposeSecret, NewRecord, OpenOptions, Role};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    aumbry::harden_process()?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("credentials.aumbry");

    // The administrator, once: a vault, a record, and a way in for the application. The passphrases are for show.
    let options = CreateOptions::new().label("anna").open_options(OpenOptions::new().without_pin());
    let vault = options.create(&path, "correct horse battery staple")?;
    vault.edit(|edit| {
        edit.add(&NewRecord::new_static("s3-uploads", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI")?)
    })?;
    vault.add_person("uploads", Role::Reader, "tractor lemon violin seventeen")?;
    for person in vault.people()? {
        println!("{} is {}", person.label, person.role);
    }
    drop(vault);

    // The application, each time it starts. With the role named, a passphrase that is wrong costs one run less.
    let options = OpenOptions::new().without_pin().role(Role::Reader);
    let vault = options.open(&path, "tractor lemon violin seventeen")?;
    let Some(credentials) = vault.get_credentials("s3-uploads")? else { return Err("no such record".into()) };
    let characters = credentials.secret_access_key().expose_secret().len();
    println!("the application signs as {} with {characters} characters", credentials.access_key_id());

    match vault.edit(|edit| edit.remove("s3-uploads")) {
        Err(error) if error.kind() == ErrorKind::NotAdministrator => println!("and cannot write: {error}"),
        result => return Err(format!("a reader wrote: {result:?}").into()),
    }
    Ok(())
}
