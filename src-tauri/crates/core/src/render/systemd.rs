//! systemd units: target, slice, sockets, services, and the guard of ports.

use minijinja::{Value, context};

use super::Scope;
use super::filling::{Filling, Unknown, differs, has_own_file};
use super::input::PortSet;
use super::output::{Content, FileRole, GuardedPorts, PortGuard, RenderedFile, UnitSet};
use super::roots::{Of, Roots};
use super::template::{Grammar, encoded, raw};
use super::units::{ports, ready, socket_activated};
use crate::activation::Guard;
use crate::encode::CannotEncode;
use crate::encode::systemd::{Piece, assignment, exec_pieces, path as unit_path};
use crate::hardening;
use crate::site::{Hardening, Listen, Name, Process, Ready, RuntimeKind, StopSignal};

/// The names around a service unit.
pub(super) struct Around {
    pub(super) description: String,
    pub(super) identifier: String,
    pub(super) runtime_directory: String,
    /// The socket unit's name as written in the service, specifiers included.
    pub(super) socket: Option<String>,
    /// The units that it is part of, and its stage; none for a gate.
    pub(super) live: Option<Live>,
}

/// What a generation of an instance belongs to.
pub(super) struct Live {
    /// The site's target.
    pub(super) target: String,
    /// The instance's unit, which starts it.
    pub(super) starter: String,
}

/// All unit files of the site.
pub(super) fn files(scope: &Scope<'_>, units: &UnitSet, guard: Option<&PortGuard>) -> Vec<RenderedFile> {
    let site = scope.input.site;
    let mut files = vec![target(scope, units)];
    for (name, process) in &site.process {
        check_ports(scope, name, process);
        let stem = format!("{}-{name}", site.name);
        let has_socket = socket_activated(process);
        if has_socket {
            let description = format!("{} {name}, port %i", site.name);
            files.push(unit(format!("{stem}@.socket"), socket(scope, name, "%i", description, Some(&units.target))));
        }
        files.push(unit(format!("{stem}@.service"), starter(scope, name, process, units)));
        let both = units.processes.iter().filter(|of| &of.process == name);
        for instance in both.flat_map(|of| of.instances.iter().chain(&of.standby)) {
            let around = Around {
                description: format!("{}: {name}, instance {}, release %i", site.name, instance.name),
                identifier: stem.clone(),
                runtime_directory: format!("{}/{name}-{}-%i", site.name, instance.name),
                socket: instance.socket.clone(),
                live: Some(Live { target: units.target.clone(), starter: instance.service.clone() }),
            };
            let roots = Roots::generation(scope, &instance.name);
            let text = service(scope, name, process, &roots, &around);
            files.push(unit(format!("{}@.service", instance.slot), text));
        }
    }
    if let Some(guard) = guard {
        files.extend(guard_files(scope, units, guard));
    }
    files
}

fn check_ports(scope: &Scope<'_>, name: &Name, process: &Process) {
    let last = if process.listen == Listen::Port { PortSet::B } else { PortSet::A };
    if process.port.is_some() && ports(process, last).len() != process.instances as usize {
        scope.errors.field(
            format!("process.{name}.port"),
            "the ports of all instances (with listen = \"port\" of both sets) end at 65535",
        );
    }
}

fn unit(name: String, text: String) -> RenderedFile {
    RenderedFile {
        path: format!("/etc/systemd/system/{name}"),
        owner: "root".into(),
        group: "root".into(),
        mode: 0o644,
        content: Content::Text(text),
        role: FileRole::SystemdUnit,
    }
}

fn target(scope: &Scope<'_>, units: &UnitSet) -> RenderedFile {
    let name = "systemd/site.target";
    let site = raw(scope.input.site.name.as_str(), "name");
    let text = scope.engine.render(name, context! { site, template => name });
    unit(units.target.clone(), text)
}

