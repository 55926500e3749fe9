//! The names in KeePass XML.

/// The name of the file in messages.
pub(super) const FILE: &str = "the KeePass XML file";

// The names of an entry's standard fields. The user chooses all other names.
pub(super) const TITLE: &str = "Title";
pub(super) const USER_NAME: &str = "UserName";
pub(super) const PASSWORD: &str = "Password";
pub(super) const URL: &str = "URL";
pub(super) const NOTES: &str = "Notes";
