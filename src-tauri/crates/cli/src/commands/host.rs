//! `slipway host …`.

use jiff::Timestamp;
use serde::Serialize;
use slipway_engine::desk::Desk;
use slipway_engine::desk::hosts::{Auth, Destination, HostForm};
use slipway_engine::failure::{Code, Failure};
use slipway_engine::inventory::{Host, HostName, Login, SudoMode, Tag};

use crate::args::{Add, Edit, HostCommand};
use crate::context::{Context, Outcome};
use crate::exit::Exit;
use crate::print::facts::facts;
use crate::print::table::{Cell, Tone, table};
use crate::print::text::visible;
use crate::print::words;
use crate::prompt::{Asker, Steps};

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: HostCommand) -> Outcome {
    let desk = context.desk()?;
    match command {
        HostCommand::Add(arguments) => add(context, &desk, arguments).await,
        HostCommand::List => list(context, &desk),
        HostCommand::Show { name } => show(context, &desk, &name),
        HostCommand::Remove { name } => remove(context, &desk, &name).await,
        HostCommand::Edit(arguments) => edit(context, &desk, arguments),
        HostCommand::Test { name } => test(context, &desk, name).await,
        HostCommand::Import(arguments) => super::host_import::run(context, &desk, &arguments),
        HostCommand::Export { file } => super::host_import::export(context, &desk, file.as_deref()),
    }
}

/// A host for programs.
#[derive(Serialize)]
pub(crate) struct Shown<'a> {
    name: &'a HostName,
    address: &'a str,
    port: u16,
    user: Option<&'a str>,
    identity_file: Option<&'a str>,
    jump: Option<&'a str>,
    sudo: SudoMode,
    tags: Vec<&'a Tag>,
    added: Timestamp,
    last_seen: Option<Timestamp>,
    host_key: Option<&'a str>,
}

impl<'a> From<&'a Host> for Shown<'a> {
    fn from(host: &'a Host) -> Self {
        Self {
            name: &host.name,
            address: &host.address,
            port: host.port,
            user: host.user.as_deref(),
            identity_file: host.identity_file.as_deref(),
            jump: host.jump.as_deref(),
            sudo: host.sudo,
            tags: host.tags.iter().collect(),
            added: host.created_at,
            last_seen: host.last_seen,
            host_key: host.host_key.as_deref(),
        }
    }
}

async fn add(context: &Context, desk: &Desk, arguments: Add) -> Outcome {
    if desk.inventory.host(&arguments.name).is_ok() {
        return Err(Failure::new(Code::Usage, format!("there already is a host named {}", arguments.name))
            .hint("slipway host edit changes it")
            .into());
    }
    let typed = arguments.address.as_deref().unwrap_or_else(|| arguments.name.as_str());
    let form = HostForm {
        auth: match arguments.identity.as_deref().map(absolute) {
            Some(path) => Auth::KeyFile { path },
            None => Auth::Config,
        },
        jump: arguments.jump,
        sudo: arguments.sudo.into(),
        tags: arguments.tags.into_iter().collect(),
        ..HostForm::new(arguments.name.clone(), typed)
    };
    let host = form.host(desk.clock.now())?;
    context.screen.note(format!("Connecting to {}", visible(typed)));
    let asker = Asker::new(context.screen.clone(), Steps::Shown);
    let link = context.connect_as(desk, &host, asker.clone()).await?;
    desk.add_host(&form, asker.key_of(host.name.as_str()).as_deref(), None)?;
    let seen = context.facts(desk, &link).await?;
    let style = context.screen.style();
    let text = format!("{} {} is added.\n{}", style.green("●"), style.bold(host.name.as_str()), facts(&seen, style));
    #[derive(Serialize)]
    struct Added<'a> {
        host: Shown<'a>,
        facts: &'a slipway_core::facts::Facts,
    }
    let stored = desk.inventory.host(&host.name).map_err(Failure::from)?;
    context.answer(Added { host: (&stored).into(), facts: &seen }, text);
    Ok(Exit::Done)
}

