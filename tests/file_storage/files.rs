//! A vault in a file of a Unix system: links, permissions, paths that are not regular files, and what a crash leaves.
#![cfg(unix)]

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::common::*;
use aumbry::storage::{FileStorage, Storage};
use aumbry::{ErrorKind, Mismatch, OpenOptions, Vault};

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn is_link(path: impl AsRef<Path>) -> bool {
    fs::symlink_metadata(path).unwrap().is_symlink()
}

/// The names in a folder, including hidden files, in order.
fn listed(folder: impl AsRef<Path>) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

/// Runs what must answer at once: a FIFO that is opened naively keeps its reader waiting forever.
fn quickly<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    let (sender, result) = channel();
    thread::spawn(move || sender.send(work()));
    result.recv_timeout(Duration::from_secs(5)).expect("an answer within five seconds")
}

/// What opening, and creating, a vault at `path` is refused with.
fn refusals(desk: &Desk, path: impl AsRef<Path>) -> (ErrorKind, ErrorKind) {
    let path = path.as_ref().to_owned();
    let (open, create) = (desk.open_options(), desk.create_options());
    quickly(move || {
        let opened = open.open(&path, PASSPHRASE).unwrap_err().kind();
        (opened, create.create(&path, PASSPHRASE).unwrap_err().kind())
    })
}

#[test]
fn a_link_is_followed_and_stays_when_its_target_is_replaced() {
    let desk = Desk::new();
    drop(desk.create());
    let links = desk.folder.path().join("links");
    fs::create_dir(&links).unwrap();
    symlink("../vault.aumbry", links.join("relative")).unwrap();
    symlink(links.join("relative"), links.join("absolute-chain")).unwrap();
    for link in ["relative", "absolute-chain"] {
        let vault = desk.open_options().open(links.join(link), PASSPHRASE).unwrap();
        add(&vault, link);
    }
    assert!(is_link(links.join("relative")) && is_link(links.join("absolute-chain")));
    assert!(!is_link(desk.path()));
    assert_eq!(listed(&links), ["absolute-chain", "relative"], "lock and temporary file stand by the target");
    assert_eq!(desk.open().unwrap().verify().unwrap().records, 2);
}

#[test]
fn links_and_their_target_are_locked_and_pinned_as_one_vault() {
    let desk = Desk::new();
    let vault = desk.create();
    let link = desk.folder.path().join("link");
    symlink(desk.path(), &link).unwrap();
    let places = [FileStorage::new(&link), FileStorage::new(desk.path())];
    let [by_link, direct] = &places;
    assert_eq!(by_link.location().unwrap(), direct.location().unwrap());
    assert_eq!(by_link.revision().unwrap(), direct.revision().unwrap());

    let before = fs::read(desk.path()).unwrap();
    add(&vault, "s3-uploads");
    fs::write(desk.path(), before).unwrap();
    let error = desk.open_options().open(&link, PASSPHRASE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RevisionRefused(Mismatch::Rollback));
}

#[test]
fn creating_at_a_dangling_link_makes_its_target() {
    let desk = Desk::new();
    let link = desk.folder.path().join("link");
    symlink("vault.aumbry", &link).unwrap();
    let error = desk.open_options().open(&link, PASSPHRASE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(
        error.to_string().ends_with("link\" is a link to a file that does not exist"),
        "not that it is not there: {error}"
    );
    desk.create_options().create(&link, PASSPHRASE).unwrap();
    assert!(is_link(&link) && !is_link(desk.path()));
    add(&desk.open_options().open(&link, PASSPHRASE).unwrap(), "s3-uploads");
    assert_eq!(desk.open().unwrap().verify().unwrap().records, 1);
    let again = desk.create_options().create(&link, PASSPHRASE).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);
}

#[test]
fn a_hard_link_keeps_the_version_at_that_time() {
    let desk = Desk::new();
    let vault = desk.create();
    let other = desk.folder.path().join("other");
    fs::hard_link(desk.path(), &other).unwrap();
    add(&vault, "s3-uploads");
    let unpinned = OpenOptions::new().without_pin().open(other, PASSPHRASE).unwrap();
    assert_eq!((vault.generation().unwrap(), unpinned.generation().unwrap()), (2, 1));
}

#[test]
fn a_link_that_leads_nowhere_is_refused() {
    let desk = Desk::new();
    let link = desk.folder.path().join("loop");
    symlink("loop", &link).unwrap();
    assert_eq!(refusals(&desk, &link), (ErrorKind::Io, ErrorKind::Io));
    let link = desk.folder.path().join("lost");
    symlink("no/such/folder", &link).unwrap();
    assert_eq!(refusals(&desk, &link), (ErrorKind::NotFound, ErrorKind::NotFound));
}

#[test]
fn a_relative_path_is_the_same_vault_as_the_absolute_one() {
    let desk = Desk::new();
    drop(desk.create());
    let up = std::env::current_dir().unwrap().components().skip(1).map(|_| "..").collect::<PathBuf>();
    let absolute = desk.path().canonicalize().unwrap();
    let relative = up.join(absolute.strip_prefix("/").unwrap());
    assert!(relative.is_relative());
    let vault = desk.open_options().open(&relative, PASSPHRASE).unwrap();
    add(&vault, "s3-uploads");
    assert_eq!(desk.open().unwrap().verify().unwrap().records, 1);
    let place = FileStorage::new(&relative).location().unwrap().unwrap();
    assert_eq!(Path::new(&place), absolute);
}

