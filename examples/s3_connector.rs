//! A connector to S3: it opens the vault when it starts, looks its record up by name, and hands the AWS SDK a provider
//! that signs with that record from then on.
//!
//! ```sh
//! export AUMBRY_PASSPHRASE_FILE=passphrase.txt
//! cargo run --manifest-path interop/Cargo.toml --features tls --example s3_connector -- credentials.aumbry s3-uploads my-bucket
//! ```
//!
//! Region and endpoint are the record's attributes `region` and `endpoint_url`. The feature `tls` needs a C compiler;
//! without it endpoints are `http://` ones, such as a test server's.

use std::error::Error;

use aumbry::aws::CredentialsProvider;
use aumbry::{Passphrase, Vault, startup};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Config, Region, SharedHttpClient};
use aws_sdk_s3::error::DisplayErrorContext;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::Builder;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    aumbry::harden_process()?; // no core dumps, no debugger
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, name, bucket] = arguments.as_slice() else {
        return Err("usage: s3_connector VAULT NAME BUCKET, and AUMBRY_PASSPHRASE_FILE names a file".into());
    };

    // At start-up, once.
    let passphrase = passphrase()?;
    startup::after_startup(|| Vault::open(path, passphrase))?;

    // From here on, anywhere in the program.
    let vault = startup::vault()?;
    if vault.find(name)?.is_none() {
        println!("{name}: no such record, so nothing to do.");
        return Ok(());
    }
    let client = client(vault.aws_provider(name.as_str()).refreshing())?;
    let done = connect(&client, bucket).await;
    vault.lock(); // a vault in a static is never dropped
    done.map_err(|error| DisplayErrorContext(&*error).to_string().into())
}

fn passphrase() -> Result<Passphrase, Box<dyn Error>> {
    let file = std::env::var_os("AUMBRY_PASSPHRASE_FILE").ok_or("AUMBRY_PASSPHRASE_FILE is not set")?;
    let mut bytes = std::fs::read(file)?;
    while bytes.pop_if(|byte| b"\r\n".contains(byte)).is_some() {}
    Ok(bytes.into()) // which wipes them
}

fn client(provider: CredentialsProvider) -> aumbry::Result<Client> {
    let endpoint_url = provider.endpoint_url()?;
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client())
        .region(Region::new(provider.region()?.unwrap_or_else(|| "us-east-1".to_owned())))
        .force_path_style(endpoint_url.is_some()) // few servers but AWS have a host name for each bucket
        .credentials_provider(provider);
    config.set_endpoint_url(endpoint_url);
    Ok(Client::from_conf(config.build()))
}

fn http_client() -> SharedHttpClient {
    #[cfg(feature = "tls")]
    return {
        use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
        Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https()
    };
    #[cfg(not(feature = "tls"))]
    return Builder::new().build_http();
}

/// Puts an object, lists those beside it, reads it and removes it.
async fn connect(client: &Client, bucket: &str) -> Result<(), Box<dyn Error>> {
    const FOLDER: &str = "aumbry-example/";
    const KEY: &str = "aumbry-example/hello.txt";
    let body = ByteStream::from_static(b"Hello from a vault.");
    client.put_object().bucket(bucket).key(KEY).body(body).send().await?;
    println!("put     {KEY}");

    let listed = client.list_objects_v2().bucket(bucket).prefix(FOLDER).send().await?;
    for object in listed.contents() {
        println!(
            "listed  {} ({} bytes)",
            object.key().unwrap_or_default(),
            object.size().unwrap_or_default()
        );
    }

    let got = client.get_object().bucket(bucket).key(KEY).send().await?;
    println!("got     {}", String::from_utf8_lossy(&got.body.collect().await?.into_bytes()));

    client.delete_object().bucket(bucket).key(KEY).send().await?;
    println!("deleted {KEY}");
    Ok(())
}
