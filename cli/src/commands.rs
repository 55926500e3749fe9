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
use crate::context::Context;
use crate::failure::Outcome;

pub(crate) fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Init(init) => vault::init(context, &init),
        Command::Add(add) => records::add(context, &add),
        Command::List { prefix, provider } => records::list(context, prefix.as_deref(), provider),
        Command::Show { name, reveal } => records::show(context, &name, reveal),
        Command::Get { name, field, no_newline } => records::get(context, &name, &field, no_newline),
        Command::Edit(edit) => records::edit(context, &edit),
        Command::Rename { old, new } => records::rename(context, &old, &new),
        Command::Remove { name, yes } => records::remove(context, &name, yes),
        Command::Import(import) => import::import(context, &import),
        Command::Export(export) => export::export(context, &export),
        Command::CredentialProcess { name, allow_expired } => {
            aws::credential_process(context, &name, allow_expired)
        }
        Command::AwsConfig(arguments) => aws_config::aws_config(context, &arguments),
        Command::Env { name, shell, allow_expired } => aws::env(context, &name, shell, allow_expired),
        Command::Exec { name, allow_expired, command } => aws::exec(context, &name, &command, allow_expired),
        #[cfg(feature = "aws")]
        Command::Rotate(arguments) => rotate::rotate(context, &arguments),
        #[cfg(feature = "aws")]
        Command::Serve(serve) => serve::serve(context, &serve),
        #[cfg(feature = "aws")]
        Command::Sign(sign) => sign::sign(context, &sign),
        Command::Passwd { new } => vault::passwd(context, &new),
        Command::People(people) => people::people(context, &people),
        Command::Rekey(rekey) => people::rekey(context, &rekey),
        Command::Info => vault::info(context),
        Command::Verify => vault::verify(context),
        Command::Backup { file } => backup::backup(context, &file),
        Command::Restore(restore) => restore::restore(context, &restore),
        #[cfg(feature = "aws")]
        Command::Doctor(Doctor { name: Some(name), sts_endpoint, .. }) => {
            doctor::doctor_of_key(context, &name, sts_endpoint.as_deref())
        }
        Command::Doctor(_) => doctor::doctor(context),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man => manual::man(),
    }
}