fn absolute(path: &std::path::Path) -> String {
    // A tilde that the shell did not expand stays for the engine.
    if path.starts_with("~") {
        return path.display().to_string();
    }
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

fn list(context: &Context, desk: &Desk) -> Outcome {
    let hosts = desk.inventory.hosts().map_err(Failure::from)?;
    let now = desk.clock.now();
    let rows: Vec<Vec<Cell>> = hosts
        .iter()
        .map(|host| {
            let seen = match host.last_seen {
                Some(at) => Cell::from(words::ago(at, now)),
                None => Cell::toned("never", Tone::Dim),
            };
            let tags: Vec<&str> = host.tags.iter().map(Tag::as_str).collect();
            vec![host.name.as_str().into(), address(host).into(), system(host).into(), seen, tags.join(", ").into()]
        })
        .collect();
    let text = if rows.is_empty() {
        "There is no host yet.\n→ slipway host add NAME USER@ADDRESS".to_owned()
    } else {
        table(&["name", "address", "system", "seen", "tags"], &rows, context.screen.style())
    };
    context.answer(hosts.iter().map(Shown::from).collect::<Vec<_>>(), text);
    Ok(Exit::Done)
}

fn address(host: &Host) -> String {
    let user = host.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
    let port = if host.port == 22 { String::new() } else { format!(":{}", host.port) };
    let bare = if host.address.contains(':') { format!("[{}]", host.address) } else { host.address.clone() };
    format!("{user}{bare}{port}")
}

fn seen_facts(host: &Host) -> Option<slipway_core::facts::Facts> {
    // Facts of an older Slipway may not be readable; they are only for show.
    host.facts.as_ref().and_then(|facts| serde_json::from_value(facts.clone()).ok())
}

fn system(host: &Host) -> String {
    seen_facts(host).and_then(|facts| facts.os.known().map(|os| os.pretty_name.clone())).unwrap_or_default()
}

fn show(context: &Context, desk: &Desk, name: &HostName) -> Outcome {
    let host = desk.inventory.host(name).map_err(Failure::from)?;
    let style = context.screen.style();
    let mut text = format!("{}  {}\n", style.bold(host.name.as_str()), visible(&address(&host)));
    let mut row = |label: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            text.push_str(&format!("  {}  {}\n", style.dim(format!("{label:<10}")), visible(&value)));
        }
    };
    row("key", host.identity_file.clone());
    row("through", host.jump.clone());
    row("sudo", Some(format!("{:?}", host.sudo).to_lowercase()));
    row("tags", Some(host.tags.iter().map(Tag::as_str).collect::<Vec<_>>().join(", ")));
    row("host key", host.host_key.clone());
    row("added", Some(words::moment(host.created_at)));
    row("seen", host.last_seen.map(|at| format!("{}, {}", words::ago(at, desk.clock.now()), words::moment(at))));
    match seen_facts(&host) {
        Some(seen) => text.push_str(&facts(&seen, style)),
        None => text.push_str("  not looked at yet: slipway facts\n"),
    }
    #[derive(Serialize)]
    struct Whole<'a> {
        #[serde(flatten)]
        host: Shown<'a>,
        facts: Option<&'a serde_json::Value>,
    }
    context.answer(Whole { host: (&host).into(), facts: host.facts.as_ref() }, text);
    Ok(Exit::Done)
}

async fn remove(context: &Context, desk: &Desk, name: &HostName) -> Outcome {
    desk.inventory.host(name).map_err(Failure::from)?;
    let question = format!("Forget {name}, its address and tags? Nothing changes on it, and its history stays");
    context.agreed(&question).await?;
    desk.inventory.remove_host(name).map_err(Failure::from)?;
    context.answer(name, format!("{name} is forgotten here; nothing was changed on it."));
    Ok(Exit::Done)
}

fn edit(context: &Context, desk: &Desk, arguments: Edit) -> Outcome {
    let mut host = desk.inventory.host(&arguments.name).map_err(Failure::from)?;
    if let Some(typed) = &arguments.address {
        let place: Destination = typed.parse()?;
        host.address = place.address;
        host.user = place.user;
        host.port = place.port.unwrap_or(22);
    }
    if let Some(file) = &arguments.identity {
        host.login = Login::Usual;
        host.identity_file = Some(file.as_path()).filter(|file| !file.as_os_str().is_empty()).map(absolute);
    }
    if let Some(jump) = arguments.jump {
        host.jump = Some(jump).filter(|jump| !jump.is_empty());
    }
    if let Some(sudo) = arguments.sudo {
        host.sudo = sudo.into();
    }
    host.tags.extend(arguments.tags);
    host.tags.retain(|tag| !arguments.untags.contains(tag));
    // It must make sense before it is stored: a jump host that is not there, a broken configuration.
    desk.target(&host)?;
    desk.inventory.update_host(&host).map_err(Failure::from)?;
    if let Some(to) = arguments.rename {
        desk.inventory.rename_host(&host.name, &to).map_err(Failure::from)?;
        host.name = to;
    }
    context.answer(Shown::from(&host), format!("{} is now {}", host.name, visible(&address(&host))));
    Ok(Exit::Done)
}

async fn test(context: &Context, desk: &Desk, name: Option<HostName>) -> Outcome {
    let name = desk.choose_host(name.as_ref().or(context.global.host.as_ref()), None)?;
    let host = desk.inventory.host(&name).map_err(Failure::from)?;
    let began = std::time::Instant::now();
    context.connect(desk, &host, Steps::Shown).await?;
    let took = began.elapsed();
    #[derive(Serialize)]
    struct Tested<'a> {
        host: &'a HostName,
        connected_ms: u128,
    }
    let style = context.screen.style();
    let text =
        format!("{} {name} answers, and commands can be run as root ({}).", style.green("●"), words::duration(took));
    context.answer(Tested { host: &name, connected_ms: took.as_millis() }, text);
    Ok(Exit::Done)
}
