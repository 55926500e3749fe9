//! How hard a new passphrase is to guess.

use std::fmt;

use zeroize::Zeroizing;
use zxcvbn::{Score, zxcvbn};

use crate::passphrase::Passphrase;

/// Characters, not bytes. An attacker who has the file can guess without limit, so length comes first: NIST SP 800-63B-4,
/// section 3.1.1.2, requires 15 if the password is the only factor, although there the server can limit the guesses.
const MIN_CHARS: usize = 12;

/// Why a passphrase is too weak for a vault.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Weakness {
    /// It has this many characters. The minimum is 12.
    Short(usize),
    /// About 10 to the power of this many guesses find it. The minimum is 10. The text is the reason, if it is known.
    Guessable(u32, Option<&'static str>),
}

impl Passphrase {
    /// Returns why this passphrase is too weak for a vault. `None` if it is strong enough.
    ///
    /// It checks the length, then estimates the guesses with zxcvbn (Wheeler, USENIX Security 2016), which knows common
    /// passwords, names, words, dates and keyboard patterns. Only its highest grade is accepted: more than 10^10 guesses,
    /// which take decades of computing at the default cost of a guess. `known` contains words that an attacker knows,
    /// such as the person's name. A recovery code is always strong enough.
    ///
    /// # Security
    /// The estimate leaves copies of the passphrase in freed memory. The `aumbry` command wipes all memory that it
    /// frees. A long-running program may need an allocator that does the same.
    #[must_use]
    pub fn weakness(&self, known: &[&str]) -> Option<Weakness> {
        if self.is_recovery_code() {
            return None;
        }
        // Bytes that are not UTF-8 may still be words in an older encoding.
        let text = Zeroizing::new(String::from_utf8_lossy(self.bytes()).into_owned());
        let chars = text.chars().count();
        if chars < MIN_CHARS {
            return Some(Weakness::Short(chars));
        }
        let estimate = zxcvbn(&text, known);
        if estimate.score() == Score::Four {
            return None;
        }
        let why = estimate.feedback().and_then(zxcvbn::feedback::Feedback::warning).map(in_plain_words);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 10, or so"
        )]
        let guesses = estimate.guesses_log10().max(1.0) as u32;
        Some(Weakness::Guessable(guesses, why))
    }
}

/// Describes what zxcvbn found, without any word of the passphrase.
fn in_plain_words(warning: zxcvbn::feedback::Warning) -> &'static str {
    use zxcvbn::feedback::Warning as W;
    match warning {
        W::StraightRowsOfKeysAreEasyToGuess | W::ShortKeyboardPatternsAreEasyToGuess => {
            "it follows a keyboard pattern"
        }
        W::RepeatsLikeAaaAreEasyToGuess | W::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess => {
            "it repeats itself"
        }
        W::ThisIsATop10Password
        | W::ThisIsATop100Password
        | W::ThisIsACommonPassword
        | W::ThisIsSimilarToACommonlyUsedPassword => "it is, or resembles, a common password",
        W::SequencesLikeAbcAreEasyToGuess => "it is a sequence",
        W::RecentYearsAreEasyToGuess | W::DatesAreOftenEasyToGuess => "a date is easy to guess",
        W::AWordByItselfIsEasyToGuess => "a word by itself is easy to guess",
        W::NamesAndSurnamesByThemselvesAreEasyToGuess | W::CommonNamesAndSurnamesAreEasyToGuess => {
            "names are easy to guess"
        }
    }
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(chars) => write!(f, "it has {chars} characters; the minimum is {MIN_CHARS}"),
            Self::Guessable(log10, why) => {
                if let Some(why) = why {
                    write!(f, "{why}: ")?;
                }
                write!(f, "about 10^{log10} guesses find it; the minimum is 10^10")
            }
        }
    }
}
