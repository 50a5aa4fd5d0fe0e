# What `slipway apply` makes for the sample site on a host that has the packages, for pyinfra.
from pyinfra.operations import apt, files, server, systemd

apt.packages(packages=["nginx", "curl", "nftables", "python3", "python3-venv"])
server.user(user="parlour", system=True, home="/opt/parlour/cache", shell="/usr/sbin/nologin", create_home=False)
server.user(
    user="parlour-build", system=True, home="/opt/parlour/build", shell="/usr/sbin/nologin", create_home=False
)
for path, owner, group, mode in [
    ("/var/lib/slipway", "root", "root", "755"),
    ("/var/lib/slipway/parlour", "root", "root", "700"),
    ("/var/lib/slipway/acme", "root", "root", "755"),
    ("/etc/slipway", "root", "root", "755"),
    ("/etc/slipway/tls", "root", "root", "755"),
    ("/etc/slipway/tls/parlour", "root", "root", "700"),
    ("/opt/parlour", "root", "root", "755"),
    ("/opt/parlour/releases", "root", "root", "755"),
    ("/opt/parlour/envs", "root", "root", "755"),
    ("/opt/parlour/build", "root", "parlour-build", "750"),
    ("/opt/parlour/cache", "parlour", "parlour", "700"),
    ("/opt/parlour/shared", "root", "root", "755"),
    ("/opt/parlour/shared/data", "parlour", "parlour", "750"),
    ("/opt/parlour/shared/sessions", "parlour", "parlour", "700"),
    ("/etc/parlour", "root", "root", "755"),
]:
    files.directory(path=path, user=owner, group=group, mode=mode)
tls = "/etc/slipway/tls/parlour/"
server.shell(
    commands=[
        f"test -e {tls}fullchain.pem || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
        "-days 397 -subj /CN=parlour.test -addext subjectAltName=DNS:parlour.test "
        f"-keyout {tls}privkey.pem -out {tls}fullchain.pem"
    ]
)
written = [
    files.put(src="files" + path, dest=path, user="root", group=group, mode=mode)
    for path, group, mode in [
        ("/etc/systemd/system/parlour.target", "root", "644"),
        ("/etc/systemd/system/parlour-web@.socket", "root", "644"),
        ("/etc/systemd/system/parlour-web@.service", "root", "644"),
        ("/etc/systemd/system/parlour-guard.service", "root", "644"),
        ("/etc/parlour/guard.nft", "root", "644"),
        ("/etc/systemd/system/parlour-web.5000@.service", "root", "644"),
        ("/etc/systemd/system/parlour-web.5001@.service", "root", "644"),
        ("/etc/parlour/environment", "root", "600"),
        ("/etc/parlour/gunicorn-web.py", "parlour", "640"),
    ]
]
nginx = [
    files.put(src="files" + path, dest=path, user="root", group="root", mode="644")
    for path in [
        "/etc/nginx/conf.d/00-slipway-default-80.conf",
        "/etc/nginx/conf.d/00-slipway-default-443.conf",
        "/etc/nginx/conf.d/parlour.conf",
    ]
]
systemd.daemon_reload(_if=lambda: any(one.did_change() for one in written))
systemd.service(service="parlour.target", running=None, enabled=True)
systemd.service(service="parlour-guard", running=True, enabled=True)
server.shell(commands=["nginx -t"])
systemd.service(service="nginx", reloaded=True, _if=lambda: any(one.did_change() for one in nginx))
