//! The meaning of a field, by its name.

/// What a field contains.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::interchange) enum Kind<'a> {
    AccessKeyId,
    SecretAccessKey,
    SessionToken,
    Expires,
    /// An attribute of this key.
    Attribute(&'a str),
    /// Something whose name suggests a secret, and which is not a part of an AWS key.
    Secret,
}

/// The prefix of an attribute's key that would otherwise mean something else.
pub(in crate::interchange) const LITERAL: &str = "attribute:";

impl<'a> Kind<'a> {
    pub(in crate::interchange) fn of(name: &'a str) -> Self {
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

/// Tells whether the name suggests a secret. In doubt it does, because a field that is left out is reported.
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
    fn every_spelling_of_a_part_of_a_key_is_recognised() {
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
    fn other_names_are_attributes_unless_they_suggest_a_secret() {
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
