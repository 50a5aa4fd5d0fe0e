//! Every blueprint renders on every family of hosts, so that a new site is never stopped after its review of the file.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use slipway_core::render::{CertificatePaths, Platform, PortSet, RenderInput, render};
use slipway_core::secret::Secret;
use slipway_core::site::{blueprint, parse};

fn platform(nginx_version: (u32, u32, u32), systemd_version: u32, nginx_user: &str, log_group: &str) -> Platform {
    Platform {
        nginx_version,
        nginx_user: nginx_user.into(),
        nginx_conf_dir: "/etc/nginx/conf.d".into(),
        nginx_log_dir: "/var/log/nginx".into(),
        systemd_version,
        log_group: log_group.into(),
        nologin: "/usr/sbin/nologin".into(),
        node_dir: "/usr/bin".into(),
        nft: "/usr/sbin/nft".into(),
        ipv6: true,
    }
}

#[test]
fn every_blueprint_renders_on_old_and_new_hosts() {
    let platforms = [
        platform((1, 14, 1), 239, "nginx", "root"),
        platform((1, 22, 1), 252, "www-data", "adm"),
        platform((1, 26, 3), 257, "www-data", "adm"),
    ];
    for blueprint in blueprint::list() {
        let site = parse(blueprint.text).unwrap().site;
        let names = site.secret.keys().map(ToString::to_string).chain(site.secret_file.keys().map(ToString::to_string));
        let secrets: BTreeMap<String, Secret> = names.map(|name| (name, Secret::new(*b"a value"))).collect();
        let salts = site.access.basic.keys().map(|user| (user.clone(), "saltstring".to_owned())).collect();
        for platform in &platforms {
            let input = RenderInput {
                site: &site,
                platform,
                secrets: &secrets,
                overrides: &BTreeMap::new(),
                htpasswd_salts: &salts,
                fingerprint_key: &Secret::new(*b"fingerprint key of the tests"),
                certificate: CertificatePaths::slipway(&site.name),
                active_ports: PortSet::A,
            };
            let rendered = render(&input).unwrap_or_else(|errors| panic!("{}: {errors:#?}", blueprint.name));
            assert!(!rendered.files.is_empty(), "{}", blueprint.name);
        }
    }
}

#[test]
fn blueprints_are_no_templates() {
    let names = slipway_core::render::template_names();
    assert!(names.iter().all(|name| !name.starts_with("blueprints/") && !name.ends_with(".json")), "{names:?}");
}
