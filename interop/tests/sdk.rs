//! The AWS SDK for Rust signs with a record of a vault, against a server that checks it.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use aumbry::aws::CredentialsProvider;
use aumbry::{ErrorKind, NewRecord, OpenOptions, Vault};
use aumbry_interop::keys::{SESSION, STATIC, WRONG, assert_no_secret, draft, save};
use aumbry_interop::s3_server::{Key, S3Server, Seen};
use aumbry_interop::vault;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Config, ProvideCredentials, Region};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_async::time::TimeSource;
use aws_smithy_http_client::Builder;

/// A server that knows both keys, and a vault with them, in which server and region stand too.
fn desk() -> (S3Server, Vault) {
    let server = S3Server::start(&[STATIC, SESSION]).unwrap();
    let vault = vault().unwrap();
    vault
        .edit(|edit| {
            for (name, key) in [("static", STATIC), ("session", SESSION)] {
                let draft = draft(name, key)?.attribute("region", "eu-central-1")?;
                edit.add(&draft.attribute("endpoint_url", &server.endpoint_url())?)?;
            }
            Ok(())
        })
        .unwrap();
    (server, vault)
}

fn config(provider: CredentialsProvider) -> aws_sdk_s3::config::Builder {
    let endpoint_url = provider.endpoint_url().unwrap();
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .force_path_style(true)
        .region(provider.region().unwrap().map(Region::new))
        .credentials_provider(provider);
    config.set_endpoint_url(endpoint_url);
    config
}

fn client(provider: CredentialsProvider) -> Client {
    Client::from_conf(config(provider).build())
}

async fn put(client: &Client) -> Result<(), Box<dyn Error>> {
    let body = ByteStream::from_static(b"content");
    client.put_object().bucket("bucket").key("a/b c+ü.txt").body(body).send().await?;
    Ok(())
}

/// What a program would print, all causes included.
async fn failure(client: &Client) -> String {
    let error = put(client).await.unwrap_err();
    let text = format!("{} {error:?}", DisplayErrorContext(&*error));
    assert_no_secret(&text);
    text
}

fn signers(server: &S3Server) -> Vec<String> {
    server.take_seen().into_iter().map(|seen| seen.id).collect()
}

