//! The codes of failures, by which programs tell them apart: each stands here, and nowhere else.

use aumbry::ErrorKind;

/// A kind of failure: the word that `--json` gives for it, the exit code, and what it means.
#[derive(Clone, Copy)]
pub(crate) struct Code {
    pub(crate) word: &'static str,
    pub(crate) exit: u8,
    pub(crate) meaning: &'static str,
}

/// Makes the codes and the list of them, which the manual page prints, so that none is left out.
macro_rules! codes {
    ($($name:ident $word:literal $exit:literal $meaning:literal;)*) => {
        $(pub(super) const $name: Code = Code { word: $word, exit: $exit, meaning: $meaning };)*

        /// Every code, by its exit code.
        pub(crate) const CODES: &[Code] = &[$($name),*];
    };
}

codes! {
    UNEXPECTED "unexpected" 1 "anything that has no code of its own, such as no memory";
    USAGE "usage" 2 "the command line cannot be understood";
    INVALID_NAME "invalid_name" 2 "a name breaks a rule";
    RESERVED_NAME "reserved_name" 2 "a name or an attribute is kept for aumbry itself";
    TOO_LONG "too_long" 2 "a field is longer than the format allows";
    INVALID_INPUT "invalid_input" 2 "a value breaks another rule, or cannot be written in the form asked for";
    IO "io" 3 "reading or writing failed";
    FILE_NOT_FOUND "file_not_found" 3 "there is no such file";
    NOT_A_FILE "not_a_file" 3 "the path leads to a folder, a pipe or a device";
    STORAGE_FULL "storage_full" 3 "the disk, or a quota, is full";
    DURABILITY_UNKNOWN "durability_unknown" 3 "saved, but the disk did not confirm it";
    NETWORK "network" 3 "AWS was not reached, did not answer in time, or failed";
    WRONG_PASSPHRASE "wrong_passphrase" 4 "nobody's way into the vault opens with this passphrase";
    REOPEN "reopen" 4 "an administrator changed this passphrase meanwhile";
    NOT_FOUND "not_found" 5 "the vault has no such record or person, or the record no such field";
    EXPIRED "expired" 5 "the session has expired";
    INPUT_NEEDED "input_needed" 6 "something would have to be typed, and there is nobody to type it";
    CONFLICT "conflict" 7 "a name or a file exists already, or somebody else changed the vault meanwhile";
    NAME_TAKEN "name_taken" 7 "the vault has a record of this name already";
    VAULT_EXISTS "vault_exists" 7 "there is a vault already where one was to be made";
    BUSY "busy" 7 "another program holds the lock of the vault";
    DAMAGED "damaged" 8 "the vault, or one record of it, was altered";
    NOT_A_VAULT "not_a_vault" 8 "the file is no vault";
    TOO_LARGE "too_large" 8 "the file is larger than the format allows";
    UNSUPPORTED_VERSION "unsupported_version" 8 "the vault was written by a newer version of aumbry";
    ROLLBACK "rollback" 8 "the vault is older than the one this machine saw last";
    FORK "fork" 8 "the vault is as old as the one this machine saw last, but not the same";
    VAULT_CHANGED "vault_changed" 8 "another vault stands here, or its signing key was replaced";
    PIN_DAMAGED "pin_damaged" 8 "this machine's note of the version last seen cannot be read";
    INVALID_IMPORT "invalid_import" 8 "a file to import is not understood";
    BAD_ANSWER "bad_answer" 8 "what a server answered is not understood";
    NOT_ADMINISTRATOR "not_administrator" 9 "only an administrator may do this";
    WEAK_PASSPHRASE "weak_passphrase" 9 "a new passphrase is easy to guess";
    REFUSED "refused" 9 "the rules forbid this, whoever asks";
    AWS_REFUSED "aws_refused" 9 "AWS refused a call, or does not list the key";
    NOT_RUNNABLE "not_runnable" 126 "the program of `exec` could not be run";
    NO_PROGRAM "no_program" 127 "the program of `exec` is not there";
}

/// What each exit code means.
pub(crate) const EXITS: &[(u8, &str)] = &[
    (0, "done"),
    (1, "unexpected"),
    (2, "usage, or an invalid name or field"),
    (3, "file missing, I/O, permission, full disk, not a regular file, or AWS was not reached"),
    (4, "wrong passphrase"),
    (5, "no such record, person or field, or an expired session"),
    (6, "input needed, and nobody to type it"),
    (7, "conflict: a name or file exists, or another program is writing"),
    (8, "damaged, forged, rolled back, of a newer version, or an import or an answer that is not understood"),
    (
        9,
        "refused: not an administrator, a weak passphrase or key derivation, plaintext without `--plaintext`, or AWS said no",
    ),
];

/// The code of a kind of error of the library.
pub(super) fn of(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::InvalidName => INVALID_NAME,
        ErrorKind::ReservedName => RESERVED_NAME,
        ErrorKind::TooLong => TOO_LONG,
        ErrorKind::InvalidInput => INVALID_INPUT,
        ErrorKind::NotFound => FILE_NOT_FOUND,
        ErrorKind::NotAFile => NOT_A_FILE,
        ErrorKind::Io => IO,
        ErrorKind::StorageFull => STORAGE_FULL,
        ErrorKind::DurabilityUnknown => DURABILITY_UNKNOWN,
        ErrorKind::WrongPassphrase => WRONG_PASSPHRASE,
        ErrorKind::Reopen => REOPEN,
        ErrorKind::NoSuchRecord => NOT_FOUND,
        ErrorKind::Expired => EXPIRED,
        ErrorKind::NameTaken => NAME_TAKEN,
        ErrorKind::VaultExists => VAULT_EXISTS,
        ErrorKind::Conflict => CONFLICT,
        ErrorKind::Busy => BUSY,
        ErrorKind::Damaged => DAMAGED,
        ErrorKind::NotAVault => NOT_A_VAULT,
        ErrorKind::TooLarge => TOO_LARGE,
        ErrorKind::UnsupportedVersion => UNSUPPORTED_VERSION,
        ErrorKind::Rollback => ROLLBACK,
        ErrorKind::Fork => FORK,
        ErrorKind::VaultChanged => VAULT_CHANGED,
        ErrorKind::PinDamaged => PIN_DAMAGED,
        ErrorKind::InvalidImport => INVALID_IMPORT,
        ErrorKind::NotAdministrator => NOT_ADMINISTRATOR,
        ErrorKind::Refused => REFUSED,
        _ => UNEXPECTED,
    }
}
