//! The crate `object_store` signs with a record of a vault, against a server that checks it.

#[path = "object_store/parts.rs"]
mod parts;

use std::sync::Arc;
use std::time::SystemTime;

use aumbry::Vault;
use aumbry_interop::keys::{SESSION, STATIC, WRONG, assert_no_secret, draft, save};
use aumbry_interop::s3_server::{Key, S3Server};
use aumbry_interop::vault;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{CredentialProvider, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig};
use parts::{Client, RustCrypto};

fn desk() -> (S3Server, Vault) {
    let vault = vault().unwrap();
    save(&vault, &draft("static", STATIC).unwrap()).unwrap();
    save(&vault, &draft("session", SESSION).unwrap()).unwrap();
    (S3Server::start(&[STATIC, SESSION]).unwrap(), vault)
}

fn store(server: &S3Server, vault: &Vault, name: &str) -> AmazonS3 {
    AmazonS3Builder::new()
        .with_credentials(Arc::new(vault.aws_provider(name)))
        .with_crypto_provider(Arc::new(RustCrypto))
        .with_http_connector(Client::new())
        .with_retry(RetryConfig { max_retries: 0, ..Default::default() })
        .with_allow_http(true)
        .with_endpoint(server.endpoint_url())
        .with_region("eu-central-1")
        .with_bucket_name("bucket")
        .build()
        .unwrap()
}

fn path() -> Path {
    Path::from("a/b c+ü.txt")
}

async fn put(store: &AmazonS3) -> object_store::Result<()> {
    store.put(&path(), PutPayload::from_static(b"content")).await.map(drop)
}

/// What a program would print, all causes included.
async fn failure(store: &AmazonS3) -> String {
    let text = format!("{:?}", put(store).await.unwrap_err());
    assert_no_secret(&text);
    text
}

#[tokio::test]
async fn objects_are_put_listed_read_and_deleted_with_a_record() {
    let (server, vault) = desk();
    for (name, key) in [("static", STATIC), ("session", SESSION)] {
        let store = store(&server, &vault, name);
        put(&store).await.unwrap();
        let listed = store.list_with_delimiter(Some(&Path::from("a"))).await.unwrap();
        assert_eq!(listed.objects.iter().map(|object| &object.location).collect::<Vec<_>>(), [&path()]);
        assert_eq!(&store.get(&path()).await.unwrap().bytes().await.unwrap()[..], b"content");
        store.delete(&path()).await.unwrap();

        // A session's token in each request; without a session no such header, an empty one neither.
        let seen = server.take_seen();
        assert_eq!(seen.len(), 4);
        for seen in seen {
            assert_eq!(seen.id, key.id);
            assert_eq!(seen.tokens, key.token.into_iter().collect::<Vec<_>>());
        }
    }
}

#[tokio::test]
async fn each_request_signs_with_what_the_vault_holds_by_then() {
    let (server, vault) = desk();
    let store = store(&server, &vault, "static");
    put(&store).await.unwrap();
    save(&vault, &draft("static", SESSION).unwrap()).unwrap();
    put(&store).await.unwrap();
    let signers: Vec<_> = server.take_seen().into_iter().map(|seen| seen.id).collect();
    assert_eq!(signers, [STATIC.id, SESSION.id]);

    save(&vault, &draft("static", WRONG).unwrap()).unwrap();
    let text = failure(&store).await;
    assert!(text.contains("403") && text.contains("SignatureDoesNotMatch"), "{text}");
    vault.lock();
    let text = failure(&store).await;
    assert!(text.contains("the vault is locked"), "{text}");
    assert_eq!(server.take_seen(), []);
}

#[tokio::test]
async fn a_record_that_cannot_sign_says_why() {
    let (server, vault) = desk();
    let text = failure(&store(&server, &vault, "missing")).await;
    assert!(text.contains("the vault has no record named \\\"missing\\\""), "{text}");

    let expired = draft("expired", SESSION).unwrap().expires(SystemTime::UNIX_EPOCH);
    save(&vault, &expired).unwrap();
    let text = failure(&store(&server, &vault, "expired")).await;
    assert!(text.contains("expired at 1970-01-01T00:00:00Z"), "{text}");

    // At which `object_store` would panic.
    let wrong = Key { token: Some("IQoJb3JpZ2luX2Vj\nEXAMPLE"), ..SESSION };
    save(&vault, &draft("wrong", wrong).unwrap()).unwrap();
    let text = failure(&store(&server, &vault, "wrong")).await;
    assert!(text.contains("only visible ASCII characters") && !text.contains("IQoJb3JpZ2luX2Vj"), "{text}");

    let given = vault.aws_provider("static").get_credential().await.unwrap();
    assert_eq!((given.key_id.as_str(), given.token.as_deref()), (STATIC.id, None));
}
