"""The checks that are removed, one at a time: what it is, the file, the code and what it becomes, and the test that must
notice. A test is "TARGET::NAME", where TARGET is `lib` or a binary of tests/."""

VECTORS = "file_format::vectors::every_vector_opens_or_is_refused_as_the_index_says"
UNREAD = "attacks::hostile::unread::what_needs_no_key_is_refused_without_a_key_derivation_and_without_reading_on"
TEXTS = "lib::format::body::tests::text_is_checked_by_the_same_rules_wherever_its_unusual_bytes_are"
RESIDUE = "residue::nothing_is_left_outside_the_guarded_page"


def never(condition):
    """A condition that is still computed and never counts."""
    return f"std::hint::black_box(false) && ({condition})"


# What a header is refused for, before any key derivation.
HEADER = "src/format/header.rs"
SLOT = "src/format/slot.rs"
KDF = "src/crypto/kdf.rs"
SEAL = "src/crypto/seal.rs"
RECORD = "src/crypto/record.rs"
SIGNATURE = "src/crypto/signature.rs"
PLAIN_FILE = "src/format/plain_file.rs"
CODEC = "src/format/codec.rs"
BODY = "src/format/body.rs"
PEOPLE = "src/format/people.rs"
NAME = "src/credentials/name.rs"
SNAPSHOT = "src/vault/unlocked/snapshot.rs"
PIN = "src/pin.rs"
OPEN = "src/vault/open.rs"
FILE = "src/storage/file.rs"
ATOMIC = "src/storage/file/atomic.rs"
UNIX = "src/storage/file/unix.rs"