/// The text of the unit that is an instance: it starts the generation of the live release.
fn starter(scope: &Scope<'_>, process: &Name, settings: &Process, units: &UnitSet) -> String {
    let site = scope.input.site;
    let stem = format!("{}-{process}", site.name);
    let name = "systemd/starter.service";
    let context = context! {
        site => raw(site.name.as_str(), "name"),
        template => name,
        description => encoded(format!("{}: {process}, instance %i", site.name), Grammar::Systemd),
        target => units.target.as_str(),
        socket => socket_activated(settings).then(|| encoded(format!("{stem}@%i.socket"), Grammar::Systemd)),
        guard => super::units::port_guard(site).filter(|_| settings.port.is_some()).map(|g| g.unit),
        current => scope.layout.current(),
        hardening => hardening::of_starter(scope.input.platform.systemd_version)
            .into_iter().map(|line| encoded(line, Grammar::Systemd)).collect::<Vec<_>>(),
        slot => encoded(format!("{stem}.%i"), Grammar::Systemd),
    };
    scope.engine.render(name, context)
}

/// The text of a socket unit; `port` and `description` are already in systemd's grammar.
pub(super) fn socket(
    scope: &Scope<'_>,
    process: &Name,
    port: &str,
    description: String,
    target: Option<&str>,
) -> String {
    let name = "systemd/process.socket";
    let context = context! {
        site => raw(scope.input.site.name.as_str(), "name"),
        template => name,
        process => raw(process.as_str(), format!("process.{process}")),
        description => encoded(description, Grammar::Systemd),
        port => encoded(port.to_owned(), Grammar::Systemd),
        target => target,
    };
    scope.engine.render(name, context)
}

/// The text of a service unit.
pub(super) fn service(
    scope: &Scope<'_>,
    process_name: &Name,
    process: &Process,
    roots: &Roots,
    around: &Around,
) -> String {
    let (site, platform) = (scope.input.site, scope.input.platform);
    let field = format!("process.{process_name}");
    let sd = |text: String| encoded(text, Grammar::Systemd);
    let gunicorn = process.gunicorn.as_ref();
    let graceful = gunicorn.map(|g| g.graceful_timeout.as_ref().map_or(30, crate::site::Span::seconds));
    let name = "systemd/process.service";
    let after: Vec<Value> = process
        .after
        .iter()
        .enumerate()
        .map(|(index, unit)| raw(unit.as_str(), format!("{field}.after[{index}]")))
        .collect();
    let context = context! {
        site => raw(site.name.as_str(), "name"),
        template => name,
        description => sd(around.description.clone()),
        target => around.live.as_ref().map(|live| live.target.as_str()),
        starter => around.live.as_ref().map(|live| live.starter.as_str()),
        socket => around.socket.clone().map(sd),
        after,
        kind => if ready(process) == Ready::Notify { sd("notify".into()) } else { sd("simple".into()) },
        notify => ready(process) == Ready::Notify,
        restart => around.live.is_some(),
        restart_steps => platform.systemd_version >= 254,
        slice => super::units::unit_set(site, scope.input.active_ports).slice,
        runtime_directory => sd(around.runtime_directory.clone()),
        working_directory => sd(format!("{}/code", roots.directory())),
        environment_files => environment_files(scope, process_name, process, roots).into_iter().map(sd).collect::<Vec<_>>(),
        configuration => match &roots.release {
            Of::Specifier => None,
            Of::Release(_) => Some(sd(format!("{}:{}", roots.config(&scope.layout.etc()), scope.layout.etc()))),
        },
        environment => own_variables(scope, process_name, process, roots).into_iter().map(sd).collect::<Vec<_>>(),
        exec => sd(command(scope, process_name, process, roots)),
        reload => gunicorn.is_some(),
        stop_signal => sd(format!("SIG{}", match process.stop_signal.unwrap_or(StopSignal::Term) {
            StopSignal::Term => "TERM",
            StopSignal::Int => "INT",
            StopSignal::Quit => "QUIT",
        })),
        start_timeout => process.start_timeout.as_ref().map_or(90, crate::site::Span::seconds),
        stop_timeout => process.stop_timeout.as_ref().map_or(graceful.unwrap_or(25).saturating_add(5), crate::site::Span::seconds),
        open_files => process.resources.open_files.unwrap_or(65_536),
        memory => process.resources.memory.as_ref().map(crate::site::Size::bytes),
        cpu_percent => process.resources.cpu_percent,
        tasks => process.resources.tasks,
        identifier => around.identifier.as_str(),
        hardening => hardening::directives(site.hardening, site.runtime.kind, platform.systemd_version)
            .into_iter().map(sd).collect::<Vec<_>>(),
        writable => writable(scope).into_iter().map(|path| raw(path, "name")).collect::<Vec<_>>(),
        outbound => site.access.outbound.iter().enumerate()
            .map(|(index, network)| raw(network.as_str(), format!("access.outbound[{index}]"))).collect::<Vec<_>>(),
    };
    scope.engine.render(name, context)
}

