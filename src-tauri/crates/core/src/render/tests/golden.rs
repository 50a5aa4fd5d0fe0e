use super::*;

fn check(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn every_site_on_debian_12() {
    for (name, site) in all() {
        check(name, &review(&World::new(site).render()));
    }
}

// Section 2 of the requirements: every blueprint renders everywhere; the whole bundle is looked at once.
#[test]
fn every_blueprint() {
    for blueprint in crate::site::blueprint::list() {
        let site =
            crate::site::parse(blueprint.text).unwrap_or_else(|found| panic!("{}: {found:#?}", blueprint.name)).site;
        let site = serde_json::to_value(site).unwrap();
        for (_, platform) in platforms() {
            World::new(site.clone()).on(platform).render();
        }
        check(&format!("blueprint_{}", blueprint.name.replace('-', "_")), &review(&World::new(site).render()));
    }
}

/// What differs elsewhere: the whole text once, then only the lines that change.
#[test]
fn other_platforms_differ_by_these_lines() {
    for (name, site) in all() {
        let base = review(&World::new(site.clone()).render());
        let mut text = String::new();
        for (platform_name, platform) in platforms() {
            if platform_name == "debian12" {
                continue;
            }
            let other = review(&World::new(site.clone()).on(platform).render());
            let diff = similar::TextDiff::from_lines(&base, &other);
            text.push_str(&format!("##### {platform_name}\n{}", diff.unified_diff().context_radius(0)));
        }
        check(&format!("{name}_elsewhere"), &text);
    }
}

#[test]
fn gates() {
    let socket = World::new(flask_socketio());
    let port = World::new(nicegui());
    let worker = World::new(rag());
    let mut text = files(&render_gate(&socket.input(), &"web".parse().unwrap(), "20261121-1a2b3c", 42_000).unwrap());
    text.push_str(&files(&render_gate(&port.input(), &"web".parse().unwrap(), "20261121-1a2b3c", 9080).unwrap()));
    text.push_str(&files(&render_gate(&worker.input(), &"worker".parse().unwrap(), "20261121-1a2b3c", 0).unwrap()));
    check("gates", &text);
    assert!(render_gate(&socket.input(), &"web".parse().unwrap(), "../x", 1).is_err());
    assert!(render_gate(&socket.input(), &"nope".parse().unwrap(), "x", 1).is_err());
}

#[test]
fn units_of_a_site_with_two_port_sets() {
    let world = World::new(nicegui());
    let units = unit_set(&world.site, PortSet::B);
    let web = &units.processes[0];
    assert_eq!(web.instances.iter().map(|i| i.name.as_str()).collect::<Vec<_>>(), ["9080", "9081", "9082"]);
    assert_eq!(web.standby[0].service, "mbasic-web@8080.service");
    assert_eq!(web.socket_template, None);
    let units = unit_set(&World::new(node()).site, PortSet::B);
    assert_eq!(units.sockets().collect::<Vec<_>>(), ["chat-web@3000.socket", "chat-web@3001.socket"]);
    assert_eq!(units.services().collect::<Vec<_>>(), ["chat-web@3000.service", "chat-web@3001.service"]);
}