CHECKS = [
    ("the limit of a file's length", HEADER, "if file_len > MAX_FILE {", f"if {never('file_len > MAX_FILE')} {{",
     "file_storage::files::a_file_too_large_for_a_vault_is_refused_unread"),
    ("the magic bytes", HEADER, "Some((magic, rest)) if *magic == MAGIC =>", "Some((magic, rest)) if *magic == MAGIC || std::hint::black_box(true) =>", VECTORS),
    ("the format's version", HEADER, "if version == VERSION && suite == SUITE", "if suite == SUITE", VECTORS),
    ("the suite", HEADER, "if version == VERSION && suite == SUITE", "if version == VERSION", VECTORS),
    ("the exact length", HEADER, "if stored_len != file_len {", f"if {never('stored_len != file_len')} {{", UNREAD),
    ("the first zero field", HEADER, "if fixed.get(12..16) != Some(&[0; 4]) || zeros", "if zeros", UNREAD),
    ("the second zero field", HEADER, "|| zeros != [0; 3] ||", "||", UNREAD),
    ("no generation 0", HEADER, "|| generation == 0 {", "{", UNREAD),
    ("the cost of all slots", HEADER, "> KdfParameters::MAX_TOTAL_COST {", "> u64::MAX - KdfParameters::MAX_TOTAL_COST {",
     VECTORS),
    ("one id a slot", HEADER, "if !slots.iter().all(|slot| ids.insert(slot.id)) {",
     f"if {never('!slots.iter().all(|slot| ids.insert(slot.id))')} {{", UNREAD),
    ("an administrator", HEADER, "if !slots.iter().any(|slot| slot.role == Role::Administrator) {",
     f"if {never('!slots.iter().any(|slot| slot.role == Role::Administrator)')} {{", VECTORS),
    ("the header's checksum", HEADER, "if sha256(content) != *checksum {", f"if {never('sha256(content) != *checksum')} {{",
     UNREAD),
    ("a known role", SLOT, "2 => Role::Reader,\n                _ => return", "2.. => Role::Reader,\n                _ => return", UNREAD),
    ("a known hint", SLOT, "1 => Hint::RecoveryCode,\n                _ => return",
     "1.. => Hint::RecoveryCode,\n                #[allow(unreachable_patterns)]\n                _ => return", UNREAD),
    ("a slot's zero field", SLOT, "if zero != [0, 0] {", f"if {never('zero != [0, 0]')} {{", UNREAD),
    ("the KDF's memory, at least", KDF, "bounded!(MemoryKib, 8 * 1024, 1024 * 1024,", "bounded!(MemoryKib, 64, 1024 * 1024,", VECTORS),
    ("the KDF's memory, at most", KDF, "bounded!(MemoryKib, 8 * 1024, 1024 * 1024,", "bounded!(MemoryKib, 8 * 1024, 2048 * 1024,",
     VECTORS),
    ("the KDF's passes", KDF, "bounded!(Passes, 1, 64,", "bounded!(Passes, 0, 65,", VECTORS),
    ("the KDF's lanes", KDF, "bounded!(Lanes, 1, 8,", "bounded!(Lanes, 0, 9,", VECTORS),
    ("the cost of one slot", KDF, "if parameters.cost() > Self::MAX_COST {", f"if {never('parameters.cost() > Self::MAX_COST')} {{",
     VECTORS),
    ("the writer's floor", KDF, "self.memory.0 >= 19 * 1024 && self.cost() >= 38 * 1024", "self.memory.0 >= 8 * 1024",
     "api::vault::a_vault_is_not_made_where_one_is_or_below_the_floor"),
    # What is sealed.
    ("the key commitment", SEAL, "if !bool::from(one_time.commitment.ct_eq(commit)) {",
     f"if {never('!bool::from(one_time.commitment.ct_eq(commit))')} {{", VECTORS),
    ("the tag of a seal", SEAL, "self.cipher.open(&[0; NONCE], aad, text, tag).ok_or(Unopened::Forged)",
     "self.cipher.seal(&[0; NONCE], aad, text).map(|_| _ = tag).ok_or(Unopened::Forged)", VECTORS),
    ("the tag of a record", RECORD, "self.cipher.as_ref()?.open(nonce, aad, text, tag)?;",
     "self.cipher.as_ref()?.seal(nonce, aad, text)?;\n        let _ = tag;", VECTORS),
    ("a fresh salt for each message", SEAL, "hmac_sha256(key.ikm(), &[label::SALT, random, &length(aad), aad, text], salt);",
     "hmac_sha256(key.ikm(), &[label::SALT, random, &length(aad)], salt);",
     "attacks::dead_generator::no_commits_of_a_dead_generator_share_a_key_and_nonce"),
    ("a fresh nonce for each record", RECORD,
     "hmac_sha256(&self.nonce_key, &[random, &length(aad), aad, text], &mut long_nonce);",
     "hmac_sha256(&self.nonce_key, &[random, &length(aad)], &mut long_nonce);",
     "attacks::dead_generator::no_commits_of_a_dead_generator_share_a_key_and_nonce"),
    # The signature.
    ("the signature", HEADER, "if key.accepts(file, signature) {", "if key.accepts(file, signature) || std::hint::black_box(true) {",
     VECTORS),
    ("strict verification", SIGNATURE, "self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()",
     "ed25519_dalek::Verifier::verify(&self.0, message, &Signature::from_bytes(signature)).is_ok()",
     "lib::crypto::signature::tests::a_commitment_of_small_order_is_refused_under_an_honest_key"),
    ("no key of small order", SIGNATURE, "(!beyond_p && !key.is_weak())", "(!beyond_p)",
     "lib::crypto::signature::tests::keys_of_small_order_are_refused"),
    ("no key beyond the field", SIGNATURE, "(!beyond_p && !key.is_weak())", "(beyond_p || !key.is_weak())",
     "lib::crypto::signature::tests::keys_with_a_y_outside_the_field_are_refused"),
    # The payload and the body.
    ("a whole number of blocks", HEADER, "if plaintext == 0 || !plaintext.is_multiple_of(BLOCK as u64) {",
     "if plaintext == 0 {", "attacks::hostile::bodies::the_length_and_padding_of_a_body_are_checked_too"),
    ("padding shorter than a block", PLAIN_FILE, "padding.len() >= BLOCK || ", "", VECTORS),
    ("padding of zeros", PLAIN_FILE, " || padding.iter().any(|byte| *byte != 0)", "", VECTORS),
    ("every byte of a secret used", CODEC, "(used == bytes.len() && encoded_len", "(encoded_len", VECTORS),
    ("the shortest form, in what bincode reads", CODEC, "(used == bytes.len() && encoded_len(&value) == Some(used))",
     "(used == bytes.len())", "lib::format::codec::tests::overlong_numbers_are_refused"),
    ("the shortest form, in what the reader reads", CODEC, "(value >= least).then_some(value)",
     "(value >= least || std::hint::black_box(true)).then_some(value)", VECTORS),
    ("the limit of what bincode reads", CODEC,
     "Limit<LIMIT>> {\n    bincode::config::standard().with_limit::<LIMIT>()",
     "> {\n    bincode::config::standard()", "lib::format::codec::tests::a_length_beyond_the_input_is_refused_without_allocating"),
    ("the body's schema", BODY, "if schema != u64::from(SCHEMA) {", f"if {never('schema != u64::from(SCHEMA)')} {{", VECTORS),
    ("the number of records", BODY, "if count > MAX_RECORDS || count > body.len() / MIN_RECORD {",
     f"if {never('count > MAX_RECORDS || count > body.len() / MIN_RECORD')} {{",
     "lib::format::body::tests::a_count_that_the_bytes_cannot_hold_is_refused_before_allocating"),
    ("names in order, each once", BODY, "if record.name <= previous {", "if record.name < previous {", VECTORS),
    ("the rules of names", BODY, "is_ok_and(|name| check_name(name).is_ok())",
     "is_ok_and(|name| check_name(name).is_ok() || std::hint::black_box(true))", VECTORS),
    ("texts are UTF-8", BODY, "is_graphic_ascii(bytes) || std::str::from_utf8(bytes).is_ok()",
     "is_graphic_ascii(bytes) || std::str::from_utf8(bytes).is_ok() || std::hint::black_box(true)", TEXTS),
    ("what is plain ASCII", NAME, "all & byte.is_ascii_graphic()", "all & (byte.is_ascii_graphic() || *byte == 0x7f)", TEXTS),
    ("the length of an access key id", BODY, "&& self.access_key_id.len() <= MAX_ACCESS_KEY_ID\n", "", VECTORS),
    ("the length of attributes", BODY, "(self.attributes.len() <= MAX_ATTRIBUTES).then_some(())", "Some(())", VECTORS),
    ("attributes in order", BODY, "|| previous.is_some_and(|previous| key <= previous) {",
     f"|| ({never('previous.is_some_and(|previous| key <= previous)')}) {{", VECTORS),
    ("times between the years 0001 and 9999", BODY, "&& times.iter().all(|time| (FIRST_TIME..=LAST_TIME).contains(time))\n", "",
     VECTORS),
    ("the length of a secret", BODY,
     "&& (record::OVERHEAD..=MAX_SECRET_PART + record::OVERHEAD).contains(&self.secret.len());", ";", VECTORS),
    ("the length of a label", PEOPLE, "(1..=MAX_LABEL).contains(&wire.label.len())\n                && ", "", VECTORS),
    ("one person a label", PEOPLE, "&& labels.insert(wire.label)", "&& (labels.insert(wire.label) || std::hint::black_box(true))", VECTORS),
    ("a provider's own secret", BODY, "_ => Err(refused(\"it belongs to another provider\")),",
     "(_, SecretPart::Static { secret_access_key } | SecretPart::Session { secret_access_key, .. }) => {\n"
     "                Ok(Secrets::Static(StaticCredentials { access_key_id, secret_access_key: secret_access_key.into() }))\n"
     "            }", VECTORS),
    ("a person for each slot", SNAPSHOT, "if !scanned.people.iter().map(|person| person.id).eq(ids()) {",
     f"if {never('!scanned.people.iter().map(|person| person.id).eq(ids())')} {{", VECTORS),
    # The version last seen.
    ("no older version", PIN, "if found.generation < self.generation {", f"if {never('found.generation < self.generation')} {{",
     "rollback::pin::an_older_file_is_a_rollback_until_it_is_accepted"),
    ("no fork", PIN, "if found.generation == self.generation && found.revision != self.revision {",
     f"if {never('found.generation == self.generation && found.revision != self.revision')} {{", "rollback::pin::two_edits_of_one_version_are_a_fork"),
    ("no other vault", PIN, "if self.vault_id != found.vault_id {", f"if {never('self.vault_id != found.vault_id')} {{", "api::errors::a_file_that_is_not_the_one_last_seen_is_named_with_both_generations"),
    ("no other signing key", PIN, "if self.verification_key != found.verification_key {",
     f"if {never('self.verification_key != found.verification_key')} {{", "attacks::adversary::a_reader_fools_only_people_who_share_her_passphrase_and_have_no_pin"),
    ("a sound pin", PIN, "(pin.encode() == bytes).then_some(pin)", "Some(pin)", "rollback::pin::a_damaged_pin_is_accepted_once_and_then_written_again"),
    ("a pin that only moves forward", PIN, "(!newer_known).then(", "(!newer_known || std::hint::black_box(true)).then(", "rollback::pin_races::unlocking_does_not_fall_behind_a_commit_of_the_meantime"),
    ("the pin read before the file", OPEN,
     "let pin = pinned.read_pin();\n    let (unlocked, time) = look(pinned, settings, passphrase, &pin, accepted, may_follow)?;",
     "let pin = StoredPin::Absent;\n    let (unlocked, time) = look(pinned, settings, passphrase, &pin, accepted, may_follow)?;\n"
     "    let pin = pinned.read_pin();\n    pin.allows(&unlocked.snapshot.pin(), accepted.as_ref())?;", "rollback::pin_races::opening_while_another_program_commits_is_not_a_rollback"),
    # The rules for writers.
    ("the role of a writer", "src/vault/commit/next_revision.rs", "match snapshot.role() {\n        Role::Administrator => Ok(()),",
     "match snapshot.role() {\n        _ if std::hint::black_box(true) => Ok(()),\n        Role::Administrator => Ok(()),",
     "file_format::vectors::a_vault_that_opens_can_be_edited_only_by_an_administrator"),
    ("the stamp: only the version expected is replaced", FILE, "(expected, found) if expected != found.as_ref() => {",
     f"(expected, found) if {never('expected != found.as_ref()')} => {{", "file_storage::conformance::a_file_is_a_storage"),
    ("the lock of a writer", FILE, "match lock::acquire(&path, &vault, PATIENCE) {",
     "match lock::acquire(&path.with_extension(format!(\"{:?}\", std::time::Instant::now())), &vault, PATIENCE) {",
     "concurrency::processes::a_writer_waits_while_another_process_holds_the_lock"),
    ("no new vault over an old one", FILE, "(None, Some(_)) => {", "(None, Some(_)) if std::hint::black_box(false) => {", "file_storage::conformance::a_file_is_a_storage"),
    ("files of the owner alone", UNIX,
     ".mode(0o600)\n        .custom_flags(libc::O_NOFOLLOW)\n        .open(path)?;\n"
     "    // A umask may also have removed the owner's permissions. If this fails, no other user gains access.\n"
     "    let _ = file.set_permissions(Permissions::from_mode(0o600));\n",
     ".custom_flags(libc::O_NOFOLLOW)\n        .open(path)?;\n", "file_storage::files::a_new_vault_is_for_its_owner_alone"),
    # What survives a power cut.
    ("fsync of the file", ATOMIC, "    file.sync_all()\n", "    Ok(())\n", "faults/crash/replay.py"),
    ("fsync of the folder", UNIX, "match folder.sync_all() {", "match Ok(drop(folder)) {",
     "faults/crash/replay.py"),
    ("fsync where the folder cannot be read", UNIX, "return File::open(path)?.sync_all(),", "return File::open(path).map(drop),",
     "faults/crash/power.py"),
    ("a pin that cannot be read is not taken for a missing one", "src/storage/file/state.rs",
     "                _ => Err(error),\n            },", "                _ => Ok(None),\n            },", "faults/crash/faults.py"),
    ("the slot that opened is the whole file's", HEADER, "self.0.vault_id == other.0.vault_id && self.0.slots == other.0.slots",
     "std::hint::black_box(true) || self.0.slots == other.0.slots",
     "concurrency::handles::a_save_between_reading_header_and_file_is_seen_by_the_opener"),
    # What is wiped.
    ("wiping Argon2's memory", "src/memory/guarded/blocks.rs", ".for_each(Zeroize::zeroize);", ".for_each(|_| ());",
     "residue::the_memory_of_the_key_derivation_is_wiped_before_it_is_freed"),
    ("wiping a secret that was opened", BODY, "let mut bytes = zeroed(aad_len + self.secret.len())?;",
     "let mut bytes = std::mem::ManuallyDrop::new(zeroed(aad_len + self.secret.len())?);", RESIDUE),
    ("scrubbing the stack", "src/memory.rs", "zeroize::zeroize_stack::<SCRUBBED>();", "", RESIDUE),
    ("overwriting the vector registers", "src/memory.rs", "    guarded::scrub_registers();\n", "    let _ = guarded::scrub_registers;\n",
     "faults/memory/run"),
    ("keys out of dumps", "src/memory/guarded/unix.rs", "libc::madvise(start, len, libc::MADV_DONTDUMP);", "",
     "residue::a_guarded_page_is_locked_kept_out_of_dumps_and_not_inherited"),
    ("wiping the guarded page", "src/memory/guarded/pages.rs", "self.len) }.zeroize();", "self.len) };",
     "lib::memory::guarded::tests::pages_are_wiped_including_what_no_destructor_wipes"),
    ("wiping a recovery code off the stack", "src/passphrase/recovery_code.rs", "with_scrubbed_stack(|| bech32::encode_lower_to_fmt::<Bech32m, _>(&mut *code, PREFIX, bits));",
     "bech32::encode_lower_to_fmt::<Bech32m, _>(&mut *code, PREFIX, bits);", "residue::nothing_is_left_of_a_recovery_code_that_was_typed"),
    ("giving the guarded page back", "src/memory/guarded/unix.rs",
     "unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };", "let _ = self;", RESIDUE),
]