/// What the process may write under `ProtectSystem=strict`; nothing has to be said with minimal hardening.
fn writable(scope: &Scope<'_>) -> Vec<String> {
    let site = scope.input.site;
    if site.hardening == Hardening::Minimal {
        return Vec::new();
    }
    let logs = site.logs.directory.then(|| scope.layout.logs());
    std::iter::once(scope.layout.shared()).chain(logs).collect()
}

/// systemd reads them before the process gets its own view of the file system. The last says which release it is, also
/// where that runs under another name.
fn environment_files(scope: &Scope<'_>, name: &Name, process: &Process, roots: &Roots) -> Vec<String> {
    let mut files = vec![roots.config(&scope.layout.environment_file())];
    if has_own_file(process) {
        files.push(roots.config(&scope.layout.process_environment(name)));
    }
    files.push(format!("{}/config/.release", roots.directory()));
    files
}

/// Variables that every process has, and those of its own that differ between instances or releases. The
/// environment files come later and win.
fn own_variables(scope: &Scope<'_>, name: &Name, process: &Process, roots: &Roots) -> Vec<String> {
    let instance = &roots.instance;
    let directory = roots.directory();
    let stage = match &roots.release {
        Of::Specifier => "live",
        Of::Release(_) => "gate",
    };
    let mut list =
        vec![format!("INSTANCE={instance}"), format!("SLIPWAY_INSTANCE={instance}"), format!("SLIPWAY_STAGE={stage}")];
    if process.port.is_some() {
        list.push(format!("PORT={instance}"));
    }
    let system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    match scope.input.site.runtime.kind {
        RuntimeKind::Python => {
            list.push(format!("PATH={directory}/env/bin:{system}"));
            list.push("PYTHONUNBUFFERED=1".into());
            list.push("PYTHONDONTWRITEBYTECODE=1".into());
        }
        RuntimeKind::Node => {
            list.push(format!("PATH={directory}/code/node_modules/.bin:{system}"));
            list.push("NODE_ENV=production".into());
        }
        RuntimeKind::Static | RuntimeKind::Command => list.push(format!("PATH={system}")),
    }
    let filling = Filling::of(scope, process, roots);
    for (variable, value) in process.environment.iter().filter(|(_, value)| differs(value)) {
        let field = format!("process.{name}.environment.{variable}");
        if scope.input.site.environment.contains_key(variable) {
            scope
                .errors
                .field(&field, "a variable with {port}, {instance} or {release} cannot also be set for the whole site");
        }
        let assignment = filling.pieces(value, Unknown::Keep).and_then(|pieces| assignment(variable, &pieces));
        list.extend(scope.errors.note(&field, assignment));
    }
    list
}

/// The command line of ExecStart=.
fn command(scope: &Scope<'_>, name: &Name, process: &Process, roots: &Roots) -> String {
    let field = format!("process.{name}");
    let filling = Filling::of(scope, process, roots);
    let mut words: Vec<Result<String, (String, CannotEncode)>> = Vec::new();
    if let Some(gunicorn) = &process.gunicorn {
        let plain = |text: &str| exec_pieces(&[Piece::Text(text)]);
        let program: Vec<Piece<'_>> = roots.pieces().into_iter().chain([Piece::Text("/env/bin/gunicorn")]).collect();
        let here =
            |result: Result<String, CannotEncode>, part: &str| result.map_err(|e| (format!("{field}.{part}"), e));
        words.push(here(exec_pieces(&program), "gunicorn"));
        words.push(Ok("--config".into()));
        words.push(here(unit_path(&scope.layout.gunicorn(name)), "gunicorn"));
        words.push(here(plain(&gunicorn.app), "gunicorn.app"));
    } else if process.command.is_empty() {
        scope.errors.field(format!("{field}.command"), "a process has a command or gunicorn settings");
    } else {
        for (index, argument) in process.command.iter().enumerate() {
            let resolved;
            let text = if index == 0 {
                resolved = program(scope, argument);
                resolved.as_slice()
            } else {
                std::slice::from_ref(argument)
            };
            for word in text {
                let encoded = filling.pieces(word, Unknown::Refuse).and_then(|pieces| exec_pieces(&pieces));
                words.push(encoded.map_err(|error| (format!("{field}.command[{index}]"), error)));
            }
        }
    }
    let words: Vec<String> = words
        .into_iter()
        .filter_map(|word| word.map_err(|(field, error)| scope.errors.field(field, error.to_string())).ok())
        .collect();
    words.join(" ")
}

