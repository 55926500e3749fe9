//! What can be altered: every field of the format, one at a time; and what follows from it.

mod body;
mod header;

use aumbry::ErrorKind;

use crate::adversary::parts::Parts;
use crate::adversary::scene::Person::{self, Anna, Rea, Ron};
use crate::adversary::scene::{Adversary, PENDING};

pub(crate) const HER_SECRET: &str = "a secret of rea's";

/// What the file does once the true seed has signed it, to the people who can open their slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Then {
    Opens,
    /// It opens; the secret of one record does not.
    OpensButOneSecret,
    /// It breaks a rule of the body.
    Refused(ErrorKind),
}

/// How an alteration locks a person out, regardless of its signer.
#[derive(Clone, Copy)]
pub(crate) struct ShutOut {
    /// To a passphrase, on a machine that opens the vault.
    pub(crate) passphrase: ErrorKind,
    /// To a handle that is open, which holds the key that the passphrase gave.
    pub(crate) handle: ErrorKind,
}

pub(crate) struct Field<'a> {
    pub(crate) name: String,
    pub(crate) alter: Box<dyn Fn(&mut Parts) + 'a>,
    /// For everybody, before any key is tried (`docs/format.md`, section 5, steps 1 to 5).
    pub(crate) before_keys: Option<ErrorKind>,
    /// Through their own slots (step 6); for everybody else the signature is in the way (step 7).
    pub(crate) shut_out: Vec<(Person, ShutOut)>,
    /// Once the signature holds (steps 8 and 9).
    pub(crate) then: Then,
}

impl<'a> Field<'a> {
    /// Something that is sealed and signed, and nothing else.
    fn new(name: impl Into<String>, alter: impl Fn(&mut Parts) + 'a) -> Self {
        let (name, alter) = (name.into(), Box::new(alter));
        Self { name, alter, before_keys: None, shut_out: Vec::new(), then: Then::Opens }
    }

    fn before_keys(mut self, kind: ErrorKind) -> Self {
        self.before_keys = Some(kind);
        self
    }

    fn shuts_out(mut self, who: &[Person], passphrase: ErrorKind, handle: ErrorKind) -> Self {
        self.shut_out = who.iter().map(|person| (*person, ShutOut { passphrase, handle })).collect();
        self
    }

    fn then(mut self, then: Then) -> Self {
        self.then = then;
        self
    }

    pub(crate) fn shuts_out_person(&self, person: Person) -> Option<ShutOut> {
        self.shut_out.iter().find(|(who, _)| *who == person).map(|(_, how)| *how)
    }
}

pub(crate) fn all(adversary: &Adversary) -> Vec<Field<'_>> {
    let mut fields = header::fields();
    for (person, whose) in [(Anna, "anna's"), (Rea, "her own"), (Ron, "ron's")] {
        fields.extend(header::slot(adversary, person, whose));
        fields.extend(body::person(person as usize, whose));
    }
    fields.extend(header::slots(adversary));
    for name in [PENDING, "backup", "s3-uploads", "session"] {
        fields.extend(body::record(name));
    }
    fields.extend(body::attributes());
    fields.extend(body::records());
    fields.extend(body::people());
    fields.extend(body::payload(adversary));
    fields
}
