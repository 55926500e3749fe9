//! What a field of an entry is, told by its name.

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind<'a> {
    AccessKeyId,
    SecretAccessKey,
    SessionToken,
    Expires,
    /// An attribute of this key.
    Attribute(&'a str),
    /// Something that is secret by its name, and no part of an AWS key.
    Secret,
}

/// Before the key of an attribute that a program would otherwise take for something else.
pub(super) const LITERAL: &str = "attribute:";

impl<'a> Kind<'a> {
    pub(super) fn of(name: &'a str) -> Self {
        if let Some(key) = name.strip_prefix(LITERAL) {
            return Self::Attribute(key);
        }
        let bare: String =
            name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        match bare.strip_prefix("aws").unwrap_or(&bare) {
            "accesskeyid" | "accesskey" => Self::AccessKeyId,
            "secretaccesskey" | "secretkey" => Self::SecretAccessKey,
            "sessiontoken" | "securitytoken" => Self::SessionToken,
            "expires" | "expiration" | "sessionexpiration" | "credentialexpiration" => Self::Expires,
            "region" | "defaultregion" => Self::Attribute("region"),
            bare if is_secret(bare) => Self::Secret,
            _ => Self::Attribute(name.trim()),
        }
    }
}

/// Whether such a field is secret in any password manager. Rather one too many: it is reported, not lost in silence.
fn is_secret(bare: &str) -> bool {
    let words =
        ["password", "passwd", "passphrase", "passcode", "secret", "token", "seed", "privatekey", "recovery"];
    words.iter().any(|word| bare.contains(word))
        || ["otp", "totp", "hotp", "onetime"].iter().any(|word| bare.starts_with(word))
        || ["pin", "cvv", "cvc", "puk"].contains(&bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_key_are_told_by_any_spelling_of_their_names() {
        for (names, kind) in [
            (["Access Key ID", "aws_access_key_id", "AccessKey", "access-key-id"], Kind::AccessKeyId),
            (
                ["Secret Access Key", "AWS_SECRET_ACCESS_KEY", "SecretKey", "secret key"],
                Kind::SecretAccessKey,
            ),
            (
                ["Session Token", "AWS_SESSION_TOKEN", "aws_security_token", "session-token"],
                Kind::SessionToken,
            ),
            (["Expires", "Expiration", "AWS_CREDENTIAL_EXPIRATION", "session expiration"], Kind::Expires),
            (["Region", "AWS Region", "AWS_DEFAULT_REGION", "default-region"], Kind::Attribute("region")),
        ] {
            for name in names {
                assert_eq!(Kind::of(name), kind, "{name}");
            }
        }
    }

    #[test]
    fn other_names_are_attributes_unless_they_speak_of_a_secret() {
        for name in ["Account ID", "endpoint_url", "MFA serial", "footprint", "Key", "aws", "é"] {
            assert_eq!(Kind::of(name), Kind::Attribute(name));
        }
        assert_eq!(Kind::of(" Account ID "), Kind::Attribute("Account ID"));
        for name in [
            "Console password",
            "PIN",
            "otp",
            "TOTP Seed",
            "TimeOtp-Secret-Base32",
            "One-time password",
            "API token",
        ] {
            assert_eq!(Kind::of(name), Kind::Secret, "{name}");
        }
        assert_eq!(Kind::of("attribute:Secret Access Key"), Kind::Attribute("Secret Access Key"));
        assert_eq!(Kind::of("attribute:attribute:x"), Kind::Attribute("attribute:x"));
    }
}