#[test]
fn paths_that_are_not_regular_files_are_refused_without_waiting() {
    let desk = Desk::new();
    let place = |name: &str| desk.folder.path().join(name);
    fs::create_dir(place("folder")).unwrap();
    symlink("folder", place("link-to-folder")).unwrap();
    assert!(Command::new("mkfifo").arg(place("fifo")).status().unwrap().success());
    let _listener = UnixListener::bind(place("socket")).unwrap();
    for path in [
        place("folder"),
        place("link-to-folder"),
        place("fifo"),
        place("socket"),
        "/dev/null".into(),
        "/dev/zero".into(),
    ] {
        let kinds = refusals(&desk, &path);
        assert_eq!(kinds, (ErrorKind::InvalidFile, ErrorKind::InvalidFile), "{}", path.display());
    }
}

/// Opening is enough to rewind a tape, or to set off the writer of a FIFO, whose bytes are lost then.
#[test]
fn paths_that_are_not_regular_files_are_not_even_opened() {
    let desk = Desk::new();
    let fifo = desk.folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let writer = thread::spawn({
        let fifo = fifo.clone();
        move || drop(fs::OpenOptions::new().write(true).open(fifo).unwrap())
    });
    for _ in 0..20 {
        thread::sleep(Duration::from_millis(5));
        assert_eq!(refusals(&desk, &fifo), (ErrorKind::InvalidFile, ErrorKind::InvalidFile));
        assert!(!writer.is_finished(), "the writer was told that somebody reads");
    }
    File::open(&fifo).unwrap();
    writer.join().unwrap();
}

#[test]
fn a_folder_is_refused_however_its_path_is_written() {
    let desk = Desk::new();
    for path in ["/", ".", "..", "/tmp/.."] {
        let pinned = desk.open_options().open(path, PASSPHRASE).unwrap_err();
        let unpinned = desk.open_options().without_pin().open(path, PASSPHRASE).unwrap_err();
        assert_eq!(unpinned.kind(), ErrorKind::InvalidFile, "{path}, without a pin");
        assert_eq!(pinned.kind(), ErrorKind::InvalidFile, "{path}, with a pin");
    }
}

