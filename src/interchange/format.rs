//! The table of import formats, and the detection of a file's format.

use std::fmt;

use super::import::Import;
use super::importer::{Importer, Sample};
use super::{bitwarden_json, console_csv, json, keepassxc_csv, onepassword_csv, profiles};
use crate::error::Result;
#[cfg(not(feature = "password-managers"))]
use crate::error::{Error, ErrorKind};

#[cfg(feature = "password-managers")]
const KEEPASS_XML: Importer = super::keepass_xml::IMPORTER;

/// Recognises KeePass XML in a build that cannot parse it, so that the error tells what is missing.
#[cfg(not(feature = "password-managers"))]
const KEEPASS_XML: Importer = Importer {
    recognises: |sample| sample.text().starts_with(b"<"),
    parse: |_, _| {
        let message = "this program cannot read KeePass XML: aumbry was built without its feature \"password-managers\"";
        Err(Error::new(ErrorKind::Unsupported, message))
    },
};

/// Defines [`Format`] from one line for each format: variant, name, description, importer.
macro_rules! formats {
    ($($variant:ident, $name:literal, $description:literal, $importer:expr;)+) => {
        /// The format of a file that records can be imported from.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum Format {
            $(#[doc = $description] $variant,)+
        }

        impl Format {
            /// All formats, in the order in which [`detect`](Self::detect) tries them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the name of the format on a command line, such as `aws-profiles`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Returns a description of the format in a few words, without a full stop.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$variant => $description,)+
                }
            }

            fn importer(self) -> Importer {
                match self {
                    $(Self::$variant => $importer,)+
                }
            }
        }
    };
}

// The order matters: a file belongs to the first format that recognises it. The last one recognises every file.
formats! {
    KeepassXml, "keepass-xml", "What KeePass and KeePassXC export as XML", KEEPASS_XML;
    BitwardenJson, "bitwarden-json", "What Bitwarden and Vaultwarden export, not encrypted", bitwarden_json::IMPORTER;
    Json, "json", "A credential_process document, or an export of aumbry", json::IMPORTER;
    KeepassxcCsv, "keepassxc-csv", "What KeePassXC exports as CSV", keepassxc_csv::IMPORTER;
    OnepasswordCsv, "1password-csv", "What 1Password exports as CSV", onepassword_csv::IMPORTER;
    AwsCsv, "aws-csv", "The file of the IAM console", console_csv::IMPORTER;
    AwsProfiles, "aws-profiles", "~/.aws/credentials and ~/.aws/config", profiles::IMPORTER;
}

impl Format {
    /// Detects the format of a file by its content: the first character, the columns of a table, or the keys of a JSON
    /// object. A file that no other format recognises counts as [`AwsProfiles`](Self::AwsProfiles).
    #[must_use]
    pub fn detect(content: &[u8]) -> Self {
        let sample = Sample::new(content);
        let recognised = Self::ALL.iter().find(|format| (format.importer().recognises)(&sample));
        recognised.copied().unwrap_or(Self::AwsProfiles)
    }

    /// Parses a file of this format. A record that the file does not name is called `name`.
    ///
    /// # Errors
    /// Those of `parse` in the module of the format: the file is invalid, or a record has no name.
    pub fn parse(self, content: &[u8], name: Option<&str>) -> Result<Import> {
        (self.importer().parse)(content, name)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Detects the format of a file and parses it. A record that the file does not name is called `name`.
///
/// All or nothing: a file that breaks a rule of its format is refused as a whole. To force a format, use
/// [`Format::parse`]; to import `~/.aws/credentials` and `~/.aws/config` together, use
/// [`profiles::parse`](crate::interchange::profiles::parse).
///
/// # Errors
/// Those of [`Format::parse`].
pub fn read(bytes: &[u8], name: Option<&str>) -> Result<Import> {
    Format::detect(bytes).parse(bytes, name)
}