#[tokio::test]
async fn objects_are_put_listed_read_and_deleted_with_a_record() {
    let (server, vault) = desk();
    for (name, key) in [("static", STATIC), ("session", SESSION)] {
        let client = client(vault.aws_provider(name));
        put(&client).await.unwrap();
        let head = client.head_object().bucket("bucket").key("a/b c+ü.txt").send().await.unwrap();
        assert_eq!(head.content_length(), Some(7));
        let listed = client.list_objects_v2().bucket("bucket").prefix("a/").send().await.unwrap();
        assert_eq!(listed.contents()[0].key(), Some("a/b c+ü.txt"));
        let got = client.get_object().bucket("bucket").key("a/b c+ü.txt").send().await.unwrap();
        assert_eq!(&got.body.collect().await.unwrap().into_bytes()[..], b"content");
        client.delete_object().bucket("bucket").key("a/b c+ü.txt").send().await.unwrap();
        assert_eq!(server.objects(), []);

        // A session's token in each request; without a session no such header, an empty one neither.
        let tokens: Vec<String> = key.token.map(str::to_owned).into_iter().collect();
        let seen = server.take_seen();
        let expected = ["PUT", "HEAD", "GET", "GET", "DELETE"].map(|method| Seen {
            id: key.id.to_owned(),
            method: method.to_owned(),
            tokens: tokens.clone(),
        });
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn one_changed_character_is_refused() {
    let (server, vault) = desk();
    let endpoint_url = server.endpoint_url();
    let at_server = |draft: NewRecord| {
        draft.attribute("region", "eu-central-1")?.attribute("endpoint_url", &endpoint_url)
    };
    save(&vault, &draft("static", WRONG).and_then(at_server).unwrap()).unwrap();
    let error = client(vault.aws_provider("static"))
        .put_object()
        .bucket("bucket")
        .key("key")
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 403);
    assert_eq!(error.code(), Some("SignatureDoesNotMatch"));

    let wrong = Key { token: Some("IQoJb3JpZ2luX2VjEXAMPLE"), ..SESSION };
    save(&vault, &draft("session", wrong).and_then(at_server).unwrap()).unwrap();
    let text = failure(&client(vault.aws_provider("session"))).await;
    assert!(text.contains("InvalidToken"), "{text}");
    assert_eq!(signers(&server), [""; 0]);
}

#[tokio::test]
async fn a_vault_that_cannot_answer_says_why() {
    let (server, vault) = desk();
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    save(&vault, &draft("expired", SESSION).unwrap().expires(long_ago)).unwrap();

    let at_server = |name: &str| {
        let config = config(vault.aws_provider(name)).endpoint_url(server.endpoint_url());
        Client::from_conf(config.region(Region::new("eu-central-1")).build())
    };
    let text = failure(&at_server("missing")).await;
    assert!(text.contains("the vault has no record named \"missing\""), "{text}");
    let text = failure(&at_server("expired")).await;
    assert!(text.contains("the session of the record \"expired\" expired at 2001-09-09T01:46:40Z"), "{text}");

    let client = at_server("static");
    vault.lock();
    let text = failure(&client).await;
    assert!(text.contains("the vault is locked"), "{text}");
    assert!(vault.aws_provider("static").region().is_err_and(|error| error.kind() == ErrorKind::Locked));
    assert_eq!(server.take_seen(), []);

    vault.unlock("passphrase").unwrap();
    put(&client).await.unwrap();
}

/// A chain of providers goes on where there is no record, and stops where there should be one.
#[tokio::test]
async fn a_missing_record_alone_lets_a_chain_go_on() {
    let (_server, vault) = desk();
    let error = vault.aws_provider("missing").provide_credentials().await.unwrap_err();
    assert!(format!("{error:?}").starts_with("CredentialsNotLoaded"), "{error:?}");
    let kind = |error: &dyn Error| error.source().unwrap().downcast_ref::<aumbry::Error>().unwrap().kind();
    assert_eq!(kind(&error), ErrorKind::NoSuchRecord);

    vault.lock();
    let error = vault.aws_provider("missing").provide_credentials().await.unwrap_err();
    assert!(format!("{error:?}").starts_with("ProviderError"), "{error:?}");
    assert_eq!(kind(&error), ErrorKind::Locked);
}

#[tokio::test]
async fn the_sdk_is_given_the_whole_record() {
    let vault = vault().unwrap();
    let soon = SystemTime::now() + Duration::from_secs(60);
    vault
        .edit(|edit| {
            edit.add(
                &draft("static", STATIC)?.attribute("account_id", "123456789012")?.attribute("region", "")?,
            )?;
            edit.add(
                &draft("long session", SESSION)?
                    .expires(SystemTime::now() + Duration::from_secs(3600))
                    .attribute("account_id", "")?,
            )?;
            edit.add(&draft("short session", SESSION)?.expires(soon))
        })
        .unwrap();
    let given = async |name: &str| vault.aws_provider(name).provide_credentials().await.unwrap();

    let credentials = given("static").await;
    assert_eq!((credentials.access_key_id(), credentials.secret_access_key()), (STATIC.id, STATIC.secret));
    assert_eq!(credentials.session_token(), None);
    assert_eq!(credentials.account_id().map(|id| id.as_str()), Some("123456789012"));
    assert_eq!(vault.aws_provider("static").region().unwrap(), None);
    assert_no_secret(&format!("{credentials:?}"));

    // Held for five minutes, or until the session ends.
    for (name, longest) in [("static", 300), ("long session", 300), ("short session", 60)] {
        let expiry = given(name).await.expiry().unwrap();
        let held = expiry.duration_since(SystemTime::now()).unwrap();
        assert!(held <= Duration::from_secs(longest), "{name}: {held:?}");
    }
    let session = given("long session").await;
    assert_eq!((session.session_token(), session.account_id()), (SESSION.token, None));

    let forever = vault.aws_provider("static").hold_for(Duration::MAX);
    assert_eq!(forever.provide_credentials().await.unwrap().expiry(), None);
}

/// The SDK panics at a region with a line break, and passes on what is no region.
#[test]
fn a_region_that_is_none_is_refused_with_the_reason() {
    let vault = vault().unwrap();
    for region in ["eu\ncentral", "eu central", "eu/central", "ü"] {
        save(&vault, &draft("static", STATIC).and_then(|draft| draft.attribute("region", region)).unwrap())
            .unwrap();
        let error = vault.aws_provider("static").region().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let text = error.to_string();
        assert!(text.starts_with("invalid region of the record \"static\": only ASCII letters, "), "{text}");
    }
}

#[tokio::test]
async fn a_token_that_no_header_can_hold_is_refused_with_the_reason() {
    let (server, vault) = desk();
    let wrong = Key { token: Some("IQoJb3JpZ2luX2Vj\nEXAMPLE"), ..SESSION };
    save(&vault, &draft("wrong", wrong).unwrap()).unwrap();
    let config = config(vault.aws_provider("wrong")).region(Region::new("eu-central-1"));
    let text = failure(&Client::from_conf(config.endpoint_url(server.endpoint_url()).build())).await;
    let message =
        "invalid session token in the record \"wrong\": it must contain only visible ASCII characters";
    assert!(text.contains(message) && !text.contains("IQoJb3JpZ2luX2Vj"), "{text}");
}

/// The clock of an SDK client, so many seconds ahead.
#[derive(Clone, Debug, Default)]
struct Ahead(Arc<AtomicU64>);

impl TimeSource for Ahead {
    fn now(&self) -> SystemTime {
        SystemTime::now() + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

#[tokio::test]
async fn an_edited_record_is_picked_up_when_the_sdk_may_hold_it_no_longer() {
    let (server, vault) = desk();
    let ahead = Ahead::default();
    let client = Client::from_conf(config(vault.aws_provider("static")).time_source(ahead.clone()).build());
    put(&client).await.unwrap();
    save(&vault, &draft("static", SESSION).unwrap()).unwrap();
    put(&client).await.unwrap();
    assert_eq!(signers(&server), [STATIC.id, STATIC.id], "the SDK was to hold it");
    ahead.0.store(5 * 60, Ordering::Relaxed);
    put(&client).await.unwrap();
    assert_eq!(signers(&server), [SESSION.id]);
}

#[tokio::test]
async fn a_provider_that_is_not_held_follows_each_edit_and_lock() {
    let (server, vault) = desk();
    let client = client(vault.aws_provider("static").hold_for(Duration::ZERO));
    put(&client).await.unwrap();
    save(&vault, &draft("static", SESSION).unwrap()).unwrap();
    put(&client).await.unwrap();
    assert_eq!(signers(&server), [STATIC.id, SESSION.id]);
    vault.lock();
    assert!(failure(&client).await.contains("the vault is locked"));
}

#[tokio::test]
async fn a_refreshing_provider_sees_what_another_program_saved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault");
    let here = aumbry_interop::vault_at(&path).unwrap();
    save(&here, &draft("name", STATIC).unwrap()).unwrap();
    let there = OpenOptions::new().without_pin().open(&path, "passphrase").unwrap();
    save(&there, &draft("name", SESSION).unwrap()).unwrap();

    let given = async |provider: CredentialsProvider| {
        provider.provide_credentials().await.map(|credentials| credentials.access_key_id().to_owned())
    };
    assert_eq!(given(here.aws_provider("name")).await.unwrap(), STATIC.id);
    assert_eq!(given(here.aws_provider("name").refreshing()).await.unwrap(), SESSION.id);

    std::fs::remove_file(&path).unwrap();
    assert_eq!(given(here.aws_provider("name")).await.unwrap(), SESSION.id);
    let error = given(here.aws_provider("name").refreshing()).await.unwrap_err();
    let error = error.source().unwrap().downcast_ref::<aumbry::Error>().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