#[test]
fn a_file_that_is_not_a_vault_is_refused_and_unchanged() {
    let desk = Desk::new();
    let path = desk.path();
    let texts: [&[u8]; 5] =
        [b"", b"AUM", b"AUMBRX\x1a\n", b"[default]\naws_access_key_id = AKIA\n", &[0; 9000]];
    for content in texts {
        fs::write(&path, content).unwrap();
        assert_eq!(refusals(&desk, &path), (ErrorKind::InvalidFile, ErrorKind::AlreadyExists), "{content:?}");
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}

#[test]
fn a_file_too_large_for_a_vault_is_refused_unread() {
    let desk = Desk::new();
    let file = File::create(desk.path()).unwrap();
    file.set_len(3 << 30).unwrap(); // sparse: it takes no room on the disk
    assert_eq!(refusals(&desk, desk.path()), (ErrorKind::InvalidFile, ErrorKind::AlreadyExists));
    file.set_len(1 << 30).unwrap();
    assert_eq!(refusals(&desk, desk.path()), (ErrorKind::InvalidFile, ErrorKind::AlreadyExists));
}

#[test]
fn nothing_is_found_where_nothing_is() {
    let desk = Desk::new();
    assert_eq!(desk.open().unwrap_err().kind(), ErrorKind::NotFound);
    assert!(listed(desk.folder.path()).is_empty(), "looking leaves nothing behind");
    let kinds = refusals(&desk, desk.folder.path().join("no-such-folder/vault.aumbry"));
    assert_eq!(kinds, (ErrorKind::NotFound, ErrorKind::NotFound));
    assert!(listed(desk.folder.path()).is_empty(), "no folder is made for a vault");
}

#[test]
fn file_names_that_are_not_valid_text_are_separate_vaults() {
    let desk = Desk::new();
    let paths = [b"\xfe.aumbry", b"\xff.aumbry"].map(|name| desk.folder.path().join(OsStr::from_bytes(name)));
    for path in &paths {
        let vault = desk.create_options().create(path, PASSPHRASE).unwrap();
        add(&vault, "s3-uploads");
    }
    for path in &paths {
        desk.open_options().open(path, PASSPHRASE).unwrap();
    }
}

#[test]
fn a_new_vault_is_for_its_owner_alone() {
    let desk = Desk::new();
    drop(desk.create());
    assert_eq!(mode(desk.path()), 0o600);
    assert_eq!(mode(desk.folder.path().join(".vault.aumbry.lock")), 0o600);
    assert_eq!(listed(desk.folder.path()), [".vault.aumbry.lock", "state", "vault.aumbry"]);
}

#[test]
fn a_vault_keeps_its_permissions_when_it_is_saved() {
    let desk = Desk::new();
    let vault = desk.create();
    for permissions in [0o640, 0o660, 0o400, 0o600] {
        set_mode(desk.path(), permissions);
        add(&vault, &format!("{permissions:o}"));
        assert_eq!(mode(desk.path()), permissions);
    }
}

/// A vault keeps the permissions by which a group shares it; they are worth nothing if no other member of the group
/// can open its lock
/// .
#[test]
fn every_user_who_may_write_the_vault_may_open_its_lock() {
    let desk = Desk::new();
    let vault = desk.create();
    set_mode(desk.path(), 0o660);
    add(&vault, "s3-uploads");
    let lock = mode(desk.folder.path().join(".vault.aumbry.lock"));
    assert_ne!(lock & 0o060, 0, "the lock has permissions {lock:o}");
}

/// A vault whose save fails must be what it was, in memory and on the disk, and be saved once the obstacle is gone.
fn a_failed_save_changes_nothing(obstacle: &str) {
    let desk = Desk::new();
    let vault = desk.create();
    add(&vault, "before");
    let bytes = fs::read(desk.path()).unwrap();
    let obstacle = desk.folder.path().join(obstacle);
    let _ = fs::remove_file(&obstacle);
    fs::create_dir(&obstacle).unwrap(); // no user, not even root, can write to a folder or remove it as a file

    let error = vault.edit(|edit| edit.add(&draft("during"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(std::error::Error::source(&error).is_some(), "the system's own words are kept: {error:?}");
    assert_eq!(fs::read(desk.path()).unwrap(), bytes);
    assert!(vault.find("during").unwrap().is_none());
    assert_eq!(vault.generation().unwrap(), 2);
    assert!(desk.open().unwrap().find("before").unwrap().is_some(), "reading goes on");

    fs::remove_dir(&obstacle).unwrap();
    add(&vault, "after");
    let names: Vec<_> =
        desk.open().unwrap().records().unwrap().map(|entry| entry.name().to_owned()).collect();
    assert_eq!(names, ["after", "before"]);
}

#[test]
fn a_vault_that_cannot_be_locked_is_left_as_it_is() {
    a_failed_save_changes_nothing(".vault.aumbry.lock");
}

#[test]
fn a_vault_that_cannot_be_written_is_left_as_it_is() {
    a_failed_save_changes_nothing(".vault.aumbry.new");
}

#[test]
fn a_lock_that_is_a_link_is_refused() {
    let desk = Desk::new();
    let vault = desk.create();
    let (lock, elsewhere) =
        (desk.folder.path().join(".vault.aumbry.lock"), desk.folder.path().join("elsewhere"));
    fs::remove_file(&lock).unwrap();
    symlink(&elsewhere, &lock).unwrap();
    assert_eq!(vault.edit(|edit| edit.add(&draft("s3-uploads"))).unwrap_err().kind(), ErrorKind::Io);
    assert!(!elsewhere.exists());
}

#[test]
fn what_a_killed_writer_left_is_removed_by_the_next_one() {
    let desk = Desk::new();
    let vault = desk.create();
    let temporary = desk.folder.path().join(".vault.aumbry.new");
    let elsewhere = desk.folder.path().join("elsewhere");
    fs::write(&elsewhere, "of somebody else").unwrap();
    fs::write(&temporary, "half a vault").unwrap();
    set_mode(&temporary, 0o666);
    desk.open().unwrap();
    assert!(temporary.exists(), "whoever only reads removes nothing");
    add(&vault, "s3-uploads");
    assert!(fs::symlink_metadata(&temporary).is_err());
    assert_eq!(mode(desk.path()), 0o600, "nothing of the remainder is used");

    symlink(&elsewhere, &temporary).unwrap();
    add(&vault, "ses-smtp");
    assert!(fs::symlink_metadata(&temporary).is_err());
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "of somebody else");
    assert_eq!(desk.open().unwrap().verify().unwrap().records, 2);
}

#[test]
fn an_edit_does_not_recreate_a_vault_that_was_moved_away() {
    let desk = Desk::new();
    let vault = desk.create();
    let moved = desk.folder.path().join("moved.aumbry");
    fs::rename(desk.path(), &moved).unwrap();
    assert_eq!(vault.edit(|edit| edit.add(&draft("s3-uploads"))).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(vault.refresh().unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!desk.path().exists());
    fs::rename(&moved, desk.path()).unwrap();
    add(&vault, "s3-uploads");
}

#[test]
fn the_plain_calls_work_on_a_path_too() {
    // With the default place for pins and the default cost: both are what a program gets without options.
    let desk = Desk::new();
    drop(desk.create());
    let error = Vault::create(desk.path(), PASSPHRASE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    let elsewhere = desk.folder.path().join("nothing");
    assert_eq!(Vault::open(&elsewhere, PASSPHRASE).unwrap_err().kind(), ErrorKind::NotFound);
    let unpinned = OpenOptions::new().without_pin().open(desk.path(), PASSPHRASE).unwrap();
    assert_eq!(unpinned.generation().unwrap(), 1);
}
