//! What each command does.

mod aws;
mod aws_config;
mod aws_files;
mod backup;
mod doctor;
mod export;
mod import;
mod manual;
mod people;
mod records;
mod restore;
#[cfg(feature = "aws")]
mod rotate;
#[cfg(feature = "aws")]
mod serve;
#[cfg(feature = "aws")]
mod sign;
mod vault;

use crate::arguments::Command;
#[cfg(feature = "aws")]
use crate::arguments::online::Doctor;
use crate::failure::Outcome;
use crate::session::Session;

pub(crate) fn run(session: &Session, command: Command) -> Outcome {
    match command {
        Command::Init(init) => vault::init(session, &init),
        Command::Add(add) => records::add(session, &add),
        Command::List { prefix, provider } => records::list(session, prefix.as_deref(), provider),
        Command::Show { name, reveal } => records::show(session, &name, reveal),
        Command::Get { name, field, no_newline } => records::get(session, &name, &field, no_newline),
        Command::Edit(edit) => records::edit(session, &edit),
        Command::Rename { old, new } => records::rename(session, &old, &new),
        Command::Remove { name, yes } => records::remove(session, &name, yes),
        Command::Import(import) => import::import(session, &import),
        Command::Export(export) => export::export(session, &export),
        Command::CredentialProcess { name, allow_expired } => {
            aws::credential_process(session, &name, allow_expired)
        }
        Command::AwsConfig(arguments) => aws_config::aws_config(session, &arguments),
        Command::Env { name, shell, allow_expired } => aws::env(session, &name, shell, allow_expired),
        Command::Exec { name, allow_expired, command } => aws::exec(session, &name, &command, allow_expired),
        #[cfg(feature = "aws")]
        Command::Rotate(arguments) => rotate::rotate(session, &arguments),
        #[cfg(feature = "aws")]
        Command::Serve(serve) => serve::serve(session, &serve),
        #[cfg(feature = "aws")]
        Command::Sign(sign) => sign::sign(session, &sign),
        Command::Passwd { new } => vault::passwd(session, &new),
        Command::People(people) => people::people(session, &people),
        Command::Rekey(rekey) => people::rekey(session, &rekey),
        Command::Info => vault::info(session),
        Command::Verify => vault::verify(session),
        Command::Backup { file } => backup::backup(session, &file),
        Command::Restore(restore) => restore::restore(session, &restore),
        #[cfg(feature = "aws")]
        Command::Doctor(Doctor { name: Some(name), sts_endpoint, .. }) => {
            doctor::doctor_of_key(session, &name, sts_endpoint.as_deref())
        }
        Command::Doctor(_) => doctor::doctor(session),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man => manual::man(),
    }
}
