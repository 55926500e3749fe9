//! The codes by which programs distinguish failures. Each is defined here only.

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
    UNEXPECTED "unexpected" 1 "anything that has no code of its own";
    OUT_OF_RESOURCES "out_of_resources" 1 "the system refused memory or a thread";
    USAGE "usage" 2 "the command line cannot be understood";
    INVALID_INPUT "invalid_input" 2 "a name or a value breaks a rule, or cannot be written in the form asked for";
    IO "io" 3 "reading or writing failed";
    NOT_FOUND "not_found" 3 "there is no such file";
    STORAGE_FULL "storage_full" 3 "the disk, or a quota, is full";
    DURABILITY_UNKNOWN "durability_unknown" 3 "saved, but the disk did not confirm it";
    NETWORK "network" 3 "AWS was not reached, did not answer in time, or failed";
    WRONG_PASSPHRASE "wrong_passphrase" 4 "no key slot of the vault opens with this passphrase";
    REOPEN "reopen" 4 "an administrator changed this passphrase meanwhile";
    NO_SUCH_RECORD "no_such_record" 5 "the vault has no record of this name";
    NO_SUCH_PERSON "no_such_person" 5 "the vault has no person of this label, or none in this role";
    NO_SUCH_FIELD "no_such_field" 5 "the record has no such field";
    EXPIRED "expired" 5 "the session has expired";
    INPUT_NEEDED "input_needed" 6 "something would have to be typed, and there is no terminal";
    CONFLICT "conflict" 7 "another program changed the vault or the file meanwhile";
    ALREADY_EXISTS "already_exists" 7 "a record, a person, a vault or a file of this name exists already";
    BUSY "busy" 7 "another program holds the lock of the vault";
    DAMAGED "damaged" 8 "the vault, or one record of it, was altered";
    INVALID_FILE "invalid_file" 8 "the file is not a vault, not a known import format, not a regular file, or too large";
    UNSUPPORTED "unsupported" 8 "the vault was written by a newer version of aumbry";
    ROLLBACK "rollback" 8 "the vault is older than the one this machine saw last";
    FORK "fork" 8 "the vault is as old as the one this machine saw last, but not the same";
    VAULT_CHANGED "vault_changed" 8 "this is another vault, or its signing key was replaced";
    PIN_DAMAGED "pin_damaged" 8 "this machine's note of the revision last seen cannot be read";
    BAD_ANSWER "bad_answer" 8 "what a server answered is not understood";
    NOT_ADMINISTRATOR "not_administrator" 9 "only an administrator may do this";
    WEAK_PASSPHRASE "weak_passphrase" 9 "a new passphrase is easy to guess";
    REFUSED "refused" 9 "a rule forbids this to every caller";
    AWS_REFUSED "aws_refused" 9 "AWS refused a call, or does not list the key";
    NOT_RUNNABLE "not_runnable" 126 "the program of `exec` could not be run";
    NO_PROGRAM "no_program" 127 "the program of `exec` does not exist";
}

/// What each exit code means.
pub(crate) const EXITS: &[(u8, &str)] = &[
    (0, "done"),
    (1, "unexpected"),
    (2, "usage, or an invalid name or field"),
    (3, "file missing, I/O, permission, full disk, or AWS was not reached"),
    (4, "wrong passphrase"),
    (5, "no such record, person or field, or an expired session"),
    (6, "input needed, and no terminal to ask on"),
    (7, "conflict: a name or file exists, or another program is writing"),
    (8, "damaged, forged, rolled back, of a newer version, or a file or an answer that is not understood"),
    (
        9,
        "refused: not an administrator, a weak passphrase or key derivation, plaintext without `--plaintext`, or AWS said no",
    ),
];

/// Returns the code of a kind of error of the library: the one with the same word.
pub(super) fn of(kind: ErrorKind) -> Code {
    CODES.iter().copied().find(|code| code.word == kind.code()).unwrap_or(UNEXPECTED)
}