/// Where the program is: systemd wants an absolute path (before 248 it searched none of its own).
fn program(scope: &Scope<'_>, name: &str) -> Vec<String> {
    if ["/", "{release}/", "{shared}/"].iter().any(|start| name.starts_with(start)) {
        return vec![name.to_owned()];
    }
    if name.contains('/') {
        return vec![format!("{{release}}/code/{}", name.trim_start_matches("./"))];
    }
    match scope.input.site.runtime.kind {
        RuntimeKind::Python => vec![format!("{{release}}/env/bin/{name}")],
        RuntimeKind::Node if matches!(name, "node" | "npm" | "npx") => {
            vec![format!("{}/{name}", scope.input.platform.node_dir)]
        }
        RuntimeKind::Node => vec![format!("{{release}}/code/node_modules/.bin/{name}")],
        RuntimeKind::Static | RuntimeKind::Command => vec!["/usr/bin/env".into(), name.to_owned()],
    }
}

/// The rules that say who may reach `ports`, and where they lie.
///
/// IPAddressDeny= filters by peer in both directions, so it cannot let an application connect anywhere and
/// be reached from nowhere (systemd.resource-control(5)), and knows no users; a packet filter can, and does.
fn guard_rules(scope: &Scope<'_>, ports: &GuardedPorts) -> (String, String) {
    let site = raw(scope.input.site.name.as_str(), "name");
    let name = "nftables/guard.nft";
    let context = context! {
        site, template => name,
        nginx_user => raw(scope.input.platform.nginx_user.as_str(), "the host's user of nginx"),
        ports => ports.all.iter().copied().collect::<Vec<u16>>(),
        open => ports.open.iter().copied().collect::<Vec<u16>>(),
    };
    let rules = scope.engine.render(name, context);
    (format!("{}/guard.nft", scope.layout.etc()), rules)
}

/// Rules for `ports` in place of those that a release carries.
pub(super) fn guard(scope: &Scope<'_>, ports: &GuardedPorts, gates: &[u16]) -> Guard {
    let (path, lasting) = guard_rules(scope, ports);
    // Who opens the port of a gate makes no difference: it gets the rules of either.
    let mut all = ports.clone();
    all.all.extend(gates);
    all.open.extend(gates);
    let (_, rules) = guard_rules(scope, &all);
    let site = &scope.input.site.name;
    Guard { path, unit: crate::units::guard(site), rules, lasting, table: crate::units::guard_table(site) }
}

/// The unit that loads the rules, and the rules.
fn guard_files(scope: &Scope<'_>, units: &UnitSet, guard: &PortGuard) -> Vec<RenderedFile> {
    let site = raw(scope.input.site.name.as_str(), "name");
    let (rules_path, rules) = guard_rules(scope, &guard.ports);
    let name = "systemd/guard.service";
    let text = scope.engine.render(
        name,
        context! {
            site, template => name, rules => rules_path.as_str(), target => units.target.as_str(),
            nft => raw(scope.input.platform.nft.as_str(), "the host's path of nft"),
            table => encoded(crate::units::guard_table(&scope.input.site.name), Grammar::Systemd),
            hardening => hardening::of_guard(scope.input.platform.systemd_version)
                .into_iter().map(|line| encoded(line, Grammar::Systemd)).collect::<Vec<_>>(),
        },
    );
    let rules = RenderedFile {
        path: rules_path,
        owner: "root".into(),
        group: "root".into(),
        mode: 0o644,
        content: Content::Text(rules),
        role: FileRole::Firewall,
    };
    vec![rules, unit(guard.unit.clone(), text)]
}
