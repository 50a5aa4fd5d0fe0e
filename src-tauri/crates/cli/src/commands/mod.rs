//! One module for each command: engine calls in, text or JSON out.

mod audit;
mod facts;
mod help;
mod history;
mod host;
mod host_import;
mod logs;
mod plan;
mod releases;
mod run;
mod secret;
mod service;
mod shell;
mod site;
mod status;
mod unlock;

use crate::args::{Command, HostCommand, SecretCommand, SiteCommand};
use crate::context::{Context, Outcome};

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Host(command) => host::run(context, command).await,
        Command::Facts { name } => facts::run(context, name).await,
        Command::Site(command) => site::run(context, command),
        Command::Plan(arguments) => plan::run(context, arguments).await,
        Command::Apply(arguments) => run::apply(context, arguments).await,
        Command::Deploy(arguments) => run::deploy(context, arguments).await,
        Command::Rollback(arguments) => run::rollback(context, arguments).await,
        Command::Uninstall(arguments) => run::uninstall(context, arguments).await,
        Command::Status { watch } => status::run(context, watch).await,
        Command::Releases { command } => releases::run(context, command).await,
        Command::History { command, count } => history::run(context, command, count),
        Command::Service { action, unit } => service::run(context, action, unit).await,
        Command::Logs(arguments) => logs::run(context, arguments).await,
        Command::Audit { lines } => audit::run(context, lines).await,
        Command::Secret(command) => secret::run(context, command).await,
        Command::Unlock => unlock::run(context).await,
        Command::Completions { shell } => shell::completions(context, shell),
        Command::Man { out } => shell::man(context, out.as_deref()),
        Command::Version => help::version(context),
        Command::Help { topic } => help::help(context, &topic),
    }
}

/// The command's name in JSON documents.
pub(crate) fn name(command: &Command) -> &'static str {
    match command {
        Command::Host(HostCommand::Add(_)) => "host add",
        Command::Host(HostCommand::List) => "host list",
        Command::Host(HostCommand::Show { .. }) => "host show",
        Command::Host(HostCommand::Remove { .. }) => "host remove",
        Command::Host(HostCommand::Edit(_)) => "host edit",
        Command::Host(HostCommand::Test { .. }) => "host test",
        Command::Host(HostCommand::Import(_)) => "host import",
        Command::Host(HostCommand::Export { .. }) => "host export",
        Command::Facts { .. } => "facts",
        Command::Site(SiteCommand::New(_)) => "site new",
        Command::Site(SiteCommand::Check { .. }) => "site check",
        Command::Site(SiteCommand::Schema) => "site schema",
        Command::Site(SiteCommand::Blueprints) => "site blueprints",
        Command::Site(SiteCommand::Show) => "site show",
        Command::Plan(_) => "plan",
        Command::Apply(_) => "apply",
        Command::Deploy(_) => "deploy",
        Command::Rollback(_) => "rollback",
        Command::Uninstall(_) => "uninstall",
        Command::Status { .. } => "status",
        Command::Releases { .. } => "releases",
        Command::History { .. } => "history",
        Command::Service { .. } => "service",
        Command::Logs(_) => "logs",
        Command::Audit { .. } => "audit",
        Command::Secret(SecretCommand::Set { .. }) => "secret set",
        Command::Secret(SecretCommand::List) => "secret list",
        Command::Secret(SecretCommand::Remove { .. }) => "secret remove",
        Command::Secret(SecretCommand::Rotate { .. }) => "secret rotate",
        Command::Unlock => "unlock",
        Command::Completions { .. } => "completions",
        Command::Man { .. } => "man",
        Command::Version => "version",
        Command::Help { .. } => "help",
    }
}
